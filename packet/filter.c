// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interned socket filters. options.c brings the filter of a socket here after
 * every change of it, tap.c runs what it gets back. A program found here has a
 * lifetime of its own: the core lets go of a socket's filter whenever userspace
 * replaces it, while a tap's published array may still name it. Nothing here
 * runs per packet, and nothing here knows sockets or taps.
 */
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "packet/filter.h"
#include "packet/filter_index.h"

#define FILTER_HASH_BITS 8

/*
 * @node: in filter_table, under filter_lock
 * @core: held; that of the first socket which brought the program
 * @users: references, under filter_lock
 * @hash: of the instructions, or of the eBPF program's address
 * @keys: what the program requires of a packet
 */
struct xinet_filter {
	struct hlist_node node;
	struct rcu_head rcu;
	struct sk_filter *core;
	unsigned int users;
	u32 hash;
	struct xinet_filter_keys keys;
};

static struct bpf_prog *filter_nothing __ro_after_init;

static DEFINE_HASHTABLE(filter_table, FILTER_HASH_BITS);
static DEFINE_MUTEX(filter_lock);

/* RCU callback: nobody reads or runs it any more. */
static void filter_core_free_rcu(struct rcu_head *head)
{
	struct sk_filter *core = container_of(head, struct sk_filter, rcu);

	/* gives back an eBPF program, frees a classic one */
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

static u32 filter_hash(const struct bpf_prog *prog)
{
	const struct sock_fprog_kern *classic = filter_classic(prog);
	static u32 seed __read_mostly;

	net_get_random_once(&seed, sizeof(seed));
	if (!classic)
		return jhash(&prog, sizeof(prog), seed);
	return jhash(classic->filter, filter_size(classic), seed);
}

static bool filter_equal(const struct bpf_prog *a, const struct bpf_prog *b)
{
	const struct sock_fprog_kern *x = filter_classic(a);
	const struct sock_fprog_kern *y = filter_classic(b);

	if (a == b)
		return true;
	return x && y && x->len == y->len &&
	       !memcmp(x->filter, y->filter, filter_size(x));
}

/* @filter is zeroed: nothing is known of eBPF. */
static void filter_look_through(struct xinet_filter *filter)
{
	const struct sock_fprog_kern *classic =
		filter_classic(filter->core->prog);

	if (classic)
		xinet_filter_keys_derive(classic->filter, classic->len,
					 &filter->keys);
}

struct xinet_filter *xinet_filter_intern(struct sk_filter *core)
{
	u32 hash = filter_hash(core->prog);
	struct xinet_filter *filter;

	mutex_lock(&filter_lock);
	hash_for_each_possible(filter_table, filter, node, hash) {
		if (filter->hash == hash &&
		    filter_equal(filter->core->prog, core->prog)) {
			filter->users++;
			goto out_unlock;
		}
	}

	filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	if (!filter) {
		filter = ERR_PTR(-ENOMEM);
		goto out_unlock;
	}
	filter->core = xinet_filter_core_get(core);
	filter->users = 1;
	filter->hash = hash;
	filter_look_through(filter);
	hash_add(filter_table, &filter->node, hash);
out_unlock:
	mutex_unlock(&filter_lock);
	return filter;
}

void xinet_filter_put(struct xinet_filter *filter)
{
	bool last;

	if (!filter)
		return;

	mutex_lock(&filter_lock);
	last = !--filter->users;
	if (last)
		hash_del(&filter->node);
	mutex_unlock(&filter_lock);

	if (last) {
		xinet_filter_core_put(filter->core);
		kfree_rcu(filter, rcu);
	}
}

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
xinet_filter_keys(const struct xinet_filter *filter)
{
	return filter ? &filter->keys : NULL;
}
