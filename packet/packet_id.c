// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers that a packet keeps on its way through the host. The kernel gives none,
 * so one is noted for the address of its skb, with where the skb may be by now:
 *
 *   TAP_IN --> PRE_ROUTING --> LOCAL_IN --> DELIVERED
 *                  |
 *                  +--------> FORWARD --+
 *                                       +--> POST_ROUTING --> QDISC --> TAP_OUT -+
 *                             LOCAL_OUT +                                        |
 *                                                               START_XMIT <-----+
 *
 * and from each of the upper ones to DROPPED. An address may soon belong to another
 * packet. At each beginning what was noted is
 * forgotten; but copies, such as those of a multicast packet, come by none of them, and
 * a tap sees some packets only. So the first bytes must be the same as well, but for
 * what routing and NAT change, and at a device the device. As a tap gets a clone of what
 * is sent, and a driver what it was cut into, those notes are for the address of the
 * bytes.
 *
 * Notes that collide replace each other: then the next record of the packet has
 * another number, but not that of another packet.
 *
 * In a socket's queue, and when it is dropped, there may be a clone at the address:
 * the buffer must be the same then, and not have been cloned since. The lock of a
 * note is taken with interrupts disabled, for a packet may be dropped in one.
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/hash.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "packet/packet_id.h"

/* Notes: so many bits of a hash for one CPU, more for more of them, and at most. */
#define PACKET_ID_BITS_MIN 11
#define PACKET_ID_BITS_MAX 15

/* Bytes from the network header on that are compared; not only of the IP header */
#define PACKET_ID_BYTES 84

/**
 * struct packet_note - the number of a packet
 * @lock: of the others
 * @stage: where it was seen last
 * @bytes: hash of its first bytes
 * @ifindex: the device there
 * @dev: its address; never followed
 * @key: address of its skb, or of its bytes; never followed
 * @head: of its bytes; never followed
 * @cloned: others may have the same bytes
 * @id: the number
 */
struct packet_note {
	raw_spinlock_t lock; /* of the others */
	enum xinet_packet_stage stage;
	u32 bytes;
	int ifindex;
	const void *dev;
	const void *key;
	const void *head;
	bool cloned;
	u64 id;
};

/* Numbers of struct xinet_packet_ids. */
static atomic64_t packet_ids_serial;

struct xinet_packet_ids {
	u64 serial;
	atomic64_t last;
	u32 seed;
	bool heads;
	bool joins;
	u8 bits;
	struct packet_note notes[];
};

/* The stages from which a packet comes to one; on the way by one device, or not. */
static const struct {
	u16 after;
	bool one_device;
} packet_stages[XINET_STAGES] = {
	[XINET_STAGE_TAP_IN] = {},
	[XINET_STAGE_PRE_ROUTING] = { BIT(XINET_STAGE_TAP_IN), true },
	[XINET_STAGE_LOCAL_IN] = { BIT(XINET_STAGE_PRE_ROUTING) },
	[XINET_STAGE_FORWARD] = { BIT(XINET_STAGE_PRE_ROUTING) },
	[XINET_STAGE_LOCAL_OUT] = {},
	[XINET_STAGE_POST_ROUTING] = { BIT(XINET_STAGE_FORWARD) |
				       BIT(XINET_STAGE_LOCAL_OUT) },
	[XINET_STAGE_QDISC] = { BIT(XINET_STAGE_POST_ROUTING), true },
	[XINET_STAGE_TAP_OUT] = { BIT(XINET_STAGE_POST_ROUTING) |
					  BIT(XINET_STAGE_QDISC),
				  true },
	[XINET_STAGE_START_XMIT] = { BIT(XINET_STAGE_POST_ROUTING) |
					     BIT(XINET_STAGE_QDISC) |
					     BIT(XINET_STAGE_TAP_OUT),
				     true },
	[XINET_STAGE_DELIVERED] = { BIT(XINET_STAGE_LOCAL_IN) },
	[XINET_STAGE_DROPPED] = { BIT(XINET_STAGE_QDISC + 1) - 1 },
};

struct xinet_packet_ids *xinet_packet_ids_alloc(bool joins, bool heads)
{
	const u32 bits =
		min(PACKET_ID_BITS_MIN + order_base_2(num_possible_cpus()),
		    PACKET_ID_BITS_MAX);
	const u32 nr_notes = joins ? 1 << bits : 0;
	struct xinet_packet_ids *ids;
	u32 i;

	ids = kvzalloc(struct_size(ids, notes, nr_notes), GFP_KERNEL_ACCOUNT);
	if (!ids)
		return NULL;
	ids->serial = atomic64_inc_return(&packet_ids_serial);
	ids->joins = joins;
	ids->bits = bits;
	ids->heads = heads;
	ids->seed = get_random_u32();
	for (i = 0; i < nr_notes; i++)
		raw_spin_lock_init(&ids->notes[i].lock);
	return ids;
}

void xinet_packet_ids_free(struct xinet_packet_ids *ids)
{
	kvfree(ids);
}

u64 xinet_packet_ids_serial(const struct xinet_packet_ids *ids)
{
	return ids->serial;
}

static struct packet_note *packet_note(struct xinet_packet_ids *ids,
				       const void *key)
{
	return &ids->notes[hash_ptr(key, ids->bits)];
}

/*
 * What NAT may change in the first bytes of a transport header, behind the ports: two
 * ranges from the first to before the last. Of protocols that are not here, eight bytes.
 */
static const struct packet_holes {
	u8 protocol;
	u8 first[2];
	u8 second[2];
} packet_holes[] = {
	{ IPPROTO_TCP, { 0, 4 }, { 16, 18 } }, /* checksum */
	{ IPPROTO_UDP, { 0, 4 }, { 6, 8 } }, /* checksum */
	{ IPPROTO_SCTP, { 0, 4 }, { 8, 12 } }, /* checksum */
	{ IPPROTO_ICMP, { 2, 6 }, { 6, 6 } }, /* checksum, identifier */
	{ IPPROTO_ICMPV6, { 2, 6 }, { 6, 6 } }, /* the same */
};

static u32 packet_part(const u8 *bytes, u32 from, u32 to, u32 len, u32 hash)
{
	to = min(to, len);
	return from < to ? jhash(bytes + from, to - from, hash) : hash;
}

/* Of the transport header and what follows, @at bytes from the beginning of @len. */
static u32 packet_transport(const u8 *bytes, u32 len, u32 at, u8 protocol,
			    u32 hash)
{
	const struct packet_holes *holes;
	int i;

	for (i = 0; i < ARRAY_SIZE(packet_holes); i++) {
		holes = &packet_holes[i];
		if (holes->protocol != protocol)
			continue;
		hash = packet_part(bytes, at, at + holes->first[0], len, hash);
		hash = packet_part(bytes, at + holes->first[1],
				   at + holes->second[0], len, hash);
		return packet_part(bytes, at + holes->second[1], len, len,
				   hash);
	}
	return packet_part(bytes, at + 8, len, len, hash);
}

static u32 packet_ipv4(const struct iphdr *iph, u32 len, u32 hash)
{
	hash = jhash_3words((__force u32)iph->id << 16 |
				    (__force u32)iph->frag_off,
			    (__force u32)iph->tot_len, iph->protocol, hash);
	/* 0: longer than it can say */
	if (iph->tot_len)
		len = min_t(u32, len, ntohs(iph->tot_len));
	return packet_transport((const u8 *)iph, len, iph->ihl * 4,
				iph->protocol, hash);
}

static u32 packet_ipv6(const struct ipv6hdr *ip6h, u32 len, u32 hash)
{
	hash = jhash_2words((__force u32)ip6h->payload_len, ip6h->nexthdr,
			    hash);
	if (ip6h->payload_len)
		len = min_t(u32, len, sizeof(*ip6h) + ntohs(ip6h->payload_len));
	return packet_transport((const u8 *)ip6h, len, sizeof(*ip6h),
				ip6h->nexthdr, hash);
}

/*
 * Hash of the first bytes. It stays the same when routing and NAT change the packet,
 * and when IP cuts off what fills up a short frame.
 */
static u32 packet_bytes(const struct xinet_packet_ids *ids,
			const struct sk_buff *skb)
{
	const int offset = skb_network_offset(skb);
	const u32 len = min_t(u32, skb->len - offset, PACKET_ID_BYTES);
	u8 buf[PACKET_ID_BYTES] __aligned(4);
	const struct iphdr *iph;

	iph = skb_header_pointer(skb, offset, len, buf);
	if (!iph || len < sizeof(*iph))
		return 0;
	if (iph->version == 4)
		return packet_ipv4(iph, len, ids->seed);
	if (len < sizeof(struct ipv6hdr))
		return 0;
	return packet_ipv6((const struct ipv6hdr *)iph, len, ids->seed);
}

/* Whether the packet of @note is now where @seen says. */
static bool packet_is_noted(const struct packet_note *note,
			    const struct packet_note *seen)
{
	return note->key == seen->key && note->bytes == seen->bytes &&
	       packet_stages[seen->stage].after & BIT(note->stage) &&
	       (!packet_stages[seen->stage].one_device ||
		note->dev == seen->dev);
}

/* @seen: a note but for the number; if that is not 0, it is not looked for. */
static u64 packet_take_note(struct xinet_packet_ids *ids,
			    const struct packet_note *seen)
{
	struct packet_note *note = packet_note(ids, seen->key);
	unsigned long flags;
	u64 id = seen->id;

	raw_spin_lock_irqsave(&note->lock, flags);
	if (!id)
		id = packet_is_noted(note, seen) ?
			     note->id :
			     (u64)atomic64_inc_return(&ids->last);
	note->stage = seen->stage;
	note->bytes = seen->bytes;
	note->ifindex = seen->ifindex;
	note->dev = seen->dev;
	note->key = seen->key;
	note->head = seen->head;
	note->cloned = seen->cloned;
	note->id = id;
	raw_spin_unlock_irqrestore(&note->lock, flags);
	return id;
}

static bool packet_is_of_ip(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ||
	       skb->protocol == htons(ETH_P_IPV6);
}

/* Whether the note of a stage is for the address of the bytes. */
static bool packet_has_head_note(enum xinet_packet_stage stage)
{
	return stage == XINET_STAGE_TAP_OUT || stage == XINET_STAGE_START_XMIT;
}

u64 xinet_packet_id(struct xinet_packet_ids *ids, const struct sk_buff *skb,
		    bool cloned, const struct net_device *dev,
		    enum xinet_packet_stage stage)
{
	struct packet_note seen;

	if (!packet_is_of_ip(skb))
		return 0;
	if (!ids->joins)
		return atomic64_inc_return(&ids->last);
	seen.stage = stage;
	seen.bytes = packet_bytes(ids, skb);
	seen.ifindex = dev->ifindex;
	seen.dev = dev;
	seen.key = packet_has_head_note(stage) ? (const void *)skb->head :
						 (const void *)skb;
	seen.head = skb->head;
	seen.cloned = cloned;
	seen.id = 0;
	seen.id = packet_take_note(ids, &seen);
	if (ids->heads &&
	    (stage == XINET_STAGE_POST_ROUTING || stage == XINET_STAGE_QDISC)) {
		seen.key = skb->head;
		packet_take_note(ids, &seen);
	}
	return seen.id;
}

/* Whether the bytes that are compared may be read, however the packet came here. */
static bool packet_has_network_header(const struct sk_buff *skb)
{
	return skb->network_header &&
	       skb_network_header(skb) < skb_tail_pointer(skb);
}

/*
 * Whether a packet that others may have the bytes of is no clone of one that had its
 * address before.
 */
static bool packet_is_no_clone(const struct packet_note *note,
			       const struct packet_note *seen)
{
	/* forwarding, which puts one into a buffer of its own, is no cloning */
	if (!seen->cloned && seen->stage == XINET_STAGE_DROPPED)
		return true;
	return note->head == seen->head && (note->cloned || !seen->cloned);
}

/*
 * Whether a packet of a device, or of none, is one that was noted. What is
 * dropped before it has a device has not been where it would have one.
 */
static bool packet_is_of_device(const struct packet_note *note, const void *dev)
{
	if (!dev)
		return note->stage != XINET_STAGE_POST_ROUTING &&
		       note->stage != XINET_STAGE_QDISC;
	return dev == note->dev;
}

/* Takes the number out of the note of a packet that will not be seen again. */
static u64 packet_take_number(struct xinet_packet_ids *ids,
			      const struct packet_note *seen, int *ifindex,
			      const void **dev)
{
	struct packet_note *note = packet_note(ids, seen->key);
	unsigned long flags;
	u64 id = 0;

	raw_spin_lock_irqsave(&note->lock, flags);
	if (packet_is_noted(note, seen) && packet_is_no_clone(note, seen) &&
	    packet_is_of_device(note, seen->dev)) {
		id = note->id;
		*ifindex = note->ifindex;
		*dev = note->dev;
		note->key = NULL;
	}
	raw_spin_unlock_irqrestore(&note->lock, flags);
	return id;
}

u64 xinet_packet_delivered(struct xinet_packet_ids *ids,
			   const struct sk_buff *skb, bool cloned, int *ifindex,
			   const void **dev)
{
	struct packet_note seen = {
		.key = skb,
		.head = skb->head,
		.cloned = cloned,
		.stage = XINET_STAGE_DELIVERED,
	};

	*ifindex = 0;
	if (!ids->joins || !packet_is_of_ip(skb) ||
	    !packet_has_network_header(skb))
		return 0;
	seen.bytes = packet_bytes(ids, skb);
	return packet_take_number(ids, &seen, ifindex, dev);
}

u64 xinet_packet_dropped(struct xinet_packet_ids *ids,
			 const struct sk_buff *skb, bool cloned,
			 const struct sk_buff *clone)
{
	struct packet_note seen = {
		.key = skb,
		.head = clone->head,
		.cloned = cloned,
		.stage = XINET_STAGE_DROPPED,
		/* some have a substitute for none */
		.dev = clone->dev && clone->dev->ifindex ? clone->dev : NULL,
	};
	const void *dev;
	int ifindex;

	if (!ids->joins || !packet_is_of_ip(clone))
		return 0;
	seen.bytes = packet_bytes(ids, clone);
	return packet_take_number(ids, &seen, &ifindex, &dev);
}
