/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taps of all network namespaces, for XINET_PACKET_ALL_NETNS.
 */
#ifndef _XINET_PACKET_TAP_ALL_NETNS_H
#define _XINET_PACKET_TAP_ALL_NETNS_H

#include <linux/types.h>

struct net;
struct xinet_tap;
struct xinet_tap_net;

/**
 * xinet_all_netns_taps() - the taps of all namespaces
 */
struct xinet_tap_net *xinet_all_netns_taps(void);

/**
 * xinet_all_netns_prepare() - allocate the hooks of a tap
 * @tap: of all namespaces, not registered
 *
 * Context: process; the lock of xinet_all_netns_taps() held.
 * Return: 0, or -ENOMEM.
 */
int xinet_all_netns_prepare(const struct xinet_tap *tap);

/**
 * xinet_all_netns_register() - let the core call the hooks of a tap
 * @tap: prepared; complete, with the array that packets read
 *
 * Namespaces that come later get one, too.
 *
 * Context: as xinet_all_netns_prepare().
 */
void xinet_all_netns_register(struct xinet_tap *tap);

/**
 * xinet_all_netns_unregister() - undo xinet_all_netns_register()
 * @tap: packets in flight may read it for a grace period
 *
 * Context: as xinet_all_netns_prepare().
 * Return: bytes that wait for RCU, for xinet_tap_retire_locked().
 */
size_t xinet_all_netns_unregister(struct xinet_tap *tap);

/**
 * xinet_all_netns_update() - what the hook of a tap says has changed
 * @tap: registered or not
 *
 * Context: as xinet_all_netns_prepare().
 */
void xinet_all_netns_update(const struct xinet_tap *tap);

/**
 * xinet_all_netns_add() - a namespace comes
 * @net: the namespace
 * @tn: its taps
 *
 * Context: process.
 * Return: 0, or -ENOMEM.
 */
int xinet_all_netns_add(struct net *net, struct xinet_tap_net *tn);

/**
 * xinet_all_netns_remove() - a namespace goes
 * @tn: its taps; its devices are gone
 *
 * Context: process.
 * Return: bytes that wait for RCU, for xinet_tap_retire() of xinet_all_netns_taps().
 */
size_t xinet_all_netns_remove(struct xinet_tap_net *tn);

#endif /* _XINET_PACKET_TAP_ALL_NETNS_H */
