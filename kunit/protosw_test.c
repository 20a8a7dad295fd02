// SPDX-License-Identifier: GPL-2.0-only
/* The protosw table: af_xinet/protosw.c, with an otherwise unused type. */
#include <kunit/test.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/module.h>
#include <net/inet_connection_sock.h>
#include <net/inet_sock.h>
#include <net/raw.h>
#include <net/sock.h>
#include <net/xinet.h>

#include "af_xinet/protosw.h"
#include "suites.h"

/* No other family than ours can have a socket of this type. */
#define TEST_TYPE	SOCK_DCCP

static struct proto test_prot = {
	.name		= "XINET-KUNIT",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct raw_sock),
};

static struct proto_ops test_ops = { .owner = THIS_MODULE };

static struct proto foreign_prot = {
	.name		= "FOREIGN",
	.obj_size	= sizeof(struct raw_sock),
};

#define TEST_ENTRY(_protocol, _flags) {		\
	.type		= TEST_TYPE,		\
	.protocol	= (_protocol),		\
	.prot		= &test_prot,		\
	.ops		= &test_ops,		\
	.flags		= (_flags),		\
}

/* The entry found for @protocol, or NULL; sets @err and *@protocol. */
static const struct xinet_protosw *lookup(int *protocol, int *err)
{
	const struct xinet_protosw *p = NULL;

	*err = xinet_protosw_get(TEST_TYPE, protocol, &p);
	if (!*err)
		xinet_protosw_put(p);
	return p;
}

static void empty_type_is_not_supported(struct kunit *test)
{
	int protocol = IPPROTO_UDP, err;

	KUNIT_EXPECT_NULL(test, lookup(&protocol, &err));
	KUNIT_EXPECT_EQ(test, err, -ESOCKTNOSUPPORT);
}

static void type_out_of_range_is_not_supported(struct kunit *test)
{
	const struct xinet_protosw *p;
	int protocol = IPPROTO_UDP;

	KUNIT_EXPECT_EQ(test, xinet_protosw_get(SOCK_MAX, &protocol, &p),
			-ESOCKTNOSUPPORT);
	KUNIT_EXPECT_EQ(test, xinet_protosw_get(-1, &protocol, &p),
			-ESOCKTNOSUPPORT);
}

static void exact_protocol_is_found(struct kunit *test)
{
	struct xinet_protosw a = TEST_ENTRY(IPPROTO_UDP, 0);
	struct xinet_protosw b = TEST_ENTRY(IPPROTO_TCP, 0);
	int protocol = IPPROTO_UDP, err;

	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&a), 0);
	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&b), 0);
	KUNIT_EXPECT_PTR_EQ(test, lookup(&protocol, &err),
			    (const struct xinet_protosw *)&a);
	protocol = IPPROTO_SCTP;
	KUNIT_EXPECT_NULL(test, lookup(&protocol, &err));
	KUNIT_EXPECT_EQ(test, err, -EPROTONOSUPPORT);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&b), 0);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&a), 0);
}

static void no_protocol_takes_the_entrys(struct kunit *test)
{
	struct xinet_protosw a = TEST_ENTRY(IPPROTO_UDP, 0);
	int protocol = IPPROTO_IP, err;

	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&a), 0);
	KUNIT_EXPECT_PTR_EQ(test, lookup(&protocol, &err),
			    (const struct xinet_protosw *)&a);
	KUNIT_EXPECT_EQ(test, protocol, IPPROTO_UDP);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&a), 0);
}

static void wildcard_takes_any_protocol_but_none(struct kunit *test)
{
	struct xinet_protosw any = TEST_ENTRY(IPPROTO_IP, 0);
	int protocol = 253, err;

	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&any), 0);
	KUNIT_EXPECT_PTR_EQ(test, lookup(&protocol, &err),
			    (const struct xinet_protosw *)&any);
	KUNIT_EXPECT_EQ(test, protocol, 253);
	protocol = IPPROTO_IP;
	KUNIT_EXPECT_NULL(test, lookup(&protocol, &err));
	KUNIT_EXPECT_EQ(test, err, -EPROTONOSUPPORT);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&any), 0);
}

static void later_entry_overrides_earlier(struct kunit *test)
{
	struct xinet_protosw a = TEST_ENTRY(IPPROTO_UDP, 0);
	struct xinet_protosw b = TEST_ENTRY(IPPROTO_UDP, 0);
	int protocol = IPPROTO_UDP, err;

	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&a), 0);
	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&b), 0);
	KUNIT_EXPECT_PTR_EQ(test, lookup(&protocol, &err),
			    (const struct xinet_protosw *)&b);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&b), 0);
	KUNIT_EXPECT_PTR_EQ(test, lookup(&protocol, &err),
			    (const struct xinet_protosw *)&a);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&a), 0);
}

/* The operations of one of xinet.ko's own entries. */
static const struct proto_ops *own_ops(struct kunit *test)
{
	const struct xinet_protosw *p = NULL;
	int protocol = 254;

	KUNIT_ASSERT_EQ(test, xinet_protosw_get(SOCK_RAW, &protocol, &p), 0);
	xinet_protosw_put(p);
	return p->ops;
}

static void permanent_entry_is_neither_overridden_nor_removed(struct kunit *test)
{
	struct xinet_protosw a = TEST_ENTRY(IPPROTO_UDP,
					    XINET_PROTOSW_PERMANENT);
	struct xinet_protosw same = TEST_ENTRY(IPPROTO_UDP, 0);
	struct xinet_protosw other = TEST_ENTRY(IPPROTO_TCP, 0);
	int protocol = IPPROTO_IP, err;

	a.ops = own_ops(test);
	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&a), 0);
	KUNIT_EXPECT_EQ(test, xinet_register_protosw(&same), -EPERM);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&a), -EPERM);
	/* It stays in front of later entries. */
	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&other), 0);
	KUNIT_EXPECT_PTR_EQ(test, lookup(&protocol, &err),
			    (const struct xinet_protosw *)&a);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&other), 0);
	xinet_protosw_retire(&a);
	KUNIT_EXPECT_NULL(test, lookup(&protocol, &err));
}

static void one_raw_protocol_can_be_taken_over(struct kunit *test)
{
	struct xinet_protosw a = TEST_ENTRY(253, 0);
	const struct xinet_protosw *p;
	int protocol = 253;

	a.type = SOCK_RAW;
	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&a), 0);
	KUNIT_ASSERT_EQ(test, xinet_protosw_get(SOCK_RAW, &protocol, &p), 0);
	KUNIT_EXPECT_PTR_EQ(test, p, (const struct xinet_protosw *)&a);
	xinet_protosw_put(p);

	protocol = 254;
	KUNIT_ASSERT_EQ(test, xinet_protosw_get(SOCK_RAW, &protocol, &p), 0);
	KUNIT_EXPECT_PTR_NE(test, p, (const struct xinet_protosw *)&a);
	xinet_protosw_put(p);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&a), 0);
}

static void packet_sockets_take_any_ethertype(struct kunit *test)
{
	int types[] = { 0, (__force int)htons(ETH_P_ALL), 0xffff };
	const struct xinet_protosw *p;
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		int protocol = types[i];

		KUNIT_ASSERT_EQ(test, xinet_protosw_get(SOCK_PACKET, &protocol,
							&p), 0);
		KUNIT_EXPECT_EQ(test, protocol, types[i]);
		xinet_protosw_put(p);
	}
}

static void registering_twice_is_refused(struct kunit *test)
{
	struct xinet_protosw a = TEST_ENTRY(IPPROTO_UDP, 0);

	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&a), 0);
	KUNIT_EXPECT_EQ(test, xinet_register_protosw(&a), -EEXIST);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&a), 0);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&a), -ENOENT);
}

static void incomplete_entries_are_refused(struct kunit *test)
{
	struct xinet_protosw type = TEST_ENTRY(IPPROTO_UDP, 0);
	struct xinet_protosw ops = TEST_ENTRY(IPPROTO_UDP, 0);
	struct xinet_protosw prot = TEST_ENTRY(IPPROTO_UDP, 0);
	struct xinet_protosw owner = TEST_ENTRY(IPPROTO_UDP, 0);
	struct xinet_protosw nobody = TEST_ENTRY(IPPROTO_UDP, 0);
	struct proto_ops unowned_ops = {};

	type.type = SOCK_MAX;
	ops.ops = NULL;
	prot.prot = NULL;
	owner.prot = &foreign_prot;
	nobody.ops = &unowned_ops;
	nobody.prot = &foreign_prot;
	KUNIT_EXPECT_EQ(test, xinet_register_protosw(&type), -EINVAL);
	KUNIT_EXPECT_EQ(test, xinet_register_protosw(&ops), -EINVAL);
	KUNIT_EXPECT_EQ(test, xinet_register_protosw(&prot), -EINVAL);
	KUNIT_EXPECT_EQ(test, xinet_register_protosw(&owner), -EINVAL);
	KUNIT_EXPECT_EQ(test, xinet_register_protosw(&nobody), -EINVAL);
}

static void permanence_is_for_entries_of_our_own(struct kunit *test)
{
	struct xinet_protosw a = TEST_ENTRY(IPPROTO_UDP,
					    XINET_PROTOSW_PERMANENT);
	int protocol = IPPROTO_UDP, err;

	KUNIT_EXPECT_EQ(test, xinet_register_protosw(&a), -EINVAL);
	KUNIT_EXPECT_NULL(test, lookup(&protocol, &err));
}

struct size_case {
	const char *name;
	unsigned short type;
	unsigned char flags;
	bool creates;
	size_t size;
};

static const struct size_case size_cases[] = {
	{ "inet_sock", TEST_TYPE, 0, false, sizeof(struct inet_sock) },
	{ "raw_sock", SOCK_RAW, 0, false, sizeof(struct raw_sock) },
	{ "inet_connection_sock", TEST_TYPE, XINET_PROTOSW_ICSK, false,
	  sizeof(struct inet_connection_sock) },
	{ "created inet_connection_sock", TEST_TYPE, XINET_PROTOSW_ICSK, true,
	  sizeof(struct inet_connection_sock) },
	{ "created sock", TEST_TYPE, 0, true, sizeof(struct sock) },
};

static void size_desc(const struct size_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(size, size_cases, size_desc);

static int create_nothing(struct net *net, struct socket *sock, int protocol,
			  int kern)
{
	return -ENOMEM;
}

static void sock_must_have_room_for_what_it_is_taken_for(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	struct xinet_protosw a = TEST_ENTRY(253, c->flags);
	struct proto prot = test_prot;

	a.type = c->type;
	a.create = c->creates ? create_nothing : NULL;
	a.prot = &prot;
	prot.obj_size = c->size - 1;
	KUNIT_EXPECT_EQ(test, xinet_register_protosw(&a), -EINVAL);
	prot.obj_size = c->size;
	KUNIT_ASSERT_EQ(test, xinet_register_protosw(&a), 0);
	KUNIT_EXPECT_EQ(test, xinet_unregister_protosw(&a), 0);
}

static struct kunit_case protosw_cases[] = {
	KUNIT_CASE(empty_type_is_not_supported),
	KUNIT_CASE(type_out_of_range_is_not_supported),
	KUNIT_CASE(exact_protocol_is_found),
	KUNIT_CASE(no_protocol_takes_the_entrys),
	KUNIT_CASE(wildcard_takes_any_protocol_but_none),
	KUNIT_CASE(later_entry_overrides_earlier),
	KUNIT_CASE(permanent_entry_is_neither_overridden_nor_removed),
	KUNIT_CASE(one_raw_protocol_can_be_taken_over),
	KUNIT_CASE(packet_sockets_take_any_ethertype),
	KUNIT_CASE(registering_twice_is_refused),
	KUNIT_CASE(incomplete_entries_are_refused),
	KUNIT_CASE(permanence_is_for_entries_of_our_own),
	KUNIT_CASE_PARAM(sock_must_have_room_for_what_it_is_taken_for,
			 size_gen_params),
	{}
};

struct kunit_suite xinet_protosw_suite = {
	.name		= "xinet_protosw",
	.test_cases	= protosw_cases,
};
