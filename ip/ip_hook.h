/* SPDX-License-Identifier: GPL-2.0-only */
/* The hook for IPv4 packets from the wire. */
#ifndef _XINET_IP_HOOK_H
#define _XINET_IP_HOOK_H

#include <linux/types.h>

struct net_device;
struct packet_type;
struct sk_buff;

/* func() of a packet_type: softirq, RCU; owns @skb. */
typedef int (*xinet_ip_rcv_t)(struct sk_buff *skb, struct net_device *dev,
			      struct packet_type *pt,
			      struct net_device *orig_dev);

/**
 * xinet_ip_hook_init() - set the function that gets the packets
 * @rcv: called for every IPv4 packet from the wire while there is a receiver
 *
 * Context: module init.
 */
void xinet_ip_hook_init(xinet_ip_rcv_t rcv);

/**
 * xinet_ip_hook_get() - add a receiver of IPv4 packets
 *
 * The first one of all namespaces registers the packet_type.
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int xinet_ip_hook_get(void);

/**
 * xinet_ip_hook_put() - undo one xinet_ip_hook_get()
 *
 * Does not wait: packets in flight may still arrive until a grace period has
 * passed; then the hook is freed.
 *
 * Context: process; may sleep.
 */
void xinet_ip_hook_put(void);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_ip_hook_is_there() - whether there is a receiver
 *
 * Context: process; may sleep.
 */
bool xinet_ip_hook_is_there(void);
#endif

#endif /* _XINET_IP_HOOK_H */
