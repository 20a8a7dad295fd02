/* SPDX-License-Identifier: GPL-2.0-only */
/* The points of XINET_PACKET_POINT where the kernel calls netfilter. */
#ifndef _XINET_PACKET_POINT_HOOKS_H
#define _XINET_PACKET_POINT_HOOKS_H

#include <linux/types.h>

struct net;

/* Those points. */
#define XINET_POINTS_OF_HOOKS                             \
	(XINET_POINT_PRE_ROUTING | XINET_POINT_LOCAL_IN | \
	 XINET_POINT_FORWARD | XINET_POINT_LOCAL_OUT |    \
	 XINET_POINT_POST_ROUTING)

/**
 * xinet_point_hooks_register() - have netfilter call
 * @net: the namespace; its point_lock is held
 * @points: at these points, of XINET_POINTS_OF_HOOKS
 *
 * Context: process.
 * Return: 0; EOPNOTSUPP: the kernel has no netfilter; or what it answers for one that it
 * does not register, besides the others.
 */
int xinet_point_hooks_register(struct net *net, u32 points);

/**
 * xinet_point_hooks_unregister() - undo that
 * @net: the namespace, which ends; its point_lock is held
 *
 * Context: process.
 */
void xinet_point_hooks_unregister(struct net *net);

#endif /* _XINET_PACKET_POINT_HOOKS_H */
