/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_NETNS_H
#define _XINET_NETNS_H

#include <net/net_namespace.h>
#include <net/netns/generic.h>

/**
 * xinet_netns_rcu() - the per-namespace data of a component, per packet
 * @net: the namespace
 * @id: id of the component's registered pernet_operations
 *
 * net_generic() for those who are readers already: three loads.
 *
 * Context: RCU read side.
 * Return: never NULL.
 */
static inline void *xinet_netns_rcu(const struct net *net, unsigned int id)
{
	return rcu_dereference(net->gen)->ptr[id];
}

#endif /* _XINET_NETNS_H */
