// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP segments of a merged packet, or of one that the device will cut up, as
 * tcp_gso_segment() makes them, without an skb for each and without a copy of the
 * payload: one skb has the headers, which are changed from frame to frame, and refers
 * to the pages of the packet. Most receivers copy from it and are done; one that
 * keeps it keeps it, and the next frame gets another.
 *
 * What is not plain TCP over IPv4 or IPv6 is left to the kernel, see original.c.
 */
#include <kunit/visibility.h>
#include <linux/if_vlan.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/xinet.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "compat/xinet_compat_packet.h"
#include "packet/tap/original.h"
#include "packet/tap/original_tcp.h"

/* for a VLAN tag */
#define ORIGINAL_HEADROOM	16

/* Finds the TCP header behind an IPv4 header. */
static bool original_tcp_in_ipv4(struct xinet_original_tcp *tcp)
{
	const struct iphdr *ip = (void *)tcp->packet->data + tcp->network;

	if (tcp->network + sizeof(*ip) > skb_headlen(tcp->packet) ||
	    ip->ihl * 4 < sizeof(*ip) || ip->protocol != IPPROTO_TCP ||
	    (tcp->fixed_id && !(ip->frag_off & htons(IP_DF))))
		return false;
	tcp->id = ntohs(ip->id);
	tcp->transport = tcp->network + ip->ihl * 4;
	tcp->pseudo = ~csum_tcpudp_magic(ip->saddr, ip->daddr,
					 tcp->packet->len - tcp->transport,
					 IPPROTO_TCP, 0);
	return true;
}

/* Finds the TCP header right behind an IPv6 header. */
static bool original_tcp_in_ipv6(struct xinet_original_tcp *tcp)
{
	const struct ipv6hdr *ip = (void *)tcp->packet->data + tcp->network;

	if (tcp->network + sizeof(*ip) > skb_headlen(tcp->packet) ||
	    ip->nexthdr != IPPROTO_TCP)
		return false;
	tcp->transport = tcp->network + sizeof(*ip);
	tcp->pseudo = ~csum_ipv6_magic(&ip->saddr, &ip->daddr,
				       tcp->packet->len - tcp->transport,
				       IPPROTO_TCP, 0);
	return true;
}

/* Finds the payload. */
static bool original_tcp_parse(struct xinet_original_tcp *tcp)
{
	const struct sk_buff *packet = tcp->packet;
	const struct tcphdr *th;

	if (tcp->ipv4 ? !original_tcp_in_ipv4(tcp) : !original_tcp_in_ipv6(tcp))
		return false;
	th = (void *)packet->data + tcp->transport;
	if (tcp->transport + sizeof(*th) > skb_headlen(packet))
		return false;
	tcp->payload = tcp->transport + th->doff * 4;
	if (th->doff * 4 < sizeof(*th) || tcp->payload > skb_headlen(packet))
		return false;
	tcp->size = packet->len - tcp->payload;
	tcp->seq = ntohl(th->seq);
	tcp->cwr = th->cwr;
	tcp->fin = th->fin;
	tcp->psh = th->psh;
	if (packet->ip_summed != CHECKSUM_PARTIAL)
		return true;
	/* the frames are as wrong as the sender has made the packet */
	tcp->pseudo = th->check;
	return skb_checksum_start_offset(packet) == (int)tcp->transport;
}

/*
 * A frame with the headers, and room for the payload that is not in pages; that of the
 * packet may be much longer.
 */
static struct sk_buff *original_tcp_frame(const struct xinet_original_tcp *tcp)
{
	const struct sk_buff *packet = tcp->packet;
	const u32 linear = min(skb_headlen(packet) - tcp->payload, tcp->mss);
	struct sk_buff *frame = alloc_skb(ORIGINAL_HEADROOM + tcp->payload + linear,
					  GFP_ATOMIC | __GFP_NOWARN);

	if (!frame)
		return NULL;
	skb_reserve(frame, ORIGINAL_HEADROOM);
	skb_put_data(frame, packet->data, tcp->payload);
	skb_copy_header(frame, packet);
	skb_gso_reset(frame);
	skb_reset_mac_header(frame);
	skb_set_network_header(frame, tcp->network);
	skb_set_transport_header(frame, tcp->transport);
	frame->ip_summed = CHECKSUM_NONE;
	*skb_hwtstamps(frame) = *skb_hwtstamps(tcp->packet);
	if (skb_vlan_tag_present(frame) && !xinet_original_tag(frame)) {
		consume_skb(frame);
		return NULL;
	}
	return frame;
}

static bool original_tcp_may_cut(struct sk_buff *skb)
{
	const u32 type = skb_shinfo(skb)->gso_type &
			 ~(SKB_GSO_DODGY | SKB_GSO_TCP_ECN | SKB_GSO_TCP_FIXEDID);

	return ((type == SKB_GSO_TCPV4 && skb->protocol == htons(ETH_P_IP)) ||
		(type == SKB_GSO_TCPV6 && skb->protocol == htons(ETH_P_IPV6))) &&
	       !skb->encapsulation && !skb_has_frag_list(skb) && !skb_zcopy(skb) &&
	       !skb_sec_path(skb) && !skb_pfmemalloc(skb) && skb_shinfo(skb)->gso_size &&
	       xinet_skb_readable_len(skb) == skb->len;
}

bool xinet_original_tcp_begin(struct xinet_original_tcp *tcp, struct sk_buff *skb,
			      u32 most, struct xinet_original *done)
{
	const int start = xinet_original_offset(skb);
	int network;

	if (!original_tcp_may_cut(skb))
		return false;
	*tcp = (struct xinet_original_tcp){
		.packet = xinet_original_clone(skb, start),
		.start = start,
		.mss = skb_shinfo(skb)->gso_size,
		.ipv4 = skb->protocol == htons(ETH_P_IP),
		.fixed_id = skb_shinfo(skb)->gso_type & SKB_GSO_TCP_FIXEDID,
	};
	if (!tcp->packet)
		return false;
	network = skb_network_offset(tcp->packet);
	/* a tag has its place behind the addresses of Ethernet */
	if (network < start || (skb_vlan_tag_present(skb) && network < ETH_HLEN))
		goto err_put;
	tcp->network = network;
	if (!original_tcp_parse(tcp) || tcp->size <= tcp->mss ||
	    DIV_ROUND_UP(tcp->size, tcp->mss) > most)
		goto err_put;
	tcp->frame = original_tcp_frame(tcp);
	if (!tcp->frame)
		goto err_put;
	*done = (struct xinet_original){
		.done = XINET_ORIGINAL_SEGMENTED | XINET_ORIGINAL_CHECKSUM,
		.segments = min_t(u32, DIV_ROUND_UP(tcp->size, tcp->mss), U16_MAX),
	};
	if (skb_vlan_tag_present(skb)) {
		done->done |= XINET_ORIGINAL_VLAN;
		tcp->tag = VLAN_HLEN;
		tcp->start += start ? VLAN_HLEN : 0;
	}
	return true;

err_put:
	consume_skb(tcp->packet);
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_original_tcp_begin);

/* Puts the next @len bytes of the payload behind the headers. */
static void original_tcp_fill(struct xinet_original_tcp *tcp, u32 len)
{
	const u32 linear = skb_headlen(tcp->packet) - tcp->payload;
	struct sk_buff *frame = tcp->frame;
	const skb_frag_t *from;
	skb_frag_t *to;
	u32 part;
	int i;

	if (tcp->taken < linear) {
		part = min(len, linear - tcp->taken);
		skb_put_data(frame, tcp->packet->data + tcp->payload + tcp->taken, part);
		tcp->taken += part;
		len -= part;
	}
	for (i = 0; len; i++) {
		from = &skb_shinfo(tcp->packet)->frags[tcp->frag];
		to = &skb_shinfo(frame)->frags[i];
		part = min(len, (u32)skb_frag_size(from) - tcp->frag_taken);
		*to = *from;
		skb_frag_off_add(to, tcp->frag_taken);
		skb_frag_size_set(to, part);
		skb_frag_ref(frame, i);
		skb_shinfo(frame)->nr_frags = i + 1;
		frame->len += part;
		frame->data_len += part;
		frame->truesize += part;
		tcp->taken += part;
		tcp->frag_taken += part;
		len -= part;
		if (tcp->frag_taken == skb_frag_size(from)) {
			tcp->frag_taken = 0;
			tcp->frag++;
		}
	}
}

/* For @len bytes of payload, the next; the checksum is that of the pseudo-header. */
static void original_tcp_headers(const struct xinet_original_tcp *tcp, u32 len)
{
	unsigned char *network = tcp->frame->data + tcp->tag + tcp->network;
	struct tcphdr *th = (void *)network + tcp->transport - tcp->network;
	const u32 whole = tcp->packet->len - tcp->transport;
	const u32 tcp_len = tcp->payload - tcp->transport + len;
	const bool last = tcp->taken + len == tcp->size;
	struct ipv6hdr *ipv6 = (void *)network;
	struct iphdr *ipv4 = (void *)network;

	if (tcp->ipv4) {
		ipv4->tot_len = htons(tcp->transport - tcp->network + tcp_len);
		if (!tcp->fixed_id)
			ipv4->id = htons(tcp->id + tcp->taken / tcp->mss);
		ip_send_check(ipv4);
	} else {
		ipv6->payload_len = htons(tcp_len);
	}
	th->seq = htonl(tcp->seq + tcp->taken);
	th->cwr = tcp->cwr && !tcp->taken;
	th->fin = tcp->fin && last;
	th->psh = tcp->psh && last;
	th->check = ~csum_fold(csum_add(csum_unfold(tcp->pseudo),
					(__force __wsum)htonl(~whole + tcp_len)));
}

static void original_tcp_checksum(const struct xinet_original_tcp *tcp)
{
	struct sk_buff *frame = tcp->frame;
	const u32 transport = tcp->tag + tcp->transport;
	struct tcphdr *th = (void *)frame->data + transport;

	th->check = csum_fold(skb_checksum(frame, transport, frame->len - transport, 0));
}

/* Takes the payload from a frame that nobody else has. */
static void original_tcp_empty(struct xinet_original_tcp *tcp)
{
	struct sk_buff *frame = tcp->frame;
	int i;

	for (i = 0; i < skb_shinfo(frame)->nr_frags; i++)
		skb_frag_unref(frame, i);
	skb_shinfo(frame)->nr_frags = 0;
	frame->truesize -= frame->data_len;
	frame->data_len = 0;
	__skb_trim(frame, tcp->tag + tcp->payload);
}

/* A frame without payload again, the same one unless a receiver has kept it. */
static bool original_tcp_renew(struct xinet_original_tcp *tcp)
{
	struct sk_buff *frame = tcp->frame;

	if (skb_shared(frame) || skb_cloned(frame)) {
		consume_skb(frame);
		tcp->frame = original_tcp_frame(tcp);
		return tcp->frame;
	}
	skb_push(frame, tcp->start);
	original_tcp_empty(tcp);
	return true;
}

struct sk_buff *xinet_original_tcp_next(struct xinet_original_tcp *tcp)
{
	const u32 len = min(tcp->mss, tcp->size - tcp->taken);

	if (!len || (tcp->taken && !original_tcp_renew(tcp)))
		return NULL;
	original_tcp_headers(tcp, len);
	original_tcp_fill(tcp, len);
	original_tcp_checksum(tcp);
	__skb_pull(tcp->frame, tcp->start);
	return tcp->frame;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_original_tcp_next);

bool xinet_original_tcp_end(struct xinet_original_tcp *tcp)
{
	/* copies: the packet is not dropped */
	consume_skb(tcp->frame);
	consume_skb(tcp->packet);
	return tcp->taken == tcp->size;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_original_tcp_end);
