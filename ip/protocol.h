/* SPDX-License-Identifier: GPL-2.0-only */
/* Input handlers of protocol modules. */
#ifndef _XINET_PROTOCOL_H
#define _XINET_PROTOCOL_H

#include <linux/types.h>

struct sk_buff;
struct xinet_ip_rx;

extern unsigned int xinet_protocol_count;

/**
 * xinet_protocol_any() - whether any handler is called from the wire
 *
 * Handlers of protocols that the kernel speaks itself are.
 *
 * Context: any.
 */
static inline bool xinet_protocol_any(void)
{
	return READ_ONCE(xinet_protocol_count);
}

/**
 * xinet_protocol_wanted() - whether an IP protocol has a handler on the wire
 * @protocol: IP protocol number
 *
 * Context: any; the handler may be removed concurrently.
 */
bool xinet_protocol_wanted(u8 protocol);

/**
 * xinet_protocol_input() - pass a datagram to the handler of its protocol
 * @rx: a packet from the wire, not a fragment
 *
 * The handler gets a clone if raw sockets match the packet too, else the packet
 * itself.
 *
 * Context: softirq, RCU read side.
 * Return: true when the packet went to the handler and @rx is void.
 */
bool xinet_protocol_input(struct xinet_ip_rx *rx);

#endif /* _XINET_PROTOCOL_H */
