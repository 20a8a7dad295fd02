/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of a place in the kernel that drops packets for some reason. */
#ifndef _XINET_PACKET_DROPPED_SITE_H
#define _XINET_PACKET_DROPPED_SITE_H

#include <linux/types.h>
#include <linux/xinet.h>

/**
 * xinet_dropped_site_find() - what a packet's reader is told about a known place
 * @location: an address in the kernel's code
 * @reason: enum skb_drop_reason
 *
 * Context: any; while the tracepoint's probe or the work of dropped.c runs.
 * Return: with reason, name and place alone; or NULL if it is not known yet.
 */
const struct xinet_dropped *xinet_dropped_site_find(const void *location,
						    u32 reason);

/**
 * xinet_dropped_site_tell() - find out about a place
 * @location: an address in the kernel's code
 * @reason: enum skb_drop_reason
 * @dropped: filled in: reason, name and place, the rest is 0
 *
 * It is known from then on, unless it is of a module, whose code and names may go.
 * Never tells an address: what has no name is empty.
 *
 * Context: process.
 */
void xinet_dropped_site_tell(const void *location, u32 reason,
			     struct xinet_dropped *dropped);

/**
 * xinet_dropped_sites_exit() - forget all of them
 *
 * Context: module exit; the probe has ended.
 */
void xinet_dropped_sites_exit(void);

#endif /* _XINET_PACKET_DROPPED_SITE_H */
