/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The readers of an XINET_RX_RING: adding, removing and waking them.
 */
#ifndef _XINET_PACKET_LANE_READERS_H
#define _XINET_PACKET_LANE_READERS_H

#include <linux/types.h>
#include <linux/xinet.h>

struct rcu_work;
struct sock;
struct xinet_lane;
struct xinet_lanes;

/* Number of the reader that made the ring; it is not reused. */
#define XINET_LANES_MAKER	0

/* Reader number of a closed socket */
#define XINET_LANES_NOBODY	XINET_RX_RING_READERS

/**
 * xinet_lanes_alloc_pages() - allocate memory that programs map
 * @size: bytes, in whole pages
 *
 * Does not invoke the OOM killer.
 *
 * Context: process.
 * Return: zeroed memory, charged to the program's memory cgroup; NULL.
 */
void *xinet_lanes_alloc_pages(size_t size);

/**
 * xinet_lanes_positions_size() - bytes of a reader's positions, in whole pages
 * @lanes: the ring
 */
size_t xinet_lanes_positions_size(const struct xinet_lanes *lanes);

/**
 * xinet_lanes_join() - add a reader
 * @lanes: the ring
 * @sk: socket of the reader
 *
 * Context: process.
 * Return: its number, XINET_LANES_MAKER for the first; -ENOMEM; -ENOSPC.
 */
int xinet_lanes_join(struct xinet_lanes *lanes, struct sock *sk);

/**
 * xinet_lanes_part() - remove a reader
 * @lanes: the ring
 * @number: of the reader
 *
 * Afterwards only RCU readers may still use the reader and its socket.
 *
 * Context: process.
 */
void xinet_lanes_part(struct xinet_lanes *lanes, u32 number);

/**
 * xinet_lanes_position() - how far a lane may be overwritten
 * @lanes: the ring
 * @lane: one of its lanes
 *
 * Context: as xinet_tap_deliver_t.
 * Return: the most advanced valid position of a reader; the tail of @lane if
 * there is none.
 */
u64 xinet_lanes_position(const struct xinet_lanes *lanes,
			 const struct xinet_lane *lane);

/**
 * xinet_lanes_wake() - wake the readers that wait
 * @lanes: the ring
 *
 * Context: any.
 */
void xinet_lanes_wake(const struct xinet_lanes *lanes);

/**
 * xinet_lanes_hang_up() - wake the readers for EPOLLHUP
 * @lanes: the ring, with @ended set, which readers that join later check
 *
 * Context: any.
 */
void xinet_lanes_hang_up(const struct xinet_lanes *lanes);

/**
 * xinet_lanes_free_later() - free memory of a ring after an RCU grace period
 * @work: its function frees it
 *
 * Context: any.
 */
void xinet_lanes_free_later(struct rcu_work *work);

/**
 * xinet_lanes_init() - create the workqueue that frees rings
 *
 * Return: 0 or -ENOMEM.
 */
int xinet_lanes_init(void);

/**
 * xinet_lanes_exit() - wait until the last ring is freed
 *
 * Context: rcu_barrier() has been called after the last socket was closed.
 */
void xinet_lanes_exit(void);

#endif /* _XINET_PACKET_LANE_READERS_H */
