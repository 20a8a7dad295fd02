/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow hash by which fanout groups share packets out.
 */
#ifndef _XINET_PACKET_FLOW_HASH_H
#define _XINET_PACKET_FLOW_HASH_H

#include <linux/types.h>

struct sk_buff;

/**
 * xinet_flow_hash() - __skb_get_hash_symmetric(), sooner
 * @skb: its network header set, not modified
 *
 * Context: softirq, or BH disabled; RCU.
 * Return: the same value for both directions of a flow.
 */
u32 xinet_flow_hash(const struct sk_buff *skb);

#endif /* _XINET_PACKET_FLOW_HASH_H */
