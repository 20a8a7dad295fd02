/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frame of a receive ring, as TPACKET_V1, V2 and V3 share it: where a packet goes
 * in it, and who writes it there.
 */
#ifndef _XINET_PACKET_RING_FRAME_H
#define _XINET_PACKET_RING_FRAME_H

#include <linux/etherdevice.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#include "packet/fast_path.h"
#include "packet/frame_info.h"
#include "packet/ring/ring.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"

/**
 * struct xinet_ring_place - where a packet goes in its frame
 * @mac: offset of its first byte: tp_mac
 * @net: offset of its network header: tp_net
 * @snaplen: how many bytes are stored: tp_snaplen
 * @vnet: a virtio-net header stands in front of it
 * @cut: there was no room for all
 */
struct xinet_ring_place {
	u32 mac;
	u32 net;
	u32 snaplen;
	bool vnet;
	bool cut;
};

/**
 * xinet_ring_frame_find_place() - find the place of a packet in its frame
 * @ring: the receive ring
 * @skb: the packet
 * @frame: as the tap fills it in
 * @limit: bytes that a frame may have
 * @place: what is found
 *
 * Return: false when the offsets do not fit into the header of a frame.
 */
bool xinet_ring_frame_find_place(const struct xinet_ring *ring,
				 const struct sk_buff *skb,
				 const struct xinet_tap_frame *frame, u32 limit,
				 struct xinet_ring_place *place);

/**
 * xinet_ring_frame_fill() - write a packet and what stands in front of it
 * @po: the socket
 * @base: the frame
 * @skb: the packet
 * @frame: as the tap fills it in
 * @place: from xinet_ring_frame_find_place()
 * @sll: offset of the struct sockaddr_ll
 *
 * Writes the bytes and the address, not the frame's header.
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_ring_frame_fill(const struct xinet_packet_sock *po, void *base,
			   struct sk_buff *skb,
			   const struct xinet_tap_frame *frame,
			   const struct xinet_ring_place *place, u32 sll);

/**
 * xinet_ring_frame_put_vnet() - write a packet's virtio-net header
 * @ring: the receive ring
 * @base: the frame
 * @skb: the packet
 * @place: from xinet_ring_frame_find_place()
 *
 * Return: false when that header has no word for the packet.
 */
bool xinet_ring_frame_put_vnet(const struct xinet_ring *ring, void *base,
			       const struct sk_buff *skb,
			       const struct xinet_ring_place *place);

/**
 * xinet_ring_frame_is_plain() - whether a packet of the slow path may leave it
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
xinet_ring_frame_is_plain(const struct xinet_packet_sock *po,
			  const struct xinet_ring *ring,
			  const struct sk_buff *skb,
			  const struct xinet_tap_frame *frame)
{
	return likely(ring->receiver.plain && frame->mode == XINET_TAP_RAW &&
		      (u32)skb_network_offset(skb) <= XINET_FAST_MAX_MACLEN &&
		      frame->snaplen <= skb_headlen(skb) &&
		      !skb_vlan_tag_present(skb) &&
		      !READ_ONCE(po->tp_tstamp) && !READ_ONCE(po->origdev) &&
		      xinet_frame_has_ether_address(skb));
}

/**
 * xinet_ring_frame_put_plain() - write the bytes and the address of such a packet
 * @base: the frame
 * @skb: the packet
 * @from: its first byte
 * @mac: where that goes
 * @snaplen: how many bytes to store
 * @offset: of the struct sockaddr_ll
 */
static __always_inline void
xinet_ring_frame_put_plain(void *base, const struct sk_buff *skb,
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
	xinet_copy_linear(base + mac, from, snaplen);
}

#endif /* _XINET_PACKET_RING_FRAME_H */
