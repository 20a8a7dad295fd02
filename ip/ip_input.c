// SPDX-License-Identifier: GPL-2.0-only
/*
 * Input of IPv4 packets from the wire. Called through ip_hook.c for every
 * packet while there is a receiver: a raw socket at XINET_RAW_POINT_WIRE, or a
 * handler for a protocol that the kernel speaks itself. A packet is validated,
 * matched with the receivers, reassembled if it is a fragment, and passed to
 * the handler and the raw sockets. PF_INET's handler gets the same skb before
 * or after us, so it is never written; only a private copy is. local_in.c
 * handles packets behind the firewall.
 */
#include <linux/in.h>
#include <linux/netdevice.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "compat/xinet_compat_inet.h"
#include "af_xinet/mib.h"
#include "ip/ip_input.h"
#include "ip/ip_local.h"
#include "ip/ip_rx.h"
#include "ip/protocol.h"
#include "ip/raw.h"

/*
 * Our key in the kernel's reassembly table, which keeps our fragments apart
 * from PF_INET's: "XI", far above enum ip_defrag_users.
 */
#define XINET_DEFRAG_USER	0x58490000u

/* Whether the packet has a receiver, by protocol and addresses; RCU. */
static bool ip_wanted(const struct xinet_ip_rx *rx)
{
	return xinet_protocol_wanted(rx->iph->protocol) ||
	       xinet_raw_wanted(rx, XINET_RAW_POINT_WIRE);
}

/*
 * Replaces the fragment in @rx by its datagram. Returns false if it is not
 * complete yet, has no receiver or is not for this host; @rx->skb is NULL if
 * reassembly keeps it.
 */
static bool ip_defragment(struct xinet_ip_rx *rx)
{
	/* Does not collect forwarded fragments and those without a receiver. */
	if (!ip_wanted(rx) || xinet_ip_own(rx))
		return false;

	xinet_mib_inc(rx->net, XINET_MIB_REASMREQDS);
	if (ip_defrag(rx->net, rx->skb, XINET_DEFRAG_USER)) {
		rx->skb = NULL;
		return false;
	}
	xinet_mib_inc(rx->net, XINET_MIB_REASMOKS);
	rx->iph = ip_hdr(rx->skb);
	rx->len = rx->skb->len;
	/* The fragments had local routes; the datagram must have one, too. */
	return xinet_ip_is_local(rx->skb);
}

static void ip_input(struct xinet_ip_rx *rx)
{
	if (ip_is_fragment(rx->iph) && !ip_defragment(rx))
		return;

	/*
	 * Padding after a paged packet: filters must not see it, and the length
	 * of pages cannot be lowered in place.
	 */
	if (rx->skb->len > rx->len && skb_is_nonlinear(rx->skb) &&
	    (!ip_wanted(rx) || xinet_ip_own(rx)))
		return;

	rx->icmp_type = xinet_ip_icmp_type(rx);
	if (!xinet_protocol_any() || !xinet_protocol_input(rx))
		xinet_raw_input(rx);
}

/*
 * @dif of a looped back packet is the interface of its route. Of others it is,
 * as in PF_INET, the VRF device if there is one, with its slave in @sdif, or
 * the device.
 */
static void ip_set_interfaces(struct xinet_ip_rx *rx,
			      const struct net_device *dev)
{
	int master = 0;

	if (netif_is_l3_master(dev) || netif_is_l3_slave(dev))
		master = l3mdev_master_ifindex_rcu(dev);
	if (skb_valid_dst(rx->skb))
		rx->dif = inet_iif(rx->skb);
	else
		rx->dif = master ?: dev->ifindex;
	rx->sdif = master ? dev->ifindex : 0;
}

/* Whether @protocol has any receiver; asked before the header is validated. */
static bool ip_may_be_wanted(const struct xinet_raw_table *wire, u8 protocol)
{
	return xinet_raw_table_has(wire, protocol) ||
	       xinet_protocol_wanted(protocol);
}

/*
 * @iph is the whole header, in @skb or in a copy, not validated. Consumes @skb,
 * which is not a drop: PF_INET has the packet too.
 */
static void ip_receive(struct sk_buff *skb, struct net_device *dev,
		       const struct iphdr *iph,
		       const struct xinet_raw_table *wire)
{
	struct xinet_ip_rx rx = {
		.net	= dev_net(dev),
		.skb	= skb,
		.iph	= iph,
	};

	if (ip_may_be_wanted(wire, iph->protocol) &&
	    xinet_ip_header_is_valid(skb, iph, &rx.len)) {
		ip_set_interfaces(&rx, dev);
		ip_input(&rx);
		if (rx.owned && rx.skb)
			consume_skb(rx.skb);
	}
	consume_skb(skb);
}

/* Not inlined: the fast path needs no header buffer on the stack. */
static noinline void ip_receive_paged(struct sk_buff *skb,
				      struct net_device *dev,
				      const struct xinet_raw_table *wire)
{
	union xinet_ip_header buf;
	const struct iphdr *iph;

	iph = xinet_ip_header_pointer(skb, &buf);
	if (iph)
		ip_receive(skb, dev, iph, wire);
	else
		consume_skb(skb);
}

/*
 * Softirq, under RCU. Budget for a packet of a protocol without a receiver: one
 * byte of its header, or none in a namespace without receivers. For a packet
 * that matches no receiver: a header check and a walk over the sockets of its
 * protocol; no clone, no lock, no atomic but the reference that the stack took
 * for us.
 */
int xinet_ip_rcv(struct sk_buff *skb, struct net_device *dev,
		 struct packet_type *pt, struct net_device *orig_dev)
{
	const struct xinet_raw_table *wire =
		&xinet_raw_pernet_rcu(dev_net(dev))->table[XINET_RAW_POINT_WIRE];

	if (skb->pkt_type == PACKET_OTHERHOST ||
	    (!READ_ONCE(wire->sockets) && !xinet_protocol_any()))
		consume_skb(skb);
	else if (likely(xinet_ip_header_is_linear(skb)))
		ip_receive(skb, dev, (const struct iphdr *)skb->data, wire);
	else
		ip_receive_paged(skb, dev, wire);
	return NET_RX_SUCCESS;
}
