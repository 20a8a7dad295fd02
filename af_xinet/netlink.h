/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family "xinet". */
#ifndef _XINET_NETLINK_H
#define _XINET_NETLINK_H

/**
 * xinet_netlink_init() - register the generic netlink family "xinet"
 *
 * Context: process, module init.
 * Return: 0 or a negative errno.
 */
int xinet_netlink_init(void);

/**
 * xinet_netlink_exit() - unregister the generic netlink family
 *
 * Context: process, module exit; may sleep.
 */
void xinet_netlink_exit(void);

#endif /* _XINET_NETLINK_H */
