/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fanout group as both of its halves know it: fanout.c, which changes it by
 * system calls, and fanout_deliver.c, which gives packets to its members.
 */
#ifndef _XINET_PACKET_FANOUT_GROUP_H
#define _XINET_PACKET_FANOUT_GROUP_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "packet/tap/tap.h"

struct bpf_prog;
struct net_device;
struct xinet_flow_cache;

/* How many hashes a member remembers to tell a huge flow, as AF_PACKET. */
#define FANOUT_HISTORY		(L1_CACHE_BYTES / sizeof(u32))

/*
 * What a member knows of its overflow.
 *
 * @next: the member to be asked first for room
 * @all: packets that another member got instead
 * @huge: those of them that had to go though there was some room left
 * @failed: packets for which no other member had room
 * @history: flow hashes of packets that came when room was low
 */
struct xinet_fanout_rollover {
	u32 next;
	atomic_long_t all;
	atomic_long_t huge;
	atomic_long_t failed;
	u32 history[FANOUT_HISTORY] ____cacheline_aligned;
};

/* A program of PACKET_FANOUT_DATA. */
struct xinet_fanout_program {
	struct bpf_prog *prog;
	struct rcu_head rcu;
};

/*
 * @sink: behind the tap of @dev and @num; its receiver is that of
 *	xinet_fanout_receiver()
 * @nr_running: members that have a slot
 * @mode: PACKET_FANOUT_*
 * @flags: PACKET_FANOUT_FLAG_* >> 8, unknown ones included
 * @id: in fn->groups
 * @flows: of PACKET_FANOUT_HASH; may be NULL
 * @program: of PACKET_FANOUT_CBPF and PACKET_FANOUT_EBPF; NULL picks member 0
 * @dev: to compare; held by the tap
 * @num: ETH_P_*, network byte order
 * @dev_gone: @dev is unregistered, and void
 * @nr_members: sockets in the group, running or not
 * @max_members: its limit
 * @turn: of PACKET_FANOUT_LB
 * @members: the slots; more than @nr_running of them are of no meaning
 *
 * Changes under fn->lock, but for @turn.
 */
struct xinet_fanout_group {
	struct xinet_tap_sink sink;
	u32 nr_running;
	u8 mode;
	u8 flags;
	u16 id;
	struct xinet_flow_cache __percpu *flows;
	struct xinet_fanout_program __rcu *program;
	const struct net_device *dev;
	__be16 num;
	bool dev_gone;
	u32 nr_members;
	u32 max_members;
	struct rcu_head rcu;
	atomic_t turn ____cacheline_aligned_in_smp;
	struct xinet_tap_sink __rcu *members[] ____cacheline_aligned_in_smp;
};

static inline bool
xinet_fanout_has_flag(const struct xinet_fanout_group *group, u16 flag)
{
	return group->flags & (flag >> 8);
}

/**
 * xinet_fanout_receiver() - what takes the packets of a group
 * @group: its mode and flags are set, for good
 *
 * Context: any.
 * Return: never NULL; constant.
 */
const struct xinet_tap_receiver *
xinet_fanout_receiver(const struct xinet_fanout_group *group);

#endif /* _XINET_PACKET_FANOUT_GROUP_H */
