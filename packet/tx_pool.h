/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * skbs that a sender uses again and again for its small frames.
 */
#ifndef _XINET_PACKET_TX_POOL_H
#define _XINET_PACKET_TX_POOL_H

#include <linux/types.h>

struct sk_buff;
struct xinet_tx_pool;

/**
 * xinet_tx_pool_new() - a pool without skbs yet
 * @bytes: the most memory that its skbs may hold
 *
 * Return: the pool, or NULL when there is no memory.
 */
struct xinet_tx_pool *xinet_tx_pool_new(size_t bytes);

/**
 * xinet_tx_pool_free() - let go of a pool
 * @pool: or NULL; skbs that were taken from it stay what they are
 *
 * Context: process.
 */
void xinet_tx_pool_free(struct xinet_tx_pool *pool);

/**
 * xinet_tx_pool_begin() - be the one who takes from a pool
 * @pool: or NULL
 *
 * Context: process.
 */
void xinet_tx_pool_begin(struct xinet_tx_pool *pool);

/**
 * xinet_tx_pool_try_begin() - the same unless somebody else is
 * @pool: the pool
 *
 * Context: process.
 * Return: whether the pool is begun.
 */
bool xinet_tx_pool_try_begin(struct xinet_tx_pool *pool);

/**
 * xinet_tx_pool_end() - let others take from it, or have it emptied
 * @pool: begun, or NULL
 *
 * A second without xinet_tx_pool_begin() and its skbs go back to the kernel.
 *
 * Context: process.
 */
void xinet_tx_pool_end(struct xinet_tx_pool *pool);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_tx_pool_used() - how many skbs a pool holds, under way or not
 * @pool: the pool
 */
unsigned int xinet_tx_pool_used(const struct xinet_tx_pool *pool);
#endif

/**
 * xinet_tx_pool_take() - an skb for a small frame
 * @pool: begun
 * @headroom: bytes to keep free in front of the frame
 * @len: bytes of the frame
 * @tailroom: bytes to keep free behind it
 *
 * Its data are its own, and yet it counts as cloned. It is freed as any other.
 * Its truesize is all that it keeps, whatever becomes of the pool.
 *
 * Context: process.
 * Return: an skb of @len bytes yet to be filled in, charged to nobody; NULL for
 * a frame that is not small, or shorter than what drivers pad, and when all
 * are under way and there is no memory for one more.
 */
struct sk_buff *xinet_tx_pool_take(struct xinet_tx_pool *pool,
				   unsigned int headroom, unsigned int len,
				   unsigned int tailroom);

#endif /* _XINET_PACKET_TX_POOL_H */
