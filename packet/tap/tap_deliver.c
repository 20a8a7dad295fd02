// SPDX-License-Identifier: GPL-2.0-only
/*
 * The per-packet code of a tap: from the kernel's hook, through its array, to
 * the sinks that accept the packet. Called by the kernel, and by
 * fanout_deliver.c for a member. The drawing, the budget and the changes of the
 * array are in tap.c. No lock is taken here and nothing is allocated, but by
 * original.c for taps whose sinks get frames as on the wire.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/filter.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/time64.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/sock.h"
#include "packet/tap/filter_index.h"
#include "packet/tap/original.h"
#include "packet/tap/original_tcp.h"
#include "packet/tap/owner_id.h"
#include "packet/tap/tap.h"
#include "packet/tap/tap_array.h"
#include "packet/tap/tap_hook.h"
#include "packet/tap/tap_sender.h"

/*
 * Where a packet begins in @mode, if the kernel left skb->data at @data. The
 * link-level header of a device without header_ops is not visible, so all modes
 * begin at @data.
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
 * Moves skb->data of a packet that may be shared. Only the CPU that handles a
 * packet reads these fields, and it restores them.
 */
static void tap_move_data(struct sk_buff *skb, unsigned char *data)
{
	skb->len += skb->data - data;
	skb->data = data;
}

/*
 * Runs the program that the core holds for the socket of @sink; RCU. A fanout
 * group accepts every packet, even an empty one: its members run their filters.
 */
static unsigned int tap_run_own(const struct xinet_tap_sink *sink,
				struct sk_buff *skb, unsigned int len)
{
	const struct sk_filter *filter;

	if (!sink->sk)
		return U32_MAX;
	filter = rcu_dereference(sink->sk->sk_filter);
	/* BH is disabled: no migration */
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

/* Runs the socket's own filter. */
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

/* Offers a packet to slots [@first, @end), by each socket's own filter. */
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

/* The groups are void: runs the filter of every socket. */
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

/* Offers a packet to a group whose program has accepted it. */
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
 * Skips the groups of [@group, @end) whose fast program rejects the packet in
 * @mode. *@res is what the program of the group returned, 0 if it has not run.
 */
static __always_inline const struct xinet_tap_group *
tap_skip_groups(const struct xinet_tap_group *group,
		const struct xinet_tap_group *end, struct sk_buff *skb,
		enum xinet_tap_mode mode, unsigned int *res)
{
	*res = 0;
	for (; group != end && group->fast == mode; group++) {
		/* BH is disabled: no migration */
		*res = bpf_prog_run(rcu_dereference(group->prog), skb);
		if (*res)
			break;
	}
	return group;
}

/* Offers a packet to one group if its program, if any, accepts it. */
static void tap_ask_group(const struct xinet_tap_array *array,
			  const struct xinet_tap_group *group,
			  struct sk_buff *skb, struct xinet_tap_frame *frame,
			  const struct xinet_tap_sink *sender)
{
	const struct bpf_prog *prog = rcu_dereference(group->prog);
	unsigned int len = xinet_skb_readable_len(skb);
	unsigned int res = len;

	if (prog) {
		/* BH is disabled: no migration */
		res = __bpf_prog_run_save_cb(prog, skb);
	} else if (unlikely(group->own)) {
		tap_demux_own(array, skb, frame, sender, group->first,
			      group->end);
		return;
	}
	/* without a program: an empty packet, which AF_PACKET drops as well */
	if (!res)
		return;
	frame->snaplen = min(len, res);
	tap_demux_group(array, group, skb, frame, sender);
}

/* The groups that the index covers, all of them link-level ones. */
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

/* Inlined where most packets come by. */
static __always_inline void tap_demux(const struct xinet_tap_array *array,
				      struct sk_buff *skb,
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

VISIBLE_IF_KUNIT
noinline void xinet_tap_demux(const struct xinet_tap_array *array,
			      struct sk_buff *skb,
			      struct xinet_tap_frame *frame,
			      const struct xinet_tap_sink *sender)
{
	tap_demux(array, skb, frame, sender);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_demux);

/*
 * Runs the filter of the socket of @sink on a packet in its mode, in which it is
 * left. Returns whether it is accepted.
 */
static __always_inline bool tap_show(const struct xinet_tap_sink *sink,
				     struct sk_buff *skb,
				     struct xinet_tap_frame *frame)
{
	unsigned int len, res;

	tap_enter_mode(skb, frame, skb->data, READ_ONCE(sink->mode));
	len = xinet_skb_readable_len(skb);
	res = tap_run_own(sink, skb, len);
	frame->snaplen = min(len, res);
	return res;
}

void xinet_tap_hand_on(const struct xinet_tap_sink *group,
		       struct xinet_tap_sink *member, struct sk_buff *skb,
		       const struct xinet_tap_frame *frame)
{
	struct xinet_tap_frame own = {
		.source = group,
		.orig_dev = frame->orig_dev,
		.now = frame->now,
		.owned = frame->owned,
	};
	const struct xinet_tap_receiver *receiver =
		rcu_dereference(member->receiver);
	unsigned char *data = skb->data;

	if (tap_show(member, skb, &own) && READ_ONCE(member->running))
		receiver->ops->deliver(member, receiver, skb, &own);
	tap_move_data(skb, data);
}

void xinet_tap_hand_aside(struct xinet_tap_sink *sink, struct sk_buff *skb,
			  struct timespec64 *now,
			  const struct xinet_aside *aside)
{
	struct xinet_tap_frame frame = {
		.source = READ_ONCE(sink->source),
		.orig_dev = skb->dev,
		.now = now,
	};
	const struct xinet_tap_receiver *receiver =
		rcu_dereference(sink->receiver);
	unsigned char *data = skb->data;

	/* the socket may be closing, and have another receiver by now */
	if (unlikely(!frame.source || !receiver->ops->aside ||
		     (aside->lockless && !receiver->ops->aside_is_lockless)))
		return;
	if (tap_show(sink, skb, &frame))
		receiver->ops->aside(sink, receiver, skb, &frame, aside);
	tap_move_data(skb, data);
}

/* xinet_tap_demux() for array->only. */
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

/* Shows one packet to all sinks. @frame->mode and ->snaplen are set here. */
static __always_inline void tap_show_all(const struct xinet_tap_array *array,
					 struct sk_buff *skb,
					 struct xinet_tap_frame *frame,
					 const struct xinet_tap_sink *sender)
{
	struct xinet_tap_sink *only = rcu_dereference(array->only);

	if (only && !sender)
		tap_demux_only(only, skb, frame);
	else
		xinet_tap_demux(array, skb, frame, sender);
}

/* consume_skb() for a packet that is nearly always shared. */
static __always_inline void tap_put_skb(struct sk_buff *skb)
{
	if (likely(skb_shared(skb))) {
		if (!refcount_dec_and_test(&skb->users))
			return;
		/* the last reference is ours */
		refcount_set(&skb->users, 1);
	}
	consume_skb(skb);
}

/*
 * Whether a packet is of the tap's namespace. Some kernels keep the hooks
 * without a device in one list, and a device may be moving to another
 * namespace.
 */
static bool tap_is_near(const struct xinet_tap *tap, const struct sk_buff *skb)
{
	return net_eq(dev_net(skb->dev), tap->hook.af_packet_net);
}

/* What the core passes is a copy in a tap of all namespaces. */
static struct xinet_tap *tap_of(const struct packet_type *pt)
{
	return pt->af_packet_priv;
}

/* @all_netns, a constant: of a tap of all namespaces */
static __always_inline int tap_rcv_slow(struct sk_buff *skb, struct xinet_tap *tap,
					const struct net_device *orig_dev,
					bool all_netns)
{
	const struct xinet_tap_sink *sender = xinet_tap_sender_take(tap);
	const struct xinet_tap_array *array;
	struct xinet_tap_frame frame;
	struct xinet_tap_sink *only;
	struct timespec64 now;

	if (unlikely(skb->pkt_type == PACKET_LOOPBACK ||
		     (!all_netns && !tap_is_near(tap, skb))))
		goto out_put;

	array = rcu_dereference(tap->array);
	only = rcu_dereference(array->only);
	/* the demultiplexer sets the rest */
	now.tv_sec = 0;
	frame.source = tap;
	frame.orig_dev = orig_dev;
	frame.now = &now;
	frame.owned = NULL;
	if (only && !sender)
		tap_demux_only(only, skb, &frame);
	else
		tap_demux(array, skb, &frame, sender);
out_put:
	tap_put_skb(skb);
	return 0;
}

/* The slow path of xinet_tap_rcv(). */
static noinline int tap_rcv_any(struct sk_buff *skb, struct xinet_tap *tap,
				const struct net_device *orig_dev)
{
	return tap_rcv_slow(skb, tap, orig_dev, false);
}

/* The slow path of xinet_tap_rcv_all_netns(). */
static noinline int tap_rcv_any_all_netns(struct sk_buff *skb,
					  struct xinet_tap *tap,
					  const struct net_device *orig_dev)
{
	return tap_rcv_slow(skb, tap, orig_dev, true);
}

/*
 * A packet of a tap with sinks that report owners, or get frames as on the wire. The
 * owner is looked up once for all sinks.
 */
struct xinet_tap_owned {
	struct xinet_tap_frame frame;
	const struct sk_buff *skb;
	struct xinet_owner_id id;
	bool known;
	struct xinet_original original;
};

/*
 * Takes the note of xinet_tap_match_owner(). One of a packet that never came
 * must not serve the next that has no sender: a forwarded one has none.
 */
static void tap_take_note(struct xinet_tap *tap, const struct sk_buff *skb,
			  struct xinet_tap_owned *owned)
{
	struct xinet_tap_note __percpu *notes = READ_ONCE(tap->notes);
	struct xinet_tap_note *note;

	owned->id.flags = 0;
	owned->known = true;
	/* the core may have read the function before */
	if (unlikely(!notes))
		return;
	note = get_cpu_ptr(notes);
	if (note->task == current && !skb->skb_iif)
		xinet_owner_id_copy(&owned->id, &note->id);
	note->task = NULL;
	put_cpu_ptr(notes);
}

/*
 * Most frames that are made of a packet: 512 KiB, the longest that is merged, in the
 * smallest MTU of IPv4; fewer for many sinks, each of which gets every frame.
 */
static u32 tap_most_frames(const struct xinet_tap_array *array)
{
	return min_t(u32, 1024, 65536 / max_t(u32, array->nr_slots, 1));
}

/* Shows the frames of a TCP packet. Returns whether the packet has been dealt with. */
static noinline bool tap_demux_tcp(const struct xinet_tap_array *array,
				   struct sk_buff *skb, struct xinet_tap_owned *owned,
				   const struct xinet_tap_sink *sender)
{
	struct xinet_original_tcp tcp;
	struct sk_buff *frame;

	if (!xinet_original_tcp_begin(&tcp, skb, tap_most_frames(array),
				      &owned->original))
		return false;
	while ((frame = xinet_original_tcp_next(&tcp))) {
		tap_show_all(array, frame, &owned->frame, sender);
		owned->original.segment++;
	}
	if (xinet_original_tcp_end(&tcp))
		return true;
	/* out of memory behind some frames: all of it, rather than less */
	owned->original = (struct xinet_original){ .done = XINET_ORIGINAL_FAILED,
						   .segments = 1 };
	tap_show_all(array, skb, &owned->frame, sender);
	return true;
}

/* Shows the sinks what the wire has of @skb, one frame after the other. */
static void tap_demux_original(const struct xinet_tap_array *array,
			       struct sk_buff *skb, struct xinet_tap_owned *owned,
			       const struct xinet_tap_sink *sender)
{
	struct sk_buff *frames = NULL;
	struct sk_buff *frame;

	if (skb_is_gso(skb) && tap_demux_tcp(array, skb, owned, sender))
		return;
	if (xinet_original_is(skb))
		owned->original = (struct xinet_original){ .segments = 1 };
	else
		frames = xinet_original_frames(skb, tap_most_frames(array),
					       &owned->original);
	if (!frames) {
		tap_show_all(array, skb, &owned->frame, sender);
		return;
	}
	for (frame = frames; frame; frame = frame->next) {
		tap_show_all(array, frame, &owned->frame, sender);
		owned->original.segment++;
	}
	xinet_original_free(frames);
}

/* @original, a constant: sinks get frames as on the wire */
static __always_inline int tap_rcv_owned(struct sk_buff *skb, struct xinet_tap *tap,
					 const struct net_device *orig_dev,
					 bool original)
{
	const struct xinet_tap_sink *sender = xinet_tap_sender_take(tap);
	const struct xinet_tap_array *array;
	struct timespec64 now = {};
	struct xinet_tap_owned owned xinet_uninitialized;

	owned.frame.source = tap;
	owned.frame.orig_dev = orig_dev;
	owned.frame.now = &now;
	owned.frame.owned = &owned;
	owned.skb = skb;
	owned.known = false;
	/* for a sink that joins meanwhile */
	owned.original = (struct xinet_original){ .segments = 1 };
	if (skb->pkt_type == PACKET_OUTGOING)
		tap_take_note(tap, skb, &owned);
	if (likely(skb->pkt_type != PACKET_LOOPBACK &&
		   (xinet_tap_is_all_netns(tap) || tap_is_near(tap, skb)))) {
		array = rcu_dereference(tap->array);
		if (original)
			tap_demux_original(array, skb, &owned, sender);
		else
			tap_show_all(array, skb, &owned.frame, sender);
	}
	tap_put_skb(skb);
	return 0;
}

static noinline int tap_rcv_any_owned(struct sk_buff *skb, struct xinet_tap *tap,
				      const struct net_device *orig_dev)
{
	return tap_rcv_owned(skb, tap, orig_dev, false);
}

int xinet_tap_rcv_original(struct sk_buff *skb, struct net_device *dev,
			   struct packet_type *pt, struct net_device *orig_dev)
{
	return tap_rcv_owned(skb, tap_of(pt), orig_dev, true);
}

const struct xinet_original *
xinet_tap_original(const struct xinet_tap_frame *frame)
{
	static const struct xinet_original untouched = { .segments = 1 };

	return likely(frame->owned) ? &frame->owned->original : &untouched;
}

const struct xinet_owner_id *xinet_tap_owner(const struct sk_buff *skb,
					     const struct xinet_tap_frame *frame,
					     struct xinet_owner_id *room)
{
	struct xinet_tap_owned *owned = frame->owned;

	if (likely(owned)) {
		if (!owned->known)
			xinet_owner_lookup(owned->skb, false, &owned->id);
		owned->known = true;
		return &owned->id;
	}
	room->flags = 0;
	if (skb->pkt_type != PACKET_OUTGOING)
		xinet_owner_lookup(skb, false, room);
	return room;
}

/*
 * Tries the fast path of the only sink of a tap. @all_netns: as in tap_rcv_slow().
 * Smaller types than PACKET_OUTGOING are received packets.
 */
static __always_inline bool tap_rcv_fast(struct sk_buff *skb,
					 const struct xinet_tap *tap,
					 const struct net_device *orig_dev,
					 bool all_netns)
{
	struct xinet_tap_sink *sink =
		rcu_dereference(rcu_dereference(tap->array)->fast);
	const struct xinet_tap_receiver *receiver;
	xinet_tap_fast_t fast;

	if (!sink || skb->pkt_type >= PACKET_OUTGOING ||
	    (!all_netns && !tap_is_near(tap, skb)))
		return false;
	receiver = rcu_dereference(sink->receiver);
	fast = READ_ONCE(receiver->fast);
	if (!fast || !fast(sink, receiver, skb, tap, orig_dev))
		return false;
	tap_put_skb(skb);
	return true;
}

/*
 * packet_type hook; softirq, or BH disabled; RCU. Owns a reference to @skb,
 * which other hooks and the protocol may share. Only an outgoing packet has a
 * sender to leave out.
 */
int xinet_tap_rcv(struct sk_buff *skb, struct net_device *dev,
		  struct packet_type *pt, struct net_device *orig_dev)
{
	struct xinet_tap *tap = container_of(pt, struct xinet_tap, hook);

	return tap_rcv_fast(skb, tap, orig_dev, false) ?
		       0 : tap_rcv_any(skb, tap, orig_dev);
}

int xinet_tap_rcv_all_netns(struct sk_buff *skb, struct net_device *dev,
			    struct packet_type *pt, struct net_device *orig_dev)
{
	struct xinet_tap *tap = tap_of(pt);

	return tap_rcv_fast(skb, tap, orig_dev, true) ?
		       0 : tap_rcv_any_all_netns(skb, tap, orig_dev);
}

/* Budget: as xinet_tap_rcv(), and for each packet a look-up of its socket. */
int xinet_tap_rcv_owner(struct sk_buff *skb, struct net_device *dev,
			struct packet_type *pt, struct net_device *orig_dev)
{
	struct xinet_tap *tap = tap_of(pt);

	return tap_rcv_fast(skb, tap, orig_dev, xinet_tap_is_all_netns(tap)) ?
		       0 : tap_rcv_any_owned(skb, tap, orig_dev);
}

/*
 * The sink behind a tap for @sk, NULL unless @sk is a packet socket of this
 * module: its own, or that of its fanout group, no member of which gets packets
 * that @sk sends.
 */
static const struct xinet_tap_sink *tap_sink_of(const struct sock *sk)
{
	const struct xinet_tap_sink *sink = xinet_packet_sink(sk);
	const struct xinet_tap_sink *group;

	group = sink ? rcu_access_pointer(sink->group) : NULL;
	return group ?: sink;
}

/*
 * packet_type's id_match(): dev_queue_xmit_nit() skips this hook for a packet
 * of @sk if it returns true, which it does if no other sink is behind the hook.
 * Otherwise xinet_tap_rcv(), which follows on this CPU, delivers to the others
 * and leaves the sender out. If there was no memory for the clone it does not
 * follow, and the next packet of the tap on this CPU may miss one sink.
 */
static __always_inline bool tap_match_sender(struct xinet_tap *tap,
					     struct sock *sk)
{
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

bool xinet_tap_match_sender(struct packet_type *pt, struct sock *sk)
{
	return tap_match_sender(container_of(pt, struct xinet_tap, hook), sk);
}

bool xinet_tap_match_sender_all_netns(struct packet_type *pt, struct sock *sk)
{
	return tap_match_sender(tap_of(pt), sk);
}

bool xinet_tap_match_owner(struct packet_type *pt, struct sock *sk)
{
	struct xinet_tap *tap = tap_of(pt);
	struct xinet_tap_note __percpu *notes = READ_ONCE(tap->notes);
	struct xinet_tap_note *note;

	if (tap_match_sender(tap, sk))
		return true;
	if (unlikely(!notes))
		return false;
	note = get_cpu_ptr(notes);
	note->task = current;
	xinet_owner_id_from_sock(sk, &note->id);
	put_cpu_ptr(notes);
	return false;
}
