// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an IPv4 packet to the raw sockets that want it: the table of sockets of
 * each namespace, the match, the filters, the delivery. Called by ip_input.c
 * for every datagram, and by the proto for every socket that comes and goes.
 * Nothing here clones, counts or locks for a socket that says no.
 */
#include <kunit/visibility.h>
#include <linux/bpf-cgroup.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/security.h>
#include <net/ip.h>
#include <net/raw.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include "af_xinet/ip_input.h"
#include "af_xinet/protocol.h"
#include "af_xinet/raw.h"
#include "compat/xinet_compat_inet.h"

static struct hlist_head *raw_bucket(struct xinet_raw_net *rn, u8 protocol)
{
	return &rn->hash[protocol & (MAX_INET_PROTOS - 1)];
}

static bool raw_receives(const struct sock *sk)
{
	return inet_sk(sk)->inet_num != IPPROTO_RAW;
}

int xinet_raw_hash(struct sock *sk)
{
	struct xinet_raw_net *rn = xinet_raw_net(sock_net(sk));
	int err = 0;

	sock_set_flag(sk, SOCK_RCU_FREE);

	mutex_lock(&rn->lock);
	if (raw_receives(sk)) {
		err = xinet_ip_hook_get();
		if (err)
			goto out;
		WRITE_ONCE(rn->sockets, rn->sockets + 1);
		xinet_protocol_get(inet_sk(sk)->inet_num);
	}
	sk_add_node_rcu(sk, raw_bucket(rn, inet_sk(sk)->inet_num));
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
out:
	mutex_unlock(&rn->lock);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_hash);

void xinet_raw_unhash(struct sock *sk)
{
	struct xinet_raw_net *rn = xinet_raw_net(sock_net(sk));

	mutex_lock(&rn->lock);
	if (sk_del_node_init_rcu(sk)) {
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
		if (raw_receives(sk)) {
			xinet_protocol_put(inet_sk(sk)->inet_num);
			WRITE_ONCE(rn->sockets, rn->sockets - 1);
			xinet_ip_hook_put();
		}
	}
	mutex_unlock(&rn->lock);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_unhash);

bool xinet_raw_match(const struct sock *sk, __be32 saddr, __be32 daddr,
		     int dif, int sdif)
{
	const struct inet_sock *inet = inet_sk(sk);
	__be32 remote = READ_ONCE(inet->inet_daddr);
	__be32 local = READ_ONCE(inet->inet_rcv_saddr);

	if (remote && remote != saddr)
		return false;
	if (local && local != daddr)
		return false;
	return raw_sk_bound_dev_eq(sock_net(sk), READ_ONCE(sk->sk_bound_dev_if),
				   dif, sdif);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_match);

/*
 * Whether the multicast memberships of @sk let a packet in: by the membership
 * of its group and interface if there is one, by IP_MULTICAST_ALL otherwise.
 */
static bool raw_multicast_allows(const struct sock *sk,
				 const struct xinet_ip_rx *rx)
{
	__be32 group = rx->iph->daddr;
	const struct ip_sf_socklist *sources;
	const struct ip_mc_socklist *mc;
	bool listed = false;
	unsigned int i;

	if (!ipv4_is_multicast(group))
		return true;

	for (mc = rcu_dereference(inet_sk(sk)->mc_list); mc;
	     mc = rcu_dereference(mc->next_rcu)) {
		if (mc->multi.imr_multiaddr.s_addr == group &&
		    (mc->multi.imr_ifindex == rx->dif ||
		     (rx->sdif && mc->multi.imr_ifindex == rx->sdif)))
			break;
	}
	if (!mc)
		return xinet_inet_mc_all(sk);

	sources = rcu_dereference(mc->sflist);
	for (i = 0; sources && i < sources->sl_count && !listed; i++)
		listed = sources->sl_addr[i] == rx->iph->saddr;
	return listed == (mc->sfmode == MCAST_INCLUDE);
}

/* ICMP_FILTER of raw(7): a set bit blocks the type; types over 31 pass. */
static bool raw_icmp_allows(const struct sock *sk, const struct xinet_ip_rx *rx)
{
	struct icmphdr buf;
	const struct icmphdr *icmp;

	if (rx->iph->protocol != IPPROTO_ICMP)
		return true;

	icmp = skb_header_pointer(rx->skb, rx->iph->ihl * 4, sizeof(buf), &buf);
	if (!icmp)
		return false;
	return icmp->type >= 32 ||
	       !(READ_ONCE(xinet_raw_sk(sk)->filter.data) & BIT(icmp->type));
}

/*
 * Runs the socket filter on the packet as it is, shared or not: data at the IP
 * header, and the length that of the datagram. Returns how many bytes to keep,
 * 0 for none. A linear packet with padding has its length lowered while the
 * program runs; the program and this CPU are the only ones to see it.
 */
static unsigned int raw_run_filter(struct sock *sk,
				   const struct xinet_ip_rx *rx)
{
	struct sk_buff *skb = rx->skb;
	unsigned int full_len = skb->len;
	struct sock *owner = skb->sk;
	struct sk_filter *filter;
	unsigned int keep;

	filter = rcu_dereference(sk->sk_filter);
	if (!filter)
		return rx->len;

	skb->len = rx->len;
	skb->sk = sk;
	keep = bpf_prog_run_save_cb(filter->prog, skb);
	skb->sk = owner;
	skb->len = full_len;
	return min(keep, rx->len);
}

/* What IP_PKTINFO will tell: where the packet came in, and the local address. */
static void raw_set_pktinfo(const struct sock *sk, struct sk_buff *skb)
{
	struct in_pktinfo *info = PKTINFO_SKB_CB(skb);
	const struct rtable *rt = skb_rtable(skb);

	if (xinet_inet_pktinfo(sk) && rt) {
		info->ipi_ifindex = skb->skb_iif;
		if (info->ipi_ifindex == LOOPBACK_IFINDEX)
			info->ipi_ifindex = inet_iif(skb);
		if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST))
			info->ipi_spec_dst.s_addr =
				inet_select_addr(skb->dev, ip_hdr(skb)->saddr,
						 RT_SCOPE_UNIVERSE);
		else
			info->ipi_spec_dst.s_addr = ip_hdr(skb)->daddr;
	} else {
		info->ipi_ifindex = 0;
		info->ipi_spec_dst.s_addr = 0;
	}
	skb_dst_drop(skb);
}

/* Queues @skb, which is ours, on @sk, or frees it. */
static void raw_queue(struct sock *sk, struct sk_buff *skb, unsigned int keep)
{
	if (skb_pfmemalloc(skb) && !sock_flag(sk, SOCK_MEMALLOC))
		goto drop;
	if (!xfrm4_policy_check(sk, XFRM_POLICY_IN, skb))
		goto drop;
	nf_reset_ct(skb);
	raw_set_pktinfo(sk, skb);

	if (BPF_CGROUP_RUN_PROG_INET_INGRESS(sk, skb) ||
	    security_sock_rcv_skb(sk, skb))
		goto free;
	if (keep < skb->len && pskb_trim(skb, keep))
		goto drop;
	/* Counts a full queue itself. */
	if (__sock_queue_rcv_skb(sk, skb))
		goto free;
	return;
drop:
	xinet_sk_drops_inc(sk);
free:
	kfree_skb(skb);
}

bool xinet_raw_wanted(const struct xinet_ip_rx *rx)
{
	struct xinet_raw_net *rn = xinet_raw_net(rx->net);
	const struct iphdr *iph = rx->iph;
	struct sock *sk;

	sk_for_each_rcu(sk, raw_bucket(rn, iph->protocol)) {
		if (xinet_raw_match(sk, iph->saddr, iph->daddr, rx->dif,
				    rx->sdif))
			return true;
	}
	return false;
}

/* How many bytes of the packet @sk gets; 0 when it does not want it. */
static unsigned int raw_accepts(struct sock *sk, const struct xinet_ip_rx *rx)
{
	if (!xinet_raw_match(sk, rx->iph->saddr, rx->iph->daddr, rx->dif,
			     rx->sdif))
		return 0;
	if (atomic_read(&sk->sk_rmem_alloc) >= READ_ONCE(sk->sk_rcvbuf)) {
		xinet_sk_drops_inc(sk);
		return 0;
	}
	if (!raw_icmp_allows(sk, rx) || !raw_multicast_allows(sk, rx))
		return 0;
	return raw_run_filter(sk, rx);
}

/*
 * Budget: a walk over the sockets of one protocol, each asked on the shared
 * packet; one clone per socket that accepts, one route look-up for all.
 */
void xinet_raw_input(struct xinet_ip_rx *rx)
{
	struct xinet_raw_net *rn = xinet_raw_net(rx->net);
	struct sock *sk, *last = NULL;
	unsigned int keep, last_keep = 0;
	struct sk_buff *clone;
	int err;

	sk_for_each_rcu(sk, raw_bucket(rn, rx->iph->protocol)) {
		keep = raw_accepts(sk, rx);
		if (!keep)
			continue;

		err = rx->owned ? 0 : xinet_ip_own(rx);
		if (err == -ENOMEM)
			xinet_sk_drops_inc(sk);
		if (err)
			break;

		/* The last socket gets the packet itself, not a clone. */
		if (last) {
			clone = skb_clone(rx->skb, GFP_ATOMIC);
			if (clone)
				raw_queue(last, clone, last_keep);
			else
				xinet_sk_drops_inc(last);
		}
		last = sk;
		last_keep = keep;
	}

	if (last) {
		raw_queue(last, rx->skb, last_keep);
		rx->skb = NULL;
	}
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_input);
