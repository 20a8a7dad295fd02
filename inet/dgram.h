/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_DGRAM_H
#define _XINET_DGRAM_H

/**
 * xinet_dgram_init() - make UDP and ping sockets known to the protosw table
 *
 * Context: process, module init.
 * Return: 0 or a negative errno.
 */
int xinet_dgram_init(void);

/**
 * xinet_dgram_exit() - undo xinet_dgram_init()
 *
 * Context: process, module exit; no socket is left.
 */
void xinet_dgram_exit(void);

#endif /* _XINET_DGRAM_H */
