// SPDX-License-Identifier: GPL-2.0-only
/*
 * sendmsg() on a raw socket, down to the kernel's IP output. The steps, in the
 * order of the calls below: destination (address, control messages), route,
 * then a packet with the caller's header, or a datagram (raw_datagram.c) with
 * ours. Routing, netfilter, fragmentation and neighbours are left to the
 * kernel.
 */
#include <kunit/visibility.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/inetdevice.h>
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

#include "af_xinet/mib.h"
#include "ip/raw.h"
#include "ip/raw_datagram.h"
#include "ip/raw_error.h"
#include "compat/xinet_compat_inet.h"

/**
 * struct raw_tx - one message to be sent
 * @sk: the socket
 * @msg: the message
 * @hdrincl: the caller provides the IP header; read once, as setsockopt() may
 *	change it concurrently
 * @dg: options and control messages, destination, route; the datagram itself
 *	when the header is ours
 * @piece: the message as a piece of the datagram
 * @saddr: source or 0, network byte order
 * @fl4: the flow, as completed by routing
 */
struct raw_tx {
	struct sock *sk;
	struct msghdr *msg;
	bool hdrincl;
	struct xinet_raw_datagram dg;
	struct xinet_raw_piece piece;
	__be32 saddr;
	struct flowi4 fl4;
};

static int raw_tx_destination(struct raw_tx *tx)
{
	DECLARE_SOCKADDR(struct sockaddr_in *, sin, tx->msg->msg_name);

	if (!tx->msg->msg_namelen) {
		if (tx->sk->sk_state != TCP_ESTABLISHED)
			return -EDESTADDRREQ;
		tx->dg.daddr = inet_sk(tx->sk)->inet_daddr;
		return 0;
	}

	if (tx->msg->msg_namelen < (int)sizeof(*sin))
		return -EINVAL;
	/* Old programs leave the family unset: AF_UNSPEC is accepted. */
	if (sin->sin_family != AF_INET && sin->sin_family != AF_UNSPEC)
		return -EAFNOSUPPORT;
	tx->dg.daddr = sin->sin_addr.s_addr;
	return 0;
}

/* An int from @min to 255 from a control message; with @min 0 a byte, too. */
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

/* Control message IP_RETOPTS, truncated if it is too long, as in PF_INET. */
static int raw_cmsg_options(struct raw_tx *tx, const struct cmsghdr *cmsg)
{
	struct ip_options *opt = &tx->dg.options.rcu.opt;
	size_t len = cmsg->cmsg_len - sizeof(*cmsg);

	len = min_t(size_t, len, XINET_RAW_OPTIONS_LEN);
	memset(&tx->dg.options, 0, sizeof(tx->dg.options));
	memcpy(opt->__data, CMSG_DATA(cmsg), len);
	/* The zeroed rest is IPOPT_END, which pads the last word. */
	opt->optlen = round_up(len, 4);
	if (opt->optlen && ip_options_compile(sock_net(tx->sk), opt, NULL))
		return -EINVAL;
	return 0;
}

static int raw_cmsg_ip(struct raw_tx *tx, const struct cmsghdr *cmsg)
{
	struct ipcm_cookie *ipc = &tx->dg.ipc;
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
	case IP_PROTOCOL:
		/* Protocol of the flow, for a header of the caller's. */
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
			return -EINVAL;
		value = raw_cmsg_u8(cmsg, 1);
		if (value < 0)
			return value;
		ipc->protocol = value;
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
						   &tx->dg.ipc.sockc);
		else if (cmsg->cmsg_level == SOL_IP)
			err = raw_cmsg_ip(tx, cmsg);
		if (err)
			return err;
	}
	return 0;
}

/* Uses the options of the socket unless a control message has some. */
static int raw_tx_options(struct raw_tx *tx)
{
	const struct ip_options *opt = &tx->dg.options.rcu.opt;
	const struct ip_options_rcu *inet_opt;

	if (!opt->optlen) {
		rcu_read_lock();
		inet_opt = rcu_dereference(inet_sk(tx->sk)->inet_opt);
		if (inet_opt)
			memcpy(&tx->dg.options, inet_opt,
			       sizeof(*inet_opt) + inet_opt->opt.optlen);
		rcu_read_unlock();
	}

	/* Not with the caller's own header; a source route needs an end. */
	if (opt->optlen && (tx->hdrincl || (opt->srr && !tx->dg.daddr)))
		return -EINVAL;
	return 0;
}

/* The first hop of a source route, else the destination. */
static __be32 raw_tx_next_hop(const struct raw_tx *tx)
{
	const struct ip_options *opt = &tx->dg.options.rcu.opt;

	return opt->srr ? opt->faddr : tx->dg.daddr;
}

/* Chooses the output interface where it depends on the destination. */
static void raw_tx_interface(struct raw_tx *tx)
{
	const struct inet_sock *inet = inet_sk(tx->sk);
	int uc_index = READ_ONCE(inet->uc_index);
	struct net *net = sock_net(tx->sk);
	__be32 daddr = raw_tx_next_hop(tx);
	int *oif = &tx->dg.ipc.oif;

	if (ipv4_is_multicast(daddr)) {
		if (!*oif || netif_index_is_l3_master(net, *oif))
			*oif = READ_ONCE(inet->mc_index);
		if (!tx->saddr)
			tx->saddr = READ_ONCE(inet->mc_addr);
	} else if (!*oif) {
		*oif = uc_index;
	} else if (ipv4_is_lbcast(daddr) && uc_index &&
		   *oif == l3mdev_master_ifindex_by_index(net, uc_index)) {
		/* IP_UNICAST_IF selects a slave of the bound VRF device. */
		*oif = uc_index;
	}
}

static int raw_tx_route(struct raw_tx *tx)
{
	u8 scope = sock_flag(tx->sk, SOCK_LOCALROUTE) ||
		   tx->msg->msg_flags & MSG_DONTROUTE ||
		   tx->dg.options.rcu.opt.is_strictroute ?
		   RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	u8 tos = xinet_ipcm_tos(&tx->dg.ipc, inet_sk(tx->sk));
	struct xinet_raw_piece *piece = &tx->piece;
	struct flowi4 *fl4 = &tx->fl4;
	struct rtable *rt;

	flowi4_init_output(fl4, tx->dg.ipc.oif, tx->dg.ipc.sockc.mark,
			   xinet_flow_tos(tos, scope), scope,
			   tx->hdrincl ? tx->dg.ipc.protocol :
					 tx->sk->sk_protocol,
			   inet_sk_flowi_flags(tx->sk) |
			   (tx->hdrincl ? FLOWI_FLAG_KNOWN_NH : 0),
			   raw_tx_next_hop(tx), tx->saddr, 0, 0,
			   xinet_sk_uid(tx->sk));
	fl4->fl4_icmp_type = 0;
	fl4->fl4_icmp_code = 0;
	if (!tx->hdrincl && tx->sk->sk_protocol == IPPROTO_ICMP) {
		if (memcpy_from_msg(piece->probe, tx->msg,
				    sizeof(piece->probe)))
			return -EFAULT;
		piece->probe_len = sizeof(piece->probe);
		fl4->fl4_icmp_type = piece->probe[0];
		fl4->fl4_icmp_code = piece->probe[1];
	}

	security_sk_classify_flow(tx->sk, flowi4_to_flowi_common(fl4));
	rt = ip_route_output_flow(sock_net(tx->sk), fl4, tx->sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (rt->rt_flags & RTCF_BROADCAST &&
	    !sock_flag(tx->sk, SOCK_BROADCAST)) {
		ip_rt_put(rt);
		return -EACCES;
	}
	tx->dg.rt = rt;
	return 0;
}

/* Applies the options of the message to @skb, which takes over the route. */
static void raw_tx_prepare(struct raw_tx *tx, struct sk_buff *skb)
{
	skb->protocol = htons(ETH_P_IP);
	skb->ip_summed = CHECKSUM_NONE;
	xinet_skb_apply_sockcm(skb, tx->sk, &tx->dg.ipc.sockc);
	skb->priority = xinet_ipcm_priority(&tx->dg.ipc, tx->sk, true);
	if (tx->msg->msg_flags & MSG_CONFIRM)
		skb_set_dst_pending_confirm(skb, 1);
	skb_dst_set(skb, &tx->dg.rt->dst);
	tx->dg.rt = NULL;
}

/*
 * IP_HDRINCL: completes the caller's header as raw(7) says: checksum and length
 * always, source and identification where they are 0. The packet is not
 * fragmented.
 */
static int raw_tx_complete_header(const struct raw_tx *tx, struct sk_buff *skb)
{
	struct net *net = sock_net(tx->sk);
	struct iphdr *iph = ip_hdr(skb);
	size_t header_len = iph->ihl * 4;

	/* Later code trusts this length. */
	if (header_len > skb->len || header_len < sizeof(*iph))
		return -EINVAL;

	skb_set_transport_header(skb, header_len);
	if (!iph->saddr)
		iph->saddr = tx->fl4.saddr;
	iph->tot_len = htons(skb->len);
	if (!iph->id)
		ip_select_ident(net, skb, NULL);
	ip_send_check(iph);
	if (iph->protocol == IPPROTO_ICMP &&
	    skb->len >= header_len + sizeof(struct icmphdr))
		xinet_raw_count_icmp(net, icmp_hdr(skb)->type);
	return 0;
}

static int raw_tx_packet(struct raw_tx *tx)
{
	struct net *net = sock_net(tx->sk);
	size_t len = tx->piece.len;
	const struct net_device *dev;
	int reserve, tailroom;
	struct sk_buff *skb;
	int err;

	rcu_read_lock();
	dev = tx->dg.rt->dst.dev;
	reserve = LL_RESERVED_SPACE(dev);
	tailroom = dev->needed_tailroom;
	rcu_read_unlock();

	skb = sock_alloc_send_skb(tx->sk, reserve + len + tailroom,
				  tx->msg->msg_flags & MSG_DONTWAIT, &err);
	if (!skb)
		return err;
	skb_reserve(skb, reserve);
	skb_reset_network_header(skb);
	skb_put(skb, len);
	raw_tx_prepare(tx, skb);

	err = memcpy_from_msg(ip_hdr(skb), tx->msg, len);
	if (!err)
		err = raw_tx_complete_header(tx, skb);
	if (err) {
		kfree_skb(skb);
		return err;
	}

	/* dst->dev may be replaced while the call sleeps: read under RCU */
	rcu_read_lock();
	err = NF_HOOK(NFPROTO_IPV4, NF_INET_LOCAL_OUT, net, tx->sk, skb, NULL,
		      skb_dst(skb)->dev, dst_output);
	rcu_read_unlock();
	return err > 0 ? net_xmit_errno(err) : err;
}

static int raw_tx_hdrincl(struct raw_tx *tx)
{
	unsigned int mtu;
	int err;

	rcu_read_lock();
	mtu = READ_ONCE(tx->dg.rt->dst.dev->mtu);
	rcu_read_unlock();
	if (tx->piece.len > mtu) {
		xinet_raw_error_local(tx->sk, EMSGSIZE, tx->fl4.daddr, mtu);
		return -EMSGSIZE;
	}
	if (tx->piece.len < sizeof(struct iphdr))
		return -EINVAL;
	if (tx->msg->msg_flags & MSG_PROBE)
		return 0;

	err = raw_tx_packet(tx);
	if (err)
		IP_INC_STATS(sock_net(tx->sk), IPSTATS_MIB_OUTDISCARDS);
	/* A full queue is reported only with IP_RECVERR. */
	return err == -ENOBUFS && !xinet_inet_recverr(tx->sk) ? 0 : err;
}

/* Sends @dg, which is complete. */
static int raw_tx_push(struct raw_tx *tx, struct xinet_raw_datagram *dg)
{
	int err = xinet_raw_datagram_send(dg, &tx->fl4);

	if (err)
		IP_INC_STATS(sock_net(tx->sk), IPSTATS_MIB_OUTDISCARDS);
	/* A full queue is reported only with IP_RECVERR. */
	return err == -ENOBUFS && !xinet_inet_recverr(tx->sk) ? 0 : err;
}

/* Fast path: the message is a datagram, and needs no lock. */
static int raw_tx_datagram(struct raw_tx *tx)
{
	struct xinet_raw_datagram *dg = &tx->dg;
	int err;

	if (tx->msg->msg_flags & MSG_PROBE)
		return 0;
	err = xinet_raw_datagram_begin(dg);
	if (err)
		return err;
	err = xinet_raw_datagram_append(dg, &tx->piece, tx->fl4.daddr);
	if (!err)
		return raw_tx_push(tx, dg);
	IP_INC_STATS(sock_net(tx->sk), IPSTATS_MIB_OUTDISCARDS);
	xinet_raw_datagram_discard(dg);
	return err;
}

/* The first piece of a datagram sets everything but its addresses. */
static struct xinet_raw_datagram *raw_tx_begin_corked(struct raw_tx *tx)
{
	struct xinet_raw_datagram *dg;
	int err;

	dg = kmalloc(sizeof(*dg), tx->sk->sk_allocation);
	if (!dg)
		return ERR_PTR(-ENOBUFS);
	*dg = tx->dg;
	tx->dg.rt = NULL;
	err = xinet_raw_datagram_begin(dg);
	if (!err)
		return dg;
	kfree(dg);
	return ERR_PTR(err);
}

/*
 * Joins messages with MSG_MORE, up to the first one without, into one datagram.
 * An error drops the datagram. Under the socket lock.
 */
static int raw_tx_corked(struct raw_tx *tx)
{
	struct xinet_raw_sock *rsk = xinet_raw_sk(tx->sk);
	struct xinet_raw_datagram *dg = rsk->cork;
	int err;

	if (!(tx->msg->msg_flags & MSG_PROBE)) {
		if (!dg)
			dg = raw_tx_begin_corked(tx);
		if (IS_ERR(dg))
			return PTR_ERR(dg);
		WRITE_ONCE(rsk->cork, dg);
		err = xinet_raw_datagram_append(dg, &tx->piece, tx->fl4.daddr);
		if (err) {
			IP_INC_STATS(sock_net(tx->sk), IPSTATS_MIB_OUTDISCARDS);
			xinet_raw_uncork(tx->sk);
			return err;
		}
	}
	if (tx->msg->msg_flags & MSG_MORE || !dg)
		return 0;

	err = raw_tx_push(tx, dg);
	xinet_raw_uncork(tx->sk);
	return err;
}

void xinet_raw_uncork(struct sock *sk)
{
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);
	struct xinet_raw_datagram *dg = rsk->cork;

	if (!dg)
		return;
	WRITE_ONCE(rsk->cork, NULL);
	xinet_raw_datagram_discard(dg);
	kfree(dg);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_uncork);

static int raw_tx_xmit(struct raw_tx *tx)
{
	int flags = tx->msg->msg_flags;
	int err;

	if (flags & MSG_CONFIRM && flags & MSG_PROBE) {
		dst_confirm_neigh(&tx->dg.rt->dst, &tx->fl4.daddr);
		if (!tx->piece.len)
			return 0;
	}

	if (tx->hdrincl)
		return raw_tx_hdrincl(tx);
	if (!(flags & MSG_MORE) && !READ_ONCE(xinet_raw_sk(tx->sk)->cork))
		return raw_tx_datagram(tx);

	lock_sock(tx->sk);
	err = raw_tx_corked(tx);
	release_sock(tx->sk);
	return err;
}

int xinet_raw_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct raw_tx tx = {
		.sk = sk,
		.msg = msg,
		.hdrincl = xinet_inet_hdrincl(sk),
		.dg.sk = sk,
		.piece.msg = msg,
		.piece.len = len,
	};
	int err;

	if (len > U16_MAX)
		return -EMSGSIZE;
	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;

	err = raw_tx_destination(&tx);
	if (err)
		return err;
	err = xinet_raw_expect_errors(sk);
	if (err)
		return err;

	ipcm_init_sk(&tx.dg.ipc, inet_sk(sk));
	if (tx.hdrincl)
		tx.dg.ipc.protocol = IPPROTO_RAW;
	err = raw_tx_cmsgs(&tx);
	if (err)
		return err;
	err = raw_tx_options(&tx);
	if (err)
		return err;

	tx.saddr = tx.dg.ipc.addr;
	raw_tx_interface(&tx);
	err = raw_tx_route(&tx);
	if (err)
		return err;
	err = raw_tx_xmit(&tx);
	if (tx.dg.rt)
		ip_rt_put(tx.dg.rt);
	xinet_mib_inc(sock_net(sk), err ? XINET_MIB_RAW_OUTERRORS :
				    XINET_MIB_RAW_OUTREQUESTS);
	return err ? err : len;
}
