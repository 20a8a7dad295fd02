// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which IP protocols are spoken here, as the kernel's own IP input sees it. It
 * knows PF_INET's raw sockets and the protocols that have a handler, and answers
 * "protocol unreachable" for the rest. A protocol that only sockets or handlers
 * of ours speak is therefore claimed by a handler from here, which delivers
 * nothing (that has been done, see ip_input.c) and answers when nobody wanted
 * the packet. It passes on the ICMP errors that the kernel has validated.
 */
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/mutex.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/protocol.h>
#include <net/raw.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "af_xinet/handler.h"
#include "af_xinet/ip_input.h"
#include "af_xinet/protocol.h"
#include "af_xinet/raw.h"

/*
 * @receivers: how many sockets and handlers receive the protocol, in all
 *	namespaces
 * @claimed: our handler is registered; it stays for a while without receivers
 */
struct protocol_use {
	unsigned int receivers;
	bool claimed;
};

static DEFINE_MUTEX(protocol_lock);
static struct protocol_use protocol_uses[MAX_INET_PROTOS];

/* Whether a PF_INET raw socket got the packet; RCU. */
static bool protocol_inet_raw_wants(const struct xinet_ip_rx *rx)
{
	u32 hash = raw_hashfunc(rx->net, rx->iph->protocol);
	struct sock *sk;

	sk_for_each_rcu(sk, &raw_v4_hashinfo.ht[hash]) {
		if (raw_v4_match(rx->net, sk, rx->iph->protocol,
				 rx->iph->saddr, rx->iph->daddr, rx->dif,
				 rx->sdif))
			return true;
	}
	return false;
}

/* net_protocol handler: softirq, RCU; data behind the IP header. Owns @skb. */
static int protocol_rcv(struct sk_buff *skb)
{
	const struct xinet_ip_rx rx = {
		.net	= dev_net(skb->dev),
		.skb	= skb,
		.iph	= ip_hdr(skb),
		.dif	= inet_iif(skb),
		.sdif	= inet_sdif(skb),
	};

	if (xinet_handler_wanted(rx.iph->protocol) || xinet_raw_wanted(&rx) ||
	    protocol_inet_raw_wants(&rx)) {
		consume_skb(skb);
		return 0;
	}

	if (xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb)) {
		__IP_INC_STATS(rx.net, IPSTATS_MIB_INUNKNOWNPROTOS);
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
	}
	kfree_skb(skb);
	return 0;
}

/* net_protocol err_handler: as xinet_handler_error(). */
static int protocol_err(struct sk_buff *skb, u32 info)
{
	xinet_handler_error(skb, info);
	return 0;
}

/* The sockets check policy themselves, as PF_INET's raw sockets do. */
static const struct net_protocol protocol_handler = {
	.handler	= protocol_rcv,
	.err_handler	= protocol_err,
	.no_policy	= 1,
};

/* Lets go of the protocols that nobody receives any more. */
static void protocol_release(struct work_struct *work)
{
	int i;

	mutex_lock(&protocol_lock);
	for (i = 0; i < MAX_INET_PROTOS; i++) {
		if (protocol_uses[i].claimed && !protocol_uses[i].receivers) {
			inet_del_protocol(&protocol_handler, i);
			protocol_uses[i].claimed = false;
		}
	}
	mutex_unlock(&protocol_lock);
}

/* Removing a handler waits for a grace period, which a close must not. */
static DECLARE_WORK(protocol_work, protocol_release);

void xinet_protocol_get(u8 protocol)
{
	struct protocol_use *use = &protocol_uses[protocol];

	mutex_lock(&protocol_lock);
	/* Fails when the kernel has a handler: then all is well without ours. */
	if (!use->receivers++ && !use->claimed)
		use->claimed = !inet_add_protocol(&protocol_handler, protocol);
	mutex_unlock(&protocol_lock);
}

void xinet_protocol_put(u8 protocol)
{
	struct protocol_use *use = &protocol_uses[protocol];

	mutex_lock(&protocol_lock);
	if (!--use->receivers && use->claimed)
		schedule_work(&protocol_work);
	mutex_unlock(&protocol_lock);
}

void xinet_protocol_exit(void)
{
	flush_work(&protocol_work);
}
