/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lane of XINET_RX_RING: where one CPU writes what a socket receives. The
 * memory, the readers and the options of the ring are in lanes.c.
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
 * struct xinet_lane - what the kernel knows of a lane
 * @lanes: whose lane it is
 * @data: its memory, in one piece for the kernel
 * @shared: what readers are told
 * @head: bytes ever written
 * @tail: position of the oldest record that is whole
 * @told: head when readers were woken last; poll() asks from any CPU
 * @flushed: head at the last XINET_RX_RING_FLUSH; changes under the ring's lock,
 *	which keeps it from going back
 * @packets: records ever written
 * @drops: packets for which there was no room
 * @frozen: packets that came while the ring was frozen
 * @untold: records since @told
 * @writing: 1: somebody is at it; a packet that comes in between, on a
 *	kernel where BH disabled does not exclude it, is dropped
 * @armed: @timer runs
 * @timer: wakes readers, xinet_rx_ring_req.wake_usec after the first of @untold
 *
 * Written by its CPU alone, BH disabled, but for @flushed.
 */
struct xinet_lane {
	struct xinet_lanes *lanes;
	u8 *data;
	struct xinet_rx_lane *shared;
	u64 head;
	u64 tail;
	u64 told;
	u64 flushed;
	u64 packets;
	u64 drops;
	u64 frozen;
	u32 untold;
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
 * xinet_lane_shutdown() - wait for the timer of a lane, which ends
 * @lane: nobody writes to it any more
 *
 * Context: process.
 */
void xinet_lane_shutdown(struct xinet_lane *lane);

/**
 * xinet_lane_deliver() - xinet_tap_deliver_t of a socket with such a ring
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: accepted packet
 * @frame: what came with it
 *
 * Another CPU that is writing a packet when the socket is bound elsewhere may
 * still be doing so when bind() returns.
 */
void xinet_lane_deliver(struct xinet_tap_sink *sink,
			const struct xinet_tap_receiver *receiver,
			struct sk_buff *skb,
			const struct xinet_tap_frame *frame);

/**
 * xinet_lane_fast() - xinet_tap_fast_t of a socket with such a ring
 * @sink: of the socket, in link-level mode, which asks for no stamps of the
 *	device and no PACKET_ORIGDEV
 * @receiver: of the ring
 * @skb: any packet
 * @source: whom it comes from
 * @orig_dev: not looked at
 *
 * Return: false when it is to take the slow path: it is not plain, or in its
 * place is a pad or something that must be given up first.
 */
bool xinet_lane_fast(struct xinet_tap_sink *sink,
		     const struct xinet_tap_receiver *receiver,
		     struct sk_buff *skb, const void *source,
		     const struct net_device *orig_dev);

/**
 * xinet_lane_room() - xinet_tap_room_t of a socket with such a ring
 * @receiver: of the ring
 * @sk: the socket
 * @skb: the packet, or NULL
 *
 * Return: what is free in the lane of this CPU; without @skb enough.
 */
enum xinet_tap_room
xinet_lane_room(const struct xinet_tap_receiver *receiver,
		const struct sock *sk, const struct sk_buff *skb);

#endif /* _XINET_PACKET_LANE_H */
