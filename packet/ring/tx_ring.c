// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending from a ring: the program writes frames into memory that it shares
 * with the kernel, and one sendmsg() sends all that are ready. packet.c calls
 * it; ring.c has the memory, tx.c what all sending shares.
 *
 * The life of a frame, by its status word; its owner in brackets:
 *
 *                           program
 *   AVAILABLE (program) ---------------> SEND_REQUEST (kernel) <----+
 *        ^                                  |        |              |
 *        |      cannot be sent, PACKET_LOSS |        | copied       | the device
 *        +----------------------------------+        v              | rejects it
 *        |                                  |     SENDING ----------+
 *        |            skb freed             |        |
 *        +-----------------------------------------  | -------------+
 *                                           v        v
 *                                 WRONG_FORMAT      (leaves)
 *                                   (program)
 *
 * A frame is copied as it is sent. Only the copy is checked and sent, whatever
 * the program writes meanwhile, and only this file reads a ring: none of its
 * pages is attached to an skb. A frame is "sending" until its skb is freed; the
 * skb holds a reference to the ring until then. So the ring outlives a close()
 * with frames in the device, and the destructor can write "available" to it.
 *
 * Budget per frame of 60 bytes: half of AF_PACKET's, which allocates an skb,
 * takes references to pages and dissects the packet. Here: device, headroom and
 * control messages are looked up once per call; an skb that was used before
 * (tx_pool.c); one copy; the transport header read off the IPv4 header; two
 * stores to the status word; two atomic operations (the reference to the ring,
 * and the charge to the socket) and their counterparts when the skb is freed;
 * no lock; a wakeup only if a task sleeps.
 */
#include <kunit/visibility.h>
#include <linux/if_packet.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/net_tstamp.h>
#include <linux/netdevice.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/wait.h>
#include <net/sock.h>

#include "packet/frame_info.h"
#include "packet/ring/ring.h"
#include "packet/ring/tx_ring.h"
#include "packet/sock.h"
#include "packet/tx.h"
#include "packet/tx_pool.h"
#include "packet/vnet.h"

/*
 * State of one sendmsg() over a ring; ring_lock held.
 * @size_max: the most bytes that a frame may hold
 * @noblock: MSG_DONTWAIT
 * @timeo: remaining time to wait, in jiffies
 * @round: frames left in this round of the ring
 * @sent: bytes sent so far
 * @result: return value if the call ends at a frame that is not sent
 */
struct ring_walk {
	struct xinet_packet_sock *po;
	struct xinet_ring *ring;
	struct xinet_tx tx;
	u32 size_max;
	bool noblock;
	long timeo;
	u32 round;
	int sent;
	int result;
};

/* The words of a frame's header that are used, as the program wrote them. */
struct slot_words {
	u32 len;
	u32 next;
	u16 mac;
	u16 net;
};

static void slot_read(u8 version, const void *frame, struct slot_words *w)
{
	const union xinet_ring_header *h = frame;

	w->next = 0;
	switch (version) {
	case TPACKET_V1:
		w->len = READ_ONCE(h->v1.tp_len);
		w->mac = READ_ONCE(h->v1.tp_mac);
		w->net = READ_ONCE(h->v1.tp_net);
		break;
	case TPACKET_V2:
		w->len = READ_ONCE(h->v2.tp_len);
		w->mac = READ_ONCE(h->v2.tp_mac);
		w->net = READ_ONCE(h->v2.tp_net);
		break;
	default:
		w->next = READ_ONCE(h->v3.tp_next_offset);
		w->len = READ_ONCE(h->v3.tp_len);
		w->mac = READ_ONCE(h->v3.tp_mac);
		w->net = READ_ONCE(h->v3.tp_net);
		break;
	}
}

/* Offset of a frame's data unless its header has another. */
static u32 ring_data_offset(const struct xinet_ring *ring)
{
	return ring->hdrlen - sizeof(struct sockaddr_ll);
}

VISIBLE_IF_KUNIT
int xinet_tx_ring_parse(const struct xinet_ring *ring, const void *frame,
			bool off_word, bool cooked, u32 size_max,
			struct xinet_tx_slot *slot)
{
	u32 offset = ring_data_offset(ring);
	struct slot_words w;
	u32 first = offset;

	slot_read(ring->version, frame, &w);
	if (unlikely(w.next))
		return -EINVAL;
	if (unlikely(w.len > size_max))
		return -EMSGSIZE;
	if (off_word) {
		offset = cooked ? w.net : w.mac;
		if (offset < first || offset > ring->frame_size - w.len)
			return -EINVAL;
	}
	slot->data = frame + offset;
	slot->len = w.len;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_ring_parse);

/* Reads the virtio-net header and moves @slot past it. */
static int slot_take_vnet(struct xinet_tx_slot *slot, struct xinet_tx *tx)
{
	if (slot->len < tx->vnet_size)
		return -EINVAL;
	memcpy(&tx->vnet, slot->data, sizeof(tx->vnet));
	slot->data += tx->vnet_size;
	slot->len -= tx->vnet_size;
	return xinet_vnet_check(&tx->vnet, slot->len);
}

/*
 * AF_PACKET attaches the pages of a ring to the skb, except for the headers,
 * and rejects more pages than an skb can hold.
 */
static bool slot_has_too_many_pages(const struct xinet_tx_slot *slot,
				    const struct xinet_tx *tx)
{
	u32 headers = 0;
	size_t bytes;

	if (likely(slot->len < (MAX_SKB_FRAGS - 1) * PAGE_SIZE))
		return false;
	if (!tx->cooked)
		headers = min(slot->len, max(xinet_vnet_hdr_len(&tx->vnet),
					     tx->hard_header_len));
	bytes = offset_in_page(slot->data + headers) + slot->len - headers;
	return bytes > MAX_SKB_FRAGS * PAGE_SIZE;
}

static int ring_parse(struct ring_walk *w, const void *frame,
		      struct xinet_tx_slot *slot)
{
	int err;

	err = xinet_tx_ring_parse(w->ring, frame, w->po->tx_has_off,
				  w->tx.cooked, w->size_max, slot);
	if (err || !w->tx.vnet_size)
		return err;
	return slot_take_vnet(slot, &w->tx);
}

static struct sk_buff *ring_alloc(struct ring_walk *w,
				  const struct xinet_tx_slot *slot, int *err)
{
	/* a short header is padded here or rejected by ring_fill() */
	u32 len = max(slot->len, w->tx.reserve);

	return xinet_tx_alloc(&w->po->sk, &w->tx, len, w->noblock, err);
}

/* Copies a frame into its skb, and makes the checks that need the copy. */
static int ring_fill(const struct ring_walk *w, struct sk_buff *skb,
		     const struct xinet_tx_slot *slot)
{
	const struct xinet_tx *tx = &w->tx;
	int offset;

	if (unlikely(slot_has_too_many_pages(slot, tx)))
		return -EFAULT;
	/* first: the header of a VLAN device sets another protocol */
	xinet_tx_set_protocol(tx, skb);
	offset = xinet_tx_push_header(tx, skb, slot->len);
	if (offset < 0)
		return offset;
	if (likely(!skb_is_nonlinear(skb)))
		xinet_copy_linear(skb->data + offset, slot->data,
				  slot->len);
	else if (skb_store_bits(skb, offset, slot->data, slot->len))
		return -EFAULT;

	if (unlikely(slot->len < tx->reserve))
		memset(skb->data + slot->len, 0, tx->reserve - slot->len);
	if (!tx->cooked && !dev_validate_header(tx->dev, skb->data, slot->len))
		return -EINVAL;
	if (!skb->len)
		return -EINVAL;
	if (!tx->vnet_size && xinet_tx_is_too_long(tx, slot->len, skb))
		return -EMSGSIZE;
	return xinet_tx_prepare(w->po, tx, skb);
}

/* Writes the time of sending, if known and @wanted; returns TP_STATUS_TS_*. */
static u32 ring_stamp(u8 version, void *frame, const struct sk_buff *skb,
		      u32 wanted)
{
	union xinet_ring_header *h = frame;
	struct timespec64 ts;
	u32 status;

	if ((wanted & SOF_TIMESTAMPING_RAW_HARDWARE) &&
	    ktime_to_timespec64_cond(skb_hwtstamps((struct sk_buff *)skb)->
				     hwtstamp, &ts))
		status = TP_STATUS_TS_RAW_HARDWARE;
	else if ((wanted & SOF_TIMESTAMPING_SOFTWARE) &&
		 ktime_to_timespec64_cond(skb->tstamp, &ts))
		status = TP_STATUS_TS_SOFTWARE;
	else
		return 0;

	switch (version) {
	case TPACKET_V1:
		h->v1.tp_sec = ts.tv_sec;
		h->v1.tp_usec = ts.tv_nsec / NSEC_PER_USEC;
		break;
	case TPACKET_V2:
		h->v2.tp_sec = ts.tv_sec;
		h->v2.tp_nsec = ts.tv_nsec;
		break;
	default:
		h->v3.tp_sec = ts.tv_sec;
		h->v3.tp_nsec = ts.tv_nsec;
		break;
	}
	return status;
}

static void ring_set_status(struct xinet_ring *ring, void *frame, u32 status)
{
	xinet_ring_set_status(ring->version, frame, status);
	xinet_ring_flush(frame, ring->hdrlen);
}

/*
 * The skb of a frame is freed or orphaned; any context. Only one ring can have
 * frames in flight, and each of them holds it, so tx_flight is this frame's
 * ring even after the socket has dropped it. The socket itself lives until
 * sock_wfree().
 */
static void ring_destruct(struct sk_buff *skb)
{
	struct xinet_packet_sock *po = xinet_packet_sk(skb->sk);
	struct xinet_ring *ring = READ_ONCE(po->tx_flight);
	void *frame = skb_shinfo(skb)->destructor_arg;
	u32 wanted = READ_ONCE(po->tp_tstamp);
	u32 status = TP_STATUS_AVAILABLE;

	if (unlikely(wanted))
		status |= ring_stamp(ring->version, frame, skb, wanted);
	ring_set_status(ring, frame, status);
	/* before the wakeup: ring_wait() then finds no frame in flight */
	xinet_ring_put_atomic(ring);
	sock_wfree(skb);
}

/* Hands the frame to its skb; ring_destruct() gives it back. */
static void ring_launch(struct ring_walk *w, struct sk_buff *skb, void *frame)
{
	ring_set_status(w->ring, frame, TP_STATUS_SENDING);
	xinet_ring_get(w->ring);
	skb_shinfo(skb)->destructor_arg = frame;
	skb->destructor = ring_destruct;
}

/* Rejects a frame that cannot be sent; returns whether to go on after it. */
static bool ring_refuse(struct ring_walk *w, void *frame, int err)
{
	if (w->po->tp_loss) {
		ring_set_status(w->ring, frame, TP_STATUS_AVAILABLE);
		xinet_ring_advance(w->ring);
		return true;
	}
	ring_set_status(w->ring, frame, TP_STATUS_WRONG_FORMAT);
	w->result = err;
	return false;
}

/* Leaves a frame to be tried again. */
static bool ring_defer(struct ring_walk *w, void *frame, int result)
{
	ring_set_status(w->ring, frame, TP_STATUS_SEND_REQUEST);
	w->result = result;
	return false;
}

/*
 * Whether the skb of a frame that was not sent has been freed. If not, its
 * holder frees it later, and the frame must not be sent twice. If the program
 * has written the status word itself, its value counts.
 */
static bool ring_is_back(const struct xinet_ring *ring, const void *frame)
{
	return xinet_ring_status(ring->version, frame) != TP_STATUS_SENDING;
}

/* Sends the frame at the head; returns whether to go on. */
static bool ring_send_one(struct ring_walk *w, void *frame)
{
	struct xinet_tx_slot slot;
	struct sk_buff *skb;
	int err;

	err = ring_parse(w, frame, &slot);
	if (unlikely(err))
		return ring_refuse(w, frame, err);
	/* the byte count must not overflow into an errno */
	if (unlikely(slot.len > INT_MAX - w->sent)) {
		w->result = w->sent;
		return false;
	}

	skb = ring_alloc(w, &slot, &err);
	if (unlikely(!skb))
		return ring_defer(w, frame, w->sent ? w->sent : err);
	err = ring_fill(w, skb, &slot);
	if (unlikely(err)) {
		kfree_skb(skb);
		if (err == -ENETDOWN)
			return ring_defer(w, frame, err);
		return ring_refuse(w, frame, err);
	}

	ring_launch(w, skb, frame);
	err = xinet_tx_xmit(w->po, skb);
	if (unlikely(err) && ring_is_back(w->ring, frame))
		return ring_defer(w, frame, err);
	xinet_ring_advance(w->ring);
	w->sent += slot.len;
	return true;
}

static bool ring_is_ready(const struct xinet_ring *ring)
{
	return xinet_ring_status(ring->version, ring->head_frame) ==
	       TP_STATUS_SEND_REQUEST;
}

/*
 * Waits until frames have left. The socket is woken at the latest when half of
 * its send buffer is free, and always when the last frame has left.
 */
static int ring_wait(struct ring_walk *w)
{
	long left;

	left = wait_event_interruptible_timeout(*sk_sleep(&w->po->sk),
						ring_is_ready(w->ring) ||
						!xinet_ring_in_flight(w->ring),
						w->timeo);
	if (left <= 0)
		return left ? left : -ETIMEDOUT;
	w->timeo = left;
	return 0;
}

/* The program may refill the ring forever: checks once per round. */
static bool ring_may_go_round(struct ring_walk *w)
{
	if (likely(w->round--))
		return true;
	if (signal_pending(current)) {
		w->result = w->sent ? w->sent : -ERESTARTSYS;
		return false;
	}
	/* an endless run of rejected frames must not keep it registered */
	if (!(READ_ONCE(w->tx.dev->flags) & IFF_UP) ||
	    !net_eq(dev_net(w->tx.dev), sock_net(&w->po->sk))) {
		w->result = w->sent ? w->sent : -ENETDOWN;
		return false;
	}
	cond_resched();
	w->round = w->ring->nr_frames;
	return true;
}

static int ring_walk(struct ring_walk *w)
{
	struct xinet_ring *ring = w->ring;
	int err;

	for (;;) {
		if (ring_is_ready(ring)) {
			if (!ring_may_go_round(w) ||
			    !ring_send_one(w, ring->head_frame))
				return w->result;
			continue;
		}
		if (w->noblock || !xinet_ring_in_flight(ring))
			return w->sent;
		err = ring_wait(w);
		if (err)
			return err;
	}
}

/* The most bytes of a frame that has a VLAN tag. */
static u32 ring_size_max(const struct xinet_ring *ring,
			 const struct xinet_tx *tx)
{
	u32 room = ring->frame_size - ring_data_offset(ring);

	if (tx->vnet_size)
		return room;
	return min_t(u64, room, (u64)READ_ONCE(tx->dev->mtu) + tx->reserve +
				VLAN_HLEN);
}

#if IS_ENABLED(CONFIG_KUNIT)
int xinet_tx_ring_sent_before;
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_ring_sent_before);

static int ring_sent_before(void)
{
	return xinet_tx_ring_sent_before;
}
#else
static int ring_sent_before(void)
{
	return 0;
}
#endif

int xinet_tx_ring_send(struct xinet_packet_sock *po, struct msghdr *msg)
{
	struct ring_walk w = {
		.po = po,
		.sent = ring_sent_before(),
		.noblock = msg->msg_flags & MSG_DONTWAIT,
		.timeo = sock_sndtimeo(&po->sk, msg->msg_flags & MSG_DONTWAIT),
	};
	int err = -EBUSY;

	mutex_lock(&po->ring_lock);
	w.ring = po->tx_ring;
	/* the caller saw a ring without the lock */
	if (!w.ring)
		goto out_unlock;
	err = xinet_tx_begin(po, &w.tx, msg);
	if (err)
		goto out_unlock;

	w.size_max = ring_size_max(w.ring, &w.tx);
	w.tx.pool = w.ring->tx_pool;
	w.round = w.ring->nr_frames;
	/* all frames in flight are of this ring */
	WRITE_ONCE(po->tx_flight, w.ring);
	xinet_tx_pool_begin(w.tx.pool);
	err = ring_walk(&w);
	xinet_tx_pool_end(w.tx.pool);
	xinet_tx_end(&w.tx);
out_unlock:
	mutex_unlock(&po->ring_lock);
	return err;
}

static bool ring_is_writable(const struct xinet_ring *ring)
{
	return xinet_ring_status(ring->version,
				 READ_ONCE(ring->head_frame)) ==
	       TP_STATUS_AVAILABLE;
}

__poll_t xinet_tx_ring_poll(struct xinet_packet_sock *po)
{
	struct sock *sk = &po->sk;
	__poll_t mask = 0;

	spin_lock_bh(&sk->sk_write_queue.lock);
	if (po->tx_ring && ring_is_writable(po->tx_ring))
		mask |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock_bh(&sk->sk_write_queue.lock);
	return mask;
}
