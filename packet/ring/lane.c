// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes received packets into a lane of XINET_RX_RING. A tap calls it per
 * packet; readers take the records out of a read-only mapping. A lane:
 *
 *            tail                                   head
 *             v                                      v
 *   +- - - - -+--------+--------+-----+- - -+--------+- - - - - - - -+
 *   |  free   | record | record | pad | ... | record |     free      |
 *   +- - - - -+--------+--------+-----+- - -+--------+- - - - - - - -+
 *
 * Positions count bytes and never wrap; modulo the lane size they are offsets.
 * A record is contiguous: if it does not fit before the end, a pad fills the
 * rest.
 *
 * The writer is one CPU with BH disabled, so it needs no lock. Head and
 * readers:
 *
 *   writer                                  reader
 *     moves tail past old records             reads head            (acquire)
 *     smp_wmb()                  (A)          uses the record
 *     writes the record                       smp_rmb()             (A)
 *     smp_wmb()                  (B)          reads tail: was the record whole?
 *     moves head past it                      stores its position
 *
 * (B) pairs with the acquire. Positions of readers are read only when the lane
 * is full: the most advanced one limits what may be overwritten, if it is
 * between tail and head; otherwise it is ignored. Old records are released from
 * the tail on by their lengths, which no program can write; per packet no more
 * of them than its bytes held and a constant number. So no reader can misdirect
 * the writer, cost it anything per packet, or hold up another reader.
 */
#include <kunit/visibility.h>
#include <linux/if_packet.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/poll.h>
#include <linux/skbuff.h>
#include <linux/smp.h>
#include <linux/wait.h>
#include <linux/xinet.h>
#include <net/sock.h>

#include "af_xinet/drop.h"
#include "compat/xinet_compat_packet.h"
#include "packet/fast_path.h"
#include "packet/frame_info.h"
#include "packet/owner.h"
#include "packet/ring/lane.h"
#include "packet/ring/lane_readers.h"
#include "packet/ring/lanes.h"
#include "packet/ring/ring.h"
#include "packet/sock.h"
#include "packet/tap/owner_id.h"
#include "packet/tap/tap.h"
#include "packet/told.h"

/* About the least that a record takes. */
#define LANE_LEAST	128

/* Alignment of records; the smallest pad holds only its length and type. */
#define LANE_ALIGNMENT	8

/*
 * Slack released beyond what a packet needs, so that positions are read rarely:
 * at most so many records, which bounds the time whatever a program does, and
 * at most this part of a lane.
 */
#define LANE_AHEAD_RECORDS	64
#define LANE_AHEAD_SHIFT	4

static struct xinet_rx_record *lane_record(const struct xinet_lane *lane,
					   u64 position)
{
	return (void *)lane->data + (position & (lane->lanes->req.lane_size - 1));
}

/* Wakes readers for all records written so far. */
static void lane_report(struct xinet_lane *lane)
{
	lane->unreported = 0;
	WRITE_ONCE(lane->reported, lane->head);
	xinet_lanes_wake(lane->lanes);
}

/*
 * Claims the lane until lane_release(). On most kernels only code that the
 * writer itself triggers can interleave on its CPU; on PREEMPT_RT another task
 * can, at any point.
 */
static __always_inline bool lane_claim(struct xinet_lane *lane)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return !xchg(&lane->writing, 1);
	if (unlikely(lane->writing))
		return false;
	lane->writing = 1;
	barrier();
	return true;
}

static __always_inline void lane_release(struct xinet_lane *lane)
{
	barrier();
	WRITE_ONCE(lane->writing, 0);
}

/* The lane's CPU may be writing: touches nothing of the writer's. */
static void lane_report_elsewhere(struct xinet_lane *lane)
{
	const u64 head = READ_ONCE(lane->shared->head);

	if (head == READ_ONCE(lane->reported))
		return;
	WRITE_ONCE(lane->reported, head);
	xinet_lanes_wake(lane->lanes);
}

/*
 * Softirq. On the CPU of the lane, unless that went offline while the timer was
 * armed: then on another one for as long as the ring exists, because the CPU may
 * come back at any moment. There it stays armed and looks every tick.
 */
static enum hrtimer_restart lane_timeout(struct hrtimer *timer)
{
	struct xinet_lane *lane =
		container_of(timer, struct xinet_lane, timer);

	if (unlikely(lane != this_cpu_ptr(lane->lanes->by_cpu))) {
		lane_report_elsewhere(lane);
		hrtimer_forward_now(timer, ns_to_ktime(TICK_NSEC));
		return HRTIMER_RESTART;
	}
	if (!lane_claim(lane)) {
		/* the writer is done by then */
		hrtimer_forward_now(timer, ns_to_ktime(TICK_NSEC));
		return HRTIMER_RESTART;
	}
	lane->armed = false;
	if (lane->unreported)
		lane_report(lane);
	lane_release(lane);
	return HRTIMER_NORESTART;
}

void xinet_lane_setup(struct xinet_lane *lane)
{
	xinet_hrtimer_setup(&lane->timer, lane_timeout, CLOCK_MONOTONIC,
			    HRTIMER_MODE_REL_PINNED_SOFT);
}

void xinet_lane_shutdown(struct xinet_lane *lane)
{
	hrtimer_cancel(&lane->timer);
}

/*
 * Releases old records until @bytes more fit, and some slack that the most
 * advanced reader has consumed. Returns false if a reader may need them still.
 */
static bool lane_make_room(struct xinet_lane *lane, u32 bytes)
{
	const struct xinet_lanes *lanes = lane->lanes;
	const u32 size = lanes->req.lane_size;
	u64 needed = lane->head + bytes - size;
	u64 wanted = needed;
	u64 tail = lane->tail;
	u32 spare = 0;
	u64 limit;

	if (lanes->req.flags & XINET_RX_RING_OVERWRITE) {
		limit = lane->head;
	} else {
		limit = xinet_lanes_position(lanes, lane);
		wanted += size >> LANE_AHEAD_SHIFT;
		spare = LANE_AHEAD_RECORDS;
	}

	/* no more of them than the bytes about to be overwritten hold */
	while (tail < needed && tail < limit)
		tail += lane_record(lane, tail)->len;
	for (; spare && tail < wanted && tail < limit; spare--)
		tail += lane_record(lane, tail)->len;

	lane->tail = tail;
	WRITE_ONCE(lane->shared->tail, tail);
	/* (A) above */
	smp_wmb();
	return tail >= needed;
}

/* The place of a record of @len bytes at the head, or NULL. */
static struct xinet_rx_record *lane_reserve(struct xinet_lane *lane,
					    u32 len)
{
	const u32 size = lane->lanes->req.lane_size;
	struct xinet_rx_record *pad;
	u32 left, bytes = len;

	left = size - (lane->head & (size - 1));
	if (unlikely(left < len))
		bytes += left;
	if (unlikely(lane->head + bytes - lane->tail > size) &&
	    !lane_make_room(lane, bytes))
		return NULL;
	if (unlikely(left < len)) {
		pad = lane_record(lane, lane->head);
		pad->len = left;
		pad->type = XINET_RX_PAD;
		lane->head += left;
	}
	return lane_record(lane, lane->head);
}

/* In nanoseconds; TP_STATUS_TS_* goes into @status. */
static u64 lane_timestamp(struct sk_buff *skb, unsigned int flags, u32 *status)
{
	ktime_t hardware = skb_hwtstamps(skb)->hwtstamp;
	ktime_t software = skb_tstamp(skb);

	if (unlikely(flags & SOF_TIMESTAMPING_RAW_HARDWARE) && hardware) {
		*status |= TP_STATUS_TS_RAW_HARDWARE;
		return ktime_to_ns(hardware);
	}
	if (software) {
		*status |= TP_STATUS_TS_SOFTWARE;
		return ktime_to_ns(software);
	}
	return ktime_get_real_ns();
}

/*
 * Bytes before the packet. What is @told is NULL, a constant, where the socket does
 * not ask.
 */
static __always_inline u32 lane_header_len(struct xinet_told told)
{
	return sizeof(struct xinet_rx_record) + xinet_told_size(told);
}

static __always_inline void lane_fill(const struct xinet_packet_sock *po,
				      struct xinet_rx_record *record,
				      struct sk_buff *skb,
				      const struct xinet_tap_frame *frame,
				      struct xinet_told told)
{
	const bool cooked = frame->mode == XINET_TAP_COOKED;
	const struct net_device *dev = skb->dev;
	struct xinet_frame_vlan vlan;
	u32 status;

	vlan = xinet_frame_get_vlan(skb, dev, cooked);
	status = (xinet_frame_status(skb) & ~TP_STATUS_USER) | vlan.status;

	record->type = XINET_RX_PACKET;
	record->mac = lane_header_len(told);
	record->tstamp = lane_timestamp(skb, READ_ONCE(po->tp_tstamp), &status);
	record->pkt_len = skb->len;
	record->ifindex = READ_ONCE(po->origdev) ? frame->orig_dev->ifindex :
						   dev->ifindex;
	record->status = status;
	record->vlan_tci = vlan.tci;
	record->vlan_tpid = vlan.tpid;
	record->protocol = xinet_frame_protocol(skb, cooked);
	record->hatype = dev->type;
	record->pkttype = skb->pkt_type;
	record->net = clamp_t(int, record->mac + skb_network_offset(skb), 0,
			      U16_MAX);
	record->extensions = xinet_told_copy(told, record + 1);
	memset(record->addr, 0, sizeof(record->addr));
	record->halen = xinet_frame_copy_address(skb, record->addr,
						 sizeof(record->addr));
}

/* Publishes the record at the head. */
static void lane_publish(struct xinet_lane *lane,
			 struct xinet_rx_record *record, u32 len)
{
	struct xinet_rx_lane *shared = lane->shared;

	record->len = len;
	record->seq = lane->packets++;
	xinet_ring_flush(record, len);
	lane->head += len;
	/* (B) above; some 32-bit CPUs have no 64-bit store-release */
	smp_wmb();
	WRITE_ONCE(shared->head, lane->head);
	WRITE_ONCE(shared->packets, lane->packets);
	xinet_ring_flush(shared, sizeof(*shared));
}

/* Wakes readers now or arms the timer, as xinet_rx_ring_req requests. */
static noinline void lane_notify(struct xinet_lane *lane)
{
	const struct xinet_lanes *lanes = lane->lanes;

	if (lane->unreported == lanes->req.wake_packets) {
		lane_report(lane);
		return;
	}
	if (lane->unreported == 1 && lanes->req.wake_usec && !lane->armed) {
		lane->armed = true;
		hrtimer_start(&lane->timer, lanes->wake_time,
			      HRTIMER_MODE_REL_PINNED_SOFT);
	}
}

/* Counts a record; it is rarely the first or the last one before a wakeup. */
static __always_inline void lane_count(struct xinet_lane *lane,
				       const struct xinet_lanes *lanes)
{
	u32 unreported = ++lane->unreported;

	if (unlikely(unreported == 1 ||
		     unreported == lanes->req.wake_packets))
		lane_notify(lane);
}

static noinline void lane_drop(struct xinet_lane *lane, struct sock *sk,
			       const struct sk_buff *skb)
{
	lane->drops++;
	WRITE_ONCE(lane->shared->drops, lane->drops);
	xinet_drop_note(sk, skb, XINET_DROP_LANE_FULL);
}

/* The ring and its lanes outlive the maker's socket by an RCU grace period. */
static const struct xinet_lanes *
receiving_lanes(const struct xinet_tap_receiver *receiver)
{
	return container_of(receiver, struct xinet_lanes, receiver);
}

/* While frozen; counted apart from packets dropped for lack of space. */
static noinline void lane_miss(struct xinet_lane *lane, struct sock *sk,
			       const struct sk_buff *skb)
{
	lane->frozen++;
	WRITE_ONCE(lane->shared->frozen, lane->frozen);
	xinet_drop_note(sk, skb, XINET_DROP_LANE_FROZEN);
}

/*
 * As lane_fill() for a packet of the fast path, without time, status and extensions.
 * @header: bytes before the packet
 */
static __always_inline void lane_fill_fast(struct xinet_rx_record *record,
					   const struct sk_buff *skb,
					   u32 pkt_len, u32 header)
{
	const struct net_device *dev = skb->dev;

	record->type = XINET_RX_PACKET;
	record->mac = header;
	record->pkt_len = pkt_len;
	record->snaplen = pkt_len;
	record->ifindex = dev->ifindex;
	record->vlan_tci = 0;
	record->vlan_tpid = 0;
	record->protocol = skb->protocol;
	record->hatype = dev->type;
	record->pkttype = skb->pkt_type;
	record->halen = ETH_ALEN;
	record->net = header + skb->network_header - skb->mac_header;
	memset(record->addr, 0, sizeof(record->addr));
	memcpy(record->addr, eth_hdr(skb)->h_source, ETH_ALEN);
	xinet_copy_linear((void *)record + header, skb_mac_header(skb), pkt_len);
}

/**
 * struct lane_place - where the fast path writes a packet
 * @lane: claimed
 * @lanes: its ring
 * @record: at its head; filled in but for the extensions
 * @len: of the record
 */
struct lane_place {
	struct xinet_lane *lane;
	const struct xinet_lanes *lanes;
	struct xinet_rx_record *record;
	u32 len;
};

/*
 * Begins to write a packet; lane_fast_end() follows. @told: bytes of the extensions.
 * @stamped, a constant: it may have a time stamp. Returns false if the packet must take
 * the slow path.
 */
static __always_inline bool
lane_fast_begin(const struct xinet_tap_sink *sink,
		const struct xinet_tap_receiver *receiver, struct sk_buff *skb,
		const void *source, bool stamped, u32 told,
		struct lane_place *place)
{
	const struct xinet_lanes *lanes = receiving_lanes(receiver);
	struct xinet_lane *lane = this_cpu_ptr(lanes->by_cpu);
	const u32 header = sizeof(struct xinet_rx_record) + told;
	const u32 pkt_len = xinet_fast_len(skb);
	const u32 size = lanes->req.lane_size;
	struct xinet_rx_record *record;
	u32 offset, len, status;

	if (unlikely(!xinet_fast_eligible(skb) ||
		     READ_ONCE(sink->source) != source ||
		     READ_ONCE(lanes->frozen) ||
		     pkt_len > lanes->max_snaplen || !lane_claim(lane)))
		return false;
	offset = lane->head & (size - 1);
	len = ALIGN(header + pkt_len, LANE_ALIGNMENT);
	if (unlikely(offset + len > size ||
		     lane->head + len - lane->tail > size)) {
		lane_release(lane);
		return false;
	}

	record = (void *)lane->data + offset;
	status = xinet_frame_status(skb) & ~TP_STATUS_USER;
	record->tstamp = stamped ? lane_timestamp(skb, 0, &status) :
				   ktime_get_real_ns();
	record->status = status;
	lane_fill_fast(record, skb, pkt_len, header);
	place->lane = lane;
	place->lanes = lanes;
	place->record = record;
	place->len = len;
	return true;
}

static __always_inline void lane_fast_end(const struct lane_place *place,
					  u32 extensions)
{
	place->record->extensions = extensions;
	lane_publish(place->lane, place->record, place->len);
	lane_count(place->lane, place->lanes);
	lane_release(place->lane);
}

/* Whether the fast path writes what the slow one would, if the packet is eligible. */
static __always_inline bool
lane_may_be_fast(const struct xinet_packet_sock *po, const struct sk_buff *skb,
		 const struct xinet_tap_frame *frame)
{
	return frame->mode == XINET_TAP_RAW && frame->snaplen >= skb->len &&
	       !READ_ONCE(po->tp_tstamp) && !READ_ONCE(po->origdev);
}

static __always_inline void lane_deliver(struct xinet_tap_sink *sink,
					 const struct xinet_tap_receiver *receiver,
					 struct sk_buff *skb,
					 const struct xinet_tap_frame *frame,
					 struct xinet_told told)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sink->sk);
	const struct xinet_lanes *lanes = receiving_lanes(receiver);
	struct xinet_lane *lane = this_cpu_ptr(lanes->by_cpu);
	struct xinet_rx_record *record;
	struct lane_place place xinet_uninitialized;
	u32 snaplen, len;

	if (likely(lane_may_be_fast(po, skb, frame) &&
		   lane_fast_begin(sink, receiver, skb, frame->source, true,
				   xinet_told_size(told), &place))) {
		lane_fast_end(&place, xinet_told_copy(told, place.record + 1));
		return;
	}
	/* in flight while the socket was rebound: no longer for this socket */
	if (unlikely(READ_ONCE(sink->source) != frame->source))
		return;
	if (unlikely(!lane_claim(lane))) {
		xinet_packet_drop(po, skb, XINET_DROP_LANE_BUSY);
		return;
	}
	if (unlikely(READ_ONCE(lanes->frozen))) {
		lane_miss(lane, &po->sk, skb);
		lane_release(lane);
		return;
	}

	snaplen = min(frame->snaplen, lanes->max_snaplen);
	len = ALIGN(lane_header_len(told) + snaplen, LANE_ALIGNMENT);
	record = lane_reserve(lane, len);
	if (likely(record)) {
		lane_fill(po, record, skb, frame, told);
		record->snaplen = snaplen;
		xinet_frame_copy(skb, (void *)record + lane_header_len(told),
				 snaplen);
		lane_publish(lane, record, len);
		lane_count(lane, lanes);
	} else {
		lane_drop(lane, &po->sk, skb);
	}
	lane_release(lane);
}

/*
 * Budget: one time stamp, unless the packet has one; one copy; a barrier when
 * readers are to be woken. No lock, no atomic operation, no clone, no
 * allocation.
 */
void xinet_lane_deliver(struct xinet_tap_sink *sink,
			const struct xinet_tap_receiver *receiver,
			struct sk_buff *skb,
			const struct xinet_tap_frame *frame)
{
	lane_deliver(sink, receiver, skb, frame, (struct xinet_told){});
}
EXPORT_SYMBOL_IF_KUNIT(xinet_lane_deliver);

/* Budget: as above, and for the owner a look-up, once for all sinks. */
void xinet_lane_deliver_told(struct xinet_tap_sink *sink,
			     const struct xinet_tap_receiver *receiver,
			     struct sk_buff *skb,
			     const struct xinet_tap_frame *frame)
{
	struct xinet_told_room room xinet_uninitialized;
	struct xinet_told told xinet_uninitialized;

	if (xinet_tell(xinet_packet_sk(sink->sk), skb, frame, &room, &told))
		lane_deliver(sink, receiver, skb, frame, told);
}

void xinet_lane_deliver_owner(struct xinet_tap_sink *sink,
			      const struct xinet_tap_receiver *receiver,
			      struct sk_buff *skb,
			      const struct xinet_tap_frame *frame)
{
	const struct xinet_packet_sock *po = xinet_packet_sk(sink->sk);
	struct xinet_owner_id room xinet_uninitialized;
	struct lane_place place xinet_uninitialized;
	const struct xinet_owner_id *id;

	id = xinet_tap_owner(skb, frame, &room);
	if (!xinet_owner_accepts(po->owner, id))
		return;
	if (likely(lane_may_be_fast(po, skb, frame) &&
		   lane_fast_begin(sink, receiver, skb, frame->source, true,
				   sizeof(struct xinet_owner), &place))) {
		xinet_owner_fill(po->owner, id, (void *)(place.record + 1));
		lane_fast_end(&place, XINET_RX_OWNER);
		return;
	}
	xinet_lane_deliver_told(sink, receiver, skb, frame);
}

void xinet_lane_deliver_aside(struct xinet_tap_sink *sink,
			      const struct xinet_tap_receiver *receiver,
			      struct sk_buff *skb,
			      const struct xinet_tap_frame *frame,
			      const struct xinet_aside *aside)
{
	struct xinet_told_room room xinet_uninitialized;
	struct xinet_told told xinet_uninitialized;

	if (xinet_tell_aside(xinet_packet_sk(sink->sk), skb, aside, &room,
			     &told))
		lane_deliver(sink, receiver, skb, frame, told);
}

static __always_inline bool
lane_fast(struct xinet_tap_sink *sink, const struct xinet_tap_receiver *receiver,
	  struct sk_buff *skb, const void *source, bool stamped)
{
	struct lane_place place xinet_uninitialized;

	if (!lane_fast_begin(sink, receiver, skb, source, stamped, 0, &place))
		return false;
	lane_fast_end(&place, 0);
	return true;
}

static noinline bool
lane_fast_stamped(struct xinet_tap_sink *sink,
		  const struct xinet_tap_receiver *receiver,
		  struct sk_buff *skb, const void *source)
{
	return lane_fast(sink, receiver, skb, source, true);
}

/* Budget: as above, no struct xinet_tap_frame; the time stamp is not shared. */
bool xinet_lane_fast(struct xinet_tap_sink *sink,
		     const struct xinet_tap_receiver *receiver,
		     struct sk_buff *skb, const void *source,
		     const struct net_device *orig_dev)
{
	if (unlikely(skb->tstamp))
		return lane_fast_stamped(sink, receiver, skb, source);
	return lane_fast(sink, receiver, skb, source, false);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_lane_fast);

/* Budget: as xinet_lane_fast(). */
bool xinet_lane_fast_netns(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb, const void *source,
			   const struct net_device *orig_dev)
{
	struct lane_place place xinet_uninitialized;

	if (!lane_fast_begin(sink, receiver, skb, source, true,
			     sizeof(struct xinet_netns), &place))
		return false;
	xinet_tell_netns(skb->dev, (void *)(place.record + 1));
	lane_fast_end(&place, XINET_RX_NETNS);
	return true;
}

/* Whether the lane of this CPU takes nothing without old records being released. */
static bool lane_is_full(const struct xinet_lanes *lanes)
{
	const struct xinet_lane *lane = this_cpu_ptr(lanes->by_cpu);

	return READ_ONCE(lanes->frozen) ||
	       lane->head - lane->tail + LANE_LEAST > lanes->req.lane_size;
}

/* Budget: as xinet_lane_fast(), and a look-up of the packet's socket. */
bool xinet_lane_fast_owner(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb, const void *source,
			   const struct net_device *orig_dev)
{
	const struct xinet_owner_view *view = xinet_packet_sk(sink->sk)->owner;
	struct xinet_owner_id id xinet_uninitialized;
	struct lane_place place xinet_uninitialized;

	/* else the slow path would look it up once more */
	if (!xinet_fast_eligible(skb) || lane_is_full(receiving_lanes(receiver)))
		return false;
	xinet_owner_lookup(skb, false, &id);
	if (!xinet_owner_accepts(view, &id))
		return true;
	if (!lane_fast_begin(sink, receiver, skb, source, true,
			     sizeof(struct xinet_owner), &place))
		return false;
	xinet_owner_fill(view, &id, (void *)(place.record + 1));
	lane_fast_end(&place, XINET_RX_OWNER);
	return true;
}

enum xinet_tap_room
xinet_lane_room(const struct xinet_tap_receiver *receiver,
		const struct sock *sk, const struct sk_buff *skb)
{
	const struct xinet_lanes *lanes = receiving_lanes(receiver);
	const struct xinet_lane *lane = this_cpu_ptr(lanes->by_cpu);
	const u32 size = lanes->req.lane_size;
	u64 free;

	/* without @skb a reader asks, and does not say for which lane */
	if (!skb || lanes->req.flags & XINET_RX_RING_OVERWRITE)
		return XINET_TAP_ROOM_NORMAL;
	free = xinet_lanes_position(lanes, lane) + size - lane->head;
	if (free > size >> XINET_TAP_ROOM_LOW_SHIFT)
		return XINET_TAP_ROOM_NORMAL;
	return free > sizeof(struct xinet_rx_record) +
			      xinet_told_max_size(xinet_packet_sk(sk)) + skb->len ?
		       XINET_TAP_ROOM_LOW : XINET_TAP_ROOM_NONE;
}
