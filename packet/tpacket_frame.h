/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fast path of a packet into a receive ring of V2 or V3: what nearly every
 * packet is, written without a function call but for the time. tpacket.c and
 * tpacket_v3.c have the slow path beside it, which knows every case; both write
 * the same into the frame that is drawn in tpacket.c.
 */
#ifndef _XINET_PACKET_TPACKET_FRAME_H
#define _XINET_PACKET_TPACKET_FRAME_H

#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/timekeeping.h>

#include "packet/frame_info.h"
#include "packet/ring.h"
#include "packet/sock.h"
#include "packet/tap.h"

/* The shortest link-level header that room is left for. */
#define XINET_TPACKET_MIN_MACLEN	16

/**
 * xinet_tpacket_is_plain() - whether a packet may take the fast path
 * @po: the socket
 * @ring: its receive ring
 * @skb: the packet
 * @frame: as the tap fills it in
 *
 * It does from Ethernet, in link-level mode, in one piece, without a tag beside
 * it, when the socket asks for nothing unusual. Whether it fits into its frame is
 * another question.
 *
 * Context: sk_receive_queue.lock held.
 */
static __always_inline bool
xinet_tpacket_is_plain(const struct xinet_packet_sock *po,
		       const struct xinet_ring *ring,
		       const struct sk_buff *skb,
		       const struct xinet_tap_frame *frame)
{
	return likely(ring->receiver.plain && frame->mode == XINET_TAP_RAW &&
		      (u32)skb_network_offset(skb) <= XINET_TPACKET_MIN_MACLEN &&
		      frame->snaplen <= skb_headlen(skb) &&
		      !skb_vlan_tag_present(skb) &&
		      !READ_ONCE(po->tp_tstamp) && !READ_ONCE(po->origdev) &&
		      xinet_frame_has_ether_address(skb));
}

/**
 * xinet_tpacket_is_fast() - whether a packet is as plain as that by itself
 * @skb: the packet, skb->data anywhere
 *
 * The rest has been judged when the socket got its xinet_tap_fast_t.
 */
static __always_inline bool xinet_tpacket_is_fast(const struct sk_buff *skb)
{
	const struct header_ops *ops = skb->dev->header_ops;
	u32 maclen = (u32)skb->network_header - skb->mac_header;

	return likely(maclen <= XINET_TPACKET_MIN_MACLEN && !skb->data_len &&
		      !skb_vlan_tag_present(skb) && ops &&
		      ops->parse == eth_header_parse && ops->create);
}

/**
 * xinet_tpacket_fast_len() - bytes of such a packet from its first one on
 * @skb: the packet
 */
static __always_inline u32 xinet_tpacket_fast_len(const struct sk_buff *skb)
{
	return skb->len + (skb->data - skb_mac_header(skb));
}

/**
 * xinet_tpacket_put_plain() - write the bytes and the address of such a packet
 * @base: the frame
 * @skb: the packet
 * @from: its first byte
 * @mac: where that goes
 * @snaplen: how many bytes to store
 * @offset: of the struct sockaddr_ll
 */
static __always_inline void
xinet_tpacket_put_plain(void *base, const struct sk_buff *skb,
			const void *from, u32 mac, u32 snaplen, u32 offset)
{
	const struct net_device *dev = skb->dev;
	struct sockaddr_ll *sll = base + offset;

	sll->sll_family = AF_PACKET;
	sll->sll_protocol = skb->protocol;
	sll->sll_ifindex = dev->ifindex;
	sll->sll_hatype = dev->type;
	sll->sll_pkttype = skb->pkt_type;
	sll->sll_halen = ETH_ALEN;
	memcpy(sll->sll_addr, eth_hdr(skb)->h_source, ETH_ALEN);
	xinet_frame_copy_linear(base + mac, from, snaplen);
}

#endif /* _XINET_PACKET_TPACKET_FRAME_H */
