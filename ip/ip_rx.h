/* SPDX-License-Identifier: GPL-2.0-only */
/* A received IPv4 packet: header checks, a private copy, parsing of ICMP. */
#ifndef _XINET_IP_RX_H
#define _XINET_IP_RX_H

#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/ip.h>

#include "compat/xinet_compat_inet.h"

struct net;

/* Buffer for the longest IPv4 header, 60 bytes (RFC 791). */
union xinet_ip_header {
	struct iphdr iph;
	u8 bytes[60];
};

/* In place of an ICMP type: not ICMP, and ICMP header truncated. */
#define XINET_ICMP_NONE	(-1)
#define XINET_ICMP_CUT	(-2)

/**
 * struct xinet_ip_rx - a received IPv4 packet
 * @net: namespace that it arrived in
 * @skb: data at the IP header; shared and read-only unless @owned
 * @iph: its header, validated; in @skb or in a copy
 * @len: length of the datagram in bytes, without link padding
 * @dif: incoming interface index, or that of its l3mdev master
 * @sdif: interface index of the l3mdev slave, or 0
 * @icmp_type: ICMP type; XINET_ICMP_CUT without a whole ICMP header;
 *	XINET_ICMP_NONE for other protocols
 * @owned: @skb is private, exactly @len bytes long, and has a local route
 * @host: from LOCAL_IN: reassembled, trimmed, routed, options parsed
 */
struct xinet_ip_rx {
	struct net *net;
	struct sk_buff *skb;
	const struct iphdr *iph;
	unsigned int len;
	int dif;
	int sdif;
	int icmp_type;
	bool owned;
	bool host;
};

/**
 * xinet_ip_header_check() - find and validate the IPv4 header of a packet
 * @skb: the packet, data where the header should be; not written
 * @buf: used for the header when it is not linear in @skb
 * @len: set to the length of the datagram in bytes
 *
 * Checks as RFC 1122, section 3.2.1, requires: version, header length and
 * checksum, and that the datagram is complete.
 *
 * Context: any.
 * Return: the header, or NULL when a host must drop the packet.
 */
const struct iphdr *xinet_ip_header_check(const struct sk_buff *skb,
					  union xinet_ip_header *buf,
					  unsigned int *len);

/* xinet_ip_header_check() once the whole header has been found. */
static __always_inline bool
xinet_ip_header_is_valid(const struct sk_buff *skb, const struct iphdr *iph,
			 unsigned int *len)
{
	*len = xinet_iph_totlen(skb, iph);
	return iph->version == 4 && iph->ihl >= 5 && *len <= skb->len &&
	       *len >= iph->ihl * 4 && !ip_fast_csum(iph, iph->ihl);
}

/* Whether the whole header, options included, is linear. */
static inline bool xinet_ip_header_is_linear(const struct sk_buff *skb)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;

	return skb_headlen(skb) >= sizeof(*iph) &&
	       skb_headlen(skb) >= iph->ihl * 4;
}

/**
 * xinet_ip_header_pointer() - find the whole header, options included
 * @skb: the packet, data where the header should be; not written
 * @buf: used for the header when it is not linear in @skb
 *
 * Context: any.
 * Return: the header, unchecked; NULL when the packet is too short for it.
 */
const struct iphdr *xinet_ip_header_pointer(const struct sk_buff *skb,
					    union xinet_ip_header *buf);

/* xinet_ip_icmp_type() for an ICMP header that is not linear. */
int xinet_ip_icmp_type_paged(const struct sk_buff *skb, unsigned int offset);

/**
 * xinet_ip_icmp_type() - the icmp_type of a struct xinet_ip_rx
 * @rx: the packet, not a later fragment
 *
 * Context: any.
 * Return: an ICMP type, or XINET_ICMP_*.
 */
static inline int xinet_ip_icmp_type(const struct xinet_ip_rx *rx)
{
	const struct sk_buff *skb = rx->skb;
	unsigned int offset = rx->iph->ihl * 4;

	if (rx->iph->protocol != IPPROTO_ICMP)
		return XINET_ICMP_NONE;
	if (likely(skb_headlen(skb) >= offset + sizeof(struct icmphdr)))
		return ((const struct icmphdr *)(skb->data + offset))->type;
	return xinet_ip_icmp_type_paged(skb, offset);
}

/**
 * xinet_ip_own() - get a private copy of a packet, if it is for this host
 * @rx: the packet; @rx->owned afterwards, and the caller consumes @rx->skb
 *
 * Clones, trims link padding, and checks whether routing would deliver the
 * packet locally (source validation included). From LOCAL_IN it clones only.
 *
 * Context: softirq, RCU read side.
 * Return: 0; -ENOMEM; -EHOSTUNREACH when the packet is not for this host.
 */
int xinet_ip_own(struct xinet_ip_rx *rx);

/**
 * xinet_ip_error_is() - whether an ICMP type is an error
 * @type: ICMP type
 *
 * Context: any.
 */
static inline bool xinet_ip_error_is(u8 type)
{
	switch (type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return true;
	default:
		return false;
	}
}

/**
 * xinet_ip_error_quoted() - the header that an ICMP error quotes
 * @rx: a packet, data at its IP header; not written
 * @buf: used for the header, without its options, when it is not linear
 * @offset: set to the offset of the header in the packet, in bytes
 *
 * Context: any.
 * Return: the header; NULL when @rx is not an ICMP error that quotes one.
 */
const struct iphdr *xinet_ip_error_quoted(const struct xinet_ip_rx *rx,
					  struct iphdr *buf,
					  unsigned int *offset);

#endif /* _XINET_IP_RX_H */
