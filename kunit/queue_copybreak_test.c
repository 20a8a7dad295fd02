// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small packets that share an skb in a receive queue: packet/queue_copybreak.c.
 * Each is received unchanged, and the receive buffer is charged as if each had
 * an skb of its own.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/if_packet.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "fake_dev.h"
#include "packet/queue_copybreak.h"
#include "packet/sock.h"
#include "suites.h"

#define TEST_ETHERTYPE	ETH_P_802_EX1
#define TEST_SMALL	60
#define TEST_LARGE	(XINET_QUEUE_COPYBREAK_MAX + 1)
/* more than fit into a page */
#define TEST_MANY	100

struct copybreak_fixture {
	struct net_device *dev;
	struct socket *sock;
	struct sock *sk;
	struct xinet_packet_sock *po;
};

static int copybreak_init(struct kunit *test)
{
	struct copybreak_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->dev = xinet_fake_dev_create(test);
	f->sock = xinet_fake_packet_socket(test);
	xinet_fake_bind(test, f->sock, f->dev, TEST_ETHERTYPE);
	f->sk = f->sock->sk;
	f->po = xinet_packet_sk(f->sk);
	return 0;
}

static void copybreak_exit(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;

	if (f->sock)
		sock_release(f->sock);
	xinet_fake_dev_destroy(f->dev);
}

static void fill_frame(struct kunit *test, u8 *frame, size_t len, u8 number)
{
	struct copybreak_fixture *f = test->priv;
	struct ethhdr *eth = (void *)frame;

	memset(frame, number, len);
	ether_addr_copy(eth->h_dest, f->dev->dev_addr);
	eth->h_proto = htons(TEST_ETHERTYPE);
}

static void receive(struct kunit *test, size_t len, u8 number)
{
	struct copybreak_fixture *f = test->priv;
	u8 frame[TEST_LARGE];

	fill_frame(test, frame, len, number);
	xinet_fake_dev_receive(test, f->dev, frame, len);
}

static struct sk_buff *take(struct kunit *test, bool peek,
			    const struct xinet_queue_packet **packet)
{
	struct copybreak_fixture *f = test->priv;
	struct sk_buff *skb;

	spin_lock_bh(&f->sk->sk_receive_queue.lock);
	skb = xinet_queue_take(f->sk, peek, packet);
	spin_unlock_bh(&f->sk->sk_receive_queue.lock);
	return skb;
}

static void put(struct kunit *test, struct sk_buff *skb,
		const struct xinet_queue_packet *packet)
{
	struct copybreak_fixture *f = test->priv;

	xinet_queue_put(f->sk, skb, packet, false);
}

static void expect_packet(struct kunit *test,
			  const struct xinet_queue_packet *packet, size_t len,
			  u8 number)
{
	struct copybreak_fixture *f = test->priv;
	u8 frame[TEST_LARGE];

	fill_frame(test, frame, len, number);
	KUNIT_ASSERT_NOT_NULL(test, packet);
	KUNIT_EXPECT_EQ(test, packet->len, (u32)len);
	KUNIT_EXPECT_EQ(test, memcmp(packet + 1, frame, len), 0);
	KUNIT_EXPECT_EQ(test, packet->net, ETH_HLEN);
	KUNIT_EXPECT_EQ(test, ntohs(packet->protocol), TEST_ETHERTYPE);
	KUNIT_EXPECT_EQ(test, packet->from.origlen, (u32)len);
	KUNIT_EXPECT_EQ(test, packet->from.ifindex, f->dev->ifindex);
	KUNIT_EXPECT_EQ(test, packet->from.pkttype, PACKET_HOST);
	KUNIT_EXPECT_EQ(test, packet->from.halen, ETH_ALEN);
	KUNIT_EXPECT_EQ(test, packet->addr[0], number);
}

/* Takes the next packet, which is a copied one, and releases it. */
static void expect_next(struct kunit *test, size_t len, u8 number)
{
	const struct xinet_queue_packet *packet;
	struct sk_buff *skb = take(test, false, &packet);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	expect_packet(test, packet, len, number);
	put(test, skb, packet);
}

static void expect_empty(struct kunit *test)
{
	const struct xinet_queue_packet *packet;
	struct copybreak_fixture *f = test->priv;

	KUNIT_EXPECT_NULL(test, take(test, false, &packet));
	KUNIT_EXPECT_TRUE(test, skb_queue_empty(&f->sk->sk_receive_queue));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->sk->sk_rmem_alloc), 0);
}

static u32 queued(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;

	return skb_queue_len(&f->sk->sk_receive_queue);
}

static void small_packets_share_an_skb(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;

	receive(test, TEST_SMALL, 1);
	receive(test, XINET_QUEUE_COPYBREAK_MAX, 2);
	receive(test, TEST_SMALL + 1, 3);
	KUNIT_EXPECT_EQ(test, queued(test), 1u);
	KUNIT_EXPECT_EQ(test, f->po->tp_packets, 3u);
	/* as readers of the queue's head see it */
	KUNIT_EXPECT_EQ(test, skb_peek(&f->sk->sk_receive_queue)->len,
			TEST_SMALL);
	expect_next(test, TEST_SMALL, 1);
	KUNIT_EXPECT_EQ(test, skb_peek(&f->sk->sk_receive_queue)->len,
			XINET_QUEUE_COPYBREAK_MAX);
	expect_next(test, XINET_QUEUE_COPYBREAK_MAX, 2);
	expect_next(test, TEST_SMALL + 1, 3);
	expect_empty(test);
}

static void full_page_is_followed_by_another(struct kunit *test)
{
	u8 i;

	for (i = 0; i < TEST_MANY; i++)
		receive(test, TEST_SMALL, i);
	KUNIT_EXPECT_GT(test, queued(test), 1u);
	KUNIT_EXPECT_LT(test, queued(test), TEST_MANY / 10);
	for (i = 0; i < TEST_MANY; i++)
		expect_next(test, TEST_SMALL, i);
	expect_empty(test);
}

/* After a packet that is not copied none is: pages would be nearly empty. */
static void order_is_kept_with_large_packets(struct kunit *test)
{
	const struct xinet_queue_packet *packet;
	struct sk_buff *skb;
	u8 i;

	receive(test, TEST_SMALL, 1);
	receive(test, TEST_LARGE, 2);
	receive(test, TEST_SMALL, 3);
	KUNIT_EXPECT_EQ(test, queued(test), 3u);
	expect_next(test, TEST_SMALL, 1);
	for (i = 2; i <= 3; i++) {
		skb = take(test, false, &packet);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_NULL(test, packet);
		KUNIT_EXPECT_EQ(test, skb->data[ETH_ALEN], i);
		put(test, skb, packet);
	}
	expect_empty(test);
	receive(test, TEST_SMALL, 4);
	expect_next(test, TEST_SMALL, 4);
	expect_empty(test);
}

static void reader_that_keeps_up_has_one_page(struct kunit *test)
{
	const struct xinet_queue_packet *packet;
	struct copybreak_fixture *f = test->priv;
	struct sk_buff *spare, *skb;
	u8 i;

	receive(test, TEST_SMALL, 0);
	KUNIT_EXPECT_NULL(test, f->po->spare);
	expect_next(test, TEST_SMALL, 0);
	spare = f->po->spare;
	KUNIT_ASSERT_NOT_NULL(test, spare);
	for (i = 1; i < TEST_MANY; i++) {
		receive(test, TEST_SMALL, i);
		KUNIT_EXPECT_NULL(test, f->po->spare);
		skb = take(test, false, &packet);
		KUNIT_EXPECT_PTR_EQ(test, skb, spare);
		expect_packet(test, packet, TEST_SMALL, i);
		put(test, skb, packet);
	}
	expect_empty(test);
}

static void page_that_is_read_is_not_written(struct kunit *test)
{
	const struct xinet_queue_packet *peeked, *taken;
	struct copybreak_fixture *f = test->priv;
	struct sk_buff *peek, *skb;

	receive(test, TEST_SMALL, 1);
	peek = take(test, true, &peeked);
	skb = take(test, false, &taken);
	KUNIT_EXPECT_PTR_EQ(test, peek, skb);
	KUNIT_EXPECT_PTR_EQ(test, peeked, taken);
	put(test, skb, taken);
	KUNIT_EXPECT_NULL(test, f->po->spare);
	receive(test, TEST_SMALL, 2);
	expect_packet(test, peeked, TEST_SMALL, 1);
	xinet_queue_put(f->sk, peek, peeked, true);
	expect_next(test, TEST_SMALL, 2);
	expect_empty(test);
}

/* The second of two readers releases the page. */
static void page_comes_back_from_whoever_is_last(struct kunit *test)
{
	const struct xinet_queue_packet *first, *second;
	struct copybreak_fixture *f = test->priv;
	struct sk_buff *one, *two;

	receive(test, TEST_SMALL, 1);
	receive(test, TEST_SMALL, 2);
	one = take(test, false, &first);
	two = take(test, false, &second);
	put(test, two, second);
	KUNIT_EXPECT_NULL(test, f->po->spare);
	expect_packet(test, first, TEST_SMALL, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->sk->sk_rmem_alloc),
			(int)first->truesize);
	put(test, one, first);
	KUNIT_EXPECT_PTR_EQ(test, f->po->spare, one);
	expect_empty(test);
}

static void queue_is_emptied_while_somebody_reads(struct kunit *test)
{
	const struct xinet_queue_packet *packet;
	struct copybreak_fixture *f = test->priv;
	struct sk_buff *skb;

	receive(test, TEST_SMALL, 1);
	receive(test, TEST_SMALL, 2);
	skb = take(test, false, &packet);
	skb_queue_purge(&f->sk->sk_receive_queue);
	expect_packet(test, packet, TEST_SMALL, 1);
	put(test, skb, packet);
	/* a page with a packet that was not taken is not reused */
	KUNIT_EXPECT_NULL(test, f->po->spare);
	expect_empty(test);
}

static int charged(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;

	return atomic_read(&f->sk->sk_rmem_alloc);
}

/* The charge of a packet that is not copied, the same as AF_PACKET's. */
static int charge_of_one(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;
	int large, small;

	receive(test, TEST_LARGE, 1);
	large = charged(test);
	receive(test, TEST_SMALL, 2);
	small = charged(test) - large;
	skb_queue_purge(&f->sk->sk_receive_queue);
	KUNIT_EXPECT_GT(test, small, TEST_SMALL);
	return small;
}

static void packet_is_charged_like_an_skb(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;
	const int small = charge_of_one(test);
	const int most = 20;
	int i;

	WRITE_ONCE(f->sk->sk_rcvbuf, most * small);
	for (i = 0; i < most + 2; i++)
		receive(test, TEST_SMALL, i);
	KUNIT_EXPECT_EQ(test, queued(test), 1u);
	KUNIT_EXPECT_EQ(test, charged(test), most * small);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->po->tp_drops), 2);
	for (i = 0; i < most; i++)
		expect_next(test, TEST_SMALL, i);
	expect_empty(test);
}

/* Even one packet, at either end of the queue, holds a whole page. */
static void page_is_charged_for_whatever_is_in_it(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;
	const int page = PAGE_SIZE + sizeof(struct sk_buff);
	const struct xinet_queue_packet *packet;
	struct sk_buff *skb;
	u8 i;

	receive(test, TEST_SMALL, 0);
	KUNIT_EXPECT_GE(test, charged(test), page);
	for (i = 1; i < TEST_MANY; i++) {
		receive(test, TEST_SMALL, i);
		KUNIT_EXPECT_GE(test, charged(test), (int)queued(test) * page);
	}
	for (i = 0; i < TEST_MANY; i++) {
		KUNIT_EXPECT_GE(test, charged(test), (int)queued(test) * page);
		skb = take(test, false, &packet);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		put(test, skb, packet);
	}
	expect_empty(test);

	receive(test, TEST_SMALL, 1);
	skb_queue_purge(&f->sk->sk_receive_queue);
	expect_empty(test);
}

static void buffer_without_room_for_a_page_gets_skbs(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;
	const int small = charge_of_one(test);
	int i;

	WRITE_ONCE(f->sk->sk_rcvbuf, 3 * small);
	for (i = 0; i < 5; i++)
		receive(test, TEST_SMALL, i);
	KUNIT_EXPECT_EQ(test, queued(test), 3u);
	KUNIT_EXPECT_EQ(test, charged(test), 3 * small);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->po->tp_drops), 2);
}

/* A packet with many fields set. */
static struct sk_buff *special(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;
	struct sk_buff *skb = alloc_skb(TEST_SMALL, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	fill_frame(test, skb_put(skb, TEST_SMALL), TEST_SMALL, 5);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->dev = f->dev;
	skb->protocol = htons(TEST_ETHERTYPE);
	skb->pkt_type = PACKET_OTHERHOST;
	skb->mark = 6;
	skb->priority = 7;
	skb->tstamp = 8;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_valid = 1;
	return skb;
}

/* Queues the beginning of @skb; returns whether it fits. */
static bool copybreak(struct kunit *test, const struct sk_buff *skb)
{
	struct copybreak_fixture *f = test->priv;
	bool copied;

	spin_lock_bh(&f->sk->sk_receive_queue.lock);
	copied = xinet_queue_copybreak(f->po, skb, skb->data, skb->len, 20, 9);
	spin_unlock_bh(&f->sk->sk_receive_queue.lock);
	return copied;
}

static void copybreak_special(struct kunit *test)
{
	struct sk_buff *skb = special(test);

	KUNIT_EXPECT_TRUE(test, copybreak(test, skb));
	kfree_skb(skb);
}

static void copied_packet_says_the_same(struct kunit *test)
{
	const struct xinet_queue_packet *packet;
	struct copybreak_fixture *f = test->priv;
	u8 frame[TEST_SMALL];
	struct sk_buff *carrier, *skb;

	sock_set_flag(f->sk, SOCK_RXQ_OVFL);
	xinet_sk_drops_inc(f->sk);
	copybreak_special(test);
	carrier = take(test, false, &packet);
	KUNIT_EXPECT_EQ(test, packet->from.origlen, (u32)TEST_SMALL);
	KUNIT_EXPECT_EQ(test, packet->from.ifindex, 9);

	skb = xinet_queue_to_skb(packet);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	fill_frame(test, frame, sizeof(frame), 5);
	KUNIT_EXPECT_EQ(test, skb->len, 20u);
	KUNIT_EXPECT_EQ(test, memcmp(skb->data, frame, 20), 0);
	KUNIT_EXPECT_EQ(test, skb_network_offset(skb), ETH_HLEN);
	KUNIT_EXPECT_PTR_EQ(test, skb_mac_header(skb), skb->data);
	KUNIT_EXPECT_EQ(test, ntohs(skb->protocol), TEST_ETHERTYPE);
	KUNIT_EXPECT_EQ(test, (int)skb->pkt_type, PACKET_OTHERHOST);
	KUNIT_EXPECT_EQ(test, skb->mark, 6u);
	KUNIT_EXPECT_EQ(test, skb->priority, 7u);
	KUNIT_EXPECT_EQ(test, skb->tstamp, (ktime_t)8);
	KUNIT_EXPECT_EQ(test, (int)skb->ip_summed, CHECKSUM_UNNECESSARY);
	KUNIT_EXPECT_TRUE(test, skb->csum_valid);
	KUNIT_EXPECT_EQ(test, SOCK_SKB_CB(skb)->dropcount, 1u);
	kfree_skb(skb);
	put(test, carrier, packet);
	expect_empty(test);
}

/* Sends a frame through the device of the socket, which captures everything. */
static void capture_outgoing(struct kunit *test, size_t len)
{
	struct copybreak_fixture *f = test->priv;
	struct sk_buff *skb = alloc_skb(len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	xinet_fake_bind(test, f->sock, f->dev, ETH_P_ALL);
	fill_frame(test, skb_put(skb, len), len, 1);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->dev = f->dev;
	skb->protocol = htons(TEST_ETHERTYPE);
	KUNIT_ASSERT_EQ(test, dev_queue_xmit(skb), 0);
}

/*
 * The core may take an skb of type PACKET_OUTGOING for one from an error queue,
 * and its control buffer for a struct sock_exterr_skb.
 */
static void outgoing_packet_does_not_look_like_an_error(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;
	const struct sk_buff *head;
	struct sockaddr_ll from;
	struct msghdr msg = { .msg_name = &from };
	struct kvec iov;
	u8 frame[TEST_LARGE];
	int len;

	capture_outgoing(test, TEST_LARGE);
	head = skb_peek(&f->sk->sk_receive_queue);
	KUNIT_ASSERT_NOT_NULL(test, head);
	KUNIT_EXPECT_NE(test, (int)head->pkt_type, PACKET_OUTGOING);

	iov = (struct kvec){ frame, sizeof(frame) };
	len = kernel_recvmsg(f->sock, &msg, &iov, 1, sizeof(frame),
			     MSG_DONTWAIT);
	KUNIT_EXPECT_EQ(test, len, TEST_LARGE);
	KUNIT_EXPECT_EQ(test, (int)from.sll_pkttype, PACKET_OUTGOING);
}

static void what_says_more_is_not_copied(struct kunit *test)
{
	struct sk_buff *skb = alloc_skb(TEST_LARGE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put(skb, TEST_LARGE);
	KUNIT_EXPECT_TRUE(test, xinet_queue_may_copybreak(skb,
							  XINET_QUEUE_COPYBREAK_MAX));
	KUNIT_EXPECT_FALSE(test, xinet_queue_may_copybreak(skb, TEST_LARGE));
	skb->ip_summed = CHECKSUM_PARTIAL;
	KUNIT_EXPECT_FALSE(test, xinet_queue_may_copybreak(skb, TEST_SMALL));
	skb->ip_summed = CHECKSUM_NONE;
	skb_shinfo(skb)->gso_size = 1;
	KUNIT_EXPECT_FALSE(test, xinet_queue_may_copybreak(skb, TEST_SMALL));
	skb_shinfo(skb)->gso_size = 0;
	skb_shinfo(skb)->tx_flags = SKBTX_SW_TSTAMP;
	KUNIT_EXPECT_FALSE(test, xinet_queue_may_copybreak(skb, TEST_SMALL));
	skb_shinfo(skb)->tx_flags = 0;
	skb_hwtstamps(skb)->hwtstamp = 1;
	KUNIT_EXPECT_FALSE(test, xinet_queue_may_copybreak(skb, TEST_SMALL));
	skb_hwtstamps(skb)->hwtstamp = 0;
	KUNIT_EXPECT_TRUE(test, xinet_queue_may_copybreak(skb, TEST_SMALL));
	kfree_skb(skb);
}

/* Thread: makes the receive buffer of a socket large and full in turn. */
static int change_buffer(void *arg)
{
	struct sock *sk = arg;

	while (!kthread_should_stop()) {
		WRITE_ONCE(sk->sk_rcvbuf, 16 * PAGE_SIZE);
		ndelay(500);
		WRITE_ONCE(sk->sk_rcvbuf, 0);
		cond_resched();
	}
	return 0;
}

/* On another CPU, if there is one, until kthread_stop(). */
static struct task_struct *change_buffer_meanwhile(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;
	struct task_struct *thread;
	unsigned int cpu;

	thread = kthread_create(change_buffer, f->sk, "xinet_buffer");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	if (cpu < nr_cpu_ids)
		kthread_bind(thread, cpu);
	wake_up_process(thread);
	return thread;
}

/* SO_RCVBUF and the charge of received packets change concurrently. */
static void page_in_the_queue_has_a_packet(struct kunit *test)
{
	struct copybreak_fixture *f = test->priv;
	const struct xinet_queue_packet *packet;
	unsigned long end = jiffies + HZ / 2;
	struct sk_buff *skb = special(test);
	struct task_struct *thread;
	struct sk_buff *taken;
	bool copied;

	thread = change_buffer_meanwhile(test);
	do {
		copied = copybreak(test, skb);
		if (queued(test) != copied) {
			KUNIT_FAIL(test, "a page without a packet is queued");
			skb_queue_purge(&f->sk->sk_receive_queue);
			break;
		}
		if (copied) {
			taken = take(test, false, &packet);
			put(test, taken, packet);
		}
		cond_resched();
	} while (time_before(jiffies, end));
	kthread_stop(thread);
	kfree_skb(skb);
	expect_empty(test);
}

static struct kunit_case copybreak_cases[] = {
	KUNIT_CASE(small_packets_share_an_skb),
	KUNIT_CASE(full_page_is_followed_by_another),
	KUNIT_CASE(order_is_kept_with_large_packets),
	KUNIT_CASE(reader_that_keeps_up_has_one_page),
	KUNIT_CASE(page_that_is_read_is_not_written),
	KUNIT_CASE(page_comes_back_from_whoever_is_last),
	KUNIT_CASE(queue_is_emptied_while_somebody_reads),
	KUNIT_CASE(packet_is_charged_like_an_skb),
	KUNIT_CASE(page_is_charged_for_whatever_is_in_it),
	KUNIT_CASE(buffer_without_room_for_a_page_gets_skbs),
	KUNIT_CASE(page_in_the_queue_has_a_packet),
	KUNIT_CASE(copied_packet_says_the_same),
	KUNIT_CASE(outgoing_packet_does_not_look_like_an_error),
	KUNIT_CASE(what_says_more_is_not_copied),
	{}
};

struct kunit_suite xinet_queue_copybreak_suite = {
	.name = "xinet_queue_copybreak",
	.init = copybreak_init,
	.exit = copybreak_exit,
	.test_cases = copybreak_cases,
};
