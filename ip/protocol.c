// SPDX-License-Identifier: GPL-2.0-only
/*
 * The input handlers of other modules, one per IP protocol. For a protocol that
 * the kernel does not speak, the kernel's own table of protocols calls the
 * handler: once for every datagram delivered locally, behind the firewall, and
 * for ICMP errors. For one that it speaks, that slot is taken, and ip_input.c
 * calls the handler from the wire. The tables hold handlers only, no sockets.
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

#include "af_xinet/mib.h"
#include "ip/ip_hook.h"
#include "ip/ip_rx.h"
#include "ip/protocol.h"
#include "ip/raw.h"

/*
 * Guards writers; readers hold rcu_read_lock(). A handler is in one of the
 * tables: called from inet_protos, or from the wire.
 */
static DEFINE_MUTEX(handler_lock);
static const struct xinet_protocol __rcu *handlers[MAX_INET_PROTOS];
static const struct xinet_protocol __rcu *wire_handlers[MAX_INET_PROTOS];
unsigned int xinet_protocol_count;	/* wire_handlers; under handler_lock */

bool xinet_protocol_wanted(u8 protocol)
{
	return rcu_access_pointer(wire_handlers[protocol]);
}

/* Passes @skb, as the handler is to get it, to the handler; consumes it. */
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
	p->handler(skb);
}

/*
 * handler() of net_protocol: softirq, RCU; data after the IP header. Owns @skb.
 * A packet that decapsulation passes on under another number than its header's
 * has no handler.
 */
static int handler_rcv(struct sk_buff *skb)
{
	const struct xinet_protocol *p;

	p = rcu_dereference(handlers[ip_hdr(skb)->protocol]);
	if (p)
		handler_deliver(p, skb);
	else
		kfree_skb(skb);
	return 0;
}

/*
 * err_handler() of net_protocol: softirq, RCU. Borrows @skb: its transport
 * header is ICMP's, its data the IP header of the quoted packet, linear with 8
 * bytes after it.
 */
static int handler_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *inner = (const struct iphdr *)skb->data;
	const struct xinet_protocol *p;

	p = rcu_dereference(handlers[inner->protocol]);
	if (p && p->err_handler) {
		xinet_mib_inc(dev_net(skb->dev), XINET_MIB_HANDLER_INERRORS);
		p->err_handler(skb, info);
	}
	return 0;
}

/* handler_deliver() checks policy, unless the handler does so itself. */
static const struct net_protocol handler_net_protocol = {
	.handler	= handler_rcv,
	.err_handler	= handler_err,
	.no_policy	= 1,
};

/* Under handler_lock. */
static int handler_add(const struct xinet_protocol *p, u8 protocol)
{
	int err;

	if (rcu_access_pointer(handlers[protocol]) ||
	    rcu_access_pointer(wire_handlers[protocol]))
		return -EEXIST;

	/* Fails when the kernel speaks the protocol itself. */
	if (!inet_add_protocol(&handler_net_protocol, protocol)) {
		rcu_assign_pointer(handlers[protocol], p);
		return 0;
	}

	err = xinet_ip_hook_get();
	if (err)
		return err;
	rcu_assign_pointer(wire_handlers[protocol], p);
	WRITE_ONCE(xinet_protocol_count, xinet_protocol_count + 1);
	return 0;
}

int xinet_add_protocol(const struct xinet_protocol *p, u8 protocol)
{
	int err;

	/* Nothing is received for IPPROTO_RAW, see raw(7). */
	if (!p->handler || protocol == IPPROTO_RAW)
		return -EINVAL;

	mutex_lock(&handler_lock);
	err = handler_add(p, protocol);
	mutex_unlock(&handler_lock);
	return err;
}
EXPORT_SYMBOL_GPL(xinet_add_protocol);

int xinet_del_protocol(const struct xinet_protocol *p, u8 protocol)
{
	int err = 0;

	/*
	 * Packets in flight may use the handler; both branches wait for them.
	 */
	mutex_lock(&handler_lock);
	if (rcu_access_pointer(handlers[protocol]) == p) {
		RCU_INIT_POINTER(handlers[protocol], NULL);
		inet_del_protocol(&handler_net_protocol, protocol);
	} else if (rcu_access_pointer(wire_handlers[protocol]) == p) {
		WRITE_ONCE(xinet_protocol_count, xinet_protocol_count - 1);
		RCU_INIT_POINTER(wire_handlers[protocol], NULL);
		xinet_ip_hook_put();
		synchronize_net();
	} else {
		err = -ENOENT;
	}
	mutex_unlock(&handler_lock);
	return err;
}
EXPORT_SYMBOL_GPL(xinet_del_protocol);

bool xinet_protocol_input(struct xinet_ip_rx *rx)
{
	const struct xinet_protocol *p;
	struct sk_buff *skb;
	bool shared;

	p = rcu_dereference(wire_handlers[rx->iph->protocol]);
	if (!p)
		return false;
	if (!rx->owned && xinet_ip_own(rx))
		return false;

	shared = xinet_raw_wanted(rx, XINET_RAW_POINT_WIRE);
	skb = shared ? skb_clone(rx->skb, GFP_ATOMIC) : rx->skb;
	if (!shared)
		rx->skb = NULL;
	if (!skb) {
		xinet_mib_inc(rx->net, XINET_MIB_HANDLER_INMEMERRORS);
		return !shared;
	}
	/* Reassembly keeps that of the fragment that arrived first. */
	skb_set_transport_header(skb, ip_hdrlen(skb));
	__skb_pull(skb, ip_hdrlen(skb));
	handler_deliver(p, skb);
	return !shared;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_protocol_input);
