// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builds one datagram of a raw socket from the payload of one sendmsg(), or of
 * several that MSG_MORE joins, split into its later fragments, and sends it
 * with a header of ours. Called by raw_output.c, which resolves addresses;
 * takes no lock.
 */
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/inetdevice.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/uio.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/sock.h>

#include "ip/raw_datagram.h"
#include "ip/raw_error.h"
#include "compat/xinet_compat_inet.h"

/* Most bytes that a part moves to the next one: a remainder modulo 8. */
#define DATAGRAM_HANDED_OVER	7

/*
 * In the control block of a part while it is filled: how much of the payload
 * goes into its linear area; the rest goes into pages.
 */
struct datagram_part {
	unsigned int linear;
};

static struct datagram_part *datagram_part(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct datagram_part) > sizeof(skb->cb));
	return (struct datagram_part *)skb->cb;
}

/* Most payload of the last fragment, in bytes. */
static unsigned int datagram_last_room(const struct xinet_raw_datagram *dg)
{
	return dg->mtu - dg->header;
}

/* Most payload of the others: fragments are cut at multiples of 8. */
static unsigned int datagram_full_room(const struct xinet_raw_datagram *dg)
{
	return round_down(datagram_last_room(dg), 8);
}

int xinet_raw_datagram_begin(struct xinet_raw_datagram *dg)
{
	const struct dst_entry *dst = &dg->rt->dst;
	unsigned int mtu;

	__skb_queue_head_init(&dg->parts);
	dg->length = 0;
	dg->header = sizeof(struct iphdr) + dg->options.rcu.opt.optlen;
	rcu_read_lock();
	mtu = ip_sk_use_pmtu(dg->sk) ? dst_mtu(dst) : READ_ONCE(dst->dev->mtu);
	rcu_read_unlock();
	dg->mtu = min_t(unsigned int, mtu, IP_MAX_MTU);
	if (inetdev_valid_mtu(dg->mtu))
		return 0;

	xinet_raw_datagram_discard(dg);
	return -ENETUNREACH;
}

void xinet_raw_datagram_discard(struct xinet_raw_datagram *dg)
{
	__skb_queue_purge(&dg->parts);
	if (dg->rt)
		ip_rt_put(dg->rt);
	dg->rt = NULL;
}

/*
 * Adds a part with room for the next @left bytes of payload, but at most a
 * fragment; for a whole fragment when there is @more to come. NULL if the send
 * buffer is full; a socket that is shut down may still send. Both as in
 * PF_INET.
 */
static struct sk_buff *datagram_add_part(struct xinet_raw_datagram *dg,
					 size_t left, bool more)
{
	const struct net_device *dev;
	struct sock *sk = dg->sk;
	struct sk_buff *skb;
	int reserve, tail;
	size_t linear;

	rcu_read_lock();
	dev = dg->rt->dst.dev;
	reserve = LL_RESERVED_SPACE(dev) + dg->header;
	tail = dev->needed_tailroom + dg->rt->dst.trailer_len;
	rcu_read_unlock();

	if (more)
		linear = datagram_last_room(dg);
	else if (left > datagram_last_room(dg))
		linear = datagram_full_room(dg);
	else
		linear = left;
	/*
	 * Beyond the size of fragments on usual links use pages, except for
	 * what the part before may have to move.
	 */
	linear = min_t(size_t, linear, max_t(size_t, DATAGRAM_HANDED_OVER,
					     SKB_MAX_HEAD(reserve + tail)));

	if (refcount_read(&sk->sk_wmem_alloc) > 2 * READ_ONCE(sk->sk_sndbuf))
		return NULL;
	skb = sock_wmalloc(sk, reserve + linear + tail, 1, sk->sk_allocation);
	if (!skb)
		return NULL;
	skb_reserve(skb, reserve);
	datagram_part(skb)->linear = linear;
	__skb_queue_tail(&dg->parts, skb);
	return skb;
}

/* Free bytes in the last page of @skb, allocated here; 0 when there is none. */
static unsigned int datagram_page_room(const struct sk_buff *skb)
{
	unsigned int frags = skb_shinfo(skb)->nr_frags;
	const skb_frag_t *frag;

	if (!frags)
		return 0;
	frag = &skb_shinfo(skb)->frags[frags - 1];
	return PAGE_SIZE - skb_frag_off(frag) - skb_frag_size(frag);
}

/* Adds an empty page at the end of @skb, charged to its socket. */
static bool datagram_add_page(struct sk_buff *skb)
{
	int frags = skb_shinfo(skb)->nr_frags;
	struct page *page;

	if (frags == MAX_SKB_FRAGS)
		return false;
	page = alloc_page(skb->sk->sk_allocation);
	if (!page)
		return false;
	skb_fill_page_desc(skb, frags, page, 0, 0);
	skb->truesize += PAGE_SIZE;
	refcount_add(PAGE_SIZE, &skb->sk->sk_wmem_alloc);
	return true;
}

/* Copies the next @len bytes of @piece. */
static int datagram_copy(struct xinet_raw_piece *piece, u8 *to, size_t len)
{
	size_t probed = min_t(size_t, len,
			      piece->probe_len - piece->probe_read);

	memcpy(to, piece->probe + piece->probe_read, probed);
	piece->probe_read += probed;
	if (!copy_from_iter_full(to + probed, len - probed,
				 &piece->msg->msg_iter))
		return -EFAULT;
	return 0;
}

/* As datagram_copy(), into the last page of @skb. */
static int datagram_copy_to_page(struct sk_buff *skb,
				 struct xinet_raw_piece *piece, size_t len)
{
	skb_frag_t *frag =
		&skb_shinfo(skb)->frags[skb_shinfo(skb)->nr_frags - 1];
	u8 *page = skb_frag_address(frag);
	int err;

	err = datagram_copy(piece, page + skb_frag_size(frag), len);
	if (err)
		return err;
	skb_frag_size_add(frag, len);
	skb->len += len;
	skb->data_len += len;
	return 0;
}

/* Appends @len bytes of @piece to @skb: linear area first, then pages. */
static int datagram_fill(struct sk_buff *skb, struct xinet_raw_piece *piece,
			 size_t len)
{
	unsigned int linear = datagram_part(skb)->linear;
	size_t part = 0;
	int err;

	if (!skb->data_len && skb->len < linear) {
		part = min_t(size_t, len, linear - skb->len);
		err = datagram_copy(piece, skb_put(skb, part), part);
		if (err)
			return err;
	}
	for (len -= part; len; len -= part) {
		if (!datagram_page_room(skb) && !datagram_add_page(skb))
			return -ENOBUFS;
		part = min_t(size_t, len, datagram_page_room(skb));
		err = datagram_copy_to_page(skb, piece, part);
		if (err)
			return err;
	}
	return 0;
}

/* How many of @left bytes go into @skb, the last part so far. */
static size_t datagram_room(const struct xinet_raw_datagram *dg,
			    const struct sk_buff *skb, size_t left)
{
	unsigned int full = datagram_full_room(dg);

	if (skb->len + left <= datagram_last_room(dg))
		return left;
	return skb->len < full ? full - skb->len : 0;
}

/*
 * Adds the part after @skb. That was filled as the last one and must now end at
 * a multiple of 8: the bytes beyond move to the new part.
 */
static struct sk_buff *datagram_next_part(struct xinet_raw_datagram *dg,
					  struct sk_buff *skb, size_t left,
					  bool more)
{
	unsigned int full = datagram_full_room(dg);
	unsigned int gap = skb->len - full;
	struct sk_buff *next;

	next = datagram_add_part(dg, gap + left, more);
	if (!next || !gap)
		return next;
	if (skb_copy_bits(skb, full, skb_put(next, gap), gap) ||
	    pskb_trim(skb, full))
		return NULL;
	return next;
}

static int datagram_append(struct xinet_raw_datagram *dg,
			   struct xinet_raw_piece *piece)
{
	bool more = piece->msg->msg_flags & MSG_MORE;
	size_t left = piece->len;
	struct sk_buff *skb;
	size_t room;
	int err;

	skb = skb_peek_tail(&dg->parts) ?: datagram_add_part(dg, left, more);
	while (skb) {
		room = datagram_room(dg, skb, left);
		err = datagram_fill(skb, piece, room);
		if (err)
			return err;
		left -= room;
		if (!left)
			return 0;
		skb = datagram_next_part(dg, skb, left, more);
	}
	return -ENOBUFS;
}

int xinet_raw_datagram_append(struct xinet_raw_datagram *dg,
			      struct xinet_raw_piece *piece, __be32 daddr)
{
	size_t most = (ip_sk_ignore_df(dg->sk) ? IP_MAX_MTU : dg->mtu) -
		      dg->header;
	bool first = skb_queue_empty(&dg->parts);
	struct sk_buff *skb;
	int err;

	if (dg->length + piece->len > most) {
		xinet_raw_error_local(dg->sk, EMSGSIZE, daddr,
				      dg->mtu - dg->options.rcu.opt.optlen);
		return -EMSGSIZE;
	}
	err = datagram_append(dg, piece);
	if (err)
		return err;

	dg->length += piece->len;
	if (first) {
		/* The first fragment carries the timestamp of the whole. */
		skb = skb_peek(&dg->parts);
		xinet_skb_apply_sockcm(skb, dg->sk, &dg->ipc.sockc);
		if (piece->msg->msg_flags & MSG_CONFIRM)
			skb_set_dst_pending_confirm(skb, 1);
	}
	return 0;
}

/* Chains the parts behind the first, as ip_do_fragment() expects them. */
static struct sk_buff *datagram_chain(struct xinet_raw_datagram *dg)
{
	struct sk_buff *first = __skb_dequeue(&dg->parts);
	struct sk_buff **end = &skb_shinfo(first)->frag_list;
	struct sk_buff *skb;

	memset(IPCB(first), 0, sizeof(*IPCB(first)));
	while ((skb = __skb_dequeue(&dg->parts))) {
		memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
		*end = skb;
		end = &skb->next;
		first->len += skb->len;
		first->data_len += skb->len;
		/* The first one is charged for all. */
		first->truesize += skb->truesize;
		skb->destructor = NULL;
		skb->sk = NULL;
	}
	return first;
}

/* Milliseconds since midnight UT (RFC 791, internet timestamp). */
static __be32 datagram_timestamp(void)
{
	u32 ms;

	div_u64_rem(ktime_to_ms(ktime_get_real()),
		    24 * 60 * 60 * MSEC_PER_SEC, &ms);
	return htonl(ms);
}

/*
 * Writes the options after the header of @skb, including the last hop of a
 * source route and what this host records.
 */
static void datagram_put_options(const struct xinet_raw_datagram *dg,
				 struct sk_buff *skb)
{
	struct ip_options *opt = &IPCB(skb)->opt;
	struct iphdr *iph = ip_hdr(skb);
	u8 *base = (u8 *)iph;
	__be32 now;

	*opt = dg->options.rcu.opt;
	memcpy(iph + 1, dg->options.rcu.opt.__data, opt->optlen);
	iph->ihl += opt->optlen / 4;

	/* Byte 1 of an option is its length, byte 2 a pointer that counts from 1. */
	if (opt->srr)
		memcpy(base + opt->srr + base[opt->srr + 1] - sizeof(__be32),
		       &dg->daddr, sizeof(__be32));
	if (opt->rr_needaddr)
		memcpy(base + opt->rr + base[opt->rr + 2] - 5, &iph->saddr,
		       sizeof(__be32));
	if (opt->ts_needaddr)
		memcpy(base + opt->ts + base[opt->ts + 2] - 9, &iph->saddr,
		       sizeof(__be32));
	if (opt->ts_needtime) {
		now = datagram_timestamp();
		memcpy(base + opt->ts + base[opt->ts + 2] - 5, &now,
		       sizeof(now));
	}
}

/*
 * From IP_TTL, IP_MULTICAST_TTL or a control message, else from the route or
 * net.ipv4.ip_default_ttl.
 */
static u8 datagram_ttl(const struct xinet_raw_datagram *dg,
		       const struct rtable *rt)
{
	const struct inet_sock *inet = inet_sk(dg->sk);
	int ttl = READ_ONCE(inet->uc_ttl);

	if (dg->ipc.ttl)
		return dg->ipc.ttl;
	if (rt->rt_type == RTN_MULTICAST)
		return READ_ONCE(inet->mc_ttl);
	return ttl < 0 ? ip4_dst_hoplimit(&rt->dst) : ttl;
}

static bool datagram_dont_fragment(const struct sock *sk,
				   const struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);
	u8 pmtudisc = READ_ONCE(inet_sk(sk)->pmtudisc);

	return pmtudisc == IP_PMTUDISC_DO || pmtudisc == IP_PMTUDISC_PROBE ||
	       (skb->len <= dst_mtu(dst) && ip_dont_fragment(sk, dst));
}

/* Writes the IPv4 header (RFC 791) that PF_INET would; skb_dst() is set. */
static void datagram_put_header(const struct xinet_raw_datagram *dg,
				struct sk_buff *skb, const struct flowi4 *fl4)
{
	struct sock *sk = dg->sk;
	struct iphdr *iph;

	iph = skb_push(skb, dg->header);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, dg->header);

	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = xinet_ipcm_tos(&dg->ipc, inet_sk(sk));
	iph->tot_len = htons(skb->len);
	iph->frag_off = datagram_dont_fragment(sk, skb) ? htons(IP_DF) : 0;
	iph->ttl = datagram_ttl(dg, skb_rtable(skb));
	iph->protocol = sk->sk_protocol;
	iph->saddr = fl4->saddr;
	iph->daddr = fl4->daddr;
	ip_select_ident(sock_net(sk), skb, sk);
	if (dg->options.rcu.opt.optlen)
		datagram_put_options(dg, skb);
}

int xinet_raw_datagram_send(struct xinet_raw_datagram *dg,
			    const struct flowi4 *fl4)
{
	struct sk_buff *skb = datagram_chain(dg);
	struct net *net = sock_net(dg->sk);
	int err;

	skb->protocol = htons(ETH_P_IP);
	skb->ip_summed = CHECKSUM_NONE;
	skb->ignore_df = ip_sk_ignore_df(dg->sk);
	skb->priority = xinet_ipcm_priority(&dg->ipc, dg->sk, false);
	skb_dst_set(skb, &dg->rt->dst);
	dg->rt = NULL;
	datagram_put_header(dg, skb, fl4);
	if (dg->sk->sk_protocol == IPPROTO_ICMP)
		xinet_raw_count_icmp(net, fl4->fl4_icmp_type);

	err = ip_local_out(net, dg->sk, skb);
	return err > 0 ? net_xmit_errno(err) : err;
}
