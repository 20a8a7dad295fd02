// SPDX-License-Identifier: GPL-2.0-only
/*
 * A net_device for tests: frames sent through it are kept for the test to
 * check, frames to receive are handed to the stack as a driver does.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/net.h>
#include <linux/rtnetlink.h>
#include <net/ip.h>
#include <net/net_namespace.h>

#include "af_xinet/family.h"
#include "fake_dev.h"

struct fake_priv {
	struct sk_buff_head sent;
};

static netdev_tx_t fake_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct fake_priv *priv = netdev_priv(dev);

	skb_orphan(skb);
	skb_queue_tail(&priv->sent, skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops fake_ops = {
	.ndo_start_xmit	= fake_xmit,
};

static void fake_setup(struct net_device *dev)
{
	struct fake_priv *priv = netdev_priv(dev);

	ether_setup(dev);
	dev->netdev_ops = &fake_ops;
	eth_hw_addr_random(dev);
	skb_queue_head_init(&priv->sent);
}

struct net_device *xinet_fake_dev_create(struct kunit *test)
{
	struct net_device *dev;
	int err;

	dev = alloc_netdev(sizeof(struct fake_priv), "xkunit%d",
			   NET_NAME_UNKNOWN, fake_setup);
	KUNIT_ASSERT_NOT_NULL(test, dev);

	rtnl_lock();
	err = register_netdevice(dev);
	if (!err)
		err = dev_open(dev, NULL);
	rtnl_unlock();
	KUNIT_ASSERT_EQ(test, err, 0);
	return dev;
}

void xinet_fake_dev_destroy(struct net_device *dev)
{
	struct fake_priv *priv;

	if (!dev)
		return;
	priv = netdev_priv(dev);
	unregister_netdev(dev);
	skb_queue_purge(&priv->sent);
	free_netdev(dev);
}

struct sk_buff *xinet_fake_dev_sent(struct net_device *dev)
{
	struct fake_priv *priv = netdev_priv(dev);

	return skb_dequeue(&priv->sent);
}

void xinet_fake_dev_receive_at(struct kunit *test, struct net_device *dev,
			       const void *frame, size_t len, ktime_t hwtstamp)
{
	struct sk_buff *skb = netdev_alloc_skb(dev, len);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put_data(skb, frame, len);
	skb->protocol = eth_type_trans(skb, dev);
	skb_hwtstamps(skb)->hwtstamp = hwtstamp;
	local_bh_disable();
	netif_receive_skb(skb);
	local_bh_enable();
}

void xinet_fake_dev_receive(struct kunit *test, struct net_device *dev,
			    const void *frame, size_t len)
{
	xinet_fake_dev_receive_at(test, dev, frame, len, 0);
}

struct sk_buff *xinet_fake_ip_skb(struct kunit *test, struct net_device *dev,
				  u8 protocol, __be32 saddr, __be32 daddr,
				  unsigned int payload)
{
	struct sk_buff *skb = netdev_alloc_skb(dev, sizeof(struct iphdr) +
						    payload);
	struct iphdr *iph;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_reset_network_header(skb);
	iph = skb_put_zero(skb, sizeof(*iph) + payload);
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tot_len = htons(skb->len);
	iph->ttl = 64;
	iph->protocol = protocol;
	iph->saddr = saddr;
	iph->daddr = daddr;
	ip_send_check(iph);
	skb_set_transport_header(skb, sizeof(*iph));
	skb->protocol = htons(ETH_P_IP);
	skb->pkt_type = PACKET_HOST;
	return skb;
}

struct socket *xinet_fake_packet_socket(struct kunit *test)
{
	struct socket *sock;

	KUNIT_ASSERT_EQ(test,
			sock_create_kern(&init_net, xinet_family_number(),
					 SOCK_PACKET, 0, &sock), 0);
	return sock;
}

void xinet_fake_bind(struct kunit *test, struct socket *sock,
		     const struct net_device *dev, u16 type)
{
	struct sockaddr_ll sll = {
		.sll_family	= AF_PACKET,
		.sll_protocol	= htons(type),
		.sll_ifindex	= dev ? dev->ifindex : 0,
	};

	KUNIT_ASSERT_EQ(test, sock->ops->bind(sock, (void *)&sll, sizeof(sll)),
			0);
}
