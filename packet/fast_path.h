/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fast path of all receivers: nearly every packet is eligible, and is
 * written without a function call except for the time. The slow path of each
 * receiver handles every case and writes the same.
 */
#ifndef _XINET_PACKET_FAST_PATH_H
#define _XINET_PACKET_FAST_PATH_H

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

/* Longest link-level header; frames of rings reserve as many bytes for it. */
#define XINET_FAST_MAX_MACLEN	16

/**
 * xinet_fast_eligible() - whether a packet may take the fast path
 * @skb: the packet, skb->data anywhere
 *
 * Checks only the packet; the socket is checked when its fast() is published.
 */
static __always_inline bool xinet_fast_eligible(const struct sk_buff *skb)
{
	const struct header_ops *ops = skb->dev->header_ops;
	u32 maclen = (u32)skb->network_header - skb->mac_header;

	return likely(maclen <= XINET_FAST_MAX_MACLEN && !skb->data_len &&
		      !skb_vlan_tag_present(skb) && ops &&
		      ops->parse == eth_header_parse && ops->create);
}

/**
 * xinet_fast_len() - bytes of an eligible packet, link-level header included
 * @skb: the packet
 */
static __always_inline u32 xinet_fast_len(const struct sk_buff *skb)
{
	return skb->len + (skb->data - skb_mac_header(skb));
}

#endif /* _XINET_PACKET_FAST_PATH_H */
