// SPDX-License-Identifier: GPL-2.0-only
/*
 * Received packets in blocks that are handed over as a whole: TPACKET_V3. A tap
 * calls it per packet; a timer hands over a block that does not fill up; the
 * program takes blocks out of its mapping. A block:
 *
 *   +-------+---------+-----------+-----------+-----------+- - - - - - -+
 *   | block | private | frame     | frame     | frame     |   free      |
 *   | desc  | area    | (next)    | (next)    | (next: 0) |             |
 *   +-------+---------+-----------+-----------+-----------+- - - - - - -+
 *   0                 first                   last        pos
 *
 * ring_frame.c draws a frame; its length is a multiple of 8. The machine:
 *
 *              create
 *                |
 *                v       packet: written, timer armed
 *            +-------+ -------------------------------> +---------+ --+ packet
 *            | empty |                                  | filling |   | that
 *       +--> +-------+ <------------------------------- +---------+ <-+ fits
 *       |      block is closed, the next one is free         |
 *       |      (timeout, watermark, or a packet that does    |
 *       |      not fit and goes into the next block)         |
 *       |                                                    |
 *       |   packet, and the     +--------+                   |
 *       +---------------------- | frozen | <-----------------+
 *           block is free       +--------+   block is closed, the program
 *           (stored there)        |      ^    owns the next one: freeze count
 *                                +------+
 *                      packet, block is not free: dropped
 *
 * A timeout in another state than "filling" does nothing: an empty block is not
 * handed over, a frozen ring continues with the next packet. Only a packet
 * reaches the watermark, so that happens only in "filling".
 *
 * The status of a block names its owner: it is set to TP_STATUS_USER with a
 * release when the block is closed, and must be found cleared with an acquire
 * before it is opened. All other state of a block is private to the kernel:
 * what the program writes into a block that it does not own changes only what
 * the program reads there.
 *
 * CPUs copy without waiting for each other. While a block is filling and has
 * space, its gate is open: one word with the offset of the next packet, which a
 * plain packet advances by compare-and-exchange, without the lock. The CPU then
 * writes its frame and adds it to "done". All other work is under the lock and
 * begins with xinet_v3_settle(): it shuts the gate and waits until everything
 * taken is done. From then on the lock holder has exclusive use of the block,
 * and it opens the gate again when it is finished.
 *
 *   gate:   16 bits            16 bits    1 bit   31 bits
 *         +------------------+----------+-------+---------------------------+
 *         | length of the    | turn     | shut  | offset of the next frame, |
 *         | newest frame / 8 |          |       | bytes from the block      |
 *         +------------------+----------+-------+---------------------------+
 *
 * No length fits a gate that is shut. The turn changes each time it is shut, so
 * the compare-and-exchange fails on a CPU that has checked the packet's source
 * before that: a change, like a new binding, is stored before the gate is shut.
 *
 * Writers have BH disabled, and none interrupts another: xinet_v3_settle()
 * waits for other CPUs only, for the time of a copy.
 *
 * The timer runs while a block has packets. The first packet arms it; when it
 * fires and finds a newer block, it is set to that block's deadline. So a busy
 * ring programs the clock once per timeout, an idle one never. With
 * XINET_PACKET_FLUSH_USEC it is pinned to the CPU that received the packet,
 * which is awake; another one may not be.
 */
#include <kunit/visibility.h>
#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/if_packet.h>
#include <linux/log2.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/fast_path.h"
#include "packet/frame_info.h"
#include "packet/ring/ring.h"
#include "packet/ring/ring_frame.h"
#include "packet/ring/tpacket_v3.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"

/* Alignment of the frames, the private area and what is in front of it. */
#define V3_ALIGNMENT	8

/* Offset of the struct sockaddr_ll in a frame. */
#define V3_SLL_OFFSET	(TPACKET3_HDRLEN - sizeof(struct sockaddr_ll))

/* The fields of the gate and of "done"; drawn above. */
#define V3_GATE_SHUT		XINET_V3_GATE_SHUT
#define V3_GATE_TURN_SHIFT	32
#define V3_GATE_LEN_SHIFT	48
#define V3_GATE_LEN_MASK	(BIT_ULL(V3_GATE_LEN_SHIFT) - 1)
#define V3_GATE_LEN_MAX		((u32)U16_MAX * V3_ALIGNMENT)
#define V3_DONE_PACKETS_SHIFT	32

/* What a frame of @len bytes, a multiple of V3_ALIGNMENT, adds to a gate. */
static __always_inline u64 v3_gate_take(u32 len)
{
	return len + ((u64)len << (V3_GATE_LEN_SHIFT - ilog2(V3_ALIGNMENT)));
}

/* Milliseconds; for a link below 1 Gbit/s or of unknown speed. */
#define V3_DEFAULT_TIMEOUT	8

static struct tpacket_hdr_v1 *v3_header(const struct xinet_v3 *v3)
{
	return &v3->block->hdr.bh1;
}

/* Whether the program owns the active block. */
static bool v3_is_users(const struct xinet_v3 *v3)
{
	/* pairs with the program's release of a block */
	return smp_load_acquire(&v3_header(v3)->block_status) & TP_STATUS_USER;
}

void xinet_v3_settle(struct xinet_ring *ring)
{
	struct xinet_v3 *v3 = &ring->v3;
	u32 end, last_len, taken, packets;
	u64 gate;

	/* it is opened only under the lock */
	gate = atomic64_read(&ring->gate);
	if (gate & V3_GATE_SHUT)
		return;
	/* pairs with v3_take()'s acquire: changes precede the new turn */
	v3->turn++;
	gate = atomic64_xchg(&ring->gate,
			     (u64)v3->turn << V3_GATE_TURN_SHIFT |
			     V3_GATE_SHUT);
	end = (u32)gate;
	taken = end - v3->pos;
	if (!taken)
		return;

	last_len = (gate >> V3_GATE_LEN_SHIFT) * V3_ALIGNMENT;
	/* pairs with the barrier of v3_done() */
	packets = atomic64_cond_read_acquire(&ring->done,
					     taken == (u32)VAL) >>
		  V3_DONE_PACKETS_SHIFT;
	atomic64_set(&ring->done, 0);
	v3->pos = end;
	v3->last = end - last_len;
	v3->nr_packets += packets;
	v3->po->tp_packets += packets;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_v3_settle);

void xinet_v3_receiver_settle(const struct xinet_tap_receiver *receiver)
{
	xinet_v3_settle(xinet_ring_of(receiver));
}

/*
 * Opens the gate if the block has packets and the receiver has a fast path;
 * sk_receive_queue.lock held, settled.
 */
static void v3_let_in(struct xinet_ring *ring)
{
	struct xinet_v3 *v3 = &ring->v3;

	/* there a writer may be preempted by the task that waits for it */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	if (v3->state != XINET_V3_FILLING || !ring->receiver.fast)
		return;
	/* pairs with v3_take()'s acquire: the block precedes its gate */
	atomic64_set_release(&ring->gate,
			     (u64)v3->turn << V3_GATE_TURN_SHIFT | v3->pos);
}

/*
 * Takes @len bytes of the open block for a packet from @source, and sets @pos
 * to their offset. Returns false if the packet must take the slow path.
 */
static __always_inline bool v3_take(struct xinet_ring *ring,
				    const struct xinet_tap_sink *sink,
				    const void *source, u32 len, u32 *pos)
{
	u64 gate, next;

	if (unlikely(len > V3_GATE_LEN_MAX))
		return false;
	do {
		/* pairs with the exchange of xinet_v3_settle() */
		gate = atomic64_read_acquire(&ring->gate);
		if (unlikely((u32)gate + len >= ring->block_size ||
			     READ_ONCE(sink->source) != source))
			return false;
		next = (gate & V3_GATE_LEN_MASK) + v3_gate_take(len);
	} while (unlikely(!atomic64_try_cmpxchg(&ring->gate, (s64 *)&gate,
						next)));
	*pos = gate;
	return true;
}

/* Reports that a frame of @len bytes is written. */
static __always_inline void v3_done(struct xinet_ring *ring, u32 len)
{
	/* pairs with the acquire of xinet_v3_settle() */
	smp_mb__before_atomic();
	atomic64_add(BIT_ULL(V3_DONE_PACKETS_SHIFT) + len, &ring->done);
}

#if IS_ENABLED(CONFIG_KUNIT)
VISIBLE_IF_KUNIT
u32 xinet_v3_take(struct xinet_ring *ring, const struct xinet_tap_sink *sink,
		  const void *source, u32 len)
{
	u32 pos;

	return v3_take(ring, sink, source, len, &pos) ? pos : 0;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_v3_take);

VISIBLE_IF_KUNIT
void xinet_v3_done(struct xinet_ring *ring, u32 len)
{
	v3_done(ring, len);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_v3_done);
#endif

static void v3_open(struct xinet_v3 *v3)
{
	struct tpacket_hdr_v1 *h = v3_header(v3);
	struct timespec64 ts;

	ktime_get_real_ts64(&ts);
	v3->block->version = TPACKET_V3;
	v3->block->offset_to_priv = ALIGN(sizeof(*v3->block), V3_ALIGNMENT);
	h->num_pkts = 0;
	h->offset_to_first_pkt = v3->first;
	h->blk_len = v3->first;
	h->seq_num = v3->seq++;
	h->ts_first_pkt.ts_sec = ts.tv_sec;
	h->ts_first_pkt.ts_nsec = ts.tv_nsec;

	v3->pos = v3->first;
	v3->last = v3->first;
	v3->nr_packets = 0;
	v3->state = XINET_V3_EMPTY;
}

/* Hands the open block, which is not empty, over with TP_STATUS_* @status. */
static void v3_close(struct xinet_ring *ring, u32 status)
{
	struct xinet_v3 *v3 = &ring->v3;
	struct tpacket_hdr_v1 *h = v3_header(v3);
	struct tpacket3_hdr *last = (void *)v3->block + v3->last;

	last->tp_next_offset = 0;
	h->num_pkts = v3->nr_packets;
	h->blk_len = v3->pos;
	/* the program may have written these; only the program reads them */
	h->ts_last_pkt.ts_sec = READ_ONCE(last->tp_sec);
	h->ts_last_pkt.ts_nsec = READ_ONCE(last->tp_nsec);

	status |= TP_STATUS_USER;
	if (atomic_read(&v3->po->tp_drops))
		status |= TP_STATUS_LOSING;
	xinet_ring_flush(v3->block, v3->pos);
	/* pairs with the program's acquire of a block */
	smp_store_release(&h->block_status, status);
	xinet_ring_flush(h, sizeof(*h));
	v3->wake = true;

	if (++v3->active == ring->nr_blocks)
		v3->active = 0;
	v3->block = ring->blocks[v3->active];
}

/* Drawn at the top of this file. */
VISIBLE_IF_KUNIT
bool xinet_v3_step(struct xinet_ring *ring, enum xinet_v3_event event, u32 len)
{
	struct xinet_v3 *v3 = &ring->v3;
	bool packet = event == XINET_V3_PACKET;

	xinet_v3_settle(ring);
	switch (v3->state) {
	case XINET_V3_EMPTY:
		break;
	case XINET_V3_FILLING:
		/* as in AF_PACKET the last byte of a block stays free */
		if (packet && v3->pos + len < ring->block_size)
			break;
		v3_close(ring, event == XINET_V3_TIMEOUT ?
			       TP_STATUS_BLK_TMO : 0);
		if (v3_is_users(v3)) {
			v3->state = XINET_V3_FROZEN;
			v3->po->tp_freezes++;
			return false;
		}
		v3_open(v3);
		break;
	case XINET_V3_FROZEN:
		if (!packet || v3_is_users(v3))
			return false;
		v3_open(v3);
		break;
	}
	return packet;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_v3_step);

/* Whether a block has been handed over since the last call. */
static bool v3_take_wake(struct xinet_v3 *v3)
{
	bool wake = v3->wake;

	v3->wake = false;
	return wake;
}

/* The first packet of a block sets its deadline. */
static void v3_arm(struct xinet_v3 *v3)
{
	v3->state = XINET_V3_FILLING;
	v3->deadline = ktime_add(ktime_get(), v3->timeout);
	if (v3->armed)
		return;
	v3->armed = true;
	hrtimer_start(&v3->timer, v3->deadline, v3->mode);
}

/* Whether to restart the timer; sk_receive_queue.lock held. */
static bool v3_expire(struct xinet_ring *ring)
{
	struct xinet_v3 *v3 = &ring->v3;

	if (v3->po->rx_ring == ring && v3->state == XINET_V3_FILLING) {
		if (ktime_before(ktime_get(), v3->deadline)) {
			hrtimer_set_expires(&v3->timer, v3->deadline);
			return true;
		}
		xinet_v3_step(ring, XINET_V3_TIMEOUT, 0);
	}
	v3->armed = false;
	return false;
}

static enum hrtimer_restart v3_timeout(struct hrtimer *timer)
{
	struct xinet_ring *ring = container_of(timer, struct xinet_ring,
					       v3.timer);
	struct sock *sk = &ring->v3.po->sk;
	bool again, wake;

	spin_lock(&sk->sk_receive_queue.lock);
	again = v3_expire(ring);
	wake = v3_take_wake(&ring->v3);
	spin_unlock(&sk->sk_receive_queue.lock);
	if (wake)
		sk->sk_data_ready(sk);
	return again ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

/*
 * Milliseconds in which a device could fill a block, as AF_PACKET computes
 * them: a megabyte takes a gigabit link 8 ms.
 */
static u32 v3_default_timeout(struct xinet_packet_sock *po, u32 block_size)
{
	u32 mbits = (u64)block_size * BITS_PER_BYTE / SZ_1M;
	struct ethtool_link_ksettings link;
	struct net_device *dev;
	int err = -ENODEV;

	rtnl_lock();
	dev = __dev_get_by_index(sock_net(&po->sk), READ_ONCE(po->ifindex));
	if (dev)
		err = __ethtool_get_link_ksettings(dev, &link);
	rtnl_unlock();

	if (err || link.base.speed < SPEED_1000 ||
	    link.base.speed == (u32)SPEED_UNKNOWN)
		return V3_DEFAULT_TIMEOUT;
	return mbits / (link.base.speed / SPEED_1000) + 1;
}

/* XINET_PACKET_FLUSH_USEC and XINET_PACKET_WATERMARK. */
static void v3_setup_latency(struct xinet_v3 *v3,
			     const struct xinet_packet_sock *po)
{
	const ktime_t flush = ns_to_ktime((u64)po->tp_flush_usec *
					  NSEC_PER_USEC);

	v3->watermark = po->tp_watermark;
	v3->mode = HRTIMER_MODE_ABS_SOFT;
	if (!po->tp_flush_usec)
		return;
	v3->mode = HRTIMER_MODE_ABS_PINNED_SOFT;
	if (ktime_before(flush, v3->timeout))
		v3->timeout = flush;
}

void xinet_v3_setup(struct xinet_packet_sock *po, struct xinet_ring *ring)
{
	const struct tpacket_req3 *req = &ring->req;
	struct xinet_v3 *v3 = &ring->v3;

	v3->po = po;
	v3->first = ALIGN(sizeof(*v3->block), V3_ALIGNMENT) +
		    ALIGN(req->tp_sizeof_priv, V3_ALIGNMENT);
	v3->max_frame = ring->block_size - v3->first;
	v3->rxhash = req->tp_feature_req_word & TP_FT_REQ_FILL_RXHASH;
	if (!ring->req.tp_retire_blk_tov)
		ring->req.tp_retire_blk_tov =
			v3_default_timeout(po, ring->block_size);
	v3->timeout = ms_to_ktime(req->tp_retire_blk_tov);
	v3_setup_latency(v3, po);
	xinet_hrtimer_setup(&v3->timer, v3_timeout, CLOCK_MONOTONIC, v3->mode);
	/* the fast path supports neither */
	if (v3->rxhash || v3->watermark)
		ring->receiver.plain = false;
	v3->seq = 1;
	v3->active = 0;
	v3->block = ring->blocks[0];
	v3_open(v3);
}

void xinet_v3_release(struct xinet_tap_receiver *receiver)
{
	hrtimer_cancel(&xinet_ring_of(receiver)->v3.timer);
}

bool xinet_v3_is_free(const struct xinet_ring *ring, u32 index)
{
	const struct tpacket_block_desc *block = ring->blocks[index];

	/* pairs with the program's release of a block */
	return smp_load_acquire(&block->hdr.bh1.block_status) ==
	       TP_STATUS_KERNEL;
}

bool xinet_v3_is_readable(const struct xinet_tap_receiver *receiver)
{
	const struct xinet_ring *ring = xinet_ring_of(receiver);

	return !xinet_v3_is_free(ring,
				 (ring->v3.active ?: ring->nr_blocks) - 1);
}

static void v3_fill(struct tpacket3_hdr *h, struct sk_buff *skb, bool rxhash,
		    const struct xinet_ring_place *place,
		    const struct timespec64 *ts, u32 status, bool cooked)
{
	struct xinet_frame_vlan vlan;

	vlan = xinet_frame_get_vlan(skb, skb->dev, cooked);
	h->tp_sec = ts->tv_sec;
	h->tp_nsec = ts->tv_nsec;
	h->tp_snaplen = place->snaplen;
	h->tp_len = skb->len;
	h->tp_status = status | vlan.status;
	h->tp_mac = place->mac;
	h->tp_net = place->net;
	h->hv1.tp_rxhash = rxhash ? skb_get_hash(skb) : 0;
	h->hv1.tp_vlan_tci = vlan.tci;
	h->hv1.tp_vlan_tpid = vlan.tpid;
	h->hv1.tp_padding = 0;
	memset(h->tp_padding, 0, sizeof(h->tp_padding));
}

/*
 * The slow path into the ring; sk_receive_queue.lock held. @told is NULL, a
 * constant, where the socket does not ask.
 */
static __always_inline enum xinet_drop_reason
v3_store(struct xinet_packet_sock *po, struct xinet_ring *ring,
	 struct sk_buff *skb, const struct xinet_tap_frame *frame,
	 const struct xinet_told *told)
{
	const bool cooked = frame->mode == XINET_TAP_COOKED;
	struct xinet_ring_place place;
	struct xinet_v3 *v3 = &ring->v3;
	struct tpacket3_hdr *h;
	struct timespec64 ts;
	u32 status;
	u32 len;

	if (!xinet_ring_frame_find_place(ring, skb, frame, v3->max_frame, &place))
		return XINET_DROP_FRAME_OFFSETS;
	place.mac = min(place.mac, v3->max_frame);
	len = ALIGN(place.mac + place.snaplen, V3_ALIGNMENT);

	if (!xinet_v3_step(ring, XINET_V3_PACKET, len))
		return XINET_DROP_RING_FULL;
	h = (void *)v3->block + v3->pos;
	if (place.vnet && !xinet_ring_frame_put_vnet(ring, h, skb, &place))
		return XINET_DROP_VNET_HDR;

	status = xinet_frame_status(skb);
	status |= xinet_frame_timestamp(skb, READ_ONCE(po->tp_tstamp),
					frame->now, &ts);
	xinet_ring_frame_fill(po, h, skb, frame, &place, ring->sll_offset);
	if (told)
		xinet_ring_frame_tell(ring, h, told);
	v3_fill(h, skb, v3->rxhash, &place, &ts, status, cooked);
	h->tp_next_offset = len;

	if (v3->state == XINET_V3_EMPTY)
		v3_arm(v3);
	v3->last = v3->pos;
	v3->pos += len;
	v3->nr_packets++;
	po->tp_packets++;
	if (unlikely(v3->nr_packets == v3->watermark))
		xinet_v3_step(ring, XINET_V3_WATERMARK, 0);
	v3_let_in(ring);
	return XINET_DROP_NONE;
}

static noinline enum xinet_drop_reason
v3_store_slow(struct xinet_packet_sock *po, struct xinet_ring *ring,
	      struct sk_buff *skb, const struct xinet_tap_frame *frame)
{
	return v3_store(po, ring, skb, frame, NULL);
}

/*
 * The fast path, into a block that has packets and space for another; returns
 * false if the packet must take the slow path. A packet that fits into the rest
 * of a block is not cut. @stamped and @now are those of
 * xinet_frame_fast_time().
 */
static __always_inline bool
v3_store_plain(struct xinet_ring *ring, const struct xinet_tap_sink *sink,
	       const void *source, struct sk_buff *skb, const void *from,
	       u32 pkt_len, u32 snaplen, bool stamped, struct timespec64 *now)
{
	u32 net = ring->net_offset;
	u32 mac = net - (skb_network_header(skb) - (unsigned char *)from);
	u32 len = ALIGN(mac + snaplen, V3_ALIGNMENT);
	struct tpacket3_hdr *h;
	struct timespec64 ts;
	u32 pos, status;

	if (unlikely(!v3_take(ring, sink, source, len, &pos)))
		return false;
	/* the block stays open until v3_done() */
	h = (void *)READ_ONCE(ring->v3.block) + pos;
	h->tp_next_offset = len;
	h->tp_snaplen = snaplen;
	h->tp_len = pkt_len;
	h->tp_mac = mac;
	h->tp_net = net;
	memset(&h->hv1, 0, sizeof(h->hv1));
	memset(h->tp_padding, 0, sizeof(h->tp_padding));
	xinet_ring_frame_put_plain(h, skb, from, mac, snaplen, V3_SLL_OFFSET);

	status = xinet_frame_fast_time(skb, stamped, now, &ts);
	h->tp_status = status | xinet_frame_status(skb);
	h->tp_sec = ts.tv_sec;
	h->tp_nsec = ts.tv_nsec;
	v3_done(ring, len);
	return true;
}

static __always_inline bool v3_fast(struct xinet_tap_sink *sink,
				    const struct xinet_tap_receiver *receiver,
				    struct sk_buff *skb, const void *source,
				    bool stamped)
{
	/* if the ring has been exchanged, its gate is shut */
	struct xinet_ring *ring = xinet_ring_of(receiver);
	u32 len = xinet_fast_len(skb);

	return likely(len && xinet_fast_eligible(skb)) &&
	       v3_store_plain(ring, sink, source, skb, skb_mac_header(skb),
			      len, len, stamped, NULL);
}

static noinline bool
v3_fast_stamped(struct xinet_tap_sink *sink,
		const struct xinet_tap_receiver *receiver,
		struct sk_buff *skb, const void *source)
{
	return v3_fast(sink, receiver, skb, source, true);
}

/*
 * Budget: two atomic operations on one cache line, no lock; one time stamp,
 * unless the packet has one; one copy. No struct xinet_tap_frame; the time
 * stamp is not shared.
 */
bool xinet_v3_fast(struct xinet_tap_sink *sink,
		   const struct xinet_tap_receiver *receiver,
		   struct sk_buff *skb, const void *source,
		   const struct net_device *orig_dev)
{
	if (unlikely(skb->tstamp))
		return v3_fast_stamped(sink, receiver, skb, source);
	return v3_fast(sink, receiver, skb, source, false);
}

/* @told is NULL, a constant, where the socket does not ask. */
static __always_inline void
v3_deliver(struct xinet_tap_sink *sink,
	   const struct xinet_tap_receiver *receiver, struct sk_buff *skb,
	   const struct xinet_tap_frame *frame, const struct xinet_told *told)
{
	struct sock *sk = sink->sk;
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	/* as in v3_fast() */
	struct xinet_ring *ring = xinet_ring_of(receiver);
	enum xinet_drop_reason reason;
	bool wake;

	if (!told && xinet_ring_frame_is_plain(po, ring, skb, frame) &&
	    v3_store_plain(ring, sink, frame->source, skb, skb->data, skb->len,
			   frame->snaplen, true, frame->now))
		return;

	spin_lock(&sk->sk_receive_queue.lock);
	/* in flight while the ring was exchanged: for neither ring */
	if (unlikely(!xinet_tap_sink_wants(sink, frame) ||
		     !xinet_tap_sink_has(sink, receiver))) {
		spin_unlock(&sk->sk_receive_queue.lock);
		return;
	}
	reason = told ? v3_store(po, ring, skb, frame, told) :
			v3_store_slow(po, ring, skb, frame);
	wake = v3_take_wake(&ring->v3);
	spin_unlock(&sk->sk_receive_queue.lock);

	if (unlikely(reason != XINET_DROP_NONE))
		xinet_packet_drop(po, skb, reason);
	if (unlikely(wake))
		xinet_packet_wake(po);
}

/*
 * Budget: as above, or the lock once; one time stamp, unless the packet has
 * one; one copy; per block another stamp, and a barrier to check for a waiting
 * program. No clone, no allocation.
 */
void xinet_v3_deliver(struct xinet_tap_sink *sink,
		      const struct xinet_tap_receiver *receiver,
		      struct sk_buff *skb,
		      const struct xinet_tap_frame *frame)
{
	v3_deliver(sink, receiver, skb, frame, NULL);
}

void xinet_v3_deliver_told(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb,
			   const struct xinet_tap_frame *frame,
			   const struct xinet_told *told)
{
	v3_deliver(sink, receiver, skb, frame, told);
}
