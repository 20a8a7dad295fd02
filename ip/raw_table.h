/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of raw sockets: raw_table.c changes, raw_input.c walks them. */
#ifndef _XINET_RAW_TABLE_H
#define _XINET_RAW_TABLE_H

#include <linux/rculist.h>
#include <net/sock.h>

#include "ip/raw.h"

/**
 * struct xinet_raw_behind_ops - the hook behind the firewall, see local_in.h
 * @get: a namespace begins to need it; process; 0 or a negative errno
 * @put: a namespace does not need it any more; process
 */
struct xinet_raw_behind_ops {
	int (*get)(struct net *net);
	void (*put)(struct net *net);
};

/**
 * xinet_raw_table_init() - prepare the tables of every namespace
 * @behind: the hook behind the firewall
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int xinet_raw_table_init(const struct xinet_raw_behind_ops *behind);

/**
 * xinet_raw_table_exit() - undo xinet_raw_table_init()
 *
 * Context: module exit; no raw socket is left.
 */
void xinet_raw_table_exit(void);

/* The node of @sk in the list of its protocol at @point. */
static __always_inline struct hlist_node *
xinet_raw_node(struct sock *sk, unsigned int point)
{
	return point == XINET_RAW_POINT_HOST ? &sk->sk_bind_node : &sk->sk_node;
}

/* The bucket of an ICMP identifier. */
static inline struct hlist_head *
xinet_raw_icmp_id_bucket(struct hlist_head *heads, u16 id)
{
	return &heads[id & (XINET_RAW_ICMP_ID_HEADS - 1)];
}

#endif /* _XINET_RAW_TABLE_H */
