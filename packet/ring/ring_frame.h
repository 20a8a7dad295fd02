/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frame of a receive ring, common to TPACKET_V1, V2 and V3: where a packet
 * goes in it, and writing it there.
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

struct xinet_told;

/**
 * struct xinet_ring_place - where a packet goes in its frame
 * @mac: offset of its first byte: tp_mac
 * @net: offset of its network header: tp_net
 * @snaplen: how many bytes are stored: tp_snaplen
 * @vnet: a virtio-net header precedes it
 * @cut: the packet did not fit
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
 * @place: filled in
 *
 * Return: false when the offsets do not fit into the header of a frame.
 */
bool xinet_ring_frame_find_place(const struct xinet_ring *ring,
				 const struct sk_buff *skb,
				 const struct xinet_tap_frame *frame, u32 limit,
				 struct xinet_ring_place *place);

/**
 * xinet_ring_frame_fill() - write a packet and its address into a frame
 * @po: the socket
 * @base: the frame
 * @skb: the packet
 * @frame: as the tap fills it in
 * @place: from xinet_ring_frame_find_place()
 * @sll: offset of the struct sockaddr_ll
 *
 * Does not write the frame's header.
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_ring_frame_fill(const struct xinet_packet_sock *po, void *base,
			   struct sk_buff *skb,
			   const struct xinet_tap_frame *frame,
			   const struct xinet_ring_place *place, u32 sll);

/**
 * xinet_ring_frame_tell() - write down what is told about a packet
 * @ring: the receive ring, with a @told_offset
 * @base: the frame
 * @told: what
 *
 * After xinet_ring_frame_fill(), whose address may be long.
 */
void xinet_ring_frame_tell(const struct xinet_ring *ring, void *base,
			   const struct xinet_told *told);

/**
 * xinet_ring_frame_put_vnet() - write a packet's virtio-net header
 * @ring: the receive ring
 * @base: the frame
 * @skb: the packet
 * @place: from xinet_ring_frame_find_place()
 *
 * Return: false if that header cannot describe the packet.
 */
bool xinet_ring_frame_put_vnet(const struct xinet_ring *ring, void *base,
			       const struct sk_buff *skb,
			       const struct xinet_ring_place *place);

/**
 * xinet_ring_frame_is_plain() - whether the fast path can store a packet
 * @po: the socket
 * @ring: its receive ring
 * @skb: the packet
 * @frame: as the tap fills it in
 *
 * True for linear Ethernet packets in link-level mode without a VLAN tag in the
 * skb, if the socket has no unusual option. Does not check whether the packet
 * fits into its frame.
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
 * xinet_ring_frame_put_plain() - write the bytes and address of a plain packet
 * @base: the frame
 * @skb: the packet
 * @from: its first byte
 * @mac: offset at which that is stored
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
