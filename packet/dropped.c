// SPDX-License-Identifier: GPL-2.0-only
/*
 * XINET_PACKET_DROPS: packets that the kernel drops, for packet sockets.
 *
 *   kfree_skb() ---> dropped_probe() ---> backlog of the CPU ---> dropped_work()
 *   any context      takes a clone        bounded                 process
 *                                                                    |
 *                                receive queue, ring or lane <-------+
 *
 * kfree_skb() may be called in a hard interrupt, or under a lock that a delivery
 * needs. So the probe takes no lock but one of packet_id.c, and wakes no reader: it appends a clone
 * to a list, and a work item delivers it, a tick later so that many share its costs.
 * What the list has no room for is counted.
 *
 * Of the packet, the probe trusts what every holder keeps in order: the bytes,
 * their bounds, the headers' offsets once checked against those. skb->dev may be
 * anything, so it is compared with the registered devices, and left alone where a
 * stale pointer is known to stay; skb->sk is a socket if the packet has a
 * destructor, and keeps its namespace if it is a user's.
 *
 * Not every skb that is dropped is a packet: see dropped_is_packet().
 */
#include <linux/capability.h>
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/tracepoint.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_dropped.h"
#include "compat/xinet_compat_packet.h"
#include "af_xinet/drop.h"
#include "af_xinet/reach.h"
#include "af_xinet/sockopt.h"
#include "packet/dropped.h"
#include "packet/dropped_place.h"
#include "packet/link_header.h"
#include "packet/live_devices.h"
#include "packet/packet_id.h"
#include "packet/point.h"
#include "packet/probe.h"
#include "packet/sock.h"
#include "packet/tap/sink.h"
#include "packet/tap/tap.h"

/*
 * What may wait on a CPU: packets, and bytes as sockets are charged for them. And
 * from one namespace, so that it alone does not blind the others.
 */
#define DROPPED_PACKETS_MAX	8192
#define DROPPED_BYTES_MAX	(16 << 20)
#define DROPPED_NET_BYTES_MAX	(4 << 20)

/* Ticks after which a packet is delivered. */
#define DROPPED_DELAY		1

/**
 * struct dropped_cb - of a packet in a backlog
 * @net: its namespace, with a reference, or NULL
 * @location: who dropped it
 * @reason: why
 * @truesize: charged to the backlog
 * @link: its link-level header is there
 * @ids: serial of the numbers of a socket with points; of several sockets, one
 * @packet: its number there, or 0
 *
 * Its dev is a device with a reference, or NULL.
 */
struct dropped_cb {
	struct net *net;
	const void *location;
	u32 reason;
	u32 truesize;
	bool link;
	u64 ids;
	u64 packet;
};

/**
 * struct dropped_backlog - packets that wait to be delivered
 * @packets: the newest first
 * @nr: how many
 * @bytes: their truesize
 * @work: delivers them
 * @places: used by @work
 *
 * One for each CPU: any context adds, @work takes.
 */
struct dropped_backlog {
	struct llist_head packets;
	atomic_t nr;
	atomic_t bytes;
	struct delayed_work work;
	struct xinet_places places;
};

/* Made when the probe is registered for the first time, and kept. */
static struct dropped_backlog __percpu *dropped_backlogs;

/*
 * Stands for the device of a packet without one: the receivers read its type and
 * index. Not registered. Made with the backlogs.
 */
static struct net_device *dropped_no_dev;

static struct workqueue_struct *dropped_wq;

/* Of making them. */
static DEFINE_MUTEX(dropped_prepare_lock);

/* Changes of all watches. */
static DEFINE_SPINLOCK(dropped_lock);
static HLIST_HEAD(dropped_host_watches);
static unsigned int dropped_nr_place_watches;

static struct dropped_cb *dropped_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct dropped_cb) > sizeof(skb->cb));
	return (struct dropped_cb *)skb->cb;
}

/* --- the probe --- */

static bool dropped_wants(const struct xinet_dropped_watch *watch,
			  const struct sk_buff *skb,
			  const struct net_device *dev)
{
	const struct xinet_packet_sock *po = watch->po;
	/* pairs with smp_wmb() in xinet_packet_attach() */
	const void *source = smp_load_acquire(&po->sink.source);
	const __be16 num = READ_ONCE(po->num);
	const int ifindex = READ_ONCE(po->ifindex);

	return source &&
	       (num == htons(ETH_P_ALL) || num == skb->protocol) &&
	       (!ifindex || (dev && dev->ifindex == ifindex &&
			     net_eq(dev_net(dev), sock_net(&po->sk))));
}

static bool dropped_any_wants(const struct hlist_head *watches,
			      const struct sk_buff *skb,
			      const struct net_device *dev)
{
	const struct xinet_dropped_watch *watch;

	hlist_for_each_entry_rcu(watch, watches, node)
		if (dropped_wants(watch, skb, dev))
			return true;
	return false;
}

static void dropped_miss(const struct hlist_head *watches,
			 const struct sk_buff *skb,
			 const struct net_device *dev)
{
	const struct xinet_dropped_watch *watch;

	hlist_for_each_entry_rcu(watch, watches, node)
		if (dropped_wants(watch, skb, dev))
			xinet_packet_drop(watch->po, NULL, XINET_DROP_BACKLOG);
}

static struct hlist_head *dropped_watches(const struct net *net)
{
	return &xinet_packet_pernet(net)->dropped_watches;
}

/* A socket of the kernel's own may outlive its namespace, or serve several. */
static struct net *dropped_net_of(const struct sock *sk)
{
	return sk && sk_fullsock(sk) && sk->sk_net_refcnt ? sock_net(sk) : NULL;
}

static struct net *dropped_net(const struct sk_buff *skb,
			       const struct net_device *dev,
			       const struct sock *rx_sk)
{
	if (dev)
		return dev_net(dev);
	/* a queue of fragments has other things in skb->sk, without destructor */
	return (skb->destructor ? dropped_net_of(skb->sk) : NULL) ?:
	       dropped_net_of(rx_sk);
}

/*
 * The kernel also frees messages of other families (some with memory that only
 * their destructor can free); packets that were never filled in, because there was
 * a fault when they were copied from userspace, or no frame for a driver's buffer;
 * and what is in error queues, marked by its type, whose device may be another by
 * now.
 */
static bool dropped_is_packet(const struct sk_buff *skb,
			      const struct net_device *dev, u32 reason)
{
	const bool has_mac = skb_mac_header_was_set(skb);

	if (is_vmalloc_addr(skb->head) || skb->data - skb->head >= U16_MAX ||
	    (skb->destructor && skb->pkt_type == PACKET_OUTGOING))
		return false;
	if (!has_mac && (!skb->len || skb->protocol == htons(ETH_P_802_2) ||
			 reason == SKB_DROP_REASON_SKB_UCOPY_FAULT))
		return false;
	if (dev)
		return true;
	return (skb->protocol == htons(ETH_P_IP) ||
		skb->protocol == htons(ETH_P_IPV6)) &&
	       skb->network_header && reason > SKB_DROP_REASON_NOT_SPECIFIED;
}

/* Returns the clone, which refers to nothing but its bytes and device, or NULL. */
static struct sk_buff *dropped_clone(struct sk_buff *skb,
				     struct net_device *dev, struct net *net)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
	struct dropped_cb *cb;

	if (!clone)
		return NULL;
	skb_dst_drop(clone);
	nf_reset_ct(clone);
	skb_ext_reset(clone);
	skb_clear_delivery_time(clone);
	__net_timestamp(clone);
	cb = dropped_cb(clone);
	cb->truesize = clone->truesize;
	cb->net = net ? maybe_get_net(net) : NULL;
	cb->packet = 0;
	cb->link = xinet_link_header_find(clone, dev);
	clone->dev = dev;
	dev_hold(dev);
	return clone;
}

/* For a socket that numbers packets. */
static void dropped_number(const struct hlist_head *watches,
			   const struct sk_buff *skb, bool cloned,
			   struct sk_buff *clone, const struct net_device *dev)
{
	const struct xinet_dropped_watch *watch;
	struct xinet_packet_ids *ids;

	hlist_for_each_entry_rcu(watch, watches, node) {
		ids = xinet_point_ids(watch->po);
		if (!ids || dropped_cb(clone)->packet ||
		    !dropped_wants(watch, skb, dev))
			continue;
		dropped_cb(clone)->ids = xinet_packet_ids_serial(ids);
		dropped_cb(clone)->packet =
			xinet_packet_dropped(ids, skb, cloned, clone);
	}
}

static bool dropped_take(struct dropped_backlog *backlog, struct sk_buff *skb,
			 struct net_device *dev, struct net *net,
			 const void *location, u32 reason)
{
	const bool cloned = skb_cloned(skb);
	struct sk_buff *clone;

	/* the reserves of the kernel are not for queues of ours */
	if (skb_pfmemalloc(skb) ||
	    atomic_read(&backlog->nr) >= DROPPED_PACKETS_MAX ||
	    atomic_read(&backlog->bytes) >= DROPPED_BYTES_MAX ||
	    (net && atomic_read(&xinet_packet_pernet(net)->dropped_bytes) >=
			    DROPPED_NET_BYTES_MAX))
		return false;
	clone = dropped_clone(skb, dev, net);
	if (!clone)
		return false;
	dropped_cb(clone)->location = location;
	dropped_cb(clone)->reason = reason;
	net = dropped_cb(clone)->net;
	if (net)
		atomic_add(clone->truesize,
			   &xinet_packet_pernet(net)->dropped_bytes);
	atomic_inc(&backlog->nr);
	atomic_add(clone->truesize, &backlog->bytes);
	dropped_number(&dropped_host_watches, skb, cloned, clone, dev);
	if (net)
		dropped_number(dropped_watches(net), skb, cloned, clone, dev);
	llist_add(&clone->ll_node, &backlog->packets);
	return true;
}

/* The tracepoint kfree_skb: any context but NMI. */
static void dropped_probe(XINET_KFREE_SKB_PROTO)
{
	struct dropped_backlog *backlog;
	struct hlist_head *near = NULL;
	struct net_device *dev;
	struct net *net;

	rcu_read_lock();
	dev = xinet_live_device(skb->dev) ? skb->dev : NULL;
	if (!dropped_is_packet(skb, dev, reason))
		goto out_unlock;
	net = dropped_net(skb, dev, xinet_kfree_skb_rx_sk);
	if (net)
		near = dropped_watches(net);
	if (!dropped_any_wants(&dropped_host_watches, skb, dev) &&
	    !(near && dropped_any_wants(near, skb, dev)))
		goto out_unlock;

	backlog = raw_cpu_ptr(dropped_backlogs);
	if (!dropped_take(backlog, skb, dev, net, location, reason)) {
		dropped_miss(&dropped_host_watches, skb, dev);
		if (near)
			dropped_miss(near, skb, dev);
	}
	queue_delayed_work(dropped_wq, &backlog->work, DROPPED_DELAY);
out_unlock:
	rcu_read_unlock();
}

static struct xinet_probe dropped_kfree_skb = {
	.name = "kfree_skb",
	.function = dropped_probe,
};

/* --- the delivery --- */

/* What is told to those who may know the place, and to the others. */
struct dropped_told {
	struct xinet_dropped with_place;
	struct xinet_dropped without;
	u64 ids; /* whose number it is */
	u64 packet;
};

static void dropped_tell(struct xinet_places *places, const struct sk_buff *skb,
			 struct dropped_told *told)
{
	const struct dropped_cb *cb = dropped_cb(skb);
	struct xinet_dropped *dropped = &told->without;
	const char *name;

	memset(dropped, 0, sizeof(*dropped));
	told->ids = cb->ids;
	told->packet = cb->packet;
	dropped->reason = cb->reason;
	if (cb->net) {
		dropped->netns_cookie = cb->net->net_cookie;
		dropped->netns = cb->net->ns.inum;
	}
	rcu_read_lock();
	name = xinet_drop_reason_name(cb->reason);
	if (name)
		strscpy(dropped->name, name, sizeof(dropped->name));
	rcu_read_unlock();
	told->with_place = *dropped;
	BUILD_BUG_ON(sizeof(dropped->place) != XINET_PLACE_LEN);
	if (READ_ONCE(dropped_nr_place_watches))
		xinet_place_name(places, cb->location, told->with_place.place);
}

/* Whether the packet has all the bytes that it says; one may be half built. */
static bool dropped_is_whole(struct sk_buff *skb)
{
	const struct sk_buff *part;
	unsigned int bytes = 0;
	int i;

	/* pages of a program's that wait for their last user, as before a tap */
	if (skb_orphan_frags_rx(skb, GFP_KERNEL))
		return false;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++)
		bytes += skb_frag_size(&skb_shinfo(skb)->frags[i]);
	skb_walk_frags(skb, part)
		bytes += part->len;
	return bytes == skb->data_len;
}

/* A socket that wants a link-level header gets one of zeroes if there is none yet. */
static bool dropped_add_link_header(struct sk_buff *skb,
				    struct dropped_told *told)
{
	if (!xinet_link_header_add(skb))
		return false;
	told->with_place.flags |= XINET_DROPPED_NO_LINK_HEADER;
	told->without.flags |= XINET_DROPPED_NO_LINK_HEADER;
	return true;
}

/* BH disabled; RCU. */
static void dropped_offer(const struct hlist_head *watches, struct sk_buff *skb,
			  struct timespec64 *now,
			  const struct dropped_told *told)
{
	const struct net_device *dev =
		skb->dev == dropped_no_dev ? NULL : skb->dev;
	const struct xinet_dropped_watch *watch;
	struct xinet_aside aside = {};
	const struct xinet_packet_ids *ids;
	struct xinet_point point = {};

	hlist_for_each_entry_rcu(watch, watches, node) {
		if (!dropped_wants(watch, skb, dev))
			continue;
		ids = xinet_point_ids(watch->po);
		point.packet = ids && told->packet &&
					       xinet_packet_ids_serial(ids) == told->ids ?
				       told->packet :
				       0;
		aside.point = ids ? &point : NULL;
		aside.dropped = watch->places ? &told->with_place :
						&told->without;
		xinet_tap_hand_aside(&watch->po->sink, skb, now, &aside);
	}
}

static void dropped_deliver(struct dropped_backlog *backlog,
			    struct sk_buff *skb)
{
	/* a receiver may use the control buffer */
	struct net *net = dropped_cb(skb)->net;
	struct net_device *dev = skb->dev;
	struct dropped_told told;
	struct timespec64 now = {};
	bool good;

	dropped_tell(&backlog->places, skb, &told);
	good = dropped_is_whole(skb);
	if (good && dev && dev_has_header(dev) && !dropped_cb(skb)->link)
		good = dropped_add_link_header(skb, &told);
	if (good && !dev)
		skb->dev = dropped_no_dev;

	local_bh_disable();
	rcu_read_lock();
	if (good) {
		dropped_offer(&dropped_host_watches, skb, &now, &told);
		if (net)
			dropped_offer(dropped_watches(net), skb, &now, &told);
	} else {
		dropped_miss(&dropped_host_watches, skb, dev);
		if (net)
			dropped_miss(dropped_watches(net), skb, dev);
	}
	rcu_read_unlock();
	local_bh_enable();
}

static void dropped_free(struct dropped_backlog *backlog, struct sk_buff *skb,
			 struct net *net, struct net_device *dev, u32 truesize)
{
	skb->dev = NULL;
	consume_skb(skb);
	dev_put(dev);
	if (net) {
		atomic_sub(truesize, &xinet_packet_pernet(net)->dropped_bytes);
		put_net(net);
	}
	atomic_dec(&backlog->nr);
	atomic_sub(truesize, &backlog->bytes);
}

static void dropped_work(struct work_struct *work)
{
	struct dropped_backlog *backlog =
		container_of(to_delayed_work(work), struct dropped_backlog, work);
	struct llist_node *first = llist_del_all(&backlog->packets);
	struct sk_buff *skb, *next;
	struct net_device *dev;
	struct dropped_cb cb;

	llist_for_each_entry_safe(skb, next, llist_reverse_order(first),
				  ll_node) {
		cb = *dropped_cb(skb);
		dev = skb->dev;
		skb->next = NULL;
		dropped_deliver(backlog, skb);
		dropped_free(backlog, skb, cb.net, dev, cb.truesize);
		cond_resched();
	}
}

/* --- the option --- */

/* dropped_prepare_lock held. */
static int dropped_prepare(void)
{
	struct dropped_backlog *backlog;
	int cpu;

	if (dropped_backlogs)
		return 0;
	dropped_no_dev = alloc_netdev(0, "none", NET_NAME_UNKNOWN, ether_setup);
	if (!dropped_no_dev)
		return -ENOMEM;
	dropped_no_dev->header_ops = NULL;
	dropped_no_dev->type = ARPHRD_NONE;
	dropped_backlogs = alloc_percpu(struct dropped_backlog);
	if (!dropped_backlogs) {
		free_netdev(dropped_no_dev);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu) {
		backlog = per_cpu_ptr(dropped_backlogs, cpu);
		init_llist_head(&backlog->packets);
		INIT_DELAYED_WORK(&backlog->work, dropped_work);
	}
	return 0;
}

static int dropped_get_probe(void)
{
	int err;

	check_trace_callback_type_kfree_skb(dropped_probe);
	mutex_lock(&dropped_prepare_lock);
	err = dropped_prepare();
	mutex_unlock(&dropped_prepare_lock);
	return err ?: xinet_probe_get(&dropped_kfree_skb);
}

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
	WRITE_ONCE(dropped_nr_place_watches, dropped_nr_place_watches + watch->places);
	/* pairs with smp_load_acquire() in xinet_dropped_flags() */
	smp_store_release(&po->dropped, watch);
	hlist_add_head_rcu(&watch->node, flags & XINET_DROPS_HOST ?
					 &dropped_host_watches :
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
	err = dropped_get_probe();
	if (err)
		return err;

	lock_sock(&po->sk);
	mutex_lock(&po->bind_lock);
	err = dropped_set(po, flags);
	mutex_unlock(&po->bind_lock);
	release_sock(&po->sk);
	if (err)
		xinet_probe_put(&dropped_kfree_skb);
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
	WRITE_ONCE(dropped_nr_place_watches, dropped_nr_place_watches - watch->places);
	spin_unlock(&dropped_lock);
	xinet_probe_put(&dropped_kfree_skb);
}

int __init xinet_dropped_init(void)
{
	dropped_wq = alloc_workqueue("xinet_dropped", WQ_UNBOUND, 0);
	return dropped_wq ? 0 : -ENOMEM;
}

void xinet_dropped_exit(void)
{
	int cpu;

	xinet_probe_end();
	if (dropped_backlogs) {
		for_each_possible_cpu(cpu)
			flush_delayed_work(&per_cpu_ptr(dropped_backlogs, cpu)->work);
		free_percpu(dropped_backlogs);
		free_netdev(dropped_no_dev);
	}
	destroy_workqueue(dropped_wq);
}
