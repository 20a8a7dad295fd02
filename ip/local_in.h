/* SPDX-License-Identifier: GPL-2.0-only */
/* The hook behind the firewall, last in LOCAL_IN. */
#ifndef _XINET_LOCAL_IN_H
#define _XINET_LOCAL_IN_H

#include <linux/types.h>

struct net;

/**
 * xinet_local_in_is_possible() - whether the kernel has netfilter
 *
 * Without it our raw sockets get no ICMP errors and receive on the wire only,
 * and senders to a protocol that only they speak get "protocol unreachable".
 *
 * Context: any.
 */
static inline bool xinet_local_in_is_possible(void)
{
	return IS_ENABLED(CONFIG_NETFILTER);
}

/**
 * xinet_local_in_get() - a namespace begins to need the hook, and keeps it
 * @net: the namespace, when its first raw socket needs the hook
 *
 * Context: process; may sleep.
 * Return: 0; -ENOMEM; -E2BIG when the namespace has too many hooks.
 */
int xinet_local_in_get(struct net *net);

/**
 * xinet_local_in_put() - no raw socket of a namespace needs the hook any more
 * @net: the namespace
 *
 * Context: process; may sleep.
 */
void xinet_local_in_put(struct net *net);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_local_in_is_needed() - whether raw sockets of a namespace need the hook
 * @net: the namespace
 *
 * Context: process; may sleep.
 */
bool xinet_local_in_is_needed(struct net *net);
#endif

/**
 * xinet_local_in_init() - prepare every namespace
 *
 * Context: process, module init, after xinet_raw_table_init().
 * Return: 0 or a negative errno.
 */
int xinet_local_in_init(void);

/**
 * xinet_local_in_exit() - undo xinet_local_in_init()
 *
 * Context: process, module exit; no raw socket is left. Waits for packets in
 * flight.
 */
void xinet_local_in_exit(void);

#endif /* _XINET_LOCAL_IN_H */
