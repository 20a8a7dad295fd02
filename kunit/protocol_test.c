// SPDX-License-Identifier: GPL-2.0-only
/* The handlers of IP protocols: ip/protocol.c. */
#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/protocol.h>
#include <net/sock.h>
#include <net/xinet.h>

#include "af_xinet/family.h"
#include "fake_dev.h"
#include "ip/ip_hook.h"
#include "ip/ip_rx.h"
#include "ip/protocol.h"
#include "suites.h"

#define TEST_LOCAL	htonl(0x0a4d0001)
#define TEST_REMOTE	htonl(0x0a4d0002)
/* Experimental protocols of RFC 3692, otherwise unused. */
#define TEST_PROTOCOL	253
#define TEST_ANOTHER	254
/* A protocol of the kernel itself. */
#define TEST_KERNELS	IPPROTO_UDP
#define TEST_PAYLOAD	24

/* What the handler received; the tests of a suite run one after another. */
static struct {
	unsigned int packets;
	unsigned int errors;
	unsigned int len;
	bool placed;
	u32 info;
} seen;

static void test_rcv(struct sk_buff *skb)
{
	seen.packets++;
	seen.len = skb->len;
	seen.placed = skb->data == skb_transport_header(skb) &&
		      skb_network_header_len(skb) == sizeof(struct iphdr);
	kfree_skb(skb);
}

static void test_err(struct sk_buff *skb, u32 info)
{
	seen.errors++;
	seen.info = info;
}

static const struct xinet_protocol test_protocol = {
	.handler	= test_rcv,
	.err_handler	= test_err,
};

static const struct xinet_protocol quiet_protocol = {
	.handler	= test_rcv,
};

static int handler_init(struct kunit *test)
{
	memset(&seen, 0, sizeof(seen));
	test->priv = xinet_fake_dev_create(test);
	return 0;
}

static void handler_exit(struct kunit *test)
{
	/* only after a failed assertion; otherwise these fail */
	xinet_del_protocol(&test_protocol, TEST_PROTOCOL);
	xinet_del_protocol(&test_protocol, TEST_KERNELS);
	xinet_fake_dev_destroy(test->priv);
}

static struct sk_buff *test_packet(struct kunit *test, u8 protocol)
{
	return xinet_fake_ip_skb(test, test->priv, protocol, TEST_REMOTE,
				 TEST_LOCAL, TEST_PAYLOAD);
}

/* Whether the handler on the wire consumed a packet. */
static bool input(struct kunit *test, u8 protocol)
{
	struct net_device *dev = test->priv;
	struct xinet_ip_rx rx = {
		.net	= &init_net,
		.dif	= dev->ifindex,
		.owned	= true,
	};
	bool taken;

	rx.skb = test_packet(test, protocol);
	rx.iph = ip_hdr(rx.skb);
	rx.len = rx.skb->len;

	local_bh_disable();
	rcu_read_lock();
	taken = xinet_protocol_input(&rx);
	rcu_read_unlock();
	local_bh_enable();
	kfree_skb(rx.skb);
	return taken;
}

/*
 * Passes a packet of @protocol to the handler of @through, as the kernel does
 * after LOCAL_IN; returns false if there is none.
 */
static bool deliver_through(struct kunit *test, u8 through, u8 protocol)
{
	struct sk_buff *skb = test_packet(test, protocol);
	const struct net_protocol *p;

	skb->dev = test->priv;
	__skb_pull(skb, sizeof(struct iphdr));
	local_bh_disable();
	rcu_read_lock();
	p = rcu_dereference(inet_protos[through]);
	if (p)
		p->handler(skb);
	rcu_read_unlock();
	local_bh_enable();
	if (!p)
		kfree_skb(skb);
	return p;
}

static bool deliver(struct kunit *test, u8 protocol)
{
	return deliver_through(test, protocol, protocol);
}

/* Passes an error to the handler of @protocol; false if there is none. */
static bool error(struct kunit *test, u8 protocol, u32 info)
{
	struct sk_buff *skb = test_packet(test, protocol);
	const struct net_protocol *p;

	skb->dev = test->priv;
	rcu_read_lock();
	p = rcu_dereference(inet_protos[protocol]);
	if (p)
		p->err_handler(skb, info);
	rcu_read_unlock();
	kfree_skb(skb);
	return p;
}

static void handler_is_called_behind_the_firewall(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
	KUNIT_EXPECT_FALSE(test, xinet_ip_hook_is_there());
	KUNIT_EXPECT_FALSE(test, input(test, TEST_PROTOCOL));
	KUNIT_EXPECT_EQ(test, seen.packets, 0u);
	KUNIT_EXPECT_TRUE(test, deliver(test, TEST_PROTOCOL));
	KUNIT_EXPECT_EQ(test, seen.packets, 1u);
	KUNIT_EXPECT_EQ(test, seen.len, (unsigned int)TEST_PAYLOAD);
	KUNIT_EXPECT_TRUE(test, seen.placed);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
}

/* A decapsulated packet passed on under another number has no handler. */
static void number_in_the_header_chooses_the_handler(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
	KUNIT_EXPECT_TRUE(test, deliver_through(test, TEST_PROTOCOL,
						TEST_ANOTHER));
	KUNIT_EXPECT_EQ(test, seen.packets, 0u);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
}

static void handler_on_the_wire_gets_the_datagram_too(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol, TEST_KERNELS),
			0);
	KUNIT_EXPECT_TRUE(test, input(test, TEST_KERNELS));
	KUNIT_EXPECT_EQ(test, seen.packets, 1u);
	KUNIT_EXPECT_EQ(test, seen.len, (unsigned int)TEST_PAYLOAD);
	KUNIT_EXPECT_TRUE(test, seen.placed);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&test_protocol, TEST_KERNELS),
			0);
}

static void another_protocol_is_left_alone(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
	KUNIT_EXPECT_FALSE(test, input(test, TEST_ANOTHER));
	KUNIT_EXPECT_FALSE(test, deliver(test, TEST_ANOTHER));
	KUNIT_EXPECT_FALSE(test, error(test, TEST_ANOTHER, 1));
	KUNIT_EXPECT_EQ(test, seen.packets + seen.errors, 0u);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
}

static void raw_sockets_leave_it_a_clone(struct kunit *test)
{
	struct socket *sock;

	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol, TEST_KERNELS),
			0);
	KUNIT_ASSERT_EQ(test,
			sock_create_kern(&init_net, xinet_family_number(),
					 SOCK_RAW, TEST_KERNELS, &sock), 0);
	KUNIT_EXPECT_FALSE(test, input(test, TEST_KERNELS));
	KUNIT_EXPECT_EQ(test, seen.packets, 1u);
	KUNIT_EXPECT_TRUE(test, seen.placed);
	sock_release(sock);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&test_protocol, TEST_KERNELS),
			0);
}

static void removed_handler_gets_nothing(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
	KUNIT_ASSERT_EQ(test, xinet_del_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
	KUNIT_EXPECT_FALSE(test, deliver(test, TEST_PROTOCOL));
	KUNIT_EXPECT_FALSE(test, error(test, TEST_PROTOCOL, 1));

	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol, TEST_KERNELS),
			0);
	KUNIT_ASSERT_EQ(test, xinet_del_protocol(&test_protocol, TEST_KERNELS),
			0);
	KUNIT_EXPECT_FALSE(test, input(test, TEST_KERNELS));
	KUNIT_EXPECT_EQ(test, seen.packets + seen.errors, 0u);
}

static void errors_reach_a_handler_that_wants_them(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
	error(test, TEST_PROTOCOL, 1400);
	KUNIT_EXPECT_EQ(test, seen.errors, 1u);
	KUNIT_EXPECT_EQ(test, seen.info, 1400u);
	KUNIT_ASSERT_EQ(test, xinet_del_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);

	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&quiet_protocol,
						 TEST_PROTOCOL), 0);
	error(test, TEST_PROTOCOL, 1);
	KUNIT_EXPECT_EQ(test, seen.errors, 1u);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&quiet_protocol,
						 TEST_PROTOCOL), 0);
}

static void a_protocol_has_one_handler(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
	KUNIT_EXPECT_EQ(test, xinet_add_protocol(&quiet_protocol,
						 TEST_PROTOCOL), -EEXIST);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&quiet_protocol,
						 TEST_PROTOCOL), -ENOENT);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&test_protocol,
						 TEST_ANOTHER), -ENOENT);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&test_protocol,
						 TEST_PROTOCOL), 0);
	KUNIT_EXPECT_EQ(test, xinet_del_protocol(&test_protocol,
						 TEST_PROTOCOL), -ENOENT);
}

static void what_cannot_receive_is_refused(struct kunit *test)
{
	static const struct xinet_protocol empty;

	KUNIT_EXPECT_EQ(test, xinet_add_protocol(&empty, TEST_PROTOCOL),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, xinet_add_protocol(&test_protocol, IPPROTO_RAW),
			-EINVAL);
	KUNIT_EXPECT_FALSE(test, xinet_ip_hook_is_there());
}

static void hook_is_there_while_the_wire_has_a_handler(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, xinet_add_protocol(&test_protocol, TEST_KERNELS),
			0);
	KUNIT_EXPECT_EQ(test, xinet_add_protocol(&quiet_protocol, TEST_KERNELS),
			-EEXIST);
	KUNIT_EXPECT_TRUE(test, xinet_ip_hook_is_there());
	KUNIT_ASSERT_EQ(test, xinet_del_protocol(&test_protocol, TEST_KERNELS),
			0);
	KUNIT_EXPECT_FALSE(test, xinet_ip_hook_is_there());
}

static struct kunit_case handler_cases[] = {
	KUNIT_CASE(handler_is_called_behind_the_firewall),
	KUNIT_CASE(number_in_the_header_chooses_the_handler),
	KUNIT_CASE(handler_on_the_wire_gets_the_datagram_too),
	KUNIT_CASE(another_protocol_is_left_alone),
	KUNIT_CASE(raw_sockets_leave_it_a_clone),
	KUNIT_CASE(removed_handler_gets_nothing),
	KUNIT_CASE(errors_reach_a_handler_that_wants_them),
	KUNIT_CASE(a_protocol_has_one_handler),
	KUNIT_CASE(what_cannot_receive_is_refused),
	KUNIT_CASE(hook_is_there_while_the_wire_has_a_handler),
	{}
};

struct kunit_suite xinet_handler_suite = {
	.name		= "xinet_handler",
	.init		= handler_init,
	.exit		= handler_exit,
	.test_cases	= handler_cases,
};
