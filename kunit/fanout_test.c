// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fanout groups: packet/fanout.c, through sockets on a fake device. Which
 * member gets a packet, in every mode; how joining, leaving and unregistering
 * the device change the order of members; and what a rejected or failed join
 * leaves behind.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/kernel.h>
#include <linux/net.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "fake_dev.h"
#include "packet/fanout.h"
#include "packet/queue_copybreak.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"
#include "suites.h"

#define TEST_MEMBERS	4
#define TEST_ID		5
/* An EtherType for local experiments (IEEE 802). */
#define TEST_ETHERTYPE	0x88b5

struct fanout_fixture {
	struct net_device *dev;
	struct socket *sock[TEST_MEMBERS];
};

struct test_frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	u8 payload[XINET_QUEUE_COPYBREAK_MAX]; /* too long to share an skb */
} __packed;

static int fanout_init(struct kunit *test)
{
	struct fanout_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->dev = xinet_fake_dev_create(test);
	return 0;
}

static void leave(struct kunit *test, int i)
{
	struct fanout_fixture *f = test->priv;

	sock_release(f->sock[i]);
	f->sock[i] = NULL;
}

static void fanout_exit(struct kunit *test)
{
	struct fanout_fixture *f = test->priv;
	int i;

	for (i = 0; i < TEST_MEMBERS; i++) {
		if (f->sock[i])
			leave(test, i);
	}
	xinet_fake_dev_destroy(f->dev);
}

static void open_bound(struct kunit *test, int i, u16 type)
{
	struct fanout_fixture *f = test->priv;

	f->sock[i] = xinet_fake_packet_socket(test);
	xinet_fake_bind(test, f->sock[i], f->dev, type);
}

static int join(struct kunit *test, int i, u16 type_flags, u32 max)
{
	struct fanout_fixture *f = test->priv;
	struct fanout_args args = {
		.id		 = TEST_ID,
		.type_flags	 = type_flags,
		.max_num_members = max,
	};

	return f->sock[i]->ops->setsockopt(f->sock[i], SOL_PACKET,
					   PACKET_FANOUT,
					   KERNEL_SOCKPTR(&args), sizeof(args));
}

static void open_group(struct kunit *test, int members, u16 type_flags)
{
	int i;

	for (i = 0; i < members; i++) {
		open_bound(test, i, ETH_P_IP);
		KUNIT_ASSERT_EQ(test, join(test, i, type_flags, 0), 0);
	}
}

/* Receives a packet of @protocol, with @flow where UDP has its source port. */
static void receive_ip(struct kunit *test, u8 protocol, u16 frag_off, u16 flow)
{
	struct fanout_fixture *f = test->priv;
	struct test_frame frame = {
		.eth.h_proto	= htons(ETH_P_IP),
		.ip.version	= 4,
		.ip.ihl		= 5,
		.ip.ttl		= 1,
		.ip.protocol	= protocol,
		.ip.frag_off	= htons(frag_off),
		.ip.tot_len	= htons(sizeof(frame) - ETH_HLEN),
		.ip.saddr	= htonl(0xc0000201),
		.ip.daddr	= htonl(0xc0000202),
		.udp.source	= htons(flow),
		.udp.dest	= htons(9),
		.udp.len	= htons(sizeof(frame.udp) +
					sizeof(frame.payload)),
	};

	/* for another host, so that the stack does not answer */
	eth_broadcast_addr(frame.eth.h_dest);
	frame.eth.h_dest[0] = 0x02;
	frame.ip.check = ip_fast_csum(&frame.ip, frame.ip.ihl);
	xinet_fake_dev_receive(test, f->dev, &frame, sizeof(frame));
}

/* Receives a UDP datagram from port @flow. */
static void receive(struct kunit *test, u16 flow)
{
	receive_ip(test, IPPROTO_UDP, 0, flow);
}

static struct sk_buff_head *queue_of(struct kunit *test, int i)
{
	struct fanout_fixture *f = test->priv;

	return &f->sock[i]->sk->sk_receive_queue;
}

static unsigned int queued(struct kunit *test, int i)
{
	return skb_queue_len(queue_of(test, i));
}

static void hash_is_scaled_to_the_members(struct kunit *test)
{
	struct sk_buff *skb;
	unsigned int sum = 0;
	int i;

	open_group(test, 3, PACKET_FANOUT_HASH);
	for (i = 0; i < 40; i++)
		receive(test, i);
	for (i = 0; i < 8; i++) {
		receive_ip(test, IPPROTO_TCP, 0, i);
		receive_ip(test, IPPROTO_TCP, IP_MF, i);
		receive_ip(test, IPPROTO_ICMP, 0, i);
	}
	for (i = 0; i < 3; i++) {
		sum += queued(test, i);
		skb_queue_walk(queue_of(test, i), skb)
			KUNIT_EXPECT_EQ(test, reciprocal_scale
					(__skb_get_hash_symmetric(skb), 3),
					(u32)i);
	}
	KUNIT_EXPECT_EQ(test, sum, 64u);
}

static void lb_takes_turns_from_the_second(struct kunit *test)
{
	open_group(test, 3, PACKET_FANOUT_LB);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 1), 1u);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 2), 1u);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 1u);
}

static void cpu_chooses_by_processor(struct kunit *test)
{
	unsigned int cpu;

	open_group(test, 2, PACKET_FANOUT_CPU);
	migrate_disable();
	cpu = smp_processor_id();
	receive(test, 1);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, queued(test, cpu % 2), 1u);
}

static void queue_chooses_and_without_program_the_first_does(struct kunit *test)
{
	int i;

	open_group(test, 2, PACKET_FANOUT_QM);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 1u);
	for (i = 0; i < 2; i++)
		leave(test, i);

	open_group(test, 2, PACKET_FANOUT_EBPF);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 1u);
}

static void random_member_is_one_of_the_group(struct kunit *test)
{
	int i;

	open_group(test, 3, PACKET_FANOUT_RND);
	for (i = 0; i < 100; i++)
		receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0) + queued(test, 1) +
			queued(test, 2), 100u);
}

/* Makes the queue of member @i look full, or empty again. */
static void set_room(struct kunit *test, int i, bool room)
{
	struct fanout_fixture *f = test->priv;

	WRITE_ONCE(f->sock[i]->sk->sk_rcvbuf, room ? 1 << 20 : 1);
	/* as recvmsg() does */
	if (xinet_packet_sk(f->sock[i]->sk)->rollover)
		xinet_fanout_relieve(xinet_packet_sk(f->sock[i]->sk));
}

static void expect_rollover(struct kunit *test, int i, u64 all, u64 failed)
{
	struct fanout_fixture *f = test->priv;
	struct tpacket_rollover_stats stats;

	KUNIT_ASSERT_EQ(test,
			xinet_fanout_get_rollover
			(xinet_packet_sk(f->sock[i]->sk), &stats), 0);
	KUNIT_EXPECT_EQ(test, stats.tp_all, all);
	KUNIT_EXPECT_EQ(test, stats.tp_failed, failed);
}

static void rollover_moves_on_when_full(struct kunit *test)
{
	int i;

	open_group(test, 3, PACKET_FANOUT_ROLLOVER);
	for (i = 0; i < 3; i++)
		set_room(test, i, true);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 1u);
	set_room(test, 0, false);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 1), 1u);
	/* and stays there, though the member before it has space again */
	set_room(test, 0, true);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 1), 2u);
	set_room(test, 1, false);
	set_room(test, 2, false);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 2u);
	expect_rollover(test, 0, 4, 0);
	set_room(test, 0, false);
	receive(test, 1);
	expect_rollover(test, 0, 4, 1);
	expect_rollover(test, 1, 0, 0);
}

static void rollover_flag_asks_the_others_only_when_full(struct kunit *test)
{
	int i;

	open_group(test, 2, PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_ROLLOVER);
	for (i = 0; i < 2; i++)
		set_room(test, i, true);
	receive(test, 1);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 1u);
	KUNIT_EXPECT_EQ(test, queued(test, 1), 1u);
	set_room(test, 1, false);
	receive(test, 1);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 3u);
	expect_rollover(test, 1, 1, 0);
	expect_rollover(test, 0, 0, 0);
}

static unsigned int nr_asked;

/* Not changed concurrently. */
static const struct xinet_tap_receiver *receiver_of(const struct socket *sock)
{
	return rcu_dereference_protected(xinet_packet_sk(sock->sk)->sink.receiver,
					 true);
}

static void set_receiver(const struct socket *sock,
			 const struct xinet_tap_receiver *receiver)
{
	rcu_assign_pointer(xinet_packet_sk(sock->sk)->sink.receiver, receiver);
}

static enum xinet_tap_room
count_and_refuse(const struct xinet_tap_receiver *receiver,
		 const struct sock *sk, const struct sk_buff *skb)
{
	nr_asked++;
	return XINET_TAP_ROOM_NONE;
}

/* However many members are full, a packet checks only the chosen one. */
static void rollover_does_not_ask_the_full_again(struct kunit *test)
{
	static struct xinet_receiver_ops refusing_ops;
	static struct xinet_tap_receiver refusing;
	struct fanout_fixture *f = test->priv;
	const struct xinet_tap_receiver *queue;
	int i;

	open_group(test, TEST_MEMBERS,
		   PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_ROLLOVER);
	queue = receiver_of(f->sock[2]);
	refusing = *queue;
	refusing_ops = *queue->ops;
	refusing_ops.room = count_and_refuse;
	refusing.ops = &refusing_ops;
	for (i = 0; i < TEST_MEMBERS; i++)
		set_receiver(f->sock[i], &refusing);
	receive(test, 1);
	nr_asked = 0;
	for (i = 0; i < 10; i++)
		receive(test, 1);
	KUNIT_EXPECT_EQ(test, nr_asked, 10u);
	expect_rollover(test, 0, 0, 11);

	/* a member that was read from is checked again, once if still full */
	set_receiver(f->sock[2], queue);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 2), 0u);
	set_room(test, 2, true);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 2), 1u);
	set_room(test, 2, false);
	for (i = 0; i < 10; i++)
		receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 2), 1u);
	expect_rollover(test, 0, 1, 22);

	for (i = 0; i < TEST_MEMBERS; i++)
		set_receiver(f->sock[i], queue);
}

static void rollover_place_beyond_the_members_is_no_place(struct kunit *test)
{
	int i;

	open_group(test, 3, PACKET_FANOUT_ROLLOVER);
	for (i = 0; i < 3; i++)
		set_room(test, i, i == 2);
	/* member 0 remembers member 2, which then leaves */
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 2), 1u);
	leave(test, 2);
	set_room(test, 1, true);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 1), 1u);
	leave(test, 1);
	set_room(test, 0, true);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 1u);
}

static void last_member_takes_the_place_of_the_one_that_leaves(struct kunit *test)
{
	open_group(test, 4, PACKET_FANOUT_EBPF);
	/* without a program the first member gets every packet */
	leave(test, 0);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 3), 1u);
	leave(test, 3);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 2), 1u);
	leave(test, 1);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 2), 2u);
}

static void members_come_and_go(struct kunit *test)
{
	int i;

	open_group(test, 2, PACKET_FANOUT_LB);
	for (i = 0; i < 50; i++) {
		int which = 1 + i % 3;
		struct fanout_fixture *f = test->priv;
		unsigned int before = queued(test, 0);

		if (f->sock[which])
			leave(test, which);
		open_bound(test, which, ETH_P_IP);
		KUNIT_ASSERT_EQ(test, join(test, which, PACKET_FANOUT_LB, 0),
				0);
		receive(test, i);
		receive(test, i);
		receive(test, i);
		receive(test, i);
		KUNIT_EXPECT_GT(test, queued(test, 0), before);
	}
}

static void last_to_leave_ends_the_group(struct kunit *test)
{
	open_group(test, 2, PACKET_FANOUT_LB);
	open_bound(test, 2, ETH_P_IP);
	KUNIT_EXPECT_EQ(test, join(test, 2, PACKET_FANOUT_HASH, 0), -EINVAL);
	leave(test, 0);
	KUNIT_EXPECT_EQ(test, join(test, 2, PACKET_FANOUT_HASH, 0), -EINVAL);
	leave(test, 1);
	KUNIT_EXPECT_EQ(test, join(test, 2, PACKET_FANOUT_HASH, 0), 0);
}

static void refused_join_changes_nothing(struct kunit *test)
{
	struct fanout_fixture *f = test->priv;

	open_bound(test, 0, ETH_P_IP);
	KUNIT_ASSERT_EQ(test, join(test, 0, PACKET_FANOUT_LB, 1), 0);
	open_bound(test, 1, ETH_P_IP);
	KUNIT_EXPECT_EQ(test, join(test, 1, PACKET_FANOUT_LB, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, join(test, 1, PACKET_FANOUT_LB, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, join(test, 1, PACKET_FANOUT_LB, 65537), -EINVAL);
	open_bound(test, 2, TEST_ETHERTYPE);
	KUNIT_EXPECT_EQ(test, join(test, 2, PACKET_FANOUT_LB, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, xinet_fanout_get(xinet_packet_sk(f->sock[1]->sk)),
			0u);
	/* neither is in a group: each gets the packet */
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 1u);
	KUNIT_EXPECT_EQ(test, queued(test, 1), 1u);
}

static void set_up(struct kunit *test, bool up)
{
	struct fanout_fixture *f = test->priv;
	unsigned int flags;

	rtnl_lock();
	flags = f->dev->flags & ~IFF_UP;
	KUNIT_EXPECT_EQ(test, dev_change_flags(f->dev, flags |
					       (up ? IFF_UP : 0), NULL), 0);
	rtnl_unlock();
}

static void members_that_are_up_again_come_in_order_of_age(struct kunit *test)
{
	open_bound(test, 0, ETH_P_IP);
	open_bound(test, 1, ETH_P_IP);
	KUNIT_ASSERT_EQ(test, join(test, 1, PACKET_FANOUT_CBPF, 0), 0);
	KUNIT_ASSERT_EQ(test, join(test, 0, PACKET_FANOUT_CBPF, 0), 0);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 1), 1u);

	set_up(test, false);
	open_bound(test, 2, ETH_P_IP);
	KUNIT_EXPECT_EQ(test, join(test, 2, PACKET_FANOUT_CBPF, 0), 0);
	set_up(test, true);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0), 1u);
	KUNIT_EXPECT_EQ(test, queued(test, 1), 1u);
	leave(test, 0);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 2), 1u);
}

/* Destroys the device and creates another. */
static void replace_device(struct kunit *test)
{
	struct fanout_fixture *f = test->priv;

	xinet_fake_dev_destroy(f->dev);
	f->dev = xinet_fake_dev_create(test);
}

static void device_that_goes_closes_the_group(struct kunit *test)
{
	open_group(test, 2, PACKET_FANOUT_LB);
	replace_device(test);
	open_bound(test, 2, ETH_P_IP);
	KUNIT_EXPECT_EQ(test, join(test, 2, PACKET_FANOUT_LB, 0), -EINVAL);
	receive(test, 1);
	KUNIT_EXPECT_EQ(test, queued(test, 0) + queued(test, 1), 0u);
	KUNIT_EXPECT_EQ(test, queued(test, 2), 1u);
	leave(test, 0);
	KUNIT_EXPECT_EQ(test, join(test, 2, PACKET_FANOUT_LB, 0), -EINVAL);
	leave(test, 1);
	KUNIT_EXPECT_EQ(test, join(test, 2, PACKET_FANOUT_LB, 0), 0);
}

/* Without a device the group would receive from all devices. */
static void socket_whose_device_is_gone_joins_nothing(struct kunit *test)
{
	struct fanout_fixture *f = test->priv;

	open_bound(test, 0, ETH_P_IP);
	replace_device(test);
	KUNIT_EXPECT_EQ(test, join(test, 0, PACKET_FANOUT_LB, 0), -EINVAL);
	KUNIT_EXPECT_FALSE(test,
			   rcu_access_pointer(xinet_packet_sk(f->sock[0]->sk)->sink.group));
	/* the id is free */
	open_bound(test, 1, ETH_P_IP);
	KUNIT_EXPECT_EQ(test, join(test, 1, PACKET_FANOUT_HASH, 0), 0);
}

static struct kunit_case fanout_cases[] = {
	KUNIT_CASE(hash_is_scaled_to_the_members),
	KUNIT_CASE(lb_takes_turns_from_the_second),
	KUNIT_CASE(cpu_chooses_by_processor),
	KUNIT_CASE(queue_chooses_and_without_program_the_first_does),
	KUNIT_CASE(random_member_is_one_of_the_group),
	KUNIT_CASE(rollover_moves_on_when_full),
	KUNIT_CASE(rollover_flag_asks_the_others_only_when_full),
	KUNIT_CASE(rollover_does_not_ask_the_full_again),
	KUNIT_CASE(rollover_place_beyond_the_members_is_no_place),
	KUNIT_CASE(last_member_takes_the_place_of_the_one_that_leaves),
	KUNIT_CASE(members_come_and_go),
	KUNIT_CASE(last_to_leave_ends_the_group),
	KUNIT_CASE(refused_join_changes_nothing),
	KUNIT_CASE(members_that_are_up_again_come_in_order_of_age),
	KUNIT_CASE(device_that_goes_closes_the_group),
	KUNIT_CASE(socket_whose_device_is_gone_joins_nothing),
	{}
};

struct kunit_suite xinet_fanout_suite = {
	.name		= "xinet_fanout",
	.init		= fanout_init,
	.exit		= fanout_exit,
	.test_cases	= fanout_cases,
};
