// SPDX-License-Identifier: GPL-2.0-only
/* The raw demultiplexer: ip/raw_input.c. */
#include <kunit/test.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/net.h>
#include <linux/sockptr.h>
#include <linux/uio.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "af_xinet/family.h"
#include "ip/ip_hook.h"
#include "ip/ip_rx.h"
#include "ip/local_in.h"
#include "ip/raw.h"
#include "compat/xinet_compat_packet.h"
#include "fake_dev.h"
#include "suites.h"

#define TEST_LOCAL	htonl(0x0a4d0001)
#define TEST_REMOTE	htonl(0x0a4d0002)
#define TEST_OTHER	htonl(0x0a4d0003)
/* An experimental protocol of RFC 3692, otherwise unused. */
#define TEST_PROTOCOL	253
#define TEST_SOCKETS	8

struct raw_fixture {
	struct net_device *dev;
	struct socket *sock[TEST_SOCKETS];
	int sockets;
};

static int raw_test_init(struct kunit *test)
{
	struct raw_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->dev = xinet_fake_dev_create(test);
	return 0;
}

static void raw_test_exit(struct kunit *test)
{
	struct raw_fixture *f = test->priv;

	while (f->sockets)
		sock_release(f->sock[--f->sockets]);
	xinet_fake_dev_destroy(f->dev);
}

static struct sock *open_raw(struct kunit *test, int protocol)
{
	struct raw_fixture *f = test->priv;
	struct socket **sock = &f->sock[f->sockets];

	KUNIT_ASSERT_LT(test, f->sockets, TEST_SOCKETS);
	KUNIT_ASSERT_EQ(test,
			sock_create_kern(&init_net, xinet_family_number(),
					 SOCK_RAW, protocol, sock), 0);
	f->sockets++;
	return (*sock)->sk;
}

/*
 * Passes a packet from TEST_REMOTE to TEST_LOCAL to the demultiplexer of
 * @point; with IPPROTO_ICMP it has type @icmp_type and identifier @icmp_id.
 */
static void input_at(struct kunit *test, unsigned int point, int protocol,
		     u8 icmp_type, u16 icmp_id)
{
	bool host = point == XINET_RAW_POINT_HOST;
	struct raw_fixture *f = test->priv;
	struct xinet_ip_rx rx = {
		.net	= &init_net,
		.dif	= f->dev->ifindex,
		.icmp_type = protocol == IPPROTO_ICMP ? icmp_type :
							XINET_ICMP_NONE,
		.owned	= !host,
		.host	= host,
	};
	struct sk_buff *skb;

	rx.skb = xinet_fake_ip_skb(test, f->dev, protocol, TEST_REMOTE,
				   TEST_LOCAL, sizeof(struct icmphdr));
	rx.iph = ip_hdr(rx.skb);
	rx.len = rx.skb->len;
	icmp_hdr(rx.skb)->type = icmp_type;
	icmp_hdr(rx.skb)->un.echo.id = htons(icmp_id);

	skb = rx.skb;
	local_bh_disable();
	rcu_read_lock();
	if (host)
		xinet_raw_input_host(&rx);
	else
		xinet_raw_input(&rx);
	rcu_read_unlock();
	local_bh_enable();
	kfree_skb(host ? skb : rx.skb);
}

static void input_with_id(struct kunit *test, int protocol, u8 icmp_type,
			  u16 icmp_id)
{
	input_at(test, XINET_RAW_POINT_WIRE, protocol, icmp_type, icmp_id);
}

static void input(struct kunit *test, int protocol, u8 icmp_type)
{
	input_with_id(test, protocol, icmp_type, 0);
}

static bool any_socket(void)
{
	bool any;

	rcu_read_lock();
	any = xinet_raw_any(&init_net, XINET_RAW_POINT_WIRE) ||
	      xinet_raw_any(&init_net, XINET_RAW_POINT_HOST);
	rcu_read_unlock();
	return any;
}

static unsigned int queued(const struct sock *sk)
{
	return skb_queue_len(&sk->sk_receive_queue);
}

static void every_socket_of_the_protocol_gets_one(struct kunit *test)
{
	struct sock *a = open_raw(test, TEST_PROTOCOL);
	struct sock *b = open_raw(test, TEST_PROTOCOL);
	struct sock *c = open_raw(test, TEST_PROTOCOL);

	input(test, TEST_PROTOCOL, 0);
	KUNIT_EXPECT_EQ(test, queued(a), 1u);
	KUNIT_EXPECT_EQ(test, queued(b), 1u);
	KUNIT_EXPECT_EQ(test, queued(c), 1u);
}

static void another_protocol_gets_nothing(struct kunit *test)
{
	struct sock *sk = open_raw(test, TEST_PROTOCOL + 1);

	input(test, TEST_PROTOCOL, 0);
	KUNIT_EXPECT_EQ(test, queued(sk), 0u);
}

struct match_case {
	const char *name;
	__be32 local;
	__be32 remote;
	int bound;	/* -1: the device the packet came in through */
	bool match;
};

static const struct match_case match_cases[] = {
	{ "unbound", 0, 0, 0, true },
	{ "local", TEST_LOCAL, 0, 0, true },
	{ "other local", TEST_OTHER, 0, 0, false },
	{ "remote", 0, TEST_REMOTE, 0, true },
	{ "other remote", 0, TEST_OTHER, 0, false },
	{ "both", TEST_LOCAL, TEST_REMOTE, 0, true },
	{ "swapped", TEST_REMOTE, TEST_LOCAL, 0, false },
	{ "device", 0, 0, -1, true },
	{ "other device", 0, 0, 1, false },
	{ "all three", TEST_LOCAL, TEST_REMOTE, -1, true },
	{ "wrong device only", TEST_LOCAL, TEST_REMOTE, 1, false },
};

static void match_desc(const struct match_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(match, match_cases, match_desc);

static void socket_is_found_by_addresses_and_device(struct kunit *test)
{
	const struct match_case *c = test->param_value;
	struct sock *sk = open_raw(test, TEST_PROTOCOL);
	struct raw_fixture *f = test->priv;

	inet_sk(sk)->inet_rcv_saddr = c->local;
	inet_sk(sk)->inet_daddr = c->remote;
	sk->sk_bound_dev_if = c->bound < 0 ? f->dev->ifindex : c->bound;
	input(test, TEST_PROTOCOL, 0);
	KUNIT_EXPECT_EQ(test, queued(sk), c->match ? 1u : 0u);
}

static void l3mdev_slave_counts_as_the_device(struct kunit *test)
{
	struct sock *sk = open_raw(test, TEST_PROTOCOL);

	sk->sk_bound_dev_if = 7;
	KUNIT_EXPECT_TRUE(test, xinet_raw_match(sk, TEST_REMOTE, TEST_LOCAL,
						9, 7));
	KUNIT_EXPECT_TRUE(test, xinet_raw_match(sk, TEST_REMOTE, TEST_LOCAL,
						7, 0));
	KUNIT_EXPECT_FALSE(test, xinet_raw_match(sk, TEST_REMOTE, TEST_LOCAL,
						 9, 8));
}

static void icmp_filter_blocks_the_types_set(struct kunit *test)
{
	struct sock *sk = open_raw(test, IPPROTO_ICMP);

	raw_sk(sk)->filter.data = ~(1U << ICMP_ECHOREPLY);
	input(test, IPPROTO_ICMP, ICMP_ECHO);
	KUNIT_EXPECT_EQ(test, queued(sk), 0u);
	input(test, IPPROTO_ICMP, ICMP_ECHOREPLY);
	KUNIT_EXPECT_EQ(test, queued(sk), 1u);
	/* raw(7): types without a bit in the filter are not blocked */
	input(test, IPPROTO_ICMP, 42);
	KUNIT_EXPECT_EQ(test, queued(sk), 2u);
}

static void socket_filter_decides_and_trims(struct kunit *test)
{
	struct sock_filter keep_24[] = { BPF_STMT(BPF_RET | BPF_K, 24) };
	struct sock_filter reject[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog_kern fprog = { .len = 1 };
	struct sk_filter filters[2] = {};
	struct sock *yes = open_raw(test, TEST_PROTOCOL);
	struct sock *no = open_raw(test, TEST_PROTOCOL);

	fprog.filter = keep_24;
	KUNIT_ASSERT_EQ(test, bpf_prog_create(&filters[0].prog, &fprog), 0);
	fprog.filter = reject;
	KUNIT_ASSERT_EQ(test, bpf_prog_create(&filters[1].prog, &fprog), 0);
	rcu_assign_pointer(yes->sk_filter, &filters[0]);
	rcu_assign_pointer(no->sk_filter, &filters[1]);

	input(test, TEST_PROTOCOL, 0);
	KUNIT_EXPECT_EQ(test, queued(no), 0u);
	KUNIT_EXPECT_EQ(test, atomic_read(&no->sk_rmem_alloc), 0);
	if (queued(yes))
		KUNIT_EXPECT_EQ(test, skb_peek(&yes->sk_receive_queue)->len,
				24u);
	KUNIT_EXPECT_EQ(test, queued(yes), 1u);

	RCU_INIT_POINTER(yes->sk_filter, NULL);
	RCU_INIT_POINTER(no->sk_filter, NULL);
	bpf_prog_destroy(filters[0].prog);
	bpf_prog_destroy(filters[1].prog);
}

static void full_queue_counts_a_drop(struct kunit *test)
{
	struct sock *sk = open_raw(test, TEST_PROTOCOL);

	sk->sk_rcvbuf = 0;
	input(test, TEST_PROTOCOL, 0);
	KUNIT_EXPECT_EQ(test, queued(sk), 0u);
	KUNIT_EXPECT_EQ(test, xinet_sk_drops_read(sk), 1);
}

static void unhashed_socket_gets_nothing(struct kunit *test)
{
	struct sock *sk = open_raw(test, TEST_PROTOCOL);

	xinet_raw_unhash(sk);
	input(test, TEST_PROTOCOL, 0);
	KUNIT_EXPECT_EQ(test, queued(sk), 0u);
	/* A second call does nothing; hashing again restores it. */
	xinet_raw_unhash(sk);
	KUNIT_ASSERT_EQ(test, xinet_raw_hash(sk), 0);
	input(test, TEST_PROTOCOL, 0);
	KUNIT_EXPECT_EQ(test, queued(sk), 1u);
}

static void expect_hooks(struct kunit *test, bool wire, bool local_in)
{
	KUNIT_EXPECT_EQ(test, xinet_ip_hook_is_there(), wire);
	KUNIT_EXPECT_EQ(test, xinet_local_in_is_needed(&init_net), local_in);
}

static void hook_is_there_while_a_socket_receives(struct kunit *test)
{
	struct sock *send_only, *sk;

	expect_hooks(test, false, false);
	send_only = open_raw(test, IPPROTO_RAW);
	expect_hooks(test, false, false);
	sk = open_raw(test, TEST_PROTOCOL);
	expect_hooks(test, true, true);
	KUNIT_EXPECT_TRUE(test, any_socket());
	xinet_raw_unhash(sk);
	expect_hooks(test, false, false);
	xinet_raw_unhash(send_only);
	KUNIT_EXPECT_FALSE(test, any_socket());
}

static void hook_of_the_wire_is_for_those_who_listen_there(struct kunit *test)
{
	struct sock *sk = open_raw(test, TEST_PROTOCOL);

	KUNIT_ASSERT_EQ(test, xinet_raw_set_point(sk, XINET_RAW_POINT_HOST), 0);
	expect_hooks(test, false, true);
	KUNIT_ASSERT_EQ(test, xinet_raw_set_point(sk, XINET_RAW_POINT_WIRE), 0);
	expect_hooks(test, true, true);
	xinet_raw_unhash(sk);
	expect_hooks(test, false, false);
	/* A socket that does not receive has a point, too. */
	KUNIT_ASSERT_EQ(test, xinet_raw_set_point(sk, XINET_RAW_POINT_HOST), 0);
	expect_hooks(test, false, false);
	KUNIT_ASSERT_EQ(test, xinet_raw_hash(sk), 0);
	expect_hooks(test, false, true);
}

static void listener_needs_no_hook_behind_the_firewall(struct kunit *test)
{
	static const int protocols[] = { IPPROTO_ICMP, IPPROTO_TCP,
					 IPPROTO_UDP };
	struct sock *sk;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		sk = open_raw(test, protocols[i]);
		expect_hooks(test, true, false);
		KUNIT_EXPECT_EQ(test, xinet_raw_expect_errors(sk), 0);
		expect_hooks(test, true, true);
		/* a second call does nothing */
		KUNIT_EXPECT_EQ(test, xinet_raw_expect_errors(sk), 0);
		xinet_raw_unhash(sk);
		expect_hooks(test, false, false);
	}
}

static void listener_that_moves_behind_the_firewall_has_the_hook(struct kunit *test)
{
	struct sock *sk = open_raw(test, IPPROTO_ICMP);

	KUNIT_ASSERT_EQ(test, xinet_raw_set_point(sk, XINET_RAW_POINT_HOST), 0);
	expect_hooks(test, false, true);
	xinet_raw_unhash(sk);
	expect_hooks(test, false, false);
}

/*
 * Each sends packets that an error may be about, or announces it; the hook is
 * registered before it is known whether that succeeds.
 */
static void speak_by_sending(struct socket *sock)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to) };
	struct icmphdr icmp = { .type = ICMP_ECHOREPLY };
	struct kvec vec = { .iov_base = &icmp, .iov_len = sizeof(icmp) };

	kernel_sendmsg(sock, &msg, &vec, 1, sizeof(icmp));
}

static void speak_by_connecting(struct socket *sock)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	sock->ops->connect(sock, (void *)&to, sizeof(to), 0);
}

static void speak_by_asking(struct socket *sock)
{
	int on = 1;

	sock->ops->setsockopt(sock, SOL_IP, IP_RECVERR, KERNEL_SOCKPTR(&on),
			      sizeof(on));
}

static int listen_to_addresses(struct socket *sock)
{
	int on = 1;

	return sock->ops->setsockopt(sock, SOL_IP, IP_PKTINFO,
				     KERNEL_SOCKPTR(&on), sizeof(on));
}

static void hook_is_there_from_what_errors_may_be_about(struct kunit *test)
{
	static void (*const speak[])(struct socket *) = {
		speak_by_sending, speak_by_connecting, speak_by_asking,
	};
	struct sock *sk;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(speak); i++) {
		sk = open_raw(test, IPPROTO_ICMP);
		KUNIT_EXPECT_EQ(test, listen_to_addresses(sk->sk_socket), 0);
		expect_hooks(test, true, false);
		speak[i](sk->sk_socket);
		expect_hooks(test, true, true);
		xinet_raw_unhash(sk);
		expect_hooks(test, false, false);
	}
}

/* No IPv4 header has these numbers: as in PF_INET such sockets only send. */
static void numbers_beyond_a_header_receive_nothing(struct kunit *test)
{
	struct sock *beyond = open_raw(test, 256 + IPPROTO_IGMP);
	struct sock *within = open_raw(test, IPPROTO_IGMP);

	input(test, IPPROTO_IGMP, 0);
	KUNIT_EXPECT_EQ(test, queued(beyond), 0u);
	KUNIT_EXPECT_EQ(test, queued(within), 1u);
}

static void socket_receives_at_its_point_only(struct kunit *test)
{
	struct sock *wire = open_raw(test, TEST_PROTOCOL);
	struct sock *host = open_raw(test, TEST_PROTOCOL);
	struct sock *both = open_raw(test, TEST_PROTOCOL);

	KUNIT_ASSERT_EQ(test, xinet_raw_set_point(host, XINET_RAW_POINT_HOST),
			0);
	input_at(test, XINET_RAW_POINT_WIRE, TEST_PROTOCOL, 0, 0);
	KUNIT_EXPECT_EQ(test, queued(wire), 1u);
	KUNIT_EXPECT_EQ(test, queued(host), 0u);

	KUNIT_ASSERT_EQ(test, xinet_raw_set_point(both, XINET_RAW_POINT_HOST),
			0);
	input_at(test, XINET_RAW_POINT_HOST, TEST_PROTOCOL, 0, 0);
	KUNIT_EXPECT_EQ(test, queued(wire), 1u);
	KUNIT_EXPECT_EQ(test, queued(host), 1u);
	KUNIT_EXPECT_EQ(test, queued(both), 2u);

	KUNIT_ASSERT_EQ(test, xinet_raw_set_point(both, XINET_RAW_POINT_WIRE),
			0);
	input_at(test, XINET_RAW_POINT_HOST, TEST_PROTOCOL, 0, 0);
	KUNIT_EXPECT_EQ(test, queued(host), 2u);
	KUNIT_EXPECT_EQ(test, queued(both), 2u);
	input_at(test, XINET_RAW_POINT_WIRE, TEST_PROTOCOL, 0, 0);
	KUNIT_EXPECT_EQ(test, queued(both), 3u);
}

static void icmp_id_works_at_both_points(struct kunit *test)
{
	struct sock *before = open_raw(test, IPPROTO_ICMP);
	struct sock *after = open_raw(test, IPPROTO_ICMP);

	KUNIT_ASSERT_EQ(test, xinet_raw_bind_icmp_id(before, 7), 0);
	KUNIT_ASSERT_EQ(test, xinet_raw_set_point(before, XINET_RAW_POINT_HOST),
			0);
	KUNIT_ASSERT_EQ(test, xinet_raw_set_point(after, XINET_RAW_POINT_HOST),
			0);
	KUNIT_ASSERT_EQ(test, xinet_raw_bind_icmp_id(after, 7), 0);

	input_at(test, XINET_RAW_POINT_WIRE, IPPROTO_ICMP, ICMP_ECHOREPLY, 7);
	input_at(test, XINET_RAW_POINT_HOST, IPPROTO_ICMP, ICMP_ECHOREPLY, 8);
	KUNIT_EXPECT_EQ(test, queued(before), 0u);
	KUNIT_EXPECT_EQ(test, queued(after), 0u);
	input_at(test, XINET_RAW_POINT_HOST, IPPROTO_ICMP, ICMP_ECHOREPLY, 7);
	KUNIT_EXPECT_EQ(test, queued(before), 1u);
	KUNIT_EXPECT_EQ(test, queued(after), 1u);
}

/*
 * Sockets like @stays are opened and closed while packets arrive; every open
 * socket gets every packet. @id: XINET_RAW_ICMP_ID, or -1.
 */
static void churn(struct kunit *test, struct sock *stays, int protocol, int id)
{
	struct raw_fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		struct sock *sk = open_raw(test, protocol);

		if (id >= 0)
			KUNIT_ASSERT_EQ(test, xinet_raw_bind_icmp_id(sk, id),
					0);
		input_with_id(test, protocol, ICMP_ECHOREPLY, id);
		KUNIT_EXPECT_EQ(test, queued(sk), 1u);
		sock_release(f->sock[--f->sockets]);
		input_with_id(test, protocol, ICMP_ECHOREPLY, id);
	}
	KUNIT_EXPECT_EQ(test, queued(stays), 200u);
}

static void churn_loses_nothing_for_the_others(struct kunit *test)
{
	churn(test, open_raw(test, TEST_PROTOCOL), TEST_PROTOCOL, -1);
}

static void icmp_id_gets_its_echo_replies_only(struct kunit *test)
{
	struct sock *mine = open_raw(test, IPPROTO_ICMP);
	struct sock *twin = open_raw(test, IPPROTO_ICMP);
	struct sock *other = open_raw(test, IPPROTO_ICMP);
	struct sock *all = open_raw(test, IPPROTO_ICMP);

	KUNIT_ASSERT_EQ(test, xinet_raw_bind_icmp_id(mine, 7), 0);
	KUNIT_ASSERT_EQ(test, xinet_raw_bind_icmp_id(twin, 7), 0);
	/* in the same bucket */
	KUNIT_ASSERT_EQ(test,
			xinet_raw_bind_icmp_id(other,
					       7 + XINET_RAW_ICMP_ID_HEADS), 0);
	input_with_id(test, IPPROTO_ICMP, ICMP_ECHOREPLY, 7);
	input_with_id(test, IPPROTO_ICMP, ICMP_ECHOREPLY, 8);
	input_with_id(test, IPPROTO_ICMP, ICMP_ECHO, 7);
	KUNIT_EXPECT_EQ(test, queued(mine), 1u);
	KUNIT_EXPECT_EQ(test, queued(twin), 1u);
	KUNIT_EXPECT_EQ(test, queued(other), 0u);
	KUNIT_EXPECT_EQ(test, queued(all), 3u);
}

static void icmp_id_is_set_once(struct kunit *test)
{
	struct sock *sk = open_raw(test, IPPROTO_ICMP);

	KUNIT_EXPECT_EQ(test, xinet_raw_bind_icmp_id(sk, 0xffff), 0);
	KUNIT_EXPECT_EQ(test, xinet_raw_bind_icmp_id(sk, 0xffff), 0);
	KUNIT_EXPECT_EQ(test, xinet_raw_bind_icmp_id(sk, 0), -EBUSY);
	input_with_id(test, IPPROTO_ICMP, ICMP_ECHOREPLY, 0xffff);
	KUNIT_EXPECT_EQ(test, queued(sk), 1u);
}

/* The walk of the protocol's list skips sockets with an identifier. */
static void icmp_id_leaves_the_list_of_the_protocol(struct kunit *test)
{
	struct xinet_raw_net *rn = xinet_raw_pernet(&init_net);
	struct sock *sk = open_raw(test, IPPROTO_ICMP);

	KUNIT_EXPECT_FALSE(test, hlist_empty(&rn->table[0].hash[IPPROTO_ICMP]));
	KUNIT_ASSERT_EQ(test, xinet_raw_bind_icmp_id(sk, 7), 0);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&rn->table[0].hash[IPPROTO_ICMP]));
	KUNIT_EXPECT_FALSE(test, list_empty(&rn->all));
	xinet_raw_unhash(sk);
	KUNIT_EXPECT_TRUE(test, list_empty(&rn->all));
	input_with_id(test, IPPROTO_ICMP, ICMP_ECHOREPLY, 7);
	KUNIT_EXPECT_EQ(test, queued(sk), 0u);
	/* a second call does nothing */
	xinet_raw_unhash(sk);
	KUNIT_EXPECT_EQ(test, rn->behind, 0u);
	KUNIT_EXPECT_EQ(test, rn->table[0].sockets, 0u);
}

/* Sockets with identifiers are opened and closed; the bucket's others stay. */
static void icmp_id_churn_loses_nothing_for_the_others(struct kunit *test)
{
	struct sock *stays = open_raw(test, IPPROTO_ICMP);
	struct sock *same_bucket = open_raw(test, IPPROTO_ICMP);

	KUNIT_ASSERT_EQ(test, xinet_raw_bind_icmp_id(stays, 7), 0);
	KUNIT_ASSERT_EQ(test,
			xinet_raw_bind_icmp_id(same_bucket,
					       7 + XINET_RAW_ICMP_ID_HEADS), 0);
	churn(test, stays, IPPROTO_ICMP, 7);
	KUNIT_EXPECT_EQ(test, queued(same_bucket), 0u);
}

static void drops_are_counted_in_64_bits(struct kunit *test)
{
	struct sock *sk = open_raw(test, TEST_PROTOCOL);

	atomic64_set(&xinet_raw_sk(sk)->drops.by_reason[XINET_DROP_RCVBUF],
		     U32_MAX);
	sk->sk_rcvbuf = 0;
	input(test, TEST_PROTOCOL, 0);
	KUNIT_EXPECT_EQ(test, xinet_raw_drops(sk), U32_MAX + 1ULL);
}

static struct kunit_case raw_cases[] = {
	KUNIT_CASE(every_socket_of_the_protocol_gets_one),
	KUNIT_CASE(another_protocol_gets_nothing),
	KUNIT_CASE_PARAM(socket_is_found_by_addresses_and_device,
			 match_gen_params),
	KUNIT_CASE(l3mdev_slave_counts_as_the_device),
	KUNIT_CASE(icmp_filter_blocks_the_types_set),
	KUNIT_CASE(socket_filter_decides_and_trims),
	KUNIT_CASE(full_queue_counts_a_drop),
	KUNIT_CASE(unhashed_socket_gets_nothing),
	KUNIT_CASE(hook_is_there_while_a_socket_receives),
	KUNIT_CASE(hook_of_the_wire_is_for_those_who_listen_there),
	KUNIT_CASE(listener_needs_no_hook_behind_the_firewall),
	KUNIT_CASE(listener_that_moves_behind_the_firewall_has_the_hook),
	KUNIT_CASE(hook_is_there_from_what_errors_may_be_about),
	KUNIT_CASE(numbers_beyond_a_header_receive_nothing),
	KUNIT_CASE(socket_receives_at_its_point_only),
	KUNIT_CASE(icmp_id_works_at_both_points),
	KUNIT_CASE(churn_loses_nothing_for_the_others),
	KUNIT_CASE(icmp_id_gets_its_echo_replies_only),
	KUNIT_CASE(icmp_id_is_set_once),
	KUNIT_CASE(icmp_id_leaves_the_list_of_the_protocol),
	KUNIT_CASE(icmp_id_churn_loses_nothing_for_the_others),
	KUNIT_CASE(drops_are_counted_in_64_bits),
	{}
};

struct kunit_suite xinet_raw_suite = {
	.name		= "xinet_raw",
	.init		= raw_test_init,
	.exit		= raw_test_exit,
	.test_cases	= raw_cases,
};
