/* SPDX-License-Identifier: GPL-2.0-only */
/* Stream sockets: TCP. */
#ifndef _XINET_STREAM_H
#define _XINET_STREAM_H

struct socket;

/**
 * xinet_stream_init() - register TCP sockets
 *
 * Context: process, module init.
 * Return: 0 or a negative errno.
 */
int xinet_stream_init(void);

/**
 * xinet_stream_exit() - undo xinet_stream_init()
 *
 * Context: process, module exit; no socket is left.
 */
void xinet_stream_exit(void);

#endif /* _XINET_STREAM_H */
