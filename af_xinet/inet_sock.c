// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creates inet-like sockets: a struct inet_sock with PF_INET's defaults. Called
 * by the family's create for protosw entries without a create() of their own.
 * Fills in the proto_ops that a protocol does not implement, for other modules.
 */
#include <linux/bpf-cgroup.h>
#include <linux/export.h>
#include <linux/in.h>
#include <linux/net.h>
#include <net/inet_common.h>
#include <net/inet_connection_sock.h>
#include <net/inet_sock.h>
#include <net/sock.h>
#include <net/xinet.h>

#include "af_xinet/bind.h"
#include "af_xinet/family.h"
#include "af_xinet/inet_sock.h"
#include "compat/xinet_compat_inet.h"

static void inet_sock_set_defaults(struct sock *sk, int protocol)
{
	struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);

	sk->sk_destruct = inet_sock_destruct;
	sk->sk_protocol = protocol;
	sk->sk_backlog_rcv = sk->sk_prot->backlog_rcv;
	sk->sk_txrehash = READ_ONCE(net->core.sysctl_txrehash);

	if (sk->sk_type == SOCK_RAW) {
		inet->inet_num = protocol;
		inet->inet_sport = htons(protocol);
		xinet_inet_set_hdrincl(sk, protocol == IPPROTO_RAW);
	}

	inet->pmtudisc = READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc) ?
			 IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	xinet_inet_set_mc_defaults(sk);
}

int xinet_inet_sock_create(struct net *net, struct socket *sock,
			   const struct xinet_protosw *p, int protocol,
			   int kern)
{
	struct sock *sk;
	int err = 0;

	sk = sk_alloc(net, PF_INET, GFP_KERNEL, p->prot, kern);
	if (!sk)
		return -ENOMEM;

	if (p->flags & XINET_PROTOSW_ICSK) {
		inet_init_csk_locks(sk);
		xinet_inet_set_icsk(sk);
	}
	sock_init_data(sock, sk);
	inet_sock_set_defaults(sk, protocol);
	if (p->flags & XINET_PROTOSW_REUSE)
		sk->sk_reuse = SK_CAN_REUSE;

	/* Raw sockets have their number from the start: hash them. */
	if (inet_sk(sk)->inet_num && sk->sk_prot->hash)
		err = sk->sk_prot->hash(sk);
	if (!err && sk->sk_prot->init)
		err = sk->sk_prot->init(sk);
	if (!err && !kern)
		err = BPF_CGROUP_RUN_PROG_INET_SOCK(sk);
	if (err) {
		sk_common_release(sk);
		sock->sk = NULL;
	}
	return err;
}

void xinet_ops_fill(struct proto_ops *ops)
{
	ops->family	= xinet_family_number();
	ops->release	= ops->release ?: xinet_release;
	ops->bind	= ops->bind ?: xinet_bind;
	ops->connect	= ops->connect ?: xinet_connect;
	ops->socketpair	= ops->socketpair ?: sock_no_socketpair;
	ops->accept	= ops->accept ?: sock_no_accept;
	ops->getname	= ops->getname ?: inet_getname;
	ops->poll	= ops->poll ?: datagram_poll;
	ops->ioctl	= ops->ioctl ?: inet_ioctl;
	ops->gettstamp	= ops->gettstamp ?: sock_gettstamp;
	ops->listen	= ops->listen ?: sock_no_listen;
	ops->shutdown	= ops->shutdown ?: inet_shutdown;
	ops->setsockopt	= ops->setsockopt ?: sock_common_setsockopt;
	ops->getsockopt	= ops->getsockopt ?: sock_common_getsockopt;
	ops->mmap	= ops->mmap ?: sock_no_mmap;
}
EXPORT_SYMBOL_GPL(xinet_ops_fill);
