/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_HANDLER_H
#define _XINET_HANDLER_H

#include <linux/types.h>

struct sk_buff;
struct xinet_ip_rx;

extern unsigned int xinet_handler_count;

/**
 * xinet_handler_any() - whether any IP protocol has a handler
 *
 * Context: any.
 */
static inline bool xinet_handler_any(void)
{
	return READ_ONCE(xinet_handler_count);
}

/**
 * xinet_handler_wanted() - whether an IP protocol has a handler
 * @protocol: IP protocol number
 *
 * Context: any; true may have become false by the time it is used.
 */
bool xinet_handler_wanted(u8 protocol);

/**
 * xinet_handler_input() - give a datagram to the handler of its protocol
 * @rx: the packet, not a fragment
 *
 * The handler gets a clone when raw sockets want the packet too, else the
 * packet itself.
 *
 * Context: softirq, RCU read side.
 * Return: true when the packet went to the handler and @rx is void.
 */
bool xinet_handler_input(struct xinet_ip_rx *rx);

/**
 * xinet_handler_error() - give an ICMP error to the handler of a protocol
 * @skb: an ICMP error; the transport header is ICMP's, data at the IP header of
 *	the packet it is about, which is linear with 8 bytes behind it. Borrowed.
 * @info: MTU of ICMP_FRAG_NEEDED in bytes, pointer of ICMP_PARAMETERPROB, or 0
 *
 * Context: softirq, RCU read side.
 */
void xinet_handler_error(struct sk_buff *skb, u32 info);

#endif /* _XINET_HANDLER_H */
