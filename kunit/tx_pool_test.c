// SPDX-License-Identifier: GPL-2.0-only
/*
 * The skbs that a send ring reuses: packet/tx_pool.c. A holder of an skb, or of
 * its data, never sees them change.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/if_ether.h>
#include <linux/jiffies.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "packet/tx_pool.h"
#include "suites.h"

#define TEST_HEADROOM	32
#define TEST_LEN	ETH_ZLEN
#define TEST_TAILROOM	8
/* more than a pool ever holds */
#define TEST_MANY	300
/* enough memory for any pool, and for a few frames */
#define TEST_BYTES	(8 << 20)
#define TEST_FEW_BYTES	8192
/* idle pools are empty by then */
#define TEST_PATIENCE	(30 * HZ)

static struct sk_buff *take_begun(struct kunit *test, u8 fill)
{
	struct sk_buff *skb;

	skb = xinet_tx_pool_take(test->priv, TEST_HEADROOM, TEST_LEN,
				 TEST_TAILROOM);
	if (skb)
		memset(skb->data, fill, skb->len);
	return skb;
}

static struct sk_buff *take(struct kunit *test, u8 fill)
{
	struct sk_buff *skb;

	xinet_tx_pool_begin(test->priv);
	skb = take_begun(test, fill);
	xinet_tx_pool_end(test->priv);
	return skb;
}

static void expect_filled(struct kunit *test, const struct sk_buff *skb, u8 fill)
{
	KUNIT_EXPECT_EQ(test, skb->len, TEST_LEN);
	KUNIT_EXPECT_NULL(test, memchr_inv(skb->data, fill, TEST_LEN));
}

static void skb_may_be_written_by_who_has_it(struct kunit *test)
{
	struct sk_buff *skb = take(test, 1);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	expect_filled(test, skb, 1);
	KUNIT_EXPECT_EQ(test, skb_headroom(skb), TEST_HEADROOM);
	KUNIT_EXPECT_GE(test, skb_tailroom(skb), TEST_TAILROOM);
	KUNIT_EXPECT_FALSE(test, skb_header_cloned(skb));
	KUNIT_EXPECT_TRUE(test, skb_clone_writable(skb, TEST_LEN));
	KUNIT_EXPECT_NULL(test, skb->sk);
	kfree_skb(skb);
}

static void freed_skb_comes_again_as_new(struct kunit *test)
{
	struct sk_buff *skb;
	const void *head;

	/* hold the pool, or it may be emptied in between */
	xinet_tx_pool_begin(test->priv);
	skb = take_begun(test, 1);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	head = skb->head;
	skb_shinfo(skb)->gso_size = 1000;
	skb_shinfo(skb)->tx_flags = SKBTX_SW_TSTAMP;
	skb->protocol = htons(ETH_P_IP);
	skb->mark = 7;
	skb_push(skb, TEST_HEADROOM);
	kfree_skb(skb);

	skb = take_begun(test, 2);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_PTR_EQ(test, (const void *)skb->head, head);
	KUNIT_EXPECT_EQ(test, skb_shinfo(skb)->gso_size, 0);
	KUNIT_EXPECT_EQ(test, skb_shinfo(skb)->tx_flags, 0);
	KUNIT_EXPECT_FALSE(test, skb->protocol);
	KUNIT_EXPECT_EQ(test, skb->mark, 0u);
	KUNIT_EXPECT_FALSE(test, skb_transport_header_was_set(skb));
	expect_filled(test, skb, 2);
	kfree_skb(skb);
	xinet_tx_pool_end(test->priv);
}

static void skbs_under_way_keep_their_data(struct kunit *test)
{
	struct sk_buff *skb[3];
	int i;

	for (i = 0; i < 3; i++) {
		skb[i] = take(test, i);
		KUNIT_ASSERT_NOT_NULL(test, skb[i]);
	}
	for (i = 0; i < 3; i++) {
		expect_filled(test, skb[i], i);
		kfree_skb(skb[i]);
	}
}

/* Shares the data, as a capture on the device does. */
static void who_shares_the_data_keeps_them(struct kunit *test)
{
	struct sk_buff *skb = take(test, 1);
	struct sk_buff *shared, *next;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	shared = skb_clone(skb, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shared);
	kfree_skb(skb);

	next = take(test, 2);
	KUNIT_ASSERT_NOT_NULL(test, next);
	expect_filled(test, shared, 1);
	kfree_skb(next);
	kfree_skb(shared);
}

static void skb_outlives_its_pool(struct kunit *test)
{
	struct sk_buff *skb = take(test, 1);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	xinet_tx_pool_free(test->priv);
	test->priv = NULL;
	expect_filled(test, skb, 1);
	KUNIT_EXPECT_FALSE(test, skb_cloned(skb));
	kfree_skb(skb);
}

static void pool_has_an_end(struct kunit *test)
{
	struct sk_buff_head all;
	struct sk_buff *skb;

	__skb_queue_head_init(&all);
	xinet_tx_pool_begin(test->priv);
	while (skb_queue_len(&all) < TEST_MANY) {
		skb = take_begun(test, 0);
		if (!skb)
			break;
		__skb_queue_tail(&all, skb);
	}
	KUNIT_EXPECT_GT(test, skb_queue_len(&all), 1u);
	KUNIT_EXPECT_LT(test, skb_queue_len(&all), TEST_MANY);

	/* the skb taken first is freed first */
	kfree_skb(__skb_dequeue(&all));
	skb = take_begun(test, 0);
	KUNIT_EXPECT_NOT_NULL(test, skb);
	kfree_skb(skb);
	__skb_queue_purge(&all);
	xinet_tx_pool_end(test->priv);
}

static void other_frames_are_refused(struct kunit *test)
{
	xinet_tx_pool_begin(test->priv);
	KUNIT_EXPECT_NULL(test, xinet_tx_pool_take(test->priv, 16,
						   ETH_ZLEN - 1, 0));
	KUNIT_EXPECT_NULL(test, xinet_tx_pool_take(test->priv, 16, 1500, 0));
	KUNIT_EXPECT_NULL(test, xinet_tx_pool_take(test->priv, 16, ETH_ZLEN,
						   1500));
	xinet_tx_pool_end(test->priv);
}

/* A receiver may keep the skb after its pool is gone. */
static void skb_is_charged_with_all_that_it_keeps(struct kunit *test)
{
	struct sk_buff *skb = take(test, 1);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_GE(test, skb->truesize,
			ksize(skb->head) + sizeof(struct sk_buff_fclones));
	kfree_skb(skb);
}

static void pool_is_no_larger_than_its_ring(struct kunit *test)
{
	struct xinet_tx_pool *pool = xinet_tx_pool_new(TEST_FEW_BYTES);
	struct sk_buff_head all;
	struct sk_buff *skb;
	size_t held = 0;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	__skb_queue_head_init(&all);
	xinet_tx_pool_begin(pool);
	while (held <= TEST_FEW_BYTES) {
		skb = xinet_tx_pool_take(pool, TEST_HEADROOM, TEST_LEN,
					 TEST_TAILROOM);
		if (!skb)
			break;
		held += skb->truesize;
		__skb_queue_tail(&all, skb);
	}
	KUNIT_EXPECT_GT(test, held, 0u);
	KUNIT_EXPECT_LE(test, held, TEST_FEW_BYTES);
	__skb_queue_purge(&all);
	xinet_tx_pool_end(pool);
	xinet_tx_pool_free(pool);
}

static void idle_pool_is_emptied(struct kunit *test)
{
	unsigned long end = jiffies + TEST_PATIENCE;
	struct sk_buff *skb = take(test, 1);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_EQ(test, xinet_tx_pool_used(test->priv), 1u);
	while (xinet_tx_pool_used(test->priv) && time_before(jiffies, end))
		msleep(20);
	KUNIT_EXPECT_EQ(test, xinet_tx_pool_used(test->priv), 0u);

	/* the skb in flight is not changed, and the pool can be used again */
	expect_filled(test, skb, 1);
	kfree_skb(skb);
	skb = take(test, 2);
	KUNIT_EXPECT_NOT_NULL(test, skb);
	kfree_skb(skb);
}

static int tx_pool_test_init(struct kunit *test)
{
	test->priv = xinet_tx_pool_new(TEST_BYTES);
	if (!test->priv)
		return -ENOMEM;
	return 0;
}

static void tx_pool_test_exit(struct kunit *test)
{
	xinet_tx_pool_free(test->priv);
}

static struct kunit_case tx_pool_test_cases[] = {
	KUNIT_CASE(skb_may_be_written_by_who_has_it),
	KUNIT_CASE(freed_skb_comes_again_as_new),
	KUNIT_CASE(skbs_under_way_keep_their_data),
	KUNIT_CASE(who_shares_the_data_keeps_them),
	KUNIT_CASE(skb_outlives_its_pool),
	KUNIT_CASE(pool_has_an_end),
	KUNIT_CASE(other_frames_are_refused),
	KUNIT_CASE(skb_is_charged_with_all_that_it_keeps),
	KUNIT_CASE(pool_is_no_larger_than_its_ring),
	KUNIT_CASE(idle_pool_is_emptied),
	{}
};

struct kunit_suite xinet_tx_pool_suite = {
	.name = "xinet_tx_pool",
	.init = tx_pool_test_init,
	.exit = tx_pool_test_exit,
	.test_cases = tx_pool_test_cases,
};
