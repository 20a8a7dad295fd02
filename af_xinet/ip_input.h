/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_IP_INPUT_H
#define _XINET_IP_INPUT_H

#include <linux/ip.h>
#include <linux/skbuff.h>

struct net;

/* Room for the longest IPv4 header, 60 bytes (RFC 791). */
union xinet_ip_header {
	struct iphdr iph;
	u8 bytes[60];
};

/* What stands in for an ICMP type. */
#define XINET_ICMP_NONE	(-1)
#define XINET_ICMP_CUT	(-2)

/**
 * struct xinet_ip_rx - one IPv4 packet on its way to the sockets
 * @net: namespace it arrived in
 * @skb: the packet, data at the IP header. Shared with the rest of the stack
 *	and not to be written, unless @owned.
 * @iph: its header, validated; in @skb or in a copy
 * @len: length of the datagram in bytes; @skb may be longer, by link padding
 * @dif: interface index it came in through, or that of its l3mdev master
 * @sdif: interface index of the l3mdev slave, or 0
 * @icmp_type: of a datagram of IPPROTO_ICMP its type, XINET_ICMP_CUT when it has
 *	no whole ICMP header, XINET_ICMP_NONE for other protocols
 * @owned: @skb is ours alone, exactly @len bytes long, and has a local route
 * @host: @skb comes from LOCAL_IN: the kernel has reassembled, trimmed and
 *	routed it, and has read its options
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
 * xinet_ip_hook_get() - a receiver of IPv4 packets begins
 *
 * The first one of all namespaces hooks ip_input.c onto ETH_P_IP.
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int xinet_ip_hook_get(void);

/**
 * xinet_ip_hook_put() - undo one xinet_ip_hook_get()
 *
 * Does not wait: packets under way may still arrive until a grace period has
 * passed; then the hook is freed.
 *
 * Context: process; may sleep.
 */
void xinet_ip_hook_put(void);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_ip_hook_is_there() - whether there is a receiver
 *
 * Context: process; may sleep.
 */
bool xinet_ip_hook_is_there(void);
#endif

/**
 * xinet_ip_header_check() - find and validate the IPv4 header of a packet
 * @skb: the packet, data where the header should be; not written
 * @buf: room for the header, used when it is not linear in @skb
 * @len: set to the length of the datagram in bytes
 *
 * Checks what RFC 1122 section 3.2.1 has a host check: version, header length
 * and checksum, and that the datagram is all there.
 *
 * Context: any.
 * Return: the header, or NULL when a host must drop the packet.
 */
const struct iphdr *xinet_ip_header_check(const struct sk_buff *skb,
					  union xinet_ip_header *buf,
					  unsigned int *len);

/**
 * xinet_ip_icmp_type() - what struct xinet_ip_rx has of ICMP
 * @rx: the packet, no later fragment
 *
 * Context: any.
 * Return: an ICMP type, or XINET_ICMP_*.
 */
int xinet_ip_icmp_type(const struct xinet_ip_rx *rx);

/**
 * xinet_ip_own() - get a private copy of a packet, if it is for this host
 * @rx: the packet; afterwards @rx->owned and @rx->skb is the caller's to
 *	consume
 *
 * Clones, trims link padding, and asks routing whether the host would deliver
 * the packet locally (source validation included). From LOCAL_IN it clones only.
 *
 * Context: softirq, RCU read side.
 * Return: 0; -ENOMEM; -EHOSTUNREACH when the packet is not for this host.
 */
int xinet_ip_own(struct xinet_ip_rx *rx);

#endif /* _XINET_IP_INPUT_H */
