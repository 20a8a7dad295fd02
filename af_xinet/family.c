// SPDX-License-Identifier: GPL-2.0-only
/*
 * The family itself: from socket() to an entry of the protosw table. The socket
 * core calls xinet_create(); every later call on a socket goes through its
 * proto_ops. This file handles no protocol.
 */
#include <linux/capability.h>
#include <linux/in.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "af_xinet/family.h"
#include "af_xinet/inet_sock.h"
#include "af_xinet/protosw.h"
#include "af_xinet/reach.h"
#include "af_xinet/registry.h"

/*
 * Finds the entry for (type, protocol) and pins its module. Loads a module that
 * offers the pair if there is no entry.
 */
static const struct xinet_protosw *find_protosw(int type, int *protocol,
						int *err)
{
	const struct xinet_protosw *p;

	*err = xinet_protosw_get(type, protocol, &p);
	if (!*err)
		return p;

	/* The more specific alias first, as PF_INET does. */
	request_module("net-pf-%d-proto-%d-type-%d", xinet_family_number(),
		       *protocol, type);
	*err = xinet_protosw_get(type, protocol, &p);
	if (!*err)
		return p;

	request_module("net-pf-%d-proto-%d", xinet_family_number(), *protocol);
	*err = xinet_protosw_get(type, protocol, &p);
	return *err ? NULL : p;
}

static int family_list(struct socket *sock, const struct xinet_protosw *p)
{
	int err;

	if (p->ops->release != xinet_release)
		return 0;
	err = xinet_registry_add(sock->sk);
	if (err)
		xinet_release(sock);
	return err;
}

/*
 * Checks in PF_INET's order: the protocol's range, the pair, then the
 * privilege. PF_PACKET has no pair to look up and checks the privilege first;
 * SOCK_PACKET has none here either, its protocol is an EtherType.
 */
static int xinet_create(struct net *net, struct socket *sock, int protocol,
			int kern)
{
	bool privileged = sock->type == SOCK_RAW || sock->type == SOCK_PACKET;
	const struct xinet_protosw *p;
	int err;

	if (sock->type != SOCK_PACKET &&
	    (protocol < 0 || protocol >= IPPROTO_MAX))
		return -EINVAL;

	sock->state = SS_UNCONNECTED;

	p = find_protosw(sock->type, &protocol, &err);
	if (!p)
		return err;

	/* engines= does not restrict entries of other modules. */
	err = -EAFNOSUPPORT;
	if (!privileged && !kern && p->ops->owner == THIS_MODULE &&
	    !xinet_engines_offered())
		goto out;

	err = -EPERM;
	if (privileged && !kern && !xinet_capable(net, CAP_NET_RAW))
		goto out;

	sock->ops = p->ops;
	if (p->create)
		err = p->create(net, sock, protocol, kern);
	else
		err = xinet_inet_sock_create(net, sock, p, protocol, kern);
	if (!err)
		err = family_list(sock, p);
out:
	/*
	 * From here on the sock holds the module, by sk_prot->owner. The core
	 * holds this module until it takes the socket's own reference.
	 */
	xinet_protosw_put(p);
	return err;
}

static struct net_proto_family xinet_family_ops = {
	.create	= xinet_create,
	.owner	= THIS_MODULE,
};

int xinet_family_register(void)
{
	int err;

	xinet_family_ops.family = xinet_family_number();
	err = sock_register(&xinet_family_ops);
	if (err)
		pr_err("family=%d is taken\n", xinet_family_number());
	return err;
}

void xinet_family_unregister(void)
{
	sock_unregister(xinet_family_number());
}
