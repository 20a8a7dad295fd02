/* SPDX-License-Identifier: GPL-2.0-only */
/* Access control by capabilities and module parameters. */
#ifndef _XINET_REACH_H
#define _XINET_REACH_H

#include <linux/types.h>

struct net;
struct sk_buff;

/**
 * xinet_capable() - check a capability of the caller
 * @net: network namespace of the socket
 * @cap: CAP_*
 *
 * Checked in the initial user namespace or, with the parameter userns=1, in the
 * one that owns @net.
 *
 * Context: process.
 * Return: whether current has @cap there.
 */
bool xinet_capable(const struct net *net, int cap);

/**
 * xinet_netlink_capable() - check a capability of a netlink sender
 * @request: the request, from a netlink socket
 * @net: network namespace of that socket
 * @cap: CAP_*
 *
 * In the same user namespace as xinet_capable().
 *
 * Context: process, in the handler of @request.
 * Return: whether both the opener of the socket and current have @cap.
 */
bool xinet_netlink_capable(const struct sk_buff *request,
			   const struct net *net, int cap);

/**
 * xinet_capable_everywhere() - check a capability of the caller on the whole host
 * @net: network namespace of the socket
 * @cap: CAP_*
 *
 * In the initial user namespace, whatever the parameter userns says. A program that
 * is confined to a network namespace, as in a container without a user namespace,
 * has it only if it could leave.
 *
 * Context: process.
 * Return: whether current has @cap, and @net is the initial network namespace or
 * current has CAP_SYS_ADMIN, too.
 */
bool xinet_capable_everywhere(const struct net *net, int cap);

/**
 * xinet_engines_offered() - whether socket() offers the kernel's engines
 *
 * Sockets over TCP, UDP and ping.
 *
 * Context: any.
 * Return: the current value of the parameter engines.
 */
bool xinet_engines_offered(void);

#endif /* _XINET_REACH_H */
