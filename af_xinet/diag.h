/* SPDX-License-Identifier: GPL-2.0-only */
/* The sock_diag handler of the family. */
#ifndef _XINET_DIAG_H
#define _XINET_DIAG_H

/**
 * xinet_diag_init() - register the sock_diag handler of the family
 *
 * Context: process, module init, after the sockets' components.
 * Return: 0; -EBUSY when the family's number has another handler.
 */
int xinet_diag_init(void);

/**
 * xinet_diag_exit() - unregister the sock_diag handler
 *
 * The caller waits for an RCU grace period before the module is freed.
 *
 * Context: process, module exit.
 */
void xinet_diag_exit(void);

#endif /* _XINET_DIAG_H */
