/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells whether a pointer is to a registered network device. skb->dev of a packet
 * that is freed may be anything: the kernel keeps other things in that word while
 * a packet is queued. A pointer that was kept for longer than its device may be to
 * another one by now.
 */
#ifndef _XINET_PACKET_LIVE_DEVICES_H
#define _XINET_PACKET_LIVE_DEVICES_H

#include <linux/types.h>

struct net_device;

/**
 * xinet_live_device() - whether a pointer is to a registered device
 * @dev: any value; not dereferenced
 *
 * Context: any but NMI; RCU, under which the device then stays.
 */
bool xinet_live_device(const struct net_device *dev);

/**
 * xinet_live_devices_event() - follow a device
 * @dev: the device
 * @event: NETDEV_*
 *
 * Out of memory, the device is taken for none.
 *
 * Context: netdevice notifier.
 */
void xinet_live_devices_event(struct net_device *dev, unsigned long event);

/**
 * xinet_live_devices_exit() - free what is left
 *
 * Context: module exit, after the last event.
 */
void xinet_live_devices_exit(void);

#endif /* _XINET_PACKET_LIVE_DEVICES_H */
