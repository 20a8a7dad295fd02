/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sinks and receivers: the interface through which a tap or a fanout group
 * delivers packets.
 */
#ifndef _XINET_PACKET_SINK_H
#define _XINET_PACKET_SINK_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct net;
struct net_device;
struct sk_buff;
struct sk_filter;
struct sock;
struct timespec64;
struct xinet_filter;
struct xinet_dropped;
struct xinet_point;
struct xinet_tap;
struct xinet_tap_net;
struct xinet_tap_owned;
struct xinet_tap_receiver;
struct xinet_tap_sink;

/* Where skb->data points when a packet is delivered to a sink. */
enum xinet_tap_mode {
	XINET_TAP_RAW,		/* at the link-level header */
	XINET_TAP_COOKED,	/* at the network header */
	XINET_TAP_NATIVE,	/* where the kernel left it; fanout groups */
	XINET_TAP_MODES
};

/* Free bytes of a receiver after it has stored a given packet. */
enum xinet_tap_room {
	XINET_TAP_ROOM_NONE,	/* none, or the packet does not fit */
	XINET_TAP_ROOM_LOW,	/* at most a quarter of the receiver */
	XINET_TAP_ROOM_NORMAL
};

/* Shift for that quarter, as in AF_PACKET. */
#define XINET_TAP_ROOM_LOW_SHIFT	2

/**
 * struct xinet_tap_frame - what a sink gets about a packet besides the skb
 * @source: the tap it came through, or the sink of the fanout group
 * @orig_dev: the device that received it first, before bonds and VLANs
 * @now: time shared by all sinks that stamp the packet; zero until first used
 * @snaplen: bytes from skb->data that the filter keeps
 * @mode: where skb->data points
 * @owned: what sinks share that report owners, or get frames as on the wire; NULL for a
 *	packet that was in flight when the first of them joined
 */
struct xinet_tap_frame {
	const void *source;
	const struct net_device *orig_dev;
	struct timespec64 *now;
	unsigned int snaplen;
	enum xinet_tap_mode mode;
	struct xinet_tap_owned *owned;
};

/**
 * typedef xinet_tap_deliver_t - store an accepted packet
 * @sink: the sink that receives it
 * @receiver: of @sink, as read for this packet
 * @skb: borrowed, possibly shared: clone or copy it, never modify or free it
 * @frame: valid during the call
 *
 * Context: softirq, or BH disabled; RCU. Stores under sk_receive_queue.lock if
 * xinet_tap_sink_wants(); lockless receivers compare @sink->source instead.
 */
typedef void (*xinet_tap_deliver_t)(struct xinet_tap_sink *sink,
				    const struct xinet_tap_receiver *receiver,
				    struct sk_buff *skb,
				    const struct xinet_tap_frame *frame);

/**
 * typedef xinet_tap_fast_t - the fast path of a packet to a sink
 * @sink: alone behind its tap, or chosen in its group; without a filter
 * @receiver: as in xinet_tap_deliver_t
 * @skb: as there, but received, and skb->data is where the kernel left it
 * @source: as in struct xinet_tap_frame
 * @orig_dev: as in struct xinet_tap_frame
 *
 * Context: as xinet_tap_deliver_t.
 * Return: false if nothing has happened and the caller must deliver the packet.
 */
typedef bool (*xinet_tap_fast_t)(struct xinet_tap_sink *sink,
				 const struct xinet_tap_receiver *receiver,
				 struct sk_buff *skb, const void *source,
				 const struct net_device *orig_dev);

/* Whose a packet is that comes beside the taps. */
enum xinet_aside_owner {
	XINET_ASIDE_NOBODY,	/* that is not known */
	XINET_ASIDE_SOCK,	/* of a socket, if there is one */
	XINET_ASIDE_RECEIVER	/* of the socket that will get it */
};

/**
 * struct xinet_aside - what is told of a packet that comes beside the taps
 * @dropped: why and where the kernel dropped it, or NULL
 * @point: where it was seen, or NULL
 * @owner: whose it is
 * @sock: of XINET_ASIDE_SOCK: the socket that sends it or has it, or NULL
 * @process: the current task's process sends or reads it
 * @lockless: only for receivers with aside_is_lockless
 * @net: without @dropped: where it was seen
 */
struct xinet_aside {
	const struct xinet_dropped *dropped;
	const struct xinet_point *point;
	enum xinet_aside_owner owner;
	struct sock *sock;
	bool process;
	bool lockless;
	const struct net *net;
};

/**
 * typedef xinet_tap_aside_t - store an accepted packet that comes beside the taps
 * @sink: as in xinet_tap_deliver_t
 * @receiver: as there
 * @skb: as there
 * @frame: as there
 * @aside: valid during the call
 *
 * Context: as xinet_tap_deliver_t.
 */
typedef void (*xinet_tap_aside_t)(struct xinet_tap_sink *sink,
				  const struct xinet_tap_receiver *receiver,
				  struct sk_buff *skb,
				  const struct xinet_tap_frame *frame,
				  const struct xinet_aside *aside);

/**
 * typedef xinet_tap_room_t - estimate the room in a receiver
 * @receiver: as in xinet_tap_deliver_t; may have been replaced since
 * @sk: socket of the sink, in a fanout group that rolls over
 * @skb: read-only; data and len are not those of the sink's mode. NULL if the
 *	reader calls, on any CPU: room for an empty packet
 *
 * Context: softirq, or BH disabled; RCU. The caller holds no lock, so the
 * result may be stale.
 */
typedef enum xinet_tap_room (*xinet_tap_room_t)(const struct xinet_tap_receiver *receiver,
						const struct sock *sk,
						const struct sk_buff *skb);

/**
 * struct xinet_receiver_ops - a kind of receiver
 * @deliver: stores packets
 * @fast: stores some of them at lower cost, or NULL
 * @aside: @deliver of packets that come beside the taps; NULL: no such sinks
 * @aside_is_lockless: it takes no lock but those of timers and of waking a reader
 * @room: estimates room for @deliver; unused in the sink of a fanout group
 * @settle: sk_receive_queue.lock held, waits for packets being stored without
 *	it; then the socket's counts are right, and no packet follows from an
 *	earlier source of the sink; or NULL
 * @readable: whether poll() reports data, sk_receive_queue.lock held; or NULL
 * @release: called before the receiver's memory is freed, process; or NULL
 */
struct xinet_receiver_ops {
	xinet_tap_deliver_t deliver;
	xinet_tap_fast_t fast;
	xinet_tap_aside_t aside;
	bool aside_is_lockless;
	xinet_tap_room_t room;
	void (*settle)(const struct xinet_tap_receiver *receiver);
	bool (*readable)(const struct xinet_tap_receiver *receiver);
	void (*release)(struct xinet_tap_receiver *receiver);
};

/**
 * struct xinet_tap_receiver - what takes the packets of a sink
 * @ops: its kind
 * @fast: @ops->fast, or NULL while not allowed; changes while packets read it
 * @plain: most packets may take @ops->fast, see fast_path.h
 *
 * Embedded in the memory that @ops works on, such as a ring, so that a packet
 * reads both at once; const if @ops needs only the sink. Freed by RCU.
 */
struct xinet_tap_receiver {
	const struct xinet_receiver_ops *ops;
	xinet_tap_fast_t fast;
	bool plain;
};

/**
 * struct xinet_tap_sink - place of a socket or fanout group behind a tap
 * @tap: the tap, or NULL
 * @group: sink of the fanout group that is behind a tap instead, or NULL; RCU
 * @sk: its socket; RCU; NULL for a group, which is NATIVE and has @own_filter
 * @source: @group, @tap, itself if @aside_only, or NULL when not @running;
 *	unused in a group's sink
 * @receiver: takes its packets; never NULL; read once per packet
 * @running: receives packets; false while the device is down
 * @ignore_outgoing: does not receive what this host sends
 * @own_filter: @filter could not be made: run sk->sk_filter, nothing if no @sk
 * @owner: its receiver reports owners; constant while it is behind a tap
 * @original: gets frames as on the wire; constant while it is behind a tap
 * @aside_only: only gets what comes beside the taps, and is behind none; constant
 *	while it is @running
 * @mode: enum xinet_tap_mode
 * @filter: what it accepts, NULL for everything; the owner holds a reference
 * @seen: filter of @sk that @filter was made from; the owner holds a reference
 * @node: in the tap's list, next to sinks of equal mode and filter
 * @slot: index in the array of its tap
 * @in_group: index of the group of @slot there
 * @taps: those of its namespace, or xinet_all_netns_taps(); changes only behind no
 *	tap
 *
 * @receiver changes under sk_receive_queue.lock; @tap, @group, @source,
 * @running and @mode under it and the lock of the sink's owner; the others
 * under the owner's lock. Per-packet code reads them without a lock.
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
	bool owner;
	bool original;
	bool aside_only;
	u8 mode;
	struct xinet_filter *filter;
	struct sk_filter *seen;
	struct list_head node;
	u32 slot;
	u32 in_group;
	struct xinet_tap_net *taps;
};

/**
 * xinet_tap_sink_wants() - recheck that a packet in flight is for a sink
 * @sink: the sink
 * @frame: of the packet
 *
 * Context: softirq; sk_receive_queue.lock of the sink's socket held, which also
 * a sink that moves, changes mode or closes takes.
 */
static inline bool xinet_tap_sink_wants(const struct xinet_tap_sink *sink,
					const struct xinet_tap_frame *frame)
{
	return sink->source == frame->source && sink->mode == frame->mode;
}

/**
 * xinet_tap_sink_has() - whether a sink still has a receiver
 * @sink: the sink of a packet in flight
 * @receiver: as read for the packet
 *
 * Context: softirq; sk_receive_queue.lock of the sink's socket held.
 */
static inline bool xinet_tap_sink_has(const struct xinet_tap_sink *sink,
				      const struct xinet_tap_receiver *receiver)
{
	return rcu_access_pointer(sink->receiver) == receiver;
}

#endif /* _XINET_PACKET_SINK_H */
