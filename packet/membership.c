// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memberships: what a device receives for a packet socket besides its own
 * traffic. options.c adds and drops them, packet.c drops them when the socket
 * is closed or the device is removed, diag.c reports them. All state here is
 * under RTNL.
 */
#include <linux/if_packet.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/xinet_diag.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "packet/membership.h"
#include "packet/sock.h"

/* struct packet_mreq with room for the address of any device. */
struct membership_req {
	int ifindex;
	unsigned short type;
	unsigned short alen;
	u8 addr[MAX_ADDR_LEN];
};

/* @count: how often it has been added */
struct membership {
	struct list_head node;
	struct membership_req req;
	unsigned int count;
};

static_assert(offsetof(struct membership_req, addr) ==
	      offsetof(struct packet_mreq, mr_address));

static int membership_address(struct net_device *dev,
			      const struct membership_req *req, bool on)
{
	if (req->alen != dev->addr_len)
		return -EINVAL;
	if (req->type == PACKET_MR_MULTICAST)
		return on ? dev_mc_add(dev, req->addr) :
			    dev_mc_del(dev, req->addr);
	return on ? dev_uc_add(dev, req->addr) : dev_uc_del(dev, req->addr);
}

/* An unknown type is kept but does not change the device, as in AF_PACKET. */
static int membership_apply(struct net_device *dev,
			    const struct membership_req *req, bool on)
{
	switch (req->type) {
	case PACKET_MR_MULTICAST:
	case PACKET_MR_UNICAST:
		return membership_address(dev, req, on);
	case PACKET_MR_PROMISC:
		return dev_set_promiscuity(dev, on ? 1 : -1);
	case PACKET_MR_ALLMULTI:
		return dev_set_allmulti(dev, on ? 1 : -1);
	default:
		return 0;
	}
}

static struct membership *membership_find(struct xinet_packet_sock *po,
					  const struct membership_req *req)
{
	struct membership *m;

	list_for_each_entry(m, &po->memberships, node) {
		if (m->req.ifindex == req->ifindex &&
		    m->req.type == req->type && m->req.alen == req->alen &&
		    !memcmp(m->req.addr, req->addr, req->alen))
			return m;
	}
	return NULL;
}

static int membership_add(struct xinet_packet_sock *po,
			  const struct membership_req *req)
{
	struct net_device *dev;
	struct membership *m;
	int err;

	ASSERT_RTNL();
	dev = __dev_get_by_index(sock_net(&po->sk), req->ifindex);
	if (!dev)
		return -ENODEV;
	if (req->alen > dev->addr_len)
		return -EINVAL;

	m = membership_find(po, req);
	if (m) {
		m->count++;
		return 0;
	}

	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOBUFS;
	m->req = *req;
	m->count = 1;
	err = membership_apply(dev, req, true);
	if (err) {
		kfree(m);
		return err;
	}
	list_add(&m->node, &po->memberships);
	return 0;
}

static void membership_drop(struct xinet_packet_sock *po,
			    const struct membership_req *req)
{
	struct membership *m = membership_find(po, req);
	struct net_device *dev;

	if (!m || --m->count)
		return;

	list_del(&m->node);
	dev = __dev_get_by_index(sock_net(&po->sk), req->ifindex);
	if (dev)
		membership_apply(dev, req, false);
	kfree(m);
}

int xinet_membership_setsockopt(struct xinet_packet_sock *po, bool add,
				sockptr_t optval, unsigned int optlen)
{
	const size_t head = offsetof(struct membership_req, addr);
	struct membership_req req = {};
	int err = 0;

	if (optlen < sizeof(struct packet_mreq))
		return -EINVAL;
	optlen = min_t(unsigned int, optlen, sizeof(req));
	if (copy_from_sockptr(&req, optval, optlen))
		return -EFAULT;
	if (optlen < head + req.alen)
		return -EINVAL;

	rtnl_lock();
	if (add)
		err = membership_add(po, &req);
	else
		membership_drop(po, &req);
	rtnl_unlock();
	return err;
}

void xinet_membership_flush(struct xinet_packet_sock *po)
{
	struct membership *m, *next;
	struct net_device *dev;

	/* none is added to a socket being closed, the notifier only removes */
	if (list_empty_careful(&po->memberships))
		return;

	rtnl_lock();
	list_for_each_entry_safe(m, next, &po->memberships, node) {
		list_del(&m->node);
		dev = __dev_get_by_index(sock_net(&po->sk), m->req.ifindex);
		if (dev)
			membership_apply(dev, &m->req, false);
		kfree(m);
	}
	rtnl_unlock();
}

void xinet_membership_detach(struct xinet_packet_sock *po,
			     const struct net_device *dev,
			     struct list_head *gone)
{
	struct membership *m, *next;

	ASSERT_RTNL();
	list_for_each_entry_safe(m, next, &po->memberships, node) {
		if (m->req.ifindex == dev->ifindex)
			list_move(&m->node, gone);
	}
}

void xinet_membership_dispose(struct net_device *dev, struct list_head *gone)
{
	struct membership *m, *next;

	list_for_each_entry_safe(m, next, gone, node) {
		list_del(&m->node);
		membership_apply(dev, &m->req, false);
		kfree(m);
	}
}

static int membership_put_one(const struct membership *m, struct sk_buff *skb)
{
	struct xinet_diag_membership told = {
		.ifindex = m->req.ifindex,
		.count = m->count,
		.type = m->req.type,
		.alen = m->req.alen,
	};

	static_assert(sizeof(told.addr) == sizeof(m->req.addr));
	memcpy(told.addr, m->req.addr, sizeof(told.addr));
	return nla_put(skb, XINET_DIAG_MEMBERSHIP, sizeof(told), &told);
}

int xinet_membership_put(const struct xinet_packet_sock *po,
			 struct sk_buff *skb)
{
	const struct membership *m;
	u32 count = 0;

	ASSERT_RTNL();
	list_for_each_entry(m, &po->memberships, node) {
		if (count++ >= XINET_DIAG_MEMBERSHIPS_MAX)
			continue;
		if (membership_put_one(m, skb))
			return -EMSGSIZE;
	}
	return nla_put_u32(skb, XINET_DIAG_MEMBERSHIPS, count);
}
