// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivers an IPv4 packet to the raw sockets that match it: addresses, filters,
 * queueing. Called by ip_input.c and local_in.c, each for the sockets of its
 * point, and by ip_error.c; raw_table.c changes the tables. Nothing here
 * clones, counts or locks for a socket that rejects a packet.
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

#include "af_xinet/drop.h"
#include "af_xinet/mib.h"
#include "af_xinet/wake.h"
#include "ip/ip_error.h"
#include "ip/ip_rx.h"
#include "ip/raw.h"
#include "ip/raw_error.h"
#include "ip/raw_table.h"
#include "compat/xinet_compat_inet.h"

void (*xinet_raw_data_ready)(struct sock *sk) __ro_after_init;

static struct xinet_raw_table *raw_table(const struct xinet_ip_rx *rx,
					 unsigned int point)
{
	return &xinet_raw_pernet_rcu(rx->net)->table[point];
}

static __always_inline struct sock *raw_of_node(struct hlist_node *node,
						unsigned int point)
{
	if (!node)
		return NULL;
	return point == XINET_RAW_POINT_HOST ?
	       hlist_entry(node, struct sock, sk_bind_node) :
	       hlist_entry(node, struct sock, sk_node);
}

/* Walk the sockets of a protocol at @point; RCU. */
static __always_inline struct sock *raw_first(struct hlist_head *list,
					      unsigned int point)
{
	return raw_of_node(rcu_dereference(hlist_first_rcu(list)), point);
}

static __always_inline struct sock *raw_next(struct sock *sk,
					     unsigned int point)
{
	struct hlist_node *node = xinet_raw_node(sk, point);

	return raw_of_node(rcu_dereference(hlist_next_rcu(node)), point);
}

u64 xinet_raw_drops(const struct sock *sk)
{
	u64 by_reason[__XINET_DROP_REASONS];
	u64 sum = 0;
	int i;

	xinet_drop_read(&xinet_raw_sk(sk)->drops, by_reason);
	for (i = 0; i < __XINET_DROP_REASONS; i++)
		sum += by_reason[i];
	return sum;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_drops);

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
 * Whether the memberships of @sk accept a multicast packet: by the membership
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

/**
 * struct raw_delivery - delivery of one packet to the raw sockets
 * @rx: the packet
 * @last: the last socket that accepted it, which has not been given it yet
 * @keep: how many bytes @last gets
 */
struct raw_delivery {
	struct xinet_ip_rx *rx;
	struct sock *last;
	unsigned int keep;
};

/* ICMP_FILTER of raw(7): a set bit blocks the type; types over 31 pass. */
static bool raw_icmp_allows(const struct sock *sk, int type)
{
	if (type == XINET_ICMP_NONE)
		return true;
	if (type == XINET_ICMP_CUT)
		return false;
	return type >= 32 ||
	       !(READ_ONCE(raw_sk(sk)->filter.data) & BIT(type));
}

/* The identifier of the ICMP message at @offset if it is of @type, or -1. */
static int raw_icmp_id_at(const struct sk_buff *skb, unsigned int offset,
			  u8 type)
{
	const struct icmphdr *icmp;
	struct icmphdr buf;

	icmp = skb_header_pointer(skb, offset, sizeof(buf), &buf);
	if (!icmp || icmp->type != type)
		return -1;
	return ntohs(icmp->un.echo.id);
}

/*
 * The ICMP identifier of a packet, or -1: that of an echo reply, or of the echo
 * request that an ICMP error quotes.
 */
static int raw_icmp_id(const struct xinet_ip_rx *rx)
{
	const struct iphdr *quoted;
	unsigned int offset;
	struct iphdr buf;
	int id;

	id = raw_icmp_id_at(rx->skb, rx->iph->ihl * 4, ICMP_ECHOREPLY);
	if (id >= 0)
		return id;

	quoted = xinet_ip_error_quoted(rx, &buf, &offset);
	if (!quoted || quoted->protocol != IPPROTO_ICMP)
		return -1;
	return raw_icmp_id_at(rx->skb, offset + quoted->ihl * 4, ICMP_ECHO);
}

/* Whether @rx may match sockets with an identifier; RCU. */
static bool raw_has_icmp_id(const struct xinet_ip_rx *rx,
			    const struct xinet_raw_table *table)
{
	return rx->icmp_type >= 0 && READ_ONCE(table->by_icmp_id);
}

/* The sockets that may have the identifier of the packet; RCU. */
static struct hlist_head *raw_icmp_id_list(const struct xinet_ip_rx *rx,
					   unsigned int point, int *id)
{
	static struct hlist_head nobody;
	struct hlist_head *heads;

	if (rx->iph->protocol != IPPROTO_ICMP)
		return &nobody;
	/* Pairs with smp_store_release() in raw_table.c. */
	heads = smp_load_acquire(&raw_table(rx, point)->by_icmp_id);
	if (!heads)
		return &nobody;
	*id = raw_icmp_id(rx);
	return *id < 0 ? &nobody : xinet_raw_icmp_id_bucket(heads, *id);
}

/*
 * Runs the socket filter on the packet, shared or not: data at the IP header,
 * length of the datagram. Returns how many bytes to keep, 0 for none. The
 * length of a linear packet with padding is lowered while the filter runs; only
 * the filter and this CPU see that.
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
	if (!filter) /* removed concurrently */
		return rx->len;

	skb->len = rx->len;
	skb->sk = sk;
	keep = bpf_prog_run_save_cb(filter->prog, skb);
	skb->sk = owner;
	skb->len = full_len;
	return min(keep, rx->len);
}

static noinline void raw_reject(struct sock *sk, const struct sk_buff *skb,
				enum xinet_drop_reason reason)
{
	xinet_drop_count(sk, &xinet_raw_sk(sk)->drops, skb, reason);
	xinet_mib_inc(sock_net(sk), XINET_MIB_RAW_INDROPS);
}

/* Counts a packet that @sk lost for SO_RXQ_OVFL, too. */
static noinline void raw_drop(struct sock *sk, const struct sk_buff *skb,
			      enum xinet_drop_reason reason)
{
	xinet_sk_drops_inc(sk);
	raw_reject(sk, skb, reason);
}

/*
 * Stores what IP_PKTINFO reports: the incoming interface and the local address.
 * Both control blocks begin with the interface.
 */
static void raw_set_pktinfo(const struct sock *sk, struct sk_buff *skb)
{
	bool slave = ipv4_l3mdev_skb(IPCB(skb)->flags);
	struct in_pktinfo *info = PKTINFO_SKB_CB(skb);
	const struct rtable *rt = skb_rtable(skb);

	if (xinet_inet_pktinfo(sk) && rt) {
		info->ipi_ifindex = IPCB(skb)->iif;
		if (info->ipi_ifindex == LOOPBACK_IFINDEX)
			info->ipi_ifindex = inet_iif(skb);
		else if (slave && rt->rt_iif)
			info->ipi_ifindex = rt->rt_iif;
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

/*
 * Queues @skb and wakes the reader. The caller checked for room before it
 * cloned the packet; memory is charged to the socket only, not to the protocol.
 */
static void raw_append(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;

	skb->dev = NULL;
	skb_set_owner_r(skb, sk);

	spin_lock(&queue->lock);
	sock_skb_set_dropcount(sk, skb);
	__skb_queue_tail(queue, skb);
	spin_unlock(&queue->lock);

	if (!sock_flag(sk, SOCK_DEAD))
		xinet_wake_reader(sk, xinet_raw_data_ready);
}

/* Queues @skb on @sk, or frees it. */
static void raw_queue(struct sock *sk, struct sk_buff *skb, unsigned int keep)
{
	enum xinet_drop_reason reason;

	if (skb_pfmemalloc(skb) && !sock_flag(sk, SOCK_MEMALLOC)) {
		reason = XINET_DROP_PFMEMALLOC;
		goto drop;
	}
	if (!xfrm4_policy_check(sk, XFRM_POLICY_IN, skb)) {
		reason = XINET_DROP_XFRM_POLICY;
		goto drop;
	}
	nf_reset_ct(skb);
	raw_set_pktinfo(sk, skb);

	if (BPF_CGROUP_RUN_PROG_INET_INGRESS(sk, skb)) {
		raw_reject(sk, skb, XINET_DROP_CGROUP_BPF);
		goto free;
	}
	if (security_sock_rcv_skb(sk, skb)) {
		raw_reject(sk, skb, XINET_DROP_SECURITY);
		goto free;
	}
	if (keep < skb->len && pskb_trim(skb, keep)) {
		reason = XINET_DROP_NOMEM;
		goto drop;
	}
	raw_append(sk, skb);
	xinet_mib_inc_rcu(sock_net(sk), XINET_MIB_RAW_INDELIVERS);
	return;
drop:
	raw_drop(sk, skb, reason);
free:
	/* a copy: no drop to the kernel's tracepoint */
	consume_skb(skb);
}

static bool raw_match(const struct sock *sk, const struct xinet_ip_rx *rx)
{
	return xinet_raw_match(sk, rx->iph->saddr, rx->iph->daddr, rx->dif,
			       rx->sdif);
}

bool xinet_raw_wanted(const struct xinet_ip_rx *rx, unsigned int point)
{
	struct xinet_raw_table *table = raw_table(rx, point);
	struct xinet_raw_sock *rsk;
	struct hlist_head *list;
	struct sock *sk;
	int id;

	/* Only the first fragment has the identifier: later ones may match. */
	if (rx->iph->frag_off & htons(IP_OFFSET) &&
	    rx->iph->protocol == IPPROTO_ICMP && READ_ONCE(table->by_icmp_id))
		return true;

	list = raw_icmp_id_list(rx, point, &id);
	hlist_for_each_entry_rcu(rsk, list, icmp_id_node[point]) {
		if (rsk->icmp_id == id + 1u && raw_match(&rsk->raw.inet.sk, rx))
			return true;
	}
	list = &table->hash[rx->iph->protocol];
	for (sk = raw_first(list, point); sk; sk = raw_next(sk, point)) {
		if (raw_match(sk, rx))
			return true;
	}
	return false;
}

/* How many bytes of the packet @sk gets; 0 if it rejects it or is full. */
static __always_inline unsigned int raw_accepts(struct sock *sk,
						const struct xinet_ip_rx *rx)
{
	if (!raw_match(sk, rx))
		return 0;
	if (atomic_read(&sk->sk_rmem_alloc) >= READ_ONCE(sk->sk_rcvbuf)) {
		raw_drop(sk, rx->skb, XINET_DROP_RCVBUF);
		return 0;
	}
	if (!raw_icmp_allows(sk, rx->icmp_type) ||
	    (ipv4_is_multicast(rx->iph->daddr) &&
	     !raw_multicast_allows(sk, rx)))
		return 0;
	return rcu_access_pointer(sk->sk_filter) ? raw_run_filter(sk, rx) :
						   rx->len;
}

/* Queues a clone to @d->last, which is not the last any more. */
static noinline void raw_queue_clone(const struct raw_delivery *d)
{
	struct sk_buff *clone = skb_clone(d->rx->skb, GFP_ATOMIC);

	if (clone)
		raw_queue(d->last, clone, d->keep);
	else
		raw_drop(d->last, d->rx->skb, XINET_DROP_NOMEM);
}

/*
 * @sk accepts the packet. The one that accepted it before gets a clone: the
 * last one is to get the packet itself. Returns false if the packet is not for
 * this host, or out of memory.
 */
static __always_inline bool raw_take(struct raw_delivery *d, struct sock *sk,
				     unsigned int keep)
{
	int err;

	err = d->rx->owned ? 0 : xinet_ip_own(d->rx);
	if (err == -ENOMEM)
		raw_drop(sk, d->rx->skb, XINET_DROP_NOMEM);
	if (err)
		return false;

	if (d->last)
		raw_queue_clone(d);
	d->last = sk;
	d->keep = keep;
	return true;
}

/* Offers the packet to the sockets with its ICMP identifier. */
static __always_inline bool raw_offer_by_icmp_id(struct raw_delivery *d,
						 unsigned int point)
{
	struct xinet_raw_sock *rsk;
	struct hlist_head *list;
	int id;

	list = raw_icmp_id_list(d->rx, point, &id);
	hlist_for_each_entry_rcu(rsk, list, icmp_id_node[point]) {
		unsigned int keep;

		if (rsk->icmp_id != id + 1u)
			continue;
		keep = raw_accepts(&rsk->raw.inet.sk, d->rx);
		if (keep && !raw_take(d, &rsk->raw.inet.sk, keep))
			return false;
	}
	return true;
}

/* Offers the packet to the sockets of its protocol. */
static __always_inline void raw_offer_by_protocol(struct raw_delivery *d,
						  struct xinet_raw_table *table,
						  unsigned int point)
{
	const struct xinet_ip_rx *rx = d->rx;
	struct hlist_head *list;
	struct sock *sk;

	list = &table->hash[rx->iph->protocol];
	for (sk = raw_first(list, point); sk; sk = raw_next(sk, point)) {
		unsigned int keep = raw_accepts(sk, rx);

		if (keep && !raw_take(d, sk, keep))
			break;
	}
}

/*
 * Budget: one hash look-up for an ICMP identifier and a walk over the sockets
 * of one protocol, each checked on the shared packet; one clone per socket that
 * accepts, one route look-up for all.
 */
static __always_inline void raw_input(struct xinet_ip_rx *rx,
				      unsigned int point)
{
	struct xinet_raw_table *table = raw_table(rx, point);
	struct raw_delivery d = { .rx = rx };

	if (!raw_has_icmp_id(rx, table) || raw_offer_by_icmp_id(&d, point))
		raw_offer_by_protocol(&d, table, point);
	if (d.last) {
		raw_queue(d.last, rx->skb, d.keep);
		rx->skb = NULL;
	}
}

void xinet_raw_input(struct xinet_ip_rx *rx)
{
	raw_input(rx, XINET_RAW_POINT_WIRE);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_input);

void xinet_raw_input_host(struct xinet_ip_rx *rx)
{
	raw_input(rx, XINET_RAW_POINT_HOST);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_input_host);

/* Whether @sk may have sent the packet that @error is about. */
static bool raw_error_match(const struct sock *sk,
			    const struct xinet_ip_error *error)
{
	return xinet_raw_match(sk, error->iph->daddr, error->iph->saddr,
			       error->dif, error->sdif);
}

/* Reports to the sockets with the identifier of the quoted echo request. */
static void raw_error_by_icmp_id(const struct xinet_ip_error *error,
				 struct xinet_raw_table *table,
				 unsigned int point)
{
	struct xinet_raw_sock *rsk;
	struct hlist_head *heads;
	int id;

	/* Pairs with smp_store_release() in raw_table.c. */
	heads = smp_load_acquire(&table->by_icmp_id);
	if (!heads || error->iph->protocol != IPPROTO_ICMP)
		return;
	id = raw_icmp_id_at(error->skb, error->iph->ihl * 4, ICMP_ECHO);
	if (id < 0)
		return;
	hlist_for_each_entry_rcu(rsk, xinet_raw_icmp_id_bucket(heads, id),
				 icmp_id_node[point]) {
		if (rsk->icmp_id == id + 1u &&
		    raw_error_match(&rsk->raw.inet.sk, error))
			xinet_raw_error_report(&rsk->raw.inet.sk, error);
	}
}

/* Reports to the sockets that receive at @point. */
static void raw_error_at(const struct xinet_ip_error *error,
			 unsigned int point)
{
	struct xinet_raw_table *table =
		&xinet_raw_pernet_rcu(error->net)->table[point];
	struct hlist_head *list = &table->hash[error->iph->protocol];
	struct sock *sk;

	raw_error_by_icmp_id(error, table, point);
	for (sk = raw_first(list, point); sk; sk = raw_next(sk, point)) {
		if (raw_error_match(sk, error))
			xinet_raw_error_report(sk, error);
	}
}

void xinet_raw_error(const struct xinet_ip_error *error)
{
	raw_error_at(error, XINET_RAW_POINT_WIRE);
	raw_error_at(error, XINET_RAW_POINT_HOST);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_error);
