// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending through a packet socket: one sendmsg() is one frame. The frame goes
 * to the device as it is, in cooked mode behind a header that the device
 * builds; routing, fragmentation and the firewall of upper layers have no part
 * in it.
 */
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/netfilter_netdev.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/packet.h"
#include "packet/tx.h"
#include "packet/vnet.h"

/*
 * One frame under construction.
 * @dev: held
 * @addr: link-level destination, NULL when the device is to choose
 * @proto: ETH_P_*, network byte order
 * @cooked: the device builds the link-level header
 * @hard_header_len: of @dev, read once: a bond may change it meanwhile
 * @reserve: bytes of @len that are link-level header
 * @extra_len: bytes of checksum that userspace appended (SO_NOFCS)
 * @len: bytes of the frame that userspace gives, without virtio-net header
 * @vnet_size: bytes of virtio-net header in front of it, 0 for none
 * @vnet: that header, zeroed if there is none
 */
struct tx_frame {
	struct net_device *dev;
	const unsigned char *addr;
	__be16 proto;
	bool cooked;
	unsigned int hard_header_len;
	unsigned int reserve;
	unsigned int extra_len;
	size_t len;
	unsigned int vnet_size;
	struct virtio_net_hdr vnet;
	struct sockcm_cookie sockc;
};

static struct net_device *tx_bound_dev(const struct xinet_packet_sock *po)
{
	struct net_device *dev;

	rcu_read_lock();
	dev = rcu_dereference(po->dev);
	dev_hold(dev);
	rcu_read_unlock();
	return dev;
}

/* Finds device, protocol and destination; on success f->dev is held. */
static int tx_resolve(const struct xinet_packet_sock *po, struct tx_frame *f,
		      const struct msghdr *msg)
{
	DECLARE_SOCKADDR(const struct sockaddr_ll *, sll, msg->msg_name);
	const int addr = offsetof(struct sockaddr_ll, sll_addr);

	if (!sll) {
		f->dev = tx_bound_dev(po);
		f->proto = READ_ONCE(po->num);
		return f->dev ? 0 : -ENXIO;
	}

	if (msg->msg_namelen < (int)sizeof(*sll) ||
	    msg->msg_namelen < addr + sll->sll_halen)
		return -EINVAL;
	f->dev = dev_get_by_index(sock_net(&po->sk), sll->sll_ifindex);
	if (!f->dev)
		return -ENXIO;
	f->proto = sll->sll_protocol;
	if (!f->cooked)
		return 0;

	if (msg->msg_namelen < addr + f->dev->addr_len) {
		dev_put(f->dev);
		return -EINVAL;
	}
	f->addr = sll->sll_addr;
	return 0;
}

/* What is to be segmented may be longer than the MTU. */
static bool tx_is_too_long(const struct tx_frame *f, size_t tag_len)
{
	return !f->vnet.gso_type &&
	       f->len > (size_t)READ_ONCE(f->dev->mtu) + f->reserve + tag_len +
			f->extra_len;
}

/* Judges device and length before anything is copied. */
static int tx_check(struct sock *sk, struct tx_frame *f, struct msghdr *msg)
{
	struct net_device *dev = f->dev;
	int err;

	if (unlikely(!(READ_ONCE(dev->flags) & IFF_UP)))
		return -ENETDOWN;

	xinet_sockcm_init(&f->sockc, sk);
	if (msg->msg_controllen) {
		err = sock_cmsg_send(sk, msg, &f->sockc);
		if (err)
			return err;
	}

	f->hard_header_len = READ_ONCE(dev->hard_header_len);
	if (!f->cooked)
		f->reserve = f->hard_header_len;
	if (f->vnet_size) {
		err = xinet_vnet_get(&msg->msg_iter, &f->len, f->vnet_size,
				     &f->vnet);
		if (err)
			return err;
	}
	if (unlikely(sock_flag(sk, SOCK_NOFCS))) {
		if (!netif_supports_nofcs(dev))
			return -EPROTONOSUPPORT;
		f->extra_len = ETH_FCS_LEN;
	}

	return tx_is_too_long(f, VLAN_HLEN) ? -EMSGSIZE : 0;
}

/* LL_RESERVED_SPACE() for the header length that was read before. */
static size_t tx_headroom(const struct tx_frame *f)
{
	unsigned int hlen = f->hard_header_len;

	hlen += READ_ONCE(f->dev->needed_headroom);
	return round_down(hlen, HH_DATA_MOD) + HH_DATA_MOD;
}

/* A frame of a page or more has only its headers in the linear part. */
static struct sk_buff *tx_alloc(struct sock *sk, const struct tx_frame *f,
				int noblock, int *err)
{
	const size_t max_paged =
		MAX_SKB_FRAGS * (PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER);
	size_t headroom = tx_headroom(f);
	size_t room = headroom + f->dev->needed_tailroom;
	size_t len = f->len;
	struct sk_buff *skb;
	size_t linear;

	linear = max_t(size_t, xinet_vnet_hdr_len(&f->vnet),
		       min_t(size_t, len, f->hard_header_len));
	if (room + len < PAGE_SIZE || !linear)
		linear = len;
	if (len - linear > max_paged)
		linear = len - max_paged;

	skb = sock_alloc_send_pskb(sk, room + linear, len - linear, noblock,
				   err, PAGE_ALLOC_COSTLY_ORDER);
	if (!skb)
		return NULL;
	skb_reserve(skb, headroom);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len += len - linear;
	skb_reset_network_header(skb);
	return skb;
}

/* Puts the data pointer where userspace's bytes go; returns their offset. */
static int tx_make_header(const struct tx_frame *f, struct sk_buff *skb)
{
	if (f->cooked)
		return dev_hard_header(skb, f->dev, ntohs(f->proto), f->addr,
				       NULL, f->len);

	if (!f->reserve)
		return 0;
	/* both ends move: the header is part of what is there already */
	skb_reserve(skb, -(int)f->reserve);
	/* a header of varying length: where it ends is not known */
	if (f->len < f->reserve + sizeof(struct ipv6hdr) &&
	    f->dev->min_header_len != f->hard_header_len)
		skb_reset_network_header(skb);
	return 0;
}

/* The one case in which a frame may be longer than the MTU says. */
static bool tx_has_vlan_tag(const struct net_device *dev, struct sk_buff *skb)
{
	if (dev->type != ARPHRD_ETHER)
		return false;
	skb_reset_mac_header(skb);
	return eth_hdr(skb)->h_proto == htons(ETH_P_8021Q);
}

/* Copies the frame in and judges what can be judged only now. */
static int tx_fill(const struct tx_frame *f, struct sk_buff *skb,
		   struct msghdr *msg)
{
	int offset;
	int err;

	offset = tx_make_header(f, skb);
	if (offset < 0)
		return -EINVAL;
	err = skb_copy_datagram_from_iter(skb, offset, &msg->msg_iter, f->len);
	if (err)
		return err;

	/* lets CAP_SYS_RAWIO send a short header, padded with zeroes */
	if (!f->cooked && !dev_validate_header(f->dev, skb->data, f->len))
		return -EINVAL;
	if (!skb->len)
		return -EINVAL;
	if (tx_is_too_long(f, 0) && !tx_has_vlan_tag(f->dev, skb))
		return -EMSGSIZE;
	return 0;
}

/* Sets what the queueing discipline, classifiers and the driver look at. */
static void tx_dress(const struct sock *sk, const struct tx_frame *f,
		     struct sk_buff *skb)
{
	int depth;

	if (f->proto != htons(ETH_P_ALL))
		skb->protocol = f->proto;
	skb->dev = f->dev;
	xinet_skb_apply_sockcm(skb, sk, &f->sockc);
	skb->no_fcs = f->extra_len != 0;

	skb_reset_mac_header(skb);
	if (!skb->protocol && !f->cooked)
		skb->protocol = dev_parse_header_protocol(skb);
	skb_probe_transport_header(skb);

	/* behind the tags, where classifiers look for the network header */
	if (f->dev->type == ARPHRD_ETHER && eth_type_vlan(skb->protocol) &&
	    vlan_get_protocol_and_depth(skb, skb->protocol, &depth))
		skb_set_network_header(skb, depth);
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

/* What dev_queue_xmit() would do before the qdisc; NULL: the hook took it. */
static struct sk_buff *tx_egress_hook(struct sk_buff *skb)
{
#ifdef CONFIG_NETFILTER_EGRESS
	int ret;

	if (nf_hook_egress_active()) {
		rcu_read_lock();
		skb = nf_hook_egress(skb, &ret, skb->dev);
		rcu_read_unlock();
	}
#endif
	return skb;
}

static int tx_xmit(const struct xinet_packet_sock *po, struct sk_buff *skb)
{
	if (!READ_ONCE(po->qdisc_bypass))
		return dev_queue_xmit(skb);

	skb = tx_egress_hook(skb);
	if (!skb)
		return NET_XMIT_DROP;
	return dev_direct_xmit(skb, tx_pick_queue(skb));
}

int xinet_tx_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	struct tx_frame f = {
		.cooked = READ_ONCE(sk->sk_type) == SOCK_DGRAM,
		.len = len,
		.vnet_size = READ_ONCE(po->vnet_hdr_sz),
	};
	struct sk_buff *skb;
	int err;

	err = tx_resolve(po, &f, msg);
	if (err)
		return err;
	err = tx_check(sk, &f, msg);
	if (err)
		goto out_put;
	skb = tx_alloc(sk, &f, msg->msg_flags & MSG_DONTWAIT, &err);
	if (!skb)
		goto out_put;
	err = tx_fill(&f, skb, msg);
	if (err)
		goto err_free;
	tx_dress(sk, &f, skb);
	if (f.vnet_size) {
		err = xinet_vnet_apply(skb, &f.vnet);
		if (err)
			goto err_free;
	}

	/* takes the skb, whatever it returns */
	err = tx_xmit(po, skb);
	if (err > 0)
		err = net_xmit_errno(err);
	goto out_put;

err_free:
	kfree_skb(skb);
out_put:
	dev_put(f.dev);
	return err ? err : len;
}
