// SPDX-License-Identifier: GPL-2.0-only
/*
 * XINET_PACKET_POINT: where on its way through the host a packet is seen. Beside the
 * taps, those are the places where the kernel calls netfilter (point_hooks.c), or has a
 * tracepoint (point_probes.c):
 *
 *   tap --> PRE_ROUTING --> route --> LOCAL_IN --> sockets --> DELIVERED
 *                             |
 *                             +-----> FORWARD --+--> POST_ROUTING --> QDISC --> tap
 *                                               |                                |
 *                       sockets --> LOCAL_OUT --+                  START_XMIT <--+
 *
 * All of them call point_show.c, which shows the packet to the sockets that want it.
 *
 * Locks: point_lock serialises changes in a namespace, point_host_lock those of sockets of
 * all namespaces. Hooks are registered under point_lock and point_nets_lock, and probes under
 * none; sockets are added under the socket lock and bind_lock.
 */
#include <linux/bitops.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "af_xinet/reach.h"
#include "af_xinet/sockopt.h"
#include "packet/dropped.h"
#include "packet/packet_id.h"
#include "packet/point.h"
#include "packet/point_hooks.h"
#include "packet/point_probes.h"
#include "packet/receiver.h"
#include "packet/sock.h"
#include "packet/tap/sink.h"

#define POINT_ALL \
	(XINET_POINT_TAP | XINET_POINTS_OF_HOOKS | XINET_POINTS_OF_PROBES)

/* protects xinet_point_host */
static DEFINE_MUTEX(point_host_lock);

/*
 * Every namespace, and, while there are sockets of all of them, the points whose hooks one
 * that is made gets. The lock is held for long, and taken before a point_lock.
 */
static DEFINE_MUTEX(point_nets_lock);
static LIST_HEAD(point_nets);
static u32 point_host_hooks;
static unsigned int point_host_users;

u32 xinet_points(const struct xinet_packet_sock *po)
{
	/* pairs with smp_store_release() in point_add() */
	const struct xinet_point_watch *watch = smp_load_acquire(&po->point);

	return watch ? watch->points : XINET_POINT_TAP;
}

struct xinet_packet_ids *xinet_point_ids(const struct xinet_packet_sock *po)
{
	/* as in xinet_points() */
	const struct xinet_point_watch *watch = smp_load_acquire(&po->point);

	return watch ? watch->ids : NULL;
}

/* Whether packets are seen at more than one place, or must have been. */
static bool point_joins(u32 points)
{
	return hweight32(points) > 1 || points & XINET_POINT_DELIVERED;
}

/* packet_id.c follows a packet from one hook to the next. */
static u32 point_stages(u32 points)
{
	return point_joins(points) ? points | XINET_POINTS_OF_HOOKS : points;
}

static int point_register_near(struct xinet_packet_net *pn, u32 hooks)
{
	int err;

	mutex_lock(&pn->point_lock);
	err = xinet_point_hooks_register(pn->net, hooks);
	mutex_unlock(&pn->point_lock);
	return err;
}

/*
 * In every namespace, those that come later too; the hooks stay as in one. Whoever rules
 * one may have it full of hooks, which must not keep others from being seen.
 */
static int point_register_everywhere(u32 hooks)
{
	struct xinet_packet_net *pn;
	int err = 0;

	mutex_lock(&point_nets_lock);
	list_for_each_entry(pn, &point_nets, point_node) {
		err = point_register_near(pn, hooks);
		if (err == -E2BIG) {
			pr_notice_ratelimited("namespace %u has no room for hooks: packets are not seen at its points\n",
					      pn->net->ns.inum);
			err = 0;
		}
		if (err)
			break;
	}
	if (!err) {
		point_host_hooks |= hooks;
		point_host_users++;
	}
	mutex_unlock(&point_nets_lock);
	return err;
}

static int point_register(struct net *net, u32 points, bool host)
{
	const u32 hooks = point_stages(points) & XINET_POINTS_OF_HOOKS;

	return host ? point_register_everywhere(hooks) :
		      point_register_near(xinet_packet_pernet(net), hooks);
}

/* The hooks that there are stay; namespaces that come later get none for @host. */
static void point_unregister(bool host)
{
	if (!host)
		return;
	mutex_lock(&point_nets_lock);
	if (!--point_host_users)
		point_host_hooks = 0;
	mutex_unlock(&point_nets_lock);
}

/* Where the points of a socket are, and the lock of that. */
static struct xinet_point_watches *
point_watches(const struct xinet_packet_sock *po, struct mutex **lock)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(sock_net(&po->sk));

	*lock = po->all_netns ? &point_host_lock : &pn->point_lock;
	return po->all_netns ? &xinet_point_host : &pn->points;
}

/* Their lock held. */
static void point_update_stages(struct xinet_point_watches *watches)
{
	const struct xinet_point_watch *watch;
	u32 stages = 0;

	hlist_for_each_entry(watch, &watches->list, node)
		stages |= watch->stages;
	WRITE_ONCE(watches->stages, stages);
}

static int point_add(struct xinet_packet_sock *po,
		     struct xinet_point_watch *watch)
{
	struct mutex *lock; /* of @watches */
	struct xinet_point_watches *watches = point_watches(po, &lock);
	int err = -ENOSPC;

	mutex_lock(lock);
	if (watches->nr < XINET_POINT_SOCKETS) {
		watches->nr++;
		/* pairs with smp_load_acquire() in xinet_points() */
		smp_store_release(&po->point, watch);
		hlist_add_head_rcu(&watch->node, &watches->list);
		point_update_stages(watches);
		err = 0;
	}
	mutex_unlock(lock);
	return err;
}

static struct xinet_point_watch *point_alloc(struct xinet_packet_sock *po,
					     u32 points)
{
	struct xinet_point_watch *watch;

	watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	if (!watch)
		return NULL;
	watch->ids = xinet_packet_ids_alloc(point_joins(points),
					    points & (XINET_POINT_TAP |
						      XINET_POINT_START_XMIT));
	if (!watch->ids) {
		kfree(watch);
		return NULL;
	}
	watch->po = po;
	watch->points = points;
	watch->stages = point_stages(points);
	return watch;
}

/* Socket lock and bind_lock held. @host: what it was before */
static int point_may_set(const struct xinet_packet_sock *po, bool host)
{
	if (po->point || po->all_netns != host || !xinet_packet_is_idle(po))
		return -EBUSY;
	if (po->dropped && po->dropped->flags & XINET_DROPS_ONLY)
		return -EOPNOTSUPP;
	return 0;
}

/* Socket lock and bind_lock held; the hooks are registered. */
static int point_set(struct xinet_packet_sock *po, u32 points, bool host)
{
	struct xinet_point_watch *watch;
	int err;

	err = point_may_set(po, host);
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

static bool point_may(const struct net *net, bool host)
{
	return host ? xinet_capable_everywhere(net, CAP_NET_ADMIN) :
		      xinet_capable(net, CAP_NET_ADMIN);
}

int xinet_point_setsockopt(struct xinet_packet_sock *po, sockptr_t optval,
			   unsigned int optlen)
{
	const bool host = READ_ONCE(po->all_netns);
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
	if (!point_may(sock_net(&po->sk), host))
		return -EPERM;

	point_lock(po);
	err = point_may_set(po, host);
	point_unlock(po);
	if (err)
		return err;
	/* takes its time: the device notifier waits for bind_lock */
	err = point_register(sock_net(&po->sk), points, host);
	if (err)
		return err;
	err = xinet_point_probes_get(points);
	if (err)
		goto out_unregister;
	point_lock(po);
	err = point_set(po, points, host);
	point_unlock(po);
	if (!err)
		return 0;
	xinet_point_probes_put(points);
out_unregister:
	point_unregister(host);
	return err;
}

void xinet_point_release(struct xinet_packet_sock *po)
{
	struct xinet_point_watches *watches;
	struct mutex *lock; /* of @watches */

	if (!po->point)
		return;
	watches = point_watches(po, &lock);
	mutex_lock(lock);
	hlist_del_rcu(&po->point->node);
	watches->nr--;
	point_update_stages(watches);
	mutex_unlock(lock);
	xinet_point_probes_put(po->point->points);
	point_unregister(po->all_netns);
}

void xinet_point_free(struct xinet_point_watch *watch)
{
	if (!watch)
		return;
	xinet_packet_ids_free(watch->ids);
	kfree(watch);
}

static void point_unregister_near(struct xinet_packet_net *pn)
{
	mutex_lock(&pn->point_lock);
	xinet_point_hooks_unregister(pn->net);
	mutex_unlock(&pn->point_lock);
}

static int __net_init point_net_init(struct net *net)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(net);
	int err;

	mutex_lock(&point_nets_lock);
	err = point_register_near(pn, point_host_hooks);
	if (!err)
		list_add(&pn->point_node, &point_nets);
	mutex_unlock(&point_nets_lock);
	if (err)
		point_unregister_near(pn);
	return err;
}

static void __net_exit point_net_pre_exit(struct net *net)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(net);

	mutex_lock(&point_nets_lock);
	list_del(&pn->point_node);
	mutex_unlock(&point_nets_lock);
	point_unregister_near(pn);
}

static struct pernet_operations point_net_ops = {
	.init = point_net_init,
	.pre_exit = point_net_pre_exit,
};

int __init xinet_point_init(void)
{
	return register_pernet_subsys(&point_net_ops);
}

void xinet_point_exit(void)
{
	unregister_pernet_subsys(&point_net_ops);
}
