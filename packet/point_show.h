/* SPDX-License-Identifier: GPL-2.0-only */
/* What sockets are shown of a packet at a point (XINET_PACKET_POINT). */
#ifndef _XINET_PACKET_POINT_SHOW_H
#define _XINET_PACKET_POINT_SHOW_H

#include <linux/types.h>

#include "packet/packet_id.h"
#include "packet/tap/sink.h"

struct net;
struct net_device;
struct sk_buff;
struct sock;
struct xinet_packet_net;

/* Where the data of a packet begins at a point. */
enum xinet_point_data {
	XINET_POINT_AT_NETWORK, /* the network header; the packet is the caller's alone */
	XINET_POINT_AT_LINK, /* the link-level header, which it goes out with */
	XINET_POINT_PULLED /* anywhere behind its headers */
};

/**
 * struct xinet_point_place - a packet at a point
 * @point: XINET_POINT_*
 * @stage: the same for its number
 * @data: where it begins
 * @in: the device that it came by, or NULL
 * @out: the one that it goes by, or NULL
 * @dev: one of them, which it is shown with
 * @net: the namespace; of a device that has gone, dev_net() is another
 * @outgoing: it goes out
 * @owner: whose it is
 * @sock: who sends it or has it, or NULL
 * @process: as in struct xinet_aside
 */
struct xinet_point_place {
	u32 point;
	enum xinet_packet_stage stage;
	enum xinet_point_data data;
	const struct net_device *in;
	const struct net_device *out;
	struct net_device *dev;
	const struct net *net;
	bool outgoing;
	enum xinet_aside_owner owner;
	struct sock *sock;
	bool process;
};

/**
 * xinet_point_see() - number a packet, and show it to those who want it
 * @pn: the packet sockets of the namespace
 * @skb: the packet; as it was when it returns
 * @place: where it is; not XINET_POINT_DELIVERED
 *
 * Every socket with the point among its stages numbers it.
 *
 * Context: process or softirq, no hard interrupt; RCU.
 */
void xinet_point_see(const struct xinet_packet_net *pn, struct sk_buff *skb,
		     const struct xinet_point_place *place);

/**
 * xinet_point_see_delivered() - show a packet that a program reads
 * @net: the namespace of the program, which runs
 * @skb: what a socket had queued; read-only
 * @sock: that socket, or NULL if that is not known
 *
 * Those are shown it that have numbered it at XINET_STAGE_LOCAL_IN.
 *
 * Context: process.
 */
void xinet_point_see_delivered(struct net *net, struct sk_buff *skb,
			       struct sock *sock);

#endif /* _XINET_PACKET_POINT_SHOW_H */
