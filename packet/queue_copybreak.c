// SPDX-License-Identifier: GPL-2.0-only
/*
 * For a small packet in a receive queue, the skb costs more time and memory
 * than the data: a clone is allocated, cleared, filled in and freed to keep
 * sixty bytes. Here small packets are copied for queue.c, one behind the other,
 * into a page of one skb in the queue, their carrier:
 *
 *   queue --> skb --> carrier --> carrier
 *                        |           |
 *                        |           +-> | packet | packet |   free       |
 *                        |
 *                        +-> | (read) | packet | packet | packet | packet |
 *                                     ^ data, len
 *
 * Rules, under sk_receive_queue.lock:
 *   A carrier in the queue has at least one packet that has not been taken. Its
 *   data and len are those of the first, because the core, SIOCINQ and other
 *   readers of the queue's head treat it as an skb of one packet.
 *   Packets are appended to the last carrier. A new one is begun only if the
 *   queue is empty or ends with a full carrier. Behind an skb of another kind,
 *   packets are queued as clones.
 *   Each packet is charged as its original skb would be, and a carrier with no
 *   less than it holds: the surplus charged for the first packets of a page is
 *   used up by later ones, and released with the last. Nothing is copied if the
 *   receive buffer has no room for a page.
 *
 * A reader copies without the lock; its reference keeps the page alive, and
 * only free bytes of the page are ever written. The reader that takes the last
 * packet of a carrier takes the carrier out of the queue, and, if no other
 * reader uses it, keeps it as the spare for the next packet: nothing is
 * allocated for a reader that keeps up.
 */
#include <kunit/visibility.h>
#include <linux/align.h>
#include <linux/etherdevice.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/refcount.h>
#include <linux/sizes.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/frame_info.h"
#include "packet/queue_copybreak.h"
#include "packet/sock.h"

/* Size of a carrier, its bytes for packets, and their alignment. */
#define CARRIER_BYTES	min_t(u32, PAGE_SIZE, SZ_16K)
#define CARRIER_DATA	((u32)SKB_WITH_OVERHEAD(CARRIER_BYTES))
#define CARRIER_ALIGN	sizeof(u64)

/* Memory that a carrier holds. */
#define CARRIER_TRUESIZE	((u32)(PAGE_SIZE + \
			       SKB_DATA_ALIGN(sizeof(struct sk_buff))))

/*
 * The control buffer of a carrier.
 *
 * @first: offset of the first packet that has not been taken
 * @end: offset of the next packet to be added
 * @truesize: sum over the packets from @first to @end
 * @charged: charge of the socket: @truesize, but at least CARRIER_TRUESIZE
 *	while there are packets
 */
struct copybreak_cb {
	u32 first;
	u32 end;
	u32 truesize;
	u32 charged;
};

static struct copybreak_cb *copybreak_cb(const struct sk_buff *skb)
{
	sock_skb_cb_check_size(sizeof(struct copybreak_cb));
	return (struct copybreak_cb *)skb->cb;
}

static u32 copybreak_room(u32 len)
{
	return ALIGN((u32)sizeof(struct xinet_queue_packet) + len,
		     CARRIER_ALIGN);
}

/* Destructor of a carrier: releases the charge of packets not taken. */
static void copybreak_destruct(struct sk_buff *carrier)
{
	atomic_sub(copybreak_cb(carrier)->charged, &carrier->sk->sk_rmem_alloc);
}

static bool copybreak_is_carrier(const struct sk_buff *skb)
{
	return skb->destructor == copybreak_destruct;
}

static struct xinet_queue_packet *copybreak_first(const struct sk_buff *carrier)
{
	return (void *)carrier->head + copybreak_cb(carrier)->first;
}

/* Makes @carrier an skb of its first packet. */
static void copybreak_show_first(struct sk_buff *carrier)
{
	struct xinet_queue_packet *packet = copybreak_first(carrier);

	carrier->data = (void *)(packet + 1);
	carrier->len = packet->len;
	skb_set_tail_pointer(carrier, carrier->len);
}

static noinline struct sk_buff *copybreak_alloc(struct sock *sk)
{
	struct sk_buff *carrier;
	struct page *page;

	page = alloc_page(GFP_ATOMIC | __GFP_NOWARN | __GFP_NOMEMALLOC);
	if (!page)
		return NULL;
	carrier = build_skb(page_address(page), CARRIER_BYTES);
	if (!carrier) {
		__free_page(page);
		return NULL;
	}
	carrier->sk = sk;
	carrier->destructor = copybreak_destruct;
	copybreak_cb(carrier)->charged = 0;
	return carrier;
}

/* Queues an empty carrier; the caller fills it before it unlocks the queue. */
static struct sk_buff *copybreak_begin(struct xinet_packet_sock *po)
{
	struct sock *sk = &po->sk;
	struct sk_buff *carrier;

	if (unlikely(atomic_read(&sk->sk_rmem_alloc) + CARRIER_TRUESIZE >
		     READ_ONCE(sk->sk_rcvbuf)))
		return NULL;
	carrier = xchg(&po->spare, NULL) ?: copybreak_alloc(sk);
	if (unlikely(!carrier))
		return NULL;
	copybreak_cb(carrier)->first = 0;
	copybreak_cb(carrier)->end = 0;
	copybreak_cb(carrier)->truesize = 0;
	__skb_queue_tail(&sk->sk_receive_queue, carrier);
	return carrier;
}

/* The carrier with @room bytes for the next packet, or NULL. */
static __always_inline struct sk_buff *
copybreak_carrier(struct xinet_packet_sock *po, u32 room)
{
	struct sk_buff *last = skb_peek_tail(&po->sk.sk_receive_queue);

	if (likely(last)) {
		if (unlikely(!copybreak_is_carrier(last)))
			return NULL;
		if (likely(copybreak_cb(last)->end + room <= CARRIER_DATA))
			return last;
	}
	return copybreak_begin(po);
}

static __always_inline void
copybreak_fill(struct xinet_queue_packet *packet, const struct sk_buff *skb,
	       const void *data, u32 len)
{
	const struct net_device *dev = skb->dev;

	packet->tstamp = skb->tstamp;
	packet->truesize = skb->truesize;
	packet->len = len;
	packet->mark = skb->mark;
	packet->priority = skb->priority;
	packet->protocol = skb->protocol;
	packet->net = skb_network_header(skb) - (unsigned char *)data;
	packet->ip_summed = skb->ip_summed;
	packet->csum_valid = skb->csum_valid;
	packet->from.hatype = dev->type;
	packet->from.pkttype = skb->pkt_type;
	packet->from.halen = ETH_ALEN;
	memcpy(packet->addr, eth_hdr(skb)->h_source, ETH_ALEN);
	xinet_copy_linear(packet + 1, data, len);
}

bool xinet_queue_copybreak(struct xinet_packet_sock *po, const struct sk_buff *skb,
			   const void *data, u32 origlen, u32 len, int ifindex)
{
	struct sock *sk = &po->sk;
	const u32 room = copybreak_room(len);
	struct xinet_queue_packet *packet;
	struct sk_buff *carrier;
	struct copybreak_cb *cb;
	u32 charge, ahead;

	BUILD_BUG_ON(offsetof(struct xinet_queue_packet, from) +
		     offsetof(struct xinet_queue_from, addr) !=
		     offsetof(struct xinet_queue_packet, addr));

	carrier = copybreak_carrier(po, room);
	if (unlikely(!carrier))
		return false;
	cb = copybreak_cb(carrier);
	/*
	 * The charge of the page beyond its packets does not count. An empty
	 * carrier is queued already and must be filled: copybreak_begin() has
	 * checked the room, which others may have changed since.
	 */
	ahead = cb->charged - cb->truesize;
	if (unlikely(atomic_read(&sk->sk_rmem_alloc) - (int)ahead >=
		     READ_ONCE(sk->sk_rcvbuf)) && cb->truesize)
		return false;

	packet = (void *)carrier->head + cb->end;
	copybreak_fill(packet, skb, data, len);
	packet->from.origlen = origlen;
	packet->from.ifindex = ifindex;
	packet->dropcount = sock_flag(sk, SOCK_RXQ_OVFL) ?
			    xinet_sk_drops_read(sk) : 0;
	if (cb->first == cb->end)
		copybreak_show_first(carrier);
	cb->end += room;
	cb->truesize += packet->truesize;
	charge = max(cb->truesize, CARRIER_TRUESIZE);
	atomic_add(charge - cb->charged, &sk->sk_rmem_alloc);
	cb->charged = charge;
	po->tp_packets++;
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_queue_copybreak);

/*
 * Takes @packet, the first one of a carrier, with its charge; others may be
 * read meanwhile. Returns whether there is another.
 */
static bool copybreak_take(struct copybreak_cb *cb, struct xinet_queue_packet *packet)
{
	bool more;
	u32 left;

	cb->first += copybreak_room(packet->len);
	cb->truesize -= packet->truesize;
	more = cb->first != cb->end;
	left = more ? max(cb->truesize, CARRIER_TRUESIZE) : 0;
	packet->truesize = cb->charged - left;
	cb->charged = left;
	return more;
}

struct sk_buff *xinet_queue_take(struct sock *sk, bool peek,
				 const struct xinet_queue_packet **packet)
{
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);
	struct xinet_queue_packet *first;

	*packet = NULL;
	if (!skb)
		return NULL;
	if (!copybreak_is_carrier(skb)) {
		if (peek)
			return skb_get(skb);
		__skb_unlink(skb, &sk->sk_receive_queue);
		return skb;
	}

	first = copybreak_first(skb);
	*packet = first;
	if (peek)
		return skb_get(skb);
	if (copybreak_take(copybreak_cb(skb), first)) {
		copybreak_show_first(skb);
		return skb_get(skb);
	}
	__skb_unlink(skb, &sk->sk_receive_queue);
	return skb;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_queue_take);

/* Whether the caller has the last reference to a carrier without packets. */
static bool copybreak_is_done(const struct sk_buff *carrier)
{
	if (skb_shared(carrier))
		return false;
	/* orders reads after other readers' put, as skb_unref() does */
	smp_rmb();
	return copybreak_cb(carrier)->first == copybreak_cb(carrier)->end;
}

void xinet_queue_put(struct sock *sk, struct sk_buff *skb,
		     const struct xinet_queue_packet *packet, bool peek)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sk);

	if (packet && !peek) {
		atomic_sub(packet->truesize, &sk->sk_rmem_alloc);
		if (copybreak_is_done(skb) && !cmpxchg(&po->spare, NULL, skb))
			return;
	}
	consume_skb(skb);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_queue_put);

struct sk_buff *xinet_queue_to_skb(const struct xinet_queue_packet *packet)
{
	struct sk_buff *skb = alloc_skb(packet->len, GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, packet->net);
	skb_put_data(skb, packet + 1, packet->len);
	skb->tstamp = packet->tstamp;
	skb->mark = packet->mark;
	skb->priority = packet->priority;
	skb->protocol = packet->protocol;
	skb->pkt_type = packet->from.pkttype;
	skb->ip_summed = packet->ip_summed;
	skb->csum_valid = packet->csum_valid;
	SOCK_SKB_CB(skb)->dropcount = packet->dropcount;
	return skb;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_queue_to_skb);

void xinet_queue_copybreak_release(struct xinet_packet_sock *po)
{
	consume_skb(xchg(&po->spare, NULL));
}
