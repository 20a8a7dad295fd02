/* SPDX-License-Identifier: GPL-2.0-only */
/* Input of IPv4 packets from the wire. */
#ifndef _XINET_IP_INPUT_H
#define _XINET_IP_INPUT_H

struct net_device;
struct packet_type;
struct sk_buff;

/**
 * xinet_ip_rcv() - packet_type func() for IPv4 packets from the wire
 * @skb: the packet; the callee consumes a reference
 * @dev: the device that it came in through
 * @pt: not used
 * @orig_dev: not used
 *
 * Context: softirq, RCU.
 * Return: NET_RX_SUCCESS.
 */
int xinet_ip_rcv(struct sk_buff *skb, struct net_device *dev,
		 struct packet_type *pt, struct net_device *orig_dev);

#endif /* _XINET_IP_INPUT_H */
