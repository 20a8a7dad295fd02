// SPDX-License-Identifier: GPL-2.0-only
/*
 * PACKET_RX_RING: makes a ring a receiver, with the functions of tpacket.c (V1
 * and V2) or tpacket_v3.c, and reports for both how full the ring is. Called by
 * options.c and, through the receiver's functions, by taps and poll().
 */
#include <linux/if_packet.h>
#include <linux/poll.h>
#include <linux/sockptr.h>
#include <net/sock.h>

#include "packet/ring/ring.h"
#include "packet/ring/rx_ring.h"
#include "packet/ring/tpacket.h"
#include "packet/ring/tpacket_v3.h"
#include "packet/sock.h"
#include "packet/tap/sink.h"
#include "packet/told.h"

/* As in AF_PACKET, only the newest frame or block counts. */
static bool rx_ring_is_readable(const struct xinet_tap_receiver *receiver)
{
	const struct xinet_ring *ring = xinet_ring_of(receiver);
	u32 last;

	last = (ring->head ?: ring->nr_frames) - 1;
	return xinet_ring_status(ring->version,
				 xinet_ring_frame(ring, last)) !=
	       TP_STATUS_KERNEL;
}

/* Whether frame or block @ahead of the head is the kernel's. */
static bool rx_ring_is_free(const struct xinet_ring *ring, bool v3, u32 ahead)
{
	u32 nr = v3 ? ring->nr_blocks : ring->nr_frames;
	u64 index = (u64)(v3 ? ring->v3.active : ring->head) + ahead;

	if (index >= nr)
		index -= nr;
	if (v3)
		return xinet_v3_is_free(ring, index);
	return xinet_ring_status(ring->version,
				 xinet_ring_frame(ring, index)) ==
	       TP_STATUS_KERNEL;
}

/* xinet_tap_room_t: counts frames or, in V3, blocks. */
static enum xinet_tap_room
rx_ring_room(const struct xinet_tap_receiver *receiver, const struct sock *sk,
	     const struct sk_buff *skb)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	enum xinet_tap_room room = XINET_TAP_ROOM_NONE;
	const struct xinet_ring *ring = xinet_ring_of(receiver);
	bool v3;
	u32 nr;

	spin_lock(&po->sk.sk_receive_queue.lock);
	/* once replaced, the ring's blocks may be freed */
	if (!xinet_tap_sink_has(&po->sink, receiver))
		goto out_unlock;
	v3 = ring->version == TPACKET_V3;
	nr = v3 ? ring->nr_blocks : ring->nr_frames;
	if (rx_ring_is_free(ring, v3, nr >> XINET_TAP_ROOM_LOW_SHIFT))
		room = XINET_TAP_ROOM_NORMAL;
	else if (rx_ring_is_free(ring, v3, 0))
		room = XINET_TAP_ROOM_LOW;
out_unlock:
	spin_unlock(&po->sk.sk_receive_queue.lock);
	return room;
}

static const struct xinet_receiver_ops tpacket_ops = {
	.deliver = xinet_tpacket_deliver,
	.fast = xinet_tpacket_fast,
	.room = rx_ring_room,
	.readable = rx_ring_is_readable,
};

static const struct xinet_receiver_ops v3_ops = {
	.deliver = xinet_v3_deliver,
	.fast = xinet_v3_fast,
	.room = rx_ring_room,
	.settle = xinet_v3_receiver_settle,
	.readable = xinet_v3_is_readable,
	.release = xinet_v3_release,
};

static void rx_ring_store_told(struct xinet_tap_sink *sink,
			       const struct xinet_tap_receiver *receiver,
			       struct sk_buff *skb,
			       const struct xinet_tap_frame *frame,
			       const struct xinet_told *told)
{
	if (xinet_ring_of(receiver)->version == TPACKET_V3)
		xinet_v3_deliver_told(sink, receiver, skb, frame, told);
	else
		xinet_tpacket_deliver_told(sink, receiver, skb, frame, told);
}

/* xinet_tap_deliver_t; for the owner a look-up, once for all sinks. */
static void rx_ring_deliver_told(struct xinet_tap_sink *sink,
				 const struct xinet_tap_receiver *receiver,
				 struct sk_buff *skb,
				 const struct xinet_tap_frame *frame)
{
	struct xinet_told_room room xinet_uninitialized;
	struct xinet_told told xinet_uninitialized;

	if (xinet_tell(xinet_packet_sk(sink->sk), skb, frame, &room, &told))
		rx_ring_store_told(sink, receiver, skb, frame, &told);
}

/* xinet_tap_aside_t */
static void rx_ring_deliver_aside(struct xinet_tap_sink *sink,
				  const struct xinet_tap_receiver *receiver,
				  struct sk_buff *skb,
				  const struct xinet_tap_frame *frame,
				  const struct xinet_aside *aside)
{
	struct xinet_told_room room xinet_uninitialized;
	struct xinet_told told xinet_uninitialized;

	if (xinet_tell_aside(xinet_packet_sk(sink->sk), skb, aside, &room,
			     &told))
		rx_ring_store_told(sink, receiver, skb, frame, &told);
}

static const struct xinet_receiver_ops tpacket_told_ops = {
	.deliver = rx_ring_deliver_told,
	.aside = rx_ring_deliver_aside,
	.room = rx_ring_room,
	.readable = rx_ring_is_readable,
};

static const struct xinet_receiver_ops v3_told_ops = {
	.deliver = rx_ring_deliver_told,
	.aside = rx_ring_deliver_aside,
	.room = rx_ring_room,
	.settle = xinet_v3_receiver_settle,
	.readable = xinet_v3_is_readable,
	.release = xinet_v3_release,
};

/* Sets the receiver's functions and the offsets that per-packet code uses. */
static void rx_ring_setup(struct xinet_packet_sock *po,
			  struct xinet_ring *ring)
{
	/* the least space in front of the network header */
	const u32 min_maclen = 16;

	ring->vnet_hdr_sz = po->vnet_hdr_sz;
	ring->sll_offset = ring->hdrlen - sizeof(struct sockaddr_ll);
	ring->net_offset = TPACKET_ALIGN(ring->hdrlen + min_maclen) +
			   ring->reserve + ring->vnet_hdr_sz;
	if (xinet_told_max_size(po) && xinet_told_has_reserve(po))
		ring->told_offset = TPACKET_ALIGN(ring->hdrlen);
	ring->receiver.plain = ring->version != TPACKET_V1 &&
			       !ring->vnet_hdr_sz && !ring->told_offset &&
			       ring->net_offset <= U16_MAX;
	ring->receiver.ops = ring->told_offset ? &tpacket_told_ops :
						 &tpacket_ops;
	if (ring->version == TPACKET_V3) {
		ring->receiver.ops = ring->told_offset ? &v3_told_ops : &v3_ops;
		xinet_v3_setup(po, ring);
	}
}

int xinet_rx_ring_setsockopt(struct xinet_packet_sock *po, sockptr_t optval,
			     unsigned int optlen)
{
	return xinet_ring_setsockopt(po, false, optval, optlen, rx_ring_setup);
}
