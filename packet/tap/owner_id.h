/* SPDX-License-Identifier: GPL-2.0-only */
/* Which socket a packet comes from or goes to. */
#ifndef _XINET_PACKET_OWNER_ID_H
#define _XINET_PACKET_OWNER_ID_H

#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/xinet.h>

struct sk_buff;
struct sock;

/* Levels of cgroups that an owner is known by; a filter may name those. */
#define XINET_OWNER_LEVELS	16

/**
 * struct xinet_owner_id - an owner, as the kernel knows it
 * @flags: XINET_OWNER_*: which of these are set; XINET_OWNER_PROCESS, where told.c
 *	adds it: the current task's process sends or reads it
 * @uid: owner of the socket
 * @cookie: of the socket
 * @netns_cookie: of its network namespace
 * @netns: inode number of that
 * @nr_levels: how many of @levels are set
 * @cgroup: id of its cgroup
 * @levels: ids of the cgroups above that, from the root on, and its own
 *
 * Values, no pointers: one may be kept for longer than what it describes. Without
 * XINET_OWNER_SOCKET, only @flags is set; without XINET_OWNER_CREDENTIALS, neither
 * @uid nor anything of the cgroup.
 */
struct xinet_owner_id {
	u32 flags;
	kuid_t uid;
	u64 cookie;
	u64 netns_cookie;
	u32 netns;
	u32 nr_levels;
	u64 cgroup;
	u64 levels[XINET_OWNER_LEVELS];
};

/**
 * xinet_owner_id_copy() - copy what is set of an owner
 * @to: filled in
 * @from: the owner
 */
static inline void xinet_owner_id_copy(struct xinet_owner_id *to,
				       const struct xinet_owner_id *from)
{
	u32 i;

	memcpy(to, from, offsetof(struct xinet_owner_id, levels));
	if (!(from->flags & XINET_OWNER_CREDENTIALS))
		return;
	for (i = 0; i < from->nr_levels; i++)
		to->levels[i] = from->levels[i];
}

/**
 * xinet_owner_id_from_sock() - the owner of a packet that a socket sends
 * @sk: any kind of sock: full, request or time-wait
 * @id: filled in
 *
 * Context: any; RCU.
 */
void xinet_owner_id_from_sock(struct sock *sk, struct xinet_owner_id *id);

/**
 * xinet_owner_lookup() - the owner of a received packet
 * @skb: the packet; read-only
 * @behind_nat: its destination will not be changed any more
 * @id: filled in
 *
 * Looks the socket up in the namespace of the packet's device, as TCP and UDP
 * will. If there may be another answer by then, the owner is not known.
 *
 * Context: softirq, or BH disabled; RCU. Takes and drops references, no locks.
 */
void xinet_owner_lookup(const struct sk_buff *skb, bool behind_nat,
			struct xinet_owner_id *id);

#endif /* _XINET_PACKET_OWNER_ID_H */
