/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_IP_ERROR_H
#define _XINET_IP_ERROR_H

#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/skbuff.h>

struct net;
struct xinet_ip_rx;

/**
 * struct xinet_ip_error - an ICMP error about a packet that this host has sent
 * @net: namespace it arrived in
 * @skb: the error, ours alone: data at the quoted header, of which 8 bytes
 *	beyond the options are linear; transport header at the ICMP header,
 *	network header at that of the error
 * @iph: the quoted header, in @skb; its source is an address of this host's
 * @info: what net_protocol's err_handler() gets: the MTU of the next hop for
 *	ICMP_FRAG_NEEDED (0: unknown), the pointer of ICMP_PARAMETERPROB, the
 *	gateway of ICMP_REDIRECT; host byte order
 * @type: ICMP type of the error
 * @code: ICMP code of the error
 * @dif: interface index it came in through, or that of its l3mdev master
 * @sdif: interface index of the l3mdev slave, or 0
 */
struct xinet_ip_error {
	struct net *net;
	struct sk_buff *skb;
	const struct iphdr *iph;
	u32 info;
	u8 type;
	u8 code;
	int dif;
	int sdif;
};

/**
 * xinet_ip_error_info() - what an ICMP error has to tell the layer above
 * @net: the namespace, whose net.ipv4.ip_no_pmtu_disc counts
 * @icmph: header of an ICMP error
 * @protocol: IP protocol of the quoted packet
 * @info: set as struct xinet_ip_error has it
 *
 * Context: RCU read side.
 * Return: false when the error stays inside IP (RFC 1122, section 3.2.2).
 */
bool xinet_ip_error_info(const struct net *net, const struct icmphdr *icmph,
			 u8 protocol, u32 *info);

/**
 * xinet_ip_error_wanted() - whether a packet may be an error for somebody
 * @rx: the packet, whole; not written
 *
 * Context: softirq, RCU read side.
 */
bool xinet_ip_error_wanted(const struct xinet_ip_rx *rx);

/**
 * xinet_ip_error_receive() - tell the senders of a packet of an ICMP error about it
 * @rx: a datagram from LOCAL_IN; not written
 *
 * Does nothing when @rx is no ICMP error, or one that nobody here waits for, or
 * one that icmp_rcv() would not believe.
 *
 * Context: softirq, RCU read side.
 */
void xinet_ip_error_receive(const struct xinet_ip_rx *rx);

#endif /* _XINET_IP_ERROR_H */
