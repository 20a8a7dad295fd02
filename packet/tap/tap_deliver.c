// SPDX-License-Identifier: GPL-2.0-only
/*
 * What runs per packet of a tap: from the kernel's hook, by the array behind it,
 * to the sinks that accept the packet. The drawing, the budget and what changes
 * the array are in tap.c. No lock is taken here and nothing is allocated.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/filter.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/time64.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/sock.h"
#include "packet/tap/filter_index.h"
#include "packet/tap/tap.h"
#include "packet/tap/tap_array.h"
#include "packet/tap/tap_hook.h"
#include "packet/tap/tap_sender.h"

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
	receiver->ops->deliver(sink, receiver, skb, frame);
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
	for (; group != end && group->fast == mode; group++) {
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
		receiver->ops->deliver(member, receiver, skb, &own);
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

/* What xinet_tap_rcv() has not done at once. */
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
int xinet_tap_rcv(struct sk_buff *skb, struct net_device *dev,
		  struct packet_type *pt, struct net_device *orig_dev)
{
	struct xinet_tap *tap = container_of(pt, struct xinet_tap, hook);
	struct xinet_tap_sink *sink =
		rcu_dereference(rcu_dereference(tap->array)->fast);
	const struct xinet_tap_receiver *receiver;
	xinet_tap_fast_t fast;

	/* below are those that come from elsewhere */
	if (!sink || skb->pkt_type >= PACKET_OUTGOING || !tap_is_near(tap, skb))
		return tap_rcv_any(skb, tap, orig_dev);
	receiver = rcu_dereference(sink->receiver);
	fast = READ_ONCE(receiver->fast);
	if (!fast || !fast(sink, receiver, skb, tap, orig_dev))
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
 * stands behind it. Otherwise the others get it, and xinet_tap_rcv(), which follows
 * on this CPU, leaves the sender out. When it does not follow for want of
 * memory, the next packet of the tap on this CPU may miss one sink.
 */
bool xinet_tap_match_sender(struct packet_type *pt, struct sock *sk)
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
