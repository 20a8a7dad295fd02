/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * skbs that a send ring uses again and again for its small frames.
 */
#ifndef _XINET_PACKET_TX_POOL_H
#define _XINET_PACKET_TX_POOL_H

#include <linux/types.h>

struct sk_buff;
struct xinet_tx_pool;

/**
 * xinet_tx_pool_new() - a pool without skbs yet
 *
 * Return: the pool, or NULL when there is no memory.
 */
struct xinet_tx_pool *xinet_tx_pool_new(void);

/**
 * xinet_tx_pool_free() - let go of a pool
 * @pool: or NULL; skbs that were taken from it stay what they are
 *
 * Context: process or softirq.
 */
void xinet_tx_pool_free(struct xinet_tx_pool *pool);

/**
 * xinet_tx_pool_take() - an skb for a small frame
 * @pool: nobody else takes from it meanwhile
 * @headroom: bytes to keep free in front of the frame
 * @len: bytes of the frame
 * @tailroom: bytes to keep free behind it
 *
 * Its data are its own, and yet it counts as cloned. It is freed as any other.
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
