// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copied small packets that share memory: ip/copybreak.c. A copy has the same
 * contents and fields as the packet, and does not hold the packet's memory.
 */
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/if_ether.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "ip/copybreak.h"
#include "suites.h"

#define TEST_LEN	84
/* more than two carriers hold */
#define TEST_MANY	64
/* more than all carriers of a CPU hold */
#define TEST_VERY_MANY	512

/* A packet of @len bytes after an Ethernet header, all bytes @fill. */
static struct sk_buff *packet(struct kunit *test, unsigned int len, u8 fill)
{
	struct sk_buff *skb = alloc_skb(ETH_HLEN + len + 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_reserve(skb, 32);
	memset(skb_put(skb, ETH_HLEN + len), fill, ETH_HLEN + len);
	skb_reset_mac_header(skb);
	skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	return skb;
}

static struct sk_buff *copybreak(struct sk_buff *skb, unsigned int len)
{
	struct sk_buff *copied;

	local_bh_disable();
	copied = xinet_skb_copybreak(skb, len);
	local_bh_enable();
	return copied;
}

static void expect_filled(struct kunit *test, const struct sk_buff *skb,
			  unsigned int len, u8 fill)
{
	KUNIT_EXPECT_EQ(test, skb->len, len);
	KUNIT_EXPECT_EQ(test, skb_tail_pointer(skb) - skb->data, len);
	KUNIT_EXPECT_NULL(test, memchr_inv(skb_mac_header(skb), fill,
					   ETH_HLEN + len));
}

static void copied_packet_says_what_the_packet_said(struct kunit *test)
{
	struct sk_buff *skb = packet(test, TEST_LEN, 1);
	struct sk_buff *copied;

	skb->mark = 2;
	skb->priority = 3;
	skb->tstamp = 4;
	skb->skb_iif = 5;
	skb->protocol = htons(ETH_P_IP);
	skb->pkt_type = PACKET_MULTICAST;
	skb_set_hash(skb, 6, PKT_HASH_TYPE_L4);
	skb_set_transport_header(skb, 20);

	copied = copybreak(skb, TEST_LEN);
	KUNIT_ASSERT_NOT_NULL(test, copied);
	expect_filled(test, copied, TEST_LEN, 1);
	KUNIT_EXPECT_EQ(test, copied->mark, 2u);
	KUNIT_EXPECT_EQ(test, copied->priority, 3u);
	KUNIT_EXPECT_EQ(test, copied->tstamp, (ktime_t)4);
	KUNIT_EXPECT_EQ(test, copied->skb_iif, 5);
	KUNIT_EXPECT_EQ(test, ntohs(copied->protocol), ETH_P_IP);
	KUNIT_EXPECT_EQ(test, (int)copied->pkt_type, PACKET_MULTICAST);
	KUNIT_EXPECT_EQ(test, copied->hash, 6u);
	KUNIT_EXPECT_GE(test, copied->truesize, skb->truesize);
	KUNIT_EXPECT_EQ(test, skb_mac_offset(copied), -ETH_HLEN);
	KUNIT_EXPECT_EQ(test, skb_network_offset(copied), 0);
	KUNIT_EXPECT_EQ(test, skb_transport_offset(copied), 20);
	consume_skb(copied);
	consume_skb(skb);
}

static void memory_of_the_packet_is_let_go(struct kunit *test)
{
	struct sk_buff *skb = packet(test, TEST_LEN, 1);
	struct sk_buff *copied = copybreak(skb, TEST_LEN);

	KUNIT_ASSERT_NOT_NULL(test, copied);
	KUNIT_EXPECT_FALSE(test, skb_cloned(skb));
	KUNIT_EXPECT_TRUE(test, skb_cloned(copied));
	memset(skb->data, 9, skb->len);
	consume_skb(skb);
	expect_filled(test, copied, TEST_LEN, 1);
	consume_skb(copied);
}

/* The other packets that share its carrier may already be freed. */
static void packet_is_charged_with_all_that_it_keeps(struct kunit *test)
{
	struct sk_buff *skb = packet(test, TEST_LEN, 1);
	struct sk_buff *copied = copybreak(skb, TEST_LEN);
	struct sk_buff *large;

	KUNIT_ASSERT_NOT_NULL(test, copied);
	KUNIT_EXPECT_GE(test, copied->truesize,
			ksize(copied->head) + sizeof(struct sk_buff));
	consume_skb(copied);

	/* a packet with a large buffer keeps its larger truesize */
	skb->truesize = SZ_8K;
	large = copybreak(skb, TEST_LEN);
	KUNIT_ASSERT_NOT_NULL(test, large);
	KUNIT_EXPECT_EQ(test, large->truesize, (unsigned int)SZ_8K);
	consume_skb(large);
	consume_skb(skb);
}

static void padding_is_left_out(struct kunit *test)
{
	struct sk_buff *skb = packet(test, TEST_LEN, 1);
	struct sk_buff *copied = copybreak(skb, 28);

	KUNIT_ASSERT_NOT_NULL(test, copied);
	expect_filled(test, copied, 28, 1);
	KUNIT_EXPECT_EQ(test, skb->len, TEST_LEN);
	consume_skb(copied);
	consume_skb(skb);
}

static void packets_keep_apart_whichever_goes_first(struct kunit *test)
{
	struct sk_buff **copied;
	unsigned int i;

	copied = kunit_kcalloc(test, TEST_VERY_MANY, sizeof(*copied),
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, copied);
	for (i = 0; i < TEST_VERY_MANY; i++) {
		struct sk_buff *skb = packet(test, TEST_LEN + i % 64, i);

		copied[i] = copybreak(skb, TEST_LEN + i % 64);
		consume_skb(skb);
		KUNIT_ASSERT_NOT_NULL(test, copied[i]);
	}
	for (i = 0; i < TEST_VERY_MANY; i += 2)
		consume_skb(copied[i]);
	for (i = 1; i < TEST_VERY_MANY; i += 2) {
		expect_filled(test, copied[i], TEST_LEN + i % 64, i);
		consume_skb(copied[i]);
	}
}

/* If the reader keeps up, all its packets use the same memory. */
static void memory_of_packets_that_were_read_is_used_again(struct kunit *test)
{
	struct sk_buff *skb = packet(test, TEST_LEN, 1);
	const unsigned char *head = NULL;
	unsigned int i;

	/* on one CPU: carriers are per CPU */
	local_bh_disable();
	consume_skb(xinet_skb_copybreak(skb, TEST_LEN));
	for (i = 0; i < TEST_MANY; i++) {
		struct sk_buff *copied = xinet_skb_copybreak(skb, TEST_LEN);

		if (!copied)
			break;
		if (!head)
			head = copied->head;
		if (copied->head != head)
			i = TEST_MANY * 2;
		consume_skb(copied);
	}
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, i, (unsigned int)TEST_MANY);
	consume_skb(skb);
}

/* One packet for very many sockets fills up the references of a carrier. */
static void carrier_with_many_references_gets_no_more(struct kunit *test)
{
	struct sk_buff *skb = packet(test, TEST_LEN, 1);
	struct sk_buff *first = copybreak(skb, TEST_LEN);
	struct sk_buff_head clones;
	struct sk_buff *second;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, first);
	skb_queue_head_init(&clones);
	for (i = 0; i < XINET_COPYBREAK_REFERENCES; i++) {
		struct sk_buff *clone = skb_clone(first, GFP_KERNEL);

		if (!clone)
			break;
		__skb_queue_tail(&clones, clone);
	}
	KUNIT_EXPECT_EQ(test, i, (unsigned int)XINET_COPYBREAK_REFERENCES);
	second = copybreak(skb, TEST_LEN);
	KUNIT_EXPECT_NOT_NULL(test, second);
	if (second)
		KUNIT_EXPECT_PTR_NE(test, second->head, first->head);
	consume_skb(second);
	skb_queue_purge(&clones);
	expect_filled(test, first, TEST_LEN, 1);
	consume_skb(first);
	consume_skb(skb);
}

static void writer_gets_bytes_of_its_own(struct kunit *test)
{
	struct sk_buff *skb = packet(test, TEST_LEN, 1);
	struct sk_buff *written = copybreak(skb, TEST_LEN);
	struct sk_buff *read = copybreak(skb, TEST_LEN);

	KUNIT_ASSERT_NOT_NULL(test, written);
	KUNIT_ASSERT_NOT_NULL(test, read);
	KUNIT_ASSERT_EQ(test, skb_cow(written, 0), 0);
	expect_filled(test, written, TEST_LEN, 1);
	/* tailroom too: on a shared page that would be the next packet */
	memset(written->data, 9, TEST_LEN + skb_tailroom(written));
	expect_filled(test, read, TEST_LEN, 1);
	consume_skb(written);
	consume_skb(read);
	consume_skb(skb);
}

static void packet_over_the_limit_is_not_copied(struct kunit *test)
{
	const unsigned int most = XINET_COPYBREAK_MAX - ETH_HLEN;
	struct sk_buff *fits = packet(test, most, 1);
	struct sk_buff *large = packet(test, most + 1, 1);
	struct sk_buff *copied = copybreak(fits, most);

	KUNIT_ASSERT_NOT_NULL(test, copied);
	expect_filled(test, copied, most, 1);
	KUNIT_EXPECT_NULL(test, copybreak(large, most + 1));
	consume_skb(copied);
	consume_skb(fits);
	consume_skb(large);
}

/* Each sets one field that a new struct skb_shared_info or skb would lose. */
static void tell_hardware_stamp(struct sk_buff *skb)
{
	skb_hwtstamps(skb)->hwtstamp = 1;
}

static void tell_stamp_for_sender(struct sk_buff *skb)
{
	skb_shinfo(skb)->tx_flags = SKBTX_SW_TSTAMP;
}

static void tell_segments(struct sk_buff *skb)
{
	skb_shinfo(skb)->gso_size = 20;
}

static void tell_metadata(struct sk_buff *skb)
{
	skb_metadata_set(skb, 4);
}

static void tell_unfinished_checksum(struct sk_buff *skb)
{
	skb->ip_summed = CHECKSUM_PARTIAL;
}

static void tell_tunnel(struct sk_buff *skb)
{
	skb->encapsulation = 1;
}

static void tell_fragment(struct sk_buff *skb)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page)
		skb_add_rx_frag(skb, 0, page, 0, 8, PAGE_SIZE);
}

static void packet_with_more_to_say_is_not_copied(struct kunit *test)
{
	static void (*const tell[])(struct sk_buff *) = {
		tell_hardware_stamp, tell_stamp_for_sender, tell_segments,
		tell_metadata, tell_unfinished_checksum, tell_tunnel,
		tell_fragment,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tell); i++) {
		struct sk_buff *skb = packet(test, TEST_LEN, 1);

		tell[i](skb);
		KUNIT_EXPECT_NULL_MSG(test, copybreak(skb, TEST_LEN), "case %u", i);
		KUNIT_EXPECT_FALSE(test, skb_cloned(skb));
		consume_skb(skb);
	}
}

static void checksum_over_padding_is_not_copied(struct kunit *test)
{
	struct sk_buff *skb = packet(test, TEST_LEN, 1);
	struct sk_buff *copied;

	skb->ip_summed = CHECKSUM_COMPLETE;
	KUNIT_EXPECT_NULL(test, copybreak(skb, 28));
	copied = copybreak(skb, TEST_LEN);
	KUNIT_EXPECT_NOT_NULL(test, copied);
	consume_skb(copied);
	consume_skb(skb);
}

static struct kunit_case copybreak_cases[] = {
	KUNIT_CASE(copied_packet_says_what_the_packet_said),
	KUNIT_CASE(memory_of_the_packet_is_let_go),
	KUNIT_CASE(packet_is_charged_with_all_that_it_keeps),
	KUNIT_CASE(padding_is_left_out),
	KUNIT_CASE(packets_keep_apart_whichever_goes_first),
	KUNIT_CASE(memory_of_packets_that_were_read_is_used_again),
	KUNIT_CASE(carrier_with_many_references_gets_no_more),
	KUNIT_CASE(writer_gets_bytes_of_its_own),
	KUNIT_CASE(packet_over_the_limit_is_not_copied),
	KUNIT_CASE(packet_with_more_to_say_is_not_copied),
	KUNIT_CASE(checksum_over_padding_is_not_copied),
	{}
};

struct kunit_suite xinet_copybreak_suite = {
	.name = "xinet_skb_copybreak",
	.test_cases = copybreak_cases,
};
