/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_REGISTRY_H
#define _XINET_REGISTRY_H

#include <linux/types.h>

struct net;
struct sock;

/**
 * xinet_registry_init() - prepare the list, which is empty
 *
 * Context: process, module init.
 */
void xinet_registry_init(void);

/**
 * xinet_registry_add() - list a socket
 * @sk: its socket's release() or its sk_destruct() takes it off the list
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int xinet_registry_add(struct sock *sk);

/**
 * xinet_registry_del() - list a socket no more
 * @sk: listed or not; is there throughout the call, be it without references
 *
 * Context: process or softirq.
 * Return: whether it was listed.
 */
bool xinet_registry_del(struct sock *sk);

/**
 * xinet_registry_next() - walk the sockets of a network namespace
 * @net: the namespace
 * @cursor: where the walk stands: 0 to begin with, then what the call before
 *	has left there
 *
 * A socket that is listed throughout the walk, and not closed, is found once,
 * whatever others come and go between the calls.
 *
 * Context: process.
 * Return: a socket with a reference for the caller, NULL at the end.
 */
struct sock *xinet_registry_next(const struct net *net, unsigned long *cursor);

/**
 * xinet_registry_find() - find a socket by its cookie
 * @net: namespace of the socket
 * @cookie: low word first
 *
 * Context: process.
 * Return: the socket, not closed, with a reference for the caller, or NULL.
 */
struct sock *xinet_registry_find(const struct net *net, const u32 cookie[2]);

#endif /* _XINET_REGISTRY_H */
