// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether this host would deliver a packet locally. Called by ip_rx.c, and
 * ip_input.c after reassembly, for every packet that has a receiver. It takes
 * two look-ups in the routing tables, one for each address; PF_INET does the
 * same for its own copy. So each CPU caches the last few results of each
 * namespace, as a TCP socket caches the route of what it receives.
 *
 * Only the simple case is cached: unicast to an address of this host. An entry
 * is valid while the generation of the kernel's routes is the same: every
 * change of an address, a route, a rule, a next hop or the state of a device
 * starts a new one; while rp_filter, accept_local and disable_policy, which the
 * generation does not cover, are the same; and for a second at most, because of
 * other settings that it does not cover.
 */
#include <kunit/visibility.h>
#include <linux/inetdevice.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <net/dst_metadata.h>
#include <net/ip_fib.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "af_xinet/netns.h"
#include "ip/ip_local.h"
#include "compat/xinet_compat_inet.h"

/**
 * struct local_route - a cached local route and its key
 * @rt: the route, counted; NULL when there is none
 * @expires: in jiffies
 * @saddr: source address, network byte order
 * @daddr: destination address, network byte order
 * @ifindex: interface that the packet came in through
 * @genid: generation of the namespace's routes
 * @switches: local_switches() of the interface
 * @tos: TOS byte of the packet
 */
struct local_route {
	struct rtable *rt;
	unsigned long expires;
	__be32 saddr;
	__be32 daddr;
	int ifindex;
	int genid;
	u32 switches;
	u8 tos;
};

#define LOCAL_ROUTES		4
#define LOCAL_ROUTES_LIFETIME	HZ

/* Per CPU; accessed only by that CPU, with softirqs disabled. */
struct local_routes {
	struct local_route slot[LOCAL_ROUTES];
};

struct local_net {
	struct local_routes __percpu *routes;
};

static unsigned int local_net_id __ro_after_init;

/*
 * Whether the result depends on nothing beyond the key of an entry. Rules may
 * test anything; IPsec and tunnels have a context of their own; with PREEMPT_RT
 * a softirq may be preempted, so the entries would have no owner.
 */
static bool local_is_plain(const struct net *net, const struct sk_buff *skb,
			   struct in_device *in_dev)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && in_dev && !skb_dst(skb) &&
	       !fib4_has_custom_rules(net) && !secpath_exists(skb) &&
	       !IN_DEV_ORCONF(in_dev, NOPOLICY);
}

/* The settings of an interface that the generation does not cover. */
static u32 local_switches(struct in_device *in_dev)
{
	return IN_DEV_RPFILTER(in_dev) << 2 | IN_DEV_ACCEPT_LOCAL(in_dev) << 1 |
	       IN_DEV_ORCONF(in_dev, NOPOLICY);
}

static struct local_route *local_slot(const struct net *net,
				      const struct iphdr *iph)
{
	const struct local_net *ln = xinet_netns_rcu(net, local_net_id);
	/* neighbours differ in the last octets */
	u32 differ = ntohl(iph->saddr ^ iph->daddr);

	return &this_cpu_ptr(ln->routes)->slot[differ % LOCAL_ROUTES];
}

/* Whether @route is valid for @skb, which has no route yet. */
static bool local_is_remembered(const struct local_route *route,
				const struct sk_buff *skb,
				const struct net *net)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct in_device *in_dev;

	if (!route->rt || route->saddr != iph->saddr ||
	    route->daddr != iph->daddr || route->tos != iph->tos ||
	    route->ifindex != skb->dev->ifindex ||
	    route->genid != rt_genid_ipv4(net) || secpath_exists(skb) ||
	    !time_before(jiffies, route->expires) ||
	    route->rt->dst.obsolete != DST_OBSOLETE_FORCE_CHK)
		return false;

	in_dev = __in_dev_get_rcu(skb->dev);
	return in_dev && route->switches == local_switches(in_dev);
}

/*
 * Caches the route of @skb, if its generation still is that of @seen. An
 * uncounted route belongs to the routing table, which takes the device out of
 * it when that is unregistered; a route made for this packet alone would hold
 * the device.
 */
static void local_remember(struct local_route *route, struct sk_buff *skb,
			   const struct local_route *seen)
{
	struct rtable *rt = skb_rtable(skb);

	if (!skb_dst_is_noref(skb) || rt->rt_type != RTN_LOCAL ||
	    rt->rt_genid != seen->genid || !dst_hold_safe(&rt->dst))
		return;
	if (route->rt)
		dst_release(&route->rt->dst);
	*route = *seen;
	route->rt = rt;
}

static bool local_look_up(struct sk_buff *skb)
{
	const struct rtable *rt;

	if (!xinet_route_input(skb, skb->dev))
		return false;
	rt = skb_rtable(skb);
	return rt && rt->rt_flags & RTCF_LOCAL;
}

static noinline bool local_look_up_slowly(struct sk_buff *skb,
					  const struct net *net,
					  struct local_route *route)
{
	struct in_device *in_dev = __in_dev_get_rcu(skb->dev);
	const struct iphdr *iph = ip_hdr(skb);
	struct local_route seen;

	if (!local_is_plain(net, skb, in_dev))
		return local_look_up(skb);

	/* Read what may change before the routes. */
	seen = (struct local_route){
		.expires	= jiffies + LOCAL_ROUTES_LIFETIME,
		.saddr		= iph->saddr,
		.daddr		= iph->daddr,
		.ifindex	= skb->dev->ifindex,
		.genid		= rt_genid_ipv4(net),
		.switches	= local_switches(in_dev),
		.tos		= iph->tos,
	};
	if (!local_look_up(skb))
		return false;
	local_remember(route, skb, &seen);
	return true;
}

bool xinet_ip_is_local(struct sk_buff *skb)
{
	const struct net *net = dev_net(skb->dev);
	struct local_route *route;

	if (skb_valid_dst(skb))
		return skb_rtable(skb)->rt_flags & RTCF_LOCAL;

	route = local_slot(net, ip_hdr(skb));
	if (!skb_dst(skb) && local_is_remembered(route, skb, net)) {
		skb_dst_set_noref(skb, &route->rt->dst);
		return true;
	}
	return local_look_up_slowly(skb, net, route);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ip_is_local);

static int __net_init local_net_init(struct net *net)
{
	struct local_net *ln = net_generic(net, local_net_id);

	ln->routes = alloc_percpu(struct local_routes);
	return ln->routes ? 0 : -ENOMEM;
}

static void __net_exit local_net_exit(struct net *net)
{
	struct local_net *ln = net_generic(net, local_net_id);
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		struct local_routes *routes = per_cpu_ptr(ln->routes, cpu);

		for (i = 0; i < ARRAY_SIZE(routes->slot); i++) {
			if (routes->slot[i].rt)
				dst_release(&routes->slot[i].rt->dst);
		}
	}
	free_percpu(ln->routes);
}

static struct pernet_operations local_net_ops = {
	.init	= local_net_init,
	.exit	= local_net_exit,
	.id	= &local_net_id,
	.size	= sizeof(struct local_net),
};

int xinet_ip_local_init(void)
{
	return register_pernet_subsys(&local_net_ops);
}

void xinet_ip_local_exit(void)
{
	unregister_pernet_subsys(&local_net_ops);
}
