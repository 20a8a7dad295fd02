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
 * Locks: point_lock serialises changes in a namespace. Hooks are registered under no
 * other lock, and probes under none; sockets are added under the socket lock and
 * bind_lock.
 */
#include <linux/bitops.h>
#include <linux/list.h>
#include <linux/mutex.h>
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

static int point_register(struct net *net, u32 points)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(net);
	int err;

	mutex_lock(&pn->point_lock);
	err = xinet_point_hooks_register(net, point_stages(points) &
						      XINET_POINTS_OF_HOOKS);
	mutex_unlock(&pn->point_lock);
	return err;
}

/* point_lock held. */
static void point_update_stages(struct xinet_packet_net *pn)
{
	const struct xinet_point_watch *watch;
	u32 stages = 0;

	hlist_for_each_entry(watch, &pn->point_watches, node)
		stages |= watch->stages;
	WRITE_ONCE(pn->point_stages, stages);
}

static int point_add(struct xinet_packet_sock *po,
		     struct xinet_point_watch *watch)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(sock_net(&po->sk));
	int err = -ENOSPC;

	mutex_lock(&pn->point_lock);
	if (pn->nr_point_watches < XINET_POINT_SOCKETS) {
		pn->nr_point_watches++;
		/* pairs with smp_load_acquire() in xinet_points() */
		smp_store_release(&po->point, watch);
		hlist_add_head_rcu(&watch->node, &pn->point_watches);
		point_update_stages(pn);
		err = 0;
	}
	mutex_unlock(&pn->point_lock);
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
	if (!xinet_capable(sock_net(&po->sk), CAP_NET_ADMIN))
		return -EPERM;

	point_lock(po);
	err = point_may_set(po);
	point_unlock(po);
	if (err)
		return err;
	/* takes its time: the device notifier waits for bind_lock */
	err = point_register(sock_net(&po->sk), points);
	if (err)
		return err;
	err = xinet_point_probes_get(points);
	if (err)
		return err;
	point_lock(po);
	err = point_set(po, points);
	point_unlock(po);
	if (err)
		xinet_point_probes_put(points);
	return err;
}

void xinet_point_release(struct xinet_packet_sock *po)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(sock_net(&po->sk));

	if (!po->point)
		return;
	mutex_lock(&pn->point_lock);
	hlist_del_rcu(&po->point->node);
	pn->nr_point_watches--;
	point_update_stages(pn);
	mutex_unlock(&pn->point_lock);
	xinet_point_probes_put(po->point->points);
}

void xinet_point_free(struct xinet_point_watch *watch)
{
	if (!watch)
		return;
	xinet_packet_ids_free(watch->ids);
	kfree(watch);
}

static void __net_exit point_net_pre_exit(struct net *net)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(net);

	mutex_lock(&pn->point_lock);
	xinet_point_hooks_unregister(net);
	mutex_unlock(&pn->point_lock);
}

static struct pernet_operations point_net_ops = {
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
