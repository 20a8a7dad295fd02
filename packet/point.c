// SPDX-License-Identifier: GPL-2.0-only
/*
 * XINET_PACKET_POINT: where on its way through the host a packet is seen. Beside
 * the taps, those are the five places where the kernel calls netfilter:
 *
 *   tap --> PRE_ROUTING --> route --> LOCAL_IN --> sockets
 *                             |
 *                             +-----> FORWARD --+--> POST_ROUTING --> tap
 *                                               |
 *                       sockets --> LOCAL_OUT --+
 *
 * Our hook at each is the last but for those with the same priority, the
 * confirmation of connection tracking among them. It shows the very packet to the
 * sockets that want it, without a copy of its own where that has what a tap would
 * show; what it changes for that it restores.
 *
 * A hook is registered when a socket first asks for its point, and all of them for one
 * that asks for several, for packet_id.c. It stays until the namespace ends: when one
 * is unregistered, the kernel drops every packet of the namespace that waits for a
 * program (NFQUEUE).
 *
 * Locks: that of struct point_net serialises changes in a namespace. Hooks are
 * registered under no other lock, sockets are added under the socket lock and
 * bind_lock.
 */
#include <linux/bitops.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/rculist.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>

#include "af_xinet/reach.h"
#include "af_xinet/sockopt.h"
#include "compat/xinet_compat_inet.h"
#include "compat/xinet_compat_packet.h"
#include "packet/dropped.h"
#include "packet/link_header.h"
#include "packet/packet_id.h"
#include "packet/point.h"
#include "packet/receiver.h"
#include "packet/sock.h"
#include "packet/tap/sink.h"
#include "packet/tap/tap.h"

/* In the order of XINET_POINT_*, from XINET_POINT_PRE_ROUTING on. */
#define POINT_HOOKS 5
#define POINT_OF_HOOK(hook) (XINET_POINT_PRE_ROUTING << (hook))

#define POINT_ALL \
	(XINET_POINT_TAP | XINET_POINT_PRE_ROUTING * (BIT(POINT_HOOKS) - 1))

/**
 * struct point_net - the sockets of a namespace that see packets at netfilter
 * @lock: of the others
 * @watches: theirs; RCU
 * @nr_watches: how many
 * @hooked: XINET_POINT_* whose hooks are registered
 */
struct point_net {
	struct mutex lock; /* of the others */
	struct hlist_head watches;
	unsigned int nr_watches;
	u32 hooked;
};

static unsigned int point_net_id __ro_after_init;

static struct point_net *point_net(const struct net *net)
{
	return net_generic(net, point_net_id);
}

u32 xinet_points(const struct xinet_packet_sock *po)
{
	/* pairs with smp_store_release() in point_add() */
	const struct xinet_point_watch *watch = smp_load_acquire(&po->point);

	return watch ? watch->points : XINET_POINT_TAP;
}

#ifdef CONFIG_NETFILTER

/**
 * struct point_view - a packet as it is shown at a point
 * @skb: the packet, or a clone of it; NULL: none yet
 * @failed: it cannot be shown
 * @added: it has a link-level header of zeroes
 * @now: for receivers that stamp it
 * @tstamp: of the packet, while it has another
 * @mac_header: of the packet, the same
 */
struct point_view {
	struct sk_buff *skb;
	bool failed;
	bool added;
	struct timespec64 now;
	ktime_t tstamp;
	u16 mac_header;
};

static bool point_is_out(const struct nf_hook_state *state)
{
	return state->hook == NF_INET_LOCAL_OUT ||
	       state->hook == NF_INET_POST_ROUTING;
}

/*
 * The device that a packet goes by. At LOCAL_OUT netfilter may have routed it anew; the
 * state has the device of before.
 */
static struct net_device *point_out(const struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_LOCAL_OUT && skb_dst(skb))
		return skb_dst(skb)->dev;
	return state->out;
}

/* The one that it is shown with. */
static struct net_device *point_dev(const struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	return point_is_out(state) ? point_out(skb, state) : state->in;
}

/* Of a received packet; what IPsec has taken out may be between the headers. */
static bool point_has_link_header(const struct sk_buff *skb,
				  const struct net_device *dev)
{
	const int length = skb_network_offset(skb) - skb_mac_offset(skb);

	return xinet_link_header_is_there(skb, dev, skb->network_header) &&
	       (!xinet_link_header_is_ethernet(dev) || length == ETH_HLEN ||
		length == ETH_HLEN + VLAN_HLEN ||
		length == ETH_HLEN + 2 * VLAN_HLEN);
}

/* A clone that keeps nothing but its bytes. */
static struct sk_buff *point_clone(struct sk_buff *skb, struct net_device *dev)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);

	if (!clone)
		return NULL;
	/* pages that a program may change, as before a tap */
	if (skb_orphan_frags_rx(clone, GFP_ATOMIC)) {
		consume_skb(clone);
		return NULL;
	}
	skb_ext_reset(clone);
	/* it may be the time when it is to be sent */
	skb_clear_delivery_time(clone);
	__net_timestamp(clone);
	clone->dev = dev;
	return clone;
}

/* Of @skb a receiver sees what it would see of a clone of it. */
static void point_borrow(struct point_view *view, struct sk_buff *skb)
{
	view->tstamp = skb->tstamp;
	view->mac_header = skb->mac_header;
	skb->tstamp = ktime_get_real();
	if (!dev_has_header(skb->dev))
		skb->mac_header = skb->network_header;
	view->skb = skb;
}

/* Returns whether a clone has, or needs not, a link-level header. */
static bool point_dress(struct point_view *view, struct sk_buff *clone,
			bool out)
{
	if (out)
		clone->pkt_type = PACKET_OUTGOING;
	if (!dev_has_header(clone->dev)) {
		clone->mac_header = clone->network_header;
		return true;
	}
	if (!out && point_has_link_header(clone, clone->dev))
		return true;
	view->added = true;
	return xinet_link_header_add(clone);
}

/* Whether a clone would be the same. */
static bool point_may_borrow(struct sk_buff *skb, const struct net_device *dev,
			     bool out)
{
	return !out && skb->dev == dev && !skb_zcopy(skb) &&
	       !skb_has_extensions(skb) &&
	       (!dev_has_header(dev) || point_has_link_header(skb, dev));
}

/* Returns whether there is something to show. */
static bool point_show(struct point_view *view, struct sk_buff *skb,
		       const struct nf_hook_state *state)
{
	struct net_device *dev = point_dev(skb, state);
	const bool out = point_is_out(state);
	struct sk_buff *clone;

	if (view->skb || view->failed)
		return !view->failed;
	/* the reserves of the kernel are not for queues of ours */
	view->failed = skb_pfmemalloc(skb);
	if (view->failed)
		return false;
	if (point_may_borrow(skb, dev, out)) {
		point_borrow(view, skb);
		return true;
	}
	clone = point_clone(skb, dev);
	if (clone && point_dress(view, clone, out)) {
		view->skb = clone;
		return true;
	}
	consume_skb(clone);
	view->failed = true;
	return false;
}

static void point_hide(const struct point_view *view, struct sk_buff *skb)
{
	if (!view->skb)
		return;
	if (view->skb != skb) {
		consume_skb(view->skb);
		return;
	}
	skb->tstamp = view->tstamp;
	skb->mac_header = view->mac_header;
}

/*
 * The device that a packet came by. Behind LOCAL_OUT the kernel names the one that it
 * leaves by, of some, or the tunnel around it.
 */
static const struct net_device *point_in(const struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_POST_ROUTING && !skb->skb_iif)
		return NULL;
	return state->in;
}

static bool point_is_wanted(const struct xinet_point_watch *watch, u32 point,
			    const struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const struct xinet_packet_sock *po = watch->po;
	/* pairs with smp_wmb() in xinet_packet_attach() */
	const void *source = smp_load_acquire(&po->sink.source);
	const __be16 num = READ_ONCE(po->num);
	const int ifindex = READ_ONCE(po->ifindex);
	const struct net_device *in = point_in(skb, state);
	const struct net_device *out = point_out(skb, state);

	return source && watch->points & point &&
	       (num == htons(ETH_P_ALL) || num == skb->protocol) &&
	       (!ifindex || (in && in->ifindex == ifindex) ||
		(out && out->ifindex == ifindex)) &&
	       !(point_is_out(state) && READ_ONCE(po->sink.ignore_outgoing));
}

static enum xinet_packet_stage point_stage(const struct nf_hook_state *state)
{
	return XINET_STAGE_PRE_ROUTING + state->hook;
}

static enum xinet_aside_owner point_owner(const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_FORWARD)
		return XINET_ASIDE_NOBODY;
	return point_is_out(state) ? XINET_ASIDE_SENDER : XINET_ASIDE_RECEIVER;
}

/* BH disabled; RCU. */
static void point_offer(const struct xinet_point_watch *watch,
			struct point_view *view, struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	const struct net_device *in = point_in(skb, state);
	const struct net_device *out = point_out(skb, state);
	struct xinet_point told = {
		.point = POINT_OF_HOOK(state->hook),
		.in = in ? in->ifindex : 0,
		.out = out ? out->ifindex : 0,
	};
	const struct xinet_aside aside = {
		.point = &told,
		.owner = point_owner(state),
		.sender = skb->sk,
	};

	/* also of a packet that is not wanted here */
	told.packet = xinet_packet_id(watch->ids, skb, point_dev(skb, state),
				      point_stage(state));
	if (!point_is_wanted(watch, told.point, skb, state))
		return;
	if (!point_show(view, skb, state)) {
		xinet_packet_drop(watch->po, NULL,
				  skb_pfmemalloc(skb) ? XINET_DROP_PFMEMALLOC :
							XINET_DROP_BACKLOG);
		return;
	}
	if (view->added)
		told.flags = XINET_POINT_FLAG_NO_LINK_HEADER;
	xinet_tap_hand_aside(&watch->po->sink, view->skb, &view->now, &aside);
}

static noinline void point_see(const struct point_net *pn, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	struct point_view view = {};
	const struct xinet_point_watch *watch;

	local_bh_disable();
	hlist_for_each_entry_rcu(watch, &pn->watches, node)
		point_offer(watch, &view, skb, state);
	point_hide(&view, skb);
	local_bh_enable();
}

/* Under RCU; softirq or process context. */
static unsigned int point_hook(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	const struct point_net *pn = point_net(state->net);

	if (unlikely(!hlist_empty(&pn->watches)) && point_dev(skb, state))
		point_see(pn, skb, state);
	return NF_ACCEPT;
}

#define POINT_HOOK(family, number)                                   \
	{                                                            \
		.hook = point_hook, .pf = family, .hooknum = number, \
		.priority = INT_MAX,                                 \
	}

/* By the numbers of netfilter, which are those of the points. */
static const struct nf_hook_ops point_ops[POINT_HOOKS][2] = {
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_PRE_ROUTING),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_PRE_ROUTING) },
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_LOCAL_IN),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_LOCAL_IN) },
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_FORWARD),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_FORWARD) },
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_LOCAL_OUT),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_LOCAL_OUT) },
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_POST_ROUTING),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_POST_ROUTING) },
};

/* The lock of @net held. */
static int point_register(struct net *net, u32 points)
{
	struct point_net *pn = point_net(net);
	int hook;
	int err;

	/* packet_id.c follows a packet from one hook to the next */
	if (hweight32(points) > 1)
		points |= POINT_ALL;
	for (hook = 0; hook < POINT_HOOKS; hook++) {
		const u32 point = POINT_OF_HOOK(hook);

		if (!(points & point & ~pn->hooked))
			continue;
		err = nf_register_net_hooks(net, point_ops[hook],
					    ARRAY_SIZE(point_ops[0]));
		if (err)
			return err;
		pn->hooked |= point;
		if (hook == NF_INET_PRE_ROUTING)
			WRITE_ONCE(xinet_packet_pernet(net)->point_hooks, 1);
	}
	return 0;
}

/*
 * Unregistering drops queued packets in any case: do it before, since older kernels
 * (6.1) warn if the last of the hooks has queued a packet.
 */
static void __net_exit point_net_pre_exit(struct net *net)
{
	struct point_net *pn = point_net(net);
	int hook;

	mutex_lock(&pn->lock);
	if (pn->hooked)
		nf_queue_nf_hook_drop(net);
	for (hook = 0; hook < POINT_HOOKS; hook++) {
		if (pn->hooked & POINT_OF_HOOK(hook))
			nf_unregister_net_hooks(net, point_ops[hook],
						ARRAY_SIZE(point_ops[0]));
	}
	pn->hooked = 0;
	mutex_unlock(&pn->lock);
}

#else

static int point_register(struct net *net, u32 points)
{
	return -EOPNOTSUPP;
}

static void __net_exit point_net_pre_exit(struct net *net)
{
}

#endif

static int point_register_locked(struct net *net, u32 points)
{
	struct point_net *pn = point_net(net);
	int err;

	mutex_lock(&pn->lock);
	err = point_register(net, points);
	mutex_unlock(&pn->lock);
	return err;
}

static int point_add(struct xinet_packet_sock *po,
		     struct xinet_point_watch *watch)
{
	struct point_net *pn = point_net(sock_net(&po->sk));
	int err = -ENOSPC;

	mutex_lock(&pn->lock);
	if (pn->nr_watches < XINET_POINT_SOCKETS) {
		pn->nr_watches++;
		/* pairs with smp_load_acquire() in xinet_points() */
		smp_store_release(&po->point, watch);
		hlist_add_head_rcu(&watch->node, &pn->watches);
		err = 0;
	}
	mutex_unlock(&pn->lock);
	return err;
}

static struct xinet_point_watch *point_alloc(struct xinet_packet_sock *po,
					     u32 points)
{
	struct xinet_point_watch *watch;

	watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	if (!watch)
		return NULL;
	watch->ids = xinet_packet_ids_alloc(hweight32(points) > 1,
					    points & XINET_POINT_TAP);
	if (!watch->ids) {
		kfree(watch);
		return NULL;
	}
	watch->po = po;
	watch->points = points;
	return watch;
}

/* Socket lock and bind_lock held. */
static int point_may_set(const struct xinet_packet_sock *po)
{
	if (po->point || !xinet_packet_is_idle(po))
		return -EBUSY;
	if (po->all_netns ||
	    (po->dropped && po->dropped->flags & XINET_DROPS_ONLY))
		return -EOPNOTSUPP;
	return 0;
}

/* Socket lock and bind_lock held; the hooks are registered. */
static int point_set(struct xinet_packet_sock *po, u32 points)
{
	struct xinet_point_watch *watch;
	int err;

	err = point_may_set(po);
	if (err)
		return err;
	watch = point_alloc(po, points);
	if (!watch)
		return -ENOMEM;
	err = point_add(po, watch);
	if (err) {
		xinet_point_free(watch);
		return err;
	}
	if (!(points & XINET_POINT_TAP))
		po->sink.aside_only = true;
	spin_lock_bh(&po->sk.sk_receive_queue.lock);
	xinet_receiver_update(po);
	spin_unlock_bh(&po->sk.sk_receive_queue.lock);
	return 0;
}

static void point_lock(struct xinet_packet_sock *po)
{
	lock_sock(&po->sk);
	mutex_lock(&po->bind_lock);
}

static void point_unlock(struct xinet_packet_sock *po)
{
	mutex_unlock(&po->bind_lock);
	release_sock(&po->sk);
}

int xinet_point_setsockopt(struct xinet_packet_sock *po, sockptr_t optval,
			   unsigned int optlen)
{
	int points;
	int err;

	err = xinet_sockopt_get_exact_int(&points, optval, optlen);
	if (err)
		return err;
	if (!points || points & ~POINT_ALL)
		return -EINVAL;
	if (points == xinet_points(po))
		return 0;
	if (points == XINET_POINT_TAP)
		return -EBUSY;
	if (!IS_ENABLED(CONFIG_NETFILTER))
		return -EOPNOTSUPP;
	if (!xinet_capable(sock_net(&po->sk), CAP_NET_ADMIN))
		return -EPERM;

	point_lock(po);
	err = point_may_set(po);
	point_unlock(po);
	if (err)
		return err;
	/* takes its time: the device notifier waits for bind_lock */
	err = point_register_locked(sock_net(&po->sk), points);
	if (err)
		return err;
	point_lock(po);
	err = point_set(po, points);
	point_unlock(po);
	return err;
}

void xinet_point_release(struct xinet_packet_sock *po)
{
	struct point_net *pn = point_net(sock_net(&po->sk));

	if (!po->point)
		return;
	mutex_lock(&pn->lock);
	hlist_del_rcu(&po->point->node);
	pn->nr_watches--;
	mutex_unlock(&pn->lock);
}

void xinet_point_free(struct xinet_point_watch *watch)
{
	if (!watch)
		return;
	xinet_packet_ids_free(watch->ids);
	kfree(watch);
}

static int __net_init point_net_init(struct net *net)
{
	mutex_init(&point_net(net)->lock);
	return 0;
}

static void __net_exit point_net_exit(struct net *net)
{
	WARN_ON_ONCE(point_net(net)->nr_watches);
}

static struct pernet_operations point_net_ops = {
	.init = point_net_init,
	.pre_exit = point_net_pre_exit,
	.exit = point_net_exit,
	.id = &point_net_id,
	.size = sizeof(struct point_net),
};

int __init xinet_point_init(void)
{
	return register_pernet_subsys(&point_net_ops);
}

void xinet_point_exit(void)
{
	unregister_pernet_subsys(&point_net_ops);
}
