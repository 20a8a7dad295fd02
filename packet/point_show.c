// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sockets are shown of a packet at a point: the packet itself where that can be, with
 * what is changed for that restored, else a clone. Receivers that copy at once, lanes, can
 * have nearly every packet so, those that keep a clone only one that looks like what a tap
 * gets.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/ktime.h>
#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <linux/skbuff.h>
#include <linux/time64.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>

#include "compat/xinet_compat_inet.h"
#include "compat/xinet_compat_packet.h"
#include "packet/link_header.h"
#include "packet/live_devices.h"
#include "packet/point.h"
#include "packet/point_hooks.h"
#include "packet/point_show.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"

/* here, where it is read: the hooks that call this file are below point.c */
struct xinet_point_watches xinet_point_host __read_mostly;

/**
 * struct point_saved - what of a packet is changed while it is shown
 * @time: of the packet
 * @dev: the same
 * @sk: the same; may be something else than a socket
 * @data: the same
 * @len: the same
 * @network_header: the same
 * @mac_header: the same
 * @pkt_type: the same
 */
struct point_saved {
	struct xinet_skb_time time;
	struct net_device *dev;
	struct sock *sk;
	unsigned char *data;
	unsigned int len;
	u16 network_header;
	u16 mac_header;
	u8 pkt_type;
};

/**
 * struct point_view - a packet as it is shown at a point
 * @skb: the packet, or a clone of it; NULL: none yet
 * @copied: all receivers copy it at once
 * @failed: it cannot be shown
 * @added: it has a link-level header of zeroes
 * @now: for receivers that stamp it
 * @saved: of the packet, if it is @skb
 */
struct point_view {
	struct sk_buff *skb;
	bool copied;
	bool failed;
	bool added;
	struct timespec64 now;
	struct point_saved saved;
};

/* Of a received packet; what IPsec has taken out may be between the headers. */
static bool point_has_link_header(const struct sk_buff *skb,
				  const struct net_device *dev)
{
	int length;

	if (!xinet_link_header_is_there(skb, dev, skb->network_header))
		return false;
	length = skb->network_header - skb->mac_header;
	return !xinet_link_header_is_ethernet(dev) || length == ETH_HLEN ||
	       length == ETH_HLEN + VLAN_HLEN ||
	       length == ETH_HLEN + 2 * VLAN_HLEN;
}

/* A clone that keeps nothing but its bytes. */
static struct sk_buff *point_clone(struct sk_buff *skb, struct net_device *dev)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);

	if (!clone)
		return NULL;
	/* pages that a program may change, as before a tap */
	if (skb_orphan_frags_rx(clone, GFP_ATOMIC)) {
		consume_skb(clone);
		return NULL;
	}
	skb_dst_drop(clone);
	skb_ext_reset(clone);
	/* it may be the time when it is to be sent */
	skb_clear_delivery_time(clone);
	__net_timestamp(clone);
	clone->dev = dev;
	return clone;
}

/* As the kernel shows a tap what goes out. */
static void point_find_headers(struct sk_buff *clone)
{
	skb_reset_mac_header(clone);
	if (skb_network_header(clone) < clone->data ||
	    skb_network_header(clone) > skb_tail_pointer(clone))
		skb_reset_network_header(clone);
	__skb_pull(clone, skb_network_offset(clone));
}

/* Cuts off what a socket has appended of packets that followed. */
static void point_cut(struct sk_buff *clone)
{
	unsigned int len = 0;

	if (clone->protocol == htons(ETH_P_IP))
		len = ntohs(ip_hdr(clone)->tot_len);
	else if (ipv6_hdr(clone)->payload_len)
		len = sizeof(struct ipv6hdr) +
		      ntohs(ipv6_hdr(clone)->payload_len);
	/* without memory it is shown as it is */
	if (len && len < clone->len)
		pskb_trim(clone, len);
}

/* Returns whether a link-level header is in front of the network header. */
static bool point_begin_at_network(struct sk_buff *clone,
				   const struct xinet_point_place *place)
{
	switch (place->data) {
	case XINET_POINT_AT_LINK:
		point_find_headers(clone);
		return true;
	case XINET_POINT_PULLED:
		xinet_link_header_find(clone, clone->dev);
		point_cut(clone);
		break;
	case XINET_POINT_AT_NETWORK:
		break;
	}
	return !place->outgoing && point_has_link_header(clone, clone->dev);
}

/* Returns whether a clone has, or needs not, a link-level header. */
static bool point_prepare(struct point_view *view, struct sk_buff *clone,
			  const struct xinet_point_place *place)
{
	const bool link = point_begin_at_network(clone, place);

	if (place->outgoing)
		clone->pkt_type = PACKET_OUTGOING;
	if (!dev_has_header(clone->dev)) {
		clone->mac_header = clone->network_header;
		return true;
	}
	if (link)
		return true;
	view->added = true;
	return xinet_link_header_add(clone);
}

/* Whether it has its link-level header in front of the network header, or needs none. */
static bool point_is_complete(const struct sk_buff *skb,
			      const struct xinet_point_place *place)
{
	return !dev_has_header(place->dev) ||
	       (!place->outgoing && point_has_link_header(skb, place->dev));
}

/* Whether a header can be put where that of the link will be: nobody has it yet. */
static bool point_has_free_headroom(const struct sk_buff *skb,
				    const struct net_device *dev)
{
	return xinet_link_header_is_ethernet(dev) &&
	       !skb_mac_header_was_set(skb) && skb_headroom(skb) >= ETH_HLEN &&
	       skb_headroom(skb) < U16_MAX && !skb_header_cloned(skb);
}

/* Whether the packet itself can be shown. @complete: it has what a tap would show */
static bool point_may_borrow(struct sk_buff *skb,
			     const struct xinet_point_place *place, bool copied,
			     bool complete)
{
	if (!copied)
		return complete && place->data == XINET_POINT_AT_NETWORK &&
		       !place->outgoing && skb->dev == place->dev &&
		       !skb_zcopy(skb) && !skb_has_extensions(skb);
	/* of what is shared, another may look at it, too */
	return place->data != XINET_POINT_PULLED && !skb_shared(skb) &&
	       (complete || point_has_free_headroom(skb, place->dev));
}

/* Of @skb a receiver sees what it would see of a clone of it. */
static void point_borrow(struct point_view *view, struct sk_buff *skb,
			 const struct xinet_point_place *place, bool complete)
{
	view->saved = (struct point_saved){
		/* a receiver takes the time of one to be sent later for none */
		.time = xinet_skb_stamp(skb),
		.dev = skb->dev,
		.sk = skb->sk,
		.data = skb->data,
		.len = skb->len,
		.network_header = skb->network_header,
		.mac_header = skb->mac_header,
		.pkt_type = skb->pkt_type,
	};
	view->skb = skb;
	skb->dev = place->dev;
	/* TCP looks there whether its clone is still on its way; others have no clone's */
	if (skb->fclone != SKB_FCLONE_CLONE)
		skb->sk = NULL;
	if (place->outgoing)
		skb->pkt_type = PACKET_OUTGOING;
	if (place->data == XINET_POINT_AT_LINK)
		point_find_headers(skb);
	if (!dev_has_header(place->dev)) {
		skb->mac_header = skb->network_header;
	} else if (!complete) {
		view->added = true;
		xinet_link_header_put(skb);
	}
}

static void point_give_back(const struct point_saved *saved, struct sk_buff *skb)
{
	xinet_skb_set_time(skb, saved->time);
	skb->dev = saved->dev;
	skb->sk = saved->sk;
	skb->data = saved->data;
	skb->len = saved->len;
	skb->network_header = saved->network_header;
	skb->mac_header = saved->mac_header;
	skb->pkt_type = saved->pkt_type;
}

/* Returns whether there is something to show. */
static bool point_show(struct point_view *view, struct sk_buff *skb,
		       const struct xinet_point_place *place)
{
	struct sk_buff *clone;
	bool complete;

	if (view->skb || view->failed)
		return !view->failed;
	/* the reserves of the kernel are not for queues of ours */
	view->failed = skb_pfmemalloc(skb);
	if (view->failed)
		return false;
	complete = place->data == XINET_POINT_AT_LINK ||
		  (place->data == XINET_POINT_AT_NETWORK &&
		   point_is_complete(skb, place));
	if (point_may_borrow(skb, place, view->copied, complete)) {
		point_borrow(view, skb, place, complete);
		return true;
	}
	clone = point_clone(skb, place->dev);
	if (clone && point_prepare(view, clone, place)) {
		view->skb = clone;
		return true;
	}
	consume_skb(clone);
	view->failed = true;
	return false;
}

static void point_hide(const struct point_view *view, struct sk_buff *skb)
{
	if (!view->skb)
		return;
	if (view->skb == skb)
		point_give_back(&view->saved, skb);
	else
		consume_skb(view->skb);
}

static bool point_is_wanted(const struct xinet_point_watch *watch,
			    const struct sk_buff *skb,
			    const struct xinet_point_place *place)
{
	const struct xinet_packet_sock *po = watch->po;
	/* pairs with smp_wmb() in xinet_packet_attach() */
	const void *source = smp_load_acquire(&po->sink.source);
	const __be16 num = READ_ONCE(po->num);
	const int ifindex = READ_ONCE(po->ifindex);

	return source && watch->points & place->point &&
	       (num == htons(ETH_P_ALL) || num == skb->protocol) &&
	       (!ifindex || (place->in && place->in->ifindex == ifindex) ||
		(place->out && place->out->ifindex == ifindex)) &&
	       !(place->outgoing && READ_ONCE(po->sink.ignore_outgoing));
}

/* BH disabled; RCU. @id: its number for @watch. */
static void point_offer(const struct xinet_point_watch *watch,
			struct point_view *view, struct sk_buff *skb,
			const struct xinet_point_place *place, u64 id)
{
	struct xinet_point told = {
		.packet = id,
		.point = place->point,
		.in = place->in ? place->in->ifindex : 0,
		.out = place->out ? place->out->ifindex : 0,
	};
	const struct xinet_aside aside = {
		.point = &told,
		.owner = place->owner,
		.sock = place->sock,
		.process = place->process,
		.lockless = view->copied,
		.net = place->net,
	};

	if (!point_is_wanted(watch, skb, place))
		return;
	if (!point_show(view, skb, place)) {
		xinet_packet_drop(watch->po, NULL,
				  skb_pfmemalloc(skb) ? XINET_DROP_PFMEMALLOC :
							XINET_DROP_BACKLOG);
		return;
	}
	if (view->added)
		told.flags = XINET_POINT_FLAG_NO_LINK_HEADER;
	xinet_tap_hand_aside(&watch->po->sink, view->skb, &view->now, &aside);
}

/*
 * Whether sockets have a point: then a receiver may keep a clone. Unsets @copied if one of
 * them does not copy at once. RCU.
 */
static bool point_is_asked_for(const struct xinet_point_watches *watches,
			       u32 point, bool *copied)
{
	const struct xinet_point_watch *watch;
	bool asked = false;

	hlist_for_each_entry_rcu(watch, &watches->list, node) {
		if (!(watch->points & point))
			continue;
		asked = true;
		*copied &= rcu_dereference(watch->po->sink.receiver)
				   ->ops->aside_is_lockless;
	}
	return asked;
}

/* BH disabled; RCU. */
static void point_see(const struct xinet_point_watches *watches,
		      struct point_view *view, struct sk_buff *skb,
		      const struct xinet_point_place *place, bool cloned)
{
	const struct xinet_point_watch *watch;
	u64 id;

	hlist_for_each_entry_rcu(watch, &watches->list, node) {
		if (!(watch->stages & place->point))
			continue;
		id = xinet_packet_id(watch->ids, skb, cloned, place->dev,
				     place->stage);
		point_offer(watch, view, skb, place, id);
	}
}

void xinet_point_see(const struct xinet_packet_net *pn, struct sk_buff *skb,
		     const struct xinet_point_place *place)
{
	struct point_view view xinet_uninitialized;
	bool cloned;

	view.skb = NULL;
	view.copied = true;
	view.failed = false;
	view.added = false;
	view.now.tv_sec = 0;
	local_bh_disable();
	cloned = skb_cloned(skb);
	cloned |= point_is_asked_for(&pn->points, place->point, &view.copied);
	cloned |= point_is_asked_for(&xinet_point_host, place->point,
				     &view.copied);
	point_see(&pn->points, &view, skb, place, cloned);
	point_see(&xinet_point_host, &view, skb, place, cloned);
	point_hide(&view, skb);
	local_bh_enable();
}

/*
 * The device of a note, if it is still there: of the namespace that the packet is read in,
 * but for a socket of all, for which the reader of a datagram may be anywhere. RCU.
 */
static struct net_device *point_device(const struct xinet_packet_sock *po,
				       const struct net *net, const void *noted,
				       int ifindex)
{
	struct net_device *dev = (struct net_device *)noted;

	if (!xinet_live_device(dev) || dev->ifindex != ifindex ||
	    (!po->all_netns && !net_eq(dev_net(dev), net)))
		return NULL;
	return dev;
}

/* BH disabled; RCU. */
static void point_see_delivered(const struct xinet_point_watch *watch,
				struct net *net, struct sk_buff *skb,
				bool cloned, struct sock *sock)
{
	struct xinet_point_place place = {
		.point = XINET_POINT_DELIVERED,
		.stage = XINET_STAGE_DELIVERED,
		.data = XINET_POINT_PULLED,
		.owner = XINET_ASIDE_SOCK,
		.sock = sock,
		.process = !sock || !sock->sk_kern_sock,
	};
	struct point_view view = {};
	const void *dev;
	int ifindex;
	u64 id;

	id = xinet_packet_delivered(watch->ids, skb, cloned, &ifindex, &dev);
	if (!id)
		return;
	place.dev = point_device(watch->po, net, dev, ifindex);
	if (!place.dev) {
		if (!READ_ONCE(watch->po->ifindex))
			xinet_packet_drop(watch->po, NULL, XINET_DROP_BACKLOG);
		return;
	}
	place.in = place.dev;
	place.net = dev_net(place.dev);
	point_offer(watch, &view, skb, &place, id);
	point_hide(&view, skb);
}

void xinet_point_see_delivered(struct net *net, struct sk_buff *skb,
			       struct sock *sock)
{
	const struct xinet_packet_net *pn = xinet_packet_pernet(net);
	const bool cloned = skb_cloned(skb);
	const struct xinet_point_watch *watch;

	local_bh_disable();
	rcu_read_lock();
	hlist_for_each_entry_rcu(watch, &pn->points.list, node)
		if (watch->points & XINET_POINT_DELIVERED)
			point_see_delivered(watch, net, skb, cloned, sock);
	hlist_for_each_entry_rcu(watch, &xinet_point_host.list, node)
		if (watch->points & XINET_POINT_DELIVERED)
			point_see_delivered(watch, net, skb, cloned, sock);
	rcu_read_unlock();
	local_bh_enable();
}
