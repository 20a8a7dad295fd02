// SPDX-License-Identifier: GPL-2.0-only
/*
 * The input handlers that other modules register, one for an IP protocol.
 * Called by ip_input.c for every datagram that this host would deliver locally,
 * and by protocol.c for ICMP errors. The table knows handlers only; what sockets
 * stand behind them is their own affair.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/protocol.h>
#include <net/xfrm.h>
#include <net/xinet.h>

#include "af_xinet/handler.h"
#include "af_xinet/ip_input.h"
#include "af_xinet/mib.h"
#include "af_xinet/protocol.h"
#include "af_xinet/raw.h"

/* Guards writers; readers hold rcu_read_lock(). */
static DEFINE_MUTEX(handler_lock);
static const struct xinet_protocol __rcu *handlers[MAX_INET_PROTOS];
unsigned int xinet_handler_count;	/* changes under handler_lock */

bool xinet_handler_wanted(u8 protocol)
{
	return rcu_access_pointer(handlers[protocol]);
}

int xinet_add_protocol(const struct xinet_protocol *p, u8 protocol)
{
	int err;

	/* Nothing is received for IPPROTO_RAW, see raw(7). */
	if (!p->handler || protocol == IPPROTO_RAW)
		return -EINVAL;

	mutex_lock(&handler_lock);
	err = -EEXIST;
	if (rcu_access_pointer(handlers[protocol]))
		goto out;

	err = xinet_ip_hook_get();
	if (err)
		goto out;
	rcu_assign_pointer(handlers[protocol], p);
	WRITE_ONCE(xinet_handler_count, xinet_handler_count + 1);
	xinet_protocol_get(protocol);
out:
	mutex_unlock(&handler_lock);
	return err;
}
EXPORT_SYMBOL_GPL(xinet_add_protocol);

int xinet_del_protocol(const struct xinet_protocol *p, u8 protocol)
{
	int err = -ENOENT;

	mutex_lock(&handler_lock);
	if (rcu_access_pointer(handlers[protocol]) == p) {
		xinet_protocol_put(protocol);
		WRITE_ONCE(xinet_handler_count, xinet_handler_count - 1);
		RCU_INIT_POINTER(handlers[protocol], NULL);
		xinet_ip_hook_put();
		err = 0;
	}
	mutex_unlock(&handler_lock);

	/* Packets under way have found the handler; they come out of it here. */
	synchronize_net();
	return err;
}
EXPORT_SYMBOL_GPL(xinet_del_protocol);

/* Gives @skb, which is ours, away. */
static void handler_deliver(const struct xinet_protocol *p, struct sk_buff *skb)
{
	if (!(p->flags & XINET_PROTOCOL_NO_POLICY) &&
	    !xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb)) {
		xinet_mib_inc(dev_net(skb->dev),
			      XINET_MIB_HANDLER_INPOLICYERRORS);
		kfree_skb(skb);
		return;
	}
	xinet_mib_inc(dev_net(skb->dev), XINET_MIB_HANDLER_INDELIVERS);
	nf_reset_ct(skb);
	/* Reassembly leaves it where the first fragment to arrive had it. */
	skb_set_transport_header(skb, ip_hdrlen(skb));
	__skb_pull(skb, ip_hdrlen(skb));
	p->handler(skb);
}

bool xinet_handler_input(struct xinet_ip_rx *rx)
{
	const struct xinet_protocol *p;
	struct sk_buff *skb;
	bool shared;

	p = rcu_dereference(handlers[rx->iph->protocol]);
	if (!p)
		return false;
	if (!rx->owned && xinet_ip_own(rx))
		return false;

	shared = xinet_raw_wanted(rx);
	skb = shared ? skb_clone(rx->skb, GFP_ATOMIC) : rx->skb;
	if (!shared)
		rx->skb = NULL;
	if (skb)
		handler_deliver(p, skb);
	else
		xinet_mib_inc(rx->net, XINET_MIB_HANDLER_INMEMERRORS);
	return !shared;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_handler_input);

void xinet_handler_error(struct sk_buff *skb, u32 info)
{
	const struct iphdr *inner = (const struct iphdr *)skb->data;
	const struct xinet_protocol *p;

	p = rcu_dereference(handlers[inner->protocol]);
	if (p && p->err_handler) {
		xinet_mib_inc(dev_net(skb->dev), XINET_MIB_HANDLER_INERRORS);
		p->err_handler(skb, info);
	}
}
EXPORT_SYMBOL_IF_KUNIT(xinet_handler_error);
