/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taps: the hooks in the receive and transmit paths of the kernel, and the
 * demultiplexer that stands behind each of them. See tap.c for the way of a
 * packet.
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
struct net;
struct net_device;
struct sk_buff;
struct sk_filter;
struct xinet_filter;
struct xinet_filter_index;
struct xinet_tap;
struct xinet_tap_sink;

/* Bytes that a namespace may have waiting for RCU before it has to wait. */
#define XINET_TAP_RETIRED_MAX	(4U << 20)

/**
 * struct xinet_tap_net - the taps of a network namespace
 * @lock: serialises every change of a tap; innermost, taken under the lock of
 *	a sink's owner
 * @taps: by device and EtherType
 * @retired: bytes that wait for RCU to be freed, at most; @lock
 * @retired_at: the grace period after which all of them are; @lock
 * @throttle: who waits for them
 */
struct xinet_tap_net {
	struct mutex lock;	/* changes of taps */
	DECLARE_HASHTABLE(taps, 6);
	size_t retired;
	unsigned long retired_at;
	struct mutex throttle;	/* one waits, the others for it */
};

/**
 * struct xinet_tap_group - sinks that share a program and a mode
 * @prog: run once per packet for all of them; NULL accepts every packet. Of a
 *	group that everyone has left: xinet_filter_nothing()
 * @first: index of their first slot
 * @end: index of the slot after their last
 * @nr_sinks: how many of its slots are not empty; not for packets
 * @mode: enum xinet_tap_mode
 * @fast: @mode, if @prog is there and leaves the control buffer of the packet
 *	alone; otherwise XINET_TAP_MODES
 * @own: @prog is not set, each runs the filter of its socket
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
 * @only: the one sink behind the tap, if it wants every packet from its
 *	link-level header on; otherwise NULL, and there are groups to look at
 * @fast: the one sink behind the tap, if the fast() of its receiver may be
 *	asked: it is @only or a fanout group; otherwise NULL
 * @slots: the sinks, behind the groups in the same allocation; NULL where one
 *	has left
 * @index: which of the first groups to ask about a packet; may be NULL
 * @nr_indexed: how many groups @index speaks for
 * @nr_groups: used entries of @groups
 * @nr_slots: used entries of @slots, the empty ones included
 * @nr_empty: how many are empty; not for packets
 * @size: bytes of the allocation and of @index
 * @degraded: a sink changed when no new array could be allocated, or the filter
 *	of its socket has and the new array is not here yet: groups are void,
 *	each slot runs the filter of its socket in the mode of its sink
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
 * xinet_tap_retire() - note memory that is freed by RCU
 * @tn: taps of the namespace that had it
 * @bytes: how much
 *
 * Context: process; may sleep.
 */
void xinet_tap_retire(struct xinet_tap_net *tn, size_t bytes);

/**
 * xinet_tap_retire_locked() - the same while taps change
 * @tn: taps of the namespace that had it
 * @bytes: how much
 *
 * Context: @tn->lock held.
 */
void xinet_tap_retire_locked(struct xinet_tap_net *tn, size_t bytes);

/**
 * xinet_tap_throttle() - wait while too much memory is to be freed
 * @tn: taps of a namespace
 *
 * Called before or after what leaves an old array behind. Below
 * XINET_TAP_RETIRED_MAX, where all but a program that changes filters or
 * bindings in a loop stay, it does nothing.
 *
 * Context: process, no locks held; above the mark waits for RCU.
 */
void xinet_tap_throttle(struct xinet_tap_net *tn);

/**
 * xinet_tap_join() - put a sink behind the tap of a device and EtherType
 * @net: namespace of the sink's socket
 * @sink: to be put there, away from the tap where it is, if any
 * @dev: a device of @net, or NULL for all of them
 * @type: ETH_P_*, network byte order, not 0
 *
 * A failure leaves the sink where it was. Once this returns 0, no packet comes
 * to the sink through the tap where it was before.
 *
 * Context: process, the lock of the sink's owner held; may sleep, never waits
 * for a grace period.
 * Return: 0 or -ENOMEM.
 */
int xinet_tap_join(struct net *net, struct xinet_tap_sink *sink,
		   struct net_device *dev, __be16 type);

/**
 * xinet_tap_leave() - take a sink away from its tap
 * @sink: may be behind no tap
 *
 * Never fails. No packet comes to the sink after the return. Of n sinks that
 * leave one after another the last has cost as much as the first, on average:
 * a slot is emptied, and a new array made when a quarter of them are empty.
 *
 * Context: as xinet_tap_join().
 */
void xinet_tap_leave(struct xinet_tap_sink *sink);

/**
 * xinet_tap_set_filter() - change what a sink accepts
 * @sink: may be behind no tap
 * @filter: the new filter, NULL for everything
 * @seen: from which it was made
 * @own: the sink is to run sk->sk_filter, @filter is NULL
 *
 * Never fails: without memory the tap falls back to running the filter of each
 * socket until its next change. The caller drops its references to the old
 * @filter and @seen after the call.
 *
 * Context: as xinet_tap_join().
 */
void xinet_tap_set_filter(struct xinet_tap_sink *sink,
			  struct xinet_filter *filter, struct sk_filter *seen,
			  bool own);

/**
 * xinet_tap_filter_changed() - have a socket's own filter asked from now on
 * @sink: may be behind no tap; its @seen is not the filter of its socket
 *
 * For kernels that tell of a new filter where one cannot sleep. What the tap
 * runs is right at once; xinet_tap_set_filter() is wanted soon, for speed.
 *
 * Context: any; the socket lock is held.
 */
void xinet_tap_filter_changed(struct xinet_tap_sink *sink);

/**
 * xinet_tap_set_mode() - change where a sink's packets begin
 * @sink: may be behind no tap
 * @mode: the new mode
 * @turned: called under sk_receive_queue.lock together with the change of @mode
 * @arg: for @turned
 *
 * Once @turned has been called, no packet of the other mode comes to the sink.
 *
 * Context: as xinet_tap_join().
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int xinet_tap_set_mode(struct xinet_tap_sink *sink, enum xinet_tap_mode mode,
		       void (*turned)(struct xinet_tap_sink *sink, void *arg),
		       void *arg);

/**
 * xinet_tap_set_running() - let packets through to a sink, or not
 * @sink: may be behind no tap
 * @running: whether packets are wanted
 *
 * Context: process or softirq, the lock of the sink's owner held.
 */
void xinet_tap_set_running(struct xinet_tap_sink *sink, bool running);

/**
 * xinet_tap_set_ignore_outgoing() - let a sink see what this host sends or not
 * @sink: may be behind no tap
 * @ignore: true: outgoing packets are not wanted
 *
 * Context: as xinet_tap_join().
 */
void xinet_tap_set_ignore_outgoing(struct xinet_tap_sink *sink, bool ignore);

/**
 * xinet_tap_set_group() - take a sink into a fanout group, or out of it
 * @sink: behind no tap
 * @group: sink of the group, or NULL
 *
 * Context: as xinet_tap_set_running().
 */
void xinet_tap_set_group(struct xinet_tap_sink *sink,
			 struct xinet_tap_sink *group);

/**
 * xinet_tap_hand_on() - give a packet that came to a fanout group to a member
 * @group: sink of the group
 * @member: sink of the socket that is to get it, if its filter accepts
 * @skb: as the deliver() of @group got it
 * @frame: as the deliver() of @group got it
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_tap_hand_on(const struct xinet_tap_sink *group,
		       struct xinet_tap_sink *member, struct sk_buff *skb,
		       const struct xinet_tap_frame *frame);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_tap_demux() - hand a packet to the sinks that accept it
 * @array: what is published behind the tap
 * @skb: borrowed; data, len and cb are as before when this returns
 * @frame: @source, @orig_dev and @now set by the caller, the rest is filled in
 * @sender: sink for which the packet was sent and which does not get it back,
 *	or NULL
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_tap_demux(const struct xinet_tap_array *array, struct sk_buff *skb,
		     struct xinet_tap_frame *frame,
		     const struct xinet_tap_sink *sender);
#endif

#endif /* _XINET_PACKET_TAP_H */
