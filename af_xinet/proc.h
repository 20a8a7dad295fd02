/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_PROC_H
#define _XINET_PROC_H

/**
 * xinet_proc_init() - make /proc/net/xinet/ in every namespace
 *
 * Context: process, module init, the sockets' components are ready.
 * Return: 0 or a negative errno.
 */
int xinet_proc_init(void);

/**
 * xinet_proc_exit() - undo xinet_proc_init()
 *
 * On return nobody reads any of the files.
 *
 * Context: process, module exit.
 */
void xinet_proc_exit(void);

#endif /* _XINET_PROC_H */
