/* SPDX-License-Identifier: GPL-2.0-only */
/* The list of the family's sockets. */
#ifndef _XINET_REGISTRY_H
#define _XINET_REGISTRY_H

#include <linux/types.h>

struct net;
struct sock;

/**
 * xinet_registry_init() - initialize the empty list
 *
 * Context: process, module init.
 */
void xinet_registry_init(void);

/**
 * xinet_registry_add() - list a socket
 * @sk: the socket; its release() or sk_destruct() must remove it
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int xinet_registry_add(struct sock *sk);

/**
 * xinet_registry_del() - remove a socket from the list
 * @sk: listed or not; allocated throughout the call, needs no reference
 *
 * Context: process or softirq.
 * Return: whether it was listed.
 */
bool xinet_registry_del(struct sock *sk);

/**
 * xinet_registry_next() - walk the sockets of a network namespace
 * @net: the namespace
 * @cursor: position of the walk: 0 at the start, then as the last call left it
 *
 * A socket that is listed and open throughout the walk is returned once,
 * whatever other sockets come and go between the calls.
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
 * Return: the socket with a reference for the caller, or NULL if none is open.
 */
struct sock *xinet_registry_find(const struct net *net, const u32 cookie[2]);

#endif /* _XINET_REGISTRY_H */
