// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options of a packet socket. The flags that are read per packet are
 * plain stores; what changes the place of the socket behind a tap goes through
 * bind.c and tap.c.
 */
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/net.h>
#include <linux/sockptr.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <linux/xinet.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/bind.h"
#include "packet/fanout.h"
#include "packet/filter.h"
#include "packet/lanes.h"
#include "packet/membership.h"
#include "packet/options.h"
#include "packet/receiver.h"
#include "packet/ring.h"
#include "packet/ring_options.h"
#include "packet/rx_ring.h"
#include "packet/sock.h"
#include "packet/tap.h"
#include "packet/vnet.h"

/* How long a filter waits for a socket lock that is held, in jiffies. */
#define OPTIONS_RETRY	(HZ / 10)

static struct workqueue_struct *options_wq;

/* Brings the filter that the core holds for the socket to its tap. */
static void options_republish(struct sock *sk)
{
	struct xinet_packet_net *pn = xinet_packet_pernet(sock_net(sk));
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	struct sk_filter *core, *old_seen = NULL;
	struct xinet_filter *filter, *old = NULL;
	size_t left;
	bool own;

	lock_sock(sk);
	if (sock_flag(sk, SOCK_DEAD))
		goto out_release;
	core = rcu_dereference_protected(sk->sk_filter,
					 lockdep_sock_is_held(sk));
	filter = core ? xinet_filter_intern(&pn->filters, core) : NULL;
	own = IS_ERR(filter);

	mutex_lock(&po->bind_lock);
	old = po->sink.filter;
	old_seen = po->sink.seen;
	xinet_tap_set_filter(&po->sink, own ? NULL : filter,
			     xinet_filter_core_get(core), own);
	mutex_unlock(&po->bind_lock);
out_release:
	release_sock(sk);
	xinet_filter_put(old);
	left = xinet_filter_core_size(old_seen);
	xinet_filter_core_put(old_seen);
	xinet_tap_retire(po->sink.taps, left);
}

/*
 * Somebody may hold the socket lock as long as he likes, waiting for memory of
 * his own. The workers are there for the sockets of all namespaces: none waits
 * for a lock that it finds held.
 */
void xinet_options_filter_work(struct work_struct *work)
{
	struct xinet_packet_sock *po =
		container_of(to_delayed_work(work), struct xinet_packet_sock,
			     filter_work);
	struct sock *sk = &po->sk;

	if (sock_owned_by_user_nocheck(sk) && !sock_flag(sk, SOCK_DEAD)) {
		if (!queue_delayed_work(options_wq, &po->filter_work,
					OPTIONS_RETRY))
			sock_put(sk);
		return;
	}
	options_republish(sk);
	xinet_tap_throttle(xinet_tap_pernet(sock_net(sk)));
	sock_put(sk);
}

void xinet_options_release_cb(struct sock *sk)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sk);

	/* @seen changes under the socket lock only, which is still held */
	if (likely(rcu_access_pointer(sk->sk_filter) == po->sink.seen) ||
	    sock_flag(sk, SOCK_DEAD))
		return;

	xinet_tap_filter_changed(&po->sink);
	sock_hold(sk);
	/* one that waits for the lock is to come at once, and has a reference */
	if (mod_delayed_work(options_wq, &po->filter_work, 0))
		sock_put(sk);
}

int __init xinet_options_init(void)
{
	options_wq = alloc_workqueue("xinet_filter", WQ_UNBOUND, 0);
	return options_wq ? 0 : -ENOMEM;
}

void xinet_options_exit(void)
{
	destroy_workqueue(options_wq);
}

static int options_set_socket(struct socket *sock, int optname,
			      sockptr_t optval, unsigned int optlen)
{
	int err;

	err = sock_setsockopt(sock, SOL_SOCKET, optname, optval, optlen);
	if (err)
		return err;

	switch (optname) {
	case SO_ATTACH_FILTER:
	case SO_ATTACH_BPF:
	case SO_DETACH_FILTER:
		options_republish(sock->sk);
		/* here no lock is held any more */
		xinet_tap_throttle(xinet_tap_pernet(sock_net(sock->sk)));
		break;
	}
	return 0;
}

static int options_copy_int(int *val, sockptr_t optval, unsigned int optlen)
{
	if (optlen != sizeof(*val))
		return -EINVAL;
	return copy_from_sockptr(val, optval, sizeof(*val)) ? -EFAULT : 0;
}

/* The oldest options of AF_PACKET take a value longer than an int, too. */
static int options_copy_long(int *val, sockptr_t optval, unsigned int optlen)
{
	return options_copy_int(val, optval, min_t(unsigned int, optlen,
						   sizeof(*val)));
}

static int options_set_ignore_outgoing(struct xinet_packet_sock *po, int val)
{
	if (val < 0 || val > 1)
		return -EINVAL;
	mutex_lock(&po->bind_lock);
	xinet_tap_set_ignore_outgoing(&po->sink, val);
	mutex_unlock(&po->bind_lock);
	return 0;
}

static int options_set_packet(struct xinet_packet_sock *po, int optname,
			      sockptr_t optval, unsigned int optlen)
{
	int val;
	int err;

	switch (optname) {
	case PACKET_ADD_MEMBERSHIP:
	case PACKET_DROP_MEMBERSHIP:
		return xinet_membership_setsockopt(po, optname ==
						   PACKET_ADD_MEMBERSHIP,
						   optval, optlen);
	case PACKET_AUXDATA:
		err = options_copy_long(&val, optval, optlen);
		if (!err)
			WRITE_ONCE(po->auxdata, val != 0);
		return err;
	case PACKET_ORIGDEV:
		err = options_copy_long(&val, optval, optlen);
		if (!err) {
			WRITE_ONCE(po->origdev, val != 0);
			xinet_receiver_options_changed(po);
		}
		return err;
	case PACKET_IGNORE_OUTGOING:
		err = options_copy_int(&val, optval, optlen);
		return err ? err : options_set_ignore_outgoing(po, val);
	case PACKET_QDISC_BYPASS:
		err = options_copy_int(&val, optval, optlen);
		if (!err)
			WRITE_ONCE(po->qdisc_bypass, val != 0);
		return err;
	case PACKET_FANOUT:
		return xinet_fanout_join(po, optval, optlen);
	case PACKET_FANOUT_DATA:
		return xinet_fanout_set_data(po, optval, optlen);
	case PACKET_VNET_HDR:
	case PACKET_VNET_HDR_SZ:
		return xinet_vnet_setsockopt(po, optname, optval, optlen);
	case PACKET_RX_RING:
		return xinet_rx_ring_setsockopt(po, optval, optlen);
	case PACKET_TX_RING:
		return xinet_ring_setsockopt(po, true, optval, optlen, NULL);
	default:
		return xinet_ring_options_set(po, optname, optval, optlen);
	}
}

static int options_set_xinet(struct sock *sk, int optname, sockptr_t optval,
			     unsigned int optlen)
{
	int val;
	int err;

	if (optname == XINET_PACKET_FLUSH_USEC ||
	    optname == XINET_PACKET_WATERMARK)
		return xinet_ring_options_set_latency(xinet_packet_sk(sk),
						      optname, optval, optlen);
	if (optname != XINET_PACKET_COOKED)
		return xinet_lanes_setsockopt(xinet_packet_sk(sk), optname,
					      optval, optlen);
	err = options_copy_int(&val, optval, optlen);
	if (err)
		return err;
	if (val != 0 && val != 1)
		return -EINVAL;

	xinet_tap_throttle(xinet_tap_pernet(sock_net(sk)));
	lock_sock(sk);
	err = xinet_packet_set_cooked(xinet_packet_sk(sk), val);
	release_sock(sk);
	return err;
}

int xinet_options_setsockopt(struct socket *sock, int level, int optname,
			     sockptr_t optval, unsigned int optlen)
{
	struct sock *sk = sock->sk;

	switch (level) {
	case SOL_SOCKET:
		return options_set_socket(sock, optname, optval, optlen);
	case SOL_PACKET:
		return options_set_packet(xinet_packet_sk(sk), optname, optval,
					  optlen);
	case SOL_XINET:
		return options_set_xinet(sk, optname, optval, optlen);
	default:
		return -ENOPROTOOPT;
	}
}

/*
 * Reading resets. Packets are those that came, the dropped ones included.
 * Returns how many bytes of @stats the socket's version has.
 */
static int options_read_stats(struct xinet_packet_sock *po,
			      struct tpacket_stats_v3 *stats)
{
	bool v3 = READ_ONCE(po->tp_version) == TPACKET_V3;
	struct sk_buff_head *queue = &po->sk.sk_receive_queue;

	spin_lock_bh(&queue->lock);
	xinet_receiver_settle(po);
	stats->tp_packets = po->tp_packets;
	po->tp_packets = 0;
	stats->tp_freeze_q_cnt = po->tp_freezes;
	po->tp_freezes = 0;
	stats->tp_drops = atomic_xchg(&po->tp_drops, 0);
	xinet_lanes_take_stats(po, &stats->tp_packets, &stats->tp_drops);
	spin_unlock_bh(&queue->lock);
	stats->tp_packets += stats->tp_drops;
	/* what the other versions have is its beginning */
	return v3 ? sizeof(*stats) : sizeof(struct tpacket_stats);
}

static int options_get_xinet(const struct xinet_packet_sock *po, int optname,
			     int *val)
{
	switch (optname) {
	case XINET_PACKET_COOKED:
		*val = READ_ONCE(po->sink.mode) == XINET_TAP_COOKED;
		return 0;
	case XINET_PACKET_FLUSH_USEC:
		*val = READ_ONCE(po->tp_flush_usec);
		return 0;
	case XINET_PACKET_WATERMARK:
		*val = READ_ONCE(po->tp_watermark);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int options_get_flag(const struct xinet_packet_sock *po, int level,
			    int optname, int *val)
{
	if (level == SOL_XINET)
		return options_get_xinet(po, optname, val);

	switch (optname) {
	case PACKET_AUXDATA:
		*val = READ_ONCE(po->auxdata);
		return 0;
	case PACKET_ORIGDEV:
		*val = READ_ONCE(po->origdev);
		return 0;
	case PACKET_IGNORE_OUTGOING:
		*val = READ_ONCE(po->sink.ignore_outgoing);
		return 0;
	case PACKET_QDISC_BYPASS:
		*val = READ_ONCE(po->qdisc_bypass);
		return 0;
	case PACKET_FANOUT:
		*val = xinet_fanout_get(po);
		return 0;
	case PACKET_VNET_HDR:
		*val = READ_ONCE(po->vnet_hdr_sz) != 0;
		return 0;
	case PACKET_VNET_HDR_SZ:
		*val = READ_ONCE(po->vnet_hdr_sz);
		return 0;
	default:
		return xinet_ring_options_get(po, optname, val);
	}
}

int xinet_options_getsockopt(struct socket *sock, int level, int optname,
			     char __user *optval, int __user *optlen)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sock->sk);
	union {
		int val;
		struct tpacket_stats_v3 stats;
		struct tpacket_rollover_stats rollover;
		struct xinet_rx_ring_info rx_ring;
	} data;
	bool known = level == SOL_PACKET || level == SOL_XINET;
	int size = sizeof(data.val);
	int len;
	int err;

	if (!known && !xinet_getsockopt_len_comes_first())
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (!known)
		return -ENOPROTOOPT;

	if (level == SOL_PACKET && optname == PACKET_STATISTICS) {
		size = options_read_stats(po, &data.stats);
	} else if (level == SOL_PACKET && optname == PACKET_ROLLOVER_STATS) {
		err = xinet_fanout_get_rollover(po, &data.rollover);
		if (err)
			return err;
		size = sizeof(data.rollover);
	} else if (level == SOL_XINET && optname == XINET_RX_RING) {
		err = xinet_lanes_get_info(po, &data.rx_ring);
		if (err)
			return err;
		size = sizeof(data.rx_ring);
	} else if (level == SOL_PACKET && optname == PACKET_HDRLEN) {
		err = xinet_ring_options_hdrlen(optval, len, &data.val);
		if (err)
			return err;
	} else {
		err = options_get_flag(po, level, optname, &data.val);
		if (err)
			return err;
	}

	len = min(len, size);
	if (put_user(len, optlen))
		return -EFAULT;
	return copy_to_user(optval, &data, len) ? -EFAULT : 0;
}
