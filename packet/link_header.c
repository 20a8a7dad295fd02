// SPDX-License-Identifier: GPL-2.0-only
/*
 * The link-level headers of packets that do not come through a tap: dropped.c and
 * point.c take them anywhere in the kernel.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/string.h>

#include "packet/link_header.h"

/* Longest link-level header that is taken for one. */
#define LINK_HEADER_MAX 64

bool xinet_link_header_is_ethernet(const struct net_device *dev)
{
	return dev->type == ARPHRD_ETHER || dev->type == ARPHRD_LOOPBACK;
}

bool xinet_link_header_is_there(const struct sk_buff *skb,
				const struct net_device *dev, u32 network)
{
	/* hard_header_len of some has room for the driver's own header as well */
	const u32 least = xinet_link_header_is_ethernet(dev) ?
				  ETH_HLEN :
				  dev->hard_header_len;
	const u32 mac = skb->mac_header;

	return skb_mac_header_was_set(skb) && mac < network &&
	       network - mac <= LINK_HEADER_MAX && network - mac >= least;
}

bool xinet_link_header_find(struct sk_buff *skb, const struct net_device *dev)
{
	const u32 data = skb->data - skb->head;
	const u32 end = skb_tail_pointer(skb) - skb->head;
	u32 network = skb->network_header;
	bool link;

	if (!network || network > end)
		network = data;
	link = dev && xinet_link_header_is_there(skb, dev, network);
	skb->len += data - network;
	skb->data = skb->head + network;
	skb->network_header = network;
	if (!link)
		skb->mac_header = network;
	return link;
}

void xinet_link_header_put(struct sk_buff *skb)
{
	struct ethhdr *eth = (struct ethhdr *)(skb->data - ETH_HLEN);

	memset(eth, 0, sizeof(*eth));
	eth->h_proto = skb->protocol;
	skb->mac_header = (unsigned char *)eth - skb->head;
}

bool xinet_link_header_add(struct sk_buff *skb)
{
	if (!xinet_link_header_is_ethernet(skb->dev))
		return false;
	if (skb_cow_head(skb, ETH_HLEN))
		return false;
	/* counted from the head */
	if (skb->data - skb->head >= U16_MAX)
		return false;
	xinet_link_header_put(skb);
	return true;
}
