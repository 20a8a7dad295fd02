/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receive rings with frames of fixed size, TPACKET_V1 and V2, and what they
 * share with V3.
 */
#ifndef _XINET_PACKET_TPACKET_H
#define _XINET_PACKET_TPACKET_H

#include <linux/types.h>

#include "packet/tap.h"

struct sk_buff;
struct xinet_packet_sock;
struct xinet_ring;

/**
 * struct xinet_tpacket_place - where a packet goes in its frame
 * @mac: offset of its first byte: tp_mac
 * @net: offset of its network header: tp_net
 * @snaplen: how many bytes are stored: tp_snaplen
 * @vnet: a virtio-net header stands in front of it
 * @cut: there was no room for all
 */
struct xinet_tpacket_place {
	u32 mac;
	u32 net;
	u32 snaplen;
	bool vnet;
	bool cut;
};

/**
 * xinet_tpacket_find_place() - find the place of a packet in its frame
 * @ring: the receive ring
 * @skb: the packet
 * @frame: as the tap fills it in
 * @limit: bytes that a frame may have
 * @place: what is found
 *
 * Return: false when the offsets do not fit into the header of a frame.
 */
bool xinet_tpacket_find_place(const struct xinet_ring *ring,
			      const struct sk_buff *skb,
			      const struct xinet_tap_frame *frame, u32 limit,
			      struct xinet_tpacket_place *place);

/**
 * xinet_tpacket_fill() - write a packet and what stands in front of it
 * @po: the socket
 * @base: the frame
 * @skb: the packet
 * @frame: as the tap fills it in
 * @place: from xinet_tpacket_find_place()
 * @sll: offset of the struct sockaddr_ll
 *
 * Writes the bytes and the address, not the frame's header.
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_tpacket_fill(const struct xinet_packet_sock *po, void *base,
			struct sk_buff *skb,
			const struct xinet_tap_frame *frame,
			const struct xinet_tpacket_place *place, u32 sll);

/**
 * xinet_tpacket_put_vnet() - write a packet's virtio-net header
 * @ring: the receive ring
 * @base: the frame
 * @skb: the packet
 * @place: from xinet_tpacket_find_place()
 *
 * Return: false when that header has no word for the packet.
 */
bool xinet_tpacket_put_vnet(const struct xinet_ring *ring, void *base,
			    const struct sk_buff *skb,
			    const struct xinet_tpacket_place *place);

/**
 * xinet_tpacket_deliver() - xinet_tap_deliver_t of a V1 or V2 receive ring
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: accepted packet
 * @frame: as the tap fills it in
 *
 * Counts a drop when the frame at the head is not the kernel's.
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_tpacket_deliver(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb,
			   const struct xinet_tap_frame *frame);

/**
 * xinet_tpacket_fast() - xinet_tap_fast_t of a V2 receive ring
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: as the tap gets it
 * @source: where it comes from
 * @orig_dev: unused
 *
 * Context: as xinet_tpacket_deliver().
 * Return: whether it is stored.
 */
bool xinet_tpacket_fast(struct xinet_tap_sink *sink,
			const struct xinet_tap_receiver *receiver,
			struct sk_buff *skb, const void *source,
			const struct net_device *orig_dev);

#endif /* _XINET_PACKET_TPACKET_H */
