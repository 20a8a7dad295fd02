/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors about packets that this host has sent. */
#ifndef _XINET_IP_ERROR_H
#define _XINET_IP_ERROR_H

#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/skbuff.h>

struct net;
struct xinet_ip_rx;

/**
 * struct xinet_ip_error - an ICMP error about a packet that this host has sent
 * @net: namespace that it arrived in
 * @skb: private; data at the quoted header, linear with 8 bytes after its
 *	options; network and transport header are the error's own
 * @iph: the quoted header, in @skb; unverified, anyone may have sent it
 * @info: err_handler()'s, host byte order: MTU of ICMP_FRAG_NEEDED (0:
 *	unknown), pointer of ICMP_PARAMETERPROB, gateway of ICMP_REDIRECT
 * @type: ICMP type of the error
 * @code: ICMP code of the error
 * @dif: incoming interface index, or that of its l3mdev master
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
 * xinet_ip_error_info() - what an ICMP error reports to the layer above IP
 * @net: the namespace, for its net.ipv4.ip_no_pmtu_disc
 * @icmph: header of an ICMP error
 * @protocol: IP protocol of the quoted packet
 * @info: set, see struct xinet_ip_error
 *
 * Context: RCU read side.
 * Return: false when IP does not pass the error on (RFC 1122, section 3.2.2).
 */
bool xinet_ip_error_info(const struct net *net, const struct icmphdr *icmph,
			 u8 protocol, u32 *info);

/**
 * xinet_ip_error_wanted() - whether a packet is an ICMP error with a receiver
 * @rx: the packet, whole; not written
 *
 * True if its namespace has raw sockets of the quoted protocol.
 *
 * Context: softirq, RCU read side.
 */
bool xinet_ip_error_wanted(const struct xinet_ip_rx *rx);

/**
 * xinet_ip_error_receive() - report an ICMP error to the senders of the packet
 * @rx: a datagram from LOCAL_IN; not written
 *
 * Does nothing if @rx is not an ICMP error, has no receiver here, or would be
 * rejected by icmp_rcv().
 *
 * Context: softirq, RCU read side.
 */
void xinet_ip_error_receive(const struct xinet_ip_rx *rx);

#endif /* _XINET_IP_ERROR_H */
