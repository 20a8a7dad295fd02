/* SPDX-License-Identifier: GPL-2.0-only */
/* XINET_PACKET_DROPS: packets that the kernel drops, for packet sockets. */
#ifndef _XINET_PACKET_DROPPED_H
#define _XINET_PACKET_DROPPED_H

#include <linux/sockptr.h>
#include <linux/types.h>

struct xinet_packet_sock;

/**
 * struct xinet_dropped_watch - what dropped packets a socket gets
 * @node: among those of its namespace, or of the host; RCU
 * @po: the socket
 * @flags: XINET_DROPS_*
 * @places: its program may know where packets are dropped
 *
 * Constant once it is in a list; lives as long as the socket.
 */
struct xinet_dropped_watch {
	struct hlist_node node;
	struct xinet_packet_sock *po;
	u32 flags;
	bool places;
};

/* The watches of XINET_DROPS_HOST; RCU. Those of a namespace are in its xinet_packet_net. */
extern struct hlist_head xinet_dropped_host_watches;

/**
 * xinet_dropped_get_probe() - have the kernel tell what it drops
 *
 * Context: process.
 * Return: 0, or a negative errno: EOPNOTSUPP where it cannot be told.
 */
int xinet_dropped_get_probe(void);

/**
 * xinet_dropped_put_probe() - undo xinet_dropped_get_probe()
 *
 * Context: process.
 */
void xinet_dropped_put_probe(void);

/**
 * xinet_dropped_setsockopt() - XINET_PACKET_DROPS
 * @po: the socket
 * @optval: the value
 * @optlen: its length
 *
 * Context: process, no locks held.
 * Return: 0 or a negative errno.
 */
int xinet_dropped_setsockopt(struct xinet_packet_sock *po, sockptr_t optval,
			     unsigned int optlen);

/**
 * xinet_dropped_flags() - getsockopt() of XINET_PACKET_DROPS
 * @po: the socket
 *
 * Return: XINET_DROPS_*.
 */
u32 xinet_dropped_flags(const struct xinet_packet_sock *po);

/**
 * xinet_dropped_release() - end the delivery of dropped packets
 * @po: the socket, which is being closed
 *
 * One that is being delivered may still come, as through a tap.
 *
 * Context: process, no locks held.
 */
void xinet_dropped_release(struct xinet_packet_sock *po);

/**
 * xinet_dropped_init() - prepare for dropped packets
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int xinet_dropped_init(void);

/**
 * xinet_dropped_exit() - undo xinet_dropped_init()
 *
 * Context: module exit, no socket left.
 */
void xinet_dropped_exit(void);

#endif /* _XINET_PACKET_DROPPED_H */
