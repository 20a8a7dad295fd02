// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tap and its demultiplexer: packet/tap/tap.c. First the demultiplexer
 * alone, on the test's arrays and sinks, then whole sockets on a fake device.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "fake_dev.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"
#include "packet/tap/tap_array.h"
#include "packet/tap/tap_sender.h"
#include "suites.h"

#define TEST_SINKS	4
#define TEST_FRAME_LEN	80
/* Sockets that leave a tap together. */
#define TEST_CROWD	128
/* An EtherType for local experiments (IEEE 802). */
#define TEST_ETHERTYPE	0x88b5

/* A sink that records what it is given. */
struct test_sink {
	struct xinet_tap_sink sink;
	struct sock sk;
	unsigned int delivered;
	unsigned int snaplen;
	unsigned int data_len;
	u8 first_byte;
};

struct tap_fixture {
	struct net_device *dev;
	struct sk_buff *skb;
	struct test_sink sinks[TEST_SINKS];
	struct list_head list;
	struct xinet_tap_array *array;
	struct socket *sock[TEST_SINKS];
};

static void remember(struct xinet_tap_sink *sink,
		     const struct xinet_tap_receiver *receiver,
		     struct sk_buff *skb, const struct xinet_tap_frame *frame)
{
	struct test_sink *ts = container_of(sink, struct test_sink, sink);

	ts->delivered++;
	ts->snaplen = frame->snaplen;
	ts->data_len = skb->len;
	ts->first_byte = skb->data[0];
}

static const struct xinet_receiver_ops remembering_ops = { .deliver = remember };

static const struct xinet_tap_receiver remembering = { .ops = &remembering_ops };

static void fill_frame(u8 *frame)
{
	struct ethhdr *eth = (struct ethhdr *)frame;

	memset(frame, 0xaa, TEST_FRAME_LEN);
	eth_broadcast_addr(eth->h_dest);
	eth->h_proto = htons(TEST_ETHERTYPE);
}

static int tap_init(struct kunit *test)
{
	struct tap_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	u8 frame[TEST_FRAME_LEN];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->dev = xinet_fake_dev_create(test);
	INIT_LIST_HEAD(&f->list);
	for (i = 0; i < TEST_SINKS; i++) {
		f->sinks[i].sink.sk = &f->sinks[i].sk;
		RCU_INIT_POINTER(f->sinks[i].sink.receiver, &remembering);
		f->sinks[i].sink.running = true;
	}

	f->skb = netdev_alloc_skb(f->dev, TEST_FRAME_LEN);
	KUNIT_ASSERT_NOT_NULL(test, f->skb);
	fill_frame(frame);
	skb_put_data(f->skb, frame, sizeof(frame));
	f->skb->protocol = eth_type_trans(f->skb, f->dev);
	skb_reset_network_header(f->skb);
	return 0;
}

static void tap_exit(struct kunit *test)
{
	struct tap_fixture *f = test->priv;
	int i;

	for (i = 0; i < TEST_SINKS; i++) {
		if (f->sock[i])
			sock_release(f->sock[i]);
	}
	kfree_skb(f->skb);
	kvfree(f->array);
	xinet_fake_dev_destroy(f->dev);
}

/* Fills an array with the first @n sinks. */
static void publish(struct kunit *test, int n)
{
	struct tap_fixture *f = test->priv;
	int i;

	for (i = 0; i < n; i++)
		xinet_tap_sink_insert(&f->list, &f->sinks[i].sink);
	f->array = xinet_tap_array_alloc(n);
	KUNIT_ASSERT_NOT_NULL(test, f->array);
	xinet_tap_array_fill(f->array, &f->list);
}

static void demux(struct kunit *test, const struct xinet_tap_sink *sender)
{
	struct tap_fixture *f = test->priv;
	struct xinet_tap_frame frame = { .orig_dev = f->dev };
	unsigned char *data = f->skb->data;
	unsigned int len = f->skb->len;

	local_bh_disable();
	rcu_read_lock();
	xinet_tap_demux(f->array, f->skb, &frame, sender);
	rcu_read_unlock();
	local_bh_enable();

	/* The packet is unchanged in any case. */
	KUNIT_EXPECT_PTR_EQ(test, f->skb->data, data);
	KUNIT_EXPECT_EQ(test, f->skb->len, len);
	KUNIT_EXPECT_EQ(test, refcount_read(&f->skb->users), 1u);
	KUNIT_EXPECT_FALSE(test, skb_cloned(f->skb));
}

static void sinks_without_filter_share_a_group(struct kunit *test)
{
	struct tap_fixture *f = test->priv;
	int i;

	publish(test, 3);
	KUNIT_EXPECT_EQ(test, f->array->nr_groups, 1u);
	KUNIT_EXPECT_EQ(test, f->array->nr_slots, 3u);
	demux(test, NULL);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, f->sinks[i].delivered, 1u);
}

static void modes_differ_by_the_link_header(struct kunit *test)
{
	struct tap_fixture *f = test->priv;

	/* Inserted out of order; sorting puts link-level ones first. */
	f->sinks[0].sink.mode = XINET_TAP_COOKED;
	f->sinks[1].sink.mode = XINET_TAP_RAW;
	f->sinks[2].sink.mode = XINET_TAP_COOKED;
	publish(test, 3);
	KUNIT_ASSERT_EQ(test, f->array->nr_groups, 2u);
	KUNIT_EXPECT_EQ(test, f->array->groups[0].mode, XINET_TAP_RAW);
	KUNIT_EXPECT_EQ(test, f->array->groups[0].end, 1u);
	KUNIT_EXPECT_EQ(test, f->array->groups[1].end, 3u);

	demux(test, NULL);
	KUNIT_EXPECT_EQ(test, f->sinks[1].data_len, TEST_FRAME_LEN);
	KUNIT_EXPECT_EQ(test, f->sinks[1].first_byte, 0xff);
	KUNIT_EXPECT_EQ(test, f->sinks[0].data_len, TEST_FRAME_LEN - ETH_HLEN);
	KUNIT_EXPECT_EQ(test, f->sinks[0].first_byte, 0xaa);
	KUNIT_EXPECT_EQ(test, f->sinks[2].delivered, 1u);
}

static void program_speaks_for_its_whole_group(struct kunit *test)
{
	struct sock_filter insns[2][1] = {
		{ BPF_STMT(BPF_RET | BPF_K, 30) },
		{ BPF_STMT(BPF_RET | BPF_K, 0) },
	};
	struct tap_fixture *f = test->priv;
	struct bpf_prog *progs[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct sock_fprog_kern fprog = { .len = 1, .filter = insns[i] };

		KUNIT_ASSERT_EQ(test, bpf_prog_create(&progs[i], &fprog), 0);
	}
	/* Slots 0 and 1: a program that accepts; 2 and 3: one that rejects. */
	f->array = xinet_tap_array_alloc(4);
	KUNIT_ASSERT_NOT_NULL(test, f->array);
	for (i = 0; i < 4; i++)
		RCU_INIT_POINTER(f->array->slots[i], &f->sinks[i].sink);
	f->array->nr_slots = 4;
	f->array->nr_groups = 2;
	RCU_INIT_POINTER(f->array->groups[0].prog, progs[0]);
	f->array->groups[0].end = 2;
	f->array->groups[0].fast = XINET_TAP_MODES;
	RCU_INIT_POINTER(f->array->groups[1].prog, progs[1]);
	f->array->groups[1].first = 2;
	f->array->groups[1].end = 4;

	demux(test, NULL);
	KUNIT_EXPECT_EQ(test, f->sinks[0].delivered, 1u);
	KUNIT_EXPECT_EQ(test, f->sinks[0].snaplen, 30u);
	KUNIT_EXPECT_EQ(test, f->sinks[1].delivered, 1u);
	KUNIT_EXPECT_EQ(test, f->sinks[2].delivered, 0u);
	KUNIT_EXPECT_EQ(test, f->sinks[3].delivered, 0u);
	bpf_prog_destroy(progs[0]);
	bpf_prog_destroy(progs[1]);
}

static void sender_does_not_get_its_own_packet(struct kunit *test)
{
	struct tap_fixture *f = test->priv;

	publish(test, 3);
	demux(test, &f->sinks[1].sink);
	KUNIT_EXPECT_EQ(test, f->sinks[0].delivered, 1u);
	KUNIT_EXPECT_EQ(test, f->sinks[1].delivered, 0u);
	KUNIT_EXPECT_EQ(test, f->sinks[2].delivered, 1u);
}

static void sink_of_a_device_that_is_down_gets_nothing(struct kunit *test)
{
	struct tap_fixture *f = test->priv;

	f->sinks[0].sink.running = false;
	publish(test, 2);
	demux(test, NULL);
	KUNIT_EXPECT_EQ(test, f->sinks[0].delivered, 0u);
	KUNIT_EXPECT_EQ(test, f->sinks[1].delivered, 1u);
}

static void outgoing_is_ignored_where_asked(struct kunit *test)
{
	struct tap_fixture *f = test->priv;

	f->sinks[0].sink.ignore_outgoing = true;
	publish(test, 2);
	f->skb->pkt_type = PACKET_OUTGOING;
	skb_push(f->skb, ETH_HLEN);
	demux(test, NULL);
	KUNIT_EXPECT_EQ(test, f->sinks[0].delivered, 0u);
	KUNIT_EXPECT_EQ(test, f->sinks[1].delivered, 1u);
	f->skb->pkt_type = PACKET_BROADCAST;
	demux(test, NULL);
	KUNIT_EXPECT_EQ(test, f->sinks[0].delivered, 1u);
}

static void degraded_array_still_delivers(struct kunit *test)
{
	struct tap_fixture *f = test->priv;

	f->sinks[1].sink.mode = XINET_TAP_COOKED;
	publish(test, 3);
	f->array->degraded = true;
	RCU_INIT_POINTER(f->array->slots[0], NULL);
	demux(test, NULL);
	KUNIT_EXPECT_EQ(test, f->sinks[0].delivered + f->sinks[1].delivered +
			f->sinks[2].delivered, 2u);
	KUNIT_EXPECT_EQ(test, f->sinks[1].data_len, TEST_FRAME_LEN - ETH_HLEN);
}

static void program_of_those_who_left_is_not_run(struct kunit *test)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, 30);
	struct sock_fprog_kern fprog = { .len = 1, .filter = &insn };
	struct tap_fixture *f = test->priv;
	struct bpf_prog *prog;

	KUNIT_ASSERT_EQ(test, bpf_prog_create(&prog, &fprog), 0);
	publish(test, 4);
	RCU_INIT_POINTER(f->array->groups[0].prog, prog);

	xinet_tap_array_remove(f->array, &f->sinks[1].sink);
	KUNIT_EXPECT_TRUE(test, xinet_tap_array_is_sparse(f->array));
	KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(f->array->groups[0].prog),
			    prog);
	demux(test, NULL);
	KUNIT_EXPECT_EQ(test, f->sinks[1].delivered, 0u);
	KUNIT_EXPECT_EQ(test, f->sinks[0].delivered, 1u);

	xinet_tap_array_remove(f->array, &f->sinks[0].sink);
	xinet_tap_array_remove(f->array, &f->sinks[2].sink);
	xinet_tap_array_remove(f->array, &f->sinks[3].sink);
	KUNIT_EXPECT_PTR_NE(test, rcu_access_pointer(f->array->groups[0].prog),
			    prog);
	/* as the last user of the program does when it leaves */
	bpf_prog_destroy(prog);
	demux(test, NULL);
	KUNIT_EXPECT_EQ(test, f->sinks[0].delivered, 1u);
}

static struct sock *open_packet(struct kunit *test, int i,
				struct net_device *dev, u16 type)
{
	struct tap_fixture *f = test->priv;

	f->sock[i] = xinet_fake_packet_socket(test);
	xinet_fake_bind(test, f->sock[i], dev, type);
	return f->sock[i]->sk;
}

static void receive(struct kunit *test)
{
	struct tap_fixture *f = test->priv;
	u8 frame[TEST_FRAME_LEN];

	fill_frame(frame);
	xinet_fake_dev_receive(test, f->dev, frame, sizeof(frame));
}

static unsigned int queued(const struct sock *sk)
{
	return xinet_packet_sk(sk)->tp_packets;
}

static void sockets_get_what_they_are_bound_to(struct kunit *test)
{
	struct tap_fixture *f = test->priv;
	struct sock *dev_all = open_packet(test, 0, f->dev, ETH_P_ALL);
	struct sock *dev_type = open_packet(test, 1, f->dev, TEST_ETHERTYPE);
	struct sock *any_type = open_packet(test, 2, NULL, TEST_ETHERTYPE);
	struct sock *other_type = open_packet(test, 3, f->dev, ETH_P_ARP);

	receive(test);
	KUNIT_EXPECT_EQ(test, queued(dev_all), 1u);
	KUNIT_EXPECT_EQ(test, queued(dev_type), 1u);
	KUNIT_EXPECT_EQ(test, queued(any_type), 1u);
	KUNIT_EXPECT_EQ(test, queued(other_type), 0u);
}

static void sockets_of_one_tap_come_and_go(struct kunit *test)
{
	struct tap_fixture *f = test->priv;
	struct sock *stays = open_packet(test, 0, f->dev, TEST_ETHERTYPE);
	unsigned int before, i;

	for (i = 0; i < 50; i++) {
		struct sock *sk = open_packet(test, 1, f->dev, TEST_ETHERTYPE);

		before = queued(stays);
		receive(test);
		KUNIT_EXPECT_EQ(test, queued(sk), 1u);
		KUNIT_EXPECT_EQ(test, queued(stays), before + 1);
		sock_release(f->sock[1]);
		f->sock[1] = NULL;
		receive(test);
		KUNIT_EXPECT_EQ(test, queued(stays), before + 2);
	}
}

/* Tasks and taps are only compared by address: any will do. */
static void senders_on_one_cpu_are_told_apart(struct kunit *test)
{
	struct tap_fixture *f = test->priv;
	const struct task_struct *one = (void *)&f->sinks[0];
	const struct task_struct *two = (void *)&f->sinks[1];
	const struct xinet_tap *tap = (void *)f;
	const struct xinet_tap *other = (void *)&f->list;

	migrate_disable();
	xinet_tap_sender_note_task(one, tap, &f->sinks[0].sink);
	xinet_tap_sender_note_task(two, tap, &f->sinks[1].sink);
	KUNIT_EXPECT_NULL(test, xinet_tap_sender_take_task(one, other));
	KUNIT_EXPECT_PTR_EQ(test, xinet_tap_sender_take_task(one, tap),
			    (const struct xinet_tap_sink *)&f->sinks[0].sink);
	KUNIT_EXPECT_NULL(test, xinet_tap_sender_take_task(one, tap));
	KUNIT_EXPECT_PTR_EQ(test, xinet_tap_sender_take_task(two, tap),
			    (const struct xinet_tap_sink *)&f->sinks[1].sink);
	migrate_enable();
}

/* A classic program that accepts packets with @value in them, as attached. */
static struct sk_filter *make_filter(struct kunit *test, u32 value)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 26),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 65535),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog_kern fprog = {
		.len	= ARRAY_SIZE(insns),
		.filter	= insns,
	};
	struct sock_fprog_kern *orig = kmemdup(&fprog, sizeof(fprog), GFP_KERNEL);
	struct sk_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, orig);
	KUNIT_ASSERT_NOT_NULL(test, filter);
	orig->filter = kmemdup(insns, sizeof(insns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, orig->filter);
	KUNIT_ASSERT_EQ(test, bpf_prog_create(&filter->prog, &fprog), 0);
	/* the core keeps the classic program as well */
	filter->prog->orig_prog = orig;
	refcount_set(&filter->refcnt, 1);
	return filter;
}

/* SO_ATTACH_FILTER, without its argument, which must be in userspace. */
static void attach_filter(struct sock *sk, struct sk_filter *filter)
{
	struct work_struct *work = &xinet_packet_sk(sk)->filter_work.work;

	atomic_add(bpf_prog_size(filter->prog->len), &sk->sk_omem_alloc);
	rcu_assign_pointer(sk->sk_filter, filter);
	/* the work drops it */
	sock_hold(sk);
	work->func(work);
}

/* One more socket than the fixture's; @filter may be NULL. */
static struct socket *open_another(struct kunit *test,
				   const struct net_device *dev,
				   struct sk_filter *filter)
{
	struct socket *sock = xinet_fake_packet_socket(test);

	if (filter)
		attach_filter(sock->sk, filter);
	xinet_fake_bind(test, sock, dev, TEST_ETHERTYPE);
	return sock;
}

/* How TEST_CROWD sockets of one tap leave it. */
struct leave_case {
	const char *name;
	bool with_the_device;
	bool own_filters;
};

static const struct leave_case leave_cases[] = {
	{ "closed", false, false },
	{ "closed, each with a filter", false, true },
	{ "device goes", true, false },
	{ "device goes, each with a filter", true, true },
};

static void leave_case_name(const struct leave_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(leave, leave_cases, leave_case_name);

/* How many arrays a tap allocates meanwhile. */
static int arrays_made_on_leaving(struct kunit *test,
				  const struct leave_case *c)
{
	struct net_device *dev = xinet_fake_dev_create(test);
	struct sk_filter *filter;
	struct socket **socks;
	int i, made;

	socks = kunit_kcalloc(test, TEST_CROWD, sizeof(*socks), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, socks);
	for (i = 0; i < TEST_CROWD; i++) {
		filter = c->own_filters ? make_filter(test, i) : NULL;
		socks[i] = open_another(test, dev, filter);
	}

	made = atomic_read(&xinet_tap_arrays_made);
	if (c->with_the_device) {
		xinet_fake_dev_destroy(dev);
		made = atomic_read(&xinet_tap_arrays_made) - made;
	}
	for (i = 0; i < TEST_CROWD; i++)
		sock_release(socks[i]);
	if (!c->with_the_device) {
		made = atomic_read(&xinet_tap_arrays_made) - made;
		xinet_fake_dev_destroy(dev);
	}
	return made;
}

/*
 * A new array is made when a quarter of the slots are empty, each smaller than
 * the one before: all of them together cost as much as a few of the first size.
 */
static int arrays_at_most(int sockets)
{
	int arrays = 0;

	for (; sockets > 1; sockets -= DIV_ROUND_UP(sockets, 4))
		arrays++;
	return arrays;
}

static void sockets_that_leave_share_few_arrays(struct kunit *test)
{
	int made = arrays_made_on_leaving(test, test->param_value);

	KUNIT_EXPECT_GT(test, made, 0);
	KUNIT_EXPECT_LE(test, made, arrays_at_most(TEST_CROWD));
}

static void sent_frame_leaves_unchanged(struct kunit *test)
{
	struct tap_fixture *f = test->priv;
	struct kvec vec = { .iov_len = TEST_FRAME_LEN };
	struct msghdr msg = {};
	u8 frame[TEST_FRAME_LEN];
	struct sk_buff *sent;

	open_packet(test, 0, f->dev, TEST_ETHERTYPE);
	fill_frame(frame);
	vec.iov_base = frame;
	KUNIT_ASSERT_EQ(test, kernel_sendmsg(f->sock[0], &msg, &vec, 1,
					     sizeof(frame)),
			(int)sizeof(frame));
	sent = xinet_fake_dev_sent(f->dev);
	/* The stack may send something on the device first (IPv6). */
	while (sent && sent->protocol != htons(TEST_ETHERTYPE)) {
		kfree_skb(sent);
		sent = xinet_fake_dev_sent(f->dev);
	}
	KUNIT_ASSERT_NOT_NULL(test, sent);
	KUNIT_EXPECT_EQ(test, sent->len, (unsigned int)sizeof(frame));
	KUNIT_EXPECT_EQ(test, memcmp(sent->data, frame, sizeof(frame)), 0);
	kfree_skb(sent);
	/* the sender does not receive it */
	KUNIT_EXPECT_EQ(test, queued(f->sock[0]->sk), 0u);
}

static struct kunit_case tap_cases[] = {
	KUNIT_CASE(sinks_without_filter_share_a_group),
	KUNIT_CASE(modes_differ_by_the_link_header),
	KUNIT_CASE(program_speaks_for_its_whole_group),
	KUNIT_CASE(sender_does_not_get_its_own_packet),
	KUNIT_CASE(sink_of_a_device_that_is_down_gets_nothing),
	KUNIT_CASE(outgoing_is_ignored_where_asked),
	KUNIT_CASE(degraded_array_still_delivers),
	KUNIT_CASE(sockets_get_what_they_are_bound_to),
	KUNIT_CASE(program_of_those_who_left_is_not_run),
	KUNIT_CASE(senders_on_one_cpu_are_told_apart),
	KUNIT_CASE(sockets_of_one_tap_come_and_go),
	KUNIT_CASE_PARAM(sockets_that_leave_share_few_arrays,
			 leave_gen_params),
	KUNIT_CASE(sent_frame_leaves_unchanged),
	{}
};

struct kunit_suite xinet_tap_suite = {
	.name		= "xinet_tap",
	.init		= tap_init,
	.exit		= tap_exit,
	.test_cases	= tap_cases,
};
