// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports errors to raw sockets, as raw(7) says: updates the route, sets
 * SO_ERROR and fills the error queue. Called by raw_input.c for errors from the
 * network, by raw_output.c and raw_datagram.c for those found while sending.
 */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/skbuff.h>
#include <net/icmp.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "ip/ip_error.h"
#include "ip/raw_error.h"
#include "compat/xinet_compat_inet.h"

/* RFC 4884: known version of extensions, least bytes quoted before one. */
#define RFC4884_VERSION		2
#define RFC4884_MIN_QUOTED	128

/* The route of the quoted packet, as sent by @sk; NULL if there is none now. */
static struct rtable *raw_error_route(const struct sock *sk,
				      const struct xinet_ip_error *error)
{
	u8 scope = sock_flag(sk, SOCK_LOCALROUTE) ? RT_SCOPE_LINK :
						    RT_SCOPE_UNIVERSE;
	const struct iphdr *iph = error->iph;
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, READ_ONCE(sk->sk_bound_dev_if),
			   READ_ONCE(sk->sk_mark) ?:
			   IP4_REPLY_MARK(error->net, error->skb->mark),
			   xinet_flow_tos(READ_ONCE(inet_sk(sk)->tos), scope),
			   scope, xinet_inet_hdrincl(sk) ? IPPROTO_RAW :
							   sk->sk_protocol,
			   0, iph->daddr, iph->saddr, 0, 0, xinet_sk_uid(sk));
	rt = __ip_route_output_key(error->net, &fl4);
	return IS_ERR(rt) ? NULL : rt;
}

/*
 * update_pmtu() expects the packet that was too large, which is the quoted one:
 * it temporarily becomes the network header of the error.
 */
static void raw_error_update_pmtu(struct sock *sk,
				  const struct xinet_ip_error *error)
{
	struct sk_buff *skb = error->skb;
	int offset = skb_network_offset(skb);
	struct rtable *rt;

	if (!ip_sk_accept_pmtu(sk))
		return;
	rt = raw_error_route(sk, error);
	if (!rt)
		return;

	skb_reset_network_header(skb);
	rt->dst.ops->update_pmtu(&rt->dst, sk, skb, error->info, false);
	skb_set_network_header(skb, offset);
	ip_rt_put(rt);
	/* Makes IP_MTU of a connected socket report the new one. */
	ip4_datagram_release_cb(sk);
}

static void raw_error_redirect(struct sock *sk,
			       const struct xinet_ip_error *error)
{
	struct rtable *rt = raw_error_route(sk, error);

	if (!rt)
		return;
	rt->dst.ops->redirect(&rt->dst, sk, error->skb);
	ip_rt_put(rt);
}

/*
 * The negative errno of an error, 0 for none. @hard is set when it is also
 * reported to a socket without IP_RECVERR.
 */
static int raw_error_errno(const struct sock *sk,
			   const struct xinet_ip_error *error, bool *hard)
{
	*hard = false;
	switch (error->type) {
	case ICMP_SOURCE_QUENCH:
		return 0;
	case ICMP_PARAMETERPROB:
		*hard = true;
		return -EPROTO;
	case ICMP_DEST_UNREACH:
		if (error->code == ICMP_FRAG_NEEDED) {
			*hard = READ_ONCE(inet_sk(sk)->pmtudisc) !=
				IP_PMTUDISC_DONT;
			return -EMSGSIZE;
		}
		*hard = icmp_err_convert[error->code].fatal;
		return -icmp_err_convert[error->code].errno;
	default:
		return -EHOSTUNREACH;
	}
}

/* Puts @skb on the error queue of @sk, or frees it. */
static void raw_error_queue(struct sock *sk, struct sk_buff *skb)
{
	skb_reset_transport_header(skb);
	if (sock_queue_err_skb(sk, skb))
		consume_skb(skb);
}

/*
 * Whether the extension structure at @offset of @skb is valid: objects that
 * fill it, and a correct checksum, if there is one (RFC 4884, section 7). One
 * of an unknown version is not parsed.
 */
static bool raw_error_extension_is_sound(const struct sk_buff *skb,
					 unsigned int offset)
{
	const struct icmp_extobj_hdr *object;
	struct icmp_extobj_hdr object_buf;
	const struct icmp_ext_hdr *header;
	struct icmp_ext_hdr header_buf;

	header = skb_header_pointer(skb, offset, sizeof(header_buf),
				    &header_buf);
	if (!header)
		return false;
	if (header->version != RFC4884_VERSION)
		return true;
	if (header->checksum &&
	    csum_fold(skb_checksum(skb, offset, skb->len - offset, 0)))
		return false;

	offset += sizeof(*header);
	while (offset < skb->len) {
		object = skb_header_pointer(skb, offset, sizeof(object_buf),
					    &object_buf);
		if (!object || ntohs(object->length) < sizeof(*object))
			return false;
		offset += ntohs(object->length);
	}
	return offset == skb->len;
}

/*
 * Sets @out->len to the offset from the data of @skb, part of the quoted
 * packet, at which an extension structure begins: the ICMP header has the
 * length of the quote, in words.
 */
static void raw_error_find_extension(const struct sk_buff *skb,
				     struct sock_ee_data_rfc4884 *out)
{
	unsigned int stripped = -skb_transport_offset(skb) -
				sizeof(struct icmphdr);
	unsigned int quoted = icmp_hdr(skb)->un.reserved[1] * 4;

	if (quoted < RFC4884_MIN_QUOTED || quoted < stripped)
		return;
	quoted -= stripped;
	if (quoted + sizeof(struct icmp_ext_hdr) > skb->len)
		return;
	out->len = quoted;
	if (!raw_error_extension_is_sound(skb, quoted))
		out->flags |= SO_EE_RFC4884_FLAG_INVALID;
}

static void raw_error_queue_icmp(struct sock *sk,
				 const struct xinet_ip_error *error, int err)
{
	struct sk_buff *skb = skb_clone(error->skb, GFP_ATOMIC);
	struct sock_exterr_skb *serr;

	if (!skb)
		return;

	serr = SKB_EXT_ERR(skb);
	serr->ee = (struct sock_extended_err) {
		.ee_errno	= err,
		.ee_origin	= SO_EE_ORIGIN_ICMP,
		.ee_type	= error->type,
		.ee_code	= error->code,
		.ee_info	= error->info,
	};
	/* recvmsg() reads the destination of the packet from here. */
	serr->addr_offset = offsetof(struct iphdr, daddr) -
			    skb_network_offset(skb);
	serr->port = 0;

	/* IP_HDRINCL sockets get the header too, others the payload only. */
	if (!xinet_inet_hdrincl(sk))
		__skb_pull(skb, error->iph->ihl * 4);
	if (xinet_inet_recverr_rfc4884(sk) &&
	    (error->type == ICMP_DEST_UNREACH ||
	     error->type == ICMP_TIME_EXCEEDED ||
	     error->type == ICMP_PARAMETERPROB))
		raw_error_find_extension(skb, &serr->ee.ee_rfc4884);
	raw_error_queue(sk, skb);
}

void xinet_raw_error_report(struct sock *sk,
			    const struct xinet_ip_error *error)
{
	bool recverr = xinet_inet_recverr(sk);
	bool hard;
	int err;

	if (error->type == ICMP_REDIRECT) {
		raw_error_redirect(sk, error);
		return;
	}
	if (error->type == ICMP_DEST_UNREACH && error->code == ICMP_FRAG_NEEDED)
		raw_error_update_pmtu(sk, error);

	/* Without IP_RECVERR and a peer, a program cannot tell what failed. */
	if (!recverr && READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		return;

	err = raw_error_errno(sk, error, &hard);
	if (!err)
		return;
	if (recverr)
		raw_error_queue_icmp(sk, error, -err);
	if (recverr || hard) {
		WRITE_ONCE(sk->sk_err, -err);
		sk_error_report(sk);
	}
}

void xinet_raw_error_local(struct sock *sk, int err, __be32 daddr, u32 info)
{
	struct sock_exterr_skb *serr;
	struct sk_buff *skb;

	if (!xinet_inet_recverr(sk))
		return;
	skb = alloc_skb(sizeof(struct iphdr), sk->sk_allocation);
	if (!skb)
		return;

	/* An entry without data, and a header with the address. */
	skb_reset_network_header(skb);
	skb_put_zero(skb, sizeof(struct iphdr));
	ip_hdr(skb)->daddr = daddr;
	__skb_pull(skb, sizeof(struct iphdr));

	serr = SKB_EXT_ERR(skb);
	serr->ee = (struct sock_extended_err) {
		.ee_errno	= err,
		.ee_origin	= SO_EE_ORIGIN_LOCAL,
		.ee_info	= info,
	};
	serr->addr_offset = offsetof(struct iphdr, daddr);
	serr->port = inet_sk(sk)->inet_dport;
	raw_error_queue(sk, skb);
}
