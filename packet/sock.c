// SPDX-License-Identifier: GPL-2.0-only
/*
 * The struct proto of packet sockets, and the packet sockets of a network
 * namespace. packet.c registers both. This file depends on no other in its
 * folder, so that all of them can check whether a socket is a packet socket.
 */
#include <kunit/visibility.h>
#include <linux/module.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>

#include "af_xinet/drop.h"
#include "packet/sock.h"

static unsigned int packet_net_id __ro_after_init;

struct proto xinet_packet_prot = {
	.name = "XINET-PACKET",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct xinet_packet_sock),
};

struct xinet_packet_net *xinet_packet_pernet(const struct net *net)
{
	return net_generic(net, packet_net_id);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_packet_pernet);

void xinet_packet_drop(struct xinet_packet_sock *po, const struct sk_buff *skb,
		       enum xinet_drop_reason reason)
{
	atomic_inc(&po->tp_drops);
	xinet_drop_count(&po->sk, &po->drops, skb, reason);
}

static int __net_init packet_net_init(struct net *net)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(net);

	mutex_init(&pn->lock);
	INIT_HLIST_HEAD(&pn->socks);
	xinet_filter_table_init(&pn->filters);
	INIT_HLIST_HEAD(&pn->dropped_watches);
	INIT_HLIST_HEAD(&pn->points.list);
	mutex_init(&pn->point_lock);
	pn->net = net;
	return 0;
}

static void __net_exit packet_net_exit(struct net *net)
{
	const struct xinet_packet_net *pn = xinet_packet_pernet(net);

	WARN_ON_ONCE(!hlist_empty(&pn->socks));
	WARN_ON_ONCE(pn->nr_dropped_watches);
	WARN_ON_ONCE(pn->points.nr);
}

static struct pernet_operations packet_net_ops = {
	.init = packet_net_init,
	.exit = packet_net_exit,
	.id = &packet_net_id,
	.size = sizeof(struct xinet_packet_net),
};

int __init xinet_packet_sock_init(void)
{
	return register_pernet_subsys(&packet_net_ops);
}

void xinet_packet_sock_exit(void)
{
	unregister_pernet_subsys(&packet_net_ops);
}
