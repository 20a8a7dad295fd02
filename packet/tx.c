// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending through a packet socket: packet.c calls this for a sendmsg() of one
 * frame, tx_ring.c for each frame of a send ring. A frame goes to the device
 * unchanged, in cooked mode behind a header that the device builds, without
 * routing, fragmentation or the firewall hooks of upper layers.
 */
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/netfilter_netdev.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/sock.h"
#include "packet/tx.h"
#include "packet/tx_pool.h"
#include "packet/vnet.h"

/* Bytes of a frame, with room at both ends, that is allocated as one. */
#define TX_SMALL	2048

/* Memory that the pool of a socket without a send ring may hold. */
#define TX_POOL_BYTES	SZ_32K

static struct net_device *tx_bound_dev(const struct xinet_packet_sock *po)
{
	struct net_device *dev;

	rcu_read_lock();
	dev = rcu_dereference(po->dev);
	dev_hold(dev);
	rcu_read_unlock();
	return dev;
}

/* Finds device, protocol and destination; on success tx->dev is held. */
static int tx_resolve(const struct xinet_packet_sock *po, struct xinet_tx *tx,
		      const struct msghdr *msg)
{
	DECLARE_SOCKADDR(const struct sockaddr_ll *, sll, msg->msg_name);
	const int addr = offsetof(struct sockaddr_ll, sll_addr);

	if (!sll) {
		tx->dev = tx_bound_dev(po);
		tx->proto = READ_ONCE(po->num);
		return tx->dev ? 0 : -ENXIO;
	}

	if (msg->msg_namelen < (int)sizeof(*sll) ||
	    msg->msg_namelen < addr + sll->sll_halen)
		return -EINVAL;
	tx->dev = dev_get_by_index(sock_net(&po->sk), sll->sll_ifindex);
	if (!tx->dev)
		return -ENXIO;
	tx->proto = sll->sll_protocol;
	if (!tx->cooked)
		return 0;

	if (msg->msg_namelen < addr + tx->dev->addr_len) {
		dev_put(tx->dev);
		return -EINVAL;
	}
	tx->addr = sll->sll_addr;
	return 0;
}

/* LL_RESERVED_SPACE() for a header length that was read before. */
static unsigned int tx_headroom(const struct net_device *dev,
				unsigned int hard_header_len)
{
	unsigned int hlen = hard_header_len + READ_ONCE(dev->needed_headroom);

	return round_down(hlen, HH_DATA_MOD) + HH_DATA_MOD;
}

int xinet_tx_begin(const struct xinet_packet_sock *po, struct xinet_tx *tx,
		   struct msghdr *msg)
{
	const struct sock *sk = &po->sk;
	int err;

	*tx = (struct xinet_tx){
		.cooked = READ_ONCE(sk->sk_type) == SOCK_DGRAM,
		.vnet_size = READ_ONCE(po->vnet_hdr_sz),
	};
	err = tx_resolve(po, tx, msg);
	if (err)
		return err;

	err = -ENETDOWN;
	if (unlikely(!(READ_ONCE(tx->dev->flags) & IFF_UP)))
		goto err_put;
	xinet_sockcm_init(&tx->sockc, sk);
	if (msg->msg_controllen) {
		err = sock_cmsg_send((struct sock *)sk, msg, &tx->sockc);
		if (err)
			goto err_put;
	}

	tx->hard_header_len = READ_ONCE(tx->dev->hard_header_len);
	tx->headroom = tx_headroom(tx->dev, tx->hard_header_len);
	tx->tailroom = READ_ONCE(tx->dev->needed_tailroom);
	if (!tx->cooked)
		tx->reserve = tx->hard_header_len;
	return 0;

err_put:
	dev_put(tx->dev);
	return err;
}

void xinet_tx_end(struct xinet_tx *tx)
{
	dev_put(tx->dev);
}

/* The only case in which a frame may exceed the MTU. */
static bool tx_has_vlan_tag(const struct net_device *dev, struct sk_buff *skb)
{
	if (dev->type != ARPHRD_ETHER)
		return false;
	skb_reset_mac_header(skb);
	return eth_hdr(skb)->h_proto == htons(ETH_P_8021Q);
}

bool xinet_tx_is_too_long(const struct xinet_tx *tx, size_t len,
			  struct sk_buff *skb)
{
	size_t most = (size_t)READ_ONCE(tx->dev->mtu) + tx->reserve +
		      tx->extra_len;

	if (!skb)
		return len > most + VLAN_HLEN;
	return len > most && !tx_has_vlan_tag(tx->dev, skb);
}

/* Checks what can be checked before more than a header is copied. */
static int tx_check(const struct sock *sk, struct xinet_tx *tx,
		    struct msghdr *msg, size_t *len)
{
	int err;

	if (tx->vnet_size) {
		err = xinet_vnet_get(&msg->msg_iter, len, tx->vnet_size,
				     &tx->vnet);
		if (err)
			return err;
	}
	if (unlikely(sock_flag(sk, SOCK_NOFCS))) {
		if (!netif_supports_nofcs(tx->dev))
			return -EPROTONOSUPPORT;
		tx->extra_len = ETH_FCS_LEN;
	}

	/* a frame to be segmented may be longer */
	if (!tx->vnet.gso_type && xinet_tx_is_too_long(tx, *len, NULL))
		return -EMSGSIZE;
	return 0;
}

/*
 * Allocates an skb with the frame in its own memory; NULL if the frame is not
 * small, or out of memory. Not in a page fragment, although those are cheap: a
 * receiver that keeps one frame would keep the whole page, but be charged only
 * for a part of it.
 */
static struct sk_buff *tx_alloc_small(const struct sock *sk,
				      const struct xinet_tx *tx, size_t len)
{
	size_t room = tx->headroom + tx->tailroom;
	struct sk_buff *skb;

	if (unlikely(room + len > TX_SMALL))
		return NULL;
	skb = alloc_skb(room + len, sk->sk_allocation | __GFP_NOWARN);
	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, tx->headroom);
	skb_put(skb, len);
	skb_reset_network_header(skb);
	return skb;
}

/* Creates the pool on the second send(); a single send() does not need one. */
static noinline struct xinet_tx_pool *tx_make_pool(struct xinet_packet_sock *po)
{
	struct xinet_tx_pool *pool, *other;

	if (!READ_ONCE(po->tx_sent)) {
		WRITE_ONCE(po->tx_sent, true);
		return NULL;
	}
	pool = xinet_tx_pool_new(TX_POOL_BYTES);
	if (!pool)
		return NULL;
	other = cmpxchg(&po->tx_pool, NULL, pool);
	if (!other)
		return pool;
	xinet_tx_pool_free(pool);
	return other;
}

/* For sendmsg(); concurrent senders do not wait for each other. */
static struct sk_buff *tx_alloc_pooled(struct sock *sk,
				       const struct xinet_tx *tx, size_t len)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	/* pairs with cmpxchg() in tx_make_pool() */
	struct xinet_tx_pool *pool = READ_ONCE(po->tx_pool);
	struct sk_buff *skb;

	if (unlikely(!pool))
		pool = tx_make_pool(po);
	if (unlikely(!pool || !xinet_tx_pool_try_begin(pool)))
		return NULL;
	skb = xinet_tx_pool_take(pool, tx->headroom, len, tx->tailroom);
	xinet_tx_pool_end(pool);
	return skb;
}

/* Whether sendmsg() has no error to report and need not wait. */
static bool tx_sock_is_free(const struct sock *sk)
{
	return sk_wmem_alloc_get(sk) < READ_ONCE(sk->sk_sndbuf) &&
	       !READ_ONCE(sk->sk_err) &&
	       !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN);
}

/* A frame of a page or more has only its headers in the linear part. */
static struct sk_buff *tx_alloc_any(struct sock *sk, const struct xinet_tx *tx,
				    size_t len, int noblock, int *err)
{
	const size_t max_paged =
		MAX_SKB_FRAGS * (PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER);
	size_t room = tx->headroom + tx->tailroom;
	struct sk_buff *skb;
	size_t linear;

	linear = max_t(size_t, xinet_vnet_hdr_len(&tx->vnet),
		       min_t(size_t, len, tx->hard_header_len));
	if (room + len < PAGE_SIZE || !linear)
		linear = len;
	if (len - linear > max_paged)
		linear = len - max_paged;

	skb = sock_alloc_send_pskb(sk, room + linear, len - linear, noblock,
				   err, PAGE_ALLOC_COSTLY_ORDER);
	if (!skb)
		return NULL;
	skb_reserve(skb, tx->headroom);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len += len - linear;
	skb_reset_network_header(skb);
	return skb;
}

struct sk_buff *xinet_tx_alloc(struct sock *sk, const struct xinet_tx *tx,
			       size_t len, int noblock, int *err)
{
	struct sk_buff *skb = NULL;

	if (likely(len <= TX_SMALL && tx_sock_is_free(sk))) {
		if (tx->pool)
			skb = xinet_tx_pool_take(tx->pool, tx->headroom, len,
						 tx->tailroom);
		else
			skb = tx_alloc_pooled(sk, tx, len);
		if (unlikely(!skb))
			skb = tx_alloc_small(sk, tx, len);
		if (likely(skb)) {
			skb_set_owner_w(skb, sk);
			return skb;
		}
	}
	return tx_alloc_any(sk, tx, len, noblock, err);
}

int xinet_tx_push_header(const struct xinet_tx *tx, struct sk_buff *skb,
			 size_t len)
{
	int offset;

	if (tx->cooked) {
		/* see xinet_tx_xmit(): header_ops may use freed data */
		rcu_read_lock();
		offset = -ENETDOWN;
		if (likely(READ_ONCE(tx->dev->flags) & IFF_UP)) {
			offset = dev_hard_header(skb, tx->dev, ntohs(tx->proto),
						 tx->addr, NULL, len);
			if (offset < 0)
				offset = -EINVAL;
		}
		rcu_read_unlock();
		return offset;
	}

	/* moves both ends: the header is part of the @len bytes */
	if (tx->reserve)
		skb_reserve(skb, -(int)tx->reserve);
	return 0;
}

/* Copies the frame in and checks what can be checked only then. */
static int tx_fill(const struct xinet_tx *tx, struct sk_buff *skb,
		   struct msghdr *msg, size_t len)
{
	const struct net_device *dev = tx->dev;
	int offset;
	int err;

	offset = xinet_tx_push_header(tx, skb, len);
	if (offset < 0)
		return offset;
	/* the header length varies, so its end is not known */
	if (!tx->cooked && len < tx->reserve + sizeof(struct ipv6hdr) &&
	    dev->min_header_len != tx->hard_header_len)
		skb_reset_network_header(skb);
	err = skb_copy_datagram_from_iter(skb, offset, &msg->msg_iter, len);
	if (err)
		return err;

	/* with CAP_SYS_RAWIO, a short header is padded with zeroes */
	if (!tx->cooked && !dev_validate_header(dev, skb->data, len))
		return -EINVAL;
	if (!skb->len)
		return -EINVAL;
	if (!tx->vnet.gso_type && xinet_tx_is_too_long(tx, len, skb))
		return -EMSGSIZE;
	return 0;
}

/*
 * skb_probe_transport_header() for TCP and UDP right behind an IPv4 header, the
 * common case, without the cost of the dissector.
 */
static bool tx_probe_ipv4(struct sk_buff *skb)
{
	unsigned int offset = skb_network_offset(skb);
	const struct iphdr *iph;

	if (skb->protocol != htons(ETH_P_IP) ||
	    skb_headlen(skb) < offset + sizeof(*iph))
		return false;
	iph = ip_hdr(skb);
	offset += iph->ihl * 4;
	if (iph->ihl < 5 || offset > skb->len ||
	    (iph->protocol != IPPROTO_UDP && iph->protocol != IPPROTO_TCP))
		return false;
	skb_set_transport_header(skb, offset);
	return true;
}

static void tx_parse_headers(const struct xinet_tx *tx, struct sk_buff *skb)
{
	int depth;

	skb_reset_mac_header(skb);
	if (!skb->protocol && !tx->cooked)
		skb->protocol = dev_parse_header_protocol(skb);
	if (!skb_transport_header_was_set(skb) && !tx_probe_ipv4(skb))
		skb_probe_transport_header(skb);

	/* classifiers expect the network header behind the tags */
	if (tx->dev->type == ARPHRD_ETHER && eth_type_vlan(skb->protocol) &&
	    vlan_get_protocol_and_depth(skb, skb->protocol, &depth))
		skb_set_network_header(skb, depth);
}

int xinet_tx_prepare(const struct xinet_packet_sock *po,
		     const struct xinet_tx *tx, struct sk_buff *skb)
{
	int err;

	skb->dev = tx->dev;
	xinet_skb_apply_sockcm(skb, &po->sk, &tx->sockc);
	skb->no_fcs = tx->extra_len != 0;

	if (tx->vnet_size) {
		err = xinet_vnet_apply(skb, &tx->vnet);
		if (err)
			return err;
	}
	tx_parse_headers(tx, skb);
	if (tx->vnet_size)
		xinet_vnet_set_protocol(skb, &tx->vnet);
	return 0;
}

static u16 tx_pick_queue(struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	const struct net_device_ops *ops = dev->netdev_ops;
	int cpu = raw_smp_processor_id();
	u16 queue;

#ifdef CONFIG_XPS
	skb->sender_cpu = cpu + 1;
#endif
	skb_record_rx_queue(skb, cpu % dev->real_num_tx_queues);
	if (!ops->ndo_select_queue)
		return netdev_pick_tx(dev, skb, NULL);
	queue = ops->ndo_select_queue(dev, skb, NULL);
	return netdev_cap_txqueue(dev, queue);
}

/*
 * The egress hook, as dev_queue_xmit() runs it before the qdisc. NULL: the hook
 * dropped the packet, or took it and set *@ret to NET_XMIT_SUCCESS.
 */
static struct sk_buff *tx_egress_hook(struct sk_buff *skb, int *ret)
{
#ifdef CONFIG_NETFILTER_EGRESS
	if (nf_hook_egress_active()) {
		/* fwd and dup count their nesting per CPU */
		rcu_read_lock_bh();
		skb = nf_hook_egress(skb, ret, skb->dev);
		rcu_read_unlock_bh();
	}
#endif
	return skb;
}

static int tx_direct_xmit(struct sk_buff *skb)
{
	int ret = NET_XMIT_DROP;

	skb = tx_egress_hook(skb, &ret);
	if (!skb)
		return ret;
	return dev_direct_xmit(skb, tx_pick_queue(skb));
}

/*
 * The device may have been unregistered while the caller waited for the send
 * buffer or for a page fault on memory of the program. It then has no queues,
 * and choosing one would divide by zero or loop forever. IFF_UP is cleared a
 * grace period before that, so it is checked under RCU. A device that has moved
 * to another namespace is rejected as well.
 */
int xinet_tx_xmit(const struct xinet_packet_sock *po, struct sk_buff *skb)
{
	int err;

	rcu_read_lock();
	if (unlikely(!(READ_ONCE(skb->dev->flags) & IFF_UP) ||
		     !net_eq(dev_net(skb->dev), sock_net(&po->sk)))) {
		kfree_skb(skb);
		err = -ENETDOWN;
	} else if (READ_ONCE(po->qdisc_bypass)) {
		err = tx_direct_xmit(skb);
	} else {
		err = dev_queue_xmit(skb);
	}
	rcu_read_unlock();
	return err > 0 ? net_xmit_errno(err) : err;
}

/* Sends one frame of @len bytes, the virtio-net header included. */
static int tx_send(struct xinet_packet_sock *po, struct xinet_tx *tx,
		   struct msghdr *msg, size_t len)
{
	struct sock *sk = &po->sk;
	struct sk_buff *skb;
	int err;

	err = tx_check(sk, tx, msg, &len);
	if (err)
		return err;
	skb = xinet_tx_alloc(sk, tx, len, msg->msg_flags & MSG_DONTWAIT, &err);
	if (!skb)
		return err;
	err = tx_fill(tx, skb, msg, len);
	if (err)
		goto err_free;
	xinet_tx_set_protocol(tx, skb);
	err = xinet_tx_prepare(po, tx, skb);
	if (err)
		goto err_free;
	return xinet_tx_xmit(po, skb);

err_free:
	kfree_skb(skb);
	return err;
}

int xinet_tx_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sock->sk);
	struct xinet_tx tx;
	int err;

	err = xinet_tx_begin(po, &tx, msg);
	if (err)
		return err;
	err = tx_send(po, &tx, msg, len);
	xinet_tx_end(&tx);
	return err ? err : len;
}
