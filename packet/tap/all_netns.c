// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taps of all network namespaces. They are as other taps, behind hooks without a
 * device and without a namespace (af_packet_net). Older kernels call such a hook for
 * the packets of every namespace. Newer ones, from 6.15 on, do so for one EtherType,
 * and have no such hook for ETH_P_ALL, only a list in each namespace. There a tap of
 * ETH_P_ALL has a hook in every namespace; there may be two, one of frames as on the
 * wire:
 *
 *   namespace A: struct xinet_tap_net ---> struct all_netns_hook --+
 *   namespace B: struct xinet_tap_net ---> struct all_netns_hook --+--> tap
 *   ...                                                            |
 *
 * tap.c calls this for the taps, tap_net.c for the namespaces. No namespace is held:
 * it takes its hook with it.
 */
#include <linux/if_ether.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "compat/xinet_compat_packet.h"
#include "packet/tap/all_netns.h"
#include "packet/tap/tap.h"
#include "packet/tap/tap_hook.h"

/**
 * struct all_netns_hook - the hook of a tap in one namespace
 * @hook: registered with the core; its af_packet_priv is the tap
 * @rcu: for freeing
 */
struct all_netns_hook {
	struct packet_type hook;
	struct rcu_head rcu;
};

static struct xinet_tap_net all_netns_taps = {
	.lock = __MUTEX_INITIALIZER(all_netns_taps.lock),
	.throttle = __MUTEX_INITIALIZER(all_netns_taps.throttle),
};

/* Every namespace; the lock of all_netns_taps. */
static LIST_HEAD(all_netns_nets);

/* The taps that have a hook in each of them, or NULL; by @original; the same lock. */
static struct xinet_tap *all_netns_hooked[2];

struct xinet_tap_net *xinet_all_netns_taps(void)
{
	return &all_netns_taps;
}

static bool all_netns_has_hooks(const struct xinet_tap *tap)
{
	return xinet_hooks_are_by_netns() && tap->hook.type == htons(ETH_P_ALL);
}

static struct all_netns_hook *all_netns_alloc(void)
{
	return kzalloc(sizeof(struct all_netns_hook), GFP_KERNEL_ACCOUNT);
}

/* Gives a namespace its hook of a tap. */
static void all_netns_hand(const struct xinet_tap *tap, struct xinet_tap_net *tn,
			   struct all_netns_hook *own)
{
	own->hook.type = tap->hook.type;
	own->hook.func = tap->hook.func;
	own->hook.id_match = tap->hook.id_match;
	own->hook.ignore_outgoing = tap->hook.ignore_outgoing;
	own->hook.af_packet_priv = tap->hook.af_packet_priv;
	own->hook.af_packet_net = tn->net;
	tn->all_netns_hooks[tap->original] = own;
}

static void all_netns_cancel(const struct xinet_tap *tap)
{
	struct xinet_tap_net *tn;

	list_for_each_entry(tn, &all_netns_nets, node) {
		kfree(tn->all_netns_hooks[tap->original]);
		tn->all_netns_hooks[tap->original] = NULL;
	}
}

int xinet_all_netns_prepare(const struct xinet_tap *tap)
{
	struct all_netns_hook *own;
	struct xinet_tap_net *tn;

	lockdep_assert_held(&all_netns_taps.lock);
	if (!all_netns_has_hooks(tap))
		return 0;
	list_for_each_entry(tn, &all_netns_nets, node) {
		own = all_netns_alloc();
		if (!own) {
			all_netns_cancel(tap);
			return -ENOMEM;
		}
		all_netns_hand(tap, tn, own);
	}
	return 0;
}

void xinet_all_netns_register(struct xinet_tap *tap)
{
	struct xinet_tap_net *tn;

	if (!all_netns_has_hooks(tap)) {
		dev_add_pack(&tap->hook);
		return;
	}
	xinet_all_netns_update(tap);
	list_for_each_entry(tn, &all_netns_nets, node)
		dev_add_pack(&tn->all_netns_hooks[tap->original]->hook);
	WRITE_ONCE(all_netns_hooked[tap->original], tap);
}

static void all_netns_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct all_netns_hook, rcu));
}

/* Returns the bytes that wait for RCU. */
static size_t all_netns_unhook(struct xinet_tap_net *tn, bool original)
{
	struct all_netns_hook *own = tn->all_netns_hooks[original];

	if (!own)
		return 0;
	__dev_remove_pack(&own->hook);
	tn->all_netns_hooks[original] = NULL;
	/* not kfree_rcu(): xinet_tap_throttle() waits for what is counted */
	call_rcu(&own->rcu, all_netns_free);
	return sizeof(*own);
}

size_t xinet_all_netns_unregister(struct xinet_tap *tap)
{
	struct xinet_tap_net *tn;
	size_t bytes = 0;

	if (!all_netns_has_hooks(tap)) {
		__dev_remove_pack(&tap->hook);
		return 0;
	}
	WRITE_ONCE(all_netns_hooked[tap->original], NULL);
	list_for_each_entry(tn, &all_netns_nets, node)
		bytes += all_netns_unhook(tn, tap->original);
	return bytes;
}

/* Returns whether it did not say so already. */
static bool all_netns_repeat(const struct packet_type *from,
			     struct packet_type *to)
{
	if (to->func == from->func && to->id_match == from->id_match &&
	    to->ignore_outgoing == from->ignore_outgoing)
		return false;
	WRITE_ONCE(to->func, from->func);
	WRITE_ONCE(to->id_match, from->id_match);
	WRITE_ONCE(to->ignore_outgoing, from->ignore_outgoing);
	return true;
}

void xinet_all_netns_update(const struct xinet_tap *tap)
{
	struct all_netns_hook *own;
	struct xinet_tap_net *tn;

	if (!all_netns_has_hooks(tap))
		return;
	/* all say the same */
	list_for_each_entry(tn, &all_netns_nets, node) {
		own = tn->all_netns_hooks[tap->original];
		if (!own || !all_netns_repeat(&tap->hook, &own->hook))
			return;
	}
}

/*
 * Hands hooks of @spare to a namespace that comes. Returns false if one is missing.
 * The lock is held.
 */
static bool all_netns_equip(struct xinet_tap_net *tn,
			    struct all_netns_hook **spare)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(all_netns_hooked); i++)
		if (all_netns_hooked[i] && !spare[i])
			return false;
	for (i = 0; i < ARRAY_SIZE(all_netns_hooked); i++) {
		if (!all_netns_hooked[i])
			continue;
		all_netns_hand(all_netns_hooked[i], tn, spare[i]);
		dev_add_pack(&spare[i]->hook);
		spare[i] = NULL;
	}
	list_add(&tn->node, &all_netns_nets);
	return true;
}

int xinet_all_netns_add(struct net *net, struct xinet_tap_net *tn)
{
	struct all_netns_hook *spare[ARRAY_SIZE(all_netns_hooked)] = {};
	bool equipped = false;
	int err = 0;
	int i;

	tn->net = net;
	while (!equipped && !err) {
		/* not under the lock, for which all others wait */
		for (i = 0; i < ARRAY_SIZE(spare); i++) {
			if (!READ_ONCE(all_netns_hooked[i]) || spare[i])
				continue;
			spare[i] = all_netns_alloc();
			if (!spare[i])
				err = -ENOMEM;
		}
		mutex_lock(&all_netns_taps.lock);
		if (!err)
			equipped = all_netns_equip(tn, spare);
		mutex_unlock(&all_netns_taps.lock);
	}
	for (i = 0; i < ARRAY_SIZE(spare); i++)
		kfree(spare[i]);
	return err;
}

size_t xinet_all_netns_remove(struct xinet_tap_net *tn)
{
	size_t bytes = 0;
	int i;

	mutex_lock(&all_netns_taps.lock);
	for (i = 0; i < ARRAY_SIZE(tn->all_netns_hooks); i++)
		bytes += all_netns_unhook(tn, i);
	list_del(&tn->node);
	mutex_unlock(&all_netns_taps.lock);
	return bytes;
}
