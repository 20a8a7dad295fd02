// SPDX-License-Identifier: GPL-2.0-only
/* Address checks and bind: af_xinet/bind.c. */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/xinet.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "af_xinet/bind.h"
#include "af_xinet/family.h"
#include "suites.h"

static int bind_init(struct kunit *test)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, xinet_family_number(), SOCK_RAW,
			       IPPROTO_ICMP, &sock);
	KUNIT_ASSERT_EQ(test, err, 0);
	test->priv = sock;
	return 0;
}

static void bind_exit(struct kunit *test)
{
	sock_release(test->priv);
}

static struct inet_sock *test_inet(struct kunit *test)
{
	struct socket *sock = test->priv;

	return inet_sk(sock->sk);
}

static int bind_to(struct kunit *test, __be32 addr, int len)
{
	struct sockaddr_in sin = {
		.sin_family	= AF_INET,
		.sin_addr	= { .s_addr = addr },
	};

	return xinet_bind_inet(&test_inet(test)->sk, &sin, len);
}

struct address_case {
	const char *name;
	u32 addr;
	int err;
	bool source;	/* becomes the source address of what is sent */
};

static const struct address_case address_cases[] = {
	{ "any",		INADDR_ANY,		0,		true },
	{ "loopback",		INADDR_LOOPBACK,	0,		true },
	{ "loopback net",	0x7f010203,		0,		true },
	{ "limited broadcast",	INADDR_BROADCAST,	0,		false },
	{ "multicast",		0xe0000001,		0,		false },
	{ "documentation net",	0xc0000201,		-EADDRNOTAVAIL,	false },
	{ "reserved",		0xf0000001,		-EADDRNOTAVAIL,	false },
};

static void address_desc(const struct address_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(address, address_cases, address_desc);

static void bind_takes_addresses_of_this_host(struct kunit *test)
{
	const struct address_case *c = test->param_value;
	struct inet_sock *inet = test_inet(test);
	__be32 addr = htonl(c->addr);

	KUNIT_EXPECT_EQ(test, bind_to(test, addr, sizeof(struct sockaddr_in)),
			c->err);
	KUNIT_EXPECT_EQ(test, ntohl(inet->inet_rcv_saddr),
			c->err ? 0 : c->addr);
	KUNIT_EXPECT_EQ(test, ntohl(inet->inet_saddr), c->source ? c->addr : 0);
}

static void bind_takes_foreign_addresses_when_allowed(struct kunit *test)
{
	int one = 1;
	struct socket *sock = test->priv;

	KUNIT_ASSERT_EQ(test,
			sock->ops->setsockopt(sock, SOL_IP, IP_FREEBIND,
					      KERNEL_SOCKPTR(&one),
					      sizeof(one)), 0);
	KUNIT_EXPECT_EQ(test, bind_to(test, htonl(0xc0000201),
				      sizeof(struct sockaddr_in)), 0);
	KUNIT_EXPECT_EQ(test, ntohl(test_inet(test)->inet_saddr), 0xc0000201);
}

static void bind_rejects_short_sockaddr(struct kunit *test)
{
	int len;

	for (len = -1; len < (int)sizeof(struct sockaddr_in); len++)
		KUNIT_EXPECT_EQ(test, bind_to(test, htonl(INADDR_LOOPBACK),
					      len), -EINVAL);
	KUNIT_EXPECT_EQ(test, ntohl(test_inet(test)->inet_rcv_saddr), 0);
}

static void bind_rejects_connected_socket(struct kunit *test)
{
	test_inet(test)->sk.sk_state = TCP_ESTABLISHED;
	KUNIT_EXPECT_EQ(test, bind_to(test, htonl(INADDR_LOOPBACK),
				      sizeof(struct sockaddr_in)), -EINVAL);
	test_inet(test)->sk.sk_state = TCP_CLOSE;
}

/* Sockets with ports: TCP, which shares its port table with PF_INET. */
#define TEST_PORT	7801

static int port_init(struct kunit *test)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, xinet_family_number(), SOCK_STREAM,
			       IPPROTO_TCP, &sock);
	KUNIT_ASSERT_EQ(test, err, 0);
	test->priv = sock;
	return 0;
}

static int bind_port(struct sock *sk, sa_family_t family, u32 addr, u16 port)
{
	struct sockaddr_in sin = {
		.sin_family	= family,
		.sin_addr	= { .s_addr = htonl(addr) },
		.sin_port	= htons(port),
	};

	return xinet_bind_port(sk, &sin, sizeof(sin), 0);
}

static void port_and_address_are_taken(struct kunit *test)
{
	struct inet_sock *inet = test_inet(test);
	struct sock *sk = &inet->sk;

	KUNIT_EXPECT_EQ(test, bind_port(sk, AF_INET, INADDR_LOOPBACK,
					TEST_PORT), 0);
	KUNIT_EXPECT_EQ(test, ntohl(inet->inet_rcv_saddr), INADDR_LOOPBACK);
	KUNIT_EXPECT_EQ(test, ntohl(inet->inet_saddr), INADDR_LOOPBACK);
	KUNIT_EXPECT_EQ(test, inet->inet_num, TEST_PORT);
	KUNIT_EXPECT_EQ(test, ntohs(inet->inet_sport), TEST_PORT);
	KUNIT_EXPECT_EQ(test, sk->sk_userlocks & (SOCK_BINDADDR_LOCK |
						  SOCK_BINDPORT_LOCK),
			SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK);
}

static void port_zero_is_chosen(struct kunit *test)
{
	struct inet_sock *inet = test_inet(test);
	struct sock *sk = &inet->sk;

	KUNIT_EXPECT_EQ(test, bind_port(sk, AF_INET, INADDR_ANY, 0), 0);
	KUNIT_EXPECT_NE(test, inet->inet_num, 0);
	KUNIT_EXPECT_EQ(test, sk->sk_userlocks & (SOCK_BINDADDR_LOCK |
						  SOCK_BINDPORT_LOCK), 0);
}

static void second_bind_is_refused(struct kunit *test)
{
	struct inet_sock *inet = test_inet(test);
	struct sock *sk = &inet->sk;

	KUNIT_ASSERT_EQ(test, bind_port(sk, AF_INET, INADDR_ANY,
					TEST_PORT), 0);
	KUNIT_EXPECT_EQ(test, bind_port(sk, AF_INET, INADDR_LOOPBACK,
					TEST_PORT + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, inet->inet_num, TEST_PORT);
	KUNIT_EXPECT_EQ(test, ntohl(inet->inet_rcv_saddr), INADDR_ANY);
}

static void port_of_pf_inet_is_in_use(struct kunit *test)
{
	struct inet_sock *inet = test_inet(test);
	struct socket *other;

	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, PF_INET, SOCK_STREAM,
					       IPPROTO_TCP, &other), 0);
	KUNIT_EXPECT_EQ(test, bind_port(other->sk, AF_INET, INADDR_ANY,
					TEST_PORT), 0);
	KUNIT_EXPECT_EQ(test, bind_port(&inet->sk, AF_INET,
					INADDR_LOOPBACK, TEST_PORT),
			-EADDRINUSE);
	/* The address set before the port lookup is reset. */
	KUNIT_EXPECT_EQ(test, ntohl(inet->inet_rcv_saddr), 0);
	KUNIT_EXPECT_EQ(test, ntohl(inet->inet_saddr), 0);
	KUNIT_EXPECT_EQ(test, inet->inet_num, 0);
	sock_release(other);
}

static void unspec_means_any_and_nothing_else(struct kunit *test)
{
	struct sock *sk = &test_inet(test)->sk;

	KUNIT_EXPECT_EQ(test, bind_port(sk, AF_UNSPEC, INADDR_LOOPBACK,
					TEST_PORT), -EAFNOSUPPORT);
	KUNIT_EXPECT_EQ(test, bind_port(sk, AF_INET6, INADDR_ANY,
					TEST_PORT), -EAFNOSUPPORT);
	KUNIT_EXPECT_EQ(test, bind_port(sk, AF_UNSPEC, INADDR_ANY,
					TEST_PORT), 0);
}

static void port_needs_a_whole_address(struct kunit *test)
{
	struct sock *sk = &test_inet(test)->sk;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int len;

	for (len = -1; len < (int)sizeof(sin); len++)
		KUNIT_EXPECT_EQ(test, xinet_bind_port(sk, &sin, len, 0),
				-EINVAL);
	KUNIT_EXPECT_EQ(test, test_inet(test)->inet_num, 0);
}

static void port_at_a_foreign_address_is_refused(struct kunit *test)
{
	struct sock *sk = &test_inet(test)->sk;

	KUNIT_EXPECT_EQ(test, bind_port(sk, AF_INET, 0xc0000201,
					TEST_PORT), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, test_inet(test)->inet_num, 0);
}

static void own_family_is_refused_in_an_address(struct kunit *test)
{
	struct sockaddr_in sin = { .sin_family = xinet_family_number() };

	KUNIT_EXPECT_EQ(test, xinet_bind_check_family(&sin, sizeof(sin)),
			-EAFNOSUPPORT);
	KUNIT_EXPECT_EQ(test, xinet_bind_inet(&test_inet(test)->sk, &sin,
					      sizeof(sin)), -EAFNOSUPPORT);
}

static void other_families_are_for_the_caller_to_judge(struct kunit *test)
{
	struct sockaddr_in sin = { .sin_family = AF_UNIX };

	KUNIT_EXPECT_EQ(test, xinet_bind_check_family(&sin, sizeof(sin)), 0);
	KUNIT_EXPECT_EQ(test, xinet_bind_check_family(NULL, 0), 0);
}

static void family_is_not_read_from_a_shorter_address(struct kunit *test)
{
	struct sockaddr_in sin = { .sin_family = xinet_family_number() };

	KUNIT_EXPECT_EQ(test, xinet_bind_check_family(&sin, 1), 0);
}

static struct kunit_case bind_cases[] = {
	KUNIT_CASE_PARAM(bind_takes_addresses_of_this_host,
			 address_gen_params),
	KUNIT_CASE(bind_takes_foreign_addresses_when_allowed),
	KUNIT_CASE(bind_rejects_short_sockaddr),
	KUNIT_CASE(bind_rejects_connected_socket),
	KUNIT_CASE(own_family_is_refused_in_an_address),
	KUNIT_CASE(other_families_are_for_the_caller_to_judge),
	KUNIT_CASE(family_is_not_read_from_a_shorter_address),
	{}
};

struct kunit_suite xinet_bind_suite = {
	.name		= "xinet_bind",
	.init		= bind_init,
	.exit		= bind_exit,
	.test_cases	= bind_cases,
};

static struct kunit_case port_cases[] = {
	KUNIT_CASE(port_and_address_are_taken),
	KUNIT_CASE(port_zero_is_chosen),
	KUNIT_CASE(second_bind_is_refused),
	KUNIT_CASE(port_of_pf_inet_is_in_use),
	KUNIT_CASE(unspec_means_any_and_nothing_else),
	KUNIT_CASE(port_needs_a_whole_address),
	KUNIT_CASE(port_at_a_foreign_address_is_refused),
	{}
};

struct kunit_suite xinet_port_suite = {
	.name		= "xinet_port",
	.init		= port_init,
	.exit		= bind_exit,
	.test_cases	= port_cases,
};
