/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_DIAG_H
#define _XINET_DIAG_H

/**
 * xinet_diag_init() - answer sock_diag requests for the family
 *
 * Context: process, module init, the sockets' components are ready.
 * Return: 0; -EBUSY when another handler has the family's number.
 */
int xinet_diag_init(void);

/**
 * xinet_diag_exit() - answer no more
 *
 * To be followed by an RCU grace period before the module's code goes.
 *
 * Context: process, module exit.
 */
void xinet_diag_exit(void);

#endif /* _XINET_DIAG_H */
