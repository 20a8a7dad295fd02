// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports an ICMP error to the sockets that may have sent the quoted packet.
 * Called by local_in.c for every ICMP error that the firewall accepts: it takes
 * effect where PF_INET's would, and nowhere else. First it is checked as
 * icmp_rcv() does: checksum, policy, and that the quoted packet may be ours.
 * ip_error_deliver() lists the receivers; nothing else here handles sockets.
 */
#include <kunit/visibility.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "ip/ip_error.h"
#include "ip/ip_rx.h"
#include "ip/raw.h"

/* Bytes quoted after the IP header (RFC 792): ports and the like. */
#define IP_ERROR_QUOTED_LEN	8

/* Values of net.ipv4.ip_no_pmtu_disc, see ip-sysctl.rst */
enum {
	NO_PMTU_DISC_OFF	= 0,
	NO_PMTU_DISC_DROP	= 2,
	NO_PMTU_DISC_HARDENED	= 3,
};

/* Whether @protocol checks that it has sent the quoted packet; RCU. */
static bool ip_error_protocol_is_strict(u8 protocol)
{
	const struct net_protocol *p = rcu_dereference(inet_protos[protocol]);

	return p && p->icmp_strict_tag_validation;
}

static bool ip_error_mtu(const struct net *net, const struct icmphdr *icmph,
			 u8 protocol, u32 *info)
{
	switch (READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc)) {
	case NO_PMTU_DISC_DROP:
		return false;
	case NO_PMTU_DISC_HARDENED:
		if (!ip_error_protocol_is_strict(protocol))
			return false;
		fallthrough;
	case NO_PMTU_DISC_OFF:
		*info = ntohs(icmph->un.frag.mtu);
		return true;
	default:
		return true;
	}
}

bool xinet_ip_error_info(const struct net *net, const struct icmphdr *icmph,
			 u8 protocol, u32 *info)
{
	*info = 0;
	/* IPPROTO_RAW sockets receive nothing, as in PF_INET. */
	if (protocol == IPPROTO_RAW)
		return false;

	switch (icmph->type) {
	case ICMP_DEST_UNREACH:
		if (icmph->code > NR_ICMP_UNREACH)
			return false;
		if (icmph->code == ICMP_FRAG_NEEDED)
			return ip_error_mtu(net, icmph, protocol, info);
		return true;
	case ICMP_TIME_EXCEEDED:
		/* Our fragments were not reassembled: reported to no socket. */
		return icmph->code != ICMP_EXC_FRAGTIME;
	case ICMP_PARAMETERPROB:
		*info = ntohl(icmph->un.gateway) >> 24;
		return true;
	case ICMP_REDIRECT:
		*info = ntohl(icmph->un.gateway);
		return true;
	default:
		return true;
	}
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ip_error_info);

bool xinet_ip_error_wanted(const struct xinet_ip_rx *rx)
{
	const struct iphdr *iph;
	unsigned int offset;
	struct iphdr buf;

	iph = xinet_ip_error_quoted(rx, &buf, &offset);
	return iph && (xinet_raw_has_protocol(rx->net, XINET_RAW_POINT_WIRE,
					      iph->protocol) ||
		       xinet_raw_has_protocol(rx->net, XINET_RAW_POINT_HOST,
					      iph->protocol));
}

/*
 * The xfrm policy for an error: it must be allowed itself, or have come through
 * a state with XFRM_STATE_ICMP and be allowed as the reply to what it quotes.
 */
static bool ip_error_policy_allows(struct sk_buff *skb)
{
	unsigned int offset = skb_network_offset(skb);
	const struct sec_path *sp;
	bool allowed;

	if (xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb))
		return true;

	sp = skb_sec_path(skb);
	if (!sp || !(sp->xvec[sp->len - 1]->props.flags & XFRM_STATE_ICMP))
		return false;
	skb_set_network_header(skb, sizeof(struct icmphdr));
	allowed = xfrm4_policy_check_reverse(NULL, XFRM_POLICY_IN, skb);
	skb_set_network_header(skb, offset);
	return allowed;
}

/* Routers must not report broadcasts; some do (RFC 1122, section 3.2.2). */
static bool ip_error_is_bogus(const struct net *net, struct sk_buff *skb,
			      const struct iphdr *iph)
{
	return !READ_ONCE(net->ipv4.sysctl_icmp_ignore_bogus_error_responses) &&
	       inet_addr_type_dev_table(dev_net(skb->dev), skb->dev,
					iph->daddr) == RTN_BROADCAST;
}

/* Reports the error to every kind of receiver. */
static void ip_error_deliver(const struct xinet_ip_error *error)
{
	xinet_raw_error(error);
}

/* @skb is a clone of @rx's, data at the ICMP header, which is linear. */
static void ip_error_read(const struct xinet_ip_rx *rx, struct sk_buff *skb)
{
	struct xinet_ip_error error = {
		.net	= rx->net,
		.skb	= skb,
		.sdif	= rx->sdif,
		/* As in PF_INET: the device, also for looped back packets. */
		.dif	= skb->dev->ifindex,
	};
	unsigned int quoted_len;

	if (!ip_error_policy_allows(skb) || skb_checksum_simple_validate(skb))
		return;

	__skb_pull(skb, sizeof(struct icmphdr));
	quoted_len = ((const struct iphdr *)skb->data)->ihl * 4 +
		     IP_ERROR_QUOTED_LEN;
	if (!pskb_may_pull(skb, quoted_len))
		return;

	error.iph = (const struct iphdr *)skb->data;
	error.type = icmp_hdr(skb)->type;
	error.code = icmp_hdr(skb)->code;
	if (xinet_ip_error_info(rx->net, icmp_hdr(skb), error.iph->protocol,
				&error.info) &&
	    (error.type == ICMP_REDIRECT ||
	     !ip_error_is_bogus(rx->net, skb, error.iph)))
		ip_error_deliver(&error);
}

/*
 * Budget: the header look-ups of xinet_ip_error_wanted(), at most two, for a
 * packet that is not an error. An error about a protocol with a raw socket in
 * the namespace costs a clone, whether the socket sent the packet or not.
 */
void xinet_ip_error_receive(const struct xinet_ip_rx *rx)
{
	unsigned int header_len = rx->iph->ihl * 4;
	struct sk_buff *skb;

	if (!xinet_ip_error_wanted(rx))
		return;
	if (skb_rtable(rx->skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST))
		return;

	skb = skb_clone(rx->skb, GFP_ATOMIC);
	if (!skb)
		return;
	if (pskb_may_pull(skb, header_len + sizeof(struct icmphdr) +
			       sizeof(struct iphdr))) {
		__skb_pull(skb, header_len);
		skb_reset_transport_header(skb);
		ip_error_read(rx, skb);
	}
	consume_skb(skb);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ip_error_receive);
