/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taps: hooks in the kernel's receive and transmit paths, each with a
 * demultiplexer behind it. The path of a packet is drawn in tap.c.
 */
#ifndef _XINET_PACKET_TAP_H
#define _XINET_PACKET_TAP_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "packet/tap/sink.h"

struct bpf_prog;
struct all_netns_hook;
struct net;
struct net_device;
struct sk_buff;
struct sk_filter;
struct timespec64;
struct xinet_aside;
struct xinet_filter;
struct xinet_filter_index;
struct xinet_original;
struct xinet_owner_id;
struct xinet_tap;
struct xinet_tap_sink;

/* Bytes of a namespace that may wait for RCU before callers are throttled. */
#define XINET_TAP_RETIRED_MAX	(4U << 20)

/**
 * struct xinet_tap_net - the taps of a network namespace
 * @lock: every change of a tap; taken under the lock of a sink's owner
 * @taps: by device, EtherType, and whether they show frames as on the wire
 * @retired: upper bound of bytes that wait for RCU to be freed; @lock
 * @retired_at: the grace period that all of them wait for; @lock
 * @throttle: held by the caller that waits for them
 * @net: the namespace; this and the others: not in xinet_all_netns_taps()
 * @all_netns_hooks: its hooks of taps of all namespaces, see all_netns.c; the lock
 *	of those
 * @node: among all namespaces; the same lock
 */
struct xinet_tap_net {
	struct mutex lock;	/* changes of taps */
	DECLARE_HASHTABLE(taps, 6);
	size_t retired;
	unsigned long retired_at;
	struct mutex throttle;	/* one caller waits for RCU, others for it */
	struct net *net;
	struct all_netns_hook *all_netns_hooks[2];
	struct list_head node;
};

/**
 * struct xinet_tap_group - sinks that share a program and a mode
 * @prog: run once per packet for all of them; NULL accepts every packet;
 *	becomes xinet_filter_nothing() when the last sink leaves
 * @first: index of their first slot
 * @end: index of the slot after their last
 * @nr_sinks: slots that are not empty; not read per packet
 * @mode: enum xinet_tap_mode
 * @fast: @mode if @prog is set and does not use skb->cb, else XINET_TAP_MODES
 * @own: no @prog: each sink runs the filter of its socket
 */
struct xinet_tap_group {
	struct bpf_prog __rcu *prog;
	u32 first;
	u32 end;
	u32 nr_sinks;
	u8 mode;
	u8 fast;
	bool own;
};

/**
 * struct xinet_tap_array - what a tap does with a packet; drawn in tap.c
 * @rcu: for freeing
 * @only: the only sink, if link-level and without a filter; NULL: use @groups
 * @fast: the only sink, if fast() may be called: @only or a fanout group; or
 *	NULL
 * @slots: the sinks, behind @groups in the same allocation; NULL if it has left
 * @index: which of the first groups to run for a packet; or NULL
 * @nr_indexed: groups that @index covers
 * @nr_groups: used entries of @groups
 * @nr_slots: used entries of @slots, empty ones included
 * @nr_empty: empty entries of @slots; not read per packet
 * @size: bytes of the allocation and of @index
 * @degraded: @groups are void, each slot runs the filter of its socket in the
 *	mode of its sink: the new array could not be allocated, or is not built
 *	yet and the filter of a socket has changed
 * @groups: link-level ones first
 */
struct xinet_tap_array {
	struct rcu_head rcu;
	struct xinet_tap_sink __rcu *only;
	struct xinet_tap_sink __rcu *fast;
	struct xinet_tap_sink __rcu **slots;
	struct xinet_filter_index *index;
	u32 nr_indexed;
	u32 nr_groups;
	u32 nr_slots;
	u32 nr_empty;
	size_t size;
	bool degraded;
	struct xinet_tap_group groups[];
};

/**
 * xinet_tap_pernet() - the taps of a network namespace
 * @net: the namespace
 */
struct xinet_tap_net *xinet_tap_pernet(const struct net *net);

/**
 * xinet_tap_init() - prepare for taps
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int xinet_tap_init(void);

/**
 * xinet_tap_exit() - undo xinet_tap_init()
 *
 * Context: module exit, no sink left.
 */
void xinet_tap_exit(void);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_tap_net_init() - prepare the taps of a network namespace
 * @tn: zeroed
 */
void xinet_tap_net_init(struct xinet_tap_net *tn);
#endif

/**
 * xinet_tap_retire() - count memory that is freed by RCU
 * @tn: taps of its namespace
 * @bytes: how much
 *
 * Context: process; may sleep.
 */
void xinet_tap_retire(struct xinet_tap_net *tn, size_t bytes);

/**
 * xinet_tap_retire_locked() - xinet_tap_retire() under @tn->lock
 * @tn: taps of its namespace
 * @bytes: how much
 *
 * Context: @tn->lock held.
 */
void xinet_tap_retire_locked(struct xinet_tap_net *tn, size_t bytes);

/**
 * xinet_tap_throttle() - wait if too much memory waits for RCU
 * @tn: taps of a namespace
 *
 * Called before or after a change that retires an old array. Does nothing below
 * XINET_TAP_RETIRED_MAX, which only a program that changes filters or bindings
 * in a loop exceeds.
 *
 * Context: process, no locks held; above the limit waits for RCU.
 */
void xinet_tap_throttle(struct xinet_tap_net *tn);

/**
 * xinet_tap_join() - put a sink behind the tap of a device and EtherType
 * @sink: moved from its present tap, if any
 * @dev: a device of the namespace of @sink->taps, or NULL for all of them; NULL if
 *	those are xinet_all_netns_taps()
 * @type: ETH_P_*, network byte order, not 0
 *
 * A failure leaves the sink where it was. Once this returns 0, the sink gets no
 * packet through its old tap; a lane may still store one in flight.
 *
 * Context: process, the lock of the sink's owner held; may sleep, never waits
 * for a grace period.
 * Return: 0 or -ENOMEM.
 */
int xinet_tap_join(struct xinet_tap_sink *sink, struct net_device *dev,
		   __be16 type);

/**
 * xinet_tap_leave() - remove a sink from its tap
 * @sink: may be behind no tap
 *
 * Never fails. The sink gets no packet after the return; a lane may still store
 * one in flight. Amortised O(1) per sink: a slot is emptied, and a new array is
 * built once a quarter of the slots are empty.
 *
 * Context: as xinet_tap_join().
 */
void xinet_tap_leave(struct xinet_tap_sink *sink);

/**
 * xinet_tap_set_filter() - change what a sink accepts
 * @sink: may be behind no tap
 * @filter: the new filter, NULL for everything
 * @seen: the filter of the socket that @filter was made from
 * @own: run sk->sk_filter instead; @filter is NULL
 *
 * Never fails: out of memory, the tap runs the filter of each socket until its
 * next change. The caller drops its references to the old @filter and @seen
 * after the call.
 *
 * Context: as xinet_tap_join().
 */
void xinet_tap_set_filter(struct xinet_tap_sink *sink,
			  struct xinet_filter *filter, struct sk_filter *seen,
			  bool own);

/**
 * xinet_tap_filter_changed() - run a socket's own filter from now on
 * @sink: may be behind no tap; its @seen is not the filter of its socket
 *
 * For kernels that report a new filter in atomic context. The tap runs the new
 * filter at once; xinet_tap_set_filter() should follow soon, for speed.
 *
 * Context: any; the socket lock is held.
 */
void xinet_tap_filter_changed(struct xinet_tap_sink *sink);

/**
 * xinet_tap_set_mode() - change where the packets of a sink begin
 * @sink: may be behind no tap
 * @mode: the new mode
 * @turned: called under sk_receive_queue.lock together with the change of @mode
 * @arg: for @turned
 *
 * Once @turned is called, the sink gets no packet of the old mode.
 *
 * Context: as xinet_tap_join().
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int xinet_tap_set_mode(struct xinet_tap_sink *sink, enum xinet_tap_mode mode,
		       void (*turned)(struct xinet_tap_sink *sink, void *arg),
		       void *arg);

/**
 * xinet_tap_set_running() - start or stop delivery to a sink
 * @sink: may be behind no tap
 * @running: whether it receives packets
 *
 * Context: process or softirq, the lock of the sink's owner held.
 */
void xinet_tap_set_running(struct xinet_tap_sink *sink, bool running);

/**
 * xinet_tap_set_ignore_outgoing() - PACKET_IGNORE_OUTGOING of a sink
 * @sink: may be behind no tap
 * @ignore: true: the sink gets no packet that this host sends
 *
 * Context: as xinet_tap_join().
 */
void xinet_tap_set_ignore_outgoing(struct xinet_tap_sink *sink, bool ignore);

/**
 * xinet_tap_set_group() - put a sink into a fanout group, or out of it
 * @sink: behind no tap
 * @group: sink of the group, or NULL
 *
 * Context: as xinet_tap_set_running().
 */
void xinet_tap_set_group(struct xinet_tap_sink *sink,
			 struct xinet_tap_sink *group);

/**
 * xinet_tap_hand_on() - deliver a packet of a fanout group to a member
 * @group: sink of the group
 * @member: sink of the member, whose filter and mode apply
 * @skb: as passed to the deliver() of @group
 * @frame: as passed to the deliver() of @group
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_tap_hand_on(const struct xinet_tap_sink *group,
		       struct xinet_tap_sink *member, struct sk_buff *skb,
		       const struct xinet_tap_frame *frame);

/**
 * xinet_tap_hand_aside() - deliver a packet that comes beside the taps
 * @sink: the sink, whose filter and mode apply
 * @skb: as a tap receives one, perhaps the packet itself: data and len may be moved
 *	while it is delivered, and nothing else be changed
 * @now: as in struct xinet_tap_frame
 * @aside: what is told of it
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_tap_hand_aside(struct xinet_tap_sink *sink, struct sk_buff *skb,
			  struct timespec64 *now,
			  const struct xinet_aside *aside);

/**
 * xinet_tap_owner() - the owner of a packet, for a sink that reports it
 * @skb: as passed to the sink's deliver()
 * @frame: as passed to the sink's deliver()
 * @room: for an owner that is not shared with other sinks
 *
 * Context: as xinet_tap_deliver_t.
 * Return: valid as long as @frame and @room.
 */
const struct xinet_owner_id *xinet_tap_owner(const struct sk_buff *skb,
					     const struct xinet_tap_frame *frame,
					     struct xinet_owner_id *room);

/**
 * xinet_tap_original() - what was done to show a frame as on the wire
 * @frame: as passed to the deliver() of a sink with @original
 *
 * Context: as xinet_tap_deliver_t.
 * Return: valid as long as @frame.
 */
const struct xinet_original *
xinet_tap_original(const struct xinet_tap_frame *frame);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_tap_demux() - hand a packet to the sinks that accept it
 * @array: published by the tap
 * @skb: borrowed; data, len and cb are restored before the return
 * @frame: the caller sets @source, @orig_dev and @now
 * @sender: sink of the sender, which does not get the packet back, or NULL
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_tap_demux(const struct xinet_tap_array *array, struct sk_buff *skb,
		     struct xinet_tap_frame *frame,
		     const struct xinet_tap_sink *sender);
#endif

#endif /* _XINET_PACKET_TAP_H */
