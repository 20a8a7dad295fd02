/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow hash by which fanout groups distribute packets.
 */
#ifndef _XINET_PACKET_FLOW_HASH_H
#define _XINET_PACKET_FLOW_HASH_H

#include <linux/types.h>

struct sk_buff;
struct xinet_flow_cache;

/**
 * xinet_flow_cache_alloc() - allocate a cache of flow hashes, per CPU
 *
 * Context: process; may sleep.
 * Return: the cache, or NULL: hashing works without it, slower.
 */
struct xinet_flow_cache __percpu *xinet_flow_cache_alloc(void);

/**
 * xinet_flow_cache_size() - bytes of a cache, on all CPUs
 * @cache: or NULL
 */
size_t xinet_flow_cache_size(const struct xinet_flow_cache __percpu *cache);

/**
 * xinet_flow_cache_free() - free a cache
 * @cache: without users, or NULL
 *
 * Context: any.
 */
void xinet_flow_cache_free(struct xinet_flow_cache __percpu *cache);

/**
 * xinet_flow_hash() - __skb_get_hash_symmetric(), faster
 * @skb: network header set; not modified
 * @cache: of the caller, or NULL
 *
 * Context: softirq, or BH disabled; RCU.
 * Return: the same value for both directions of a flow.
 */
u32 xinet_flow_hash(const struct sk_buff *skb,
		    struct xinet_flow_cache __percpu *cache);

#endif /* _XINET_PACKET_FLOW_HASH_H */
