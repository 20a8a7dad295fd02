// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow hash by which fanout groups share packets out. It is that of
 * AF_PACKET, so that the same traffic is shared out alike; but what TCP and UDP
 * over IPv4 put into it is read here, without the kernel's dissector, which
 * costs more than the hash. Whatever is not as plain as that goes to the kernel.
 */
#include <linux/if_vlan.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/flow_dissector.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/netns/bpf.h>

#include "packet/flow_hash.h"

/* The port numbers, one behind the other. */
#define FLOW_PORTS_LEN	sizeof(__be32)

/* Whether a BPF program decides what a flow is; RCU. */
static bool flow_has_program(const struct sk_buff *skb)
{
	const struct net *net = dev_net(skb->dev);

	return rcu_access_pointer
		(init_net.bpf.run_array[NETNS_BPF_FLOW_DISSECTOR]) ||
	       rcu_access_pointer
		(net->bpf.run_array[NETNS_BPF_FLOW_DISSECTOR]);
}

/* The IPv4 header if it and the ports behind it can simply be read, or NULL. */
static const struct iphdr *flow_plain_ipv4(const struct sk_buff *skb)
{
	int offset = skb_network_offset(skb);
	const struct iphdr *iph = ip_hdr(skb);
	int left = (int)skb_headlen(skb) - offset;

	if (skb->protocol != htons(ETH_P_IP) || skb_vlan_tag_present(skb) ||
	    offset < 0 || left < (int)sizeof(*iph))
		return NULL;
	if (iph->ihl < 5 || ip_is_fragment(iph) ||
	    (iph->protocol != IPPROTO_TCP && iph->protocol != IPPROTO_UDP))
		return NULL;
	return left < (int)(iph->ihl * 4 + FLOW_PORTS_LEN) ? NULL : iph;
}

u32 xinet_flow_hash(const struct sk_buff *skb)
{
	const struct iphdr *iph = flow_plain_ipv4(skb);
	struct flow_keys keys;

	if (unlikely(!iph || flow_has_program(skb)))
		return __skb_get_hash_symmetric(skb);

	/* what the kernel would fill in, see flow_keys_dissector_symmetric */
	memset(&keys, 0, sizeof(keys));
	keys.control.addr_type = FLOW_DISSECTOR_KEY_IPV4_ADDRS;
	keys.basic.n_proto = skb->protocol;
	keys.basic.ip_proto = iph->protocol;
	keys.addrs.v4addrs.src = iph->saddr;
	keys.addrs.v4addrs.dst = iph->daddr;
	memcpy(&keys.ports.ports, (const u8 *)iph + iph->ihl * 4,
	       FLOW_PORTS_LEN);
	return flow_hash_from_keys(&keys);
}
