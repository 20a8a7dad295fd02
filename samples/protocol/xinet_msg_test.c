// SPDX-License-Identifier: GPL-2.0-only
/* The message protocol on the wire: xinet_msg.h. modprobe xinet_msg_kunit. */
#include <kunit/test.h>
#include <linux/module.h>

#include "xinet_msg.h"

#define TEST_LOCAL	htonl(0x0a4d0001)
#define TEST_REMOTE	htonl(0x0a4d0002)
#define TEST_SOURCE	htons(1000)
#define TEST_DEST	htons(2000)
#define TEST_TEXT	33

/* A message of TEST_TEXT bytes of text, as it arrives. */
static struct sk_buff *test_message(struct kunit *test)
{
	struct sk_buff *skb = alloc_skb(128, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put(skb, sizeof(struct msg_header) + TEST_TEXT);
	for (i = 0; i < TEST_TEXT; i++)
		skb->data[sizeof(struct msg_header) + i] = i * 7;
	msg_build(skb, TEST_REMOTE, TEST_SOURCE, TEST_LOCAL, TEST_DEST);
	return skb;
}

static bool parses(struct sk_buff *skb)
{
	return msg_parse(skb, TEST_REMOTE, TEST_LOCAL);
}

static void what_is_built_parses(struct kunit *test)
{
	struct sk_buff *skb = test_message(test);

	KUNIT_EXPECT_TRUE(test, parses(skb));
	KUNIT_EXPECT_TRUE(test, msg_header(skb)->source == TEST_SOURCE);
	KUNIT_EXPECT_TRUE(test, msg_header(skb)->dest == TEST_DEST);
	KUNIT_EXPECT_EQ(test, ntohs(msg_header(skb)->len),
			(u16)(sizeof(struct msg_header) + TEST_TEXT));
	kfree_skb(skb);
}

static void every_bit_error_is_caught(struct kunit *test)
{
	struct sk_buff *skb = test_message(test);
	unsigned int bit, len = skb->len;

	for (bit = 0; bit < len * 8; bit++) {
		skb->data[bit / 8] ^= 1 << bit % 8;
		KUNIT_EXPECT_FALSE(test, parses(skb));
		skb->data[bit / 8] ^= 1 << bit % 8;
		/* A shorter length field has trimmed it. */
		skb_put(skb, len - skb->len);
	}
	KUNIT_EXPECT_TRUE(test, parses(skb));
	kfree_skb(skb);
}

static void other_addresses_are_caught(struct kunit *test)
{
	struct sk_buff *skb = test_message(test);

	KUNIT_EXPECT_FALSE(test, msg_parse(skb, TEST_LOCAL, TEST_LOCAL));
	KUNIT_EXPECT_FALSE(test, msg_parse(skb, TEST_REMOTE, TEST_REMOTE));
	kfree_skb(skb);
}

static void bytes_behind_the_length_are_trimmed(struct kunit *test)
{
	struct sk_buff *skb = test_message(test);
	unsigned int len = skb->len;

	skb_put_zero(skb, 10);
	KUNIT_EXPECT_TRUE(test, parses(skb));
	KUNIT_EXPECT_EQ(test, skb->len, len);
	kfree_skb(skb);
}

static void cut_messages_are_dropped(struct kunit *test)
{
	unsigned int len;

	for (len = 0; len < sizeof(struct msg_header) + TEST_TEXT; len++) {
		struct sk_buff *skb = test_message(test);

		skb_trim(skb, len);
		KUNIT_EXPECT_FALSE(test, parses(skb));
		kfree_skb(skb);
	}
}

static void length_below_the_header_is_dropped(struct kunit *test)
{
	struct sk_buff *skb = test_message(test);

	msg_header(skb)->len = htons(sizeof(struct msg_header) - 1);
	KUNIT_EXPECT_FALSE(test, parses(skb));
	kfree_skb(skb);
}

static struct kunit_case msg_cases[] = {
	KUNIT_CASE(what_is_built_parses),
	KUNIT_CASE(every_bit_error_is_caught),
	KUNIT_CASE(other_addresses_are_caught),
	KUNIT_CASE(bytes_behind_the_length_are_trimmed),
	KUNIT_CASE(cut_messages_are_dropped),
	KUNIT_CASE(length_below_the_header_is_dropped),
	{}
};

static struct kunit_suite msg_suite = {
	.name		= "xinet_msg",
	.test_cases	= msg_cases,
};

kunit_test_suites(&msg_suite);

MODULE_DESCRIPTION("KUnit suite of the sample protocol");
MODULE_AUTHOR("The xinet maintainers");
MODULE_LICENSE("GPL");
