/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether this host would deliver a packet locally. */
#ifndef _XINET_IP_LOCAL_H
#define _XINET_IP_LOCAL_H

#include <linux/types.h>

struct sk_buff;

/**
 * xinet_ip_local_init() - prepare the cache of local routes of every namespace
 *
 * Context: process, module init.
 * Return: 0 or a negative errno.
 */
int xinet_ip_local_init(void);

/**
 * xinet_ip_local_exit() - undo xinet_ip_local_init()
 *
 * Context: process, module exit; no packet is in flight.
 */
void xinet_ip_local_exit(void);

/**
 * xinet_ip_is_local() - whether this host would deliver a packet locally
 * @skb: a private copy, network header linear and valid; gets the route, not
 *	counted
 *
 * Decides as PF_INET does: addresses, policy routing, source validation. A
 * packet that has a route (when it is looped back) keeps it.
 *
 * Context: softirq, RCU read side.
 */
bool xinet_ip_is_local(struct sk_buff *skb);

#endif /* _XINET_IP_LOCAL_H */
