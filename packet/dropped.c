// SPDX-License-Identifier: GPL-2.0-only
/*
 * XINET_PACKET_DROPS: packets that the kernel drops, for packet sockets.
 *
 *   kfree_skb() ---> dropped_probe() ---> backlog of the CPU ---> dropped_work()
 *   any context        |                  bounded                 process
 *                      | softirq                                     |
 *                      v                                             v
 *                     lane                         receive queue, ring or lane
 *
 * kfree_skb() may be called in a hard interrupt, or under a lock that a delivery
 * needs. A lane takes none, so with BH disabled the probe writes the packet there. Else
 * it takes no lock but one of packet_id.c, and wakes no reader: it appends a clone
 * to a list, and a work item delivers it, a tick later so that many share its costs.
 * What the list has no room for is counted. While it is not empty, what follows goes
 * there, too: packets that one CPU drops keep their order.
 *
 * Of the packet, the probe trusts what every holder keeps in order: the bytes,
 * their bounds, the headers' offsets once checked against those. skb->dev may be
 * anything, so it is compared with the registered devices, and left alone where a
 * stale pointer is known to stay; skb->sk is a socket if the packet has a
 * destructor, and keeps its namespace if it is a user's.
 *
 * Not every skb that is dropped is a packet: see dropped_is_packet().
 */
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
#include <linux/workqueue.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_dropped.h"
#include "compat/xinet_compat_packet.h"
#include "af_xinet/drop.h"
#include "packet/dropped.h"
#include "packet/dropped_site.h"
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
 *
 * One for each CPU: any context adds, @work takes.
 */
struct dropped_backlog {
	struct llist_head packets;
	atomic_t nr;
	atomic_t bytes;
	struct delayed_work work;
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

HLIST_HEAD(xinet_dropped_host_watches);

static struct dropped_cb *dropped_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct dropped_cb) > sizeof(skb->cb));
	return (struct dropped_cb *)skb->cb;
}

/* --- in the probe --- */

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

/* Sets @later if a receiver that wants the packet cannot be called by the probe. */
static bool dropped_any_wants(const struct hlist_head *watches,
			      const struct sk_buff *skb,
			      const struct net_device *dev, bool *later)
{
	const struct xinet_dropped_watch *watch;
	bool any = false;

	hlist_for_each_entry_rcu(watch, watches, node) {
		if (!dropped_wants(watch, skb, dev))
			continue;
		any = true;
		*later |= !rcu_dereference(watch->po->sink.receiver)
				   ->ops->aside_is_lockless;
	}
	return any;
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
	dropped_number(&xinet_dropped_host_watches, skb, cloned, clone, dev);
	if (net)
		dropped_number(dropped_watches(net), skb, cloned, clone, dev);
	llist_add(&clone->ll_node, &backlog->packets);
	return true;
}

/**
 * struct dropped_told - what sockets are told of a packet
 * @dropped: for those who may know the place
 * @without: for others
 * @here: the probe tells it: sockets with points find its number by themselves
 * @cloned: then, whether others have its bytes
 * @ids: else, whose number @packet is, as in struct dropped_cb
 * @packet: as there
 */
struct dropped_told {
	struct xinet_dropped dropped;
	struct xinet_dropped without;
	bool here;
	bool cloned;
	u64 ids;
	u64 packet;
};

static void dropped_tell_netns(struct xinet_dropped *dropped,
			       const struct net *net)
{
	if (!net)
		return;
	dropped->netns_cookie = net->net_cookie;
	dropped->netns = net->ns.inum;
}

static const struct xinet_dropped *
dropped_told_to(const struct xinet_dropped_watch *watch,
		struct dropped_told *told)
{
	if (likely(watch->places))
		return &told->dropped;
	told->without = told->dropped;
	memset(told->without.place, 0, sizeof(told->without.place));
	return &told->without;
}

static u64 dropped_packet(struct xinet_packet_ids *ids,
			  const struct sk_buff *skb,
			  const struct dropped_told *told)
{
	if (told->here)
		return xinet_packet_dropped(ids, skb, told->cloned, skb);
	if (told->packet && xinet_packet_ids_serial(ids) == told->ids)
		return told->packet;
	return 0;
}

/* BH disabled; RCU. */
static void dropped_offer(const struct hlist_head *watches, struct sk_buff *skb,
			  struct timespec64 *now, struct dropped_told *told)
{
	const struct net_device *dev =
		skb->dev == dropped_no_dev ? NULL : skb->dev;
	struct xinet_aside aside = { .lockless = told->here };
	const struct xinet_dropped_watch *watch;
	struct xinet_packet_ids *ids;
	struct xinet_point point;

	hlist_for_each_entry_rcu(watch, watches, node) {
		if (!dropped_wants(watch, skb, dev))
			continue;
		ids = xinet_point_ids(watch->po);
		aside.point = NULL;
		if (ids) {
			point = (struct xinet_point){
				.packet = dropped_packet(ids, skb, told),
			};
			aside.point = &point;
		}
		aside.dropped = dropped_told_to(watch, told);
		xinet_tap_hand_aside(&watch->po->sink, skb, now, &aside);
	}
}

/* Whether the packet has all the bytes that it says; one may be half built. */
static bool dropped_has_all_bytes(const struct sk_buff *skb)
{
	const struct sk_buff *part;
	unsigned int bytes = 0;
	int i;

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++)
		bytes += skb_frag_size(&skb_shinfo(skb)->frags[i]);
	skb_walk_frags(skb, part)
		bytes += part->len;
	return bytes == skb->data_len;
}

/*
 * Whether the probe may call a receiver, if that takes no lock but to wake a reader:
 * whoever holds one of those, but for readers of tasklist_lock, which does not wait for
 * readers, has interrupts disabled.
 */
static bool dropped_may_deliver(const struct dropped_backlog *backlog)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && in_softirq() &&
	       !in_hardirq() && !irqs_disabled() && !atomic_read(&backlog->nr);
}

/*
 * Delivers the packet itself, which is restored then: others watch the tracepoint, and
 * its destructor may tell its time. Its socket is not shown to filters: it may be
 * something else, see dropped_net(). Returns false if the packet is to be shown in
 * another way.
 */
static bool dropped_show(struct sk_buff *skb, struct net_device *dev,
			 const struct net *net, const struct hlist_head *near,
			 const struct xinet_dropped *site)
{
	struct net_device *const own_dev = skb->dev;
	unsigned char *const data = skb->data;
	const unsigned int len = skb->len;
	const u16 network_header = skb->network_header;
	const u16 mac_header = skb->mac_header;
	struct sock *const sk = skb->sk;
	struct dropped_told told xinet_uninitialized;
	struct timespec64 now = {};
	struct xinet_skb_time time;
	bool good;

	good = xinet_link_header_find(skb, dev) || !dev || !dev_has_header(dev);
	good = good && dropped_has_all_bytes(skb);
	/* a receiver takes the time of one to be sent later for none */
	time = xinet_skb_stamp(skb);
	if (good) {
		told.dropped = *site;
		dropped_tell_netns(&told.dropped, net);
		told.here = true;
		told.cloned = skb_cloned(skb);
		skb->sk = NULL;
		skb->dev = dev ?: dropped_no_dev;
		dropped_offer(&xinet_dropped_host_watches, skb, &now, &told);
		if (near)
			dropped_offer(near, skb, &now, &told);
	}
	skb->dev = own_dev;
	skb->sk = sk;
	xinet_skb_set_time(skb, time);
	skb->data = data;
	skb->len = len;
	skb->network_header = network_header;
	skb->mac_header = mac_header;
	return good;
}

/*
 * The tracepoint kfree_skb: any context but NMI. Budget in softirq: no allocation, no
 * lock, one time stamp; a filter and a copy for each lane.
 */
static void dropped_probe(XINET_KFREE_SKB_PROTO)
{
	const struct xinet_dropped *site;
	struct dropped_backlog *backlog;
	struct hlist_head *near = NULL;
	struct net_device *dev;
	bool wanted, later = false;
	struct net *net;

	rcu_read_lock();
	dev = xinet_live_device(skb->dev) ? skb->dev : NULL;
	if (!dropped_is_packet(skb, dev, reason))
		goto out_unlock;
	net = dropped_net(skb, dev, xinet_kfree_skb_rx_sk);
	if (net)
		near = dropped_watches(net);
	wanted = dropped_any_wants(&xinet_dropped_host_watches, skb, dev, &later);
	wanted |= near && dropped_any_wants(near, skb, dev, &later);
	if (!wanted)
		goto out_unlock;

	backlog = raw_cpu_ptr(dropped_backlogs);
	if (!later && dropped_may_deliver(backlog)) {
		site = xinet_dropped_site_find(location, reason);
		if (site && dropped_show(skb, dev, net, near, site))
			goto out_unlock;
	}
	if (!dropped_take(backlog, skb, dev, net, location, reason)) {
		dropped_miss(&xinet_dropped_host_watches, skb, dev);
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

/* The place that packets of one run of the work item came from last, with its name. */
struct dropped_last {
	const void *location;
	struct xinet_dropped site;
};

static void dropped_tell(const struct sk_buff *skb, struct dropped_last *last,
			 struct dropped_told *told)
{
	const struct dropped_cb *cb = dropped_cb(skb);

	if (last->location != cb->location || last->site.reason != cb->reason) {
		xinet_dropped_site_tell(cb->location, cb->reason, &last->site);
		last->location = cb->location;
	}
	told->dropped = last->site;
	dropped_tell_netns(&told->dropped, cb->net);
	told->here = false;
	told->ids = cb->ids;
	told->packet = cb->packet;
}

/* A socket that wants a link-level header gets one of zeroes if there is none yet. */
static bool dropped_add_link_header(struct sk_buff *skb,
				    struct dropped_told *told)
{
	if (!xinet_link_header_add(skb))
		return false;
	told->dropped.flags |= XINET_DROPPED_NO_LINK_HEADER;
	return true;
}

static void dropped_deliver(struct sk_buff *skb, struct dropped_last *last)
{
	/* a receiver may use the control buffer */
	struct net *net = dropped_cb(skb)->net;
	struct net_device *dev = skb->dev;
	struct dropped_told told;
	struct timespec64 now = {};
	bool good;

	dropped_tell(skb, last, &told);
	/* pages of a program's that wait for their last user, as before a tap */
	good = !skb_orphan_frags_rx(skb, GFP_KERNEL) &&
	       dropped_has_all_bytes(skb);
	if (good && dev && dev_has_header(dev) && !dropped_cb(skb)->link)
		good = dropped_add_link_header(skb, &told);
	if (good && !dev)
		skb->dev = dropped_no_dev;

	local_bh_disable();
	rcu_read_lock();
	if (good) {
		dropped_offer(&xinet_dropped_host_watches, skb, &now, &told);
		if (net)
			dropped_offer(dropped_watches(net), skb, &now, &told);
	} else {
		dropped_miss(&xinet_dropped_host_watches, skb, dev);
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
	struct dropped_last last = {};
	struct net_device *dev;
	struct dropped_cb cb;

	llist_for_each_entry_safe(skb, next, llist_reverse_order(first),
				  ll_node) {
		cb = *dropped_cb(skb);
		dev = skb->dev;
		skb->next = NULL;
		dropped_deliver(skb, &last);
		dropped_free(backlog, skb, cb.net, dev, cb.truesize);
		cond_resched();
	}
}

/* --- the probe and its backlogs --- */

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

int xinet_dropped_get_probe(void)
{
	int err;

	check_trace_callback_type_kfree_skb(dropped_probe);
	mutex_lock(&dropped_prepare_lock);
	err = dropped_prepare();
	mutex_unlock(&dropped_prepare_lock);
	return err ?: xinet_probe_get(&dropped_kfree_skb);
}

void xinet_dropped_put_probe(void)
{
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
	xinet_dropped_sites_exit();
}
