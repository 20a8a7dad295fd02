// SPDX-License-Identifier: GPL-2.0-only
/*
 * From sendmsg() on a raw socket to the kernel's IP output. The steps, in the
 * order of the calls below: where to (address, control messages), by which
 * route, then a packet built with a header of ours or of the caller's. Routing,
 * netfilter, fragmentation and neighbours are the kernel's.
 */
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/inetdevice.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/security.h>
#include <linux/uio.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "af_xinet/bind.h"
#include "af_xinet/raw.h"
#include "compat/xinet_compat_inet.h"

/* Of an ICMP message, routing wants the type and the code. */
#define RAW_ICMP_PROBE_LEN	2

/* The longest options an IPv4 header has room for (RFC 791). */
#define RAW_OPTIONS_LEN	40

/* IP options with room for their bytes, which struct ip_options ends with. */
union raw_options {
	struct ip_options_rcu rcu;
	u8 room[sizeof(struct ip_options_rcu) + RAW_OPTIONS_LEN];
};

/**
 * struct raw_tx - one message on its way out
 * @sk: the socket
 * @msg: the message
 * @len: its length in bytes
 * @hdrincl: the caller brings the IP header; read once, as setsockopt() may
 *	change it under us
 * @ipc: what options and control messages ask for
 * @options: IP options of the socket or of a control message; optlen 0: none
 * @daddr: destination, network byte order; with a source route, its last hop
 * @saddr: source or 0, network byte order
 * @fl4: the flow, as routing settled it
 * @rt: its route, a reference
 * @icmp: the first bytes of an ICMP message, already taken from @msg
 * @icmp_len: how many of them
 */
struct raw_tx {
	struct sock *sk;
	struct msghdr *msg;
	size_t len;
	bool hdrincl;
	struct ipcm_cookie ipc;
	union raw_options options;
	__be32 daddr;
	__be32 saddr;
	struct flowi4 fl4;
	struct rtable *rt;
	u8 icmp[RAW_ICMP_PROBE_LEN];
	unsigned int icmp_len;
};

static int raw_tx_destination(struct raw_tx *tx)
{
	DECLARE_SOCKADDR(struct sockaddr_in *, sin, tx->msg->msg_name);

	if (!tx->msg->msg_namelen) {
		if (tx->sk->sk_state != TCP_ESTABLISHED)
			return -EDESTADDRREQ;
		tx->daddr = inet_sk(tx->sk)->inet_daddr;
		return 0;
	}

	if (tx->msg->msg_namelen < (int)sizeof(*sin))
		return -EINVAL;
	xinet_bind_accept_family(sin, tx->msg->msg_namelen, AF_INET);
	/* AF_UNSPEC passes: old programs leave the family out. */
	if (sin->sin_family != AF_INET && sin->sin_family != AF_UNSPEC)
		return -EAFNOSUPPORT;
	tx->daddr = sin->sin_addr.s_addr;
	return 0;
}

/* An int of 1 to 255, or as low as @min, from a control message. */
static int raw_cmsg_u8(const struct cmsghdr *cmsg, int min)
{
	int value;

	if (cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		value = *(const int *)CMSG_DATA(cmsg);
	else if (!min && cmsg->cmsg_len == CMSG_LEN(sizeof(u8)))
		value = *(const u8 *)CMSG_DATA(cmsg);
	else
		return -EINVAL;
	return value < min || value > U8_MAX ? -EINVAL : value;
}

/* Control message IP_RETOPTS; what does not fit is cut off, as PF_INET does. */
static int raw_cmsg_options(struct raw_tx *tx, const struct cmsghdr *cmsg)
{
	struct ip_options *opt = &tx->options.rcu.opt;
	size_t len = cmsg->cmsg_len - sizeof(*cmsg);

	len = min_t(size_t, len, RAW_OPTIONS_LEN);
	memset(&tx->options, 0, sizeof(tx->options));
	memcpy(opt->__data, CMSG_DATA(cmsg), len);
	/* Zeroed room is IPOPT_END, which fills up the last word. */
	opt->optlen = round_up(len, 4);
	if (opt->optlen && ip_options_compile(sock_net(tx->sk), opt, NULL))
		return -EINVAL;
	return 0;
}

static int raw_cmsg_ip(struct raw_tx *tx, const struct cmsghdr *cmsg)
{
	struct ipcm_cookie *ipc = &tx->ipc;
	const struct in_pktinfo *info;
	int value;

	switch (cmsg->cmsg_type) {
	case IP_PKTINFO:
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(*info)))
			return -EINVAL;
		info = (const struct in_pktinfo *)CMSG_DATA(cmsg);
		if (info->ipi_ifindex)
			ipc->oif = info->ipi_ifindex;
		ipc->addr = info->ipi_spec_dst.s_addr;
		return 0;
	case IP_TTL:
		value = raw_cmsg_u8(cmsg, 1);
		if (value < 0)
			return value;
		ipc->ttl = value;
		return 0;
	case IP_TOS:
		value = raw_cmsg_u8(cmsg, 0);
		if (value < 0)
			return value;
		xinet_ipcm_set_tos(ipc, value);
		return 0;
	case IP_RETOPTS:
		return raw_cmsg_options(tx, cmsg);
	default:
		return -EINVAL;
	}
}

static int raw_tx_cmsgs(struct raw_tx *tx)
{
	struct cmsghdr *cmsg;
	int err = 0;

	if (!tx->msg->msg_controllen)
		return 0;

	for_each_cmsghdr(cmsg, tx->msg) {
		if (!CMSG_OK(tx->msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level == SOL_SOCKET)
			err = xinet_sock_cmsg_send(tx->sk, tx->msg, cmsg,
						   &tx->ipc.sockc);
		else if (cmsg->cmsg_level == SOL_IP)
			err = raw_cmsg_ip(tx, cmsg);
		if (err)
			return err;
	}
	return 0;
}

/* Takes the options of the socket unless a control message brought some. */
static int raw_tx_options(struct raw_tx *tx)
{
	const struct ip_options *opt = &tx->options.rcu.opt;
	const struct ip_options_rcu *inet_opt;

	if (!opt->optlen) {
		rcu_read_lock();
		inet_opt = rcu_dereference(inet_sk(tx->sk)->inet_opt);
		if (inet_opt)
			memcpy(&tx->options, inet_opt,
			       sizeof(*inet_opt) + inet_opt->opt.optlen);
		rcu_read_unlock();
	}

	/* The caller's own header is not touched; a source route must end. */
	if (opt->optlen && (tx->hdrincl || (opt->srr && !tx->daddr)))
		return -EINVAL;
	return 0;
}

/* Where the packet goes first. */
static __be32 raw_tx_next_hop(const struct raw_tx *tx)
{
	const struct ip_options *opt = &tx->options.rcu.opt;

	return opt->srr ? opt->faddr : tx->daddr;
}

/* The interface to leave by, where the destination has a say in it. */
static void raw_tx_interface(struct raw_tx *tx)
{
	const struct inet_sock *inet = inet_sk(tx->sk);
	int uc_index = READ_ONCE(inet->uc_index);
	struct net *net = sock_net(tx->sk);
	__be32 daddr = raw_tx_next_hop(tx);
	int *oif = &tx->ipc.oif;

	if (ipv4_is_multicast(daddr)) {
		if (!*oif || netif_index_is_l3_master(net, *oif))
			*oif = READ_ONCE(inet->mc_index);
		if (!tx->saddr)
			tx->saddr = READ_ONCE(inet->mc_addr);
	} else if (!*oif) {
		*oif = uc_index;
	} else if (ipv4_is_lbcast(daddr) && uc_index &&
		   *oif == l3mdev_master_ifindex_by_index(net, uc_index)) {
		/* IP_UNICAST_IF picks a slave of the bound VRF device. */
		*oif = uc_index;
	}
}

static int raw_tx_route(struct raw_tx *tx)
{
	u8 scope = sock_flag(tx->sk, SOCK_LOCALROUTE) ||
		   tx->msg->msg_flags & MSG_DONTROUTE ||
		   tx->options.rcu.opt.is_strictroute ?
		   RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	u8 tos = xinet_ipcm_tos(&tx->ipc, inet_sk(tx->sk));
	struct flowi4 *fl4 = &tx->fl4;

	flowi4_init_output(fl4, tx->ipc.oif, tx->ipc.sockc.mark,
			   xinet_flow_tos(tos, scope), scope,
			   tx->hdrincl ? IPPROTO_RAW : tx->sk->sk_protocol,
			   inet_sk_flowi_flags(tx->sk) |
			   (tx->hdrincl ? FLOWI_FLAG_KNOWN_NH : 0),
			   raw_tx_next_hop(tx), tx->saddr, 0, 0,
			   xinet_sk_uid(tx->sk));
	fl4->fl4_icmp_type = 0;
	fl4->fl4_icmp_code = 0;
	if (!tx->hdrincl && tx->sk->sk_protocol == IPPROTO_ICMP) {
		if (memcpy_from_msg(tx->icmp, tx->msg, sizeof(tx->icmp)))
			return -EFAULT;
		tx->icmp_len = sizeof(tx->icmp);
		fl4->fl4_icmp_type = tx->icmp[0];
		fl4->fl4_icmp_code = tx->icmp[1];
	}

	security_sk_classify_flow(tx->sk, flowi4_to_flowi_common(fl4));
	tx->rt = ip_route_output_flow(sock_net(tx->sk), fl4, tx->sk);
	if (IS_ERR(tx->rt))
		return PTR_ERR(tx->rt);

	if (tx->rt->rt_flags & RTCF_BROADCAST &&
	    !sock_flag(tx->sk, SOCK_BROADCAST)) {
		ip_rt_put(tx->rt);
		return -EACCES;
	}
	return 0;
}

/* What the message asks for goes into @skb, which takes over the route. */
static void raw_tx_dress(struct raw_tx *tx, struct sk_buff *skb)
{
	skb->protocol = htons(ETH_P_IP);
	skb->ip_summed = CHECKSUM_NONE;
	xinet_skb_apply_sockcm(skb, tx->sk, &tx->ipc.sockc);
	skb->priority = xinet_ipcm_priority(&tx->ipc, tx->sk, tx->hdrincl);
	if (tx->msg->msg_flags & MSG_CONFIRM)
		skb_set_dst_pending_confirm(skb, 1);
	skb_dst_set(skb, &tx->rt->dst);
	tx->rt = NULL;
}

static void raw_count_icmp(struct net *net, u8 type)
{
	ICMPMSGOUT_INC_STATS(net, type);
	ICMP_INC_STATS(net, ICMP_MIB_OUTMSGS);
}

/*
 * IP_HDRINCL: the header is the caller's, but for what raw(7) says the kernel
 * fills in: checksum and length always, source and ident where they are 0. Not
 * fragmented.
 */
static int raw_tx_hdrincl(struct raw_tx *tx)
{
	struct net_device *dev = tx->rt->dst.dev;
	struct net *net = sock_net(tx->sk);
	struct sk_buff *skb;
	struct iphdr *iph;
	size_t header_len;
	int reserve;
	int err;

	if (tx->len > READ_ONCE(dev->mtu))
		return -EMSGSIZE;
	if (tx->len < sizeof(*iph))
		return -EINVAL;
	if (tx->msg->msg_flags & MSG_PROBE)
		return 0;

	reserve = LL_RESERVED_SPACE(dev);
	skb = sock_alloc_send_skb(tx->sk,
				  reserve + tx->len + dev->needed_tailroom,
				  tx->msg->msg_flags & MSG_DONTWAIT, &err);
	if (!skb)
		return err;
	skb_reserve(skb, reserve);
	skb_reset_network_header(skb);
	skb_put(skb, tx->len);
	raw_tx_dress(tx, skb);

	iph = ip_hdr(skb);
	err = -EFAULT;
	if (memcpy_from_msg(iph, tx->msg, tx->len))
		goto err_free;

	/* Whatever looks at the packet later trusts this length. */
	header_len = iph->ihl * 4;
	err = -EINVAL;
	if (header_len > tx->len || header_len < sizeof(*iph))
		goto err_free;

	skb_set_transport_header(skb, header_len);
	if (!iph->saddr)
		iph->saddr = tx->fl4.saddr;
	iph->tot_len = htons(tx->len);
	if (!iph->id)
		ip_select_ident(net, skb, NULL);
	ip_send_check(iph);
	if (iph->protocol == IPPROTO_ICMP &&
	    tx->len >= header_len + sizeof(struct icmphdr))
		raw_count_icmp(net, icmp_hdr(skb)->type);

	err = NF_HOOK(NFPROTO_IPV4, NF_INET_LOCAL_OUT, net, tx->sk, skb, NULL,
		      dev, dst_output);
	return err > 0 ? net_xmit_errno(err) : err;

err_free:
	kfree_skb(skb);
	return err;
}

/* IP_TTL, or what the route or net.ipv4.ip_default_ttl says. */
static u8 raw_tx_ttl(const struct inet_sock *inet, const struct rtable *rt)
{
	int ttl = READ_ONCE(inet->uc_ttl);

	return ttl < 0 ? ip4_dst_hoplimit(&rt->dst) : ttl;
}

/* Milliseconds since midnight UT (RFC 791, internet timestamp). */
static __be32 raw_timestamp(void)
{
	u32 ms;

	div_u64_rem(ktime_to_ms(ktime_get_real()),
		    24 * 60 * 60 * MSEC_PER_SEC, &ms);
	return htonl(ms);
}

/*
 * Writes the options behind the header of @skb, the last hop of a source route
 * and what this host records among them.
 */
static void raw_tx_put_options(const struct raw_tx *tx, struct sk_buff *skb)
{
	struct ip_options *opt = &IPCB(skb)->opt;
	struct iphdr *iph = ip_hdr(skb);
	u8 *base = (u8 *)iph;
	__be32 now;

	*opt = tx->options.rcu.opt;
	memcpy(iph + 1, tx->options.rcu.opt.__data, opt->optlen);
	iph->ihl += opt->optlen / 4;

	/* Byte 1 of an option is its length, byte 2 a pointer that counts from 1. */
	if (opt->srr)
		memcpy(base + opt->srr + base[opt->srr + 1] - sizeof(__be32),
		       &tx->daddr, sizeof(__be32));
	if (opt->rr_needaddr)
		memcpy(base + opt->rr + base[opt->rr + 2] - 5, &iph->saddr,
		       sizeof(__be32));
	if (opt->ts_needaddr)
		memcpy(base + opt->ts + base[opt->ts + 2] - 9, &iph->saddr,
		       sizeof(__be32));
	if (opt->ts_needtime) {
		now = raw_timestamp();
		memcpy(base + opt->ts + base[opt->ts + 2] - 5, &now,
		       sizeof(now));
	}
}

/* The header of RFC 791 that PF_INET would build; skb_dst() is set. */
static void raw_tx_header(const struct raw_tx *tx, struct sk_buff *skb)
{
	const struct inet_sock *inet = inet_sk(tx->sk);
	const struct rtable *rt = skb_rtable(skb);
	u8 pmtudisc = READ_ONCE(inet->pmtudisc);
	struct iphdr *iph = ip_hdr(skb);

	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = xinet_ipcm_tos(&tx->ipc, inet);
	iph->tot_len = htons(skb->len);
	iph->frag_off = 0;
	if (pmtudisc == IP_PMTUDISC_DO || pmtudisc == IP_PMTUDISC_PROBE ||
	    (skb->len <= dst_mtu(&rt->dst) &&
	     ip_dont_fragment(tx->sk, &rt->dst)))
		iph->frag_off = htons(IP_DF);
	if (tx->ipc.ttl)
		iph->ttl = tx->ipc.ttl;
	else if (rt->rt_type == RTN_MULTICAST)
		iph->ttl = READ_ONCE(inet->mc_ttl);
	else
		iph->ttl = raw_tx_ttl(inet, rt);
	iph->protocol = tx->sk->sk_protocol;
	iph->saddr = tx->fl4.saddr;
	iph->daddr = tx->fl4.daddr;
	ip_select_ident(sock_net(tx->sk), skb, tx->sk);
	if (tx->options.rcu.opt.optlen)
		raw_tx_put_options(tx, skb);

	skb_set_transport_header(skb, iph->ihl * 4);
	skb->ignore_df = ip_sk_ignore_df(tx->sk);
}

/* Appends pages for @len bytes to @skb and charges them to its socket. */
static int raw_tx_add_pages(struct sk_buff *skb, size_t len)
{
	struct page *page;
	size_t part;
	int i;

	for (i = 0; len; i++, len -= part) {
		page = i < MAX_SKB_FRAGS ? alloc_page(skb->sk->sk_allocation) :
					   NULL;
		if (!page)
			return -ENOBUFS;
		part = min_t(size_t, len, PAGE_SIZE);
		skb_fill_page_desc(skb, i, page, 0, part);
		skb->len += part;
		skb->data_len += part;
		skb->truesize += PAGE_SIZE;
		refcount_add(PAGE_SIZE, &skb->sk->sk_wmem_alloc);
	}
	return 0;
}

/*
 * An skb for a header of @header bytes and the message. What one frame holds is
 * linear, what is to be cut goes to pages. A full send buffer gives ENOBUFS and
 * a socket that is shut down may go on sending, both as in PF_INET.
 */
static struct sk_buff *raw_tx_alloc(struct raw_tx *tx, size_t header,
				    size_t mtu, int *err)
{
	const struct net_device *dev = tx->rt->dst.dev;
	size_t linear = min(tx->len, mtu - header);
	int reserve = LL_RESERVED_SPACE(dev);
	struct sk_buff *skb;

	*err = -ENOBUFS;
	skb = sock_wmalloc(tx->sk, reserve + header + linear +
			   dev->needed_tailroom, 0, tx->sk->sk_allocation);
	if (!skb)
		return NULL;
	skb_reserve(skb, reserve);
	skb_reset_network_header(skb);
	skb_put(skb, header + linear);

	*err = raw_tx_add_pages(skb, tx->len - linear);
	if (*err) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

static int raw_tx_build(struct raw_tx *tx)
{
	struct net_device *dev = tx->rt->dst.dev;
	struct net *net = sock_net(tx->sk);
	struct sk_buff *skb;
	size_t header, mtu;
	int err;

	if (tx->msg->msg_flags & MSG_PROBE)
		return 0;

	mtu = ip_sk_use_pmtu(tx->sk) ? dst_mtu(&tx->rt->dst) :
				       READ_ONCE(dev->mtu);
	mtu = min_t(size_t, mtu, IP_MAX_MTU);
	if (!inetdev_valid_mtu(mtu))
		return -ENETUNREACH;
	header = sizeof(struct iphdr) + tx->options.rcu.opt.optlen;
	if (tx->len > (ip_sk_ignore_df(tx->sk) ? IP_MAX_MTU : mtu) - header)
		return -EMSGSIZE;

	skb = raw_tx_alloc(tx, header, mtu, &err);
	if (!skb)
		return err;
	raw_tx_dress(tx, skb);

	memcpy(skb->data + header, tx->icmp, tx->icmp_len);
	err = skb_copy_datagram_from_iter(skb, header + tx->icmp_len,
					  &tx->msg->msg_iter,
					  tx->len - tx->icmp_len);
	if (err) {
		kfree_skb(skb);
		return err;
	}

	raw_tx_header(tx, skb);
	if (tx->icmp_len)
		raw_count_icmp(net, tx->icmp[0]);

	err = ip_local_out(net, tx->sk, skb);
	return err > 0 ? net_xmit_errno(err) : err;
}

static int raw_tx_xmit(struct raw_tx *tx)
{
	struct net *net = sock_net(tx->sk);
	int err;

	if (tx->msg->msg_flags & MSG_CONFIRM && tx->msg->msg_flags & MSG_PROBE)
		dst_confirm_neigh(&tx->rt->dst, &tx->fl4.daddr);

	err = tx->hdrincl ? raw_tx_hdrincl(tx) : raw_tx_build(tx);
	if (tx->rt)
		ip_rt_put(tx->rt);
	if (err)
		IP_INC_STATS(net, IPSTATS_MIB_OUTDISCARDS);
	/* A full queue is told only to those who asked for errors. */
	if (err == -ENOBUFS && !xinet_inet_recverr(tx->sk))
		err = 0;
	return err;
}

int xinet_raw_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct raw_tx tx = {
		.sk = sk,
		.msg = msg,
		.len = len,
		.hdrincl = xinet_inet_hdrincl(sk),
	};
	int err;

	if (len > U16_MAX)
		return -EMSGSIZE;
	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;

	err = raw_tx_destination(&tx);
	if (err)
		return err;

	ipcm_init_sk(&tx.ipc, inet_sk(sk));
	err = raw_tx_cmsgs(&tx);
	if (err)
		return err;
	err = raw_tx_options(&tx);
	if (err)
		return err;

	tx.saddr = tx.ipc.addr;
	raw_tx_interface(&tx);
	err = raw_tx_route(&tx);
	if (err)
		return err;
	err = raw_tx_xmit(&tx);
	return err ? err : len;
}
