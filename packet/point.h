/* SPDX-License-Identifier: GPL-2.0-only */
/* XINET_PACKET_POINT: where on its way through the host a packet is seen. */
#ifndef _XINET_PACKET_POINT_H
#define _XINET_PACKET_POINT_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/sockptr.h>
#include <linux/types.h>

struct xinet_packet_ids;
struct xinet_packet_sock;

/**
 * struct xinet_point_watch - the points of a socket
 * @node: among those of its namespace; RCU
 * @po: the socket
 * @points: XINET_POINT_*
 * @stages: those, and others where it numbers packets to know them again
 * @ids: the numbers of its packets
 *
 * Constant, but for @ids, once it is in a list; lives as long as the socket.
 */
struct xinet_point_watch {
	struct hlist_node node;
	struct xinet_packet_sock *po;
	u32 points;
	u32 stages;
	struct xinet_packet_ids *ids;
};

/**
 * struct xinet_point_watches - the points of some sockets
 * @list: struct xinet_point_watch; RCU
 * @nr: how many
 * @stages: XINET_POINT_* of the stages of all of them
 */
struct xinet_point_watches {
	struct hlist_head list;
	unsigned int nr;
	u32 stages;
};

/* Those of sockets of all namespaces; changes under a lock of point.c. */
extern struct xinet_point_watches xinet_point_host;

/**
 * xinet_point_is_stage() - whether a socket sees, or numbers, packets at a point
 * @near: the sockets of the packet's namespace
 * @point: XINET_POINT_*
 *
 * Context: any.
 */
static inline bool
xinet_point_is_stage(const struct xinet_point_watches *near, u32 point)
{
	return (READ_ONCE(near->stages) | READ_ONCE(xinet_point_host.stages)) &
	       point;
}

/**
 * xinet_point_setsockopt() - XINET_PACKET_POINT
 * @po: the socket
 * @optval: the value
 * @optlen: its length
 *
 * Context: process, no locks held.
 * Return: 0 or a negative errno.
 */
int xinet_point_setsockopt(struct xinet_packet_sock *po, sockptr_t optval,
			   unsigned int optlen);

/**
 * xinet_points() - getsockopt() of XINET_PACKET_POINT
 * @po: the socket
 *
 * Return: XINET_POINT_*.
 */
u32 xinet_points(const struct xinet_packet_sock *po);

/**
 * xinet_point_ids() - the numbers of the packets of a socket
 * @po: the socket
 *
 * Context: any.
 * Return: NULL: it has no points.
 */
struct xinet_packet_ids *xinet_point_ids(const struct xinet_packet_sock *po);

/**
 * xinet_point_release() - end the delivery from other points than the tap
 * @po: the socket, which is being closed
 *
 * What is being delivered may still come, as through a tap.
 *
 * Context: process, no locks held.
 */
void xinet_point_release(struct xinet_packet_sock *po);

/**
 * xinet_point_free() - free what xinet_point_setsockopt() has made
 * @watch: of a socket that no packet can come to any more; or NULL
 *
 * Context: process or softirq.
 */
void xinet_point_free(struct xinet_point_watch *watch);

/**
 * xinet_point_init() - prepare the namespaces
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int xinet_point_init(void);

/**
 * xinet_point_exit() - undo xinet_point_init()
 *
 * Context: module exit, no socket left.
 */
void xinet_point_exit(void);

#endif /* _XINET_PACKET_POINT_H */
