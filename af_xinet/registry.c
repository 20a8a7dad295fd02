// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of the family's sockets, for those who look at all of them: diag.c
 * and proc.c. A socket gets on it when socket() or accept() has made it and off
 * it first thing in release(), so what a protocol does with a sock afterwards
 * (a TCP connection that is still being shut down) is not seen here. The socks
 * of several kinds are structures of the kernel's own without room for us,
 * hence a list of pointers. Nothing here runs per packet.
 *
 * The key is the socket's cookie: unique as long as the machine runs, so that
 * a walk can be resumed behind a socket that has gone meanwhile, and a look-up
 * by cookie needs no search.
 */
#include <kunit/visibility.h>
#include <linux/sock_diag.h>
#include <linux/xarray.h>
#include <net/inet_common.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <net/xinet.h>

#include "af_xinet/registry.h"

static unsigned int registry_net_id __ro_after_init;

/* @socks: by cookie; its lock keeps each sock that is in it alive */
struct registry_net {
	struct xarray socks;
};

static struct registry_net *registry_net(const struct net *net)
{
	return net_generic(net, registry_net_id);
}

/*
 * On a 32-bit machine the key is the low word: after four thousand million
 * sockets a new one may find its place taken, and is refused.
 */
static unsigned long registry_key(const u32 cookie[2])
{
	return (unsigned long)((u64)cookie[1] << 32 | cookie[0]);
}

static unsigned long registry_sock_key(struct sock *sk)
{
	u32 cookie[2];

	sock_diag_save_cookie(sk, cookie);
	return registry_key(cookie);
}

int xinet_registry_add(struct sock *sk)
{
	struct registry_net *rn = registry_net(sock_net(sk));
	int err;

	err = xa_insert(&rn->socks, registry_sock_key(sk), sk, GFP_KERNEL);
	return err ? -ENOMEM : 0;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_registry_add);

void xinet_registry_del(struct sock *sk)
{
	struct registry_net *rn = registry_net(sock_net(sk));

	xa_cmpxchg(&rn->socks, registry_sock_key(sk), sk, NULL, 0);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_registry_del);

struct sock *xinet_registry_next(const struct net *net, unsigned long *cursor)
{
	struct registry_net *rn = registry_net(net);
	struct sock *sk;

	xa_lock(&rn->socks);
	sk = xa_find_after(&rn->socks, cursor, ULONG_MAX, XA_PRESENT);
	if (sk)
		sock_hold(sk);
	xa_unlock(&rn->socks);
	return sk;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_registry_next);

struct sock *xinet_registry_find(const struct net *net, const u32 cookie[2])
{
	struct registry_net *rn = registry_net(net);
	struct sock *sk;

	xa_lock(&rn->socks);
	sk = xa_load(&rn->socks, registry_key(cookie));
	if (sk && sock_diag_check_cookie(sk, cookie))
		sk = NULL;
	if (sk)
		sock_hold(sk);
	xa_unlock(&rn->socks);
	return sk;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_registry_find);

int xinet_list_sock(struct sock *sk)
{
	return xinet_registry_add(sk);
}
EXPORT_SYMBOL_GPL(xinet_list_sock);

int xinet_release(struct socket *sock)
{
	if (sock->sk)
		xinet_registry_del(sock->sk);
	return inet_release(sock);
}
EXPORT_SYMBOL_GPL(xinet_release);

static int __net_init registry_net_init(struct net *net)
{
	xa_init_flags(&registry_net(net)->socks, XA_FLAGS_ACCOUNT);
	return 0;
}

static void __net_exit registry_net_exit(struct net *net)
{
	WARN_ON_ONCE(!xa_empty(&registry_net(net)->socks));
}

static struct pernet_operations registry_net_ops = {
	.init = registry_net_init,
	.exit = registry_net_exit,
	.id = &registry_net_id,
	.size = sizeof(struct registry_net),
};

int __init xinet_registry_init(void)
{
	return register_pernet_subsys(&registry_net_ops);
}

void xinet_registry_exit(void)
{
	unregister_pernet_subsys(&registry_net_ops);
}
