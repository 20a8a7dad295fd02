// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive rings: the checks of requests in packet/ring/ring.c, the frames of
 * packet/ring/tpacket.c, and every edge of the block machine of
 * packet/ring/tpacket_v3.c. The rings are those of whole sockets on a fake
 * device; the test acts as the program and reads them through the kernel's
 * mapping.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/hrtimer.h>
#include <linux/if_packet.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/net_tstamp.h>
#include <linux/sockptr.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "fake_dev.h"
#include "packet/ring/ring.h"
#include "packet/ring/tpacket_v3.h"
#include "packet/sock.h"
#include "suites.h"

/* An EtherType for local experiments (IEEE 802). */
#define TEST_ETHERTYPE	0x88b5
/* With headers three of these fill a block of a page, a fourth does not fit. */
#define TEST_FRAME_LEN	(PAGE_SIZE / 4 - 24)
#define TEST_PER_BLOCK	3
#define TEST_RING_FRAME	(PAGE_SIZE / 2)
/* Milliseconds; so long that no timer fires. */
#define TEST_NEVER	3600000

struct ring_fixture {
	struct net_device *dev;
	struct socket *sock;
	struct xinet_packet_sock *po;
};

static int ring_init(struct kunit *test)
{
	struct ring_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->dev = xinet_fake_dev_create(test);
	f->sock = xinet_fake_packet_socket(test);
	xinet_fake_bind(test, f->sock, f->dev, TEST_ETHERTYPE);
	f->po = xinet_packet_sk(f->sock->sk);
	return 0;
}

static void ring_exit(struct kunit *test)
{
	struct ring_fixture *f = test->priv;

	if (f->sock)
		sock_release(f->sock);
	xinet_fake_dev_destroy(f->dev);
}

static int set_option(struct kunit *test, int name, void *val, size_t len)
{
	struct ring_fixture *f = test->priv;

	return f->sock->ops->setsockopt(f->sock, SOL_PACKET, name,
					KERNEL_SOCKPTR(val), len);
}

/* Gives the socket a ring of @blocks pages, two frames in each. */
static struct xinet_ring *make_ring(struct kunit *test, int version,
				    unsigned int blocks, unsigned int timeout)
{
	struct tpacket_req3 req = {
		.tp_block_size	= PAGE_SIZE,
		.tp_block_nr	= blocks,
		.tp_frame_size	= TEST_RING_FRAME,
		.tp_frame_nr	= blocks * (PAGE_SIZE / TEST_RING_FRAME),
		.tp_retire_blk_tov = timeout,
	};
	struct ring_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, set_option(test, PACKET_VERSION, &version,
					 sizeof(version)), 0);
	KUNIT_ASSERT_EQ(test, set_option(test, PACKET_RX_RING, &req,
					 sizeof(req)), 0);
	KUNIT_ASSERT_NOT_NULL(test, f->po->rx_ring);
	return f->po->rx_ring;
}

static void receive_stamped(struct kunit *test, size_t len, ktime_t hwtstamp)
{
	struct ring_fixture *f = test->priv;
	u8 *frame = kunit_kzalloc(test, len, GFP_KERNEL);
	struct ethhdr *eth = (struct ethhdr *)frame;

	KUNIT_ASSERT_NOT_NULL(test, frame);
	memset(frame, 0xaa, len);
	eth_broadcast_addr(eth->h_dest);
	eth->h_proto = htons(TEST_ETHERTYPE);
	xinet_fake_dev_receive_at(test, f->dev, frame, len, hwtstamp);
}

static void receive_len(struct kunit *test, size_t len)
{
	receive_stamped(test, len, 0);
}

static void receive(struct kunit *test, unsigned int packets)
{
	while (packets--)
		receive_len(test, TEST_FRAME_LEN);
}

static int drops(struct kunit *test)
{
	struct ring_fixture *f = test->priv;

	return atomic_read(&f->po->tp_drops);
}

/* A request, and the expected result of the check. */
struct request_case {
	const char *name;
	int version;
	bool tx;
	u32 reserve;
	struct tpacket_req3 req;
	int err;
};

#define GOOD_REQ	{ PAGE_SIZE, 4, 2048, 4 * PAGE_SIZE / 2048 }

static const struct request_case request_cases[] = {
	{ "V1", TPACKET_V1, false, 0, GOOD_REQ, 0 },
	{ "V2", TPACKET_V2, false, 0, GOOD_REQ, 0 },
	{ "V3", TPACKET_V3, false, 0, GOOD_REQ, 0 },
	{ "V3 to send", TPACKET_V3, true, 0, GOOD_REQ, 0 },
	{ "no block size", TPACKET_V2, false, 0, { 0, 4, 2048, 8 }, -EINVAL },
	{ "block size above INT_MAX", TPACKET_V2, false, 0,
	  { 0x80000000, 1, 0x80000000, 1 }, -EINVAL },
	{ "largest block", TPACKET_V2, false, 0,
	  { 0x7ffff000, 1, 0x7ffff000, 1 }, 0 },
	{ "part of a page", TPACKET_V2, false, 0,
	  { PAGE_SIZE + 16, 1, 2048, 2 }, -EINVAL },
	{ "no frame size", TPACKET_V2, false, 0, { PAGE_SIZE, 4, 0, 0 },
	  -EINVAL },
	{ "frame without room for its header", TPACKET_V2, false, 0,
	  { PAGE_SIZE, 1, 48, PAGE_SIZE / 48 }, -EINVAL },
	{ "smallest frame", TPACKET_V2, false, 0,
	  { PAGE_SIZE, 1, 64, PAGE_SIZE / 64 }, 0 },
	{ "frame without room for the reserve", TPACKET_V2, false, 2048,
	  GOOD_REQ, -EINVAL },
	{ "largest reserve", TPACKET_V2, false, INT_MAX, GOOD_REQ, -EINVAL },
	{ "reserve that wraps", TPACKET_V2, false, U32_MAX, GOOD_REQ,
	  -EINVAL },
	{ "odd frame size", TPACKET_V2, false, 0,
	  { PAGE_SIZE, 1, 2040, PAGE_SIZE / 2040 }, -EINVAL },
	{ "frame larger than a block", TPACKET_V2, false, 0,
	  { PAGE_SIZE, 1, 2 * PAGE_SIZE, 1 }, -EINVAL },
	{ "another number of frames", TPACKET_V2, false, 0,
	  { PAGE_SIZE, 4, 2048, 4 * PAGE_SIZE / 2048 - 1 }, -EINVAL },
	{ "number of frames that wraps", TPACKET_V2, false, 0,
	  { PAGE_SIZE, 0x80000000, 2048, 0 }, -EINVAL },
	{ "private area of a block", TPACKET_V3, false, 0,
	  { PAGE_SIZE, 1, 2048, PAGE_SIZE / 2048, 0, PAGE_SIZE }, -EINVAL },
	{ "private area that wraps", TPACKET_V3, false, 0,
	  { PAGE_SIZE, 1, 2048, PAGE_SIZE / 2048, 0, U32_MAX }, -EINVAL },
	{ "private area that leaves a header", TPACKET_V3, false, 0,
	  { PAGE_SIZE, 1, 2048, PAGE_SIZE / 2048, 0,
	    PAGE_SIZE - 48 - TPACKET3_HDRLEN - 4 }, 0 },
	{ "private area that leaves less", TPACKET_V3, false, 0,
	  { PAGE_SIZE, 1, 2048, PAGE_SIZE / 2048, 0,
	    PAGE_SIZE - 48 - TPACKET3_HDRLEN + 4 }, -EINVAL },
	{ "private area is no affair of V2", TPACKET_V2, false, 0,
	  { PAGE_SIZE, 1, 2048, PAGE_SIZE / 2048, 0, U32_MAX }, 0 },
	{ "V3 to send, timeout", TPACKET_V3, true, 0,
	  { PAGE_SIZE, 1, 2048, PAGE_SIZE / 2048, 1 }, -EINVAL },
	{ "V3 to send, private area", TPACKET_V3, true, 0,
	  { PAGE_SIZE, 1, 2048, PAGE_SIZE / 2048, 0, 8 }, -EINVAL },
	{ "V3 to send, features", TPACKET_V3, true, 0,
	  { PAGE_SIZE, 1, 2048, PAGE_SIZE / 2048, 0, 0, 1 }, -EINVAL },
};

static void request_name(const struct request_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(request, request_cases, request_name);

static void requests_are_judged(struct kunit *test)
{
	const struct request_case *c = test->param_value;
	struct xinet_ring *ring = kunit_kzalloc(test, sizeof(*ring),
						GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ring);
	ring->version = c->version;
	ring->tx = c->tx;
	ring->reserve = c->reserve;
	KUNIT_EXPECT_EQ(test, xinet_ring_check(ring, &c->req), c->err);
	if (c->err)
		return;
	KUNIT_EXPECT_EQ(test, ring->nr_frames, c->req.tp_frame_nr);
	KUNIT_EXPECT_GE(test, PAGE_SIZE << ring->order,
			(unsigned long)c->req.tp_block_size);
}

static void ring_larger_than_the_machine_is_enomem(struct kunit *test)
{
	struct tpacket_req3 req = {
		.tp_block_size	= SZ_1G,
		.tp_block_nr	= U16_MAX,
		.tp_frame_size	= SZ_1G,
		.tp_frame_nr	= U16_MAX,
	};
	struct ring_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, set_option(test, PACKET_RX_RING, &req,
					 sizeof(req)), -ENOMEM);
	KUNIT_EXPECT_NULL(test, f->po->rx_ring);
}

static u32 frame_status(const struct xinet_ring *ring, u32 index)
{
	return xinet_ring_status(ring->version,
				 xinet_ring_frame(ring, index));
}

/* V1 and V2: the edges drawn in tpacket.c, once around the ring. */
static void frames_change_hands(struct kunit *test, int version)
{
	struct xinet_ring *ring = make_ring(test, version, 2, 0);
	u32 i;

	KUNIT_ASSERT_EQ(test, ring->nr_frames, 4u);
	for (i = 0; i < ring->nr_frames; i++) {
		KUNIT_EXPECT_EQ(test, frame_status(ring, i), TP_STATUS_KERNEL);
		receive(test, 1);
		KUNIT_EXPECT_TRUE(test, frame_status(ring, i) & TP_STATUS_USER);
	}
	KUNIT_EXPECT_EQ(test, ring->head, 0u);

	/* the program owns them: neither overwritten nor passed */
	receive(test, 2);
	KUNIT_EXPECT_EQ(test, drops(test), 2);
	KUNIT_EXPECT_EQ(test, ring->head, 0u);

	/* a free frame after one that is not free is not used */
	xinet_ring_set_status(version, xinet_ring_frame(ring, 1),
			      TP_STATUS_KERNEL);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, drops(test), 3);

	xinet_ring_set_status(version, xinet_ring_frame(ring, 0),
			      TP_STATUS_KERNEL);
	receive(test, 2);
	KUNIT_EXPECT_EQ(test, drops(test), 3);
	KUNIT_EXPECT_EQ(test, ring->head, 2u);
	KUNIT_EXPECT_TRUE(test, frame_status(ring, 0) & TP_STATUS_LOSING);
}

static void v1_frames_change_hands(struct kunit *test)
{
	frames_change_hands(test, TPACKET_V1);
}

static void v2_frames_change_hands(struct kunit *test)
{
	frames_change_hands(test, TPACKET_V2);
}

/* A hardware timestamp is used if requested and present. */
static void stamp_of_the_device_is_told_to_who_asks(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V2, 2, 0);
	const ktime_t stamp = ktime_set(123, 456);
	int flags = SOF_TIMESTAMPING_RAW_HARDWARE;
	const struct tpacket2_hdr *h;

	receive_stamped(test, TEST_FRAME_LEN, stamp);
	h = xinet_ring_frame(ring, 0);
	KUNIT_EXPECT_FALSE(test, h->tp_status & TP_STATUS_TS_RAW_HARDWARE);
	KUNIT_EXPECT_NE(test, h->tp_sec, 123u);

	KUNIT_ASSERT_EQ(test, set_option(test, PACKET_TIMESTAMP, &flags,
					 sizeof(flags)), 0);
	receive_stamped(test, TEST_FRAME_LEN, stamp);
	h = xinet_ring_frame(ring, 1);
	KUNIT_EXPECT_TRUE(test, h->tp_status & TP_STATUS_TS_RAW_HARDWARE);
	KUNIT_EXPECT_EQ(test, h->tp_sec, 123u);
	KUNIT_EXPECT_EQ(test, h->tp_nsec, 456u);

	receive(test, 1);
	h = xinet_ring_frame(ring, 2);
	KUNIT_EXPECT_TRUE(test, h->tp_status & TP_STATUS_USER);
	KUNIT_EXPECT_FALSE(test, h->tp_status & TP_STATUS_TS_RAW_HARDWARE);
}

static void v3_stamp_of_the_device_is_told_to_who_asks(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);
	int flags = SOF_TIMESTAMPING_RAW_HARDWARE;
	const struct tpacket3_hdr *h;

	KUNIT_ASSERT_EQ(test, set_option(test, PACKET_TIMESTAMP, &flags,
					 sizeof(flags)), 0);
	receive_stamped(test, TEST_FRAME_LEN, 0);
	receive_stamped(test, TEST_FRAME_LEN, ktime_set(123, 456));
	h = (void *)ring->v3.block + ring->v3.last;
	KUNIT_EXPECT_TRUE(test, h->tp_status & TP_STATUS_TS_RAW_HARDWARE);
	KUNIT_EXPECT_EQ(test, h->tp_sec, 123u);
	KUNIT_EXPECT_EQ(test, h->tp_nsec, 456u);
}

static void frame_with_any_other_status_is_not_the_kernels(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V2, 1, 0);

	xinet_ring_set_status(TPACKET_V2, ring->head_frame, 0x80);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, drops(test), 1);
	KUNIT_EXPECT_EQ(test, ring->head, 0u);
}

static void scribbling_program_leads_the_kernel_nowhere(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V2, 2, 0);
	struct tpacket2_hdr *h;
	u32 i;

	receive(test, 1);
	for (i = 0; i < ring->nr_blocks; i++)
		memset(ring->blocks[i], 0xff, ring->block_size);
	for (i = 0; i < ring->nr_frames; i++)
		xinet_ring_set_status(TPACKET_V2, xinet_ring_frame(ring, i),
				      TP_STATUS_KERNEL);
	receive(test, 1);

	h = xinet_ring_frame(ring, 1);
	KUNIT_EXPECT_TRUE(test, h->tp_status & TP_STATUS_USER);
	KUNIT_EXPECT_EQ(test, h->tp_len, (u32)TEST_FRAME_LEN);
	KUNIT_EXPECT_EQ(test, h->tp_snaplen, (u32)TEST_FRAME_LEN);
	KUNIT_EXPECT_EQ(test, ((u8 *)h)[h->tp_mac], 0xff);
	KUNIT_EXPECT_EQ(test, ((u8 *)h)[h->tp_net], 0xaa);
}

static void packet_longer_than_a_frame_is_cut(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V2, 1, 0);
	const u8 *next = xinet_ring_frame(ring, 1);
	struct tpacket2_hdr *h = xinet_ring_frame(ring, 0);
	u32 len = min_t(u32, 2 * TEST_RING_FRAME, ETH_FRAME_LEN + 700);

	receive_len(test, len);
	KUNIT_EXPECT_EQ(test, h->tp_len, len);
	KUNIT_EXPECT_EQ(test, h->tp_snaplen,
			min_t(u32, len, TEST_RING_FRAME - h->tp_mac));
	KUNIT_EXPECT_EQ(test, frame_status(ring, 1), TP_STATUS_KERNEL);
	KUNIT_EXPECT_EQ(test, next[sizeof(*h)], 0);
}

/* tp_net has 16 bits. */
static void offset_that_would_wrap_drops(struct kunit *test)
{
	struct tpacket_req3 req = {
		.tp_block_size	= SZ_128K,
		.tp_block_nr	= 1,
		.tp_frame_size	= SZ_128K,
		.tp_frame_nr	= 1,
	};
	int reserve = U16_MAX - 79;
	int version = TPACKET_V2;

	KUNIT_ASSERT_EQ(test, set_option(test, PACKET_VERSION, &version,
					 sizeof(version)), 0);
	KUNIT_ASSERT_EQ(test, set_option(test, PACKET_RESERVE, &reserve,
					 sizeof(reserve)), 0);
	KUNIT_ASSERT_EQ(test, set_option(test, PACKET_RX_RING, &req,
					 sizeof(req)), 0);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, drops(test), 1);
}

static void ring_comes_and_goes_under_traffic(struct kunit *test)
{
	struct ring_fixture *f = test->priv;
	struct sk_buff_head *queue = &f->sock->sk->sk_receive_queue;
	struct tpacket_req3 none = {};
	int i;

	for (i = 0; i < 9; i++) {
		receive(test, 1);
		KUNIT_EXPECT_EQ(test, skb_queue_len(queue), 1u);
		make_ring(test, i % 3, 2, 1);
		/* queued packets were dropped */
		KUNIT_EXPECT_EQ(test, skb_queue_len(queue), 0u);
		receive(test, 2);
		KUNIT_EXPECT_EQ(test, skb_queue_len(queue), 0u);
		KUNIT_EXPECT_EQ(test, set_option(test, PACKET_RX_RING, &none,
						 sizeof(none)), 0);
		KUNIT_EXPECT_NULL(test, f->po->rx_ring);
	}
}

static struct tpacket_hdr_v1 *block(const struct xinet_ring *ring, u32 index)
{
	return &((struct tpacket_block_desc *)ring->blocks[index])->hdr.bh1;
}

static void give_back(const struct xinet_ring *ring, u32 index)
{
	/* as a program does; pairs with the acquire of v3_is_users() */
	smp_store_release(&block(ring, index)->block_status, TP_STATUS_KERNEL);
}

static void expire(struct kunit *test, struct xinet_ring *ring)
{
	struct ring_fixture *f = test->priv;

	spin_lock_bh(&f->sock->sk->sk_receive_queue.lock);
	KUNIT_EXPECT_FALSE(test, xinet_v3_step(ring, XINET_V3_TIMEOUT, 0));
	spin_unlock_bh(&f->sock->sk->sk_receive_queue.lock);
}

static void expect_v3(struct kunit *test, const struct xinet_ring *ring,
		      enum xinet_v3_state state, u32 active, u32 packets)
{
	struct ring_fixture *f = test->priv;

	spin_lock_bh(&f->sock->sk->sk_receive_queue.lock);
	xinet_v3_settle(f->po->rx_ring);
	spin_unlock_bh(&f->sock->sk->sk_receive_queue.lock);
	KUNIT_EXPECT_EQ(test, ring->v3.state, (u8)state);
	KUNIT_EXPECT_EQ(test, ring->v3.active, active);
	KUNIT_EXPECT_EQ(test, ring->v3.nr_packets, packets);
	KUNIT_EXPECT_PTR_EQ(test, ring->v3.block, ring->blocks[active]);
}

static void v3_create_to_empty(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);

	expect_v3(test, ring, XINET_V3_EMPTY, 0, 0);
	KUNIT_EXPECT_FALSE(test, ring->v3.armed);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->seq_num, 1ull);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->block_status, TP_STATUS_KERNEL);
}

static void v3_empty_to_filling(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);

	receive(test, 1);
	expect_v3(test, ring, XINET_V3_FILLING, 0, 1);
	KUNIT_EXPECT_TRUE(test, ring->v3.armed);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->block_status, TP_STATUS_KERNEL);
}

static void v3_filling_to_filling(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);

	receive(test, TEST_PER_BLOCK);
	expect_v3(test, ring, XINET_V3_FILLING, 0, TEST_PER_BLOCK);
}

/* Full: via "empty", in one step with the packet that did not fit. */
static void v3_full_block_makes_way_for_the_next(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);

	receive(test, TEST_PER_BLOCK + 1);
	expect_v3(test, ring, XINET_V3_FILLING, 1, 1);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->block_status, TP_STATUS_USER);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->num_pkts, (u32)TEST_PER_BLOCK);
	KUNIT_EXPECT_EQ(test, block(ring, 1)->seq_num, 2ull);
	KUNIT_EXPECT_EQ(test, drops(test), 0);
}

static void v3_timeout_of_filling_to_empty(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);

	receive(test, 2);
	expire(test, ring);
	expect_v3(test, ring, XINET_V3_EMPTY, 1, 0);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->block_status,
			(u32)(TP_STATUS_USER | TP_STATUS_BLK_TMO));
	KUNIT_EXPECT_EQ(test, block(ring, 0)->num_pkts, 2u);
}

static void v3_timeout_of_empty_does_nothing(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);

	expire(test, ring);
	expect_v3(test, ring, XINET_V3_EMPTY, 0, 0);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->block_status, TP_STATUS_KERNEL);
}

static void v3_full_without_free_block_to_frozen(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);
	struct ring_fixture *f = test->priv;

	receive(test, 2 * TEST_PER_BLOCK + 1);
	KUNIT_EXPECT_EQ(test, ring->v3.state, (u8)XINET_V3_FROZEN);
	KUNIT_EXPECT_EQ(test, ring->v3.active, 0u);
	KUNIT_EXPECT_EQ(test, f->po->tp_freezes, 1u);
	KUNIT_EXPECT_EQ(test, drops(test), 1);
	KUNIT_EXPECT_EQ(test, block(ring, 1)->block_status, TP_STATUS_USER);
}

static void v3_timeout_without_free_block_to_frozen(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 1, TEST_NEVER);
	struct ring_fixture *f = test->priv;

	receive(test, 1);
	expire(test, ring);
	KUNIT_EXPECT_EQ(test, ring->v3.state, (u8)XINET_V3_FROZEN);
	KUNIT_EXPECT_EQ(test, f->po->tp_freezes, 1u);
	KUNIT_EXPECT_EQ(test, drops(test), 0);
}

static void v3_frozen_drops_and_does_not_expire(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 1, TEST_NEVER);
	struct ring_fixture *f = test->priv;

	receive(test, TEST_PER_BLOCK + 1);
	receive(test, 2);
	expire(test, ring);
	KUNIT_EXPECT_EQ(test, ring->v3.state, (u8)XINET_V3_FROZEN);
	KUNIT_EXPECT_EQ(test, drops(test), 3);
	/* counts how often the ring freezes, not packets */
	KUNIT_EXPECT_EQ(test, f->po->tp_freezes, 1u);
}

static void v3_frozen_thaws_with_the_next_packet(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 1, TEST_NEVER);

	receive(test, TEST_PER_BLOCK + 1);
	give_back(ring, 0);
	expire(test, ring);
	KUNIT_EXPECT_EQ(test, ring->v3.state, (u8)XINET_V3_FROZEN);
	receive(test, 1);
	expect_v3(test, ring, XINET_V3_FILLING, 0, 1);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->seq_num, 2ull);
	expire(test, ring);
	KUNIT_EXPECT_TRUE(test, block(ring, 0)->block_status &
			  TP_STATUS_LOSING);
}

static void v3_scribbling_program_leads_the_kernel_nowhere(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);

	receive(test, 1);
	/* the open block with its status, which the program does not own */
	memset(ring->blocks[0], 0xff, ring->block_size);
	receive(test, 1);
	expect_v3(test, ring, XINET_V3_FILLING, 0, 2);
	expire(test, ring);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->num_pkts, 2u);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->blk_len,
			ring->v3.first + 2 * (u32)ALIGN(ring->net_offset -
							ETH_HLEN +
							TEST_FRAME_LEN, 8));
	KUNIT_EXPECT_EQ(test, block(ring, 0)->block_status,
			(u32)(TP_STATUS_USER | TP_STATUS_BLK_TMO));
	expect_v3(test, ring, XINET_V3_EMPTY, 1, 0);
}

/* A packet too large for any block fills one; an empty block is not closed. */
static void v3_longest_packet_fills_a_block(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);
	struct tpacket3_hdr *h;

	receive_len(test, PAGE_SIZE + 100);
	expect_v3(test, ring, XINET_V3_FILLING, 0, 1);
	KUNIT_EXPECT_EQ(test, ring->v3.pos, ring->block_size);
	h = ring->blocks[0] + ring->v3.first;
	KUNIT_EXPECT_EQ(test, h->tp_len, (u32)PAGE_SIZE + 100);
	KUNIT_EXPECT_EQ(test, h->tp_mac + h->tp_snaplen, ring->v3.max_frame);
	receive(test, 1);
	expect_v3(test, ring, XINET_V3_FILLING, 1, 1);
}

static void v3_watermark_of_filling_to_empty(struct kunit *test)
{
	struct ring_fixture *f = test->priv;
	struct xinet_ring *ring;

	f->po->tp_watermark = 2;
	ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);
	receive(test, 1);
	expect_v3(test, ring, XINET_V3_FILLING, 0, 1);
	receive(test, 1);
	expect_v3(test, ring, XINET_V3_EMPTY, 1, 0);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->block_status, TP_STATUS_USER);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->num_pkts, 2u);
}

static void v3_watermark_without_free_block_to_frozen(struct kunit *test)
{
	struct ring_fixture *f = test->priv;
	struct xinet_ring *ring;

	f->po->tp_watermark = 2;
	ring = make_ring(test, TPACKET_V3, 1, TEST_NEVER);
	receive(test, 2);
	KUNIT_EXPECT_EQ(test, ring->v3.state, (u8)XINET_V3_FROZEN);
	KUNIT_EXPECT_EQ(test, f->po->tp_freezes, 1u);
	KUNIT_EXPECT_EQ(test, drops(test), 0);
	give_back(ring, 0);
	receive(test, 1);
	expect_v3(test, ring, XINET_V3_FILLING, 0, 1);
}

/* Simulates a slow writer on another CPU. */
struct late_writer {
	struct xinet_ring *ring;
	u32 len;
	u32 status_before;
	bool done;
	struct hrtimer timer;
};

static enum hrtimer_restart late_writer_ends(struct hrtimer *timer)
{
	struct late_writer *w = container_of(timer, struct late_writer, timer);

	w->status_before = READ_ONCE(block(w->ring, 0)->block_status);
	WRITE_ONCE(w->done, true);
	xinet_v3_done(w->ring, w->len);
	return HRTIMER_NORESTART;
}

/* Takes bytes, and reports them done after 5 ms in hard interrupt context. */
static u32 late_writer_begins(struct ring_fixture *f, struct late_writer *w)
{
	struct tpacket3_hdr *h;
	u32 pos;

	local_bh_disable();
	pos = xinet_v3_take(w->ring, &f->po->sink, f->po->sink.source, w->len);
	h = (void *)w->ring->v3.block + pos;
	if (pos)
		h->tp_next_offset = w->len;
	xinet_hrtimer_setup(&w->timer, late_writer_ends, CLOCK_MONOTONIC,
			    HRTIMER_MODE_REL_HARD);
	hrtimer_start(&w->timer, ms_to_ktime(5), HRTIMER_MODE_REL_HARD);
	local_bh_enable();
	return pos;
}

static void v3_timeout_waits_for_a_late_writer(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);
	struct ring_fixture *f = test->priv;
	struct tpacket3_hdr *h;
	struct late_writer *w;
	u32 pos;

	w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w);
	w->ring = ring;
	w->len = 128;
	receive(test, 1);
	pos = late_writer_begins(f, w);
	KUNIT_EXPECT_NE(test, pos, 0u);
	expire(test, ring);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(w->done));
	hrtimer_cancel(&w->timer);

	KUNIT_EXPECT_EQ(test, w->status_before, TP_STATUS_KERNEL);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->block_status,
			(u32)(TP_STATUS_USER | TP_STATUS_BLK_TMO));
	KUNIT_EXPECT_EQ(test, block(ring, 0)->num_pkts, 2u);
	KUNIT_EXPECT_EQ(test, block(ring, 0)->blk_len, pos + w->len);
	h = ring->blocks[0] + pos;
	KUNIT_EXPECT_EQ(test, h->tp_next_offset, 0u);
	expect_v3(test, ring, XINET_V3_EMPTY, 1, 0);
	KUNIT_EXPECT_EQ(test, f->po->tp_packets, 2u);
}

/* The gate is shut whenever packets must take the slow path. */
static void v3_gate_is_shut_when_it_must(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, TEST_NEVER);
	struct ring_fixture *f = test->priv;
	struct xinet_tap_sink *sink = &f->po->sink;
	const void *source = sink->source;
	int on = 1;

	local_bh_disable();
	/* empty: the first packet arms the timer */
	KUNIT_EXPECT_EQ(test, xinet_v3_take(ring, sink, source, 128), 0u);
	local_bh_enable();

	receive(test, 1);
	local_bh_disable();
	KUNIT_EXPECT_EQ(test, xinet_v3_take(ring, sink, ring, 128), 0u);
	KUNIT_EXPECT_EQ(test, xinet_v3_take(ring, sink, source,
					    ring->block_size -
					    ring->v3.pos), 0u);
	spin_lock(&f->sock->sk->sk_receive_queue.lock);
	ring->receiver.ops->settle(&ring->receiver);
	spin_unlock(&f->sock->sk->sk_receive_queue.lock);
	KUNIT_EXPECT_EQ(test, xinet_v3_take(ring, sink, source, 128), 0u);
	local_bh_enable();

	KUNIT_ASSERT_EQ(test, set_option(test, PACKET_ORIGDEV, &on,
					 sizeof(on)), 0);
	receive(test, 1);
	local_bh_disable();
	KUNIT_EXPECT_EQ(test, xinet_v3_take(ring, sink, source, 128), 0u);
	local_bh_enable();
	expect_v3(test, ring, XINET_V3_FILLING, 0, 2);
}

static void v3_timer_hands_a_block_over(struct kunit *test)
{
	struct xinet_ring *ring = make_ring(test, TPACKET_V3, 2, 1);
	int i;

	receive(test, 1);
	for (i = 0; i < 1000 && !READ_ONCE(block(ring, 0)->block_status); i++)
		usleep_range(1000, 2000);
	/* pairs with the release of v3_close() */
	smp_rmb();
	KUNIT_EXPECT_EQ(test, block(ring, 0)->block_status,
			(u32)(TP_STATUS_USER | TP_STATUS_BLK_TMO));
	KUNIT_EXPECT_EQ(test, block(ring, 0)->num_pkts, 1u);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE_PARAM(requests_are_judged, request_gen_params),
	KUNIT_CASE(ring_larger_than_the_machine_is_enomem),
	KUNIT_CASE(v1_frames_change_hands),
	KUNIT_CASE(v2_frames_change_hands),
	KUNIT_CASE(stamp_of_the_device_is_told_to_who_asks),
	KUNIT_CASE(v3_stamp_of_the_device_is_told_to_who_asks),
	KUNIT_CASE(frame_with_any_other_status_is_not_the_kernels),
	KUNIT_CASE(scribbling_program_leads_the_kernel_nowhere),
	KUNIT_CASE(packet_longer_than_a_frame_is_cut),
	KUNIT_CASE(offset_that_would_wrap_drops),
	KUNIT_CASE(ring_comes_and_goes_under_traffic),
	KUNIT_CASE(v3_create_to_empty),
	KUNIT_CASE(v3_empty_to_filling),
	KUNIT_CASE(v3_filling_to_filling),
	KUNIT_CASE(v3_full_block_makes_way_for_the_next),
	KUNIT_CASE(v3_timeout_of_filling_to_empty),
	KUNIT_CASE(v3_timeout_of_empty_does_nothing),
	KUNIT_CASE(v3_full_without_free_block_to_frozen),
	KUNIT_CASE(v3_timeout_without_free_block_to_frozen),
	KUNIT_CASE(v3_frozen_drops_and_does_not_expire),
	KUNIT_CASE(v3_frozen_thaws_with_the_next_packet),
	KUNIT_CASE(v3_scribbling_program_leads_the_kernel_nowhere),
	KUNIT_CASE(v3_longest_packet_fills_a_block),
	KUNIT_CASE(v3_watermark_of_filling_to_empty),
	KUNIT_CASE(v3_watermark_without_free_block_to_frozen),
	KUNIT_CASE(v3_timeout_waits_for_a_late_writer),
	KUNIT_CASE(v3_gate_is_shut_when_it_must),
	KUNIT_CASE(v3_timer_hands_a_block_over),
	{}
};

struct kunit_suite xinet_ring_suite = {
	.name = "xinet_ring",
	.init = ring_init,
	.exit = ring_exit,
	.test_cases = ring_cases,
};
