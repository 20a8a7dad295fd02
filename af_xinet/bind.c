// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address checks, bind() and connect() of every inet-like socket of the family.
 * Called from their proto_ops; handles addresses, ports and routing tables, no
 * protocol. The protocol's get_port() decides which ports are free: the
 * kernel's engines keep one table for PF_INET's sockets and ours.
 *
 * inet_bind() cannot be used: it checks CAP_NET_BIND_SERVICE in the user
 * namespace that owns the network namespace, we check it by xinet_capable(),
 * after a cgroup BPF program may have rewritten the port.
 */
#include <kunit/visibility.h>
#include <linux/bpf-cgroup.h>
#include <linux/capability.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <net/inet_common.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/sock.h>

#include "af_xinet/bind.h"
#include "af_xinet/family.h"
#include "af_xinet/reach.h"
#include "compat/xinet_compat_inet.h"

int xinet_bind_check_family(const void *addr, int len)
{
	const struct sockaddr *sa = addr;

	if (sa && len >= (int)sizeof(sa->sa_family) &&
	    sa->sa_family == xinet_family_number())
		return -EAFNOSUPPORT;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_bind_check_family);

/*
 * Looks @local up in the routing tables. Returns 0 and its RTN_* in @type, or
 * -EADDRNOTAVAIL when @sk may not bind to it.
 */
static int bind_check_address(struct sock *sk, __be32 local, int *type)
{
	int dif = READ_ONCE(sk->sk_bound_dev_if);
	struct net *net = sock_net(sk);
	u32 table = RT_TABLE_LOCAL;

	if (dif)
		table = l3mdev_fib_table_by_index(net, dif) ?: table;
	*type = inet_addr_type_table(net, local, table);

	if (!inet_addr_valid_or_nonlocal(net, inet_sk(sk), local, *type))
		return -EADDRNOTAVAIL;
	return 0;
}

/*
 * The socket is locked. Routing chooses the source of what is sent when bound
 * to a multicast or broadcast address.
 */
static void bind_set_address(struct inet_sock *inet, __be32 local, int type)
{
	/* The demultiplexers read it without the socket lock. */
	WRITE_ONCE(inet->inet_rcv_saddr, local);
	inet->inet_saddr = local;
	if (type == RTN_MULTICAST || type == RTN_BROADCAST)
		inet->inet_saddr = 0;
}

int xinet_bind_inet(struct sock *sk, const void *addr, int len)
{
	const struct sockaddr_in *sin = addr;
	__be32 local;
	int err, type;

	err = xinet_bind_check_family(addr, len);
	if (err)
		return err;

	lock_sock(sk);
	err = -EINVAL;
	if (sk->sk_state != TCP_CLOSE || len < (int)sizeof(*sin))
		goto out;

	local = sin->sin_addr.s_addr;
	err = bind_check_address(sk, local, &type);
	if (err)
		goto out;

	bind_set_address(inet_sk(sk), local, type);
	sk_dst_reset(sk);
out:
	release_sock(sk);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_bind_inet);

static int bind_check_privilege(struct sock *sk, unsigned short port)
{
	struct net *net = sock_net(sk);

	if (port && inet_port_requires_bind_service(net, port) &&
	    !xinet_capable(net, CAP_NET_BIND_SERVICE))
		return -EACCES;
	return 0;
}

/*
 * The socket is locked and its address is set. For port 0 the protocol chooses
 * one, now or, with IP_BIND_ADDRESS_NO_PORT, at connect().
 */
static int bind_take_port(struct sock *sk, unsigned short port, u32 flags)
{
	int err;

	if (!port && (xinet_inet_binds_address_only(sk) ||
		      flags & BIND_FORCE_ADDRESS_NO_PORT))
		return 0;

	err = sk->sk_prot->get_port(sk, port);
	if (err)
		return err;

	err = BPF_CGROUP_RUN_PROG_INET4_POST_BIND(sk);
	if (err && sk->sk_prot->put_port)
		sk->sk_prot->put_port(sk);
	return err;
}

static int bind_locked(struct sock *sk, __be32 local, unsigned short port,
		       int type, u32 flags)
{
	struct inet_sock *inet = inet_sk(sk);
	int err;

	/* Connected, listening or already bound. */
	if (sk->sk_state != TCP_CLOSE || inet->inet_num)
		return -EINVAL;

	bind_set_address(inet, local, type);
	err = bind_take_port(sk, port, flags);
	if (err) {
		bind_set_address(inet, htonl(INADDR_ANY), RTN_LOCAL);
		return err;
	}

	if (local != htonl(INADDR_ANY))
		sk->sk_userlocks |= SOCK_BINDADDR_LOCK;
	if (port)
		sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
	inet->inet_sport = htons(inet->inet_num);
	inet->inet_daddr = 0;
	inet->inet_dport = 0;
	sk_dst_reset(sk);
	return 0;
}

int xinet_bind_port(struct sock *sk, struct sockaddr_in *addr, int len,
		    u32 flags)
{
	unsigned short port;
	__be32 local;
	int err, type;

	if (len < (int)sizeof(*addr))
		return -EINVAL;

	local = addr->sin_addr.s_addr;
	port = ntohs(addr->sin_port);
	/* Old programs leave the family unset for INADDR_ANY. */
	if (addr->sin_family != AF_INET &&
	    (addr->sin_family != AF_UNSPEC || local != htonl(INADDR_ANY)))
		return -EAFNOSUPPORT;

	err = bind_check_address(sk, local, &type);
	if (!err && !(flags & BIND_NO_CAP_NET_BIND_SERVICE))
		err = bind_check_privilege(sk, port);
	if (err)
		return err;

	lock_sock(sk);
	err = bind_locked(sk, local, port, type, flags);
	release_sock(sk);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_bind_port);

int xinet_bind(struct socket *sock, struct xinet_sockaddr *uaddr, int len)
{
	struct sock *sk = sock->sk;
	/* An upper layer protocol may replace it concurrently. */
	const struct proto *prot = READ_ONCE(sk->sk_prot);
	u32 flags = 0;
	int err;

	err = xinet_bind_check_family(uaddr, len);
	if (err)
		return err;
	if (prot->bind)
		return prot->bind(sk, uaddr, len);

	/* A cgroup BPF program rewrites a complete sockaddr_in. */
	if (len < (int)sizeof(struct sockaddr_in))
		return -EINVAL;
	err = xinet_cgroup_bind(sk, uaddr, &len, &flags);
	if (err)
		return err;
	return xinet_bind_port(sk, (struct sockaddr_in *)uaddr, len, flags);
}

int xinet_connect(struct socket *sock, struct xinet_sockaddr *uaddr, int len,
		  int flags)
{
	int err;

	err = xinet_bind_check_family(uaddr, len);
	return err ? err : inet_dgram_connect(sock, uaddr, len, flags);
}
