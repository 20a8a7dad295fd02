/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the reader of a packet socket is told about a packet beyond what AF_PACKET
 * tells: its owner, its network namespace, why the kernel dropped it, what was done
 * to show it as on the wire, where on its way it was seen, by which queue it comes.
 */
#ifndef _XINET_PACKET_TOLD_H
#define _XINET_PACKET_TOLD_H

#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/xinet.h>

#include "packet/sock.h"

struct net_device;
struct sk_buff;
struct xinet_aside;
struct xinet_tap_frame;

/**
 * struct xinet_told - what is told about a packet; NULL: not that
 * @owner: XINET_PACKET_OWNER
 * @dropped: XINET_PACKET_DROPS, of a dropped packet
 * @netns: XINET_PACKET_ALL_NETNS
 * @original: XINET_PACKET_ORIGINAL, of a packet that passes
 * @point: XINET_PACKET_POINT, but of a dropped packet
 * @queue: XINET_PACKET_QUEUE, where it is known
 */
struct xinet_told {
	const struct xinet_owner *owner;
	const struct xinet_dropped *dropped;
	const struct xinet_netns *netns;
	const struct xinet_original *original;
	const struct xinet_point *point;
	const struct xinet_queue *queue;
};

/**
 * struct xinet_told_room - what a struct xinet_told may point to
 * @owner: room for @owner
 * @netns: room for @netns
 * @point: room for @point
 * @queue: room for @queue
 */
struct xinet_told_room {
	struct xinet_owner owner;
	struct xinet_netns netns;
	struct xinet_point point;
	struct xinet_queue queue;
};

/**
 * xinet_wants_told() - whether a socket is told anything about what passes
 * @po: the socket
 *
 * Context: process, socket lock and bind_lock held; or while it receives, when it
 * is constant.
 */
static inline bool xinet_wants_told(const struct xinet_packet_sock *po)
{
	return po->owner || po->all_netns || po->sink.original || po->point ||
	       po->dev_queue;
}

/**
 * xinet_told_max_size() - most bytes that a socket may be told with a packet
 * @po: the socket, while it receives or its socket lock is held, so that it is
 *	constant
 */
static inline u32 xinet_told_max_size(const struct xinet_packet_sock *po)
{
	return (po->owner ? sizeof(struct xinet_owner) : 0) +
	       (po->dropped ? sizeof(struct xinet_dropped) : 0) +
	       (po->all_netns ? sizeof(struct xinet_netns) : 0) +
	       (po->sink.original ? sizeof(struct xinet_original) : 0) +
	       (po->point ? sizeof(struct xinet_point) : 0) +
	       (po->dev_queue ? sizeof(struct xinet_queue) : 0);
}

/**
 * xinet_told_has_reserve() - whether frames of a new receive ring have room for it
 * @po: the socket
 *
 * Context: process, socket lock.
 */
static inline bool xinet_told_has_reserve(const struct xinet_packet_sock *po)
{
	return po->tp_reserve >= XINET_TOLD_RESERVE(xinet_told_max_size(po));
}

/**
 * xinet_told_size() - bytes that it takes to tell
 * @told: what; a constant NULL costs nothing
 */
static __always_inline u32 xinet_told_size(struct xinet_told told)
{
	return (told.owner ? sizeof(*told.owner) : 0) +
	       (told.dropped ? sizeof(*told.dropped) : 0) +
	       (told.netns ? sizeof(*told.netns) : 0) +
	       (told.original ? sizeof(*told.original) : 0) +
	       (told.point ? sizeof(*told.point) : 0) +
	       (told.queue ? sizeof(*told.queue) : 0);
}

/**
 * xinet_told_copy() - write down what is told, in the order of XINET_RX_*
 * @told: what
 * @to: xinet_told_size() bytes
 *
 * Return: XINET_RX_* of what is there.
 */
static __always_inline u32 xinet_told_copy(struct xinet_told told, void *to)
{
	u32 which = 0;

	if (told.owner) {
		which |= XINET_RX_OWNER;
		memcpy(to, told.owner, sizeof(*told.owner));
		to += sizeof(*told.owner);
	}
	if (told.dropped) {
		which |= XINET_RX_DROPPED;
		memcpy(to, told.dropped, sizeof(*told.dropped));
		to += sizeof(*told.dropped);
	}
	if (told.netns) {
		which |= XINET_RX_NETNS;
		memcpy(to, told.netns, sizeof(*told.netns));
		to += sizeof(*told.netns);
	}
	if (told.original) {
		which |= XINET_RX_ORIGINAL;
		memcpy(to, told.original, sizeof(*told.original));
		to += sizeof(*told.original);
	}
	if (told.point) {
		which |= XINET_RX_POINT;
		memcpy(to, told.point, sizeof(*told.point));
		to += sizeof(*told.point);
	}
	if (told.queue) {
		which |= XINET_RX_QUEUE;
		memcpy(to, told.queue, sizeof(*told.queue));
	}
	return which;
}

/**
 * xinet_tell_netns() - where a packet is seen that passes
 * @dev: the device whose index the reader gets
 * @netns: filled in
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_tell_netns(const struct net_device *dev, struct xinet_netns *netns);

/**
 * xinet_tell() - what a socket is told about a packet that passes
 * @po: the socket
 * @skb: as passed to its receiver
 * @frame: as passed there
 * @room: for what @told points to
 * @told: filled in
 *
 * Context: softirq, or BH disabled; RCU.
 * Return: false if the socket does not want packets of this owner.
 */
bool xinet_tell(const struct xinet_packet_sock *po, const struct sk_buff *skb,
		const struct xinet_tap_frame *frame,
		struct xinet_told_room *room, struct xinet_told *told);

/**
 * xinet_tell_aside() - what a socket is told about a packet that comes beside the taps
 * @po: the socket
 * @skb: as passed to its receiver
 * @aside: as passed there
 * @room: for what @told points to
 * @told: filled in
 *
 * Context: as xinet_tell().
 * Return: as there.
 */
bool xinet_tell_aside(const struct xinet_packet_sock *po,
		      const struct sk_buff *skb,
		      const struct xinet_aside *aside,
		      struct xinet_told_room *room, struct xinet_told *told);

#endif /* _XINET_PACKET_TOLD_H */
