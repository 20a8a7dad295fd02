/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_IP_INPUT_H
#define _XINET_IP_INPUT_H

#include <linux/ip.h>
#include <linux/skbuff.h>

struct net;
struct xinet_ip_hook;

/* Room for the longest IPv4 header, 60 bytes (RFC 791). */
union xinet_ip_header {
	struct iphdr iph;
	u8 bytes[60];
};

/**
 * struct xinet_ip_rx - one IPv4 packet on its way to the sockets
 * @net: namespace it arrived in
 * @skb: the packet, data at the IP header. Shared with the rest of the stack
 *	and not to be written, unless @owned.
 * @iph: its header, validated; in @skb or in a copy
 * @len: length of the datagram in bytes; @skb may be longer, by link padding
 * @dif: interface index it came in through, or that of its l3mdev master
 * @sdif: interface index of the l3mdev slave, or 0
 * @owned: @skb is ours alone, exactly @len bytes long, and has a local route
 */
struct xinet_ip_rx {
	struct net *net;
	struct sk_buff *skb;
	const struct iphdr *iph;
	unsigned int len;
	int dif;
	int sdif;
	bool owned;
};

/**
 * xinet_ip_hook_create() - start to receive the IPv4 packets of a namespace
 * @net: the namespace; outlives the hook
 *
 * Context: process.
 * Return: the hook or NULL when there is no memory.
 */
struct xinet_ip_hook *xinet_ip_hook_create(struct net *net);

/**
 * xinet_ip_hook_destroy() - receive no more
 * @hook: what xinet_ip_hook_create() gave
 *
 * Does not wait: packets under way may still arrive until a grace period has
 * passed; then the hook is freed.
 *
 * Context: process.
 */
void xinet_ip_hook_destroy(struct xinet_ip_hook *hook);

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
 * xinet_ip_own() - get a private copy of a packet, if it is for this host
 * @rx: the packet; afterwards @rx->owned and @rx->skb is the caller's to
 *	consume
 *
 * Clones, trims link padding, and asks routing whether the host would deliver
 * the packet locally (source validation included).
 *
 * Context: softirq, RCU read side.
 * Return: 0; -ENOMEM; -EHOSTUNREACH when the packet is not for this host.
 */
int xinet_ip_own(struct xinet_ip_rx *rx);

#endif /* _XINET_IP_INPUT_H */
