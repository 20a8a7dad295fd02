// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lanes of XINET_RX_RING: packet/ring/lane.c. The fast path into a lane writes
 * the same record as the slow one; it leaves other packets to the slow path
 * without side effects.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/etherdevice.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "fake_dev.h"
#include "packet/ring/lane.h"
#include "packet/ring/lanes.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"
#include "suites.h"

#define TEST_ETHERTYPE	ETH_P_802_EX1
#define TEST_LANE	XINET_RX_RING_LANE_MIN
#define TEST_SMALL	60
/* A sixteenth of it holds more records than are released for one packet. */
#define TEST_LARGE_LANE	SZ_1M
/* The most records released for a packet beyond what it needs. */
#define TEST_SPARE	64

struct lane_fixture {
	struct net_device *dev;
	struct socket *sock;
	struct xinet_packet_sock *po;
	struct xinet_lane *lane;
	struct sk_buff *skb;
};

static int lane_init(struct kunit *test)
{
	struct lane_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	const unsigned int cpu = raw_smp_processor_id();
	int err;

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	/* only one lane is used */
	err = set_cpus_allowed_ptr(current, cpumask_of(cpu));
	KUNIT_ASSERT_EQ(test, err, 0);
	f->dev = xinet_fake_dev_create(test);
	f->sock = xinet_fake_packet_socket(test);
	f->po = xinet_packet_sk(f->sock->sk);
	return 0;
}

static void lane_exit(struct kunit *test)
{
	struct lane_fixture *f = test->priv;

	kfree_skb(f->skb);
	if (f->sock)
		sock_release(f->sock);
	xinet_fake_dev_destroy(f->dev);
}

static void make_ring_of(struct kunit *test, u32 size, u32 flags, u32 snaplen)
{
	struct lane_fixture *f = test->priv;
	struct xinet_rx_ring_req req = {
		.lane_size	= size,
		.flags		= flags,
		.snaplen	= snaplen,
		.wake_packets	= 1,
	};
	int err;

	err = f->sock->ops->setsockopt(f->sock, SOL_XINET, XINET_RX_RING,
				       KERNEL_SOCKPTR(&req), sizeof(req));
	KUNIT_ASSERT_EQ(test, err, 0);
	xinet_fake_bind(test, f->sock, f->dev, TEST_ETHERTYPE);
	KUNIT_ASSERT_TRUE(test, rcu_access_pointer(f->po->sink.receiver) ==
			  &f->po->lanes->receiver);
	KUNIT_ASSERT_TRUE(test, f->po->lanes->receiver.fast ==
			  xinet_lane_fast);
	f->lane = per_cpu_ptr(f->po->lanes->by_cpu, raw_smp_processor_id());
}

static void make_ring(struct kunit *test, u32 flags, u32 snaplen)
{
	make_ring_of(test, TEST_LANE, flags, snaplen);
}

/* A packet as a tap gets it: received, data at the network header. */
static struct sk_buff *make_packet(struct kunit *test, size_t len)
{
	struct lane_fixture *f = test->priv;
	struct ethhdr *eth;
	size_t i;

	kfree_skb(f->skb);
	f->skb = netdev_alloc_skb(f->dev, len);
	KUNIT_ASSERT_NOT_NULL(test, f->skb);
	eth = skb_put(f->skb, len);
	for (i = 0; i < len; i++)
		((u8 *)eth)[i] = i;
	ether_addr_copy(eth->h_dest, f->dev->dev_addr);
	eth->h_proto = htons(TEST_ETHERTYPE);
	f->skb->protocol = eth_type_trans(f->skb, f->dev);
	skb_reset_network_header(f->skb);
	return f->skb;
}

static bool put_fast(struct lane_fixture *f, const void *source)
{
	bool stored;

	local_bh_disable();
	rcu_read_lock();
	stored = xinet_lane_fast(&f->po->sink, &f->po->lanes->receiver,
				 f->skb, source, f->dev);
	rcu_read_unlock();
	local_bh_enable();
	return stored;
}

static void put_long(struct lane_fixture *f)
{
	struct timespec64 now = {};
	struct xinet_tap_frame frame = {
		.source		= f->po->sink.source,
		.orig_dev	= f->dev,
		.now		= &now,
		.mode		= XINET_TAP_RAW,
	};

	skb_push(f->skb, ETH_HLEN);
	frame.snaplen = f->skb->len;
	local_bh_disable();
	rcu_read_lock();
	xinet_lane_deliver(&f->po->sink, &f->po->lanes->receiver, f->skb,
			   &frame);
	rcu_read_unlock();
	local_bh_enable();
	skb_pull(f->skb, ETH_HLEN);
}

static bool put(struct lane_fixture *f)
{
	return put_fast(f, f->po->sink.source);
}

static const struct xinet_rx_record *record_at(struct lane_fixture *f,
					       u64 position)
{
	return (void *)f->lane->data + (position & (TEST_LANE - 1));
}

static void expect_refused(struct kunit *test, const char *why)
{
	struct lane_fixture *f = test->priv;
	const struct xinet_lane before = *f->lane;

	KUNIT_EXPECT_FALSE_MSG(test, put(f), "%s", why);
	KUNIT_EXPECT_EQ_MSG(test, f->lane->head, before.head, "%s", why);
	KUNIT_EXPECT_EQ_MSG(test, f->lane->packets, before.packets, "%s", why);
	KUNIT_EXPECT_EQ_MSG(test, f->lane->drops, before.drops, "%s", why);
}

/* By both paths: only seq and, unless the skb has it, the time differ. */
static void expect_same(struct kunit *test, const char *what)
{
	struct lane_fixture *f = test->priv;
	const u64 first = f->lane->head;
	struct xinet_rx_record fast, slow;
	const void *data;

	KUNIT_ASSERT_TRUE_MSG(test, put(f), "%s", what);
	fast = *record_at(f, first);
	data = record_at(f, first) + 1;
	KUNIT_ASSERT_EQ_MSG(test, f->lane->head, first + fast.len, "%s", what);
	put_long(f);
	slow = *record_at(f, first + fast.len);
	KUNIT_ASSERT_EQ_MSG(test, f->lane->head, first + 2 * fast.len, "%s",
			    what);

	KUNIT_EXPECT_EQ_MSG(test, slow.seq, fast.seq + 1, "%s", what);
	if (f->skb->tstamp) {
		KUNIT_EXPECT_EQ_MSG(test, fast.tstamp,
				    (u64)ktime_to_ns(f->skb->tstamp), "%s",
				    what);
		KUNIT_EXPECT_EQ_MSG(test, slow.tstamp, fast.tstamp, "%s",
				    what);
	} else {
		KUNIT_EXPECT_LE_MSG(test, fast.tstamp, slow.tstamp, "%s",
				    what);
		KUNIT_EXPECT_LT_MSG(test, slow.tstamp - fast.tstamp,
				    (u64)60 * NSEC_PER_SEC, "%s", what);
	}
	slow.seq = fast.seq;
	slow.tstamp = fast.tstamp;
	KUNIT_EXPECT_EQ_MSG(test, memcmp(&fast, &slow, sizeof(fast)), 0, "%s",
			    what);
	KUNIT_EXPECT_EQ_MSG(test, memcmp(data, skb_mac_header(f->skb),
					 fast.snaplen), 0, "%s", what);
}

static void lane_records_are_the_same(struct kunit *test)
{
	static const size_t sizes[] = { ETH_HLEN, 46, 60, 61, 256, 257, 1514 };
	struct lane_fixture *f = test->priv;
	char what[32];
	size_t i;

	make_ring(test, 0, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(what, sizeof(what), "%zu bytes", sizes[i]);
		make_packet(test, sizes[i]);
		expect_same(test, what);
		f->skb->tstamp = ns_to_ktime(1700000000123456789);
		expect_same(test, what);
	}
}

static void lane_status_is_the_same(struct kunit *test)
{
	struct sk_buff *skb = make_packet(test, TEST_SMALL);
	struct lane_fixture *f = test->priv;

	make_ring(test, 0, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	expect_same(test, "a checksum to be filled in");
	KUNIT_EXPECT_EQ(test, record_at(f, 0)->status, TP_STATUS_CSUMNOTREADY);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	expect_same(test, "a checksum that is right");
	skb->pkt_type = PACKET_OUTGOING;
	skb->tstamp = ns_to_ktime(NSEC_PER_SEC);
	expect_same(test, "one that goes out, stamped");
}

static void lane_leaves_what_is_unusual(struct kunit *test)
{
	struct lane_fixture *f = test->priv;
	struct sk_buff *skb;
	struct page *page;

	make_ring(test, 0, 1000);
	skb = make_packet(test, TEST_SMALL);
	__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), 7);
	expect_refused(test, "a tag beside the packet");
	__vlan_hwaccel_clear_tag(skb);
	skb->tstamp = ns_to_ktime(1);
	__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), 7);
	expect_refused(test, "a tag and a stamp");

	skb = make_packet(test, TEST_SMALL);
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, page);
	skb_add_rx_frag(skb, 0, page, 0, 100, PAGE_SIZE);
	expect_refused(test, "in pieces");

	make_packet(test, 1001);
	expect_refused(test, "longer than asked for");
	make_packet(test, 1000);
	KUNIT_EXPECT_TRUE(test, put(f));

	make_packet(test, TEST_SMALL);
	KUNIT_EXPECT_FALSE(test, put_fast(f, test));
	f->po->lanes->frozen = true;
	expect_refused(test, "into a ring that is frozen");
	f->po->lanes->frozen = false;
	f->lane->writing = 1;
	expect_refused(test, "while another one is written");
	f->lane->writing = 0;
	KUNIT_EXPECT_TRUE(test, put(f));
}

/* Fills the lane through the fast path until it fails; returns the packets. */
static u64 fill(struct lane_fixture *f)
{
	const u64 before = f->lane->packets;

	while (put(f))
		;
	return f->lane->packets - before;
}

static void lane_ends_with_a_pad(struct kunit *test)
{
	struct lane_fixture *f = test->priv;
	const struct xinet_rx_record *pad;
	u64 end;

	make_ring(test, XINET_RX_RING_OVERWRITE, 0);
	make_packet(test, 1000);
	KUNIT_EXPECT_EQ(test, fill(f), TEST_LANE / 1064);
	end = f->lane->head;
	put_long(f);
	pad = record_at(f, end);
	KUNIT_EXPECT_EQ(test, pad->type, XINET_RX_PAD);
	KUNIT_EXPECT_EQ(test, pad->len, (u32)(TEST_LANE - end));
	KUNIT_EXPECT_EQ(test, record_at(f, TEST_LANE)->type, XINET_RX_PACKET);
	KUNIT_EXPECT_EQ(test, f->lane->head, (u64)TEST_LANE + 1064);
	KUNIT_EXPECT_GE(test, f->lane->tail, (u64)1064);
}

/* The position that the ring's maker writes as a reader. */
static u64 *position_of(struct lane_fixture *f)
{
	struct xinet_lanes *lanes = f->po->lanes;
	struct xinet_rx_lane *shared = lanes->shared;

	return rcu_access_pointer(lanes->readers[0])->positions +
	       (f->lane->shared - shared);
}

static void lane_that_is_full_drops(struct kunit *test)
{
	struct lane_fixture *f = test->priv;
	u64 *position;
	u64 taken;

	make_ring(test, 0, 0);
	position = position_of(f);
	/* records of 128 bytes fill the lane exactly */
	make_packet(test, 64);
	taken = fill(f);
	KUNIT_EXPECT_EQ(test, taken, TEST_LANE / 128);
	put_long(f);
	KUNIT_EXPECT_EQ(test, f->lane->drops, 1);
	KUNIT_EXPECT_EQ(test, f->lane->shared->drops, 1);
	KUNIT_EXPECT_EQ(test, f->lane->tail, 0);

	/* the reader has read one: the slow path releases it */
	*position = 128;
	expect_refused(test, "before old records are given up");
	put_long(f);
	KUNIT_EXPECT_EQ(test, f->lane->packets, taken + 1);
	KUNIT_EXPECT_EQ(test, f->lane->tail, 128);
	put_long(f);
	KUNIT_EXPECT_EQ(test, f->lane->drops, 2);

	*position = f->lane->head + 1;
	put_long(f);
	KUNIT_EXPECT_EQ_MSG(test, f->lane->drops, 3, "where there is nothing");
	*position = f->lane->head;
	put_long(f);
	KUNIT_EXPECT_TRUE_MSG(test, put(f), "some room is made at a time");
}

/* Counts the records of 128 bytes released for one packet. */
static u64 put_and_count(struct lane_fixture *f)
{
	const u64 before = f->lane->tail;

	put_long(f);
	return (f->lane->tail - before) / 128;
}

static void lane_gives_up_little_for_a_packet(struct kunit *test)
{
	struct lane_fixture *f = test->priv;
	const u32 large = 32000;
	u64 *position, given;

	make_ring_of(test, TEST_LARGE_LANE, 0, 0);
	position = position_of(f);
	make_packet(test, 64);
	KUNIT_ASSERT_EQ(test, fill(f), TEST_LARGE_LANE / 128);
	KUNIT_EXPECT_EQ_MSG(test, put_and_count(f), 0, "a reader wants them");

	*position = f->lane->head;
	given = put_and_count(f);
	KUNIT_EXPECT_GT_MSG(test, given, 1, "seldom done");
	KUNIT_EXPECT_LE(test, given, 1 + TEST_SPARE);
	KUNIT_EXPECT_EQ(test, fill(f), given - 1);

	make_packet(test, large);
	given = put_and_count(f);
	KUNIT_EXPECT_GE(test, given * 128, large);
	KUNIT_EXPECT_LE(test, given, large / 128 + 2 + TEST_SPARE);
	KUNIT_EXPECT_EQ(test, f->lane->drops, 1);
}

static void lane_that_is_frozen_counts(struct kunit *test)
{
	struct lane_fixture *f = test->priv;

	make_ring(test, XINET_RX_RING_OVERWRITE, 0);
	make_packet(test, TEST_SMALL);
	put_long(f);
	f->po->lanes->frozen = true;
	expect_refused(test, "into a ring that is frozen");
	put_long(f);
	put_long(f);
	KUNIT_EXPECT_EQ(test, f->lane->packets, 1);
	KUNIT_EXPECT_EQ(test, f->lane->drops, 0);
	KUNIT_EXPECT_EQ(test, f->lane->shared->frozen, 2);
	f->po->lanes->frozen = false;
	put_long(f);
	KUNIT_EXPECT_EQ(test, f->lane->packets, 2);
	KUNIT_EXPECT_EQ(test, f->lane->shared->frozen, 2);
}

static void lane_that_is_written_over_stays_whole(struct kunit *test)
{
	struct lane_fixture *f = test->priv;
	const struct xinet_rx_record *record;
	u64 position, seq;
	int i;

	make_ring(test, XINET_RX_RING_OVERWRITE, 0);
	for (i = 0; i < 1000; i++) {
		make_packet(test, TEST_SMALL + i % 700);
		if (!put(f))
			put_long(f);
		KUNIT_ASSERT_LE(test, f->lane->head - f->lane->tail,
				(u64)TEST_LANE);
	}
	KUNIT_EXPECT_EQ(test, f->lane->drops, 0);
	KUNIT_EXPECT_EQ(test, f->lane->packets, 1000);

	seq = U64_MAX;
	for (position = f->lane->tail; position < f->lane->head;
	     position += record->len) {
		record = record_at(f, position);
		if (record->type == XINET_RX_PAD)
			continue;
		if (seq != U64_MAX)
			KUNIT_EXPECT_EQ(test, record->seq, seq + 1);
		seq = record->seq;
		KUNIT_EXPECT_EQ(test, record->pkt_len,
				(u32)(TEST_SMALL + seq % 700));
	}
	KUNIT_EXPECT_EQ(test, position, f->lane->head);
	KUNIT_EXPECT_EQ(test, seq, 999);
}

static void lane_is_that_of_its_cpu(struct kunit *test)
{
	struct lane_fixture *f = test->priv;
	int cpu;

	make_ring(test, 0, 0);
	make_packet(test, TEST_SMALL);
	KUNIT_EXPECT_TRUE(test, put(f));
	put_long(f);
	KUNIT_EXPECT_EQ(test, f->lane->packets, 2);
	KUNIT_EXPECT_EQ(test, f->lane->shared->packets, 2);
	KUNIT_EXPECT_EQ(test, f->lane->shared->head, f->lane->head);
	for_each_possible_cpu(cpu) {
		const struct xinet_lane *lane =
			per_cpu_ptr(f->po->lanes->by_cpu, cpu);

		if (lane != f->lane)
			KUNIT_EXPECT_EQ(test, lane->packets, 0);
	}
}

/*
 * As after the lane's CPU was offline while its timer ran: the timer stays where it
 * went, and the writer may be at any of its instructions.
 */
static void timer_on_another_cpu_leaves_the_lane_to_its_writer(struct kunit *test)
{
	struct lane_fixture *f = test->priv;
	const unsigned int here = raw_smp_processor_id();
	const unsigned int other = cpumask_any_but(cpu_online_mask, here);
	enum hrtimer_restart next;

	if (other >= nr_cpu_ids)
		kunit_skip(test, "there is one CPU");
	make_ring(test, 0, 0);
	make_packet(test, TEST_SMALL);
	f->po->lanes->req.wake_packets = 0;
	KUNIT_EXPECT_TRUE(test, put(f));
	f->lane->armed = true;
	KUNIT_ASSERT_NE(test, f->lane->head, f->lane->reported);

	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(other)),
			0);
	local_bh_disable();
	next = ACCESS_PRIVATE(&f->lane->timer, function)(&f->lane->timer);
	local_bh_enable();
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(here)),
			0);

	KUNIT_EXPECT_EQ(test, next, HRTIMER_RESTART);
	KUNIT_EXPECT_EQ(test, f->lane->reported, f->lane->head);
	KUNIT_EXPECT_EQ(test, f->lane->unreported, 1u);
	KUNIT_EXPECT_TRUE(test, f->lane->armed);
}

/* sock_diag may hold the socket when the lanes are freed. */
static void close_leaves_no_way_to_the_lanes(struct kunit *test)
{
	struct lane_fixture *f = test->priv;
	const struct xinet_tap_receiver *gone;
	struct sock *sk = f->sock->sk;

	make_ring(test, 0, 0);
	gone = &f->po->lanes->receiver;
	sock_hold(sk);
	sock_release(f->sock);
	f->sock = NULL;
	KUNIT_EXPECT_NULL(test, f->po->receiver);
	KUNIT_EXPECT_FALSE(test, rcu_access_pointer(f->po->sink.receiver) ==
				 gone);
	sock_put(sk);
}

static struct kunit_case lane_cases[] = {
	KUNIT_CASE(lane_records_are_the_same),
	KUNIT_CASE(lane_status_is_the_same),
	KUNIT_CASE(lane_leaves_what_is_unusual),
	KUNIT_CASE(lane_ends_with_a_pad),
	KUNIT_CASE(lane_that_is_full_drops),
	KUNIT_CASE(lane_gives_up_little_for_a_packet),
	KUNIT_CASE(lane_that_is_frozen_counts),
	KUNIT_CASE(lane_that_is_written_over_stays_whole),
	KUNIT_CASE(lane_is_that_of_its_cpu),
	KUNIT_CASE(timer_on_another_cpu_leaves_the_lane_to_its_writer),
	KUNIT_CASE(close_leaves_no_way_to_the_lanes),
	{}
};

struct kunit_suite xinet_lane_suite = {
	.name = "xinet_lane",
	.init = lane_init,
	.exit = lane_exit,
	.test_cases = lane_cases,
};
