// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taps: where packets enter packet sockets. The kernel calls xinet_tap_rcv(),
 * in tap_deliver.c, for every packet of a device (or of all devices of a
 * namespace) and EtherType that a socket is bound to; a demultiplexer behind it
 * delivers the packet to the sinks that accept it. bind.c, fanout.c,
 * filter_change.c and options.c change the sinks of a tap. This file does not
 * depend on what a sink does with a packet.
 *
 * The path of a packet:
 *
 *   __netif_receive_skb_core()        dev_queue_xmit_nit()
 *              |                               |
 *              |                  xinet_tap_match_sender()  notes the sender
 *              |                               |
 *              +--------> xinet_tap_rcv() <----+
 *                               |
 *                       xinet_tap_demux()
 *                               |  the array of the tap:
 *                               v
 *   +-----------+-------------+-------------+------+------+------+------+
 *   | nr_groups | prog A, raw | prog B, raw | slot | slot | slot | slot |
 *   | degraded  | end = 3     | end = 4     |  0   |  1   |  2   |  3   |
 *   +-----------+-------------+-------------+--|---+--|---+--|---+--|---+
 *                     |              |         v      v      v      v
 *                     |              |      +---------------------------+
 *                     +--------------+----->|  deliver() of receiver    |
 *                      if it accepts        +---------------------------+
 *
 * An array is one allocation. Once published it changes only in two ways: a
 * slot is emptied when its sink leaves, so that leaving needs no memory and
 * rarely a new array; and "degraded" is set, so that a filter change succeeds
 * without memory, and takes effect before its new array is built.
 *
 * Budget per packet: one hook per tap, for any number of sinks; one namespace
 * comparison; one run of each distinct program that filter_index.c does not
 * rule out; nothing for a sink whose program rejects the packet, two flag tests
 * and an indirect call for a sink that gets it. No lock, no allocation (but for
 * frames as on the wire, original.c), no write to memory that other CPUs read,
 * except the reference count of the packet.
 *
 * Locks: tn->lock serialises all changes. It is taken under the lock of a
 * sink's owner (and so sometimes under RTNL); only sk_receive_queue.lock is
 * taken under it. That of taps of all namespaces (all_netns.c) is also taken
 * under the core's pernet_ops_rwsem.
 */
#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/sock.h"
#include "packet/tap/all_netns.h"
#include "packet/tap/tap.h"
#include "packet/tap/tap_array.h"
#include "packet/tap/tap_hook.h"

/*
 * Most sinks of a tap whose degraded array is rebuilt when a sink leaves:
 * limits the cost of many sinks that leave. A larger tap stays on the slow path
 * until a sink joins or changes.
 */
#define TAP_REPAIR_MAX	64

/* Frees @array, which is no longer published; tn->lock held. */
static void tap_retire_array(struct xinet_tap_net *tn,
			     struct xinet_tap_array *array)
{
	size_t size = array->size;

	/* in this order: xinet_tap_throttle() waits for what is counted */
	xinet_tap_array_free_rcu(array);
	xinet_tap_retire_locked(tn, size);
}

static u32 tap_hash(const struct net_device *dev, __be16 type)
{
	return (dev ? dev->ifindex : 0) ^ (__force u16)type;
}

static struct xinet_tap *tap_find(struct xinet_tap_net *tn,
				  const struct net_device *dev, __be16 type,
				  bool original)
{
	struct xinet_tap *tap;

	hash_for_each_possible(tn->taps, tap, node, tap_hash(dev, type)) {
		if (tap->hook.dev == dev && tap->hook.type == type &&
		    tap->original == original)
			return tap;
	}
	return NULL;
}

/* What the core calls for a packet; those that few sinks ask for take longer ways. */
static int (*tap_func(const struct xinet_tap *tap))(struct sk_buff *skb,
						   struct net_device *dev,
						   struct packet_type *pt,
						   struct net_device *orig_dev)
{
	if (tap->original)
		return xinet_tap_rcv_original;
	if (tap->nr_owners)
		return xinet_tap_rcv_owner;
	return xinet_tap_is_all_netns(tap) ? xinet_tap_rcv_all_netns :
					     xinet_tap_rcv;
}

/* What it asks about who sends a packet. */
static bool (*tap_match(const struct xinet_tap *tap))(struct packet_type *pt,
						      struct sock *sk)
{
	if (tap->nr_owners)
		return xinet_tap_match_owner;
	return xinet_tap_is_all_netns(tap) ? xinet_tap_match_sender_all_netns :
					     xinet_tap_match_sender;
}

static struct xinet_tap *tap_alloc(struct net *net, struct net_device *dev,
				   __be16 type, bool original)
{
	struct xinet_tap *tap = kzalloc(sizeof(*tap), GFP_KERNEL_ACCOUNT);

	if (!tap)
		return NULL;

	INIT_LIST_HEAD(&tap->sinks);
	tap->hook.type = type;
	tap->hook.dev = dev;
	tap->hook.af_packet_net = net;
	/* the core calls id_match() only if this is set, which reads it */
	tap->hook.af_packet_priv = tap;
	tap->original = original;
	tap->hook.func = tap_func(tap);
	tap->hook.id_match = tap_match(tap);
	return tap;
}

/* After running, group or tap has changed; sk_receive_queue.lock held. */
static void sink_set_source(struct xinet_tap_sink *sink)
{
	const struct xinet_tap_receiver *receiver =
		rcu_dereference_protected(sink->receiver,
					  lockdep_is_held(&sink->sk->sk_receive_queue.lock));
	const void *source = NULL;

	if (sink->running && sink->aside_only)
		source = sink;
	else if (sink->running)
		source = rcu_access_pointer(sink->group) ?:
			 (const void *)rcu_access_pointer(sink->tap);
	WRITE_ONCE(sink->source, source);
	if (receiver->ops->settle)
		receiver->ops->settle(receiver);
}

/* The tap of a sink, or NULL; tn->lock held. */
static struct xinet_tap *sink_tap(const struct xinet_tap_net *tn,
				  const struct xinet_tap_sink *sink)
{
	return rcu_dereference_protected(sink->tap, lockdep_is_held(&tn->lock));
}

/* Sets the tap, and with it @source, which packets recheck under the lock. */
static void sink_set_tap(struct xinet_tap_sink *sink, struct xinet_tap *tap)
{
	/* a fanout group: packets recheck the source of a member instead */
	if (!sink->sk) {
		rcu_assign_pointer(sink->tap, tap);
		return;
	}
	spin_lock_bh(&sink->sk->sk_receive_queue.lock);
	rcu_assign_pointer(sink->tap, tap);
	sink_set_source(sink);
	spin_unlock_bh(&sink->sk->sk_receive_queue.lock);
}

/* After a change of tap->hook. */
static void tap_update_hooks(const struct xinet_tap *tap)
{
	if (xinet_tap_is_all_netns(tap))
		xinet_all_netns_update(tap);
}

/* The core clones outgoing packets for a hook without this flag. */
static void tap_update_ignore_outgoing(struct xinet_tap *tap)
{
	WRITE_ONCE(tap->hook.ignore_outgoing, !tap->nr_outgoing);
	tap_update_hooks(tap);
}

/* Only packets of a tap whose sinks ask for owners take the longer way. */
static void tap_update_owners(struct xinet_tap *tap)
{
	WRITE_ONCE(tap->hook.id_match, tap_match(tap));
	WRITE_ONCE(tap->hook.func, tap_func(tap));
	tap_update_hooks(tap);
}

/* Makes room for notes of senders, for the first sink that reports owners. */
static int tap_prepare_notes(struct xinet_tap *tap, const struct xinet_tap_sink *sink)
{
	struct xinet_tap_note __percpu *notes;

	if (!sink->owner || tap->notes)
		return 0;
	notes = alloc_percpu_gfp(struct xinet_tap_note,
				 GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!notes)
		return -ENOMEM;
	/* pairs with the address dependency of tap_deliver.c */
	smp_store_release(&tap->notes, notes);
	return 0;
}

static void tap_free(struct xinet_tap *tap)
{
	free_percpu(tap->notes);
	kfree(tap);
}

static void tap_free_rcu(struct rcu_head *rcu)
{
	tap_free(container_of(rcu, struct xinet_tap, rcu));
}

/* Whether the socket of a sink has another filter by now. */
static bool tap_filter_is_stale(const struct xinet_tap *tap)
{
	const struct xinet_tap_sink *sink;

	list_for_each_entry(sink, &tap->sinks, node) {
		if (sink->sk &&
		    rcu_access_pointer(sink->sk->sk_filter) != sink->seen)
			return true;
	}
	return false;
}

/* From now on each slot runs the filter of its socket; see tap.h. */
static void tap_degrade(struct xinet_tap_array *array)
{
	WRITE_ONCE(array->degraded, true);
	RCU_INIT_POINTER(array->only, NULL);
	RCU_INIT_POINTER(array->fast, NULL);
}

/* Fills @array, which is empty and large enough, and publishes it. */
static void tap_publish(struct xinet_tap_net *tn, struct xinet_tap *tap,
			struct xinet_tap_array *array)
{
	struct xinet_tap_array *old;

	xinet_tap_array_fill(array, &tap->sinks);
	xinet_tap_array_index(array);
	old = rcu_replace_pointer(tap->array, array,
				  lockdep_is_held(&tn->lock));
	/* pairs with smp_mb() in xinet_tap_filter_changed() */
	smp_mb();
	if (unlikely(tap_filter_is_stale(tap)))
		tap_degrade(array);
	if (old)
		tap_retire_array(tn, old);
	tap_update_ignore_outgoing(tap);
}

static void tap_register(struct xinet_tap_net *tn, struct xinet_tap *tap)
{
	struct net_device *dev = tap->hook.dev;

	netdev_hold(dev, &tap->hook.dev_tracker, GFP_KERNEL);
	hash_add(tn->taps, &tap->node, tap_hash(dev, tap->hook.type));
	if (xinet_tap_is_all_netns(tap))
		xinet_all_netns_register(tap);
	else
		dev_add_pack(&tap->hook);
}

static void tap_unregister(struct xinet_tap_net *tn, struct xinet_tap *tap)
{
	struct xinet_tap_array *array;

	if (xinet_tap_is_all_netns(tap))
		xinet_tap_retire_locked(tn, xinet_all_netns_unregister(tap));
	else
		__dev_remove_pack(&tap->hook);
	hash_del(&tap->node);
	netdev_put(tap->hook.dev, &tap->hook.dev_tracker);

	if (tap->notes)
		xinet_tap_retire_locked(tn, array_size(num_possible_cpus(),
						       sizeof(*tap->notes)));
	/* packets in flight still read both */
	array = rcu_dereference_protected(tap->array,
					  lockdep_is_held(&tn->lock));
	tap_retire_array(tn, array);
	call_rcu(&tap->rcu, tap_free_rcu);
}

static void tap_insert_sink(struct xinet_tap *tap, struct xinet_tap_sink *sink)
{
	xinet_tap_sink_insert(&tap->sinks, sink);
	WRITE_ONCE(tap->nr_sinks, tap->nr_sinks + 1);
	tap->nr_outgoing += !sink->ignore_outgoing;
	tap->nr_owners += sink->owner;
	tap_update_owners(tap);
}

/* The caller changes sink->tap. */
static void tap_remove_sink(struct xinet_tap_net *tn,
			    struct xinet_tap_sink *sink)
{
	struct xinet_tap *tap = sink_tap(tn, sink);
	struct xinet_tap_array *array;

	list_del_init(&sink->node);
	WRITE_ONCE(tap->nr_sinks, tap->nr_sinks - 1);
	tap->nr_outgoing -= !sink->ignore_outgoing;
	tap->nr_owners -= sink->owner;
	tap_update_owners(tap);
	if (!tap->nr_sinks) {
		tap_unregister(tn, tap);
		return;
	}

	array = rcu_dereference_protected(tap->array,
					  lockdep_is_held(&tn->lock));
	xinet_tap_array_remove(array, sink);
	tap_update_ignore_outgoing(tap);
	/* the array may be degraded because of this sink's filter */
	if (!xinet_tap_array_is_sparse(array) &&
	    !(array->degraded && tap->nr_sinks <= TAP_REPAIR_MAX))
		return;
	/* out of memory: retried when the next sink leaves */
	array = xinet_tap_array_alloc(tap->nr_sinks);
	if (array)
		tap_publish(tn, tap, array);
}

int xinet_tap_join(struct xinet_tap_sink *sink, struct net_device *dev,
		   __be16 type)
{
	struct xinet_tap_net *tn = sink->taps;
	struct xinet_tap_array *array;
	struct xinet_tap *tap;
	bool fresh = false;
	int err = 0;

	mutex_lock(&tn->lock);
	tap = tap_find(tn, dev, type, sink->original);
	if (tap && tap == sink_tap(tn, sink))
		goto out_unlock;

	err = -ENOMEM;
	if (!tap) {
		tap = tap_alloc(tn->net, dev, type, sink->original);
		if (!tap)
			goto out_unlock;
		fresh = true;
	}
	if (tap_prepare_notes(tap, sink))
		goto err_free_tap;
	array = xinet_tap_array_alloc(tap->nr_sinks + 1);
	if (!array)
		goto err_free_tap;
	if (fresh && xinet_tap_is_all_netns(tap) && xinet_all_netns_prepare(tap))
		goto err_free_array;

	if (sink_tap(tn, sink))
		tap_remove_sink(tn, sink);
	tap_insert_sink(tap, sink);
	sink_set_tap(sink, tap);
	tap_publish(tn, tap, array);
	if (fresh)
		tap_register(tn, tap);
	mutex_unlock(&tn->lock);
	return 0;

err_free_array:
	kvfree(array);
err_free_tap:
	if (fresh)
		tap_free(tap);
out_unlock:
	mutex_unlock(&tn->lock);
	return err;
}

void xinet_tap_leave(struct xinet_tap_sink *sink)
{
	struct xinet_tap_net *tn = sink->taps;

	if (!rcu_access_pointer(sink->tap))
		return;

	mutex_lock(&tn->lock);
	tap_remove_sink(tn, sink);
	sink_set_tap(sink, NULL);
	mutex_unlock(&tn->lock);
}

/* Regroups @sink after a change of filter or mode; no memory: @array NULL. */
static void tap_reorder(struct xinet_tap_net *tn, struct xinet_tap_sink *sink,
			struct xinet_tap_array *array)
{
	struct xinet_tap *tap = sink_tap(tn, sink);
	struct xinet_tap_array *old;

	list_del(&sink->node);
	xinet_tap_sink_insert(&tap->sinks, sink);
	if (array) {
		tap_publish(tn, tap, array);
		return;
	}
	old = rcu_dereference_protected(tap->array,
					lockdep_is_held(&tn->lock));
	tap_degrade(old);
}

void xinet_tap_set_filter(struct xinet_tap_sink *sink,
			  struct xinet_filter *filter, struct sk_filter *seen,
			  bool own)
{
	struct xinet_tap_net *tn = sink->taps;
	struct xinet_tap *tap;

	mutex_lock(&tn->lock);
	tap = sink_tap(tn, sink);
	sink->filter = filter;
	sink->seen = seen;
	sink->own_filter = own;
	if (tap)
		tap_reorder(tn, sink, xinet_tap_array_alloc(tap->nr_sinks));
	mutex_unlock(&tn->lock);
}

void xinet_tap_filter_changed(struct xinet_tap_sink *sink)
{
	struct xinet_tap *tap;

	/*
	 * The filter is stored before the array is marked; tap_publish() stores
	 * an array before it compares filters. Pairs with smp_mb() there: the
	 * later of the two sees what the earlier has stored.
	 */
	smp_mb();
	rcu_read_lock();
	tap = rcu_dereference(sink->tap);
	if (tap)
		tap_degrade(rcu_dereference(tap->array));
	rcu_read_unlock();
}

int xinet_tap_set_mode(struct xinet_tap_sink *sink, enum xinet_tap_mode mode,
		       void (*turned)(struct xinet_tap_sink *sink, void *arg),
		       void *arg)
{
	struct xinet_tap_net *tn = sink->taps;
	struct xinet_tap_array *array = NULL;
	struct xinet_tap *tap;
	int err = 0;

	mutex_lock(&tn->lock);
	tap = sink_tap(tn, sink);
	if (tap) {
		array = xinet_tap_array_alloc(tap->nr_sinks);
		if (!array) {
			err = -ENOMEM;
			goto out_unlock;
		}
	}

	spin_lock_bh(&sink->sk->sk_receive_queue.lock);
	WRITE_ONCE(sink->mode, mode);
	turned(sink, arg);
	spin_unlock_bh(&sink->sk->sk_receive_queue.lock);
	if (array)
		tap_reorder(tn, sink, array);
out_unlock:
	mutex_unlock(&tn->lock);
	return err;
}

void xinet_tap_set_running(struct xinet_tap_sink *sink, bool running)
{
	spin_lock_bh(&sink->sk->sk_receive_queue.lock);
	WRITE_ONCE(sink->running, running);
	sink_set_source(sink);
	spin_unlock_bh(&sink->sk->sk_receive_queue.lock);
}

void xinet_tap_set_group(struct xinet_tap_sink *sink,
			 struct xinet_tap_sink *group)
{
	spin_lock_bh(&sink->sk->sk_receive_queue.lock);
	rcu_assign_pointer(sink->group, group);
	sink_set_source(sink);
	spin_unlock_bh(&sink->sk->sk_receive_queue.lock);
}

void xinet_tap_set_ignore_outgoing(struct xinet_tap_sink *sink, bool ignore)
{
	struct xinet_tap_net *tn = sink->taps;
	struct xinet_tap *tap;

	mutex_lock(&tn->lock);
	tap = sink_tap(tn, sink);
	if (tap) {
		tap->nr_outgoing += sink->ignore_outgoing - ignore;
		tap_update_ignore_outgoing(tap);
	}
	WRITE_ONCE(sink->ignore_outgoing, ignore);
	mutex_unlock(&tn->lock);
}
