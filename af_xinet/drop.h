/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that a socket should have got and did not, counted by their enum
 * xinet_drop_reason: for the socket, for its namespace, and in the tracepoint
 * xinet:drop.
 */
#ifndef _XINET_DROP_H
#define _XINET_DROP_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/xinet.h>

struct sk_buff;
struct sock;

/**
 * struct xinet_drops - packets that a socket lost
 * @by_reason: how many, since it was opened; [XINET_DROP_NONE] stays 0
 *
 * Atomic words of the socket: a set for every CPU would cost more than the
 * socket on a large machine, and a loss is rare or has more CPUs than one only
 * if they share the queue, too. Lanes, which do not, count for themselves.
 */
struct xinet_drops {
	atomic64_t by_reason[__XINET_DROP_REASONS];
};

/**
 * xinet_drop_note() - report a lost packet without counting it for its socket
 * @sk: the socket, which counts by other means
 * @skb: the packet; read-only. NULL: nothing is known of it
 * @reason: not XINET_DROP_NONE
 *
 * Context: any but NMI; RCU. No lock, no allocation.
 */
void xinet_drop_note(struct sock *sk, const struct sk_buff *skb,
		     enum xinet_drop_reason reason);

/**
 * xinet_drop_count() - report a lost packet and count it
 * @sk: the socket
 * @drops: its counters
 * @skb: the packet; read-only. NULL: nothing is known of it
 * @reason: not XINET_DROP_NONE
 *
 * Context: as xinet_drop_note().
 */
void xinet_drop_count(struct sock *sk, struct xinet_drops *drops,
		      const struct sk_buff *skb,
		      enum xinet_drop_reason reason);

/**
 * xinet_drop_read() - read the counters of a socket
 * @drops: its counters
 * @by_reason: filled in, __XINET_DROP_REASONS of them
 *
 * Context: any.
 */
void xinet_drop_read(const struct xinet_drops *drops, u64 *by_reason);

#endif /* _XINET_DROP_H */
