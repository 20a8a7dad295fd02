// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the task that runs is the one that sends a packet. In LOCAL_OUT and
 * POST_ROUTING others may be: interrupts and kernel threads; a task that gives back
 * what netfilter had let wait for it (NFQUEUE); one whose own packet makes a connection
 * answer (TUN); one that takes packets of all out of the queue of a tunnel, which then
 * have a link-level header. Where one of them could be, the sender is not known.
 * Further on, a packet may have waited for its neighbour, or in the queue of a device.
 */
#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "packet/sock.h"
#include "packet/tap/owner_task.h"

#ifdef CONFIG_NETFILTER
/*
 * Whether a hook may let a packet wait for a program. Those of security modules, of
 * connection tracking and of reassembly, which a kernel may have in every namespace,
 * do not; they are told from tables of iptables by their priorities.
 */
static bool task_hook_may_queue(const struct nf_hook_ops *ops)
{
	if (ops->hook_ops_type != NF_HOOK_OP_UNDEFINED)
		return true;
	switch (ops->priority) {
	case NF_IP_PRI_CONNTRACK_DEFRAG:
	case NF_IP_PRI_SELINUX_FIRST:
	case NF_IP_PRI_CONNTRACK:
	case NF_IP_PRI_SELINUX_LAST:
		return false;
	default:
		return true;
	}
}

/* @ours: hooks of point_hooks.c among them. */
static bool task_may_wait_at(struct nf_hook_entries __rcu *const *hooks,
			     int ours)
{
	const struct nf_hook_entries *e = rcu_dereference(*hooks);
	struct nf_hook_ops **ops;
	int may = 0;
	int i;

	if (!e)
		return false;
	ops = nf_hook_entries_get_hook_ops(e);
	for (i = 0; i < e->num_hook_entries; i++)
		may += task_hook_may_queue(READ_ONCE(ops[i]));
	return may > ours;
}

/* Whether what a namespace sends may wait for a program. */
static bool task_packets_may_wait(const struct net *net)
{
	const u32 hooked = READ_ONCE(xinet_packet_pernet(net)->point_hooked);
	const bool out = hooked & XINET_POINT_LOCAL_OUT;
	const bool post = hooked & XINET_POINT_POST_ROUTING;
	struct nf_hook_entries __rcu *const *v4 = net->nf.hooks_ipv4;
	struct nf_hook_entries __rcu *const *v6 = net->nf.hooks_ipv6;

	return task_may_wait_at(&v4[NF_INET_LOCAL_OUT], out) ||
	       task_may_wait_at(&v6[NF_INET_LOCAL_OUT], out) ||
	       task_may_wait_at(&v4[NF_INET_POST_ROUTING], post) ||
	       task_may_wait_at(&v6[NF_INET_POST_ROUTING], post);
}
#else
static bool task_packets_may_wait(const struct net *net)
{
	return false;
}
#endif

/* Whether a socket sends when its program calls, and at no other time. */
static bool task_calls(const struct sock *sk)
{
	if (sk->sk_family != AF_INET && sk->sk_family != AF_INET6)
		return false;
	if (sk->sk_type == SOCK_RAW)
		return true;
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
		/* else it answers, or has waited */
		return sk->sk_type == SOCK_STREAM && sk->sk_lock.owned;
	case IPPROTO_UDP:
		/* a tunnel of the kernel's sends for others */
		return sk->sk_type == SOCK_DGRAM &&
		       !READ_ONCE(udp_sk(sk)->encap_type);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return true;
	default:
		return false;
	}
}

bool xinet_owner_task_sends(const struct sock *sk, const struct sk_buff *skb,
			    const struct net *net)
{
	return in_task() && !(current->flags & PF_KTHREAD) &&
	       !sk->sk_kern_sock && net_eq(sock_net(sk), net) &&
	       !skb_mac_header_was_set(skb) && task_calls(sk) &&
	       !task_packets_may_wait(net);
}
