// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interned socket filters. filter_change.c interns the filter of a socket after
 * every change, and tap_deliver.c runs the result. An interned program has a
 * lifetime of its own: the core frees a socket's filter when userspace replaces
 * it, while the published array of a tap may still point to it. Nothing here
 * runs per packet or depends on sockets and taps.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "packet/tap/filter.h"
#include "packet/tap/filter_keys.h"

/*
 * @node: in @table, under its lock
 * @table: where equal programs are looked up; NULL if the filter is not shared
 * @core: filter of the first socket with this program; a reference is held
 * @users: references, under the lock of @table
 * @hash: of the instructions
 * @keys: what the program requires of a packet
 */
struct xinet_filter {
	struct hlist_node node;
	struct xinet_filter_table *table;
	struct rcu_head rcu;
	struct sk_filter *core;
	unsigned int users;
	u32 hash;
	struct xinet_filter_keys keys;
};

/* Not __ro_after_init, which kmemleak does not scan for pointers. */
static struct bpf_prog *filter_nothing;

void xinet_filter_table_init(struct xinet_filter_table *table)
{
	mutex_init(&table->lock);
	hash_init(table->filters);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_filter_table_init);

size_t xinet_filter_core_size(const struct sk_filter *core)
{
	return core ? sizeof(*core) + bpf_prog_size(core->prog->len) : 0;
}

/* RCU callback: no reader is left. */
static void filter_core_free_rcu(struct rcu_head *head)
{
	struct sk_filter *core = container_of(head, struct sk_filter, rcu);

	/* drops a reference to an eBPF program, frees a classic one */
	bpf_prog_destroy(core->prog);
	kfree(core);
}

struct sk_filter *xinet_filter_core_get(struct sk_filter *core)
{
	if (core)
		refcount_inc(&core->refcnt);
	return core;
}

void xinet_filter_core_put(struct sk_filter *core)
{
	if (core && refcount_dec_and_test(&core->refcnt))
		call_rcu(&core->rcu, filter_core_free_rcu);
}

/* The instructions of a classic program as userspace gave them, or NULL. */
static const struct sock_fprog_kern *filter_classic(const struct bpf_prog *prog)
{
	return bpf_prog_was_classic(prog) ? prog->orig_prog : NULL;
}

static size_t filter_size(const struct sock_fprog_kern *classic)
{
	return array_size(classic->len, sizeof(*classic->filter));
}

static u32 filter_hash(const struct sock_fprog_kern *classic)
{
	static u32 seed __read_mostly;

	net_get_random_once(&seed, sizeof(seed));
	return jhash(classic->filter, filter_size(classic), seed);
}

/* Both are classic. */
static bool filter_equal(const struct bpf_prog *a, const struct bpf_prog *b)
{
	const struct sock_fprog_kern *x = filter_classic(a);
	const struct sock_fprog_kern *y = filter_classic(b);

	return x->len == y->len && !memcmp(x->filter, y->filter, filter_size(x));
}

/*
 * Whether all runs over the same packet give the same result. Of all that a
 * classic program can load, only the random number varies.
 */
static bool filter_is_stable(const struct sock_fprog_kern *classic)
{
	u16 i;

	for (i = 0; i < classic->len; i++) {
		const struct sock_filter *insn = &classic->filter[i];

		if (BPF_CLASS(insn->code) == BPF_LD &&
		    BPF_MODE(insn->code) == BPF_ABS &&
		    insn->k == (u32)(SKF_AD_OFF + SKF_AD_RANDOM))
			return false;
	}
	return true;
}

/* @filter is zeroed: for eBPF, its keys stay unknown. */
static void filter_look_through(struct xinet_filter *filter)
{
	const struct sock_fprog_kern *classic =
		filter_classic(filter->core->prog);

	if (classic)
		xinet_filter_keys_derive(classic->filter, classic->len,
					 &filter->keys);
}

/* Analyses the program, which takes long: no lock is held. */
static struct xinet_filter *filter_alloc(struct xinet_filter_table *table,
					 struct sk_filter *core)
{
	struct xinet_filter *filter;

	lockdep_assert_not_held(&table->lock);
	filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return NULL;
	filter->core = xinet_filter_core_get(core);
	filter->users = 1;
	filter_look_through(filter);
	return filter;
}

static void filter_free(struct xinet_filter *filter)
{
	xinet_filter_core_put(filter->core);
	kfree_rcu(filter, rcu);
}

/* Takes a reference to the filter equal to @core, or NULL; lock held. */
static struct xinet_filter *filter_find(struct xinet_filter_table *table,
					const struct sk_filter *core, u32 hash)
{
	struct xinet_filter *filter;

	lockdep_assert_held(&table->lock);
	hash_for_each_possible(table->filters, filter, node, hash) {
		if (filter->hash == hash &&
		    filter_equal(filter->core->prog, core->prog)) {
			filter->users++;
			return filter;
		}
	}
	return NULL;
}

struct xinet_filter *xinet_filter_intern(struct xinet_filter_table *table,
					 struct sk_filter *core)
{
	const struct sock_fprog_kern *classic = filter_classic(core->prog);
	struct xinet_filter *filter, *other;
	u32 hash;

	if (!classic || !filter_is_stable(classic))
		return filter_alloc(table, core) ?: ERR_PTR(-ENOMEM);

	hash = filter_hash(classic);
	mutex_lock(&table->lock);
	filter = filter_find(table, core, hash);
	mutex_unlock(&table->lock);
	if (filter)
		return filter;

	filter = filter_alloc(table, core);
	if (!filter)
		return ERR_PTR(-ENOMEM);
	filter->table = table;
	filter->hash = hash;

	mutex_lock(&table->lock);
	other = filter_find(table, core, hash);
	if (!other)
		hash_add(table->filters, &filter->node, hash);
	mutex_unlock(&table->lock);
	if (!other)
		return filter;
	/* another caller has interned it meanwhile */
	filter_free(filter);
	return other;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_filter_intern);

void xinet_filter_put(struct xinet_filter *filter)
{
	struct xinet_filter_table *table;
	bool last = true;

	if (!filter)
		return;

	table = filter->table;
	if (table) {
		mutex_lock(&table->lock);
		last = !--filter->users;
		if (last)
			hash_del(&filter->node);
		mutex_unlock(&table->lock);
	}
	if (last)
		filter_free(filter);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_filter_put);

struct bpf_prog *xinet_filter_nothing(void)
{
	return filter_nothing;
}

int __init xinet_filter_init(void)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog_kern fprog = { .len = 1, .filter = &insn };

	return bpf_prog_create(&filter_nothing, &fprog);
}

void xinet_filter_exit(void)
{
	bpf_prog_destroy(filter_nothing);
}

struct bpf_prog *xinet_filter_prog(const struct xinet_filter *filter)
{
	return filter ? filter->core->prog : NULL;
}

const struct xinet_filter_keys *
xinet_filter_get_keys(const struct xinet_filter *filter)
{
	return filter ? &filter->keys : NULL;
}
