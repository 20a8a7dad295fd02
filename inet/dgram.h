/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagram sockets: UDP and ping. */
#ifndef _XINET_DGRAM_H
#define _XINET_DGRAM_H

/**
 * xinet_dgram_init() - register UDP and ping sockets
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
