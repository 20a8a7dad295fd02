// SPDX-License-Identifier: GPL-2.0-only
/* The last hook of LOCAL_IN: ip/local_in.c. */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/net.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "af_xinet/family.h"
#include "fake_dev.h"
#include "ip/local_in.h"
#include "ip/raw.h"
#include "suites.h"

/* An experimental protocol of RFC 3692, otherwise unused. */
#define TEST_PROTOCOL	253
#define TEST_PAYLOAD	32
#define TEST_FRAME_LEN	(ETH_HLEN + sizeof(struct iphdr) + TEST_PAYLOAD)

static unsigned int test_verdict;
static unsigned int test_seen;

/* Another hook with the last priority. */
static unsigned int test_hook(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	if (ip_hdr(skb)->protocol != TEST_PROTOCOL)
		return NF_ACCEPT;
	test_seen++;
	return test_verdict;
}

static const struct nf_hook_ops test_ops = {
	.hook		= test_hook,
	.pf		= NFPROTO_IPV4,
	.hooknum	= NF_INET_LOCAL_IN,
	.priority	= INT_MAX,
};

static int local_in_init(struct kunit *test)
{
	test_seen = 0;
	test->priv = xinet_fake_dev_create(test);
	return 0;
}

static void local_in_exit(struct kunit *test)
{
	xinet_fake_dev_destroy(test->priv);
}

/* Receives a broadcast datagram. */
static void receive(struct kunit *test)
{
	u8 frame[TEST_FRAME_LEN] = {};
	struct ethhdr *eth = (struct ethhdr *)frame;
	struct iphdr *iph = (struct iphdr *)(eth + 1);

	eth_broadcast_addr(eth->h_dest);
	eth->h_source[0] = 2;
	eth->h_proto = htons(ETH_P_IP);
	*iph = (struct iphdr) {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = TEST_PROTOCOL,
		.saddr = htonl(0x0a4d0002), .daddr = htonl(INADDR_BROADCAST),
		.tot_len = htons(sizeof(*iph) + TEST_PAYLOAD),
	};
	ip_send_check(iph);
	xinet_fake_dev_receive(test, test->priv, frame, sizeof(frame));
}

static struct socket *open_at(struct kunit *test, unsigned int point)
{
	struct socket *sock = NULL;

	KUNIT_ASSERT_EQ(test,
			sock_create_kern(&init_net, xinet_family_number(),
					 SOCK_RAW, TEST_PROTOCOL, &sock), 0);
	KUNIT_EXPECT_EQ(test, xinet_raw_set_point(sock->sk, point), 0);
	return sock;
}

static unsigned int queued(const struct socket *sock)
{
	return skb_queue_len(&sock->sk->sk_receive_queue);
}

struct order_case {
	const char *name;
	bool behind;	/* the other hook was registered first */
	unsigned int verdict;
	unsigned int at_host;
};

static const struct order_case order_cases[] = {
	{ "in front, accepts", false, NF_ACCEPT, 1 },
	{ "in front, drops", false, NF_DROP, 0 },
	{ "behind, accepts", true, NF_ACCEPT, 1 },
	{ "behind, drops", true, NF_DROP, 0 },
};

static void order_desc(const struct order_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(order, order_cases, order_desc);

/* The hook that is last in LOCAL_IN. */
static const struct nf_hook_ops *last_hook(void)
{
	const struct nf_hook_entries *e;
	struct nf_hook_ops *last = NULL;

	rcu_read_lock();
	e = rcu_dereference(init_net.nf.hooks_ipv4[NF_INET_LOCAL_IN]);
	if (e)
		last = nf_hook_entries_get_hook_ops(e)[e->num_hook_entries - 1];
	rcu_read_unlock();
	return last;
}

/*
 * Of two hooks with priority INT_MAX the one registered first is last. Ours
 * stays registered from the first socket on, even across tests; to get the
 * other hook @behind it, register ours again.
 */
static void register_test_hook(struct kunit *test, bool behind)
{
	const struct nf_hook_ops *ours = last_hook();

	KUNIT_EXPECT_EQ(test, nf_register_net_hook(&init_net, &test_ops), 0);
	if (behind && ours && ours->priority == INT_MAX) {
		nf_unregister_net_hook(&init_net, ours);
		KUNIT_EXPECT_EQ(test, nf_register_net_hook(&init_net, ours), 0);
	}
	KUNIT_EXPECT_PTR_EQ(test, last_hook(), behind ? &test_ops : ours);
}

static void every_other_hook_has_had_its_say(struct kunit *test)
{
	const struct order_case *c = test->param_value;
	struct socket *wire, *host;

	test_verdict = c->verdict;
	wire = open_at(test, XINET_RAW_POINT_WIRE);
	host = open_at(test, XINET_RAW_POINT_HOST);
	register_test_hook(test, c->behind);

	receive(test);
	KUNIT_EXPECT_EQ(test, queued(wire), 1u);
	KUNIT_EXPECT_EQ(test, queued(host), c->at_host);
	/* once, not again after our hook */
	KUNIT_EXPECT_EQ(test, test_seen, 1u);

	nf_unregister_net_hook(&init_net, &test_ops);
	receive(test);
	KUNIT_EXPECT_EQ(test, queued(host), c->at_host + 1);
	KUNIT_EXPECT_EQ(test, test_seen, 1u);
	sock_release(host);
	sock_release(wire);
	KUNIT_EXPECT_FALSE(test, xinet_local_in_is_needed(&init_net));
}

static void packet_is_received_with_its_header(struct kunit *test)
{
	struct socket *sock = open_at(test, XINET_RAW_POINT_HOST);
	const struct sk_buff *skb;

	receive(test);
	skb = skb_peek(&sock->sk->sk_receive_queue);
	KUNIT_EXPECT_NOT_NULL(test, skb);
	if (skb) {
		KUNIT_EXPECT_EQ(test, skb->len,
				sizeof(struct iphdr) + TEST_PAYLOAD);
		KUNIT_EXPECT_PTR_EQ(test, (void *)skb->data,
				    (void *)ip_hdr(skb));
		KUNIT_EXPECT_FALSE(test, skb_dst(skb));
	}
	sock_release(sock);
}

static struct kunit_case local_in_cases[] = {
	KUNIT_CASE_PARAM(every_other_hook_has_had_its_say, order_gen_params),
	KUNIT_CASE(packet_is_received_with_its_header),
	{}
};

struct kunit_suite xinet_local_in_suite = {
	.name		= "xinet_local_in",
	.init		= local_in_init,
	.exit		= local_in_exit,
	.test_cases	= local_in_cases,
};
