/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools of skbs that a sender reuses for its small frames.
 */
#ifndef _XINET_PACKET_TX_POOL_H
#define _XINET_PACKET_TX_POOL_H

#include <linux/types.h>

struct sk_buff;
struct xinet_tx_pool;

/**
 * xinet_tx_pool_new() - create a pool, without skbs
 * @bytes: limit of the memory that its skbs hold
 *
 * Return: the pool, or NULL if out of memory.
 */
struct xinet_tx_pool *xinet_tx_pool_new(size_t bytes);

/**
 * xinet_tx_pool_free() - free a pool
 * @pool: or NULL; skbs that were taken from it stay valid
 *
 * Context: process.
 */
void xinet_tx_pool_free(struct xinet_tx_pool *pool);

/**
 * xinet_tx_pool_begin() - lock a pool to take from it
 * @pool: or NULL
 *
 * Context: process.
 */
void xinet_tx_pool_begin(struct xinet_tx_pool *pool);

/**
 * xinet_tx_pool_try_begin() - lock a pool unless it is locked
 * @pool: the pool
 *
 * Context: process.
 * Return: whether the caller has locked it.
 */
bool xinet_tx_pool_try_begin(struct xinet_tx_pool *pool);

/**
 * xinet_tx_pool_end() - unlock a pool
 * @pool: begun, or NULL
 *
 * Its skbs are freed once it has not been used for a second.
 *
 * Context: process.
 */
void xinet_tx_pool_end(struct xinet_tx_pool *pool);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_tx_pool_used() - how many skbs a pool holds, in flight or not
 * @pool: the pool
 */
unsigned int xinet_tx_pool_used(const struct xinet_tx_pool *pool);
#endif

/**
 * xinet_tx_pool_take() - take an skb for a small frame
 * @pool: begun
 * @headroom: bytes to keep free in front of the frame
 * @len: bytes of the frame
 * @tailroom: bytes to keep free behind it
 *
 * The skb counts as cloned, although no one else uses its data. It is freed
 * like any other; its truesize covers all that it holds, even after the pool is
 * freed.
 *
 * Context: process.
 * Return: an skb of @len uninitialised bytes, not charged; NULL if the frame is
 * too long or shorter than ETH_ZLEN, to which drivers pad, and if no idle skb
 * is found and the pool is full or out of memory.
 */
struct sk_buff *xinet_tx_pool_take(struct xinet_tx_pool *pool,
				   unsigned int headroom, unsigned int len,
				   unsigned int tailroom);

#endif /* _XINET_PACKET_TX_POOL_H */
