// SPDX-License-Identifier: GPL-2.0-only
/* ICMP errors and the sockets they concern: ip/ip_error.c, raw_error.c. */
#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/net.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "af_xinet/family.h"
#include "ip/ip_error.h"
#include "ip/ip_rx.h"
#include "ip/raw.h"
#include "compat/xinet_compat_inet.h"
#include "fake_dev.h"
#include "suites.h"

#define TEST_LOCAL	htonl(0x0a4d0001)
#define TEST_REMOTE	htonl(0x0a4d0002)
#define TEST_OTHER	htonl(0x0a4d0003)
/* An experimental protocol of RFC 3692, otherwise unused. */
#define TEST_PROTOCOL	253
#define TEST_ID		0x1234
#define TEST_QUOTED	(sizeof(struct iphdr) + sizeof(struct icmphdr))

struct error_fixture {
	struct net_device *dev;
	struct socket *sock;
	int no_pmtu_disc;
};

static int error_init(struct kunit *test)
{
	struct error_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->no_pmtu_disc = init_net.ipv4.sysctl_ip_no_pmtu_disc;
	f->dev = xinet_fake_dev_create(test);
	return 0;
}

static void error_exit(struct kunit *test)
{
	struct error_fixture *f = test->priv;

	init_net.ipv4.sysctl_ip_no_pmtu_disc = f->no_pmtu_disc;
	if (f->sock)
		sock_release(f->sock);
	xinet_fake_dev_destroy(f->dev);
}

struct info_case {
	const char *name;
	u8 type;
	u8 code;
	u32 rest;	/* second word of the ICMP header, host byte order */
	u8 protocol;
	int no_pmtu_disc;
	bool told;
	u32 info;
};

static const struct info_case info_cases[] = {
	{ "host unreachable", ICMP_DEST_UNREACH, ICMP_HOST_UNREACH,
	  1234, TEST_PROTOCOL, 0, true, 0 },
	{ "last code", ICMP_DEST_UNREACH, NR_ICMP_UNREACH,
	  0, TEST_PROTOCOL, 0, true, 0 },
	{ "code beyond the last", ICMP_DEST_UNREACH, NR_ICMP_UNREACH + 1,
	  0, TEST_PROTOCOL, 0, false, 0 },
	{ "code that is another's in its low bits", ICMP_DEST_UNREACH,
	  16 + ICMP_FRAG_NEEDED, 1400, TEST_PROTOCOL, 0, false, 0 },
	{ "fragmentation needed", ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
	  1400, TEST_PROTOCOL, 0, true, 1400 },
	{ "next-hop MTU is 16 bits", ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
	  0x10578, TEST_PROTOCOL, 0, true, 0x578 },
	{ "no discovery", ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
	  1400, TEST_PROTOCOL, 1, true, 0 },
	{ "no discovery, drop", ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
	  1400, TEST_PROTOCOL, 2, false, 0 },
	{ "hardened discovery", ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
	  1400, TEST_PROTOCOL, 3, false, 0 },
	{ "hardened discovery, strict protocol", ICMP_DEST_UNREACH,
	  ICMP_FRAG_NEEDED, 1400, IPPROTO_TCP, 3, true, 1400 },
	{ "source quench", ICMP_SOURCE_QUENCH, 0, 0, TEST_PROTOCOL, 0,
	  true, 0 },
	{ "ttl exceeded", ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0, TEST_PROTOCOL,
	  0, true, 0 },
	{ "reassembly time exceeded", ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME,
	  0, TEST_PROTOCOL, 0, false, 0 },
	{ "parameter problem", ICMP_PARAMETERPROB, 0, 0x14ffffff,
	  TEST_PROTOCOL, 0, true, 0x14 },
	{ "redirect", ICMP_REDIRECT, ICMP_REDIR_HOST, 0x0a4d0003,
	  TEST_PROTOCOL, 0, true, 0x0a4d0003 },
	{ "about a packet of IPPROTO_RAW", ICMP_DEST_UNREACH,
	  ICMP_HOST_UNREACH, 0, IPPROTO_RAW, 0, false, 0 },
};

static void info_desc(const struct info_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(info, info_cases, info_desc);

static void info_is_what_the_layer_above_gets(struct kunit *test)
{
	const struct info_case *c = test->param_value;
	const struct icmphdr icmph = {
		.type		= c->type,
		.code		= c->code,
		.un.gateway	= htonl(c->rest),
	};
	u32 info = 77;
	bool told;

	init_net.ipv4.sysctl_ip_no_pmtu_disc = c->no_pmtu_disc;
	rcu_read_lock();
	told = xinet_ip_error_info(&init_net, &icmph, c->protocol, &info);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, told, c->told);
	if (told)
		KUNIT_EXPECT_EQ(test, info, c->info);
}

/* An error of @type about an echo request from TEST_LOCAL to TEST_REMOTE. */
static struct sk_buff *error_skb(struct kunit *test, u8 type, u8 protocol)
{
	struct error_fixture *f = test->priv;
	struct icmphdr *icmph, *request;
	struct iphdr *quoted;
	struct sk_buff *skb;

	skb = xinet_fake_ip_skb(test, f->dev, IPPROTO_ICMP, TEST_REMOTE,
				TEST_LOCAL, sizeof(*icmph) + TEST_QUOTED);
	skb->dev = f->dev;
	icmph = icmp_hdr(skb);
	icmph->type = type;
	icmph->code = type == ICMP_DEST_UNREACH ? ICMP_PROT_UNREACH : 0;

	quoted = (struct iphdr *)(icmph + 1);
	quoted->version = 4;
	quoted->ihl = 5;
	quoted->protocol = protocol;
	quoted->saddr = TEST_LOCAL;
	quoted->daddr = TEST_REMOTE;
	request = (struct icmphdr *)(quoted + 1);
	request->type = ICMP_ECHO;
	request->un.echo.id = htons(TEST_ID);
	return skb;
}

struct quoted_case {
	const char *name;
	u8 type;
	unsigned int len;	/* bytes of the packet, 0: all */
	u8 ihl;			/* of the quoted header */
	bool found;
};

static const struct quoted_case quoted_cases[] = {
	{ "unreachable", ICMP_DEST_UNREACH, 0, 5, true },
	{ "redirect", ICMP_REDIRECT, 0, 5, true },
	{ "echo reply", ICMP_ECHOREPLY, 0, 5, false },
	{ "echo request", ICMP_ECHO, 0, 5, false },
	{ "unknown type", 255, 0, 5, false },
	{ "header only", ICMP_DEST_UNREACH, 48, 5, true },
	{ "one byte short of a header", ICMP_DEST_UNREACH, 47, 5, false },
	{ "nothing quoted", ICMP_DEST_UNREACH, 28, 5, false },
	{ "cut in the ICMP header", ICMP_DEST_UNREACH, 27, 5, false },
	{ "no ICMP at all", ICMP_DEST_UNREACH, 20, 5, false },
	{ "quoted header too short", ICMP_DEST_UNREACH, 0, 4, false },
	{ "quoted header of nothing", ICMP_DEST_UNREACH, 0, 0, false },
};

static void quoted_desc(const struct quoted_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(quoted, quoted_cases, quoted_desc);

static void quoted_header_is_found_or_refused(struct kunit *test)
{
	const struct quoted_case *c = test->param_value;
	struct sk_buff *skb = error_skb(test, c->type, TEST_PROTOCOL);
	struct xinet_ip_rx rx = { .net = &init_net, .skb = skb };
	const struct iphdr *iph;
	unsigned int offset = 0;
	struct iphdr buf;

	((struct iphdr *)(icmp_hdr(skb) + 1))->ihl = c->ihl;
	if (c->len)
		skb_trim(skb, c->len);
	rx.iph = ip_hdr(skb);
	rx.len = skb->len;
	iph = xinet_ip_error_quoted(&rx, &buf, &offset);
	KUNIT_EXPECT_EQ(test, !!iph, c->found);
	if (iph) {
		KUNIT_EXPECT_EQ(test, offset, 28u);
		KUNIT_EXPECT_EQ(test, ntohl(iph->daddr), ntohl(TEST_REMOTE));
	}
	kfree_skb(skb);
}

/* Link padding after a short error is not part of it. */
static void padding_is_not_quoted(struct kunit *test)
{
	struct sk_buff *skb = error_skb(test, ICMP_DEST_UNREACH, TEST_PROTOCOL);
	struct xinet_ip_rx rx = {
		.net = &init_net, .skb = skb, .iph = ip_hdr(skb), .len = 47,
	};
	unsigned int offset;
	struct iphdr buf;

	KUNIT_EXPECT_NULL(test, xinet_ip_error_quoted(&rx, &buf, &offset));
	kfree_skb(skb);
}

static struct sock *open_connected(struct kunit *test, int protocol)
{
	struct error_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test,
			sock_create_kern(&init_net, xinet_family_number(),
					 SOCK_RAW, protocol, &f->sock), 0);
	f->sock->sk->sk_state = TCP_ESTABLISHED;
	return f->sock->sk;
}

/* Reports a "protocol unreachable" to the raw sockets. */
static void report(struct kunit *test, u8 protocol)
{
	struct sk_buff *skb = error_skb(test, ICMP_DEST_UNREACH, protocol);
	struct error_fixture *f = test->priv;
	struct xinet_ip_error error = {
		.net	= &init_net,
		.skb	= skb,
		.type	= ICMP_DEST_UNREACH,
		.code	= ICMP_PROT_UNREACH,
		.dif	= f->dev->ifindex,
	};

	__skb_pull(skb, sizeof(struct iphdr) + sizeof(struct icmphdr));
	error.iph = (const struct iphdr *)skb->data;
	local_bh_disable();
	rcu_read_lock();
	xinet_raw_error(&error);
	rcu_read_unlock();
	local_bh_enable();
	kfree_skb(skb);
}

struct match_case {
	const char *name;
	int protocol;
	__be32 local;
	__be32 remote;
	int bound;	/* -1: the device the error came in through */
	bool told;
};

/* The quoted packet was sent by this host: its source is local. */
static const struct match_case match_cases[] = {
	{ "unbound", TEST_PROTOCOL, 0, 0, 0, true },
	{ "other protocol", TEST_PROTOCOL + 1, 0, 0, 0, false },
	{ "local", TEST_PROTOCOL, TEST_LOCAL, 0, 0, true },
	{ "other local", TEST_PROTOCOL, TEST_OTHER, 0, 0, false },
	{ "remote", TEST_PROTOCOL, 0, TEST_REMOTE, 0, true },
	{ "other remote", TEST_PROTOCOL, 0, TEST_OTHER, 0, false },
	{ "both", TEST_PROTOCOL, TEST_LOCAL, TEST_REMOTE, -1, true },
	{ "swapped", TEST_PROTOCOL, TEST_REMOTE, TEST_LOCAL, 0, false },
	{ "device", TEST_PROTOCOL, 0, 0, -1, true },
	{ "other device", TEST_PROTOCOL, 0, 0, 1, false },
};

static void match_desc(const struct match_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(match, match_cases, match_desc);

static void error_finds_who_sent_the_packet(struct kunit *test)
{
	const struct match_case *c = test->param_value;
	struct sock *sk = open_connected(test, c->protocol);
	struct error_fixture *f = test->priv;

	inet_sk(sk)->inet_rcv_saddr = c->local;
	inet_sk(sk)->inet_daddr = c->remote;
	sk->sk_bound_dev_if = c->bound < 0 ? f->dev->ifindex : c->bound;
	report(test, TEST_PROTOCOL);
	KUNIT_EXPECT_EQ(test, sk->sk_err, c->told ? ENOPROTOOPT : 0);
	sk->sk_err = 0;
}

static void error_finds_the_identifier_of_the_request(struct kunit *test)
{
	struct sock *sk = open_connected(test, IPPROTO_ICMP);

	KUNIT_ASSERT_EQ(test, xinet_raw_bind_icmp_id(sk, TEST_ID), 0);
	report(test, TEST_PROTOCOL);
	KUNIT_EXPECT_EQ(test, sk->sk_err, 0);
	report(test, IPPROTO_ICMP);
	KUNIT_EXPECT_EQ(test, sk->sk_err, ENOPROTOOPT);
	sk->sk_err = 0;
}

static void error_passes_another_identifier_by(struct kunit *test)
{
	struct sock *sk = open_connected(test, IPPROTO_ICMP);

	KUNIT_ASSERT_EQ(test, xinet_raw_bind_icmp_id(sk, TEST_ID + 1), 0);
	report(test, IPPROTO_ICMP);
	KUNIT_EXPECT_EQ(test, sk->sk_err, 0);
}

static struct kunit_case error_cases[] = {
	KUNIT_CASE_PARAM(info_is_what_the_layer_above_gets, info_gen_params),
	KUNIT_CASE_PARAM(quoted_header_is_found_or_refused, quoted_gen_params),
	KUNIT_CASE(padding_is_not_quoted),
	KUNIT_CASE_PARAM(error_finds_who_sent_the_packet, match_gen_params),
	KUNIT_CASE(error_finds_the_identifier_of_the_request),
	KUNIT_CASE(error_passes_another_identifier_by),
	{}
};

struct kunit_suite xinet_ip_error_suite = {
	.name		= "xinet_ip_error",
	.init		= error_init,
	.exit		= error_exit,
	.test_cases	= error_cases,
};
