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
struct xinet_told;

/* The state of a ring's machine, drawn in tpacket_v3.c. */
enum xinet_v3_state {
	XINET_V3_EMPTY,		/* a block is open, it has no packets */
	XINET_V3_FILLING,	/* a block is open and has packets */
	XINET_V3_FROZEN,	/* the program owns the next block */
};

/* xinet_ring.gate: no packet may enter without the lock. */
#define XINET_V3_GATE_SHUT	BIT_ULL(31)

/* The events of the machine. */
enum xinet_v3_event {
	XINET_V3_PACKET,	/* a packet arrives */
	XINET_V3_TIMEOUT,	/* the open block is past its deadline */
	XINET_V3_WATERMARK,	/* it has XINET_PACKET_WATERMARK packets */
};

/**
 * struct xinet_v3 - the kernel's state of the blocks of a receive ring
 * @block: the open block or, when frozen, the next one
 * @active: index of @block
 * @state: enum xinet_v3_state
 * @armed: @timer runs
 * @wake: a block has been handed over, the program not woken yet
 * @rxhash: TP_FT_REQ_FILL_RXHASH, constant
 * @pos: offset of the next packet in @block
 * @last: offset of the newest packet
 * @nr_packets: in @block
 * @turn: how often the gate has been shut
 * @first: offset of a block's first packet, after the private area, constant
 * @max_frame: bytes of an empty block after @first, constant
 * @seq: number of @block, from 1
 * @deadline: of @block, CLOCK_MONOTONIC; set with its first packet
 * @timeout: how long a packet waits in a block, constant
 * @mode: how @timer is started, constant
 * @watermark: packets after which a block is handed over, constant; 0: if full
 * @po: the socket, constant
 * @timer: fires at @deadline
 *
 * Under sk_receive_queue.lock; @block stays while taken bytes are not done.
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
 * @ring: its memory is allocated, it is not published yet
 *
 * Context: process, socket lock held; takes RTNL for the default timeout.
 */
void xinet_v3_setup(struct xinet_packet_sock *po, struct xinet_ring *ring);

/**
 * xinet_v3_release() - the release() of a V3 receive ring: stop its timer
 * @receiver: of the ring, which is no longer the socket's
 *
 * Context: process, no spinlocks held. Waits for the timer's function.
 */
void xinet_v3_release(struct xinet_tap_receiver *receiver);

/**
 * xinet_v3_settle() - shut the gate and wait for lockless writers
 * @ring: any receive ring; does nothing if it is not a V3 one
 *
 * While the gate is open, @pos is where it was opened, and @last and
 * @nr_packets do not count later packets; afterwards they do. All later packets
 * see what was stored before, like a new binding. The gate stays shut until a
 * packet has taken the slow path.
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
 * xinet_v3_is_readable() - whether a block is ready for the program
 * @receiver: of the ring
 *
 * Context: sk_receive_queue.lock held.
 * Return: true if the program owns the block closed last.
 */
bool xinet_v3_is_readable(const struct xinet_tap_receiver *receiver);

/**
 * xinet_v3_is_free() - whether the kernel owns a block
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
 * Counts a drop when the program owns the next block.
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_v3_deliver(struct xinet_tap_sink *sink,
		      const struct xinet_tap_receiver *receiver,
		      struct sk_buff *skb,
		      const struct xinet_tap_frame *frame);

/**
 * xinet_v3_deliver_told() - store a packet and what is told about it
 * @sink: as xinet_v3_deliver()
 * @receiver: of a ring with a @told_offset
 * @skb: as there
 * @frame: as there
 * @told: goes into PACKET_RESERVE of the frame
 *
 * Context: as there.
 */
void xinet_v3_deliver_told(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb,
			   const struct xinet_tap_frame *frame,
			   const struct xinet_told *told);

/**
 * xinet_v3_fast() - xinet_tap_fast_t of a V3 receive ring
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: as the tap gets it
 * @source: as in struct xinet_tap_frame
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
 * xinet_v3_step() - run the machine for one event
 * @ring: the ring
 * @event: enum xinet_v3_event
 * @len: of a packet's frame, a multiple of 8, at most @max_frame
 *
 * Context: sk_receive_queue.lock held, BH disabled.
 * Return: whether @len bytes fit at @pos of the open block.
 */
bool xinet_v3_step(struct xinet_ring *ring, enum xinet_v3_event event,
		   u32 len);

/**
 * xinet_v3_take() - take @len bytes of the open block through the gate
 * @ring: the ring
 * @sink: of the socket
 * @source: of the packet
 * @len: a multiple of 8
 *
 * Context: BH disabled until xinet_v3_done().
 * Return: offset in the open block, 0 if the gate is shut or @len does not fit.
 */
u32 xinet_v3_take(struct xinet_ring *ring, const struct xinet_tap_sink *sink,
		  const void *source, u32 len);

/**
 * xinet_v3_done() - report that taken bytes are written
 * @ring: the ring
 * @len: as passed to xinet_v3_take()
 */
void xinet_v3_done(struct xinet_ring *ring, u32 len);
#endif

#endif /* _XINET_PACKET_TPACKET_V3_H */
