// SPDX-License-Identifier: GPL-2.0-only
/* The list of sockets: af_xinet/registry.c, with bare socks of the test. */
#include <kunit/test.h>
#include <linux/inet_diag.h>
#include <linux/module.h>
#include <linux/sock_diag.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "af_xinet/registry.h"
#include "suites.h"

static struct proto registry_prot = {
	.name = "XINET-KUNIT-LIST",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct sock),
};

static struct sock *registry_sock(struct kunit *test)
{
	struct sock *sk;

	sk = sk_alloc(&init_net, PF_INET, GFP_KERNEL, &registry_prot, 0);
	KUNIT_ASSERT_NOT_NULL(test, sk);
	sock_init_data(NULL, sk);
	return sk;
}

static void listed_sock_is_found_by_its_cookie(struct kunit *test)
{
	struct sock *sk = registry_sock(test);
	u32 cookie[2];

	sock_diag_save_cookie(sk, cookie);
	KUNIT_EXPECT_NULL(test, xinet_registry_find(&init_net, cookie));
	KUNIT_ASSERT_EQ(test, xinet_registry_add(sk), 0);
	KUNIT_EXPECT_PTR_EQ(test, xinet_registry_find(&init_net, cookie), sk);
	KUNIT_EXPECT_EQ(test, refcount_read(&sk->sk_refcnt), 2);
	sock_put(sk);

	xinet_registry_del(sk);
	KUNIT_EXPECT_NULL(test, xinet_registry_find(&init_net, cookie));
	KUNIT_EXPECT_EQ(test, refcount_read(&sk->sk_refcnt), 1);
	sock_put(sk);
}

static void nobody_is_found_without_a_cookie(struct kunit *test)
{
	static const u32 no_cookie[] = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE };
	struct sock *sk = registry_sock(test);

	KUNIT_ASSERT_EQ(test, xinet_registry_add(sk), 0);
	KUNIT_EXPECT_NULL(test, xinet_registry_find(&init_net, no_cookie));
	xinet_registry_del(sk);
	sock_put(sk);
}

static void removing_what_is_not_listed_does_nothing(struct kunit *test)
{
	struct sock *sk = registry_sock(test);

	KUNIT_EXPECT_FALSE(test, xinet_registry_del(sk));
	KUNIT_EXPECT_EQ(test, refcount_read(&sk->sk_refcnt), 1);
	sock_put(sk);
}

/* It is listed but not found; removing it still works. */
static void expect_nobody_finds(struct kunit *test, struct sock *sk)
{
	unsigned long cursor = 0;
	u32 cookie[2];

	sock_diag_save_cookie(sk, cookie);
	KUNIT_EXPECT_NULL(test, xinet_registry_find(&init_net, cookie));
	KUNIT_EXPECT_NULL(test, xinet_registry_next(&init_net, &cursor));
	KUNIT_EXPECT_TRUE(test, xinet_registry_del(sk));
}

static void closed_sock_is_not_found(struct kunit *test)
{
	struct sock *sk = registry_sock(test);

	KUNIT_ASSERT_EQ(test, xinet_registry_add(sk), 0);
	sock_orphan(sk);
	expect_nobody_finds(test, sk);
	sock_put(sk);
}

/* The state while sk_destruct() runs. */
static void sock_without_references_is_not_found(struct kunit *test)
{
	struct sock *sk = registry_sock(test);

	KUNIT_ASSERT_EQ(test, xinet_registry_add(sk), 0);
	refcount_set(&sk->sk_refcnt, 0);
	expect_nobody_finds(test, sk);
	refcount_set(&sk->sk_refcnt, 1);
	sock_put(sk);
}

static void sock_is_listed_once(struct kunit *test)
{
	struct sock *sk = registry_sock(test);

	KUNIT_ASSERT_EQ(test, xinet_registry_add(sk), 0);
	KUNIT_EXPECT_NE(test, xinet_registry_add(sk), 0);
	xinet_registry_del(sk);
	sock_put(sk);
}

/* Those of @socks that a walk from @cursor finds, as a bit mask. */
static unsigned int walk(unsigned long *cursor, struct sock *const *socks,
			 int count)
{
	unsigned int found = 0;
	struct sock *sk;
	int i;

	while ((sk = xinet_registry_next(&init_net, cursor))) {
		for (i = 0; i < count; i++) {
			if (sk == socks[i])
				found |= BIT(i);
		}
		sock_put(sk);
	}
	return found;
}

#define TEST_WALKED	3

static void list_socks(struct kunit *test, struct sock **socks)
{
	int i;

	for (i = 0; i < TEST_WALKED; i++) {
		socks[i] = registry_sock(test);
		KUNIT_ASSERT_EQ(test, xinet_registry_add(socks[i]), 0);
	}
}

static void drop_socks(struct sock **socks)
{
	int i;

	for (i = 0; i < TEST_WALKED; i++) {
		xinet_registry_del(socks[i]);
		sock_put(socks[i]);
	}
}

static void walk_finds_every_sock(struct kunit *test)
{
	struct sock *socks[TEST_WALKED];
	unsigned long cursor = 0;

	list_socks(test, socks);
	KUNIT_EXPECT_EQ(test, walk(&cursor, socks, TEST_WALKED),
			BIT(TEST_WALKED) - 1);
	KUNIT_EXPECT_EQ(test, walk(&cursor, socks, TEST_WALKED), 0);
	drop_socks(socks);
}

/* The sock at which the walk stands is removed before the walk continues. */
static void walk_goes_on_behind_a_sock_that_went(struct kunit *test)
{
	struct sock *socks[TEST_WALKED], *sk = NULL;
	unsigned long cursor = 0;
	int i, first = -1;

	list_socks(test, socks);
	/* the order of the list is not specified */
	while (first < 0) {
		sk = xinet_registry_next(&init_net, &cursor);
		KUNIT_ASSERT_NOT_NULL(test, sk);
		sock_put(sk);
		for (i = 0; i < ARRAY_SIZE(socks); i++) {
			if (sk == socks[i])
				first = i;
		}
	}
	xinet_registry_del(socks[first]);
	KUNIT_EXPECT_EQ(test, walk(&cursor, socks, TEST_WALKED),
			(BIT(TEST_WALKED) - 1) & ~BIT(first));
	drop_socks(socks);
}

static int registry_suite_init(struct kunit_suite *suite)
{
	return proto_register(&registry_prot, 1);
}

static void registry_suite_exit(struct kunit_suite *suite)
{
	proto_unregister(&registry_prot);
}

static struct kunit_case registry_cases[] = {
	KUNIT_CASE(listed_sock_is_found_by_its_cookie),
	KUNIT_CASE(nobody_is_found_without_a_cookie),
	KUNIT_CASE(removing_what_is_not_listed_does_nothing),
	KUNIT_CASE(closed_sock_is_not_found),
	KUNIT_CASE(sock_without_references_is_not_found),
	KUNIT_CASE(sock_is_listed_once),
	KUNIT_CASE(walk_finds_every_sock),
	KUNIT_CASE(walk_goes_on_behind_a_sock_that_went),
	{}
};

struct kunit_suite xinet_registry_suite = {
	.name = "xinet_registry",
	.suite_init = registry_suite_init,
	.suite_exit = registry_suite_exit,
	.test_cases = registry_cases,
};
