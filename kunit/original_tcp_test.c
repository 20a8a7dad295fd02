// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of TCP packets as on the wire: packet/tap/original_tcp.c, which cuts in place,
 * against packet/tap/original.c, which has the kernel cut, for packets at random; and
 * frames that a receiver keeps.
 */
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/gfp.h>
#include <linux/if_vlan.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/prandom.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/xinet.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "fake_dev.h"
#include "packet/tap/original.h"
#include "packet/tap/original_tcp.h"
#include "suites.h"

#define TEST_PACKETS	2000
#define TEST_MOST	1024
#define TEST_HEADROOM	64
#define TEST_MAX_FRAME	2048

struct original_fixture {
	struct net_device *dev;
	const struct header_ops *header_ops;
	struct rnd_state rnd;
	u8 ours[TEST_MAX_FRAME];
	u8 theirs[TEST_MAX_FRAME];
};

/* How a packet is made. */
struct test_packet {
	bool ipv6;
	bool outgoing;
	bool tagged;
	bool bare;
	bool partial;
	bool fixed_id;
	u32 ip_options;
	u32 tcp_options;
	u32 mss;
	u32 size;
	u32 linear;
};

static u32 below(struct original_fixture *f, u32 end)
{
	return prandom_u32_state(&f->rnd) % end;
}

static struct test_packet random_packet(struct original_fixture *f)
{
	struct test_packet p = {
		.ipv6 = below(f, 2),
		.outgoing = below(f, 2),
		.tagged = !below(f, 3),
		.bare = !below(f, 4),
		.partial = below(f, 2),
		.fixed_id = !below(f, 3),
		.ip_options = 4 * below(f, 3),
		.tcp_options = 4 * below(f, 11),
		.mss = 1 + below(f, 1460),
	};

	p.size = p.mss + 1 + below(f, 40000);
	p.linear = below(f, 3) ? below(f, p.size) : 0;
	/* without a link-level header there is no place for a tag */
	p.tagged &= !p.bare;
	return p;
}

/* Bytes of TCP in @skb, whose transport header is set. */
static void put_checksum(struct sk_buff *skb, const struct test_packet *p)
{
	const u32 len = skb->len - skb_transport_offset(skb);
	const struct ipv6hdr *ipv6 = ipv6_hdr(skb);
	struct tcphdr *th = tcp_hdr(skb);

	/* the device adds the rest */
	th->check = p->ipv6 ? ~csum_ipv6_magic(&ipv6->saddr, &ipv6->daddr, len,
					       IPPROTO_TCP, 0) :
			      ~csum_tcpudp_magic(ip_hdr(skb)->saddr, ip_hdr(skb)->daddr,
						 len, IPPROTO_TCP, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
}

static void put_headers(struct original_fixture *f, struct sk_buff *skb,
			const struct test_packet *p)
{
	const u32 ip_len = p->ipv6 ? sizeof(struct ipv6hdr) :
				     sizeof(struct iphdr) + p->ip_options;
	const u32 tcp_len = sizeof(struct tcphdr) + p->tcp_options;
	struct ethhdr *eth = skb_put(skb, ETH_HLEN);
	struct tcphdr *th;
	struct iphdr *ip;

	prandom_bytes_state(&f->rnd, eth, ETH_HLEN);
	skb_reset_mac_header(skb);
	eth->h_proto = p->ipv6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
	skb->protocol = eth->h_proto;
	skb_set_network_header(skb, skb->len);
	ip = skb_put(skb, ip_len);
	prandom_bytes_state(&f->rnd, ip, ip_len);
	if (p->ipv6) {
		ipv6_hdr(skb)->version = 6;
		ipv6_hdr(skb)->nexthdr = IPPROTO_TCP;
	} else {
		ip->version = 4;
		ip->ihl = ip_len / 4;
		ip->protocol = IPPROTO_TCP;
		ip->frag_off = htons(IP_DF);
	}
	skb_set_transport_header(skb, skb->len);
	th = skb_put(skb, tcp_len);
	prandom_bytes_state(&f->rnd, th, tcp_len);
	th->doff = tcp_len / 4;
}

static void put_payload(struct kunit *test, struct sk_buff *skb,
			const struct test_packet *p)
{
	struct original_fixture *f = test->priv;
	u32 left = p->size - min(p->linear, p->size);
	struct page *page;
	u32 offset, len;

	prandom_bytes_state(&f->rnd, skb_put(skb, p->size - left), p->size - left);
	while (left) {
		const u32 room = MAX_SKB_FRAGS - skb_shinfo(skb)->nr_frags;

		/* one that fits into the rest, if it is the last */
		len = room == 1 ? left : min(left, 1 + below(f, 2 * left / room + 1));
		offset = below(f, 64);
		page = alloc_pages(GFP_KERNEL | __GFP_COMP, get_order(offset + len));
		KUNIT_ASSERT_NOT_NULL(test, page);
		prandom_bytes_state(&f->rnd, page_address(page) + offset, len);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, offset, len, len);
		left -= len;
	}
}

static struct sk_buff *make_packet(struct kunit *test, const struct test_packet *p)
{
	struct original_fixture *f = test->priv;
	struct sk_buff *skb = alloc_skb(TEST_HEADROOM + 200 + p->linear, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_reserve(skb, TEST_HEADROOM);
	skb->dev = f->dev;
	put_headers(f, skb, p);
	put_payload(test, skb, p);
	if (p->partial)
		put_checksum(skb, p);
	else
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	if (p->tagged)
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021AD), 0x2345);
	skb_shinfo(skb)->gso_size = p->mss;
	skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(p->size, p->mss);
	skb_shinfo(skb)->gso_type = (p->ipv6 ? SKB_GSO_TCPV6 : SKB_GSO_TCPV4) |
				    (p->fixed_id ? SKB_GSO_TCP_FIXEDID : 0);
	skb->pkt_type = p->outgoing ? PACKET_OUTGOING : PACKET_HOST;
	skb_hwtstamps(skb)->hwtstamp = 89;
	f->dev->header_ops = p->bare ? NULL : f->header_ops;
	/* a device without link-level header may get a packet of another with one */
	if (p->bare || !p->outgoing)
		skb_pull(skb, ETH_HLEN);
	return skb;
}

static bool same_fields(struct sk_buff *ours, struct sk_buff *theirs)
{
	return skb_network_offset(ours) == skb_network_offset(theirs) &&
	       ours->protocol == theirs->protocol &&
	       ours->ip_summed == theirs->ip_summed &&
	       ours->pkt_type == theirs->pkt_type && ours->dev == theirs->dev &&
	       skb_vlan_tag_present(ours) == skb_vlan_tag_present(theirs) &&
	       skb_is_gso(ours) == skb_is_gso(theirs) &&
	       skb_hwtstamps(ours)->hwtstamp == skb_hwtstamps(theirs)->hwtstamp;
}

static void expect_same_frame(struct kunit *test, struct sk_buff *ours,
			      struct sk_buff *theirs)
{
	struct original_fixture *f = test->priv;
	const int offset = skb_mac_header(theirs) - theirs->data;

	KUNIT_ASSERT_EQ(test, ours->len, theirs->len);
	KUNIT_ASSERT_EQ(test, skb_mac_header(ours) - ours->data, offset);
	KUNIT_ASSERT_LE(test, theirs->len - offset, TEST_MAX_FRAME);
	KUNIT_ASSERT_EQ(test, 0, skb_copy_bits(ours, offset, f->ours,
					       ours->len - offset));
	KUNIT_ASSERT_EQ(test, 0, skb_copy_bits(theirs, offset, f->theirs,
					       theirs->len - offset));
	KUNIT_ASSERT_TRUE(test, !memcmp(f->ours, f->theirs, ours->len - offset));
	KUNIT_EXPECT_TRUE(test, same_fields(ours, theirs));
	/* no more than a frame needs, rounded up by the allocator */
	KUNIT_EXPECT_LE(test, skb_end_offset(ours), 2 * TEST_MAX_FRAME);
}

/* BH are disabled. */
static void expect_same_cut(struct kunit *test, struct sk_buff *skb)
{
	struct xinet_original ours, theirs;
	struct sk_buff *frame, *wanted, *list;
	struct xinet_original_tcp tcp;

	list = xinet_original_frames(skb, TEST_MOST, &theirs);
	KUNIT_ASSERT_NOT_NULL(test, list);
	KUNIT_ASSERT_TRUE(test, xinet_original_tcp_begin(&tcp, skb, TEST_MOST, &ours));
	KUNIT_EXPECT_TRUE(test, !memcmp(&ours, &theirs, sizeof(ours)));
	for (wanted = list; wanted; wanted = wanted->next) {
		frame = xinet_original_tcp_next(&tcp);
		KUNIT_ASSERT_NOT_NULL(test, frame);
		expect_same_frame(test, frame, wanted);
	}
	KUNIT_EXPECT_NULL(test, xinet_original_tcp_next(&tcp));
	KUNIT_EXPECT_TRUE(test, xinet_original_tcp_end(&tcp));
	xinet_original_free(list);
}

static void frames_are_those_of_the_kernel(struct kunit *test)
{
	struct test_packet p;
	struct sk_buff *skb;
	int i;

	for (i = 0; i < TEST_PACKETS; i++) {
		do {
			p = random_packet(test->priv);
		} while (DIV_ROUND_UP(p.size + 200, p.mss) > TEST_MOST);
		skb = make_packet(test, &p);
		local_bh_disable();
		expect_same_cut(test, skb);
		local_bh_enable();
		kfree_skb(skb);
	}
}

/* A receive queue clones frames, or refers to them; others only read. */
static void kept_frame_stays_as_it_is(struct kunit *test)
{
	const struct test_packet p = { .mss = 100, .size = 950, .linear = 30 };
	struct sk_buff *skb = make_packet(test, &p);
	struct sk_buff *list, *wanted, *frame;
	struct sk_buff *kept[10] = {};
	struct xinet_original_tcp tcp;
	struct xinet_original done;
	int i;

	local_bh_disable();
	list = xinet_original_frames(skb, TEST_MOST, &done);
	KUNIT_ASSERT_TRUE(test, xinet_original_tcp_begin(&tcp, skb, TEST_MOST, &done));
	for (i = 0; i < ARRAY_SIZE(kept); i++) {
		frame = xinet_original_tcp_next(&tcp);
		KUNIT_ASSERT_NOT_NULL(test, frame);
		if (i % 3)
			kept[i] = i % 3 == 1 ? skb_get(frame) :
					       skb_clone(frame, GFP_ATOMIC);
	}
	KUNIT_EXPECT_TRUE(test, xinet_original_tcp_end(&tcp));
	kfree_skb(skb);
	for (i = 0, wanted = list; wanted; i++, wanted = wanted->next) {
		if (!kept[i])
			continue;
		expect_same_frame(test, kept[i], wanted);
		KUNIT_EXPECT_EQ(test, kept[i]->truesize,
				SKB_TRUESIZE(skb_end_offset(kept[i])) +
				kept[i]->data_len);
		consume_skb(kept[i]);
	}
	KUNIT_EXPECT_EQ(test, i, ARRAY_SIZE(kept));
	xinet_original_free(list);
	local_bh_enable();
}

/* What the kernel cuts in another way, or refuses, and what must not be touched. */
static void others_are_left_to_the_kernel(struct kunit *test)
{
	const struct test_packet p = { .mss = 100, .size = 950, .linear = 30 };
	struct original_fixture *f = test->priv;
	struct sk_buff *skb = make_packet(test, &p);
	struct xinet_original_tcp tcp;
	struct xinet_original done;
	struct iphdr *ip = ip_hdr(skb);
	struct tcphdr *th = tcp_hdr(skb);

	local_bh_disable();
#define EXPECT_LEFT(change, back)						\
	do {									\
		change;								\
		KUNIT_EXPECT_TRUE(test, !xinet_original_tcp_begin(&tcp, skb, 10, &done)); \
		back;								\
	} while (0)

	EXPECT_LEFT(skb->encapsulation = 1, skb->encapsulation = 0);
	EXPECT_LEFT(skb_shinfo(skb)->gso_type |= SKB_GSO_PARTIAL,
		    skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4);
	EXPECT_LEFT(skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4,
		    skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4);
	EXPECT_LEFT(skb_shinfo(skb)->gso_type = SKB_GSO_TCPV6,
		    skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4);
	EXPECT_LEFT(skb->protocol = htons(ETH_P_8021Q), skb->protocol = htons(ETH_P_IP));
	EXPECT_LEFT(ip->ihl = 4, ip->ihl = 5);
	EXPECT_LEFT(ip->ihl = 15, ip->ihl = 5);
	EXPECT_LEFT(ip->protocol = IPPROTO_UDP, ip->protocol = IPPROTO_TCP);
	EXPECT_LEFT(th->doff = 4, th->doff = 5);
	EXPECT_LEFT(th->doff = 15, th->doff = 5);
	EXPECT_LEFT(skb_shinfo(skb)->gso_size = 950, skb_shinfo(skb)->gso_size = 100);
	EXPECT_LEFT(skb_shinfo(skb)->gso_size = 90, skb_shinfo(skb)->gso_size = 100);
	EXPECT_LEFT(skb_set_network_header(skb, 900), skb_set_network_header(skb, 0));
	EXPECT_LEFT(skb_set_network_header(skb, -1), skb_set_network_header(skb, 0));
	EXPECT_LEFT(skb->pfmemalloc = 1, skb->pfmemalloc = 0);
	/* as from a tunnel to a device of Ethernet: no place for the tag */
	f->dev->header_ops = NULL;
	EXPECT_LEFT(__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), 7),
		    __vlan_hwaccel_clear_tag(skb));
	f->dev->header_ops = f->header_ops;
#undef EXPECT_LEFT
	KUNIT_ASSERT_TRUE(test, xinet_original_tcp_begin(&tcp, skb, 10, &done));
	KUNIT_EXPECT_TRUE(test, !xinet_original_tcp_end(&tcp));
	local_bh_enable();
	kfree_skb(skb);
}

static int original_tcp_init(struct kunit *test)
{
	struct original_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	prandom_seed_state(&f->rnd, 89);
	f->dev = xinet_fake_dev_create(test);
	f->header_ops = f->dev->header_ops;
	return 0;
}

static void original_tcp_exit(struct kunit *test)
{
	struct original_fixture *f = test->priv;

	if (!f)
		return;
	f->dev->header_ops = f->header_ops;
	xinet_fake_dev_destroy(f->dev);
}

static struct kunit_case original_tcp_cases[] = {
	KUNIT_CASE(frames_are_those_of_the_kernel),
	KUNIT_CASE(kept_frame_stays_as_it_is),
	KUNIT_CASE(others_are_left_to_the_kernel),
	{}
};

struct kunit_suite xinet_original_tcp_suite = {
	.name = "xinet-original-tcp",
	.init = original_tcp_init,
	.exit = original_tcp_exit,
	.test_cases = original_tcp_cases,
};
