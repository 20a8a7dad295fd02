/* SPDX-License-Identifier: GPL-2.0-only */
/* Per-namespace data in packet paths. */
#ifndef _XINET_NETNS_H
#define _XINET_NETNS_H

#include <net/net_namespace.h>
#include <net/netns/generic.h>

/**
 * xinet_netns_rcu() - net_generic() for RCU readers: three loads
 * @net: the namespace
 * @id: id of the component's registered pernet_operations
 *
 * Context: RCU read side. Never returns NULL.
 */
static inline void *xinet_netns_rcu(const struct net *net, unsigned int id)
{
	return rcu_dereference(net->gen)->ptr[id];
}

#endif /* _XINET_NETNS_H */
