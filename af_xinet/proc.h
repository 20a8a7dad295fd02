/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of /proc/net/xinet/. */
#ifndef _XINET_PROC_H
#define _XINET_PROC_H

/**
 * xinet_proc_init() - create /proc/net/xinet/ in every namespace
 *
 * Context: process, module init, after the sockets' components.
 * Return: 0 or a negative errno.
 */
int xinet_proc_init(void);

/**
 * xinet_proc_exit() - undo xinet_proc_init()
 *
 * On return no read of any of the files is running.
 *
 * Context: process, module exit.
 */
void xinet_proc_exit(void);

#endif /* _XINET_PROC_H */
