/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_REACH_H
#define _XINET_REACH_H

#include <linux/types.h>

struct net;
struct sk_buff;

/**
 * xinet_capable() - judge whether the caller may use what a capability guards
 * @net: network namespace of the socket
 * @cap: CAP_*
 *
 * In the initial user namespace, or, with the parameter userns=1, in the one
 * that owns @net.
 *
 * Context: process.
 * Return: whether current has @cap there.
 */
bool xinet_capable(const struct net *net, int cap);

/**
 * xinet_netlink_capable() - the same for who sent a netlink request
 * @request: the request, from a netlink socket
 * @net: network namespace of that socket
 * @cap: CAP_*
 *
 * Context: process, in the handler of @request.
 * Return: whether both who opened the socket and current have @cap.
 */
bool xinet_netlink_capable(const struct sk_buff *request,
			   const struct net *net, int cap);

/**
 * xinet_engines_offered() - whether socket() makes sockets over the kernel's
 * own engines
 *
 * Context: any.
 * Return: what the parameter engines says now.
 */
bool xinet_engines_offered(void);

#endif /* _XINET_REACH_H */
