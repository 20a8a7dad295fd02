// SPDX-License-Identifier: GPL-2.0-only
/*
 * The points of XINET_PACKET_POINT where the kernel has tracepoints:
 *
 *   net_dev_queue            handed to the queue of a device, or past it
 *   net_dev_start_xmit       handed to the driver, just behind the taps
 *   skb_copy_datagram_iovec  copied to a program: streams, and long datagrams
 *   consume_skb              given back once a program has read it: datagrams, on
 *                            kernels that do not leave that to another CPU
 *
 * The first two are called with BH disabled, where taps are. The last is called in any
 * context, for everything that is given back, so only datagrams that a program itself
 * gives back, under no lock that a delivery could need, are looked at.
 *
 * A segment of a stream is charged to its socket, so the owner is certain. UDP keeps
 * nothing of that: of a datagram the process alone is.
 */
#include <linux/kernel.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/tracepoint.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <trace/events/net.h>
#include <trace/events/skb.h>

#include "compat/xinet_compat_dropped.h"
#include "packet/point_probes.h"
#include "packet/point_show.h"
#include "packet/probe.h"
#include "packet/sock.h"

static void point_see_sent(struct sk_buff *skb, struct net_device *dev,
			   u32 point, enum xinet_packet_stage stage)
{
	const struct xinet_packet_net *pn;
	const struct xinet_point_place place = {
		.point = point,
		.stage = stage,
		.data = XINET_POINT_AT_LINK,
		.out = dev,
		.dev = dev,
		.net = dev_net(dev),
		.outgoing = true,
		.owner = XINET_ASIDE_SOCK,
		.sock = skb->sk,
	};

	/* the kernel's placeholder of a deleted device, in the initial namespace */
	if (unlikely(!dev->ifindex))
		return;
	rcu_read_lock();
	pn = xinet_packet_pernet(dev_net(dev));
	if (unlikely(xinet_point_is_stage(&pn->points, point)))
		xinet_point_see(pn, skb, &place);
	rcu_read_unlock();
}

static void point_queued(void *data, struct sk_buff *skb)
{
	point_see_sent(skb, skb->dev, XINET_POINT_QDISC, XINET_STAGE_QDISC);
}

static struct xinet_probe point_net_dev_queue = {
	.name = "net_dev_queue",
	.function = point_queued,
};

/* What is changed of @skb while it is shown is restored; nothing of @dev is. */
static void point_started(void *data, const struct sk_buff *skb,
			  const struct net_device *dev)
{
	point_see_sent((struct sk_buff *)skb, (struct net_device *)dev,
		       XINET_POINT_START_XMIT, XINET_STAGE_START_XMIT);
}

static struct xinet_probe point_net_dev_start_xmit = {
	.name = "net_dev_start_xmit",
	.function = point_started,
};

/*
 * Process context. @sock: which has queued it, or NULL. Then it is taken for one of the
 * program's namespace.
 */
static void point_read(struct sk_buff *skb, struct sock *sock)
{
	const struct nsproxy *nsproxy = current->nsproxy;
	const struct xinet_packet_net *pn;
	struct net *net;

	if (!nsproxy || current->flags & PF_KTHREAD)
		return;
	net = sock ? sock_net(sock) : nsproxy->net_ns;
	pn = xinet_packet_pernet(net);
	if (unlikely(xinet_point_is_stage(&pn->points, XINET_POINT_DELIVERED)))
		xinet_point_see_delivered(net, skb, sock);
}

/* Whether UDP has queued a packet: it gives up all but the bytes. */
static bool point_is_of_udp(struct sk_buff *skb)
{
	const u32 network = skb->network_header;

	if (skb->destructor || skb->_skb_refdst || skb_nfct(skb) ||
	    skb_has_extensions(skb) || !network)
		return false;
	if (skb->protocol == htons(ETH_P_IP))
		return skb_network_header(skb) + sizeof(struct iphdr) <=
			       skb_tail_pointer(skb) &&
		       ip_hdr(skb)->protocol == IPPROTO_UDP;
	return skb->protocol == htons(ETH_P_IPV6) &&
	       skb_network_header(skb) + sizeof(struct ipv6hdr) <=
		       skb_tail_pointer(skb) &&
	       ipv6_hdr(skb)->nexthdr == IPPROTO_UDP;
}

/* Whether a connection of TCP has queued it: then that is charged for it. */
static bool point_is_of_tcp(const struct sk_buff *skb)
{
	return skb->destructor == sock_rfree && skb->sk &&
	       sk_fullsock(skb->sk) && sk_is_tcp(skb->sk);
}

static void point_copied(void *data, const struct sk_buff *skb, int len)
{
	if (point_is_of_tcp(skb))
		point_read((struct sk_buff *)skb, skb->sk);
	else if (point_is_of_udp((struct sk_buff *)skb))
		point_read((struct sk_buff *)skb, NULL);
}

static struct xinet_probe point_skb_copy = {
	.name = "skb_copy_datagram_iovec",
	.function = point_copied,
};

static void point_consumed(XINET_CONSUME_SKB_PROTO)
{
	if (in_task() && !softirq_count() && !irqs_disabled() &&
	    (!IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible()) &&
	    point_is_of_udp(skb))
		point_read(skb, NULL);
}

static struct xinet_probe point_consume_skb = {
	.name = "consume_skb",
	.function = point_consumed,
};

/* Which points need which probe. */
static const struct {
	u32 point;
	struct xinet_probe *probe;
} point_probes[] = {
	{ XINET_POINT_QDISC, &point_net_dev_queue },
	{ XINET_POINT_START_XMIT, &point_net_dev_start_xmit },
	{ XINET_POINT_DELIVERED, &point_skb_copy },
	{ XINET_POINT_DELIVERED, &point_consume_skb },
};

static void point_probes_put(u32 points, unsigned int nr)
{
	while (nr--)
		if (points & point_probes[nr].point)
			xinet_probe_put(point_probes[nr].probe);
}

int xinet_point_probes_get(u32 points)
{
	unsigned int i;
	int err;

	check_trace_callback_type_net_dev_queue(point_queued);
	check_trace_callback_type_net_dev_start_xmit(point_started);
	check_trace_callback_type_skb_copy_datagram_iovec(point_copied);
	check_trace_callback_type_consume_skb(point_consumed);
	for (i = 0; i < ARRAY_SIZE(point_probes); i++) {
		if (!(points & point_probes[i].point))
			continue;
		err = xinet_probe_get(point_probes[i].probe);
		if (err) {
			point_probes_put(points, i);
			return err;
		}
	}
	return 0;
}

void xinet_point_probes_put(u32 points)
{
	point_probes_put(points, ARRAY_SIZE(point_probes));
}
