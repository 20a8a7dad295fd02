// SPDX-License-Identifier: GPL-2.0-only
/*
 * The points of XINET_PACKET_POINT where the kernel calls netfilter. Our hook at each
 * is the last but for those with the same priority, the confirmation of connection
 * tracking among them.
 *
 * A hook is registered when a socket first asks for its point. It stays until the
 * namespace ends: when one is unregistered, the kernel drops every packet of the
 * namespace that waits for a program (NFQUEUE).
 */
#include <linux/netfilter.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_inet.h"
#include "packet/point_hooks.h"
#include "packet/point_show.h"
#include "packet/sock.h"
#include "packet/tap/owner_task.h"

#ifdef CONFIG_NETFILTER

/* In the order of XINET_POINT_*, from XINET_POINT_PRE_ROUTING on. */
#define POINT_HOOKS 5
#define POINT_OF_HOOK(hook) (XINET_POINT_PRE_ROUTING << (hook))

static bool point_is_out(const struct nf_hook_state *state)
{
	return state->hook == NF_INET_LOCAL_OUT ||
	       state->hook == NF_INET_POST_ROUTING;
}

/*
 * The device that a packet goes by. At LOCAL_OUT netfilter may have routed it anew; the
 * state has the device of before.
 */
static struct net_device *point_out(const struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_LOCAL_OUT && skb_dst(skb))
		return skb_dst(skb)->dev;
	return state->out;
}

/*
 * The device that a packet came by. Behind LOCAL_OUT the kernel names the one that it
 * leaves by, of some, or the tunnel around it.
 */
static const struct net_device *point_in(const struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_POST_ROUTING && !skb->skb_iif)
		return NULL;
	return state->in;
}

static enum xinet_packet_stage point_stage(const struct nf_hook_state *state)
{
	return XINET_STAGE_PRE_ROUTING + state->hook;
}

static enum xinet_aside_owner point_owner(const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_FORWARD)
		return XINET_ASIDE_NOBODY;
	return point_is_out(state) ? XINET_ASIDE_SOCK : XINET_ASIDE_RECEIVER;
}

static noinline void point_see(const struct xinet_packet_net *pn,
			       struct sk_buff *skb, struct net_device *dev,
			       const struct nf_hook_state *state)
{
	const struct xinet_point_place place = {
		.point = POINT_OF_HOOK(state->hook),
		.stage = point_stage(state),
		.data = XINET_POINT_AT_NETWORK,
		.in = point_in(skb, state),
		.out = point_out(skb, state),
		.dev = dev,
		.net = state->net,
		.outgoing = point_is_out(state),
		.owner = point_owner(state),
		.sock = skb->sk,
		.process = point_is_out(state) && skb->sk &&
			   sk_fullsock(skb->sk) &&
			   xinet_owner_task_sends(skb->sk, skb, state->net),
	};

	xinet_point_see(pn, skb, &place);
}

/* Under RCU; softirq or process context. */
static unsigned int point_hook(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	const struct xinet_packet_net *pn = xinet_packet_pernet(state->net);
	struct net_device *dev;

	if (likely(!xinet_point_is_stage(&pn->points, POINT_OF_HOOK(state->hook))))
		return NF_ACCEPT;
	dev = point_is_out(state) ? point_out(skb, state) : state->in;
	if (dev)
		point_see(pn, skb, dev, state);
	return NF_ACCEPT;
}

#define POINT_HOOK(family, number)                                   \
	{                                                            \
		.hook = point_hook, .pf = family, .hooknum = number, \
		.priority = INT_MAX,                                 \
	}

/* By the numbers of netfilter, which are those of the points. */
static const struct nf_hook_ops point_ops[POINT_HOOKS][2] = {
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_PRE_ROUTING),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_PRE_ROUTING) },
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_LOCAL_IN),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_LOCAL_IN) },
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_FORWARD),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_FORWARD) },
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_LOCAL_OUT),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_LOCAL_OUT) },
	{ POINT_HOOK(NFPROTO_IPV4, NF_INET_POST_ROUTING),
	  POINT_HOOK(NFPROTO_IPV6, NF_INET_POST_ROUTING) },
};

int xinet_point_hooks_register(struct net *net, u32 points)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(net);
	int hook, one;
	int err = 0;

	for (hook = 0; hook < POINT_HOOKS; hook++) {
		const u32 point = POINT_OF_HOOK(hook);

		if (!(points & point & ~pn->point_hooked))
			continue;
		one = nf_register_net_hooks(net, point_ops[hook],
					    ARRAY_SIZE(point_ops[0]));
		if (one) {
			err = one;
			continue;
		}
		WRITE_ONCE(pn->point_hooked, pn->point_hooked | point);
	}
	return err;
}

/*
 * Unregistering drops queued packets in any case: do it before, since older kernels
 * (6.1) warn if the last of the hooks has queued a packet.
 */
void xinet_point_hooks_unregister(struct net *net)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(net);
	int hook;

	if (pn->point_hooked)
		nf_queue_nf_hook_drop(net);
	for (hook = 0; hook < POINT_HOOKS; hook++) {
		if (pn->point_hooked & POINT_OF_HOOK(hook))
			nf_unregister_net_hooks(net, point_ops[hook],
						ARRAY_SIZE(point_ops[0]));
	}
	pn->point_hooked = 0;
}

#else

int xinet_point_hooks_register(struct net *net, u32 points)
{
	return points ? -EOPNOTSUPP : 0;
}

void xinet_point_hooks_unregister(struct net *net)
{
}

#endif
