// SPDX-License-Identifier: GPL-2.0-only
/*
 * Input behind the firewall's INPUT chain, where PF_INET's raw sockets receive
 * what reassembly, NAT and IPsec have made of a packet. While raw sockets of a
 * namespace need it, our hook runs as the last one of LOCAL_IN there. It
 * delivers to the sockets of XINET_RAW_POINT_HOST, reports ICMP errors to the
 * sockets that may have sent the quoted packet, and consumes packets of
 * protocols that the kernel does not speak if only our sockets receive them:
 * the kernel would answer "protocol unreachable".
 *
 *            INPUT chains   conntrack's confirm, ipvlan
 *                 |                     ^ |
 *   LOCAL_IN: ----+--> local_in_hook ---+ |     +--> consumed
 *                         (runs them)     v     |
 *                                   local_in_deliver --> ip_local_deliver_finish
 *
 * A hook with the last priority is inserted before those that have it already.
 * So our hook runs those behind it itself, and then does its own part.
 *
 * Packets for an ipvlan device in mode l3s run LOCAL_IN in the namespace of its
 * lower device, where ipvlan moves them to its own. Where raw sockets need the
 * hook in a namespace with such a device, both namespaces get it.
 *
 * A namespace keeps the hook until it is destroyed: when a hook is unregistered
 * the kernel drops every packet there that waits for a verdict of userspace
 * (NFQUEUE), and opening and closing sockets must not cause that.
 */
#include <kunit/visibility.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/protocol.h>
#include <net/raw.h>
#include <net/route.h>
#include <net/rtnetlink.h>

#include "af_xinet/netns.h"
#include "ip/ip_error.h"
#include "ip/ip_rx.h"
#include "ip/local_in.h"
#include "ip/raw.h"
#include "compat/xinet_compat_inet.h"

#ifdef CONFIG_NETFILTER

/**
 * struct local_in_net - the hook of a namespace
 * @hooked: it is registered
 * @going: the namespace or this module is being removed: register no hook
 * @needed: raw sockets of the namespace need it
 * @above: struct local_in_above, of its devices
 */
struct local_in_net {
	bool hooked;
	bool going;
	bool needed;
	struct list_head above;
};

/**
 * struct local_in_above - an ipvlan device above one of another namespace
 * @node: in struct local_in_net's above
 * @dev: the device, not counted: it outlives this
 * @lower: its lower device, not counted: it outlives this
 */
struct local_in_above {
	struct list_head node;
	const struct net_device *dev;
	const struct net_device *lower;
};

/* Guards every struct local_in_net; taken under RTNL, never the other way. */
static DEFINE_MUTEX(local_in_lock);

/*
 * Number of namespaces that need the hook; written under local_in_lock. While
 * it is 0, hooks that have stayed accept every packet, and none gets our okfn.
 */
static unsigned int local_in_needed __read_mostly;
static unsigned int local_in_net_id __ro_after_init;

/*
 * The kernel's okfn, ip_local_deliver_finish(): the same for every packet, set
 * by the first one.
 */
static int (*local_in_okfn)(struct net *net, struct sock *sk,
			    struct sk_buff *skb);

/* Whether a PF_INET raw socket gets the packet; RCU. */
static bool local_in_inet_raw_wants(const struct xinet_ip_rx *rx)
{
	u32 hash = raw_hashfunc(rx->net, rx->iph->protocol);
	struct sock *sk;

	sk_for_each_rcu(sk, &raw_v4_hashinfo.ht[hash]) {
		if (raw_v4_match(rx->net, sk, rx->iph->protocol,
				 rx->iph->saddr, rx->iph->daddr, rx->dif,
				 rx->sdif))
			return true;
	}
	return false;
}

/*
 * Whether the kernel would answer "protocol unreachable", and be wrong (RFC
 * 1122, section 3.2.2.1).
 */
static bool local_in_is_ours_alone(const struct xinet_ip_rx *rx)
{
	return !rcu_access_pointer(inet_protos[rx->iph->protocol]) &&
	       (xinet_raw_wanted(rx, XINET_RAW_POINT_WIRE) ||
		xinet_raw_wanted(rx, XINET_RAW_POINT_HOST)) &&
	       !local_in_inet_raw_wants(rx);
}

/* Whether the packet is consumed. */
static noinline bool local_in_input(struct net *net, struct sk_buff *skb)
{
	struct xinet_ip_rx rx = {
		.net	= net,
		.skb	= skb,
		.dif	= inet_iif(skb),
		.sdif	= inet_sdif(skb),
		.host	= true,
	};
	struct xinet_ip_rx input;

	/*
	 * As ip_local_deliver_finish(), which then fails as well. May move the
	 * header.
	 */
	if (skb_orphan_frags_rx(skb, GFP_ATOMIC))
		return false;
	skb_clear_delivery_time(skb);

	rx.iph = ip_hdr(skb);
	rx.len = skb->len;
	rx.icmp_type = xinet_ip_icmp_type(&rx);
	input = rx;
	xinet_raw_input_host(&input);
	if (rx.icmp_type >= 0 && xinet_ip_error_is(rx.icmp_type))
		xinet_ip_error_receive(&rx);
	if (likely(!local_in_is_ours_alone(&rx)))
		return false;
	__IP_INC_STATS(net, IPSTATS_MIB_INDELIVERS);
	consume_skb(skb);
	return true;
}

/* Whether a packet of IPPROTO_ICMP is an ICMP error. */
static bool local_in_is_error(const struct sk_buff *skb)
{
	const struct icmphdr *icmp;
	struct icmphdr buf;

	icmp = skb_header_pointer(skb, ip_hdrlen(skb), sizeof(buf), &buf);
	return icmp && xinet_ip_error_is(icmp->type);
}

/*
 * Returns whether it has consumed the packet. Softirq, under RCU. The namespace
 * is that of the device, which ipvlan may have changed, as in PF_INET.
 *
 * Budget: a few loads for a packet of a protocol that the kernel speaks and no
 * socket of this point receives, the ICMP type among them.
 */
static bool local_in_deliver(struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);
	const struct xinet_raw_net *rn = xinet_raw_pernet_rcu(net);
	u8 protocol = ip_hdr(skb)->protocol;

	if (!xinet_raw_table_has(&rn->table[XINET_RAW_POINT_HOST], protocol)) {
		if (protocol == IPPROTO_ICMP ? !local_in_is_error(skb) :
		    !!rcu_access_pointer(inet_protos[protocol]))
			return false;
	}
	return READ_ONCE(rn->behind) && local_in_input(net, skb);
}

/* okfn of the hooks behind ours: softirq, under RCU. Owns @skb. */
static int local_in_finish(struct net *net, struct sock *sk,
			   struct sk_buff *skb)
{
	if (local_in_deliver(skb))
		return 0;
	return READ_ONCE(local_in_okfn)(net, sk, skb);
}

/* Runs the hooks of @e from @behind on, then our part and the kernel's. */
static unsigned int local_in_run_behind(struct sk_buff *skb,
					const struct nf_hook_state *state,
					const struct nf_hook_entries *e,
					unsigned int behind)
{
	struct nf_hook_state ours = *state;

	/*
	 * Queued by a hook behind ours, and reinjected after the hooks have
	 * changed: our okfn runs later.
	 */
	if (state->okfn == local_in_finish)
		return NF_ACCEPT;

	if (unlikely(READ_ONCE(local_in_okfn) != state->okfn))
		WRITE_ONCE(local_in_okfn, state->okfn);
	ours.okfn = local_in_finish;
	if (nf_hook_slow(skb, &ours, e, behind) == 1)
		local_in_finish(ours.net, ours.sk, skb);
	return NF_STOLEN;
}

static const struct nf_hook_ops local_in_ops;

static unsigned int local_in_run(struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	const struct nf_hook_entries *e;
	struct nf_hook_ops **ops;
	unsigned int behind;

	if (!READ_ONCE(local_in_needed))
		return NF_ACCEPT;
	e = rcu_dereference(state->net->nf.hooks_ipv4[NF_INET_LOCAL_IN]);
	if (unlikely(!e))
		return NF_ACCEPT;

	ops = nf_hook_entries_get_hook_ops(e);
	behind = e->num_hook_entries;
	if (READ_ONCE(ops[behind - 1]) == &local_in_ops)
		return local_in_deliver(skb) ? NF_STOLEN : NF_ACCEPT;

	while (behind && READ_ONCE(ops[behind - 1]) != &local_in_ops)
		behind--;
	/* Unregistered concurrently. */
	if (unlikely(!behind))
		return NF_ACCEPT;
	return local_in_run_behind(skb, state, e, behind);
}

/*
 * Under RCU. Softirq, or process context for a packet that userspace reinjects
 * from a queue.
 */
static unsigned int local_in_hook(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	unsigned int verdict;

	if (likely(in_softirq()))
		return local_in_run(skb, state);

	local_bh_disable();
	verdict = local_in_run(skb, state);
	local_bh_enable();
	return verdict;
}

static const struct nf_hook_ops local_in_ops = {
	.hook		= local_in_hook,
	.pf		= NFPROTO_IPV4,
	.hooknum	= NF_INET_LOCAL_IN,
	.priority	= INT_MAX,
};

static struct local_in_net *local_in_net(const struct net *net)
{
	return net_generic(net, local_in_net_id);
}

/* Under local_in_lock. */
static int local_in_register(struct net *net)
{
	struct local_in_net *ln = local_in_net(net);
	int err;

	if (ln->hooked || ln->going)
		return 0;
	err = nf_register_net_hook(net, &local_in_ops);
	ln->hooked = !err;
	return err;
}

/*
 * Registers the hook in the lower namespace, if packets for @above->dev pass
 * there; under local_in_lock. All devices above @lower have the same mode,
 * which may have changed by the next event.
 */
static int local_in_register_below(const struct local_in_above *above)
{
	if (!netif_has_l3_rx_handler(above->lower))
		return 0;
	return local_in_register(dev_net(above->lower));
}

/* Under local_in_lock. */
static int local_in_start(struct net *net)
{
	struct local_in_net *ln = local_in_net(net);
	struct local_in_above *above;
	int err;

	err = local_in_register(net);
	if (err)
		return err;
	list_for_each_entry(above, &ln->above, node) {
		err = local_in_register_below(above);
		if (err)
			return err;
	}
	ln->needed = true;
	WRITE_ONCE(local_in_needed, local_in_needed + 1);
	return 0;
}

int xinet_local_in_get(struct net *net)
{
	int err;

	mutex_lock(&local_in_lock);
	err = local_in_start(net);
	mutex_unlock(&local_in_lock);
	return err;
}

void xinet_local_in_put(struct net *net)
{
	mutex_lock(&local_in_lock);
	local_in_net(net)->needed = false;
	WRITE_ONCE(local_in_needed, local_in_needed - 1);
	mutex_unlock(&local_in_lock);
}

static bool local_in_is_ipvlan(const struct net_device *dev)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;

	return ops && (!strcmp(ops->kind, "ipvlan") ||
		       !strcmp(ops->kind, "ipvtap"));
}

/* Under local_in_lock. */
static struct local_in_above *local_in_find(const struct net_device *dev)
{
	struct local_in_above *above;

	list_for_each_entry(above, &local_in_net(dev_net(dev))->above, node) {
		if (above->dev == dev)
			return above;
	}
	return NULL;
}

/* Under local_in_lock. NULL if out of memory: the device has no entry then. */
static struct local_in_above *local_in_remember(const struct net_device *dev,
						const struct net_device *lower)
{
	struct local_in_above *above;

	above = kzalloc(sizeof(*above), GFP_KERNEL_ACCOUNT);
	if (!above)
		return NULL;
	above->dev = dev;
	above->lower = lower;
	list_add(&above->node, &local_in_net(dev_net(dev))->above);
	return above;
}

/* @dev, an ipvlan device, is or was above @lower; under RTNL. */
static void local_in_update(const struct net_device *dev,
			    const struct net_device *lower, bool linked)
{
	bool apart = linked && dev_net(dev) != dev_net(lower);
	struct local_in_above *above;

	mutex_lock(&local_in_lock);
	above = local_in_find(dev);
	if (above && !(apart && above->lower == lower)) {
		list_del(&above->node);
		kfree(above);
		above = NULL;
	}
	if (apart && !above)
		above = local_in_remember(dev, lower);
	/* if this fails, the next event tries again */
	if (above && local_in_net(dev_net(dev))->needed)
		local_in_register_below(above);
	mutex_unlock(&local_in_lock);
}

/* Updates every ipvlan device above @lower; under RTNL. */
static void local_in_update_all(struct net_device *lower, bool linked)
{
	struct list_head *iter;
	struct net_device *dev;

	netdev_for_each_upper_dev_rcu(lower, dev, iter) {
		if (local_in_is_ipvlan(dev))
			local_in_update(dev, lower, linked);
	}
}

static struct net_device *local_in_lower(struct net_device *dev)
{
	struct net_device *lower;
	struct list_head *iter;

	netdev_for_each_lower_dev(dev, lower, iter)
		return lower;
	return NULL;
}

/*
 * A new device is linked to its lower device before the mode is set, but comes
 * up only afterwards; and a device that is up sends NETDEV_CHANGE when its mode
 * has been changed. (One that is down sends nothing, though it changes the mode
 * of those beside it: open sockets then miss their packets until one of those
 * sends an event.) A device that moves is unregistered in one namespace and
 * registered in the next.
 */
static int local_in_event(struct notifier_block *nb, unsigned long event,
			  void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	const struct netdev_notifier_changeupper_info *info = ptr;
	struct net_device *lower;

	switch (event) {
	case NETDEV_REGISTER:
	case NETDEV_UP:
	case NETDEV_CHANGE:
		lower = local_in_is_ipvlan(dev) ? local_in_lower(dev) : dev;
		if (lower)
			local_in_update_all(lower, true);
		break;
	case NETDEV_CHANGEUPPER:
		if (local_in_is_ipvlan(info->upper_dev))
			local_in_update(info->upper_dev, dev, info->linking);
		break;
	case NETDEV_UNREGISTER:
		if (local_in_is_ipvlan(dev))
			local_in_update(dev, dev, false);
		else
			local_in_update_all(dev, false);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block local_in_notifier = {
	.notifier_call	= local_in_event,
};

static int __net_init local_in_net_init(struct net *net)
{
	INIT_LIST_HEAD(&local_in_net(net)->above);
	return 0;
}

/*
 * A grace period passes between pre_exit() and exit(); then no packet is in the
 * hook. Unregistering drops queued packets in any case: do it before, since
 * older kernels (6.1) warn if the last of the hooks has queued a packet.
 */
static void __net_exit local_in_net_pre_exit(struct net *net)
{
	struct local_in_net *ln = local_in_net(net);

	mutex_lock(&local_in_lock);
	ln->going = true;
	if (ln->hooked) {
		nf_queue_nf_hook_drop(net);
		nf_unregister_net_hook(net, &local_in_ops);
	}
	mutex_unlock(&local_in_lock);
}

/*
 * Packets that a hook behind ours has queued meanwhile would return to our
 * okfn. Not covered: a packet that userspace has just taken from one queue and
 * that goes to another one; nothing in the kernel can find it.
 */
static void __net_exit local_in_net_exit(struct net *net)
{
	if (local_in_net(net)->hooked)
		nf_queue_nf_hook_drop(net);
}

static struct pernet_operations local_in_net_ops = {
	.init		= local_in_net_init,
	.pre_exit	= local_in_net_pre_exit,
	.exit		= local_in_net_exit,
	.id		= &local_in_net_id,
	.size		= sizeof(struct local_in_net),
};

int __init xinet_local_in_init(void)
{
	int err;

	err = register_pernet_subsys(&local_in_net_ops);
	if (err)
		return err;
	err = register_netdevice_notifier(&local_in_notifier);
	if (err)
		unregister_pernet_subsys(&local_in_net_ops);
	return err;
}

void xinet_local_in_exit(void)
{
	unregister_netdevice_notifier(&local_in_notifier);
	unregister_pernet_subsys(&local_in_net_ops);
	/* wait for packets that are being reinjected from a queue */
	synchronize_net();
}

#if IS_ENABLED(CONFIG_KUNIT)
bool xinet_local_in_is_needed(struct net *net)
{
	bool needed;

	mutex_lock(&local_in_lock);
	needed = local_in_net(net)->needed;
	/* a hook that is needed is registered */
	WARN_ON_ONCE(needed && !local_in_net(net)->hooked);
	mutex_unlock(&local_in_lock);
	return needed;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_local_in_is_needed);
#endif

#else /* !CONFIG_NETFILTER */

int xinet_local_in_get(struct net *net)
{
	return 0;
}

void xinet_local_in_put(struct net *net)
{
}

int __init xinet_local_in_init(void)
{
	return 0;
}

void xinet_local_in_exit(void)
{
}

#if IS_ENABLED(CONFIG_KUNIT)
bool xinet_local_in_is_needed(struct net *net)
{
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_local_in_is_needed);
#endif

#endif /* CONFIG_NETFILTER */
