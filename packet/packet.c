// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet sockets: socket(PF_XINET, SOCK_PACKET, ethertype). This file creates
 * and closes them, has the device notifier and the proto_ops, most of which
 * call other files of this folder. It handles no packets.
 *
 * Locks, outermost first: RTNL, pn->lock, bind_lock, the lock of the fanout
 * groups, the lock of the taps; bind_lock is also taken under the socket lock,
 * which is never taken under RTNL (the default timeout of a V3 ring takes RTNL
 * under the socket lock).
 */
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/socket.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>
#include <net/inet_common.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/xinet.h>

#include "compat/xinet_compat_packet.h"
#include "af_xinet/family.h"
#include "af_xinet/protosw.h"
#include "af_xinet/reach.h"
#include "af_xinet/registry.h"
#include "packet/bind.h"
#include "packet/dropped.h"
#include "packet/fanout.h"
#include "packet/filter_change.h"
#include "packet/live_devices.h"
#include "packet/membership.h"
#include "packet/options.h"
#include "packet/owner.h"
#include "packet/packet.h"
#include "packet/point.h"
#include "packet/queue.h"
#include "packet/queue_copybreak.h"
#include "packet/receiver.h"
#include "packet/ring/lanes.h"
#include "packet/ring/ring.h"
#include "packet/ring/tx_ring.h"
#include "packet/sock.h"
#include "packet/tap/filter.h"
#include "packet/tap/tap.h"
#include "packet/tx.h"
#include "packet/tx_pool.h"

static int packet_bind(struct socket *sock, struct xinet_sockaddr *uaddr,
		       int addr_len)
{
	const struct sockaddr_ll *sll = (const struct sockaddr_ll *)uaddr;
	struct sock *sk = sock->sk;
	int err;

	if (addr_len < (int)sizeof(*sll))
		return -EINVAL;
	if (sll->sll_family != AF_PACKET &&
	    sll->sll_family != xinet_family_number())
		return -EINVAL;

	xinet_tap_throttle(xinet_packet_taps(xinet_packet_sk(sk)));
	lock_sock(sk);
	err = xinet_packet_bind(xinet_packet_sk(sk), sll->sll_ifindex,
				sll->sll_protocol);
	release_sock(sk);
	return err;
}

static int packet_getname(struct socket *sock, struct sockaddr *uaddr,
			  int peer)
{
	const struct xinet_packet_sock *po = xinet_packet_sk(sock->sk);
	DECLARE_SOCKADDR(struct sockaddr_ll *, sll, uaddr);
	const int addr = offsetof(struct sockaddr_ll, sll_addr);
	const struct net_device *dev;

	if (peer)
		return -EOPNOTSUPP;

	/* an address may be longer than sll_addr; there is room behind it */
	memset(uaddr, 0, addr + MAX_ADDR_LEN);
	sll->sll_family = AF_PACKET;
	sll->sll_protocol = READ_ONCE(po->num);
	sll->sll_ifindex = READ_ONCE(po->ifindex);
	rcu_read_lock();
	dev = dev_get_by_index_rcu(sock_net(sock->sk), sll->sll_ifindex);
	if (dev) {
		sll->sll_hatype = dev->type;
		sll->sll_halen = READ_ONCE(dev->addr_len);
		memcpy((u8 *)(void *)uaddr + addr, dev->dev_addr,
		       sll->sll_halen);
	}
	rcu_read_unlock();
	return addr + sll->sll_halen;
}

static int packet_ioctl(struct socket *sock, unsigned int cmd,
			unsigned long arg)
{
	struct sock *sk = sock->sk;
	const struct sk_buff *skb;
	int amount = 0;

	switch (cmd) {
	case SIOCOUTQ:
		return put_user((int)sk_wmem_alloc_get(sk), (int __user *)arg);
	case SIOCINQ:
		spin_lock_bh(&sk->sk_receive_queue.lock);
		skb = skb_peek(&sk->sk_receive_queue);
		if (skb)
			amount = skb->len;
		spin_unlock_bh(&sk->sk_receive_queue.lock);
		return put_user(amount, (int __user *)arg);
	case SIOCADDRT:
	case SIOCDELRT:
	case SIOCDARP:
	case SIOCGARP:
	case SIOCSARP:
	case SIOCGIFADDR:
	case SIOCSIFADDR:
	case SIOCGIFBRDADDR:
	case SIOCSIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCSIFNETMASK:
	case SIOCGIFDSTADDR:
	case SIOCSIFDSTADDR:
	case SIOCSIFFLAGS:
		return inet_dgram_ops.ioctl(sock, cmd, arg);
	default:
		return -ENOIOCTLCMD;
	}
}

static void packet_discard_queue(struct sk_buff_head *queue)
{
	struct sk_buff_head stale;

	__skb_queue_head_init(&stale);
	spin_lock_bh(&queue->lock);
	skb_queue_splice_init(queue, &stale);
	spin_unlock_bh(&queue->lock);
	xinet_packet_discard(&stale);
}

/*
 * Packets in flight are rejected, because the sink has no source any more; the
 * socket is freed after a grace period (SOCK_RCU_FREE).
 */
static int packet_release(struct socket *sock)
{
	struct xinet_packet_sock *po;
	struct xinet_packet_net *pn;
	struct sock *sk = sock->sk;
	struct net *net;

	if (!sk)
		return 0;
	po = xinet_packet_sk(sk);
	net = sock_net(sk);
	pn = xinet_packet_pernet(net);

	xinet_registry_del(sk);
	mutex_lock(&pn->lock);
	sk_del_node_init_rcu(sk);
	mutex_unlock(&pn->lock);
	sock_prot_inuse_add(net, sk->sk_prot, -1);

	xinet_membership_flush(po);
	xinet_dropped_release(po);
	xinet_point_release(po);

	/* filter_work may be running, or start later and see SOCK_DEAD */
	lock_sock(sk);
	mutex_lock(&po->bind_lock);
	xinet_fanout_leave(po);
	xinet_packet_detach(po);
	mutex_unlock(&po->bind_lock);
	xinet_filter_change_drop(po);
	xinet_ring_release(po);
	xinet_lanes_release(po);
	sock_orphan(sk);
	sock->sk = NULL;
	release_sock(sk);
	xinet_filter_change_cancel(po);

	packet_discard_queue(&sk->sk_receive_queue);
	xinet_queue_copybreak_release(po);
	xinet_tx_pool_free(po->tx_pool);
	sock_put(sk);
	return 0;
}

/* Runs an RCU grace period after the last reference is dropped. */
static void packet_destruct(struct sock *sk)
{
	skb_queue_purge(&sk->sk_error_queue);
	kfree(xinet_packet_sk(sk)->rollover);
	xinet_owner_view_free(xinet_packet_sk(sk)->owner);
	kfree(xinet_packet_sk(sk)->dropped);
	xinet_point_free(xinet_packet_sk(sk)->point);
	WARN_ON_ONCE(atomic_read(&sk->sk_rmem_alloc));
	WARN_ON_ONCE(refcount_read(&sk->sk_wmem_alloc));
}

static __poll_t packet_poll(struct file *file, struct socket *sock,
			    poll_table *wait)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sock->sk);
	__poll_t mask = datagram_poll(file, sock, wait);

	if (unlikely(READ_ONCE(po->rollover)))
		xinet_fanout_relieve(po);
	/* pairs with smp_store_release() in lanes.c */
	if (smp_load_acquire(&po->lanes))
		return mask | xinet_lanes_poll(po);
	return mask | xinet_receiver_poll(po) | xinet_tx_ring_poll(po);
}

static int packet_mmap(struct file *file, struct socket *sock,
		       struct vm_area_struct *vma)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sock->sk);
	int err;

	mutex_lock(&po->ring_lock);
	if (po->lanes)
		err = xinet_lanes_mmap(po, vma);
	else
		err = xinet_ring_mmap(po, vma);
	mutex_unlock(&po->ring_lock);
	return err;
}

/* A socket with a send ring sends the frames in the ring. */
static int packet_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sock->sk);

	if (READ_ONCE(po->tx_ring))
		return xinet_tx_ring_send(po, msg);
	return xinet_tx_sendmsg(sock, msg, len);
}

static struct proto_ops packet_ops __ro_after_init = {
	.owner = THIS_MODULE,
	.release = packet_release,
	.bind = packet_bind,
	.connect = sock_no_connect,
	.socketpair = sock_no_socketpair,
	.accept = sock_no_accept,
	.getname = packet_getname,
	.poll = packet_poll,
	.ioctl = packet_ioctl,
	.gettstamp = sock_gettstamp,
	.listen = sock_no_listen,
	.shutdown = sock_no_shutdown,
	.setsockopt = xinet_options_setsockopt,
	.getsockopt = xinet_options_getsockopt,
	.sendmsg = packet_sendmsg,
	.recvmsg = xinet_queue_recvmsg,
	.mmap = packet_mmap,
};

static void packet_init_sock(struct socket *sock, struct sock *sk)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sk);

	sock->state = SS_UNCONNECTED;
	/* the type for SO_TYPE and the core */
	sock->type = SOCK_RAW;
	sock_init_data(sock, sk);
	sock_set_flag(sk, SOCK_RCU_FREE);
	xinet_sock_ask_options(sock);
	sk->sk_family = PF_PACKET;
	sk->sk_destruct = packet_destruct;
	po->data_ready = sk->sk_data_ready;

	mutex_init(&po->bind_lock);
	mutex_init(&po->ring_lock);
	INIT_LIST_HEAD(&po->memberships);
	INIT_LIST_HEAD(&po->sink.node);
	po->sink.sk = sk;
	po->sink.taps = xinet_tap_pernet(sock_net(sk));
	RCU_INIT_POINTER(po->sink.receiver, xinet_queue_receiver(true));
	xinet_filter_change_init_sock(po);
}

/* xinet_protosw create(): @protocol is an ETH_P_*, network byte order */
static int packet_create(struct net *net, struct socket *sock, int protocol,
			 int kern)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(net);
	__be16 num = (__force __be16)protocol;
	struct xinet_packet_sock *po;
	struct sock *sk;
	int err = 0;

	if (!kern && !xinet_capable(net, CAP_NET_RAW))
		return -EPERM;
	xinet_tap_throttle(xinet_tap_pernet(net));

	sk = sk_alloc(net, PF_PACKET, GFP_KERNEL, &xinet_packet_prot, kern);
	if (!sk)
		return -ENOBUFS;
	packet_init_sock(sock, sk);
	po = xinet_packet_sk(sk);

	if (num) {
		mutex_lock(&po->bind_lock);
		err = xinet_packet_attach(po, NULL, num);
		mutex_unlock(&po->bind_lock);
	}
	if (err)
		goto err_free;

	mutex_lock(&pn->lock);
	sk_add_node_tail_rcu(sk, &pn->socks);
	mutex_unlock(&pn->lock);
	sock_prot_inuse_add(net, &xinet_packet_prot, 1);

	err = xinet_registry_add(sk);
	if (err)
		packet_release(sock);
	return err;

err_free:
	sock_orphan(sk);
	sock->sk = NULL;
	sock_put(sk);
	return err;
}

/* A device that moves to another namespace is unregistered here first. */
static int packet_notify(struct notifier_block *nb, unsigned long event,
			 void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct xinet_packet_net *pn = xinet_packet_pernet(dev_net(dev));
	const struct net_device *other;
	struct xinet_packet_sock *po;
	struct sock *sk;
	LIST_HEAD(gone);

	xinet_live_devices_event(dev, event);
	if (event != NETDEV_UP && event != NETDEV_DOWN &&
	    event != NETDEV_UNREGISTER)
		return NOTIFY_DONE;

	/* repeated while dev has references; its ifindex may be in use again */
	other = __dev_get_by_index(dev_net(dev), dev->ifindex);
	if (event == NETDEV_UNREGISTER && other && other != dev)
		return NOTIFY_DONE;

	mutex_lock(&pn->lock);
	sk_for_each(sk, &pn->socks) {
		po = xinet_packet_sk(sk);
		if (event == NETDEV_UNREGISTER)
			xinet_membership_detach(po, dev, &gone);
		mutex_lock(&po->bind_lock);
		if (po->ifindex == dev->ifindex)
			xinet_packet_dev_event(po, event);
		mutex_unlock(&po->bind_lock);
		cond_resched();
	}
	mutex_unlock(&pn->lock);

	xinet_membership_dispose(dev, &gone);
	return NOTIFY_DONE;
}

static struct notifier_block packet_notifier = {
	.notifier_call = packet_notify,
};

static struct xinet_protosw packet_protosw = {
	.type = SOCK_PACKET,
	.prot = &xinet_packet_prot,
	.ops = &packet_ops,
	.create = packet_create,
};

int __init xinet_packet_init(void)
{
	int err;

	packet_ops.family = xinet_family_number();
	if (!xinet_sock_tells_filter())
		xinet_packet_prot.release_cb = xinet_filter_change_release_cb;

	err = xinet_filter_init();
	if (err)
		return err;
	err = xinet_filter_change_init();
	if (err)
		goto err_filter;
	err = xinet_ring_init();
	if (err)
		goto err_filter_change;
	err = xinet_lanes_init();
	if (err)
		goto err_ring;
	err = xinet_tap_init();
	if (err)
		goto err_lanes;
	err = xinet_fanout_init();
	if (err)
		goto err_tap;
	err = xinet_packet_sock_init();
	if (err)
		goto err_fanout;
	err = xinet_dropped_init();
	if (err)
		goto err_sock;
	err = xinet_point_init();
	if (err)
		goto err_dropped;
	err = register_netdevice_notifier(&packet_notifier);
	if (err)
		goto err_point;
	err = proto_register(&xinet_packet_prot, 1);
	if (err)
		goto err_notifier;
	err = xinet_register_protosw(&packet_protosw);
	if (err)
		goto err_proto;
	return 0;

err_proto:
	proto_unregister(&xinet_packet_prot);
err_notifier:
	unregister_netdevice_notifier(&packet_notifier);
	xinet_live_devices_exit();
err_point:
	xinet_point_exit();
err_dropped:
	xinet_dropped_exit();
err_sock:
	xinet_packet_sock_exit();
err_fanout:
	xinet_fanout_exit();
err_tap:
	xinet_tap_exit();
err_lanes:
	xinet_lanes_exit();
err_ring:
	xinet_ring_exit();
err_filter_change:
	xinet_filter_change_exit();
err_filter:
	xinet_filter_exit();
	return err;
}

void xinet_packet_exit(void)
{
	xinet_protosw_retire(&packet_protosw);
	/* sockets are freed by RCU, into the slab of the proto */
	rcu_barrier();
	proto_unregister(&xinet_packet_prot);
	unregister_netdevice_notifier(&packet_notifier);
	xinet_point_exit();
	xinet_dropped_exit();
	xinet_live_devices_exit();
	xinet_packet_sock_exit();
	xinet_fanout_exit();
	xinet_tap_exit();
	xinet_lanes_exit();
	xinet_ring_exit();
	xinet_filter_change_exit();
	xinet_filter_exit();
}
