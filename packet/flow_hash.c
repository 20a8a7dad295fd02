// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow hash by which fanout groups distribute packets; called by
 * fanout_deliver.c per packet. It is AF_PACKET's, so that the same traffic is
 * distributed alike; but for TCP and UDP over IPv4 its input is read here,
 * without the kernel's dissector, which costs more than the hash. All other
 * packets go through the kernel.
 *
 * The hash, keyed with a secret of the kernel, costs more than the rest of a
 * group. It depends only on the addresses, the ports and the protocol, so the
 * hashes of recent flows are cached per CPU. A new flow pays for the look-up;
 * correctness does not depend on the cache.
 */
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/if_vlan.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <net/flow_dissector.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/netns/bpf.h>

#include "packet/flow_hash.h"

/* Both port numbers. */
#define FLOW_PORTS_LEN	sizeof(__be32)

/* Flows cached per CPU, TCP and UDP together. */
#define FLOW_CACHE_BITS	9

/*
 * @addresses: source and destination
 * @ports: both; of UDP in the lower half of the cache, of TCP in the upper
 * @hash: 0 in an unused entry; a flow hash is never 0
 */
struct flow_entry {
	u64 addresses;
	u32 ports;
	u32 hash;
};

/* Used with BH disabled. */
struct xinet_flow_cache {
	struct flow_entry entries[1 << FLOW_CACHE_BITS];
};

/* Whether a BPF program decides what a flow is; RCU. */
static bool flow_has_program(const struct sk_buff *skb)
{
	const struct net *net = dev_net(skb->dev);

	return rcu_access_pointer
		(init_net.bpf.run_array[NETNS_BPF_FLOW_DISSECTOR]) ||
	       rcu_access_pointer
		(net->bpf.run_array[NETNS_BPF_FLOW_DISSECTOR]);
}

/* The IPv4 header if it and the ports are linear and not unusual, or NULL. */
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

/* The entry for a flow, which may hold another one. */
static struct flow_entry *flow_entry(struct xinet_flow_cache __percpu *cache,
				     bool tcp, u64 addresses, u32 ports)
{
	const unsigned int half = 1 << (FLOW_CACHE_BITS - 1);
	u64 key = addresses ^ ((u64)ports << 16);
	u32 place = hash_64(key, FLOW_CACHE_BITS - 1);

	return &this_cpu_ptr(cache)->entries[tcp ? half + place : place];
}

/* The kernel's hash for TCP or UDP over IPv4. */
static noinline u32 flow_hash_ipv4(const struct sk_buff *skb,
				   const struct iphdr *iph)
{
	struct flow_keys keys;

	/* as the kernel fills it in, see flow_keys_dissector_symmetric */
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

struct xinet_flow_cache __percpu *xinet_flow_cache_alloc(void)
{
	return alloc_percpu_gfp(struct xinet_flow_cache,
				GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
}

size_t xinet_flow_cache_size(const struct xinet_flow_cache __percpu *cache)
{
	return cache ? num_possible_cpus() * sizeof(*cache) : 0;
}

void xinet_flow_cache_free(struct xinet_flow_cache __percpu *cache)
{
	free_percpu(cache);
}

u32 xinet_flow_hash(const struct sk_buff *skb,
		    struct xinet_flow_cache __percpu *cache)
{
	const struct iphdr *iph = flow_plain_ipv4(skb);
	struct flow_entry *entry;
	u64 addresses;
	u32 ports;

	if (unlikely(!iph || flow_has_program(skb)))
		return __skb_get_hash_symmetric(skb);
	if (unlikely(!cache))
		return flow_hash_ipv4(skb, iph);

	addresses = (u64)(__force u32)iph->saddr << 32 |
		    (__force u32)iph->daddr;
	memcpy(&ports, (const u8 *)iph + iph->ihl * 4, sizeof(ports));
	entry = flow_entry(cache, iph->protocol == IPPROTO_TCP, addresses,
			   ports);
	if (likely(entry->addresses == addresses && entry->ports == ports &&
		   entry->hash))
		return entry->hash;

	entry->addresses = addresses;
	entry->ports = ports;
	entry->hash = flow_hash_ipv4(skb, iph);
	return entry->hash;
}
