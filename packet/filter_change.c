// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of a socket's filter. The core keeps the filter that the program attached;
 * what a tap runs is the shared form of it (filter.c). A packet socket holds a
 * reference to each: sink.seen to the core's, sink.filter to ours. Both are taken
 * and dropped here, and nowhere else.
 *
 * Newer kernels have setsockopt() tell us of a filter. With older ones the core has
 * changed it before we know: the proto's release_cb notices, and a worker follows.
 */
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "packet/filter_change.h"
#include "packet/sock.h"
#include "packet/tap/filter.h"
#include "packet/tap/tap.h"

/* How long the worker waits for a socket lock that is held, in jiffies. */
#define FILTER_CHANGE_RETRY	(HZ / 10)

static struct workqueue_struct *filter_change_wq;

/* Brings the filter that the core holds for the socket to its tap. */
static void filter_change_republish(struct xinet_packet_sock *po)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(sock_net(&po->sk));
	struct sk_filter *core, *old_seen = NULL;
	struct xinet_filter *filter, *old = NULL;
	struct sock *sk = &po->sk;
	size_t left;
	bool own;

	lock_sock(sk);
	if (sock_flag(sk, SOCK_DEAD))
		goto out_release;
	core = rcu_dereference_protected(sk->sk_filter,
					 lockdep_sock_is_held(sk));
	filter = core ? xinet_filter_intern(&pn->filters, core) : NULL;
	own = IS_ERR(filter);

	mutex_lock(&po->bind_lock);
	old = po->sink.filter;
	old_seen = po->sink.seen;
	xinet_tap_set_filter(&po->sink, own ? NULL : filter,
			     xinet_filter_core_get(core), own);
	mutex_unlock(&po->bind_lock);
out_release:
	release_sock(sk);
	xinet_filter_put(old);
	left = xinet_filter_core_size(old_seen);
	xinet_filter_core_put(old_seen);
	xinet_tap_retire(po->sink.taps, left);
}

void xinet_filter_change_apply(struct xinet_packet_sock *po)
{
	filter_change_republish(po);
	/* no lock is held any more */
	xinet_tap_throttle(po->sink.taps);
}

/*
 * A program may hold the socket lock for as long as it likes, by waiting for memory
 * of its own. The workers serve all namespaces: none waits for a lock that it finds
 * held.
 */
static void filter_change_work(struct work_struct *work)
{
	struct xinet_packet_sock *po =
		container_of(to_delayed_work(work), struct xinet_packet_sock,
			     filter_work);
	struct sock *sk = &po->sk;

	if (sock_owned_by_user_nocheck(sk) && !sock_flag(sk, SOCK_DEAD)) {
		if (!queue_delayed_work(filter_change_wq, &po->filter_work,
					FILTER_CHANGE_RETRY))
			sock_put(sk);
		return;
	}
	xinet_filter_change_apply(po);
	sock_put(sk);
}

void xinet_filter_change_release_cb(struct sock *sk)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sk);

	/* sink.seen changes under the socket lock only, which is still held */
	if (likely(rcu_access_pointer(sk->sk_filter) == po->sink.seen) ||
	    sock_flag(sk, SOCK_DEAD))
		return;

	xinet_tap_filter_changed(&po->sink);
	sock_hold(sk);
	/* one that waits for the lock is to come at once, and has a reference */
	if (mod_delayed_work(filter_change_wq, &po->filter_work, 0))
		sock_put(sk);
}

void xinet_filter_change_init_sock(struct xinet_packet_sock *po)
{
	INIT_DELAYED_WORK(&po->filter_work, filter_change_work);
}

void xinet_filter_change_drop(struct xinet_packet_sock *po)
{
	struct sock *sk = &po->sk;
	struct sk_filter *core;
	size_t left;

	/* what sk_destruct() and this leave, the next one to open or bind waits for */
	core = rcu_dereference_protected(sk->sk_filter,
					 lockdep_sock_is_held(sk));
	left = xinet_filter_core_size(core);
	if (core != po->sink.seen)
		left += xinet_filter_core_size(po->sink.seen);
	xinet_filter_put(po->sink.filter);
	xinet_filter_core_put(po->sink.seen);
	xinet_tap_retire(po->sink.taps, left);
}

void xinet_filter_change_cancel(struct xinet_packet_sock *po)
{
	/* its reference is ours then */
	if (cancel_delayed_work(&po->filter_work))
		__sock_put(&po->sk);
}

int __init xinet_filter_change_init(void)
{
	filter_change_wq = alloc_workqueue("xinet_filter", WQ_UNBOUND, 0);
	return filter_change_wq ? 0 : -ENOMEM;
}

void xinet_filter_change_exit(void)
{
	destroy_workqueue(filter_change_wq);
}
