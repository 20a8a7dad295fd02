/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow hash by which fanout groups share packets out.
 */
#ifndef _XINET_PACKET_FLOW_HASH_H
#define _XINET_PACKET_FLOW_HASH_H

#include <linux/types.h>

struct sk_buff;
struct xinet_flow_cache;

/**
 * xinet_flow_cache_alloc() - memory for flows, on each CPU
 *
 * Context: process; may sleep.
 * Return: the memory, or NULL, which costs time only.
 */
struct xinet_flow_cache __percpu *xinet_flow_cache_alloc(void);

/**
 * xinet_flow_cache_size() - how much memory it is, on all CPUs
 * @cache: or NULL
 *
 * Return: bytes.
 */
size_t xinet_flow_cache_size(const struct xinet_flow_cache __percpu *cache);

/**
 * xinet_flow_cache_free() - forget them
 * @cache: that nobody uses any more, or NULL
 *
 * Context: any.
 */
void xinet_flow_cache_free(struct xinet_flow_cache __percpu *cache);

/**
 * xinet_flow_hash() - __skb_get_hash_symmetric(), sooner
 * @skb: its network header set, not modified
 * @cache: of the caller, or NULL
 *
 * Context: softirq, or BH disabled; RCU.
 * Return: the same value for both directions of a flow.
 */
u32 xinet_flow_hash(const struct sk_buff *skb,
		    struct xinet_flow_cache __percpu *cache);

#endif /* _XINET_PACKET_FLOW_HASH_H */
