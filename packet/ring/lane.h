/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lane of XINET_RX_RING: where one CPU writes what a socket receives. The
 * ring's memory and options are in lanes.c, its readers in lane_readers.c.
 */
#ifndef _XINET_PACKET_LANE_H
#define _XINET_PACKET_LANE_H

#include <linux/hrtimer.h>
#include <linux/types.h>

#include "packet/tap/tap.h"

struct sk_buff;
struct sock;
struct xinet_lanes;

/**
 * struct xinet_lane - the kernel's state of a lane
 * @lanes: the ring
 * @data: memory of the lane, contiguous for the kernel
 * @shared: state that readers map
 * @head: bytes ever written
 * @tail: position of the oldest whole record
 * @reported: head at the last wakeup; poll() reads it on any CPU
 * @flushed: head at the last XINET_RX_RING_FLUSH; never decreases: @lanes->lock
 * @packets: records ever written
 * @drops: packets dropped for lack of space
 * @frozen: packets that came while the ring was frozen
 * @unreported: records since @reported
 * @writing: 1: claimed; a packet that comes meanwhile is dropped
 * @armed: @timer runs
 * @timer: wakes readers, xinet_rx_ring_req.wake_usec after the first of @unreported
 *
 * Only the lane's CPU writes it, BH disabled, except @flushed; @timer also writes
 * @reported on another CPU after the lane's went offline.
 */
struct xinet_lane {
	struct xinet_lanes *lanes;
	u8 *data;
	struct xinet_rx_lane *shared;
	u64 head;
	u64 tail;
	u64 reported;
	u64 flushed;
	u64 packets;
	u64 drops;
	u64 frozen;
	u32 unreported;
	u32 writing;
	bool armed;
	struct hrtimer timer;
};

/**
 * xinet_lane_setup() - prepare an empty lane
 * @lane: with @lanes, @data and @shared set
 */
void xinet_lane_setup(struct xinet_lane *lane);

/**
 * xinet_lane_shutdown() - cancel the timer of a lane and wait for it
 * @lane: without a writer
 *
 * Context: process.
 */
void xinet_lane_shutdown(struct xinet_lane *lane);

/**
 * xinet_lane_deliver() - xinet_tap_deliver_t of an XINET_RX_RING
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: accepted packet
 * @frame: as the tap fills it in
 *
 * Another CPU may still be writing a packet of the previous binding when bind()
 * returns.
 */
void xinet_lane_deliver(struct xinet_tap_sink *sink,
			const struct xinet_tap_receiver *receiver,
			struct sk_buff *skb,
			const struct xinet_tap_frame *frame);

/**
 * xinet_lane_deliver_told() - xinet_lane_deliver() of a socket that xinet_wants_told()
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: accepted packet
 * @frame: as the tap fills it in
 */
void xinet_lane_deliver_told(struct xinet_tap_sink *sink,
			     const struct xinet_tap_receiver *receiver,
			     struct sk_buff *skb,
			     const struct xinet_tap_frame *frame);

/**
 * xinet_lane_deliver_owner() - xinet_lane_deliver_told() of one that is told the owner alone
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: accepted packet
 * @frame: as the tap fills it in
 */
void xinet_lane_deliver_owner(struct xinet_tap_sink *sink,
			      const struct xinet_tap_receiver *receiver,
			      struct sk_buff *skb,
			      const struct xinet_tap_frame *frame);

/**
 * xinet_lane_deliver_aside() - xinet_tap_aside_t of an XINET_RX_RING
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: accepted packet
 * @frame: as the tap fills it in
 * @aside: what is told of it
 */
void xinet_lane_deliver_aside(struct xinet_tap_sink *sink,
			      const struct xinet_tap_receiver *receiver,
			      struct sk_buff *skb,
			      const struct xinet_tap_frame *frame,
			      const struct xinet_aside *aside);

/**
 * xinet_lane_fast() - xinet_tap_fast_t of an XINET_RX_RING
 * @sink: of the socket: link-level mode, no hardware timestamps, no
 *	PACKET_ORIGDEV
 * @receiver: of the ring
 * @skb: any packet
 * @source: as in struct xinet_tap_frame
 * @orig_dev: unused
 *
 * Return: false if the packet must take the slow path: it is not plain, its
 * place needs a pad or holds old records, or the ring is frozen or rebound.
 */
bool xinet_lane_fast(struct xinet_tap_sink *sink,
		     const struct xinet_tap_receiver *receiver,
		     struct sk_buff *skb, const void *source,
		     const struct net_device *orig_dev);

/**
 * xinet_lane_fast_netns() - xinet_lane_fast() of a socket that is told the namespace
 * @sink: as there; it is told nothing else
 * @receiver: as there
 * @skb: as there
 * @source: as there
 * @orig_dev: as there
 *
 * Return: as there.
 */
bool xinet_lane_fast_netns(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb, const void *source,
			   const struct net_device *orig_dev);

/**
 * xinet_lane_fast_owner() - xinet_lane_fast() of a socket that is told the owner
 * @sink: as there; it is told nothing else
 * @receiver: as there
 * @skb: as there
 * @source: as there
 * @orig_dev: as there
 *
 * Return: as there.
 */
bool xinet_lane_fast_owner(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb, const void *source,
			   const struct net_device *orig_dev);

/**
 * xinet_lane_room() - xinet_tap_room_t of an XINET_RX_RING
 * @receiver: of the ring
 * @sk: the socket
 * @skb: the packet, or NULL
 *
 * Return: free space in the lane of this CPU; without @skb always enough.
 */
enum xinet_tap_room
xinet_lane_room(const struct xinet_tap_receiver *receiver,
		const struct sock *sk, const struct sk_buff *skb);

#endif /* _XINET_PACKET_LANE_H */
