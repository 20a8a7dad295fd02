/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The structure of a fanout group, shared by fanout.c, which changes it in
 * system calls, and fanout_deliver.c, which delivers packets to its members.
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

/* Flow hashes that a member keeps to detect a huge flow, as AF_PACKET does. */
#define FANOUT_HISTORY		(L1_CACHE_BYTES / sizeof(u32))

/**
 * struct xinet_fanout_rollover - rollover state of a member
 * @next: the member to check first for room
 * @all: packets that another member got instead
 * @huge: those of @all that had to move although some room was left
 * @failed: packets for which no other member had room
 * @history: flow hashes of packets that came while room was low
 */
struct xinet_fanout_rollover {
	u32 next;
	atomic_long_t all;
	atomic_long_t huge;
	atomic_long_t failed;
	u32 history[FANOUT_HISTORY] ____cacheline_aligned;
};

/**
 * struct xinet_fanout_program - a program of PACKET_FANOUT_DATA
 * @prog: owned
 * @rcu: for freeing
 */
struct xinet_fanout_program {
	struct bpf_prog *prog;
	struct rcu_head rcu;
};

/* Greatest @defrag_id: more than there is memory for groups, so that none is wanting. */
#define XINET_FANOUT_DEFRAG_IDS	0x3fffffff

/**
 * struct xinet_fanout_group - a fanout group; drawn in fanout.c
 * @sink: behind the tap of @dev and @num, with xinet_fanout_receiver()
 * @nr_running: members that have a slot
 * @mode: PACKET_FANOUT_*
 * @flags: PACKET_FANOUT_FLAG_* >> 8, unknown ones included
 * @id: in fn->groups
 * @defrag_id: of a group that defragments: no other of the host has it, or -1
 * @flows: of PACKET_FANOUT_HASH; may be NULL
 * @program: of PACKET_FANOUT_CBPF and PACKET_FANOUT_EBPF; NULL selects member 0
 * @dev: to compare; the tap holds a reference
 * @num: ETH_P_*, network byte order
 * @dev_gone: @dev is unregistered and no longer valid
 * @nr_members: sockets in the group, running or not
 * @max_members: limit of @nr_members
 * @rcu: for freeing
 * @turn: of PACKET_FANOUT_LB; atomic
 * @members: the slots; only the first @nr_running are valid
 *
 * All but @turn change under fn->lock.
 */
struct xinet_fanout_group {
	struct xinet_tap_sink sink;
	u32 nr_running;
	u8 mode;
	u8 flags;
	u16 id;
	int defrag_id;
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

/**
 * xinet_fanout_has_flag() - whether a group has a flag
 * @group: the group
 * @flag: PACKET_FANOUT_FLAG_*
 */
static inline bool
xinet_fanout_has_flag(const struct xinet_fanout_group *group, u16 flag)
{
	return group->flags & (flag >> 8);
}

/**
 * xinet_fanout_receiver() - what takes the packets of a group
 * @group: with its final mode and flags
 *
 * Context: any.
 * Return: never NULL; constant.
 */
const struct xinet_tap_receiver *
xinet_fanout_receiver(const struct xinet_fanout_group *group);

#endif /* _XINET_PACKET_FANOUT_GROUP_H */
