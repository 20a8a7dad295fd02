// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small packets in receive queues. A clone keeps the memory that its packet was
 * received in, mostly far more than its data, and the driver must allocate
 * fresh memory for the next one, which the kernel may have to clear. Here the
 * data of one packet after the other is copied into a carrier, which is laid
 * out as the data of any skb, and the clones point into it:
 *
 *  carrier: | packet | packet | packet | free ...   | skb_shared_info |
 *               ^        ^        ^
 *   clones -----+--------+--------+
 *
 * All share the one struct skb_shared_info, whose reference count decides when
 * the carrier is freed, so a packet that needs that struct for itself is not
 * copied. Nor is one whose header the caller is to change.
 *
 * The packets of one carrier are for different sockets, and any of them may be
 * the last to be read: so each is charged for the whole carrier, and carriers
 * are small.
 *
 * Allocating a carrier costs more than all other work on its packets. So each
 * CPU keeps the last few and reuses one when its packets have been read:
 * always, if readers keep up. A carrier is plain kmalloc() memory, because its
 * last holder frees it as such, possibly after this module has been unloaded.
 */
#include <kunit/visibility.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "af_xinet/copy.h"
#include "ip/copybreak.h"

/* Bytes of a carrier, bytes for packets in it, truesize of a packet in it. */
#define CARRIER_BYTES	SZ_1K
#define CARRIER_DATA	SKB_WITH_OVERHEAD(CARRIER_BYTES)
#define CARRIER_TRUESIZE	(CARRIER_BYTES + SKB_DATA_ALIGN(sizeof(struct sk_buff)))
#define CARRIER_ALIGN	8

/*
 * Carriers that a CPU keeps: enough for about as many small packets as the
 * default receive buffer holds.
 */
#define CARRIERS_PER_CPU	32

/*
 * @carrier: one reference to each; NULL before the first use
 * @at: the current one; the next one is the least recently used
 * @used: bytes of the current one that are in use
 *
 * Per CPU; accessed only by that CPU, with BH disabled.
 */
struct copybreak_ring {
	unsigned char *carrier[CARRIERS_PER_CPU];
	unsigned int at;
	unsigned int used;
};

static DEFINE_PER_CPU(struct copybreak_ring, copybreak_ring);

/* Whether a clone loses nothing with another struct skb_shared_info. */
static bool copybreak_is_plain(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	return !IS_ENABLED(CONFIG_PREEMPT_RT) && !skb_is_nonlinear(skb) &&
	       skb->ip_summed != CHECKSUM_PARTIAL && !skb->encapsulation &&
	       !(info->flags | info->meta_len | info->tx_flags) &&
	       !info->gso_size && !info->hwtstamps.hwtstamp;
}

/* The first byte to copy: filters may read the link-level header. */
static const unsigned char *copybreak_start(const struct sk_buff *skb)
{
	if (!skb_mac_header_was_set(skb))
		return skb->data;
	return min_t(const unsigned char *, skb_mac_header(skb), skb->data);
}

static struct skb_shared_info *copybreak_info(unsigned char *carrier)
{
	return (struct skb_shared_info *)(carrier + CARRIER_DATA);
}

/*
 * References to @carrier, including ours. Only this CPU takes any; a holder has
 * read its packet before it drops one (acquire).
 */
static int copybreak_references(unsigned char *carrier)
{
	return atomic_read_acquire(&copybreak_info(carrier)->dataref);
}

/* Drops our reference. Any holder may drop the last one, by kfree(). */
static void copybreak_put(unsigned char *carrier)
{
	if (carrier && atomic_dec_and_test(&copybreak_info(carrier)->dataref))
		kfree(carrier);
}

static unsigned char *copybreak_alloc(void)
{
	unsigned char *carrier;

	carrier = kmalloc(CARRIER_BYTES, GFP_ATOMIC | __GFP_NOMEMALLOC |
					__GFP_NOWARN);
	if (!carrier)
		return NULL;
	memset(copybreak_info(carrier), 0, offsetof(struct skb_shared_info,
						    dataref));
	atomic_set(&copybreak_info(carrier)->dataref, 1);
	return carrier;
}

/* The next carrier of @ring, empty; NULL if out of memory. */
static noinline unsigned char *copybreak_renew(struct copybreak_ring *ring)
{
	unsigned char **carrier;

	ring->at = (ring->at + 1) % CARRIERS_PER_CPU;
	ring->used = 0;
	carrier = &ring->carrier[ring->at];
	if (!*carrier || copybreak_references(*carrier) > 1) {
		copybreak_put(*carrier);
		*carrier = copybreak_alloc();
	}
	return *carrier;
}

/* A carrier with @room free bytes at @ring->used; NULL if out of memory. */
static unsigned char *copybreak_carrier(struct copybreak_ring *ring, unsigned int room)
{
	unsigned char *carrier = ring->carrier[ring->at];
	int references;

	if (unlikely(!carrier))
		return copybreak_renew(ring);
	references = copybreak_references(carrier);
	if (references == 1) /* all its packets have been read */
		ring->used = 0;
	if (ring->used + room > CARRIER_DATA ||
	    references > XINET_COPYBREAK_REFERENCES)
		return copybreak_renew(ring);
	return carrier;
}

/* Points @clone to @len bytes at @data, in @carrier. */
static void copybreak_move(struct sk_buff *clone, unsigned char *carrier,
			   unsigned char *data, unsigned int len)
{
	int shift = (data - carrier) - (clone->data - clone->head);

	atomic_dec(&skb_shinfo(clone)->dataref); /* never the last one */
	atomic_inc(&copybreak_info(carrier)->dataref);

	if (skb_mac_header_was_set(clone))
		clone->mac_header += shift;
	clone->network_header += shift;
	if (skb_transport_header_was_set(clone))
		clone->transport_header += shift;
	clone->head = carrier;
	skb_set_end_offset(clone, CARRIER_DATA);
	clone->head_frag = 0;
	clone->pp_recycle = 0;
	clone->hdr_len = 0;
	clone->data = data;
	clone->len = len;
	clone->truesize = max_t(unsigned int, clone->truesize, CARRIER_TRUESIZE);
	skb_set_tail_pointer(clone, len);
}

struct sk_buff *xinet_skb_copybreak(struct sk_buff *skb, unsigned int len)
{
	const unsigned char *start = copybreak_start(skb);
	unsigned int lead = skb->data - start;
	unsigned char *carrier, *data;
	struct copybreak_ring *ring;
	struct sk_buff *clone;
	unsigned int room;

	if (lead + len > XINET_COPYBREAK_MAX || !copybreak_is_plain(skb) ||
	    (len != skb->len && skb->ip_summed == CHECKSUM_COMPLETE))
		return NULL;

	ring = this_cpu_ptr(&copybreak_ring);
	/* keeps the network header aligned */
	room = ALIGN(ALIGN(lead, CARRIER_ALIGN) + len, CARRIER_ALIGN);
	carrier = copybreak_carrier(ring, room);
	if (unlikely(!carrier))
		return NULL;
	clone = skb_clone(skb, GFP_ATOMIC);
	if (unlikely(!clone))
		return NULL;

	data = carrier + ring->used + ALIGN(lead, CARRIER_ALIGN);
	ring->used += room;
	xinet_copy_linear(data - lead, start, lead + len);
	copybreak_move(clone, carrier, data, len);
	return clone;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_skb_copybreak);

void xinet_skb_copybreak_exit(void)
{
	struct copybreak_ring *ring;
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		ring = per_cpu_ptr(&copybreak_ring, cpu);
		for (i = 0; i < CARRIERS_PER_CPU; i++)
			copybreak_put(ring->carrier[i]);
	}
}
