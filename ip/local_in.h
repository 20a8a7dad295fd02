/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_LOCAL_IN_H
#define _XINET_LOCAL_IN_H

#include <linux/types.h>

struct net;

/**
 * xinet_local_in_is_possible() - whether the kernel has netfilter
 *
 * Without it raw sockets of ours are told of no ICMP error, receive on the wire
 * only, and senders are told that nobody speaks their protocol.
 *
 * Context: any.
 */
static inline bool xinet_local_in_is_possible(void)
{
	return IS_ENABLED(CONFIG_NETFILTER);
}

/**
 * xinet_local_in_get() - raw sockets of a namespace begin to need the hook
 * @net: the namespace
 *
 * To be called for the first of them. The namespace keeps the hook from then on.
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
 * Context: process, module init, raw sockets' namespaces prepared.
 * Return: 0 or a negative errno.
 */
int xinet_local_in_init(void);

/**
 * xinet_local_in_exit() - undo xinet_local_in_init()
 *
 * Context: process, module exit; no raw socket is left. Waits for packets under
 * way.
 */
void xinet_local_in_exit(void);

#endif /* _XINET_LOCAL_IN_H */
