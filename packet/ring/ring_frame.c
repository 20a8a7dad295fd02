// SPDX-License-Identifier: GPL-2.0-only
/*
 * The layout of a frame in a receive ring of any version, and the slow path
 * that writes the packet and its address there. A frame:
 *
 *   +--------+-------------+- - - -+-----------+---------+------------------+
 *   | header | sockaddr_ll | gap   | virtio    | link-   | from the network |
 *   |        |             |       | net (opt) | level   | header on ...    |
 *   +--------+-------------+- - - -+-----------+---------+------------------+
 *   0        sll                               mac       net
 *
 * The gap aligns the network header; PACKET_RESERVE widens it. In cooked mode
 * there is no link-level part and mac equals net. What is told about a packet is
 * in the reserve: a struct xinet_frame_told and what it lists, at the first
 * multiple of TPACKET_ALIGNMENT. With a reserve of XINET_TOLD_RESERVE() it ends
 * before the virtio-net header, whatever the lengths of link-level headers.
 *
 * The header differs by version; tpacket.c and tpacket_v3.c write it. They call
 * this per packet, under sk_receive_queue.lock.
 */
#include <linux/if_packet.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>
#include <linux/xinet.h>

#include "packet/fast_path.h"
#include "packet/frame_info.h"
#include "packet/ring/ring.h"
#include "packet/ring/ring_frame.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"
#include "packet/told.h"
#include "packet/vnet.h"

/* Bytes in front of the network header; not checked for sanity. */
static u32 frame_maclen(const struct sk_buff *skb,
			const struct xinet_tap_frame *frame)
{
	if (frame->mode == XINET_TAP_COOKED)
		return 0;
	return max(skb_network_offset(skb), 0);
}

bool xinet_ring_frame_find_place(const struct xinet_ring *ring,
				 const struct sk_buff *skb,
				 const struct xinet_tap_frame *frame, u32 limit,
				 struct xinet_ring_place *place)
{
	u32 maclen = frame_maclen(skb, frame);
	u32 net = ring->net_offset;

	if (unlikely(maclen > XINET_FAST_MAX_MACLEN))
		net += TPACKET_ALIGN(ring->hdrlen + maclen) -
		       TPACKET_ALIGN(ring->hdrlen + XINET_FAST_MAX_MACLEN);
	if (unlikely(net > U16_MAX))
		return false;

	place->net = net;
	place->mac = net - maclen;
	place->snaplen = frame->snaplen;
	place->vnet = ring->vnet_hdr_sz;
	/* no overflow: each is at most U16_MAX plus the longest skb */
	place->cut = place->mac + place->snaplen > limit;
	if (unlikely(place->cut)) {
		place->snaplen = place->mac < limit ? limit - place->mac : 0;
		place->vnet = place->vnet && place->mac <= limit;
	}
	return true;
}

/* Behind sll_addr is a gap, which the longest addresses need. */
static size_t frame_address_room(const struct xinet_ring_place *place,
				 u32 sll)
{
	u32 end = place->mac;

	if (!place->snaplen)
		return sizeof_field(struct sockaddr_ll, sll_addr);
	if (place->vnet)
		end -= sizeof(struct virtio_net_hdr);
	return end - sll - offsetof(struct sockaddr_ll, sll_addr);
}

void xinet_ring_frame_fill(const struct xinet_packet_sock *po, void *base,
			   struct sk_buff *skb,
			   const struct xinet_tap_frame *frame,
			   const struct xinet_ring_place *place, u32 offset)
{
	const struct net_device *dev = skb->dev;
	struct sockaddr_ll *sll = base + offset;

	xinet_frame_copy(skb, base + place->mac, place->snaplen);

	sll->sll_family = AF_PACKET;
	sll->sll_protocol =
		xinet_frame_protocol(skb, frame->mode == XINET_TAP_COOKED);
	sll->sll_ifindex = unlikely(READ_ONCE(po->origdev)) ?
			   frame->orig_dev->ifindex : dev->ifindex;
	sll->sll_hatype = dev->type;
	sll->sll_pkttype = skb->pkt_type;
	sll->sll_halen =
		xinet_frame_copy_address(skb, base + offset +
					 offsetof(struct sockaddr_ll, sll_addr),
					 frame_address_room(place, offset));
}

void xinet_ring_frame_tell(const struct xinet_ring *ring, void *base,
			   const struct xinet_told *told)
{
	struct xinet_frame_told *to = base + ring->told_offset;

	to->extensions = xinet_told_copy(*told, to + 1);
	to->reserved = 0;
}

/*
 * As in AF_PACKET the header ends where the packet begins, and is 10 bytes long
 * even if 12 are reserved for it.
 */
bool xinet_ring_frame_put_vnet(const struct xinet_ring *ring, void *base,
			       const struct sk_buff *skb,
			       const struct xinet_ring_place *place)
{
	const u32 size = sizeof(struct virtio_net_hdr);

	return !xinet_vnet_put(skb, base + place->mac - size, size);
}
