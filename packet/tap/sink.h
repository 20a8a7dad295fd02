/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sinks and receivers: the contract between a tap, or a fanout group, and what
 * takes its packets.
 */
#ifndef _XINET_PACKET_SINK_H
#define _XINET_PACKET_SINK_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct net_device;
struct sk_buff;
struct sk_filter;
struct sock;
struct timespec64;
struct xinet_filter;
struct xinet_tap;
struct xinet_tap_net;
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
 * struct xinet_receiver_ops - a kind of receiver
 * @deliver: takes packets
 * @fast: takes some of them at less cost, or NULL
 * @room: answers for @deliver; unused in the sink of a fanout group
 * @settle: waits for packets that are being stored without
 *	sk_receive_queue.lock, which is held: afterwards the counts of the socket
 *	are right, and no packet comes by an earlier source of the sink; or NULL
 * @readable: whether something is there to be read, sk_receive_queue.lock held;
 *	NULL: poll() looks elsewhere
 * @release: the memory of the receiver is about to be freed; process context;
 *	or NULL
 */
struct xinet_receiver_ops {
	xinet_tap_deliver_t deliver;
	xinet_tap_fast_t fast;
	xinet_tap_room_t room;
	void (*settle)(const struct xinet_tap_receiver *receiver);
	bool (*readable)(const struct xinet_tap_receiver *receiver);
	void (*release)(struct xinet_tap_receiver *receiver);
};

/**
 * struct xinet_tap_receiver - what takes the packets of a sink
 * @ops: its kind
 * @fast: @ops' fast(), or NULL while a packet may not take it; may change while
 *	packets see it
 * @plain: most packets may take @ops' fast(), see fast_path.h
 *
 * Part of the memory that its functions work on, a ring for instance, so that
 * no packet sees the ones without the other; constant where they need nothing
 * but the sink. It lives for an RCU grace period after it was replaced.
 */
struct xinet_tap_receiver {
	const struct xinet_receiver_ops *ops;
	xinet_tap_fast_t fast;
	bool plain;
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

#endif /* _XINET_PACKET_SINK_H */
