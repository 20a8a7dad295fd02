// SPDX-License-Identifier: GPL-2.0-only
/* Shared socket filters: packet/tap/filter.c, with tables of the test. */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "packet/tap/filter.h"
#include "suites.h"

static void classic_program(struct kunit *test, u32 verdict,
			    struct sk_filter *core)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, verdict);
	struct sock_fprog_kern fprog = { .len = 1, .filter = &insn };
	struct sock_fprog_kern *orig = kmemdup(&fprog, sizeof(fprog), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, orig);
	orig->filter = kmemdup(&insn, sizeof(insn), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, orig->filter);
	KUNIT_ASSERT_EQ(test, bpf_prog_create(&core->prog, &fprog), 0);
	/* the core keeps the classic program as well */
	core->prog->orig_prog = orig;
	/* the test's reference is never dropped: the test frees @core */
	refcount_set(&core->refcnt, 1);
}

static struct xinet_filter_table *new_table(struct kunit *test)
{
	struct xinet_filter_table *table;

	table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, table);
	xinet_filter_table_init(table);
	return table;
}

static void equal_programs_of_a_namespace_are_one(struct kunit *test)
{
	struct xinet_filter_table *here = new_table(test);
	struct xinet_filter_table *there = new_table(test);
	struct xinet_filter *first, *second, *other, *elsewhere;
	struct sk_filter cores[3] = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(cores); i++)
		classic_program(test, i < 2 ? 30 : 31, &cores[i]);
	first = xinet_filter_intern(here, &cores[0]);
	second = xinet_filter_intern(here, &cores[1]);
	other = xinet_filter_intern(here, &cores[2]);
	elsewhere = xinet_filter_intern(there, &cores[1]);
	KUNIT_EXPECT_FALSE(test, IS_ERR(first));
	KUNIT_EXPECT_PTR_EQ(test, first, second);
	KUNIT_EXPECT_PTR_NE(test, first, other);
	KUNIT_EXPECT_PTR_NE(test, first, elsewhere);

	xinet_filter_put(first);
	xinet_filter_put(second);
	xinet_filter_put(other);
	xinet_filter_put(elsewhere);
	for (i = 0; i < ARRAY_SIZE(cores); i++) {
		KUNIT_EXPECT_EQ(test, refcount_read(&cores[i].refcnt), 1u);
		bpf_prog_destroy(cores[i].prog);
	}
}

static struct kunit_case filter_cases[] = {
	KUNIT_CASE(equal_programs_of_a_namespace_are_one),
	{}
};

struct kunit_suite xinet_filter_suite = {
	.name = "xinet_filter",
	.test_cases = filter_cases,
};
