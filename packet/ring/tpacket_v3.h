/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receive rings whose blocks are handed over as a whole: TPACKET_V3.
 */
#ifndef _XINET_PACKET_TPACKET_V3_H
#define _XINET_PACKET_TPACKET_V3_H

#include <linux/bits.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/types.h>

#include "packet/tap/tap.h"

struct sk_buff;
struct tpacket_block_desc;
struct xinet_packet_sock;
struct xinet_ring;

/* Drawn in tpacket_v3.c. */
enum xinet_v3_state {
	XINET_V3_EMPTY,		/* a block is open, nothing is in it */
	XINET_V3_FILLING,	/* a block is open and has packets */
	XINET_V3_FROZEN,	/* the next block is still the program's */
};

/* Of xinet_ring.gate: there is no way in without the lock. */
#define XINET_V3_GATE_SHUT	BIT_ULL(31)

/* What moves the machine. */
enum xinet_v3_event {
	XINET_V3_PACKET,	/* one comes */
	XINET_V3_TIMEOUT,	/* the open block is old */
	XINET_V3_WATERMARK,	/* it has as many as the program wants */
};

/**
 * struct xinet_v3 - the blocks of a receive ring, as the kernel knows them
 * @block: the open one, or the one that is waited for
 * @active: its index
 * @state: enum xinet_v3_state
 * @armed: @timer is on its way
 * @wake: a block has been handed over and nobody has been woken for it yet
 * @rxhash: TP_FT_REQ_FILL_RXHASH
 * @pos: where the next packet goes, bytes from @block
 * @last: where the newest one is
 * @nr_packets: in @block
 * @turn: how often the gate has been shut
 * @first: where the first packet of a block goes, behind the private area
 * @max_frame: room in an empty block
 * @seq: number of @block, from 1
 * @deadline: when @block is old, CLOCK_MONOTONIC; set with its first packet
 * @timeout: how long a packet waits in a block
 * @mode: how @timer is started
 * @watermark: a block with so many packets is handed over; 0: a full one
 * @po: the socket
 * @timer: looks after @deadline
 *
 * All of it is under sk_receive_queue.lock, but @block stands still while there
 * is something taken that is not done. While the gate is open, @pos is where it
 * was opened, and @last and @nr_packets do not count what came in since; see
 * xinet_v3_settle(). @first, @max_frame, @rxhash,
 * @timeout, @mode, @watermark and @po never change.
 */
struct xinet_v3 {
	struct tpacket_block_desc *block;
	u32 active;
	u8 state;
	bool armed;
	bool wake;
	bool rxhash;
	u32 pos;
	u32 last;
	u32 nr_packets;
	u16 turn;
	u32 first;
	u32 max_frame;
	u64 seq;
	ktime_t deadline;
	ktime_t timeout;
	enum hrtimer_mode mode;
	u32 watermark;
	struct xinet_packet_sock *po;
	struct hrtimer timer;
};

/**
 * xinet_v3_setup() - open the first block of a new ring
 * @po: the socket that it is for
 * @ring: its memory is there, nobody else knows it yet
 *
 * Context: process, socket lock held; takes RTNL for the default timeout.
 */
void xinet_v3_setup(struct xinet_packet_sock *po, struct xinet_ring *ring);

/**
 * xinet_v3_release() - the release() of a V3 receive ring: stop its timer
 * @receiver: of the ring, which is not the socket's any more
 *
 * Context: process, no spinlocks held. Waits for the timer's function.
 */
void xinet_v3_release(struct xinet_tap_receiver *receiver);

/**
 * xinet_v3_settle() - have the open block and its counts to oneself
 * @ring: any receive ring; nothing happens if it is not a V3 one
 *
 * What is stored before, like a new binding, is seen by all packets after. The
 * gate stays shut until a packet has taken the slow path.
 *
 * Context: sk_receive_queue.lock held, BH disabled. Waits for other CPUs, no
 * longer than one takes to copy a packet.
 */
void xinet_v3_settle(struct xinet_ring *ring);

/**
 * xinet_v3_receiver_settle() - the settle() of a V3 receive ring
 * @receiver: of the ring
 *
 * Context: as xinet_v3_settle().
 */
void xinet_v3_receiver_settle(const struct xinet_tap_receiver *receiver);

/**
 * xinet_v3_is_readable() - whether a block waits for the program
 * @receiver: of the ring
 *
 * Context: sk_receive_queue.lock held.
 * Return: true when the block closed last has not been given back.
 */
bool xinet_v3_is_readable(const struct xinet_tap_receiver *receiver);

/**
 * xinet_v3_is_free() - whether a block is the kernel's
 * @ring: the ring
 * @index: of the block
 *
 * Context: sk_receive_queue.lock held.
 */
bool xinet_v3_is_free(const struct xinet_ring *ring, u32 index);

/**
 * xinet_v3_deliver() - xinet_tap_deliver_t of a V3 receive ring
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: accepted packet
 * @frame: as the tap fills it in
 *
 * Counts a drop when no block is the kernel's.
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_v3_deliver(struct xinet_tap_sink *sink,
		      const struct xinet_tap_receiver *receiver,
		      struct sk_buff *skb,
		      const struct xinet_tap_frame *frame);

/**
 * xinet_v3_fast() - xinet_tap_fast_t of a V3 receive ring
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: as the tap gets it
 * @source: where it comes from
 * @orig_dev: unused
 *
 * Context: as xinet_v3_deliver().
 * Return: whether it is stored.
 */
bool xinet_v3_fast(struct xinet_tap_sink *sink,
		   const struct xinet_tap_receiver *receiver,
		   struct sk_buff *skb, const void *source,
		   const struct net_device *orig_dev);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_v3_step() - the machine
 * @ring: the ring
 * @event: enum xinet_v3_event
 * @len: of a packet's frame, a multiple of 8, at most @max_frame
 *
 * Context: sk_receive_queue.lock held, BH disabled.
 * Return: whether there is a place of @len bytes at @pos of the open block.
 */
bool xinet_v3_step(struct xinet_ring *ring, enum xinet_v3_event event,
		   u32 len);

/**
 * xinet_v3_take() - take a place by the gate
 * @ring: the ring
 * @sink: of the socket
 * @source: of the packet
 * @len: a multiple of 8
 *
 * Context: BH disabled until xinet_v3_done().
 * Return: offset in the open block, 0 if the gate is shut or nearly so.
 */
u32 xinet_v3_take(struct xinet_ring *ring, const struct xinet_tap_sink *sink,
		  const void *source, u32 len);

/**
 * xinet_v3_done() - what was taken is written
 * @ring: the ring
 * @len: as it was taken
 */
void xinet_v3_done(struct xinet_ring *ring, u32 len);
#endif

#endif /* _XINET_PACKET_TPACKET_V3_H */
