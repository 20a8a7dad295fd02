// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way in for IPv4: one packet_type for ETH_P_IP per namespace that has raw
 * sockets. What a driver hands up is validated, asked for by somebody,
 * reassembled if it is a fragment, and given to the raw sockets. PF_INET's own
 * handler gets the same skb before or after us, so it is read and never
 * written; only a copy of our own is.
 */
#include <kunit/visibility.h>
#include <linux/if_ether.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "af_xinet/ip_input.h"
#include "af_xinet/raw.h"
#include "compat/xinet_compat_inet.h"

/*
 * Our own key in the kernel's reassembly table, so that our fragments and
 * PF_INET's never meet: "XI", far above enum ip_defrag_users.
 */
#define XINET_DEFRAG_USER	0x58490000u

/**
 * struct xinet_ip_hook - the packet_type of one namespace
 * @pt: names no namespace: on kernels that sort handlers by namespace, one
 *	that does runs after PF_INET's, which would then clone every packet
 * @net: the namespace
 * @rcu: for its end
 */
struct xinet_ip_hook {
	struct packet_type pt;
	struct net *net;
	struct rcu_head rcu;
};

const struct iphdr *xinet_ip_header_check(const struct sk_buff *skb,
					  union xinet_ip_header *buf,
					  unsigned int *len)
{
	const struct iphdr *iph;

	iph = skb_header_pointer(skb, 0, sizeof(*iph), buf);
	if (!iph || iph->version != 4 || iph->ihl < 5)
		return NULL;

	iph = skb_header_pointer(skb, 0, iph->ihl * 4, buf);
	if (!iph || ip_fast_csum(iph, iph->ihl))
		return NULL;

	*len = xinet_iph_totlen(skb, iph);
	if (*len > skb->len || *len < iph->ihl * 4)
		return NULL;
	return iph;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ip_header_check);

/* Whether this host would deliver @skb, a copy of our own, to itself. */
static bool ip_is_local(struct sk_buff *skb)
{
	const struct rtable *rt;

	/* What loops back brings the route it was sent by. */
	if (!skb_valid_dst(skb) && !xinet_route_input(skb, skb->dev))
		return false;
	rt = skb_rtable(skb);
	return rt && rt->rt_flags & RTCF_LOCAL;
}

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

int xinet_ip_own(struct xinet_ip_rx *rx)
{
	struct sk_buff *skb;
	int err = -ENOMEM;

	skb = skb_clone(rx->skb, GFP_ATOMIC);
	if (!skb)
		return err;
	if (!pskb_may_pull(skb, rx->iph->ihl * 4) ||
	    pskb_trim_rcsum(skb, rx->len))
		goto err_free;

	skb_reset_network_header(skb);
	skb_set_transport_header(skb, ip_hdrlen(skb));
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	IPCB(skb)->iif = skb->skb_iif;

	err = -EHOSTUNREACH;
	if (!ip_is_local(skb) || !ip_accept_options(rx->net, skb))
		goto err_free;

	rx->skb = skb;
	rx->iph = ip_hdr(skb);
	rx->owned = true;
	return 0;

err_free:
	consume_skb(skb);
	return err;
}

/*
 * Turns @rx from a fragment into its datagram. False: it is not complete yet,
 * or nobody wants it; @rx->skb, if it was ours, is gone.
 */
static bool ip_defragment(struct xinet_ip_rx *rx)
{
	/* Forwarded fragments and those without a reader are not collected. */
	if (!xinet_raw_wanted(rx) || xinet_ip_own(rx))
		return false;

	if (ip_defrag(rx->net, rx->skb, XINET_DEFRAG_USER)) {
		rx->skb = NULL;
		return false;
	}
	rx->iph = ip_hdr(rx->skb);
	rx->len = rx->skb->len;
	/* The parts had their routes; the whole goes where they went. */
	return ip_is_local(rx->skb);
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
	    (!xinet_raw_wanted(rx) || xinet_ip_own(rx)))
		return;

	xinet_raw_input(rx);
}

/*
 * What loops back counts for the interface that its route names. For the rest
 * PF_INET sees the VRF device where there is one, and its slave beside it.
 */
static void ip_set_interfaces(struct xinet_ip_rx *rx,
			      const struct net_device *dev)
{
	int master = l3mdev_master_ifindex_rcu(dev);

	if (skb_valid_dst(rx->skb))
		rx->dif = inet_iif(rx->skb);
	else
		rx->dif = master ?: dev->ifindex;
	rx->sdif = master ? dev->ifindex : 0;
}

/*
 * Softirq, under RCU. Budget for a packet nobody wants: one header check and
 * the walk over the sockets of its protocol; no clone, no lock, no atomic but
 * the reference that the stack took for us.
 */
static int ip_hook_rcv(struct sk_buff *skb, struct net_device *dev,
		       struct packet_type *pt, struct net_device *orig_dev)
{
	struct xinet_ip_hook *hook = container_of(pt, struct xinet_ip_hook, pt);
	struct xinet_ip_rx rx = { .net = hook->net, .skb = skb };
	union xinet_ip_header buf;

	if (!net_eq(dev_net(dev), hook->net) ||
	    skb->pkt_type == PACKET_OTHERHOST)
		goto out;

	rx.iph = xinet_ip_header_check(skb, &buf, &rx.len);
	if (!rx.iph || rx.iph->protocol == IPPROTO_RAW)
		goto out;

	ip_set_interfaces(&rx, dev);
	ip_input(&rx);
	if (rx.owned)
		consume_skb(rx.skb);
out:
	/* Not a drop: PF_INET has the packet too. */
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

struct xinet_ip_hook *xinet_ip_hook_create(struct net *net)
{
	struct xinet_ip_hook *hook;

	hook = kzalloc(sizeof(*hook), GFP_KERNEL);
	if (!hook)
		return NULL;
	hook->net = net;
	hook->pt.type = htons(ETH_P_IP);
	hook->pt.func = ip_hook_rcv;
	dev_add_pack(&hook->pt);
	return hook;
}

void xinet_ip_hook_destroy(struct xinet_ip_hook *hook)
{
	__dev_remove_pack(&hook->pt);
	kfree_rcu(hook, rcu);
}
