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

struct bpf_prog;
struct net;
struct net_device;
struct sk_buff;
struct sk_filter;
struct sock;
struct timespec64;
struct xinet_filter;
struct xinet_filter_index;
struct xinet_tap;
struct xinet_tap_receiver;
struct xinet_tap_sink;

/* Where the data pointer of a packet stands for a sink. */
enum xinet_tap_mode {
	XINET_TAP_RAW,		/* at the link-level header */
	XINET_TAP_COOKED,	/* at the network header */
	XINET_TAP_NATIVE,	/* where the kernel left it; fanout groups */
	XINET_TAP_MODES
};

/* What a sink can still take beside the packet at hand. */
enum xinet_tap_room {
	XINET_TAP_ROOM_NONE,	/* nothing, or not even that packet */
	XINET_TAP_ROOM_LOW,	/* at most a quarter of its size */
	XINET_TAP_ROOM_NORMAL
};

/* Bytes that a namespace may have waiting for RCU before it has to wait. */
#define XINET_TAP_RETIRED_MAX	(4U << 20)

/* The quarter, as in AF_PACKET. */
#define XINET_TAP_ROOM_LOW_SHIFT	2

/**
 * struct xinet_tap_frame - what a sink is told about a packet beside the skb
 * @source: the tap it came through, or the sink of the fanout group
 * @orig_dev: the device that received it first, before bonds and VLANs
 * @now: the time, shared by all who stamp the packet; zero until the first of
 *	them has asked for it
 * @snaplen: how many bytes from skb->data the filter asks to keep
 * @mode: where skb->data stands
 */
struct xinet_tap_frame {
	const void *source;
	const struct net_device *orig_dev;
	struct timespec64 *now;
	unsigned int snaplen;
	enum xinet_tap_mode mode;
};

/**
 * typedef xinet_tap_deliver_t - takes an accepted packet
 * @sink: whose it is
 * @receiver: of the sink, as it was read for this packet
 * @skb: borrowed and possibly shared: to be cloned or copied, never modified,
 *	never freed
 * @frame: as above; valid during the call
 *
 * Context: softirq, or BH disabled; RCU. What the sink stores it must store
 * under sk_receive_queue.lock after xinet_tap_sink_wants() said yes there.
 */
typedef void (*xinet_tap_deliver_t)(struct xinet_tap_sink *sink,
				    const struct xinet_tap_receiver *receiver,
				    struct sk_buff *skb,
				    const struct xinet_tap_frame *frame);

/**
 * typedef xinet_tap_fast_t - the fast path of a packet to a sink
 * @sink: whose it is; alone behind its tap or chosen in its group, without a
 *	filter
 * @receiver: as in xinet_tap_deliver_t
 * @skb: as in xinet_tap_deliver_t, but skb->data is where the kernel left it;
 *	not one that this host sends
 * @source: as in struct xinet_tap_frame
 * @orig_dev: the same
 *
 * Context: as xinet_tap_deliver_t.
 * Return: whether the sink is done with the packet; if not, nothing has
 * happened, and the packet is to be delivered.
 */
typedef bool (*xinet_tap_fast_t)(struct xinet_tap_sink *sink,
				 const struct xinet_tap_receiver *receiver,
				 struct sk_buff *skb, const void *source,
				 const struct net_device *orig_dev);

/**
 * typedef xinet_tap_room_t - whether a sink could take a packet
 * @receiver: as in xinet_tap_deliver_t
 * @sk: socket of the sink, in a fanout group that rolls over
 * @skb: not to be modified; data and len are not those of the sink's mode. NULL
 *	when a reader asks for itself, on any CPU: room for an empty packet
 *
 * An estimate, asked without a lock: it may be old when it arrives, and who
 * answers may not be any more who delivers.
 *
 * Context: softirq, or BH disabled; RCU.
 * Return: enum xinet_tap_room.
 */
typedef enum xinet_tap_room (*xinet_tap_room_t)(const struct xinet_tap_receiver *receiver,
						const struct sock *sk,
						const struct sk_buff *skb);

/**
 * struct xinet_tap_receiver - what takes the packets of a sink
 * @deliver: takes the packets
 * @fast: takes some of them at less cost, or NULL; may change while packets
 *	see it
 * @room: answers for @deliver; unused in the sink of a fanout group
 * @moved: told under sk_receive_queue.lock that the source of the sink has
 *	changed, or NULL. For a receiver that stores packets without it
 *
 * Part of the memory that its functions work on, a ring for instance, so that
 * no packet sees the ones without the other; constant where they need nothing
 * but the sink. It lives for an RCU grace period after it was replaced.
 */
struct xinet_tap_receiver {
	xinet_tap_deliver_t deliver;
	xinet_tap_fast_t fast;
	xinet_tap_room_t room;
	void (*moved)(const struct xinet_tap_receiver *receiver);
};

/**
 * struct xinet_tap_sink - one receiver behind a tap
 * @tap: the tap it stands behind, or NULL
 * @group: the sink of the fanout group that stands behind a tap for it; @tap
 *	is NULL then. NULL outside of groups. For RCU readers it lives for a
 *	grace period after the socket has left it
 * @sk: its socket, which lives for an RCU grace period after leaving the tap;
 *	NULL for the sink of a fanout group, which is XINET_TAP_NATIVE and has
 *	@own_filter
 * @source: where its packets come from, as in struct xinet_tap_frame: @group or
 *	@tap, or NULL while it does not run; unused in the sink of a fanout group
 * @receiver: what takes the packets; never NULL. Read once per packet
 * @running: packets are wanted; false while the device is down
 * @ignore_outgoing: packets that this host sends are not wanted
 * @own_filter: @filter could not be made, sk->sk_filter is run instead; without
 *	@sk nothing is
 * @mode: enum xinet_tap_mode
 * @filter: what it accepts, NULL for everything
 * @seen: the filter of @sk from which @filter was made. The owner of the sink
 *	holds the references of both
 * @node: in the tap's list, beside those of equal mode and filter
 * @slot: where it is in the array of its tap
 * @in_group: the group of @slot there
 * @taps: those of its namespace; never changes
 *
 * @receiver changes under sk_receive_queue.lock.
 * @tap, @group, @source, @running and @mode change under sk_receive_queue.lock and
 * the lock of the sink's owner, the others under the latter; per-packet code reads them
 * without.
 */
struct xinet_tap_sink {
	struct xinet_tap __rcu *tap;
	struct xinet_tap_sink __rcu *group;
	struct sock *sk;
	const void *source;
	const struct xinet_tap_receiver __rcu *receiver;
	bool running;
	bool ignore_outgoing;
	bool own_filter;
	u8 mode;
	struct xinet_filter *filter;
	struct sk_filter *seen;
	struct list_head node;
	u32 slot;
	u32 in_group;
	struct xinet_tap_net *taps;
};

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

/**
 * xinet_tap_sink_wants() - whether a packet is still for a sink
 * @sink: to which it is being delivered
 * @frame: that comes with it
 *
 * Closes the race of a packet under way with a sink that moves, changes mode
 * or closes: all of these take the lock that the caller holds.
 *
 * Context: softirq; sk_receive_queue.lock of the sink's socket held.
 */
static inline bool xinet_tap_sink_wants(const struct xinet_tap_sink *sink,
					const struct xinet_tap_frame *frame)
{
	return sink->source == frame->source && sink->mode == frame->mode;
}

/**
 * xinet_tap_sink_has() - whether a sink still has a receiver
 * @sink: to which a packet is being delivered
 * @receiver: as it was read for the packet
 *
 * Context: softirq; sk_receive_queue.lock of the sink's socket held.
 */
static inline bool xinet_tap_sink_has(const struct xinet_tap_sink *sink,
				      const struct xinet_tap_receiver *receiver)
{
	return rcu_access_pointer(sink->receiver) == receiver;
}

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
