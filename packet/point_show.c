// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sockets are shown of a packet at a point: the very packet, without a copy of its
 * own where that has what a tap would show; what is changed for that is restored. Else
 * a clone.
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
#include "packet/point.h"
#include "packet/point_hooks.h"
#include "packet/point_show.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"

/**
 * struct point_view - a packet as it is shown at a point
 * @skb: the packet, or a clone of it; NULL: none yet
 * @failed: it cannot be shown
 * @added: it has a link-level header of zeroes
 * @now: for receivers that stamp it
 * @tstamp: of the packet, while it has another
 * @mac_header: of the packet, the same
 */
struct point_view {
	struct sk_buff *skb;
	bool failed;
	bool added;
	struct timespec64 now;
	ktime_t tstamp;
	u16 mac_header;
};

/* Of a received packet; what IPsec has taken out may be between the headers. */
static bool point_has_link_header(const struct sk_buff *skb,
				  const struct net_device *dev)
{
	const int length = skb_network_offset(skb) - skb_mac_offset(skb);

	return xinet_link_header_is_there(skb, dev, skb->network_header) &&
	       (!xinet_link_header_is_ethernet(dev) || length == ETH_HLEN ||
		length == ETH_HLEN + VLAN_HLEN ||
		length == ETH_HLEN + 2 * VLAN_HLEN);
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

/* Of @skb a receiver sees what it would see of a clone of it. */
static void point_borrow(struct point_view *view, struct sk_buff *skb)
{
	view->tstamp = skb->tstamp;
	view->mac_header = skb->mac_header;
	skb->tstamp = ktime_get_real();
	if (!dev_has_header(skb->dev))
		skb->mac_header = skb->network_header;
	view->skb = skb;
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
static bool point_undress(struct sk_buff *clone,
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
static bool point_dress(struct point_view *view, struct sk_buff *clone,
			const struct xinet_point_place *place)
{
	const bool link = point_undress(clone, place);

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

/* Whether a clone would be the same. */
static bool point_may_borrow(struct sk_buff *skb,
			     const struct xinet_point_place *place)
{
	return place->data == XINET_POINT_AT_NETWORK && !place->outgoing &&
	       skb->dev == place->dev && !skb_zcopy(skb) &&
	       !skb_has_extensions(skb) &&
	       (!dev_has_header(place->dev) ||
		point_has_link_header(skb, place->dev));
}

/* Returns whether there is something to show. */
static bool point_show(struct point_view *view, struct sk_buff *skb,
		       const struct xinet_point_place *place)
{
	struct sk_buff *clone;

	if (view->skb || view->failed)
		return !view->failed;
	/* the reserves of the kernel are not for queues of ours */
	view->failed = skb_pfmemalloc(skb);
	if (view->failed)
		return false;
	if (point_may_borrow(skb, place)) {
		point_borrow(view, skb);
		return true;
	}
	clone = point_clone(skb, place->dev);
	if (clone && point_dress(view, clone, place)) {
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
	if (view->skb != skb) {
		consume_skb(view->skb);
		return;
	}
	skb->tstamp = view->tstamp;
	skb->mac_header = view->mac_header;
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

/* Then a receiver may keep a clone. RCU. */
static bool point_is_asked_for(const struct xinet_packet_net *pn, u32 point)
{
	const struct xinet_point_watch *watch;

	hlist_for_each_entry_rcu(watch, &pn->point_watches, node)
		if (watch->points & point)
			return true;
	return false;
}

void xinet_point_see(const struct xinet_packet_net *pn, struct sk_buff *skb,
		     const struct xinet_point_place *place)
{
	struct point_view view = {};
	const struct xinet_point_watch *watch;
	bool cloned;
	u64 id;

	local_bh_disable();
	cloned = skb_cloned(skb) || point_is_asked_for(pn, place->point);
	hlist_for_each_entry_rcu(watch, &pn->point_watches, node) {
		/* one of netfilter also for a packet that is not wanted there */
		if (!(watch->points & place->point ||
		      place->point & XINET_POINTS_OF_HOOKS))
			continue;
		id = xinet_packet_id(watch->ids, skb, cloned, place->dev,
				     place->stage);
		point_offer(watch, &view, skb, place, id);
	}
	point_hide(&view, skb);
	local_bh_enable();
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
	int ifindex;
	u64 id;

	id = xinet_packet_delivered(watch->ids, skb, cloned, &ifindex);
	if (!id)
		return;
	place.dev = dev_get_by_index_rcu(net, ifindex);
	if (!place.dev) {
		if (!READ_ONCE(watch->po->ifindex))
			xinet_packet_drop(watch->po, NULL, XINET_DROP_BACKLOG);
		return;
	}
	place.in = place.dev;
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
	hlist_for_each_entry_rcu(watch, &pn->point_watches, node)
		if (watch->points & XINET_POINT_DELIVERED)
			point_see_delivered(watch, net, skb, cloned, sock);
	rcu_read_unlock();
	local_bh_enable();
}
