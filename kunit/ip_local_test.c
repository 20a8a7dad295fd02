// SPDX-License-Identifier: GPL-2.0-only
/*
 * ip/ip_local.c: a cached result is invalidated when what it depends on
 * changes. Every case looks up twice first, so that the second result is
 * cached.
 */
#include <kunit/test.h>
#include <linux/inetdevice.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "fake_dev.h"
#include "ip/ip_local.h"
#include "suites.h"

/* TEST-NET-2 and TEST-NET-3 of RFC 5737: no route leads back to the sender. */
#define TEST_LOCAL	htonl(0xc6336401)
#define TEST_SENDER	htonl(0xcb007102)
#define TEST_PROTOCOL	253

/* These hash to the same cache slots as the two above. */
#define TEST_OTHER	htonl(0xc6336405)
#define TEST_MULTICAST	htonl(0xe0000102)
#define TEST_LOOPBACK	htonl(0x7f000102)

/* RFC 1349's "minimize delay" */
#define TEST_TOS	0x10

/* Much longer than a cached result is valid. */
#define TEST_PATIENCE	(20 * HZ)

/**
 * struct local_fixture - a host with one address
 * @dev: has TEST_LOCAL
 * @netlink: to add and remove addresses
 */
struct local_fixture {
	struct net_device *dev;
	struct socket *netlink;
};

struct address_request {
	struct nlmsghdr nlh;
	struct ifaddrmsg ifa;
	struct nlattr attr;
	__be32 local;
};

struct route_request {
	struct nlmsghdr nlh;
	struct rtmsg rtm;
	struct nlattr attr;
	__be32 dst;
};

static void send_request(struct kunit *test, void *request, size_t len)
{
	struct local_fixture *f = test->priv;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct kvec vec = { .iov_base = request, .iov_len = len };
	struct msghdr msg = {
		.msg_name	= &kernel,
		.msg_namelen	= sizeof(kernel),
	};

	KUNIT_ASSERT_EQ(test, kernel_sendmsg(f->netlink, &msg, &vec, 1, len),
			(int)len);
}

/* RTM_NEWADDR or RTM_DELADDR of TEST_LOCAL/32; done when this returns. */
static void change_address(struct kunit *test, u16 type)
{
	struct local_fixture *f = test->priv;
	struct address_request request = {
		.nlh = {
			.nlmsg_len	= sizeof(request),
			.nlmsg_type	= type,
			.nlmsg_flags	= NLM_F_REQUEST,
		},
		.ifa = {
			.ifa_family	= AF_INET,
			.ifa_prefixlen	= 32,
			.ifa_index	= f->dev->ifindex,
		},
		.attr = {
			.nla_len	= NLA_HDRLEN + sizeof(__be32),
			.nla_type	= IFA_LOCAL,
		},
		.local = TEST_LOCAL,
	};

	send_request(test, &request, sizeof(request));
}

/*
 * RTM_NEWROUTE or RTM_DELROUTE of a black hole for TEST_LOCAL with TEST_TOS,
 * in addition to the route of the address; done when this returns.
 */
static void change_black_hole(struct kunit *test, u16 type)
{
	struct route_request request = {
		.nlh = {
			.nlmsg_len	= sizeof(request),
			.nlmsg_type	= type,
			.nlmsg_flags	= NLM_F_REQUEST |
				(type == RTM_NEWROUTE ? NLM_F_CREATE : 0),
		},
		.rtm = {
			.rtm_family	= AF_INET,
			.rtm_dst_len	= 32,
			.rtm_tos	= TEST_TOS,
			.rtm_table	= RT_TABLE_LOCAL,
			.rtm_protocol	= RTPROT_STATIC,
			.rtm_scope	= RT_SCOPE_HOST,
			.rtm_type	= RTN_BLACKHOLE,
		},
		.attr = {
			.nla_len	= NLA_HDRLEN + sizeof(__be32),
			.nla_type	= RTA_DST,
		},
		.dst = TEST_LOCAL,
	};

	send_request(test, &request, sizeof(request));
}

static void set_switch(struct net_device *dev, int attr, int value)
{
	rtnl_lock();
	ipv4_devconf_set(__in_dev_get_rtnl(dev), attr, value);
	rtnl_unlock();
}

static int ip_local_init(struct kunit *test)
{
	struct local_fixture *f;

	f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_ASSERT_EQ(test,
			sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW,
					 NETLINK_ROUTE, &f->netlink), 0);
	test->priv = f;
	f->dev = xinet_fake_dev_create(test);
	set_switch(f->dev, IPV4_DEVCONF_RP_FILTER, 0);
	change_address(test, RTM_NEWADDR);
	return 0;
}

static void ip_local_exit(struct kunit *test)
{
	struct local_fixture *f = test->priv;

	if (!f)
		return;
	xinet_fake_dev_destroy(f->dev);
	sock_release(f->netlink);
}

/* Whether such a packet received through @dev is for this host. */
static bool is_local_packet(struct kunit *test, struct net_device *dev,
			    __be32 saddr, __be32 daddr, u8 tos)
{
	struct sk_buff *skb;
	bool local;

	skb = xinet_fake_ip_skb(test, dev, TEST_PROTOCOL, saddr, daddr, 0);
	ip_hdr(skb)->tos = tos;
	local_bh_disable();
	rcu_read_lock();
	local = xinet_ip_is_local(skb);
	skb_dst_drop(skb);
	rcu_read_unlock();
	local_bh_enable();
	kfree_skb(skb);
	return local;
}

static bool is_local(struct kunit *test, struct net_device *dev)
{
	return is_local_packet(test, dev, TEST_SENDER, TEST_LOCAL, 0);
}

static void expect_remembered(struct kunit *test)
{
	struct local_fixture *f = test->priv;

	KUNIT_EXPECT_TRUE(test, is_local(test, f->dev));
	KUNIT_EXPECT_TRUE(test, is_local(test, f->dev));
}

static void answer_ends_with_the_address(struct kunit *test)
{
	struct local_fixture *f = test->priv;

	expect_remembered(test);
	change_address(test, RTM_DELADDR);
	KUNIT_EXPECT_FALSE(test, is_local(test, f->dev));
	change_address(test, RTM_NEWADDR);
	KUNIT_EXPECT_TRUE(test, is_local(test, f->dev));
}

/* No route leads back to the sender: rp_filter rejects that. */
static void answer_ends_with_rp_filter(struct kunit *test)
{
	struct local_fixture *f = test->priv;

	expect_remembered(test);
	set_switch(f->dev, IPV4_DEVCONF_RP_FILTER, 1);
	KUNIT_EXPECT_FALSE(test, is_local(test, f->dev));
	set_switch(f->dev, IPV4_DEVCONF_RP_FILTER, 0);
	KUNIT_EXPECT_TRUE(test, is_local(test, f->dev));
}

/* A second interface without route_localnet has its own result. */
static void answer_is_for_its_interface(struct kunit *test)
{
	struct net_device *other = xinet_fake_dev_create(test);
	struct local_fixture *f = test->priv;

	set_switch(other, IPV4_DEVCONF_RP_FILTER, 0);
	set_switch(other, IPV4_DEVCONF_ACCEPT_LOCAL, 1);
	set_switch(f->dev, IPV4_DEVCONF_ACCEPT_LOCAL, 1);
	set_switch(f->dev, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
	KUNIT_EXPECT_TRUE(test, is_local_packet(test, f->dev, TEST_LOOPBACK,
						TEST_LOCAL, 0));
	KUNIT_EXPECT_FALSE(test, is_local_packet(test, other, TEST_LOOPBACK,
						 TEST_LOCAL, 0));
	xinet_fake_dev_destroy(other);
}

/* A multicast source is invalid, even if the destination is cached. */
static void answer_is_for_its_sender(struct kunit *test)
{
	struct local_fixture *f = test->priv;

	expect_remembered(test);
	KUNIT_EXPECT_FALSE(test, is_local_packet(test, f->dev, TEST_MULTICAST,
						 TEST_LOCAL, 0));
}

static void answer_is_for_its_destination(struct kunit *test)
{
	struct local_fixture *f = test->priv;

	expect_remembered(test);
	KUNIT_EXPECT_FALSE(test, is_local_packet(test, f->dev, TEST_SENDER,
						 TEST_OTHER, 0));
}

static void answer_is_for_its_tos(struct kunit *test)
{
	struct local_fixture *f = test->priv;

	change_black_hole(test, RTM_NEWROUTE);
	expect_remembered(test);
	KUNIT_EXPECT_FALSE(test, is_local_packet(test, f->dev, TEST_SENDER,
						 TEST_LOCAL, TEST_TOS));
	change_black_hole(test, RTM_DELROUTE);
	KUNIT_EXPECT_TRUE(test, is_local_packet(test, f->dev, TEST_SENDER,
						TEST_LOCAL, TEST_TOS));
}

/* A packet from this host's own address, which accept_local permits. */
static void answer_ends_with_accept_local(struct kunit *test)
{
	struct local_fixture *f = test->priv;
	int i;

	set_switch(f->dev, IPV4_DEVCONF_ACCEPT_LOCAL, 1);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, is_local_packet(test, f->dev, TEST_LOCAL,
							TEST_LOCAL, 0));
	set_switch(f->dev, IPV4_DEVCONF_ACCEPT_LOCAL, 0);
	KUNIT_EXPECT_FALSE(test, is_local_packet(test, f->dev, TEST_LOCAL,
						 TEST_LOCAL, 0));
}

/* A change of route_localnet is not detected: the cached result times out. */
static void answer_ends_with_its_time(struct kunit *test)
{
	const unsigned long end = jiffies + TEST_PATIENCE;
	struct local_fixture *f = test->priv;
	bool local;

	set_switch(f->dev, IPV4_DEVCONF_ACCEPT_LOCAL, 1);
	set_switch(f->dev, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
	KUNIT_EXPECT_TRUE(test, is_local_packet(test, f->dev, TEST_LOOPBACK,
						TEST_LOCAL, 0));
	set_switch(f->dev, IPV4_DEVCONF_ROUTE_LOCALNET, 0);
	do {
		schedule_timeout_uninterruptible(HZ / 20);
		local = is_local_packet(test, f->dev, TEST_LOOPBACK, TEST_LOCAL,
					0);
	} while (local && time_before(jiffies, end));
	KUNIT_EXPECT_FALSE(test, local);
}

static struct kunit_case ip_local_cases[] = {
	KUNIT_CASE(answer_ends_with_the_address),
	KUNIT_CASE(answer_ends_with_rp_filter),
	KUNIT_CASE(answer_ends_with_accept_local),
	KUNIT_CASE(answer_ends_with_its_time),
	KUNIT_CASE(answer_is_for_its_interface),
	KUNIT_CASE(answer_is_for_its_sender),
	KUNIT_CASE(answer_is_for_its_destination),
	KUNIT_CASE(answer_is_for_its_tos),
	{}
};

struct kunit_suite xinet_ip_local_suite = {
	.name		= "xinet_ip_local",
	.init		= ip_local_init,
	.exit		= ip_local_exit,
	.test_cases	= ip_local_cases,
};
