// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small packets that wait for a reader. A clone keeps the memory that a packet
 * came in, mostly far more than its bytes, and whoever receives the next one
 * must take fresh memory, which the kernel may have to clear. Here the bytes
 * go, one packet behind the other, into the data of a carrier, an skb of its own,
 * and the clone is made to point there:
 *
 *   carrier ------+
 *                 v
 *     data: | packet | packet | packet | free ...   | skb_shared_info |
 *               ^        ^        ^
 *   clones -----+--------+--------+
 *
 * All share the one struct skb_shared_info, whose count says when the data go,
 * so a packet that has something of its own to say there is not packed. Nor is
 * one whose header somebody means to change.
 *
 * The packets of one carrier are for different sockets, and any of them may be
 * the last to be read: so each is charged for the whole, and the whole is small.
 */
#include <kunit/visibility.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <linux/sizes.h>

#include "af_xinet/skb_pack.h"
#include "packet/frame_info.h"

/* Bytes of a carrier's data. */
#define PACK_SIZE	SKB_WITH_OVERHEAD(SZ_1K)
#define PACK_ALIGN	16

/*
 * @skb: never handed out itself; NULL before the first packet
 * @used: bytes of its data that packets have
 *
 * Of one CPU, which alone touches it, with BH disabled.
 */
struct pack_carrier {
	struct sk_buff *skb;
	unsigned int used;
};

static DEFINE_PER_CPU(struct pack_carrier, pack_carrier);

/* Whether a clone with another struct skb_shared_info says the same. */
static bool pack_is_plain(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	return !IS_ENABLED(CONFIG_PREEMPT_RT) && !skb_is_nonlinear(skb) &&
	       skb->ip_summed != CHECKSUM_PARTIAL && !skb->encapsulation &&
	       !(info->flags | info->meta_len | info->tx_flags) &&
	       !info->gso_size && !info->hwtstamps.hwtstamp;
}

/* Where what a reader may ask for begins: filters look at the link's header. */
static const unsigned char *pack_start(const struct sk_buff *skb)
{
	if (!skb_mac_header_was_set(skb))
		return skb->data;
	return min_t(const unsigned char *, skb_mac_header(skb), skb->data);
}

static bool pack_has_room(const struct pack_carrier *carrier, unsigned int room)
{
	return carrier->skb &&
	       carrier->used + room <= PACK_SIZE &&
	       atomic_read(&skb_shinfo(carrier->skb)->dataref) <=
	       XINET_SKB_PACK_REFERENCES;
}

static noinline bool pack_renew(struct pack_carrier *carrier)
{
	consume_skb(carrier->skb);
	carrier->used = 0;
	carrier->skb = alloc_skb(PACK_SIZE, GFP_ATOMIC | __GFP_NOMEMALLOC |
					    __GFP_NOWARN);
	return carrier->skb;
}

/* Lets @clone have @len bytes at @data, in the data of @carrier. */
static void pack_move(struct sk_buff *clone, struct sk_buff *carrier,
		      unsigned char *data, unsigned int len)
{
	int shift = (data - carrier->head) - (clone->data - clone->head);

	atomic_dec(&skb_shinfo(clone)->dataref); /* the packet has one */
	atomic_inc(&skb_shinfo(carrier)->dataref);
	carrier->cloned = 1;

	if (skb_mac_header_was_set(clone))
		clone->mac_header += shift;
	clone->network_header += shift;
	if (skb_transport_header_was_set(clone))
		clone->transport_header += shift;
	clone->head = carrier->head;
	clone->end = carrier->end;
	clone->head_frag = carrier->head_frag;
	clone->pp_recycle = 0;
	clone->hdr_len = 0;
	clone->data = data;
	clone->len = len;
	clone->truesize = max(clone->truesize, carrier->truesize);
	skb_set_tail_pointer(clone, len);
}

struct sk_buff *xinet_skb_pack(struct sk_buff *skb, unsigned int len)
{
	const unsigned char *start = pack_start(skb);
	unsigned int lead = skb->data - start;
	struct pack_carrier *carrier;
	unsigned char *data;
	unsigned int room;
	struct sk_buff *clone;

	if (lead + len > XINET_SKB_PACK_MAX || !pack_is_plain(skb) ||
	    (len != skb->len && skb->ip_summed == CHECKSUM_COMPLETE))
		return NULL;

	carrier = this_cpu_ptr(&pack_carrier);
	/* headers of the network layer are aligned */
	room = ALIGN(ALIGN(lead, PACK_ALIGN) + len, PACK_ALIGN);
	if (!pack_has_room(carrier, room) && !pack_renew(carrier))
		return NULL;
	clone = skb_clone(skb, GFP_ATOMIC);
	if (unlikely(!clone))
		return NULL;

	data = carrier->skb->head + carrier->used + ALIGN(lead, PACK_ALIGN);
	carrier->used += room;
	xinet_frame_copy_linear(data - lead, start, lead + len);
	pack_move(clone, carrier->skb, data, len);
	return clone;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_skb_pack);

void xinet_skb_pack_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		consume_skb(per_cpu_ptr(&pack_carrier, cpu)->skb);
}
