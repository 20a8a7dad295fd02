// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of a socket's filter. The core keeps the filter that the program
 * attached; a tap runs the shared form of it (filter.c). A packet socket holds
 * a reference to each: sink.seen to the core's, sink.filter to the shared one.
 * Both are taken and dropped only here.
 *
 * On newer kernels setsockopt() reaches options.c, which calls this. On older
 * ones the core changes the filter by itself: the proto's release_cb detects
 * it, and a worker follows.
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

/* Passes the core's filter of the socket on to its tap. */
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
	xinet_tap_retire(xinet_packet_taps(po), left);
}

void xinet_filter_change_apply(struct xinet_packet_sock *po)
{
	filter_change_republish(po);
	/* no lock is held here */
	xinet_tap_throttle(xinet_packet_taps(po));
}

/*
 * A program can hold the socket lock for any length of time, by a page fault of
 * its own. The workers serve all namespaces, so none waits for a lock that is
 * held: it retries later.
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
	/* a retry that is queued runs at once, and holds a reference already */
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

	/* sk_destruct() and this free it; the next open or bind may wait */
	core = rcu_dereference_protected(sk->sk_filter,
					 lockdep_sock_is_held(sk));
	left = xinet_filter_core_size(core);
	if (core != po->sink.seen)
		left += xinet_filter_core_size(po->sink.seen);
	xinet_filter_put(po->sink.filter);
	xinet_filter_core_put(po->sink.seen);
	xinet_tap_retire(xinet_packet_taps(po), left);
}

void xinet_filter_change_cancel(struct xinet_packet_sock *po)
{
	/* the reference of the cancelled work */
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
