/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet socket, and the packet sockets of a network namespace. */
#ifndef _XINET_PACKET_SOCK_H
#define _XINET_PACKET_SOCK_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "af_xinet/drop.h"
#include "af_xinet/wake.h"
#include "packet/point.h"
#include "packet/tap/filter.h"
#include "packet/tap/tap.h"

struct xinet_dropped_watch;
struct xinet_fanout_rollover;
struct xinet_lanes;
struct xinet_owner_view;
struct xinet_point_watch;
struct xinet_ring;
struct xinet_tx_pool;

extern struct proto xinet_packet_prot;

/**
 * struct xinet_packet_net - the packet sockets of a network namespace
 * @lock: changes of @socks; taken under RTNL, and before any bind_lock
 * @socks: every packet socket, for the device notifier; RCU for readers
 * @filters: their programs
 * @dropped_watches: those of XINET_PACKET_DROPS, but for XINET_DROPS_HOST; RCU
 * @nr_dropped_watches: all of them; changes with @dropped_watches in dropped.c
 * @dropped_bytes: of its dropped packets that wait there
 * @points: those of XINET_PACKET_POINT, but for sockets of all namespaces
 * @point_lock: changes of @points and of @point_hooked
 * @point_hooked: XINET_POINT_* whose hooks in netfilter are registered; each has one
 *	for each family
 * @point_node: among all of them, for sockets of all namespaces with points
 * @net: the namespace
 */
struct xinet_packet_net {
	struct mutex lock;	/* changes of socks */
	struct hlist_head socks;
	struct xinet_filter_table filters;
	struct hlist_head dropped_watches;
	unsigned int nr_dropped_watches;
	atomic_t dropped_bytes;
	struct xinet_point_watches points;
	struct mutex point_lock; /* changes of points and point_hooked */
	u32 point_hooked;
	struct list_head point_node;
	struct net *net;
};

/**
 * struct xinet_packet_sock - a packet socket
 * @sk: must be first. AF_PACKET takes any socket of family PF_PACKET for one of
 *	its own when it compares fanout groups, and reads the word that follows:
 *	@sink.tap, which never equals a group of AF_PACKET
 * @sink: its place behind a tap
 * @tp_packets: PACKET_STATISTICS
 * @tp_freezes: PACKET_STATISTICS of V3
 * @tp_drops: PACKET_STATISTICS; no lock
 * @drops: lost packets by reason, never reset; @lanes count most of theirs
 * @receiver: a ring or lanes, which take the packets in place of the queue; NULL:
 *	the queue does, or nothing once the socket is closed
 * @data_ready: the sk_data_ready() that the core installed
 * @spare: an empty skb of queue_copybreak.c for the next packets, or NULL; owned by
 *	the caller that xchg()es it out
 * @bind_lock: taken under RTNL or the socket lock. It is not the socket lock, which
 *	the core holds while it copies from userspace, because the device
 *	notifier must not wait for that
 * @dev: bound device, for senders; RCU
 * @dev_tracker: reference of @dev
 * @ifindex: bound device, 0 for any, -1 when it is gone
 * @num: ETH_P_*, network byte order, 0 to receive nothing
 * @bound: bind() has been called; from then on the mode is fixed
 * @auxdata: PACKET_AUXDATA
 * @origdev: PACKET_ORIGDEV
 * @qdisc_bypass: PACKET_QDISC_BYPASS
 * @vnet_hdr_sz: PACKET_VNET_HDR_SZ: bytes of the virtio-net header in front of each
 *	frame, 0 for none; changes under the socket lock
 * @tp_tstamp: PACKET_TIMESTAMP, SOF_TIMESTAMPING_*
 * @copy_thresh: PACKET_COPY_THRESH
 * @tp_reserve: PACKET_RESERVE
 * @tp_flush_usec: XINET_PACKET_FLUSH_USEC
 * @tp_watermark: XINET_PACKET_WATERMARK
 * @tp_version: PACKET_VERSION, enum tpacket_versions
 * @tp_loss: PACKET_LOSS
 * @tx_has_off: PACKET_TX_HAS_OFF
 * @ring_lock: changes and mappings of the rings and lanes, sending from @tx_ring
 * @rx_ring: see ring.c; changes under the socket lock, @ring_lock and
 *	sk_receive_queue.lock, any of which keeps it
 * @tx_ring: the same with sk_write_queue.lock
 * @tx_flight: the send ring that frames in flight belong to, also when it is not
 *	@tx_ring any more; @ring_lock
 * @mapped: number of mappings of the rings
 * @tx_sent: send() has been called once
 * @tx_pool: skbs for small frames of send(); set once, after @tx_sent
 * @lanes: XINET_RX_RING; set once, under the socket lock; excludes @rx_ring and
 *	@tx_ring
 * @lanes_reader: which of its readers the socket is
 * @lanes_packets: PACKET_STATISTICS: packets of @lanes reported so far
 * @lanes_drops: the same of dropped ones
 * @rollover: of a member of a fanout group that rolls over; set once
 * @pressure: with @rollover: it was short of room when last asked, and has not been
 *	read from since
 * @fanout_slot: where a running member stands in its group; see fanout.c
 * @memberships: see membership.c; RTNL
 * @owner: XINET_PACKET_OWNER, or NULL; constant while the socket receives
 * @dropped: XINET_PACKET_DROPS, or NULL; set once
 * @point: XINET_PACKET_POINT, or NULL; set once
 * @all_netns: XINET_PACKET_ALL_NETNS; constant while the socket receives
 * @dev_queue: XINET_PACKET_QUEUE; constant while the socket receives
 * @filter_work: see filter_change.c; holds a reference to @sk while it is queued
 */
struct xinet_packet_sock {
	struct sock sk;
	struct xinet_tap_sink sink;

	/* receiving; sk_receive_queue.lock */
	u32 tp_packets;
	u32 tp_freezes;
	atomic_t tp_drops;
	struct xinet_drops drops;
	struct xinet_tap_receiver *receiver;
	void (*data_ready)(struct sock *sk);
	struct sk_buff *spare;

	struct mutex bind_lock;	/* the binding, changes of sink */
	struct net_device __rcu *dev;
	netdevice_tracker dev_tracker;
	int ifindex;
	__be16 num;
	bool bound;

	/* options that are read without a lock */
	bool auxdata;
	bool origdev;
	bool qdisc_bypass;
	u8 vnet_hdr_sz;
	int tp_tstamp;
	int copy_thresh;

	/* options that a ring takes over: socket lock, fixed while there is one */
	u32 tp_reserve;
	u32 tp_flush_usec;
	u32 tp_watermark;
	u8 tp_version;
	bool tp_loss;
	bool tx_has_off;

	struct mutex ring_lock;	/* the rings, and sending from one */
	struct xinet_ring *rx_ring;
	struct xinet_ring *tx_ring;
	struct xinet_ring *tx_flight;
	atomic_long_t mapped;

	/* send() */
	bool tx_sent;
	struct xinet_tx_pool *tx_pool;

	/* the lanes; sk_receive_queue.lock keeps the socket from leaving them */
	struct xinet_lanes *lanes;
	u32 lanes_reader;
	u64 lanes_packets;
	u64 lanes_drops;

	/* fanout.c */
	struct xinet_fanout_rollover *rollover;
	bool pressure;
	u32 fanout_slot;

	struct list_head memberships;
	struct xinet_owner_view *owner;
	struct xinet_dropped_watch *dropped;
	struct xinet_point_watch *point;
	bool all_netns;
	bool dev_queue;
	struct delayed_work filter_work;
};

static inline struct xinet_packet_sock *xinet_packet_sk(const struct sock *sk)
{
	return (struct xinet_packet_sock *)sk;
}

/**
 * xinet_packet_sink() - the sink of a socket that may be of any kind
 * @sk: any socket, request or time-wait sock
 *
 * Return: its sink, NULL when @sk is not a packet socket of ours.
 */
static inline struct xinet_tap_sink *xinet_packet_sink(const struct sock *sk)
{
	if (sk->sk_prot != &xinet_packet_prot)
		return NULL;
	return &xinet_packet_sk(sk)->sink;
}

/**
 * xinet_packet_taps() - the taps that a socket joins
 * @po: the socket
 *
 * Context: any; they may change unless the socket lock or bind_lock is held.
 */
static inline struct xinet_tap_net *
xinet_packet_taps(const struct xinet_packet_sock *po)
{
	return READ_ONCE(po->sink.taps);
}

/**
 * xinet_packet_has_ring() - whether a socket has a ring of any kind
 * @po: the socket
 *
 * Context: process, socket lock held.
 */
static inline bool xinet_packet_has_ring(const struct xinet_packet_sock *po)
{
	return po->rx_ring || po->tx_ring || po->lanes;
}

/**
 * xinet_packet_discard() - free packets that a socket has not read
 * @list: the packets, in no queue any more
 *
 * As __skb_queue_purge(), but those are copies, and no drops to the tracepoint
 * kfree_skb.
 */
static inline void xinet_packet_discard(struct sk_buff_head *list)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(list)))
		consume_skb(skb);
}

/**
 * xinet_packet_is_idle() - whether no packet can come to a socket
 * @po: the socket
 *
 * Context: process, socket lock and bind_lock held.
 */
static inline bool xinet_packet_is_idle(const struct xinet_packet_sock *po)
{
	return !po->bound && !po->num && !rcu_access_pointer(po->sink.tap) &&
	       !rcu_access_pointer(po->sink.group) && !xinet_packet_has_ring(po);
}

/**
 * xinet_packet_wake() - xinet_wake_reader() of a packet socket
 * @po: the socket
 */
static inline void xinet_packet_wake(struct xinet_packet_sock *po)
{
	xinet_wake_reader(&po->sk, po->data_ready);
}

/**
 * xinet_packet_drop() - count a packet that a socket lost
 * @po: the socket
 * @skb: the packet; read-only. NULL: nothing is known of it
 * @reason: why
 *
 * For PACKET_STATISTICS and by its reason; not for SO_RXQ_OVFL.
 *
 * Context: any but NMI; RCU.
 */
void xinet_packet_drop(struct xinet_packet_sock *po, const struct sk_buff *skb,
		       enum xinet_drop_reason reason);

/**
 * xinet_packet_pernet() - the packet sockets of a namespace
 * @net: the namespace
 */
struct xinet_packet_net *xinet_packet_pernet(const struct net *net);

/**
 * xinet_packet_sock_init() - prepare for packet sockets
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int xinet_packet_sock_init(void);

/**
 * xinet_packet_sock_exit() - undo xinet_packet_sock_init()
 *
 * Context: module exit, no socket left.
 */
void xinet_packet_sock_exit(void);

#endif /* _XINET_PACKET_SOCK_H */
