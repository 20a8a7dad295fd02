/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_NETLINK_H
#define _XINET_NETLINK_H

/**
 * xinet_netlink_init() - answer generic netlink requests for "xinet"
 *
 * Context: process, module init.
 * Return: 0 or a negative errno.
 */
int xinet_netlink_init(void);

/**
 * xinet_netlink_exit() - answer no more
 *
 * Context: process, module exit; may sleep.
 */
void xinet_netlink_exit(void);

#endif /* _XINET_NETLINK_H */
