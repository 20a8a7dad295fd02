// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagram sockets: proto_ops over the kernel's UDP and ping. Every sock uses
 * the engine's own struct proto; see engine.c for what that means.
 *
 * Not every kernel exports ping's. But every PF_INET ping socket has a pointer
 * to it: when our first ping socket is created, it is read from one of those.
 */
#include <linux/in.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <net/inet_common.h>
#include <net/sock.h>
#include <net/udp.h>
#include <net/xinet.h>

#include "af_xinet/bind.h"
#include "af_xinet/inet_sock.h"
#include "af_xinet/protosw.h"
#include "inet/dgram.h"
#include "inet/engine.h"

static int ping_create(struct net *net, struct socket *sock, int protocol,
		       int kern);

/* Filled in when the module loads. */
static struct proto_ops udp_ops __ro_after_init = {
	.owner		= THIS_MODULE,
};

/* Filled in when the first socket is created. */
static struct proto_ops ping_ops = {
	.owner		= THIS_MODULE,
};

static struct xinet_protosw udp_protosw = {
	.type		= SOCK_DGRAM,
	.protocol	= IPPROTO_UDP,
	.prot		= &udp_prot,
	.ops		= &udp_ops,
	.flags		= XINET_PROTOSW_PERMANENT,
};

/* prot is set once ping_ops are filled in. */
static struct xinet_protosw ping_protosw = {
	.type		= SOCK_DGRAM,
	.protocol	= IPPROTO_ICMP,
	.ops		= &ping_ops,
	.create		= ping_create,
	.flags		= XINET_PROTOSW_REUSE,
};

static DEFINE_MUTEX(ping_lock);	/* writers of ping_ops, ping_protosw.prot */

/*
 * PF_INET creates the socket on behalf of the caller, under
 * net.ipv4.ping_group_range of @net: a caller that it excludes gets its error
 * here.
 */
static int ping_learn_from(struct net *net)
{
	struct socket *sock;
	struct proto *prot;
	int err;

	err = sock_create_kern(net, PF_INET, SOCK_DGRAM, IPPROTO_ICMP, &sock);
	if (err)
		return err;

	/* Reject those of a module: its pointers may become stale. */
	prot = sock->sk->sk_prot_creator;
	err = -EPROTONOSUPPORT;
	if (prot->owner || sock->ops->owner)
		goto out;

	xinet_engine_take_ops(&ping_ops, sock->ops);
	ping_ops.connect = xinet_connect;
	/* Pairs with smp_load_acquire() in ping_create(). */
	smp_store_release(&ping_protosw.prot, prot);
	err = 0;
out:
	sock_release(sock);
	return err;
}

static int ping_learn(struct net *net)
{
	int err = 0;

	mutex_lock(&ping_lock);
	if (!ping_protosw.prot)
		err = ping_learn_from(net);
	mutex_unlock(&ping_lock);
	return err;
}

static int ping_create(struct net *net, struct socket *sock, int protocol,
		       int kern)
{
	int err;

	/* Pairs with smp_store_release() in ping_learn_from(). */
	if (!smp_load_acquire(&ping_protosw.prot)) {
		err = ping_learn(net);
		if (err)
			return err;
	}
	return xinet_inet_sock_create(net, sock, &ping_protosw, protocol, kern);
}

int __init xinet_dgram_init(void)
{
	int err;

	xinet_engine_take_ops(&udp_ops, &inet_dgram_ops);
	udp_ops.connect = xinet_connect;

	err = xinet_register_protosw(&udp_protosw);
	if (err)
		return err;

	err = xinet_register_protosw(&ping_protosw);
	if (err)
		xinet_protosw_retire(&udp_protosw);
	return err;
}

void xinet_dgram_exit(void)
{
	xinet_protosw_retire(&ping_protosw);
	xinet_protosw_retire(&udp_protosw);
}
