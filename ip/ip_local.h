/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_IP_LOCAL_H
#define _XINET_IP_LOCAL_H

#include <linux/types.h>

struct sk_buff;

/**
 * xinet_ip_local_init() - give every namespace its memory of local routes
 *
 * Context: process, module init.
 * Return: 0 or a negative errno.
 */
int xinet_ip_local_init(void);

/**
 * xinet_ip_local_exit() - undo xinet_ip_local_init()
 *
 * Context: process, module exit; no packet is under way.
 */
void xinet_ip_local_exit(void);

/**
 * xinet_ip_is_local() - whether this host would deliver a packet to itself
 * @skb: a copy of the caller's own, network header linear and valid; gets the
 *	route, not counted
 *
 * What PF_INET would find: addresses, policy routing, source validation. A
 * packet that brings a route (what loops back does) keeps it.
 *
 * Context: softirq, RCU read side.
 */
bool xinet_ip_is_local(struct sk_buff *skb);

#endif /* _XINET_IP_LOCAL_H */
