// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the reader of a packet socket is told about a packet beyond what AF_PACKET
 * tells. Receivers of sockets that ask for it call this per packet; it allocates
 * nothing, and takes no lock but one of packet_id.c for XINET_PACKET_POINT.
 */
#include <linux/build_bug.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sch_generic.h>

#include "packet/owner.h"
#include "packet/packet_id.h"
#include "packet/point.h"
#include "packet/sock.h"
#include "packet/tap/owner_id.h"
#include "packet/tap/sink.h"
#include "packet/tap/tap.h"
#include "packet/told.h"

void xinet_tell_netns(const struct net_device *dev, struct xinet_netns *netns)
{
	const struct net *net = dev_net(dev);

	BUILD_BUG_ON(sizeof(netns->device) != sizeof(dev->name));
	netns->cookie = net->net_cookie;
	netns->netns = net->ns.inum;
	netns->reserved = 0;
	/* one that is being renamed may be told in part, and ends all the same */
	data_race(memcpy(netns->device, dev->name, sizeof(netns->device)));
	netns->device[sizeof(netns->device) - 1] = '\0';
}

static bool tell_is_of_ip(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ||
	       skb->protocol == htons(ETH_P_IPV6);
}

static void tell_point_of_tap(const struct xinet_packet_sock *po,
			      const struct sk_buff *skb,
			      struct xinet_point *point)
{
	const bool out = skb->pkt_type == PACKET_OUTGOING;

	*point = (struct xinet_point){
		.point = XINET_POINT_TAP,
		.in = out ? 0 : skb->dev->ifindex,
		.out = out ? skb->dev->ifindex : 0,
	};
	if (!tell_is_of_ip(skb) || skb->pkt_type == PACKET_OTHERHOST)
		return;
	/* those of one protocol are called before the kernel's handler of it, or after */
	if (READ_ONCE(po->num) != htons(ETH_P_ALL))
		return;
	point->packet = xinet_packet_id(po->point->ids, skb, true, skb->dev,
					out ? XINET_STAGE_TAP_OUT :
					      XINET_STAGE_TAP_IN);
}

/* Returns NULL if there is no such queue: then @queue is no number of one. */
static const struct xinet_queue *tell_queue(u32 queue, u32 nr_queues,
					    struct xinet_queue *room)
{
	*room = (struct xinet_queue){ .queue = queue };
	return queue < nr_queues ? room : NULL;
}

/* Once it is handed to the queue. */
static const struct xinet_queue *tell_tx_queue(const struct sk_buff *skb,
					       struct xinet_queue *room)
{
	return tell_queue(skb_get_queue_mapping(skb),
			  READ_ONCE(skb->dev->real_num_tx_queues), room);
}

/*
 * What the driver of @dev has recorded. A packet that software hands to a device has
 * the number of another device still, be it of a queue that sent it; and where tc has
 * been, that may have handed it here, or changed it.
 */
static const struct xinet_queue *tell_rx_queue(const struct net_device *dev,
					       const struct sk_buff *skb,
					       struct xinet_queue *room)
{
	if (dev->priv_flags & IFF_NO_QUEUE || skb_at_tc_ingress(skb) ||
	    !skb_rx_queue_recorded(skb))
		return NULL;
	return tell_queue(skb_get_rx_queue(skb),
			  READ_ONCE(dev->real_num_rx_queues), room);
}

static const struct xinet_queue *
tell_queue_of_tap(const struct xinet_packet_sock *po, const struct sk_buff *skb,
		  const struct xinet_tap_frame *frame, struct xinet_queue *room)
{
	if (skb->pkt_type == PACKET_OUTGOING)
		/* a VRF shows so what its devices receive, or will choose a queue for */
		return netif_is_l3_master(skb->dev) ? NULL :
						      tell_tx_queue(skb, room);
	/* not of a device above */
	if (frame->orig_dev != skb->dev && !READ_ONCE(po->origdev))
		return NULL;
	return tell_rx_queue(frame->orig_dev, skb, room);
}

bool xinet_tell(const struct xinet_packet_sock *po, const struct sk_buff *skb,
		const struct xinet_tap_frame *frame,
		struct xinet_told_room *room, struct xinet_told *told)
{
	const struct xinet_owner_id *id;
	struct xinet_owner_id shared xinet_uninitialized;

	*told = (struct xinet_told){};
	if (po->owner) {
		id = xinet_tap_owner(skb, frame, &shared);
		if (!xinet_owner_accepts(po->owner, id))
			return false;
		xinet_owner_fill(po->owner, id, &room->owner);
		told->owner = &room->owner;
	}
	if (po->all_netns) {
		xinet_tell_netns(READ_ONCE(po->origdev) ? frame->orig_dev : skb->dev,
				 &room->netns);
		told->netns = &room->netns;
	}
	if (po->sink.original)
		told->original = xinet_tap_original(frame);
	if (po->point) {
		tell_point_of_tap(po, skb, &room->point);
		told->point = &room->point;
	}
	if (po->dev_queue)
		told->queue = tell_queue_of_tap(po, skb, frame, &room->queue);
	return true;
}

/*
 * Where the index that is told is one; the device may have moved since the drop. A
 * packet without a device has a substitute, as one has whose device has gone.
 */
static void tell_netns_of_aside(const struct net_device *dev,
				const struct xinet_aside *aside,
				struct xinet_netns *netns)
{
	if (dev->ifindex) {
		xinet_tell_netns(dev, netns);
		return;
	}
	memset(netns, 0, sizeof(*netns));
	if (aside->dropped) {
		netns->cookie = aside->dropped->netns_cookie;
		netns->netns = aside->dropped->netns;
	} else {
		netns->cookie = aside->net->net_cookie;
		netns->netns = aside->net->ns.inum;
	}
}

/* Where netfilter is called, the queue is not chosen yet, or may have been changed. */
static bool tell_aside_has_queue(const struct xinet_aside *aside)
{
	return aside->point && aside->point->point & (XINET_POINT_QDISC |
						      XINET_POINT_START_XMIT);
}

/* Returns false if the socket does not want packets of this owner. */
static bool tell_owner_of_aside(const struct xinet_packet_sock *po,
				const struct sk_buff *skb,
				const struct xinet_aside *aside,
				struct xinet_owner *owner)
{
	struct xinet_owner_id id = {};

	if (aside->owner == XINET_ASIDE_NOBODY)
		return xinet_owner_fill_nobody(po->owner, owner);
	if (aside->owner == XINET_ASIDE_RECEIVER)
		xinet_owner_lookup(skb, true, &id);
	else if (aside->sock)
		xinet_owner_id_from_sock(aside->sock, &id);
	if (aside->process)
		id.flags |= XINET_OWNER_PROCESS;
	if (!xinet_owner_accepts(po->owner, &id))
		return false;
	xinet_owner_fill(po->owner, &id, owner);
	return true;
}

bool xinet_tell_aside(const struct xinet_packet_sock *po,
		      const struct sk_buff *skb,
		      const struct xinet_aside *aside,
		      struct xinet_told_room *room, struct xinet_told *told)
{
	*told = (struct xinet_told){
		.dropped = aside->dropped,
		.point = aside->point,
	};
	if (po->owner) {
		if (!tell_owner_of_aside(po, skb, aside, &room->owner))
			return false;
		told->owner = &room->owner;
	}
	if (po->all_netns) {
		tell_netns_of_aside(skb->dev, aside, &room->netns);
		told->netns = &room->netns;
	}
	if (po->dev_queue && tell_aside_has_queue(aside))
		told->queue = tell_tx_queue(skb, &room->queue);
	return true;
}
