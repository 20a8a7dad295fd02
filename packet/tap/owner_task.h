/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether the task that runs is the one that sends a packet. */
#ifndef _XINET_PACKET_OWNER_TASK_H
#define _XINET_PACKET_OWNER_TASK_H

#include <linux/types.h>

struct net;
struct sk_buff;
struct sock;

/**
 * xinet_owner_task_sends() - whether a packet of a socket is the current task's
 * @sk: a full sock
 * @skb: the packet, in LOCAL_OUT or POST_ROUTING of netfilter
 * @net: the namespace there
 *
 * Context: any; RCU.
 */
bool xinet_owner_task_sends(const struct sock *sk, const struct sk_buff *skb,
			    const struct net *net);

#endif /* _XINET_PACKET_OWNER_TASK_H */
