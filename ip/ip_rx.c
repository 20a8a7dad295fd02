// SPDX-License-Identifier: GPL-2.0-only
/*
 * A received IPv4 packet, for any receiver: header checks, a private copy, and
 * parsing of ICMP. Called by ip_input.c, local_in.c and the receivers that they
 * pass packets to.
 */
#include <kunit/visibility.h>
#include <linux/icmp.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <net/ip.h>
#include <net/route.h>

#include "compat/xinet_compat_inet.h"
#include "ip/copybreak.h"
#include "ip/ip_local.h"
#include "ip/ip_rx.h"

const struct iphdr *xinet_ip_header_pointer(const struct sk_buff *skb,
					    union xinet_ip_header *buf)
{
	const struct iphdr *iph;

	iph = skb_header_pointer(skb, 0, sizeof(*iph), buf);
	return iph ? skb_header_pointer(skb, 0, iph->ihl * 4, buf) : NULL;
}

const struct iphdr *xinet_ip_header_check(const struct sk_buff *skb,
					  union xinet_ip_header *buf,
					  unsigned int *len)
{
	const struct iphdr *iph = xinet_ip_header_pointer(skb, buf);

	return iph && xinet_ip_header_is_valid(skb, iph, len) ? iph : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ip_header_check);

/*
 * Handles options as ip_rcv() does once the route is known: fills in record
 * route and timestamp, in a private header; a source route must be allowed and
 * end here.
 */
static bool ip_accept_options(struct net *net, struct sk_buff *skb)
{
	struct ip_options *opt = &IPCB(skb)->opt;
	struct in_device *in_dev;

	if (ip_hdr(skb)->ihl == 5)
		return true;
	if (skb_cow(skb, skb_headroom(skb)))
		return false;

	opt->optlen = ip_hdrlen(skb) - sizeof(struct iphdr);
	if (ip_options_compile(net, opt, skb))
		return false;
	if (likely(!opt->srr))
		return true;

	in_dev = __in_dev_get_rcu(skb->dev);
	return (!in_dev || IN_DEV_SOURCE_ROUTE(in_dev)) &&
	       !ip_options_rcv_srr(skb, skb->dev);
}

/*
 * As ip_rcv() does once the route is known: with drop_unicast_in_l2_multicast,
 * rejects IP unicast in a link-level multicast or broadcast (RFC 1122, section
 * 3.3.6).
 */
static bool ip_accept_link_address(const struct sk_buff *skb)
{
	const struct rtable *rt = skb_rtable(skb);
	struct in_device *in_dev;

	if (likely(skb->pkt_type != PACKET_BROADCAST &&
		   skb->pkt_type != PACKET_MULTICAST))
		return true;
	if (rt->rt_type == RTN_BROADCAST || rt->rt_type == RTN_MULTICAST)
		return true;
	in_dev = __in_dev_get_rcu(skb->dev);
	return !in_dev ||
	       !IN_DEV_ORCONF(in_dev, DROP_UNICAST_IN_L2_MULTICAST);
}

/* A clone for @rx: header linear, trimmed to the datagram. */
static noinline struct sk_buff *ip_clone(const struct xinet_ip_rx *rx)
{
	struct sk_buff *skb = skb_clone(rx->skb, GFP_ATOMIC);

	if (skb && (!pskb_may_pull(skb, rx->iph->ihl * 4) ||
		    pskb_trim_rcsum(skb, rx->len))) {
		consume_skb(skb);
		skb = NULL;
	}
	return skb;
}

/*
 * Not from the wire with options or in fragments, which are written to later.
 */
static bool ip_may_be_copied(const struct xinet_ip_rx *rx)
{
	return rx->host || (rx->iph->ihl == 5 && !ip_is_fragment(rx->iph));
}

int xinet_ip_own(struct xinet_ip_rx *rx)
{
	struct sk_buff *skb = NULL;
	int err = -ENOMEM;

	if (likely(ip_may_be_copied(rx)))
		skb = xinet_skb_copybreak(rx->skb, rx->len);
	if (!skb)
		skb = ip_clone(rx);
	if (!skb)
		return err;
	if (rx->host)
		goto out;

	skb_reset_network_header(skb);
	skb_set_transport_header(skb, ip_hdrlen(skb));
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	IPCB(skb)->iif = skb->skb_iif;

	err = -EHOSTUNREACH;
	if (!xinet_ip_is_local(skb) || !ip_accept_link_address(skb) ||
	    !ip_accept_options(rx->net, skb))
		goto err_free;
out:
	rx->skb = skb;
	rx->iph = ip_hdr(skb);
	rx->owned = true;
	return 0;

err_free:
	consume_skb(skb);
	return err;
}

int xinet_ip_icmp_type_paged(const struct sk_buff *skb, unsigned int offset)
{
	const struct icmphdr *icmp;
	struct icmphdr buf;

	icmp = skb_header_pointer(skb, offset, sizeof(buf), &buf);
	return icmp ? icmp->type : XINET_ICMP_CUT;
}

const struct iphdr *xinet_ip_error_quoted(const struct xinet_ip_rx *rx,
					  struct iphdr *buf,
					  unsigned int *offset)
{
	unsigned int icmp_offset = rx->iph->ihl * 4;
	const struct icmphdr *icmph;
	struct icmphdr icmp_buf;
	const struct iphdr *iph;

	icmph = skb_header_pointer(rx->skb, icmp_offset, sizeof(icmp_buf),
				   &icmp_buf);
	if (!icmph || !xinet_ip_error_is(icmph->type))
		return NULL;

	*offset = icmp_offset + sizeof(*icmph);
	if (*offset + sizeof(*iph) > rx->len)
		return NULL;
	iph = skb_header_pointer(rx->skb, *offset, sizeof(*buf), buf);
	return iph && iph->ihl >= 5 ? iph : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ip_error_quoted);
