// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packets that a raw socket sends: ip/raw_output.c, raw_datagram.c.
 * Broadcasts through a fake device require neither an address nor a neighbour.
 */
#include <kunit/test.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/sock.h>

#include "af_xinet/family.h"
#include "ip/raw.h"
#include "compat/xinet_compat_inet.h"
#include "fake_dev.h"
#include "suites.h"

/* An experimental protocol of RFC 3692, otherwise unused. */
#define TEST_PROTOCOL	253
#define TEST_MTU	1500
#define TEST_HEADER	sizeof(struct iphdr)
/* Payload of a fragment that is not the last. */
#define TEST_FULL	1480

struct output_fixture {
	struct net_device *dev;
	struct socket *sock;
	u8 payload[4 * TEST_MTU];
};

static int output_init(struct kunit *test)
{
	struct output_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	for (i = 0; i < sizeof(f->payload); i++)
		f->payload[i] = i * 7;
	f->dev = xinet_fake_dev_create(test);
	KUNIT_ASSERT_EQ(test,
			sock_create_kern(&init_net, xinet_family_number(),
					 SOCK_RAW, TEST_PROTOCOL, &f->sock), 0);
	f->sock->sk->sk_bound_dev_if = f->dev->ifindex;
	sock_set_flag(f->sock->sk, SOCK_BROADCAST);
	inet_sk(f->sock->sk)->pmtudisc = IP_PMTUDISC_DONT;
	return 0;
}

static void output_exit(struct kunit *test)
{
	struct output_fixture *f = test->priv;

	if (f->sock)
		sock_release(f->sock);
	xinet_fake_dev_destroy(f->dev);
}

/* Sends @len bytes of the payload, starting at @from. */
static int send(struct kunit *test, size_t from, size_t len, int flags)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_BROADCAST),
	};
	struct output_fixture *f = test->priv;
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_flags = flags,
	};
	struct kvec part = { f->payload + from, len };

	return kernel_sendmsg(f->sock, &msg, &part, 1, len);
}

/* The next packet of TEST_PROTOCOL sent, data at its IP header, or NULL. */
static struct sk_buff *sent(struct kunit *test)
{
	struct output_fixture *f = test->priv;
	struct sk_buff *skb;

	while ((skb = xinet_fake_dev_sent(f->dev))) {
		if (skb->protocol == htons(ETH_P_IP) &&
		    ip_hdr(skb)->protocol == TEST_PROTOCOL &&
		    !skb_linearize(skb)) {
			__skb_pull(skb, skb_network_offset(skb));
			return skb;
		}
		kfree_skb(skb);
	}
	return NULL;
}

struct header_case {
	const char *name;
	int tos;
	int ttl;
	int pmtudisc;
	u8 wire_ttl;
	bool dont_fragment;
};

static const struct header_case header_cases[] = {
	{ "defaults, may be cut", 0, -1, IP_PMTUDISC_DONT, 64, false },
	{ "discovery wanted", 0, -1, IP_PMTUDISC_WANT, 64, true },
	{ "discovery", 0, -1, IP_PMTUDISC_DO, 64, true },
	{ "probe", 0, -1, IP_PMTUDISC_PROBE, 64, true },
	{ "interface", 0, -1, IP_PMTUDISC_INTERFACE, 64, false },
	{ "omit", 0, -1, IP_PMTUDISC_OMIT, 64, false },
	{ "tos", 0xb8, -1, IP_PMTUDISC_DONT, 64, false },
	{ "ttl", 0, 7, IP_PMTUDISC_DONT, 7, false },
	{ "largest of both", 0xff, 255, IP_PMTUDISC_DONT, 255, false },
};

static void header_desc(const struct header_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(header, header_cases, header_desc);

static void header_says_what_the_options_do(struct kunit *test)
{
	const struct header_case *c = test->param_value;
	struct output_fixture *f = test->priv;
	struct inet_sock *inet = inet_sk(f->sock->sk);
	struct sk_buff *skb;
	struct iphdr *iph;

	inet->tos = c->tos;
	inet->uc_ttl = c->ttl;
	inet->pmtudisc = c->pmtudisc;
	KUNIT_ASSERT_EQ(test, send(test, 0, 100, 0), 100);
	skb = sent(test);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	iph = ip_hdr(skb);
	KUNIT_EXPECT_EQ(test, (u8)iph->version, 4);
	KUNIT_EXPECT_EQ(test, (u8)iph->ihl, 5);
	KUNIT_EXPECT_EQ(test, iph->tos, c->tos);
	KUNIT_EXPECT_EQ(test, ntohs(iph->tot_len), TEST_HEADER + 100);
	KUNIT_EXPECT_EQ(test, ntohs(iph->frag_off),
			c->dont_fragment ? IP_DF : 0);
	KUNIT_EXPECT_EQ(test, iph->ttl, c->wire_ttl);
	KUNIT_EXPECT_EQ(test, iph->protocol, TEST_PROTOCOL);
	KUNIT_EXPECT_EQ(test, ntohl(iph->daddr), INADDR_BROADCAST);
	KUNIT_EXPECT_EQ(test, (__force u16)ip_fast_csum(iph, iph->ihl), 0);
	KUNIT_EXPECT_EQ(test, memcmp(iph + 1, f->payload, 100), 0);
	kfree_skb(skb);
}

struct pieces_case {
	const char *name;
	size_t pieces[4];	/* all but the last are sent with MSG_MORE */
	int count;
};

static const struct pieces_case pieces_cases[] = {
	{ "empty", { 0 }, 1 },
	{ "one byte", { 1 }, 1 },
	{ "full packet", { TEST_FULL }, 1 },
	{ "one byte more", { TEST_FULL + 1 }, 1 },
	{ "two full fragments", { 2 * TEST_FULL }, 1 },
	{ "two and a byte", { 2 * TEST_FULL + 1 }, 1 },
	{ "joined", { 10, 20, 30 }, 3 },
	{ "joined to a full packet", { TEST_FULL - 1, 1 }, 2 },
	{ "joined beyond it", { TEST_FULL, 1 }, 2 },
	{ "end of a fragment moves on", { TEST_FULL - 3, 10 }, 2 },
	{ "nothing in between", { 100, 0, 3000, 0 }, 4 },
	{ "nothing at first", { 0, TEST_FULL + 8 }, 2 },
	{ "three fragments of four", { 1477, 1477, 1477, 5 }, 4 },
};

static void pieces_desc(const struct pieces_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pieces, pieces_cases, pieces_desc);

/* All fragments but the last are full; together they are what was sent. */
static void pieces_become_fragments(struct kunit *test)
{
	const struct pieces_case *c = test->param_value;
	struct output_fixture *f = test->priv;
	size_t total = 0, seen = 0;
	struct sk_buff *skb;
	int i;

	for (i = 0; i < c->count; i++) {
		KUNIT_EXPECT_NULL(test, sent(test));
		KUNIT_ASSERT_EQ(test,
				send(test, total, c->pieces[i],
				     i < c->count - 1 ? MSG_MORE : 0),
				(int)c->pieces[i]);
		total += c->pieces[i];
	}
	do {
		size_t part = min_t(size_t, total - seen, TEST_FULL);

		skb = sent(test);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_EQ(test, ntohs(ip_hdr(skb)->tot_len),
				TEST_HEADER + part);
		KUNIT_EXPECT_EQ(test, ntohs(ip_hdr(skb)->frag_off),
				seen / 8 |
				(seen + part < total ? IP_MF : 0));
		KUNIT_EXPECT_EQ(test, memcmp(ip_hdr(skb) + 1,
					     f->payload + seen, part), 0);
		kfree_skb(skb);
		seen += part;
	} while (seen < total);
	KUNIT_EXPECT_NULL(test, sent(test));
	KUNIT_EXPECT_EQ(test, sk_wmem_alloc_get(f->sock->sk), 0);
}

static void unfinished_datagram_is_charged_and_given_back(struct kunit *test)
{
	struct output_fixture *f = test->priv;
	struct sock *sk = f->sock->sk;

	KUNIT_ASSERT_EQ(test, send(test, 0, 100, MSG_MORE), 100);
	KUNIT_EXPECT_GT(test, sk_wmem_alloc_get(sk), 100);
	lock_sock(sk);
	xinet_raw_uncork(sk);
	release_sock(sk);
	KUNIT_EXPECT_EQ(test, sk_wmem_alloc_get(sk), 0);
	KUNIT_EXPECT_NULL(test, sent(test));
}

/*
 * A part is filled up to its MTU, as if it were the last; bytes that a fragment
 * cannot end with are then moved to the head of the next part. With these
 * options that is four bytes, and a header that fills what the device's
 * headroom leaves of a page.
 */
static void device_may_leave_no_room_in_a_page(struct kunit *test)
{
	const unsigned int first = TEST_MTU - TEST_HEADER - 28;
	struct output_fixture *f = test->priv;
	u8 options[28];
	unsigned int room, length;
	struct sk_buff *skb;

	memset(options, IPOPT_NOOP, sizeof(options));
	KUNIT_ASSERT_EQ(test, f->sock->ops->setsockopt
			(f->sock, SOL_IP, IP_OPTIONS, KERNEL_SOCKPTR(options),
			 sizeof(options)), 0);
	for (room = 0; room < 2 * PAGE_SIZE; room += 16) {
		f->dev->needed_headroom = room;
		KUNIT_ASSERT_EQ(test, send(test, 0, first, MSG_MORE),
				(int)first);
		KUNIT_ASSERT_EQ(test, send(test, first, 100, 0), 100);
		length = 0;
		while ((skb = sent(test))) {
			length += skb->len - ip_hdrlen(skb);
			kfree_skb(skb);
		}
		KUNIT_ASSERT_EQ_MSG(test, length, first + 100, "headroom %u",
				    room);
	}
}

static void full_send_buffer_is_told(struct kunit *test)
{
	struct output_fixture *f = test->priv;
	struct sock *sk = f->sock->sk;

	refcount_add(2 * sk->sk_sndbuf + 1, &sk->sk_wmem_alloc);
	KUNIT_EXPECT_EQ(test, send(test, 0, 100, 0), -ENOBUFS);
	WARN_ON(refcount_sub_and_test(2 * sk->sk_sndbuf + 1,
				      &sk->sk_wmem_alloc));
	KUNIT_EXPECT_EQ(test, send(test, 0, 100, 0), 100);
	kfree_skb(sent(test));
}

static void own_header_is_completed(struct kunit *test)
{
	struct output_fixture *f = test->priv;
	struct iphdr *iph = (struct iphdr *)f->payload;
	struct sk_buff *skb;

	xinet_inet_set_hdrincl(f->sock->sk, true);
	*iph = (struct iphdr) {
		.version = 4, .ihl = 5, .ttl = 3, .protocol = TEST_PROTOCOL,
		.daddr = htonl(INADDR_BROADCAST), .tot_len = htons(7),
		.check = (__force __sum16)0x1234, .id = htons(0x4711),
	};
	KUNIT_ASSERT_EQ(test, send(test, 0, 60, 0), 60);
	skb = sent(test);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	iph = ip_hdr(skb);
	KUNIT_EXPECT_EQ(test, ntohs(iph->tot_len), 60);
	KUNIT_EXPECT_EQ(test, iph->ttl, 3);
	KUNIT_EXPECT_EQ(test, ntohs(iph->id), 0x4711);
	KUNIT_EXPECT_EQ(test, (__force u16)ip_fast_csum(iph, iph->ihl), 0);
	kfree_skb(skb);
}

struct own_header_case {
	const char *name;
	u8 ihl;
	size_t len;
	int err;
};

static const struct own_header_case own_header_cases[] = {
	{ "of nothing", 5, 0, -EINVAL },
	{ "cut", 5, TEST_HEADER - 1, -EINVAL },
	{ "no length", 0, 100, -EINVAL },
	{ "short length", 4, 100, -EINVAL },
	{ "length beyond the packet", 15, 59, -EINVAL },
	{ "longest", 15, 60, 60 },
	{ "of the MTU", 5, TEST_MTU, TEST_MTU },
	{ "beyond the MTU", 5, TEST_MTU + 1, -EMSGSIZE },
};

static void own_header_desc(const struct own_header_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(own_header, own_header_cases, own_header_desc);

static void own_header_is_judged(struct kunit *test)
{
	const struct own_header_case *c = test->param_value;
	struct output_fixture *f = test->priv;
	struct iphdr *iph = (struct iphdr *)f->payload;

	xinet_inet_set_hdrincl(f->sock->sk, true);
	*iph = (struct iphdr) {
		.version = 4, .ihl = c->ihl, .ttl = 3,
		.protocol = TEST_PROTOCOL, .daddr = htonl(INADDR_BROADCAST),
	};
	KUNIT_EXPECT_EQ(test, send(test, 0, c->len, 0), c->err);
}

static struct kunit_case output_cases[] = {
	KUNIT_CASE_PARAM(header_says_what_the_options_do, header_gen_params),
	KUNIT_CASE_PARAM(pieces_become_fragments, pieces_gen_params),
	KUNIT_CASE(unfinished_datagram_is_charged_and_given_back),
	KUNIT_CASE(device_may_leave_no_room_in_a_page),
	KUNIT_CASE(full_send_buffer_is_told),
	KUNIT_CASE(own_header_is_completed),
	KUNIT_CASE_PARAM(own_header_is_judged, own_header_gen_params),
	{}
};

struct kunit_suite xinet_raw_output_suite = {
	.name		= "xinet_raw_output",
	.init		= output_init,
	.exit		= output_exit,
	.test_cases	= output_cases,
};
