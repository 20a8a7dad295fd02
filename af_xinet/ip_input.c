// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way in for IPv4 from the wire: one packet_type for ETH_P_IP while anybody
 * receives there, a raw socket at XINET_RAW_POINT_WIRE or the handler of a
 * protocol that the kernel speaks itself. What a driver hands up is validated,
 * asked for by somebody, reassembled if it is a fragment, and given to the
 * handler and the raw sockets. PF_INET's own handler gets the same skb before
 * or after us, so it is read and never written; only a copy of our own is. What
 * becomes of a packet behind the firewall is local_in.c's.
 */
#include <kunit/visibility.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/inetdevice.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "af_xinet/copybreak.h"
#include "af_xinet/handler.h"
#include "af_xinet/ip_input.h"
#include "af_xinet/ip_local.h"
#include "af_xinet/mib.h"
#include "af_xinet/raw.h"
#include "compat/xinet_compat_inet.h"

/*
 * Our own key in the kernel's reassembly table, so that our fragments and
 * PF_INET's never meet: "XI", far above enum ip_defrag_users.
 */
#define XINET_DEFRAG_USER	0x58490000u

/**
 * struct ip_hook - the packet_type, one for all namespaces
 * @pt: names no namespace: the packets of every namespace pass every hook that
 *	names none, so one of them is enough; and on kernels that sort handlers
 *	by namespace, one that names it runs after PF_INET's, which would then
 *	clone every packet
 * @rcu: for its end
 */
struct ip_hook {
	struct packet_type pt;
	struct rcu_head rcu;
};

static DEFINE_MUTEX(ip_hook_lock);
static struct ip_hook *ip_hook;		/* ip_hook_lock */
static unsigned int ip_hook_users;	/* ip_hook_lock */

/* The checks of xinet_ip_header_check() on the whole header. */
static __always_inline bool ip_header_is_valid(const struct sk_buff *skb,
					       const struct iphdr *iph,
					       unsigned int *len)
{
	*len = xinet_iph_totlen(skb, iph);
	return iph->version == 4 && iph->ihl >= 5 && *len <= skb->len &&
	       *len >= iph->ihl * 4 && !ip_fast_csum(iph, iph->ihl);
}

/* Whether the header, however long it says it is, needs no copy. */
static bool ip_header_is_linear(const struct sk_buff *skb)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;

	return skb_headlen(skb) >= sizeof(*iph) &&
	       skb_headlen(skb) >= iph->ihl * 4;
}

static const struct iphdr *ip_header_pointer(const struct sk_buff *skb,
					     union xinet_ip_header *buf)
{
	const struct iphdr *iph;

	iph = skb_header_pointer(skb, 0, sizeof(*iph), buf);
	return iph ? skb_header_pointer(skb, 0, iph->ihl * 4, buf) : NULL;
}

const struct iphdr *xinet_ip_header_check(const struct sk_buff *skb,
					  union xinet_ip_header *buf,
					  unsigned int *len)
{
	const struct iphdr *iph = ip_header_pointer(skb, buf);

	return iph && ip_header_is_valid(skb, iph, len) ? iph : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ip_header_check);

/*
 * As ip_rcv() does with options, once the route is known: record route and
 * timestamp are filled in, in a header of our own; a source route must be
 * allowed and end here.
 */
static bool ip_accept_options(struct net *net, struct sk_buff *skb)
{
	struct ip_options *opt = &IPCB(skb)->opt;
	struct in_device *in_dev;

	if (ip_hdr(skb)->ihl == 5)
		return true;
	if (skb_cow(skb, skb_headroom(skb)))
		return false;

	opt->optlen = ip_hdrlen(skb) - sizeof(struct iphdr);
	if (ip_options_compile(net, opt, skb))
		return false;
	if (likely(!opt->srr))
		return true;

	in_dev = __in_dev_get_rcu(skb->dev);
	return (!in_dev || IN_DEV_SOURCE_ROUTE(in_dev)) &&
	       !ip_options_rcv_srr(skb, skb->dev);
}

/*
 * As ip_rcv() does once the route is known: RFC 1122, section 3.3.6, has a host
 * drop what says unicast at the network and not at the link, if it is told to.
 */
static bool ip_accept_link_address(const struct sk_buff *skb)
{
	const struct rtable *rt = skb_rtable(skb);
	struct in_device *in_dev;

	if (likely(skb->pkt_type != PACKET_BROADCAST &&
		   skb->pkt_type != PACKET_MULTICAST))
		return true;
	if (rt->rt_type == RTN_BROADCAST || rt->rt_type == RTN_MULTICAST)
		return true;
	in_dev = __in_dev_get_rcu(skb->dev);
	return !in_dev ||
	       !IN_DEV_ORCONF(in_dev, DROP_UNICAST_IN_L2_MULTICAST);
}

/* Of @rx's own, header linear, as long as the datagram. */
static noinline struct sk_buff *ip_clone(const struct xinet_ip_rx *rx)
{
	struct sk_buff *skb = skb_clone(rx->skb, GFP_ATOMIC);

	if (skb && (!pskb_may_pull(skb, rx->iph->ihl * 4) ||
		    pskb_trim_rcsum(skb, rx->len))) {
		consume_skb(skb);
		skb = NULL;
	}
	return skb;
}

/* On the wire options are written into, and fragments joined. */
static bool ip_may_be_copied(const struct xinet_ip_rx *rx)
{
	return rx->host || (rx->iph->ihl == 5 && !ip_is_fragment(rx->iph));
}

int xinet_ip_own(struct xinet_ip_rx *rx)
{
	struct sk_buff *skb = NULL;
	int err = -ENOMEM;

	if (likely(ip_may_be_copied(rx)))
		skb = xinet_skb_copybreak(rx->skb, rx->len);
	if (!skb)
		skb = ip_clone(rx);
	if (!skb)
		return err;
	if (rx->host)
		goto out;

	skb_reset_network_header(skb);
	skb_set_transport_header(skb, ip_hdrlen(skb));
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	IPCB(skb)->iif = skb->skb_iif;

	err = -EHOSTUNREACH;
	if (!xinet_ip_is_local(skb) || !ip_accept_link_address(skb) ||
	    !ip_accept_options(rx->net, skb))
		goto err_free;
out:
	rx->skb = skb;
	rx->iph = ip_hdr(skb);
	rx->owned = true;
	return 0;

err_free:
	consume_skb(skb);
	return err;
}

/* Whether somebody wants the packet, by protocol and addresses; RCU. */
static bool ip_wanted(const struct xinet_ip_rx *rx)
{
	return xinet_handler_wanted(rx->iph->protocol) ||
	       xinet_raw_wanted(rx, XINET_RAW_POINT_WIRE);
}

/*
 * Turns @rx from a fragment into its datagram. False: it is not complete yet,
 * or nobody wants it; @rx->skb, if it was ours, is gone.
 */
static bool ip_defragment(struct xinet_ip_rx *rx)
{
	/* Forwarded fragments and those without a reader are not collected. */
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
	/* The parts had their routes; the whole goes where they went. */
	return xinet_ip_is_local(rx->skb);
}

/* Apart, as ip_receive_paged(). */
static noinline int ip_icmp_type_paged(const struct sk_buff *skb,
				       unsigned int offset)
{
	const struct icmphdr *icmp;
	struct icmphdr buf;

	icmp = skb_header_pointer(skb, offset, sizeof(buf), &buf);
	return icmp ? icmp->type : XINET_ICMP_CUT;
}

int xinet_ip_icmp_type(const struct xinet_ip_rx *rx)
{
	const struct sk_buff *skb = rx->skb;
	unsigned int offset = rx->iph->ihl * 4;

	if (rx->iph->protocol != IPPROTO_ICMP)
		return XINET_ICMP_NONE;
	if (likely(skb_headlen(skb) >= offset + sizeof(struct icmphdr)))
		return ((const struct icmphdr *)(skb->data + offset))->type;
	return ip_icmp_type_paged(skb, offset);
}

static void ip_input(struct xinet_ip_rx *rx)
{
	if (ip_is_fragment(rx->iph) && !ip_defragment(rx))
		return;

	/*
	 * Padding behind a paged packet: filters must not see it, and the
	 * length of pages cannot be lowered in place.
	 */
	if (rx->skb->len > rx->len && skb_is_nonlinear(rx->skb) &&
	    (!ip_wanted(rx) || xinet_ip_own(rx)))
		return;

	rx->icmp_type = xinet_ip_icmp_type(rx);
	if (!xinet_handler_any() || !xinet_handler_input(rx))
		xinet_raw_input(rx);
}

/*
 * What loops back counts for the interface that its route names. For the rest
 * PF_INET sees the VRF device where there is one, and its slave beside it.
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

/*
 * Whether anybody here may want a packet of @protocol, before its header is
 * worth a checksum.
 */
static bool ip_may_be_wanted(const struct xinet_raw_table *wire, u8 protocol)
{
	return xinet_raw_table_has(wire, protocol) ||
	       xinet_handler_wanted(protocol);
}

/*
 * @iph is the whole header, in @skb or in a copy; nothing in it is checked.
 * Lets go of @skb: not a drop, PF_INET has the packet too.
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
	    ip_header_is_valid(skb, iph, &rx.len)) {
		ip_set_interfaces(&rx, dev);
		ip_input(&rx);
		if (rx.owned && rx.skb)
			consume_skb(rx.skb);
	}
	consume_skb(skb);
}

/* Apart, so that the usual packet does not pay for the room on the stack. */
static noinline void ip_receive_paged(struct sk_buff *skb,
				      struct net_device *dev,
				      const struct xinet_raw_table *wire)
{
	union xinet_ip_header buf;
	const struct iphdr *iph;

	iph = ip_header_pointer(skb, &buf);
	if (iph)
		ip_receive(skb, dev, iph, wire);
	else
		consume_skb(skb);
}

/*
 * Softirq, under RCU. Budget for a packet of a protocol that nobody receives:
 * one byte of its header, and not even that in a namespace without receivers.
 * For one nobody wants: a header check and the walk over the sockets of its
 * protocol; no clone, no lock, no atomic but the reference that the stack took
 * for us.
 */
static int ip_hook_rcv(struct sk_buff *skb, struct net_device *dev,
		       struct packet_type *pt, struct net_device *orig_dev)
{
	const struct xinet_raw_table *wire =
		&xinet_raw_pernet_rcu(dev_net(dev))->table[XINET_RAW_POINT_WIRE];

	if (skb->pkt_type == PACKET_OTHERHOST ||
	    (!READ_ONCE(wire->sockets) && !xinet_handler_any()))
		consume_skb(skb);
	else if (likely(ip_header_is_linear(skb)))
		ip_receive(skb, dev, (const struct iphdr *)skb->data, wire);
	else
		ip_receive_paged(skb, dev, wire);
	return NET_RX_SUCCESS;
}

int xinet_ip_hook_get(void)
{
	int err = 0;

	mutex_lock(&ip_hook_lock);
	if (!ip_hook) {
		ip_hook = kzalloc(sizeof(*ip_hook), GFP_KERNEL_ACCOUNT);
		if (!ip_hook) {
			err = -ENOMEM;
			goto out;
		}
		ip_hook->pt.type = htons(ETH_P_IP);
		ip_hook->pt.func = ip_hook_rcv;
		dev_add_pack(&ip_hook->pt);
	}
	ip_hook_users++;
out:
	mutex_unlock(&ip_hook_lock);
	return err;
}

void xinet_ip_hook_put(void)
{
	mutex_lock(&ip_hook_lock);
	if (!--ip_hook_users) {
		__dev_remove_pack(&ip_hook->pt);
		kfree_rcu(ip_hook, rcu);
		ip_hook = NULL;
	}
	mutex_unlock(&ip_hook_lock);
}

#if IS_ENABLED(CONFIG_KUNIT)
bool xinet_ip_hook_is_there(void)
{
	bool there;

	mutex_lock(&ip_hook_lock);
	there = ip_hook;
	mutex_unlock(&ip_hook_lock);
	return there;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ip_hook_is_there);
#endif
