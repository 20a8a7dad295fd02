// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taps: where packets enter this room. The kernel calls tap_rcv() for every
 * packet of a device (or of all devices of a namespace) and EtherType that a
 * socket asks for; behind it stands a demultiplexer that hands the packet to
 * the sinks that accept it. packet.c and options.c tell a tap what stands
 * behind it. Nothing here knows what a sink does with a packet.
 *
 * The way of a packet:
 *
 *   __netif_receive_skb_core()        dev_queue_xmit_nit()
 *              |                               |
 *              |                     tap_match_sender()  notes who sent it
 *              |                               |
 *              +-----------> tap_rcv() <-------+
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
 *                       who says yes        +---------------------------+
 *
 * An array is one allocation and never changes once it is published, but for
 * two things: a slot is emptied when its sink leaves, so that leaving needs no
 * memory and seldom a new array; and "degraded", which lets a filter change
 * succeed without memory, and take effect before its new array is made.
 *
 * Budget per packet: one hook per tap however many sinks stand behind it; one
 * namespace comparison; one run of each distinct program that filter_index.c
 * does not rule out; for a sink whose program says no nothing at all, for one
 * that is handed the packet two flag tests and an indirect call. No lock, no
 * allocation, no write to anything that another CPU reads but the count of the
 * reference that came with the packet.
 *
 * Locks: tn->lock serialises all changes. It is taken under the lock of a
 * sink's owner (and so under RTNL at times), and nothing is taken under it but
 * sk_receive_queue.lock for single stores.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/filter.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/filter_index.h"
#include "packet/packet.h"
#include "packet/tap.h"
#include "packet/tap_array.h"
#include "packet/tap_sender.h"

/*
 * How many sinks a tap may have for a sink that leaves to have a new array made
 * only because the old one is degraded: what it costs each of many that leave.
 * The sinks of a larger tap go the slow path until the next one joins or changes.
 */
#define TAP_REPAIR_MAX	64

/*
 * @hook: what the kernel holds; also the key of the tap (dev, type)
 * @array: never NULL while the hook is registered
 * @sinks: under tn->lock, ordered by xinet_tap_sink_insert()
 * @nr_sinks: length of @sinks; read without the lock by tap_match_sender()
 * @nr_outgoing: how many of them want what this host sends
 */
struct xinet_tap {
	struct packet_type hook;
	struct xinet_tap_array __rcu *array;
	struct list_head sinks;
	unsigned int nr_sinks;
	unsigned int nr_outgoing;
	struct hlist_node node;
	struct rcu_head rcu;
};

/*
 * Where a packet begins in @mode, when the kernel left its data pointer at
 * @data. A device without header_ops hides its link-level header from everyone,
 * so all modes begin there.
 */
static unsigned char *tap_view(const struct sk_buff *skb, unsigned char *data,
			       enum xinet_tap_mode mode)
{
	if (mode == XINET_TAP_NATIVE || !dev_has_header(skb->dev))
		return data;
	if (mode == XINET_TAP_RAW)
		return skb_mac_header(skb);
	if (skb->pkt_type == PACKET_OUTGOING &&
	    skb_network_offset(skb) <= (int)skb_headlen(skb))
		return skb_network_header(skb);
	return data;
}

/*
 * Moves the data pointer of a packet that may be shared. The CPU that handles
 * a packet is the only one that looks at these fields, and puts them back.
 */
static void tap_move_data(struct sk_buff *skb, unsigned char *data)
{
	skb->len += skb->data - data;
	skb->data = data;
}

/*
 * The program that the core holds for the socket of @sink; RCU. A fanout group
 * takes what its members may want, be it nothing behind a link-level header.
 */
static unsigned int tap_run_own(const struct xinet_tap_sink *sink,
				struct sk_buff *skb, unsigned int len)
{
	const struct sk_filter *filter;

	if (!sink->sk)
		return U32_MAX;
	filter = rcu_dereference(sink->sk->sk_filter);
	/* with BH disabled nobody migrates */
	return filter ? __bpf_prog_run_save_cb(filter->prog, skb) : len;
}

/* @data: as in tap_view() */
static void tap_enter_mode(struct sk_buff *skb, struct xinet_tap_frame *frame,
			   unsigned char *data, enum xinet_tap_mode mode)
{
	tap_move_data(skb, tap_view(skb, data, mode));
	frame->mode = mode;
}

static void tap_offer(struct xinet_tap_sink *sink, struct sk_buff *skb,
		      const struct xinet_tap_frame *frame)
{
	const struct xinet_tap_receiver *receiver =
		rcu_dereference(sink->receiver);

	if (!READ_ONCE(sink->running))
		return;
	if (skb->pkt_type == PACKET_OUTGOING &&
	    READ_ONCE(sink->ignore_outgoing))
		return;
	receiver->deliver(sink, receiver, skb, frame);
}

/* Asks the filter of the socket itself. */
static void tap_offer_own(struct xinet_tap_sink *sink, struct sk_buff *skb,
			  struct xinet_tap_frame *frame)
{
	unsigned int len = xinet_skb_readable_len(skb);
	unsigned int res = tap_run_own(sink, skb, len);

	if (!res)
		return;
	frame->snaplen = min(len, res);
	tap_offer(sink, skb, frame);
}

/* Hands a packet to slots [@first, @end), asking each socket's own filter. */
static void tap_demux_own(const struct xinet_tap_array *array,
			  struct sk_buff *skb, struct xinet_tap_frame *frame,
			  const struct xinet_tap_sink *sender, u32 first, u32 end)
{
	struct xinet_tap_sink *sink;
	u32 i;

	for (i = first; i < end; i++) {
		sink = rcu_dereference(array->slots[i]);
		if (sink && sink != sender &&
		    READ_ONCE(sink->mode) == frame->mode)
			tap_offer_own(sink, skb, frame);
	}
}

/* The groups are void: asks every socket. */
static noinline void tap_demux_degraded(const struct xinet_tap_array *array,
					struct sk_buff *skb,
					struct xinet_tap_frame *frame,
					const struct xinet_tap_sink *sender)
{
	unsigned char *data = skb->data;
	u32 mode;

	for (mode = 0; mode < XINET_TAP_MODES; mode++) {
		tap_enter_mode(skb, frame, data, mode);
		tap_demux_own(array, skb, frame, sender, 0, array->nr_slots);
	}
	tap_move_data(skb, data);
}

/* Hands a packet that its program accepts to one group. */
static void tap_demux_group(const struct xinet_tap_array *array,
			    const struct xinet_tap_group *group,
			    struct sk_buff *skb, struct xinet_tap_frame *frame,
			    const struct xinet_tap_sink *sender)
{
	struct xinet_tap_sink *sink;
	u32 i;

	for (i = group->first; i < group->end; i++) {
		sink = rcu_dereference(array->slots[i]);
		if (likely(sink) && sink != sender)
			tap_offer(sink, skb, frame);
	}
}

/*
 * The first group from @group on, but before @end, whose program does not simply
 * say no in this mode; *@res is what it says, or 0 if it has not been asked.
 */
static __always_inline const struct xinet_tap_group *
tap_skip_groups(const struct xinet_tap_group *group,
		const struct xinet_tap_group *end, struct sk_buff *skb,
		enum xinet_tap_mode mode, unsigned int *res)
{
	*res = 0;
	for (; group != end && group->quick == mode; group++) {
		/* with BH disabled nobody migrates */
		*res = bpf_prog_run(rcu_dereference(group->prog), skb);
		if (*res)
			break;
	}
	return group;
}

/* Hands a packet to one group if its program, if any, accepts it. */
static void tap_ask_group(const struct xinet_tap_array *array,
			  const struct xinet_tap_group *group,
			  struct sk_buff *skb, struct xinet_tap_frame *frame,
			  const struct xinet_tap_sink *sender)
{
	const struct bpf_prog *prog = rcu_dereference(group->prog);
	unsigned int len = xinet_skb_readable_len(skb);
	unsigned int res = len;

	if (prog) {
		/* with BH disabled nobody migrates */
		res = __bpf_prog_run_save_cb(prog, skb);
	} else if (unlikely(group->own)) {
		tap_demux_own(array, skb, frame, sender, group->first,
			      group->end);
		return;
	}
	/* without a program: an empty packet, which AF_PACKET drops, too */
	if (!res)
		return;
	frame->snaplen = min(len, res);
	tap_demux_group(array, group, skb, frame, sender);
}

/* The groups that the index speaks for, all of them link-level ones. */
static noinline void tap_demux_indexed(const struct xinet_tap_array *array,
				       struct sk_buff *skb,
				       struct xinet_tap_frame *frame,
				       const struct xinet_tap_sink *sender)
{
	DECLARE_BITMAP(run, XINET_FILTER_INDEX_MAX);
	u32 i;

	xinet_filter_index_match(array->index, skb, run);
	for_each_set_bit(i, run, array->nr_indexed)
		tap_ask_group(array, &array->groups[i], skb, frame, sender);
}

VISIBLE_IF_KUNIT
void xinet_tap_demux(const struct xinet_tap_array *array, struct sk_buff *skb,
		     struct xinet_tap_frame *frame,
		     const struct xinet_tap_sink *sender)
{
	const struct xinet_tap_group *group = array->groups;
	const struct xinet_tap_group *end = group + array->nr_groups;
	unsigned char *data = skb->data;
	unsigned int res;

	if (unlikely(READ_ONCE(array->degraded))) {
		tap_demux_degraded(array, skb, frame, sender);
		return;
	}

	tap_enter_mode(skb, frame, data, XINET_TAP_RAW);
	if (array->index) {
		tap_demux_indexed(array, skb, frame, sender);
		group += array->nr_indexed;
	}
	for (;; group++) {
		group = tap_skip_groups(group, end, skb, frame->mode, &res);
		if (group == end)
			break;
		if (res) {
			frame->snaplen = min(xinet_skb_readable_len(skb), res);
			tap_demux_group(array, group, skb, frame, sender);
			continue;
		}
		if (unlikely(group->mode != frame->mode))
			tap_enter_mode(skb, frame, data, group->mode);
		tap_ask_group(array, group, skb, frame, sender);
	}
	tap_move_data(skb, data);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_demux);

void xinet_tap_hand_on(const struct xinet_tap_sink *group,
		       struct xinet_tap_sink *member, struct sk_buff *skb,
		       const struct xinet_tap_frame *frame)
{
	struct xinet_tap_frame own = {
		.source = group,
		.orig_dev = frame->orig_dev,
		.now = frame->now,
	};
	const struct xinet_tap_receiver *receiver =
		rcu_dereference(member->receiver);
	unsigned char *data = skb->data;
	unsigned int len, res;

	tap_enter_mode(skb, &own, data, READ_ONCE(member->mode));
	len = xinet_skb_readable_len(skb);
	res = tap_run_own(member, skb, len);
	if (res && READ_ONCE(member->running)) {
		own.snaplen = min(len, res);
		receiver->deliver(member, receiver, skb, &own);
	}
	tap_move_data(skb, data);
}

/* xinet_tap_demux() where there is little to do. */
static void tap_demux_only(struct xinet_tap_sink *sink, struct sk_buff *skb,
			   struct xinet_tap_frame *frame)
{
	unsigned char *data = skb->data;

	frame->mode = XINET_TAP_RAW;
	if (dev_has_header(skb->dev))
		tap_move_data(skb, skb_mac_header(skb));
	frame->snaplen = xinet_skb_readable_len(skb);
	if (likely(frame->snaplen))
		tap_offer(sink, skb, frame);
	tap_move_data(skb, data);
}

/* consume_skb(); somebody else nearly always has the packet, too. */
static __always_inline void tap_put_skb(struct sk_buff *skb)
{
	if (likely(skb_shared(skb))) {
		if (!refcount_dec_and_test(&skb->users))
			return;
		/* it is ours alone now */
		refcount_set(&skb->users, 1);
	}
	consume_skb(skb);
}

/*
 * Some kernels keep hooks for all devices in one list, and a device may be on
 * its way to another namespace.
 */
static bool tap_is_near(const struct xinet_tap *tap, const struct sk_buff *skb)
{
	return net_eq(dev_net(skb->dev), tap->hook.af_packet_net);
}

/* What tap_rcv() has not done at once. */
static noinline int tap_rcv_any(struct sk_buff *skb, struct xinet_tap *tap,
				const struct net_device *orig_dev)
{
	const struct xinet_tap_sink *sender = xinet_tap_sender_take(tap);
	const struct xinet_tap_array *array;
	struct xinet_tap_frame frame;
	struct xinet_tap_sink *only;
	struct timespec64 now;

	if (unlikely(skb->pkt_type == PACKET_LOOPBACK ||
		     !tap_is_near(tap, skb)))
		goto out_put;

	array = rcu_dereference(tap->array);
	only = rcu_dereference(array->only);
	/* the rest is filled in on the way */
	now.tv_sec = 0;
	frame.source = tap;
	frame.orig_dev = orig_dev;
	frame.now = &now;
	if (only && !sender)
		tap_demux_only(only, skb, &frame);
	else
		xinet_tap_demux(array, skb, &frame, sender);
out_put:
	tap_put_skb(skb);
	return 0;
}

/*
 * packet_type hook; softirq, or BH disabled; RCU. Owns a reference to @skb,
 * which other hooks and the protocol may share. Only a packet that this host
 * sends has a sender to be left out.
 */
static int tap_rcv(struct sk_buff *skb, struct net_device *dev,
		   struct packet_type *pt, struct net_device *orig_dev)
{
	struct xinet_tap *tap = container_of(pt, struct xinet_tap, hook);
	struct xinet_tap_sink *sink =
		rcu_dereference(rcu_dereference(tap->array)->quick);
	const struct xinet_tap_receiver *receiver;
	xinet_tap_quick_t quick;

	/* below are those that come from elsewhere */
	if (!sink || skb->pkt_type >= PACKET_OUTGOING || !tap_is_near(tap, skb))
		return tap_rcv_any(skb, tap, orig_dev);
	receiver = rcu_dereference(sink->receiver);
	quick = READ_ONCE(receiver->quick);
	if (!quick || !quick(sink, receiver, skb, tap, orig_dev))
		return tap_rcv_any(skb, tap, orig_dev);
	tap_put_skb(skb);
	return 0;
}

/*
 * What stands behind a tap for @sk, if it is a packet socket of ours: its own
 * sink or that of its fanout group, from all of which its packets are hidden.
 */
static const struct xinet_tap_sink *tap_sink_of(const struct sock *sk)
{
	const struct xinet_tap_sink *sink = xinet_packet_sink(sk);
	const struct xinet_tap_sink *group;

	group = sink ? rcu_access_pointer(sink->group) : NULL;
	return group ?: sink;
}

/*
 * packet_type's id_match(): asked by dev_queue_xmit_nit() whether the packet
 * that @sk has sent is to be hidden from this hook. It is when nobody else
 * stands behind it. Otherwise the others get it, and tap_rcv(), which follows
 * on this CPU, leaves the sender out. When it does not follow for want of
 * memory, the next packet of the tap on this CPU may miss one sink.
 */
static bool tap_match_sender(struct packet_type *pt, struct sock *sk)
{
	struct xinet_tap *tap = container_of(pt, struct xinet_tap, hook);
	const struct xinet_tap_sink *sink = tap_sink_of(sk);

	if (!sink || rcu_access_pointer(sink->tap) != tap) {
		xinet_tap_sender_take(tap);
		return false;
	}
	if (READ_ONCE(tap->nr_sinks) == 1)
		return true;

	xinet_tap_sender_note(tap, sink);
	return false;
}

/* Frees @array, which is not published any more; tn->lock held. */
static void tap_retire_array(struct xinet_tap_net *tn,
			     struct xinet_tap_array *array)
{
	size_t size = array->size;

	/* in this order: who throttles waits for what it has seen counted */
	xinet_tap_array_free_rcu(array);
	xinet_tap_retire_locked(tn, size);
}

static u32 tap_hash(const struct net_device *dev, __be16 type)
{
	return (dev ? dev->ifindex : 0) ^ (__force u16)type;
}

static struct xinet_tap *tap_find(struct xinet_tap_net *tn,
				  const struct net_device *dev, __be16 type)
{
	struct xinet_tap *tap;

	hash_for_each_possible(tn->taps, tap, node, tap_hash(dev, type)) {
		if (tap->hook.dev == dev && tap->hook.type == type)
			return tap;
	}
	return NULL;
}

static struct xinet_tap *tap_alloc(struct net *net, struct net_device *dev,
				   __be16 type)
{
	struct xinet_tap *tap = kzalloc(sizeof(*tap), GFP_KERNEL_ACCOUNT);

	if (!tap)
		return NULL;

	INIT_LIST_HEAD(&tap->sinks);
	tap->hook.type = type;
	tap->hook.dev = dev;
	tap->hook.func = tap_rcv;
	tap->hook.id_match = tap_match_sender;
	tap->hook.af_packet_net = net;
	/* id_match() is asked only when this is set */
	tap->hook.af_packet_priv = tap;
	return tap;
}

/* After a change of what it depends on, sk_receive_queue.lock held. */
static void sink_set_source(struct xinet_tap_sink *sink)
{
	const struct xinet_tap_receiver *receiver =
		rcu_dereference_protected(sink->receiver,
					  lockdep_is_held(&sink->sk->sk_receive_queue.lock));
	const void *source = NULL;

	if (sink->running)
		source = rcu_access_pointer(sink->group) ?:
			 (const void *)rcu_access_pointer(sink->tap);
	WRITE_ONCE(sink->source, source);
	if (receiver->moved)
		receiver->moved(receiver);
}

/* Where a sink is; tn->lock held. */
static struct xinet_tap *sink_tap(const struct xinet_tap_net *tn,
				  const struct xinet_tap_sink *sink)
{
	return rcu_dereference_protected(sink->tap, lockdep_is_held(&tn->lock));
}

/* Stores what per-packet code checks under the queue's lock. */
static void sink_set_tap(struct xinet_tap_sink *sink, struct xinet_tap *tap)
{
	/* a fanout group; its members refuse packets by their own group */
	if (!sink->sk) {
		rcu_assign_pointer(sink->tap, tap);
		return;
	}
	spin_lock_bh(&sink->sk->sk_receive_queue.lock);
	rcu_assign_pointer(sink->tap, tap);
	sink_set_source(sink);
	spin_unlock_bh(&sink->sk->sk_receive_queue.lock);
}

/* Outgoing packets are cloned for a hook that does not say this. */
static void tap_update_ignore_outgoing(struct xinet_tap *tap)
{
	WRITE_ONCE(tap->hook.ignore_outgoing, !tap->nr_outgoing);
}

/* Whether the socket of a sink has got another filter meanwhile. */
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

/* From here on each slot runs the filter of its socket; tap.h. */
static void tap_degrade(struct xinet_tap_array *array)
{
	WRITE_ONCE(array->degraded, true);
	RCU_INIT_POINTER(array->only, NULL);
	RCU_INIT_POINTER(array->quick, NULL);
}

/* Makes @array, empty and large enough, the one that packets see. */
static void tap_publish(struct xinet_tap_net *tn, struct xinet_tap *tap,
			struct xinet_tap_array *array)
{
	struct xinet_tap_array *old;

	xinet_tap_array_fill(array, &tap->sinks);
	xinet_tap_array_index(array);
	old = rcu_replace_pointer(tap->array, array,
				  lockdep_is_held(&tn->lock));
	/* pairs with the one in xinet_tap_filter_changed() */
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
	dev_add_pack(&tap->hook);
}

static void tap_unregister(struct xinet_tap_net *tn, struct xinet_tap *tap)
{
	struct xinet_tap_array *array;

	__dev_remove_pack(&tap->hook);
	hash_del(&tap->node);
	netdev_put(tap->hook.dev, &tap->hook.dev_tracker);

	/* packets under way still read both */
	array = rcu_dereference_protected(tap->array,
					  lockdep_is_held(&tn->lock));
	tap_retire_array(tn, array);
	kfree_rcu(tap, rcu);
}

static void tap_insert_sink(struct xinet_tap *tap, struct xinet_tap_sink *sink)
{
	xinet_tap_sink_insert(&tap->sinks, sink);
	WRITE_ONCE(tap->nr_sinks, tap->nr_sinks + 1);
	tap->nr_outgoing += !sink->ignore_outgoing;
}

/* Leaves sink->tap to the caller. */
static void tap_remove_sink(struct xinet_tap_net *tn,
			    struct xinet_tap_sink *sink)
{
	struct xinet_tap *tap = sink_tap(tn, sink);
	struct xinet_tap_array *array;

	list_del_init(&sink->node);
	WRITE_ONCE(tap->nr_sinks, tap->nr_sinks - 1);
	tap->nr_outgoing -= !sink->ignore_outgoing;
	if (!tap->nr_sinks) {
		tap_unregister(tn, tap);
		return;
	}

	array = rcu_dereference_protected(tap->array,
					  lockdep_is_held(&tn->lock));
	xinet_tap_array_remove(array, sink);
	tap_update_ignore_outgoing(tap);
	/* this sink's filter may be what the array was degraded for */
	if (!xinet_tap_array_is_sparse(array) &&
	    !(array->degraded && tap->nr_sinks <= TAP_REPAIR_MAX))
		return;
	/* without memory the next one to leave tries again */
	array = xinet_tap_array_alloc(tap->nr_sinks);
	if (array)
		tap_publish(tn, tap, array);
}

int xinet_tap_join(struct xinet_tap_net *tn, struct net *net,
		   struct xinet_tap_sink *sink, struct net_device *dev,
		   __be16 type)
{
	struct xinet_tap_array *array;
	struct xinet_tap *tap;
	bool fresh = false;
	int err = 0;

	mutex_lock(&tn->lock);
	tap = tap_find(tn, dev, type);
	if (tap && tap == sink_tap(tn, sink))
		goto out_unlock;

	err = -ENOMEM;
	if (!tap) {
		tap = tap_alloc(net, dev, type);
		if (!tap)
			goto out_unlock;
		fresh = true;
	}
	array = xinet_tap_array_alloc(tap->nr_sinks + 1);
	if (!array)
		goto err_free_tap;

	if (sink_tap(tn, sink))
		tap_remove_sink(tn, sink);
	tap_insert_sink(tap, sink);
	sink_set_tap(sink, tap);
	tap_publish(tn, tap, array);
	if (fresh)
		tap_register(tn, tap);
	mutex_unlock(&tn->lock);
	return 0;

err_free_tap:
	if (fresh)
		kfree(tap);
out_unlock:
	mutex_unlock(&tn->lock);
	return err;
}

void xinet_tap_leave(struct xinet_tap_net *tn, struct xinet_tap_sink *sink)
{
	if (!rcu_access_pointer(sink->tap))
		return;

	mutex_lock(&tn->lock);
	tap_remove_sink(tn, sink);
	sink_set_tap(sink, NULL);
	mutex_unlock(&tn->lock);
}

/* Puts @sink where its new filter or mode belongs; @array NULL: no memory. */
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

void xinet_tap_set_filter(struct xinet_tap_net *tn,
			  struct xinet_tap_sink *sink,
			  struct xinet_filter *filter, struct sk_filter *seen,
			  bool own)
{
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
	 * The filter is stored, then the array marked; tap_publish() stores an
	 * array, then looks at the filters. Pairs with the one there: whoever
	 * comes second sees what the first has stored.
	 */
	smp_mb();
	rcu_read_lock();
	tap = rcu_dereference(sink->tap);
	if (tap)
		tap_degrade(rcu_dereference(tap->array));
	rcu_read_unlock();
}

int xinet_tap_set_mode(struct xinet_tap_net *tn, struct xinet_tap_sink *sink,
		       enum xinet_tap_mode mode,
		       void (*turned)(struct xinet_tap_sink *sink, void *arg),
		       void *arg)
{
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

void xinet_tap_set_ignore_outgoing(struct xinet_tap_net *tn,
				   struct xinet_tap_sink *sink, bool ignore)
{
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
