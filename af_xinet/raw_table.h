/* SPDX-License-Identifier: GPL-2.0-only */
/* The lists that raw sockets stand in, as both who changes and who walks them. */
#ifndef _XINET_RAW_TABLE_H
#define _XINET_RAW_TABLE_H

#include <linux/rculist.h>
#include <net/sock.h>

#include "af_xinet/raw.h"

/* The node of @sk in the list of its protocol at @point. */
static __always_inline struct hlist_node *
xinet_raw_node(struct sock *sk, unsigned int point)
{
	return point == XINET_RAW_POINT_HOST ? &sk->sk_bind_node : &sk->sk_node;
}

/* The list of the sockets that ask for an ICMP identifier. */
static inline struct hlist_head *
xinet_raw_icmp_id_bucket(struct hlist_head *heads, u16 id)
{
	return &heads[id & (XINET_RAW_ICMP_ID_HEADS - 1)];
}

#endif /* _XINET_RAW_TABLE_H */
