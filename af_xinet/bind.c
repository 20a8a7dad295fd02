// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address checks and bind, shared by every inet-like socket of the family.
 * Called from their proto_ops; knows addresses and routing tables, no protocol.
 */
#include <kunit/visibility.h>
#include <linux/in.h>
#include <linux/socket.h>
#include <net/inet_sock.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/sock.h>

#include "af_xinet/bind.h"
#include "af_xinet/family.h"

void xinet_bind_accept_family(void *addr, int len, sa_family_t family)
{
	struct sockaddr *sa = addr;

	if (sa && len >= (int)sizeof(sa->sa_family) &&
	    sa->sa_family == xinet_family_number())
		sa->sa_family = family;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_bind_accept_family);

int xinet_bind_inet(struct sock *sk, const void *addr, int len)
{
	const struct sockaddr_in *sin = addr;
	struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);
	u32 table = RT_TABLE_LOCAL;
	int err = -EINVAL;
	__be32 local;
	int type;

	lock_sock(sk);
	if (sk->sk_state != TCP_CLOSE || len < (int)sizeof(*sin))
		goto out;

	local = sin->sin_addr.s_addr;
	if (sk->sk_bound_dev_if)
		table = l3mdev_fib_table_by_index(net, sk->sk_bound_dev_if) ?:
			table;
	type = inet_addr_type_table(net, local, table);

	err = -EADDRNOTAVAIL;
	if (!inet_addr_valid_or_nonlocal(net, inet, local, type))
		goto out;

	/* The demultiplexer reads this one without the lock. */
	WRITE_ONCE(inet->inet_rcv_saddr, local);
	inet->inet_saddr = local;
	if (type == RTN_MULTICAST || type == RTN_BROADCAST)
		inet->inet_saddr = 0;
	sk_dst_reset(sk);
	err = 0;
out:
	release_sock(sk);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_bind_inet);
