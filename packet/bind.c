// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a packet socket is bound, and its state as the device goes up, down or
 * is removed. Called by packet.c for bind(), close() and the device notifier,
 * and by options.c for XINET_PACKET_COOKED. Nothing here runs per packet. The
 * states:
 *
 *               create (num = 0)            create (num != 0)
 *                      |                           |
 *                      v         bind, num != 0    v
 *    bind, num = 0  +------+ ------------------> +---------+ <-+ NETDEV_UP
 *       +---------> | idle |                     | running |   |
 *       +---------- +------+ <------------------ +---------+ --+-----+
 *                      ^         NETDEV_UNREGISTER   |  NETDEV_DOWN  v
 *                      |           (ENETDOWN)        |         +---------+
 *                      +-----------------------------+-------- | stopped |
 *                                    NETDEV_UNREGISTER         +---------+
 *                                                          bind, device down
 *                                                            (ENETDOWN)
 *
 * Idle: behind no tap. Running: behind one. Stopped: behind one, but not
 * receiving, so that going up again needs no memory.
 *
 * Behind the tap is the socket's own sink or that of its fanout group
 * (fanout.c); a member of a group cannot be bound elsewhere.
 */
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/bind.h"
#include "packet/fanout.h"
#include "packet/receiver.h"
#include "packet/sock.h"
#include "packet/tap/all_netns.h"
#include "packet/tap/tap.h"

static void packet_report_down(struct sock *sk)
{
	WRITE_ONCE(sk->sk_err, ENETDOWN);
	if (!sock_flag(sk, SOCK_DEAD))
		sk_error_report(sk);
}

/* Exchanges the bound device, its reference included; bind_lock held. */
static void packet_set_dev(struct xinet_packet_sock *po,
			   struct net_device *dev, int ifindex)
{
	netdevice_tracker old_tracker = po->dev_tracker;
	struct net_device *old;

	netdev_hold(dev, &po->dev_tracker, GFP_KERNEL);
	old = rcu_replace_pointer(po->dev, dev,
				  lockdep_is_held(&po->bind_lock));
	netdev_put(old, &old_tracker);
	WRITE_ONCE(po->ifindex, ifindex);
}

int xinet_packet_attach(struct xinet_packet_sock *po, struct net_device *dev,
			__be16 num)
{
	bool up = !dev || READ_ONCE(dev->flags) & IFF_UP;
	struct sock *sk = &po->sk;
	int err;

	/* no tap, which would stop it while it moves */
	if (po->sink.aside_only)
		xinet_tap_set_running(&po->sink, false);
	if (num && !po->sink.aside_only) {
		err = xinet_tap_join(&po->sink, dev, num);
		if (err)
			return err;
	} else {
		xinet_tap_leave(&po->sink);
	}

	WRITE_ONCE(po->num, num);
	packet_set_dev(po, dev, dev ? dev->ifindex : 0);
	/* pairs with smp_load_acquire() in dropped.c, point.c */
	smp_wmb();
	xinet_tap_set_running(&po->sink, num && up);
	if (num && !up)
		packet_report_down(sk);
	return 0;
}

int xinet_packet_bind(struct xinet_packet_sock *po, int ifindex, __be16 num)
{
	struct net_device *dev = NULL;
	int err = 0;

	mutex_lock(&po->bind_lock);
	/* an index says nothing without its namespace */
	if (rcu_access_pointer(po->sink.group) ||
	    (po->all_netns && ifindex)) {
		err = -EINVAL;
		goto out_unlock;
	}
	if (!num)
		num = po->num;
	if (ifindex) {
		dev = dev_get_by_index(sock_net(&po->sk), ifindex);
		if (!dev) {
			err = -ENODEV;
			goto out_unlock;
		}
	}

	/* a second bind() to the same place does not report ENETDOWN again */
	if (po->num != num || po->ifindex != ifindex)
		err = xinet_packet_attach(po, dev, num);
	if (!err)
		po->bound = true;
	dev_put(dev);
out_unlock:
	mutex_unlock(&po->bind_lock);
	return err;
}

void xinet_packet_detach(struct xinet_packet_sock *po)
{
	if (po->sink.aside_only)
		xinet_tap_set_running(&po->sink, false);
	xinet_tap_leave(&po->sink);
	WRITE_ONCE(po->num, 0);
	packet_set_dev(po, NULL, 0);
}

/*
 * The mode has changed; sk_receive_queue.lock held. Queued packets are of the
 * old mode and move to @arg; recvmsg() reports later ones in the new mode.
 */
static void packet_turned(struct xinet_tap_sink *sink, void *arg)
{
	bool cooked = sink->mode == XINET_TAP_COOKED;
	struct sk_buff_head *stale = arg;
	struct sock *sk = sink->sk;

	xinet_receiver_update(xinet_packet_sk(sk));
	WRITE_ONCE(sk->sk_type, cooked ? SOCK_DGRAM : SOCK_RAW);
	skb_queue_splice_init(&sk->sk_receive_queue, stale);
}

int xinet_packet_set_cooked(struct xinet_packet_sock *po, bool cooked)
{
	enum xinet_tap_mode mode = cooked ? XINET_TAP_COOKED : XINET_TAP_RAW;
	struct sock *sk = &po->sk;
	struct sk_buff_head stale;
	int err = 0;

	__skb_queue_head_init(&stale);
	mutex_lock(&po->bind_lock);
	if (po->bound || xinet_packet_has_ring(po)) {
		err = -EBUSY;
		goto out_unlock;
	}
	if (po->sink.mode == mode)
		goto out_unlock;
	if (po->vnet_hdr_sz) {
		err = -EINVAL;
		goto out_unlock;
	}

	err = xinet_tap_set_mode(&po->sink, mode, packet_turned, &stale);
	if (!err)
		sk->sk_socket->type = sk->sk_type;
out_unlock:
	mutex_unlock(&po->bind_lock);
	xinet_packet_discard(&stale);
	return err;
}

/* Changes what a socket that receives nothing is told. */
static void packet_set_told(struct xinet_packet_sock *po, bool *what, bool value)
{
	spin_lock_bh(&po->sk.sk_receive_queue.lock);
	WRITE_ONCE(*what, value);
	xinet_receiver_update(po);
	spin_unlock_bh(&po->sk.sk_receive_queue.lock);
}

int xinet_packet_set_all_netns(struct xinet_packet_sock *po, bool all)
{
	int err = 0;

	mutex_lock(&po->bind_lock);
	if (!xinet_packet_is_idle(po)) {
		err = -EBUSY;
		goto out_unlock;
	}
	/* its points are there for the ones or the others */
	if (po->point && all != po->all_netns) {
		err = -EOPNOTSUPP;
		goto out_unlock;
	}
	packet_set_told(po, &po->all_netns, all);
	WRITE_ONCE(po->sink.taps, all ? xinet_all_netns_taps() :
					xinet_tap_pernet(sock_net(&po->sk)));
out_unlock:
	mutex_unlock(&po->bind_lock);
	return err;
}

/* An option that needs nothing else to be changed. */
static int packet_set_idle_told(struct xinet_packet_sock *po, bool *what,
				bool value)
{
	int err = 0;

	mutex_lock(&po->bind_lock);
	if (xinet_packet_is_idle(po))
		packet_set_told(po, what, value);
	else
		err = -EBUSY;
	mutex_unlock(&po->bind_lock);
	return err;
}

int xinet_packet_set_original(struct xinet_packet_sock *po, bool original)
{
	return packet_set_idle_told(po, &po->sink.original, original);
}

int xinet_packet_set_queue(struct xinet_packet_sock *po, bool queue)
{
	return packet_set_idle_told(po, &po->dev_queue, queue);
}

static void packet_set_running(struct xinet_packet_sock *po, bool running)
{
	if (rcu_access_pointer(po->sink.group))
		xinet_fanout_set_running(po, running);
	else
		xinet_tap_set_running(&po->sink, running);
}

static void packet_dev_down(struct xinet_packet_sock *po)
{
	if (!po->sink.running)
		return;
	packet_set_running(po, false);
	packet_report_down(&po->sk);
}

void xinet_packet_dev_event(struct xinet_packet_sock *po, unsigned long event)
{
	switch (event) {
	case NETDEV_UP:
		if (po->num)
			packet_set_running(po, true);
		break;
	case NETDEV_DOWN:
		packet_dev_down(po);
		break;
	case NETDEV_UNREGISTER:
		packet_dev_down(po);
		if (rcu_access_pointer(po->sink.group))
			xinet_fanout_dev_gone(po);
		xinet_tap_leave(&po->sink);
		packet_set_dev(po, NULL, -1);
		break;
	}
}
