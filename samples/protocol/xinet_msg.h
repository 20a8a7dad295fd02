/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The message protocol on the wire: what follows the IPv4 header.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-------------------------------+-------------------------------+
 *   |          source port          |       destination port        |
 *   +-------------------------------+-------------------------------+
 *   |     length, header and text   |           checksum            |
 *   +-------------------------------+-------------------------------+
 *   |                             text ...
 *
 * The checksum is the Internet checksum (RFC 1071) over the pseudo header of
 * UDP (RFC 768) with MSG_PROTOCOL, the header and the text. It is mandatory.
 */
#ifndef _XINET_MSG_H
#define _XINET_MSG_H

#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/checksum.h>

/* "Use for experimentation and testing", RFC 3692. */
#define MSG_PROTOCOL	253

struct msg_header {
	__be16 source;
	__be16 dest;
	__be16 len;
	__sum16 check;
};

/* The longest text: an IPv4 datagram has 65,535 bytes. */
#define MSG_MAX_TEXT	(0xffff - sizeof(struct iphdr) - \
			 sizeof(struct msg_header))

static inline struct msg_header *msg_header(const struct sk_buff *skb)
{
	return (struct msg_header *)skb_transport_header(skb);
}

/* The checksum of @skb; 0 if @skb contains its valid checksum. */
static inline __sum16 msg_checksum(const struct sk_buff *skb, __be32 saddr,
				   __be32 daddr)
{
	return csum_tcpudp_magic(saddr, daddr, skb->len, MSG_PROTOCOL,
				 skb_checksum(skb, 0, skb->len, 0));
}

/* Writes the header of @skb, data at the header, which the text follows. */
static inline void msg_build(struct sk_buff *skb, __be32 saddr, __be16 source,
			     __be32 daddr, __be16 dest)
{
	struct msg_header *header = (struct msg_header *)skb->data;

	skb_reset_transport_header(skb);
	header->source = source;
	header->dest = dest;
	header->len = htons(skb->len);
	header->check = 0;
	header->check = msg_checksum(skb, saddr, daddr);
	skb->ip_summed = CHECKSUM_NONE;
}

/*
 * Whether @skb, data at the header, is a valid message from @saddr to @daddr.
 * Trims it to its length and makes the header linear.
 */
static inline bool msg_parse(struct sk_buff *skb, __be32 saddr, __be32 daddr)
{
	unsigned int len;

	if (!pskb_may_pull(skb, sizeof(struct msg_header)))
		return false;
	len = ntohs(msg_header(skb)->len);
	if (len < sizeof(struct msg_header) || len > skb->len ||
	    pskb_trim(skb, len))
		return false;
	return !msg_checksum(skb, saddr, daddr);
}

#endif /* _XINET_MSG_H */
