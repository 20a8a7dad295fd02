// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner of a packet that a socket sends. A tap calls it, for sinks that
 * report owners, while the core tells it the socket.
 */
#include <linux/cgroup.h>
#include <linux/minmax.h>
#include <linux/sock_diag.h>
#include <linux/xinet.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/request_sock.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "compat/xinet_compat_inet.h"
#include "packet/tap/owner_id.h"

static u64 owner_id_cookie(struct sock *sk)
{
	u64 cookie = atomic64_read(&sk->sk_cookie);
	u32 words[2];

	if (likely(cookie))
		return cookie;
	sock_diag_save_cookie(sk, words);
	return (u64)words[1] << 32 | words[0];
}

#ifdef CONFIG_SOCK_CGROUP_DATA
static void owner_id_set_cgroup(const struct sock *sk,
				struct xinet_owner_id *id)
{
	struct cgroup *cgroup = sock_cgroup_ptr((struct sock_cgroup_data *)
						&sk->sk_cgrp_data);
	u32 i;

	id->cgroup = cgroup_id(cgroup);
	id->nr_levels = min_t(u32, cgroup->level + 1, XINET_OWNER_LEVELS);
	for (i = 0; i < id->nr_levels; i++)
		id->levels[i] = cgroup_id(cgroup_ancestor(cgroup, i));
}
#else
static void owner_id_set_cgroup(const struct sock *sk,
				struct xinet_owner_id *id)
{
	id->cgroup = 0;
	id->nr_levels = 0;
}
#endif

static void owner_id_set_credentials(const struct sock *sk,
				     struct xinet_owner_id *id)
{
	id->flags |= XINET_OWNER_CREDENTIALS;
	id->uid = xinet_sk_uid(sk);
	owner_id_set_cgroup(sk, id);
}

/*
 * The kernel sends answers that no socket asked for, such as RST and ICMP
 * errors, through raw sockets of its own.
 */
static bool owner_id_is_nobody(const struct sock *sk)
{
	return sk->sk_kern_sock && sk->sk_type == SOCK_RAW;
}

void xinet_owner_id_from_sock(struct sock *sk, struct xinet_owner_id *id)
{
	id->flags = 0;
	if (sk->sk_state == TCP_NEW_SYN_RECV)
		sk = inet_reqsk(sk)->rsk_listener;
	if (unlikely(!sk))
		return;
	id->netns_cookie = sock_net(sk)->net_cookie;
	id->netns = sock_net(sk)->ns.inum;
	if (sk_fullsock(sk)) {
		if (owner_id_is_nobody(sk))
			return;
		if (sk->sk_kern_sock)
			id->flags |= XINET_OWNER_KERNEL;
		owner_id_set_credentials(sk, id);
	}
	id->flags |= XINET_OWNER_SOCKET;
	id->cookie = owner_id_cookie(sk);
}
