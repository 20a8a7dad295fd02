// SPDX-License-Identifier: GPL-2.0-only
/*
 * The option XINET_PACKET_DROPS, and which sockets have it; dropped.c brings them the
 * packets.
 */
#include <linux/capability.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/user_namespace.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "af_xinet/reach.h"
#include "af_xinet/sockopt.h"
#include "packet/dropped.h"
#include "packet/sock.h"

/* Changes of all watches. */
static DEFINE_SPINLOCK(dropped_lock);

static bool dropped_may(const struct net *net, u32 flags)
{
	if (flags & XINET_DROPS_HOST)
		return xinet_capable_everywhere(net, CAP_NET_ADMIN);
	return xinet_capable(net, CAP_NET_ADMIN);
}

static int dropped_add(struct xinet_packet_sock *po, u32 flags)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(sock_net(&po->sk));
	struct xinet_dropped_watch *watch;

	watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	if (!watch)
		return -ENOMEM;
	watch->po = po;
	watch->flags = flags;
	watch->places = ns_capable_noaudit(&init_user_ns, CAP_NET_ADMIN);

	spin_lock(&dropped_lock);
	if (pn->nr_dropped_watches >= XINET_DROPS_SOCKETS) {
		spin_unlock(&dropped_lock);
		kfree(watch);
		return -ENOSPC;
	}
	pn->nr_dropped_watches++;
	/* pairs with smp_load_acquire() in xinet_dropped_flags() */
	smp_store_release(&po->dropped, watch);
	hlist_add_head_rcu(&watch->node, flags & XINET_DROPS_HOST ?
					 &xinet_dropped_host_watches :
					 &pn->dropped_watches);
	spin_unlock(&dropped_lock);
	return 0;
}

/* Socket lock and bind_lock held. */
static int dropped_set(struct xinet_packet_sock *po, u32 flags)
{
	int err;

	/* readers of an old watch may be there until the socket is freed */
	if (po->dropped || !xinet_packet_is_idle(po))
		return -EBUSY;
	if (po->point && flags & XINET_DROPS_ONLY)
		return -EOPNOTSUPP;
	err = dropped_add(po, flags);
	if (!err && flags & XINET_DROPS_ONLY)
		po->sink.aside_only = true;
	return err;
}

static bool dropped_are_sane(int flags)
{
	const int which = flags & (XINET_DROPS_BESIDE | XINET_DROPS_ONLY);

	return !flags || ((which == XINET_DROPS_BESIDE ||
			   which == XINET_DROPS_ONLY) &&
			  !(flags & ~(which | XINET_DROPS_HOST)));
}

int xinet_dropped_setsockopt(struct xinet_packet_sock *po, sockptr_t optval,
			     unsigned int optlen)
{
	int flags;
	int err;

	err = xinet_sockopt_get_exact_int(&flags, optval, optlen);
	if (err)
		return err;
	if (!dropped_are_sane(flags))
		return -EINVAL;
	if (flags == xinet_dropped_flags(po))
		return 0;
	if (!flags)
		return -EBUSY;
	if (!dropped_may(sock_net(&po->sk), flags))
		return -EPERM;
	err = xinet_dropped_get_probe();
	if (err)
		return err;

	lock_sock(&po->sk);
	mutex_lock(&po->bind_lock);
	err = dropped_set(po, flags);
	mutex_unlock(&po->bind_lock);
	release_sock(&po->sk);
	if (err)
		xinet_dropped_put_probe();
	return err;
}

u32 xinet_dropped_flags(const struct xinet_packet_sock *po)
{
	/* set once, complete */
	const struct xinet_dropped_watch *watch = smp_load_acquire(&po->dropped);

	return watch ? watch->flags : 0;
}

void xinet_dropped_release(struct xinet_packet_sock *po)
{
	struct xinet_dropped_watch *watch = po->dropped;

	if (!watch)
		return;
	spin_lock(&dropped_lock);
	hlist_del_rcu(&watch->node);
	xinet_packet_pernet(sock_net(&po->sk))->nr_dropped_watches--;
	spin_unlock(&dropped_lock);
	xinet_dropped_put_probe();
}
