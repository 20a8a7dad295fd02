// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options of a packet socket, called by the proto_ops. Flags that are
 * read per packet are plain stores; other files do the rest, such as bind.c and
 * tap.c for the place of the socket behind a tap.
 */
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/net.h>
#include <linux/sockptr.h>
#include <linux/uaccess.h>
#include <linux/xinet.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "af_xinet/reach.h"
#include "af_xinet/sockopt.h"
#include "packet/bind.h"
#include "packet/dropped.h"
#include "packet/fanout.h"
#include "packet/filter_change.h"
#include "packet/membership.h"
#include "packet/options.h"
#include "packet/owner_options.h"
#include "packet/point.h"
#include "packet/receiver.h"
#include "packet/ring/lanes.h"
#include "packet/ring/ring.h"
#include "packet/ring/ring_options.h"
#include "packet/ring/rx_ring.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"
#include "packet/vnet.h"

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
		xinet_filter_change_apply(xinet_packet_sk(sock->sk));
		break;
	}
	return 0;
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
	/* as in AF_PACKET, the oldest options accept more than an int */
	case PACKET_AUXDATA:
		err = xinet_sockopt_get_int(&val, optval, optlen);
		if (!err)
			WRITE_ONCE(po->auxdata, val != 0);
		return err;
	case PACKET_ORIGDEV:
		err = xinet_sockopt_get_int(&val, optval, optlen);
		if (!err) {
			WRITE_ONCE(po->origdev, val != 0);
			xinet_receiver_options_changed(po);
		}
		return err;
	case PACKET_IGNORE_OUTGOING:
		err = xinet_sockopt_get_exact_int(&val, optval, optlen);
		return err ? err : options_set_ignore_outgoing(po, val);
	case PACKET_QDISC_BYPASS:
		err = xinet_sockopt_get_exact_int(&val, optval, optlen);
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
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	int val;
	int err;

	if (optname == XINET_PACKET_OWNER ||
	    optname == XINET_PACKET_OWNER_FILTER)
		return xinet_owner_options_set(po, optname, optval, optlen);
	if (optname == XINET_PACKET_DROPS)
		return xinet_dropped_setsockopt(po, optval, optlen);
	if (optname == XINET_PACKET_POINT)
		return xinet_point_setsockopt(po, optval, optlen);
	if (optname == XINET_PACKET_FLUSH_USEC ||
	    optname == XINET_PACKET_WATERMARK)
		return xinet_ring_options_set_latency(po, optname, optval,
						      optlen);
	if (optname != XINET_PACKET_COOKED &&
	    optname != XINET_PACKET_ALL_NETNS &&
	    optname != XINET_PACKET_ORIGINAL &&
	    optname != XINET_PACKET_QUEUE)
		return xinet_lanes_setsockopt(po, optname, optval, optlen);
	err = xinet_sockopt_get_exact_int(&val, optval, optlen);
	if (err)
		return err;
	if (val != 0 && val != 1)
		return -EINVAL;
	if (optname == XINET_PACKET_ALL_NETNS && val &&
	    !(xinet_capable_everywhere(sock_net(sk), CAP_NET_ADMIN) &&
	      capable(CAP_NET_RAW)))
		return -EPERM;

	xinet_tap_throttle(xinet_packet_taps(po));
	lock_sock(sk);
	if (optname == XINET_PACKET_ALL_NETNS)
		err = xinet_packet_set_all_netns(po, val);
	else if (optname == XINET_PACKET_ORIGINAL)
		err = xinet_packet_set_original(po, val);
	else if (optname == XINET_PACKET_QUEUE)
		err = xinet_packet_set_queue(po, val);
	else
		err = xinet_packet_set_cooked(po, val);
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
 * Reads and resets the counters; tp_packets includes dropped packets. Returns
 * how many bytes of @stats the socket's version has.
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
	/* the struct of the other versions is its beginning */
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
	case XINET_PACKET_OWNER:
		*val = !!READ_ONCE(po->owner);
		return 0;
	case XINET_PACKET_ORIGINAL:
		*val = READ_ONCE(po->sink.original);
		return 0;
	case XINET_PACKET_ALL_NETNS:
		*val = READ_ONCE(po->all_netns);
		return 0;
	case XINET_PACKET_DROPS:
		*val = xinet_dropped_flags(po);
		return 0;
	case XINET_PACKET_QUEUE:
		*val = READ_ONCE(po->dev_queue);
		return 0;
	case XINET_PACKET_POINT:
		*val = xinet_points(po);
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
