// SPDX-License-Identifier: GPL-2.0-only
/*
 * The taps of a network namespace: their locks, and the count of the memory
 * that waits for RCU after a change. tap.c, fanout.c and filter_change.c report
 * such memory; system calls that change taps wait here if there is too much of
 * it. Nothing here runs per packet.
 */
#include <kunit/visibility.h>
#include <linux/hashtable.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "packet/tap/all_netns.h"
#include "packet/tap/tap.h"

static unsigned int tap_net_id __ro_after_init;

struct xinet_tap_net *xinet_tap_pernet(const struct net *net)
{
	return net_generic(net, tap_net_id);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_pernet);

VISIBLE_IF_KUNIT
void xinet_tap_net_init(struct xinet_tap_net *tn)
{
	mutex_init(&tn->lock);
	mutex_init(&tn->throttle);
	hash_init(tn->taps);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_net_init);

void xinet_tap_retire_locked(struct xinet_tap_net *tn, size_t bytes)
{
	lockdep_assert_held(&tn->lock);
	/* a grace period since the last change: start over */
	if (poll_state_synchronize_rcu(tn->retired_at))
		WRITE_ONCE(tn->retired, 0);
	WRITE_ONCE(tn->retired, tn->retired + bytes);
	tn->retired_at = get_state_synchronize_rcu();
}

void xinet_tap_retire(struct xinet_tap_net *tn, size_t bytes)
{
	if (!bytes)
		return;
	mutex_lock(&tn->lock);
	xinet_tap_retire_locked(tn, bytes);
	mutex_unlock(&tn->lock);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_retire);

void xinet_tap_throttle(struct xinet_tap_net *tn)
{
	size_t retired;

	if (likely(READ_ONCE(tn->retired) <= XINET_TAP_RETIRED_MAX))
		return;

	mutex_lock(&tn->throttle);
	retired = READ_ONCE(tn->retired);
	if (retired > XINET_TAP_RETIRED_MAX) {
		/* waits for the callbacks, until the memory is free */
		rcu_barrier();
		mutex_lock(&tn->lock);
		WRITE_ONCE(tn->retired, tn->retired - min(tn->retired, retired));
		mutex_unlock(&tn->lock);
	}
	mutex_unlock(&tn->throttle);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_throttle);

static int __net_init tap_net_init(struct net *net)
{
	struct xinet_tap_net *tn = xinet_tap_pernet(net);

	xinet_tap_net_init(tn);
	return xinet_all_netns_add(net, tn);
}

static void __net_exit tap_net_exit(struct net *net)
{
	struct xinet_tap_net *tn = xinet_tap_pernet(net);

	xinet_tap_retire(xinet_all_netns_taps(), xinet_all_netns_remove(tn));
	WARN_ON_ONCE(!hash_empty(tn->taps));
}

static struct pernet_operations tap_net_ops = {
	.init = tap_net_init,
	.exit = tap_net_exit,
	.id = &tap_net_id,
	.size = sizeof(struct xinet_tap_net),
};

int __init xinet_tap_init(void)
{
	return register_pernet_subsys(&tap_net_ops);
}

void xinet_tap_exit(void)
{
	unregister_pernet_subsys(&tap_net_ops);
}
