// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks up the socket that will get a received packet, as TCP and UDP do, before
 * the kernel has dealt with the packet. A tap calls it for sockets with
 * XINET_PACKET_OWNER. Where anything between here and the socket may decide
 * otherwise, nothing is said: an owner is never a guess.
 *
 * In this order: a socket of the very connection, which NAT cannot lead
 * elsewhere; then, by what connection tracking knows if there is NAT, a socket
 * of the port, if the destination is this host's.
 */
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/xinet.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack_tuple.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/sock_reuseport.h>

#include "compat/xinet_compat_owner.h"
#include "packet/sock.h"
#include "packet/tap/owner_id.h"

/*
 * A packet as its socket will see it. Ports and addresses in network byte order;
 * @first: a SYN of TCP without ACK, which begins a connection; @behind_nat: the
 * destination stays.
 */
struct owner_flow {
	union nf_inet_addr saddr;
	union nf_inet_addr daddr;
	__be16 sport;
	__be16 dport;
	u8 family;
	u8 protocol;
	bool first;
	int dif;
	int sdif;
	bool behind_nat;
};

static bool owner_parse_ports(const struct sk_buff *skb, int offset,
			      struct owner_flow *flow)
{
	const struct tcphdr *tcp;
	const struct udphdr *udp;
	struct tcphdr buf xinet_uninitialized;

	switch (flow->protocol) {
	case IPPROTO_TCP:
		tcp = skb_header_pointer(skb, offset, sizeof(buf), &buf);
		if (!tcp)
			return false;
		flow->sport = tcp->source;
		flow->dport = tcp->dest;
		flow->first = tcp->syn && !tcp->ack;
		return true;
	case IPPROTO_UDP:
		udp = skb_header_pointer(skb, offset, sizeof(*udp), &buf);
		if (!udp)
			return false;
		flow->sport = udp->source;
		flow->dport = udp->dest;
		return true;
	default:
		return false;
	}
}

static bool owner_parse_ipv4(const struct sk_buff *skb, struct owner_flow *flow)
{
	const int offset = skb_network_offset(skb);
	const struct iphdr *iph;
	struct iphdr buf xinet_uninitialized;

	iph = skb_header_pointer(skb, offset, sizeof(buf), &buf);
	/* the ports are in the first fragment only */
	if (!iph || iph->ihl < 5 || ntohs(iph->frag_off) & IP_OFFSET)
		return false;
	flow->family = NFPROTO_IPV4;
	flow->protocol = iph->protocol;
	flow->saddr.ip = iph->saddr;
	flow->daddr.ip = iph->daddr;
	return owner_parse_ports(skb, offset + iph->ihl * 4, flow);
}

static bool owner_parse_ipv6(const struct sk_buff *skb, struct owner_flow *flow)
{
	int offset = skb_network_offset(skb);
	const struct ipv6hdr *iph;
	struct ipv6hdr buf xinet_uninitialized;
	__be16 frag_off;
	u8 next;

	if (!IS_ENABLED(CONFIG_IPV6))
		return false;
	iph = skb_header_pointer(skb, offset, sizeof(buf), &buf);
	if (!iph)
		return false;
	next = iph->nexthdr;
	flow->saddr.in6 = iph->saddr;
	flow->daddr.in6 = iph->daddr;
	offset = ipv6_skip_exthdr(skb, offset + sizeof(buf), &next, &frag_off);
	if (offset < 0 || frag_off & htons(~0x7))
		return false;
	flow->family = NFPROTO_IPV6;
	flow->protocol = next;
	return owner_parse_ports(skb, offset, flow);
}

/*
 * A packet that the device got for another host is not delivered. One with a tag,
 * or of a device in a bridge or bond, or below another, goes on elsewhere.
 */
static bool owner_goes_elsewhere(const struct sk_buff *skb)
{
	return skb->pkt_type == PACKET_OTHERHOST || skb_vlan_tag_present(skb) ||
	       rcu_access_pointer(skb->dev->rx_handler);
}

static bool owner_parse(const struct sk_buff *skb, struct owner_flow *flow)
{
	const struct net_device *dev = skb->dev;

	/* of a packet that a VRF has taken over, the slave is not known any more */
	if (owner_goes_elsewhere(skb) || netif_is_l3_master(dev))
		return false;
	flow->dif = dev->ifindex;
	flow->sdif = 0;
	if (netif_is_l3_slave(dev)) {
		flow->sdif = flow->dif;
		flow->dif = l3mdev_master_ifindex_rcu(dev);
	}
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		return owner_parse_ipv4(skb, flow);
	case htons(ETH_P_IPV6):
		return owner_parse_ipv6(skb, flow);
	default:
		return false;
	}
}

#ifdef CONFIG_NETFILTER
/* Whether a namespace has other hooks than that of point_hooks.c. */
static bool owner_has_hooks(const struct net *net, u8 family)
{
	const u32 hooked = READ_ONCE(xinet_packet_pernet(net)->point_hooked);
	const struct nf_hook_entries *e;

	if (family == NFPROTO_IPV6)
		e = rcu_dereference(net->nf.hooks_ipv6[NF_INET_PRE_ROUTING]);
	else
		e = rcu_dereference(net->nf.hooks_ipv4[NF_INET_PRE_ROUTING]);
	return e && e->num_hook_entries > !!(hooked & XINET_POINT_PRE_ROUTING);
}

/*
 * Whether the destination of a packet may still be changed by NAT: it is there,
 * and the namespace has hooks of some kind. One that came through the loopback
 * device has been through it.
 */
static bool owner_may_be_translated(const struct net *net,
				    const struct sk_buff *skb,
				    const struct owner_flow *flow)
{
	return !flow->behind_nat && rcu_access_pointer(nf_nat_hook) &&
	       !skb_nfct(skb) && owner_has_hooks(net, flow->family);
}

/*
 * Translates as connection tracking will; false for a connection that it does
 * not know yet. What it returns is the other direction's.
 */
static bool owner_translate(const struct sk_buff *skb, struct owner_flow *flow)
{
	struct nf_conntrack_tuple tuple;

	if (flow->family != NFPROTO_IPV4 || !nf_ct_get_tuple_skb(&tuple, skb))
		return false;
	flow->daddr = tuple.src.u3;
	flow->dport = tuple.src.u.all;
	flow->saddr = tuple.dst.u3;
	flow->sport = tuple.dst.u.all;
	return true;
}
#else
static bool owner_may_be_translated(const struct net *net,
				    const struct sk_buff *skb,
				    const struct owner_flow *flow)
{
	return false;
}

static bool owner_translate(const struct sk_buff *skb, struct owner_flow *flow)
{
	return false;
}
#endif

/**
 * struct owner_local - whether an IPv4 address is this host's
 * @netns_cookie: of the namespace
 * @genid: of its routes
 * @ifindex: the device
 * @addr: the address
 * @local: it is, for packets of that device
 */
struct owner_local {
	u64 netns_cookie;
	int genid;
	int ifindex;
	__be32 addr;
	bool local;
};

/* The last one that was looked up on a CPU. */
static DEFINE_PER_CPU(struct owner_local, owner_local);

static bool owner_is_local_ipv4(struct net *net, const struct net_device *dev,
				__be32 addr)
{
	struct owner_local *last = this_cpu_ptr(&owner_local);
	const int genid = rt_genid_ipv4(net);

	/* there, tasks with BH disabled may share a CPU */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return inet_addr_type_dev_table(net, dev, addr) == RTN_LOCAL;
	if (last->addr != addr || last->ifindex != dev->ifindex ||
	    last->genid != genid || last->netns_cookie != net->net_cookie) {
		last->netns_cookie = net->net_cookie;
		last->genid = genid;
		last->ifindex = dev->ifindex;
		last->addr = addr;
		last->local = inet_addr_type_dev_table(net, dev, addr) ==
			      RTN_LOCAL;
	}
	return last->local;
}

/* Whether a packet is delivered on this host, by its destination. */
static bool owner_is_local(struct net *net, const struct sk_buff *skb,
			   const struct owner_flow *flow)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (flow->family == NFPROTO_IPV6)
		return ipv6_chk_addr(net, &flow->daddr.in6, skb->dev, 0);
#endif
	return owner_is_local_ipv4(net, skb->dev, flow->daddr.ip);
}

static bool owner_is_multicast(const struct sk_buff *skb,
			       const struct owner_flow *flow)
{
	if (flow->family == NFPROTO_IPV6)
		return ipv6_addr_is_multicast(&flow->daddr.in6);
	return ipv4_is_multicast(flow->daddr.ip) ||
	       skb->pkt_type == PACKET_BROADCAST;
}

/* A socket of the connection, with a reference, or NULL. */
static struct sock *owner_find_connection(struct net *net,
					  const struct owner_flow *flow)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (flow->family == NFPROTO_IPV6)
		return xinet_tcp6_established(net, &flow->saddr.in6,
					      flow->sport, &flow->daddr.in6,
					      ntohs(flow->dport), flow->dif,
					      flow->sdif);
#endif
	return xinet_tcp4_established(net, flow->saddr.ip, flow->sport,
				      flow->daddr.ip, ntohs(flow->dport),
				      flow->dif, flow->sdif);
}

/* A listening socket, without a reference, or NULL. */
static struct sock *owner_find_listener(struct net *net,
					const struct owner_flow *flow)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (flow->family == NFPROTO_IPV6)
		return xinet_tcp6_listener(net, &flow->saddr.in6, flow->sport,
					   &flow->daddr.in6,
					   ntohs(flow->dport), flow->dif,
					   flow->sdif);
#endif
	return xinet_tcp4_listener(net, flow->saddr.ip, flow->sport,
				   flow->daddr.ip, ntohs(flow->dport),
				   flow->dif, flow->sdif);
}

/* A socket of UDP, with a reference, or NULL. */
static struct sock *owner_find_udp(struct net *net,
				   const struct owner_flow *flow)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (flow->family == NFPROTO_IPV6)
		return xinet_udp6_lookup(net, &flow->saddr.in6, flow->sport,
					 &flow->daddr.in6, flow->dport,
					 flow->dif);
#endif
	return xinet_udp4_lookup(net, flow->saddr.ip, flow->sport,
				 flow->daddr.ip, flow->dport, flow->dif);
}

/* Whether a program of user space chooses among the sockets of its port. */
static bool owner_is_chosen_by_program(const struct sock *sk)
{
	const struct sock_reuseport *group =
		rcu_dereference(sk->sk_reuseport_cb);

	return group && rcu_access_pointer(group->prog);
}

/* @sk has been found by its port, and perhaps its address. */
static void owner_of_port(struct sock *sk, bool several,
			  struct xinet_owner_id *id)
{
	if (several || owner_is_chosen_by_program(sk))
		id->flags |= XINET_OWNER_SEVERAL;
	else
		xinet_owner_id_from_sock(sk, id);
}

static void owner_of_tcp(struct net *net, const struct sk_buff *skb,
			 struct owner_flow *flow, struct xinet_owner_id *id)
{
	struct sock *sk = owner_find_connection(net, flow);

	if (!sk && owner_may_be_translated(net, skb, flow)) {
		if (!owner_translate(skb, flow))
			return;
		sk = owner_find_connection(net, flow);
	}
	if (sk) {
		xinet_owner_id_from_sock(sk, id);
		sock_gen_put(sk);
		return;
	}
	/* of a connection that is closed, this is nobody's any more */
	if (!flow->first)
		return;
	sk = owner_find_listener(net, flow);
	if (sk && owner_is_local(net, skb, flow))
		owner_of_port(sk, false, id);
}

/* Of several that may get it, the look-up returns one. */
static void owner_of_udp(struct net *net, const struct sk_buff *skb,
			 struct owner_flow *flow, struct xinet_owner_id *id)
{
	const bool multicast = owner_is_multicast(skb, flow);
	struct sock *sk;

	/* the look-up does not know of slaves */
	if (flow->sdif)
		return;
	if (owner_may_be_translated(net, skb, flow) &&
	    !owner_translate(skb, flow))
		return;
	sk = owner_find_udp(net, flow);
	if (!sk)
		return;
	if (multicast || owner_is_local(net, skb, flow))
		owner_of_port(sk, multicast, id);
	sock_put(sk);
}

void xinet_owner_lookup(const struct sk_buff *skb, bool behind_nat,
			struct xinet_owner_id *id)
{
	struct net *net = dev_net(skb->dev);
	struct owner_flow flow xinet_uninitialized;

	id->flags = 0;
	if (!owner_parse(skb, &flow))
		return;
	flow.behind_nat = behind_nat;
	if (flow.protocol == IPPROTO_TCP)
		owner_of_tcp(net, skb, &flow, id);
	else
		owner_of_udp(net, skb, &flow, id);
}
