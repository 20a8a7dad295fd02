// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive rings with frames of fixed size: TPACKET_V1 and V2. A tap calls it
 * per packet; the program takes packets out of its mapping. ring_frame.c draws
 * a frame.
 *
 * The owner of a frame:
 *
 *                 packet: written, then status |= TP_STATUS_USER (release)
 *   +----------+ ----------------------------------------------> +-----------+
 *   | kernel's |                                                 | program's |
 *   +----------+ <---------------------------------------------- +-----------+
 *      status == TP_STATUS_KERNEL, found when the head comes by (acquire)
 *
 * The head never passes a frame that the program owns: the packet is dropped.
 *
 * The packet is copied under sk_receive_queue.lock. AF_PACKET copies outside of
 * it, and takes the lock again to hand the frame over. A copy holds the lock no
 * longer than that second round costs, except for packets of many kilobytes; it
 * needs no record of writers, and hands frames over in the order of the head.
 * Several CPUs that receive into one ring contend for its lock in either
 * design; a ring for each, in a fanout group, avoids that. A packet has the
 * same time in all rings; in the second ring packets of another CPU may have
 * overtaken it.
 *
 * Most packets take the fast path, see fast_path.h.
 */
#include <linux/if_packet.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/fast_path.h"
#include "packet/frame_info.h"
#include "packet/queue.h"
#include "packet/ring/ring.h"
#include "packet/ring/ring_frame.h"
#include "packet/ring/tpacket.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"
#include "packet/told.h"

/* Offset of the struct sockaddr_ll in a frame of V2. */
#define V2_SLL_OFFSET	(TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))

static void tpacket_fill_v1(struct tpacket_hdr *h, const struct sk_buff *skb,
			    const struct xinet_ring_place *place,
			    const struct timespec64 *ts)
{
	h->tp_len = skb->len;
	h->tp_snaplen = place->snaplen;
	h->tp_mac = place->mac;
	h->tp_net = place->net;
	h->tp_sec = ts->tv_sec;
	h->tp_usec = ts->tv_nsec / NSEC_PER_USEC;
}

/* Returns the status bits of the VLAN tag. */
static u32 tpacket_fill_v2(struct tpacket2_hdr *h, const struct sk_buff *skb,
			   const struct xinet_ring_place *place,
			   const struct timespec64 *ts, bool cooked)
{
	struct xinet_frame_vlan vlan;

	vlan = xinet_frame_get_vlan(skb, skb->dev, cooked);
	h->tp_len = skb->len;
	h->tp_snaplen = place->snaplen;
	h->tp_mac = place->mac;
	h->tp_net = place->net;
	h->tp_sec = ts->tv_sec;
	h->tp_nsec = ts->tv_nsec;
	h->tp_vlan_tci = vlan.tci;
	h->tp_vlan_tpid = vlan.tpid;
	memset(h->tp_padding, 0, sizeof(h->tp_padding));
	return vlan.status;
}

/* PACKET_COPY_THRESH: a packet that was cut is queued whole as well. */
static u32 tpacket_queue_copy(struct xinet_packet_sock *po,
			      struct sk_buff *skb)
{
	if (!READ_ONCE(po->copy_thresh) || !xinet_queue_copy(&po->sk, skb))
		return 0;
	return TP_STATUS_COPY;
}

/*
 * The slow path into the ring; sk_receive_queue.lock held. @told is NULL, a
 * constant, where the socket does not ask.
 */
static __always_inline enum xinet_drop_reason
tpacket_store(struct xinet_packet_sock *po, struct xinet_ring *ring,
	      struct sk_buff *skb, const struct xinet_tap_frame *frame,
	      const struct xinet_told *told)
{
	const bool cooked = frame->mode == XINET_TAP_COOKED;
	union xinet_ring_header *h = ring->head_frame;
	struct xinet_ring_place place;
	struct timespec64 ts;
	u32 status;

	if (xinet_ring_status(ring->version, h) != TP_STATUS_KERNEL)
		return XINET_DROP_RING_FULL;
	if (!xinet_ring_frame_find_place(ring, skb, frame, ring->frame_size,
					 &place))
		return XINET_DROP_FRAME_OFFSETS;
	if (place.vnet && !xinet_ring_frame_put_vnet(ring, h, skb, &place))
		return XINET_DROP_VNET_HDR;

	xinet_ring_advance(ring);
	po->tp_packets++;
	status = xinet_frame_status(skb);
	/* a copy would come without what is told */
	if (!told && unlikely(place.cut))
		status |= tpacket_queue_copy(po, skb);
	/* set until the program reads the statistics */
	if (unlikely(atomic_read(&po->tp_drops)))
		status |= TP_STATUS_LOSING;
	status |= xinet_frame_timestamp(skb, READ_ONCE(po->tp_tstamp),
					frame->now, &ts);

	xinet_ring_frame_fill(po, h, skb, frame, &place, ring->sll_offset);
	if (told)
		xinet_ring_frame_tell(ring, h, told);
	if (ring->version == TPACKET_V1)
		tpacket_fill_v1(&h->v1, skb, &place, &ts);
	else
		status |= tpacket_fill_v2(&h->v2, skb, &place, &ts, cooked);
	xinet_ring_flush(h, place.mac + place.snaplen);
	xinet_ring_set_status(ring->version, h, status);
	return XINET_DROP_NONE;
}

static noinline enum xinet_drop_reason
tpacket_store_slow(struct xinet_packet_sock *po, struct xinet_ring *ring,
		   struct sk_buff *skb, const struct xinet_tap_frame *frame)
{
	return tpacket_store(po, ring, skb, frame, NULL);
}

/*
 * The fast path into a ring of V2; returns false if the packet must take the
 * slow path. @stamped and @now are those of xinet_frame_fast_time().
 */
static __always_inline bool
tpacket_store_v2(struct xinet_packet_sock *po, struct xinet_ring *ring,
		 struct sk_buff *skb, const void *from, u32 pkt_len,
		 u32 snaplen, bool stamped, struct timespec64 *now)
{
	struct timespec64 *ts = &ring->last_time;
	struct tpacket2_hdr *h = ring->head_frame;
	u32 net = ring->net_offset;
	u32 mac = net - (skb_network_header(skb) - (unsigned char *)from);
	u32 status = 0;

	if (unlikely(mac + snaplen > ring->frame_size ||
		     atomic_read(&po->tp_drops) ||
		     xinet_ring_status(TPACKET_V2, h) != TP_STATUS_KERNEL))
		return false;

	xinet_ring_advance(ring);
	po->tp_packets++;
	h->tp_len = pkt_len;
	h->tp_snaplen = snaplen;
	h->tp_mac = mac;
	h->tp_net = net;
	h->tp_vlan_tci = 0;
	h->tp_vlan_tpid = 0;
	memset(h->tp_padding, 0, sizeof(h->tp_padding));
	xinet_ring_frame_put_plain(h, skb, from, mac, snaplen, V2_SLL_OFFSET);

	/* memory that the lock covers, so that nothing is on the stack */
	if (stamped || now)
		status = xinet_frame_fast_time(skb, stamped, now, ts);
	else
		ktime_get_real_ts64(ts);
	h->tp_sec = ts->tv_sec;
	h->tp_nsec = ts->tv_nsec;
	xinet_ring_flush(h, mac + snaplen);
	xinet_ring_set_status(TPACKET_V2, h, status | xinet_frame_status(skb));
	return true;
}

static __always_inline bool tpacket_store_fast(struct xinet_packet_sock *po,
					       struct xinet_ring *ring,
					       struct sk_buff *skb,
					       bool stamped)
{
	u32 len = xinet_fast_len(skb);

	return likely(len) &&
	       tpacket_store_v2(po, ring, skb, skb_mac_header(skb), len, len,
				stamped, NULL);
}

static __always_inline bool
tpacket_fast(struct xinet_tap_sink *sink,
	     const struct xinet_tap_receiver *receiver, struct sk_buff *skb,
	     const void *source, bool stamped)
{
	struct sock *sk = sink->sk;
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	bool stored;

	spin_lock(&sk->sk_receive_queue.lock);
	/* in flight while the ring was exchanged: its blocks may be freed */
	stored = likely(sink->source == source &&
			xinet_tap_sink_has(sink, receiver) &&
			xinet_fast_eligible(skb)) &&
		 tpacket_store_fast(po, xinet_ring_of(receiver), skb, stamped);
	spin_unlock(&sk->sk_receive_queue.lock);
	if (likely(stored))
		xinet_packet_wake(po);
	return stored;
}

static noinline bool
tpacket_fast_stamped(struct xinet_tap_sink *sink,
		     const struct xinet_tap_receiver *receiver,
		     struct sk_buff *skb, const void *source)
{
	return tpacket_fast(sink, receiver, skb, source, true);
}

/* Budget: as below, no struct xinet_tap_frame; the time stamp is not shared. */
bool xinet_tpacket_fast(struct xinet_tap_sink *sink,
			const struct xinet_tap_receiver *receiver,
			struct sk_buff *skb, const void *source,
			const struct net_device *orig_dev)
{
	if (unlikely(skb->tstamp))
		return tpacket_fast_stamped(sink, receiver, skb, source);
	return tpacket_fast(sink, receiver, skb, source, false);
}

/* @told is NULL, a constant, where the socket does not ask. */
static __always_inline void
tpacket_deliver(struct xinet_tap_sink *sink,
		const struct xinet_tap_receiver *receiver, struct sk_buff *skb,
		const struct xinet_tap_frame *frame,
		const struct xinet_told *told)
{
	struct sock *sk = sink->sk;
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	struct xinet_ring *ring = xinet_ring_of(receiver);
	enum xinet_drop_reason reason = XINET_DROP_NONE;

	spin_lock(&sk->sk_receive_queue.lock);
	/* in flight while the ring was exchanged: for neither ring */
	if (unlikely(!xinet_tap_sink_wants(sink, frame) ||
		     !xinet_tap_sink_has(sink, receiver))) {
		spin_unlock(&sk->sk_receive_queue.lock);
		return;
	}
	if (told)
		reason = tpacket_store(po, ring, skb, frame, told);
	else if (!xinet_ring_frame_is_plain(po, ring, skb, frame) ||
		 !tpacket_store_v2(po, ring, skb, skb->data, skb->len,
				   frame->snaplen, true, frame->now))
		reason = tpacket_store_slow(po, ring, skb, frame);
	spin_unlock(&sk->sk_receive_queue.lock);

	if (likely(reason == XINET_DROP_NONE))
		xinet_packet_wake(po);
	else
		xinet_packet_drop(po, skb, reason);
}

/*
 * Budget: the lock once; one time stamp, unless the packet has one; one copy;
 * a barrier to check for a waiting program. No clone, no allocation.
 */
void xinet_tpacket_deliver(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb,
			   const struct xinet_tap_frame *frame)
{
	tpacket_deliver(sink, receiver, skb, frame, NULL);
}

void xinet_tpacket_deliver_told(struct xinet_tap_sink *sink,
				const struct xinet_tap_receiver *receiver,
				struct sk_buff *skb,
				const struct xinet_tap_frame *frame,
				const struct xinet_told *told)
{
	tpacket_deliver(sink, receiver, skb, frame, told);
}
