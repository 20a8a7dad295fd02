// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sock_diag reports about a packet socket. Called by af_xinet/diag.c for
 * one socket at a time, which may be in use: flags are read without a lock, as
 * per-packet code reads them.
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/socket.h>
#include <linux/xinet_diag.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "af_xinet/drop.h"
#include "packet/diag.h"
#include "packet/fanout.h"
#include "packet/membership.h"
#include "packet/receiver.h"
#include "packet/ring/lanes.h"
#include "packet/ring/ring.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"

bool xinet_packet_is(const struct sock *sk)
{
	return xinet_packet_sink(sk);
}

void xinet_packet_diag_fill(const struct sock *sk, struct xinet_diag_msg *msg)
{
	const struct xinet_packet_sock *po = xinet_packet_sk(sk);

	msg->family = AF_PACKET;
	msg->protocol = ntohs(READ_ONCE(po->num));
	msg->ifindex = READ_ONCE(po->ifindex);
}

void xinet_packet_diag_drops(struct sock *sk, u64 *by_reason)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sk);

	xinet_drop_read(&po->drops, by_reason);
	spin_lock_bh(&sk->sk_receive_queue.lock);
	xinet_lanes_get_drops(po, by_reason);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
}

static u32 diag_flags(const struct xinet_packet_sock *po)
{
	u32 flags = 0;

	if (READ_ONCE(po->sink.running))
		flags |= XINET_DIAG_PACKET_RUNNING;
	if (READ_ONCE(po->auxdata))
		flags |= XINET_DIAG_PACKET_AUXDATA;
	if (READ_ONCE(po->origdev))
		flags |= XINET_DIAG_PACKET_ORIGDEV;
	if (READ_ONCE(po->sink.mode) == XINET_TAP_COOKED)
		flags |= XINET_DIAG_PACKET_COOKED;
	if (READ_ONCE(po->sink.ignore_outgoing))
		flags |= XINET_DIAG_PACKET_IGNORE_OUTGOING;
	if (READ_ONCE(po->qdisc_bypass))
		flags |= XINET_DIAG_PACKET_QDISC_BYPASS;
	if (READ_ONCE(po->tp_loss))
		flags |= XINET_DIAG_PACKET_LOSS;
	if (READ_ONCE(po->tx_has_off))
		flags |= XINET_DIAG_PACKET_TX_HAS_OFF;
	if (READ_ONCE(po->all_netns))
		flags |= XINET_DIAG_PACKET_ALL_NETNS;
	if (READ_ONCE(po->sink.original))
		flags |= XINET_DIAG_PACKET_ORIGINAL;
	if (READ_ONCE(po->point))
		flags |= XINET_DIAG_PACKET_POINT;
	if (READ_ONCE(po->dev_queue))
		flags |= XINET_DIAG_PACKET_QUEUE;
	return flags;
}

/*
 * The lock of @queue keeps *@ring alive. Not ring_lock: a sender that waits for
 * memory holds it.
 */
static int diag_put_ring(struct xinet_ring *const *ring,
			 struct sk_buff_head *queue, int attr,
			 struct sk_buff *skb)
{
	struct xinet_diag_ring told = {};
	const struct xinet_ring *r;

	spin_lock_bh(&queue->lock);
	r = *ring;
	if (r) {
		told.block_size = r->block_size;
		told.block_nr = r->nr_blocks;
		told.frame_size = r->frame_size;
		told.frame_nr = r->nr_frames;
		if (r->version == TPACKET_V3 && !r->tx) {
			told.retire_tmo = r->req.tp_retire_blk_tov;
			told.sizeof_priv = r->req.tp_sizeof_priv;
			told.features = r->req.tp_feature_req_word;
		}
	}
	spin_unlock_bh(&queue->lock);
	return r ? nla_put(skb, attr, sizeof(told), &told) : 0;
}

static int diag_put_lanes(struct xinet_packet_sock *po, struct sk_buff *skb)
{
	struct sk_buff_head *queue = &po->sk.sk_receive_queue;
	struct xinet_diag_lanes told = {};
	int err;

	spin_lock_bh(&queue->lock);
	err = xinet_lanes_diag(po, &told);
	spin_unlock_bh(&queue->lock);
	return err ? 0 : nla_put(skb, XINET_DIAG_RX_LANES, sizeof(told), &told);
}

static int diag_put_rings(struct xinet_packet_sock *po, struct sk_buff *skb)
{
	int err;

	err = diag_put_ring(&po->rx_ring, &po->sk.sk_receive_queue,
			    XINET_DIAG_RX_RING, skb);
	if (err)
		return err;
	err = diag_put_ring(&po->tx_ring, &po->sk.sk_write_queue,
			    XINET_DIAG_TX_RING, skb);
	return err ? err : diag_put_lanes(po, skb);
}

/* PACKET_FANOUT may be 0 in a group as well: absent means no group. */
static int diag_put_fanout(const struct xinet_packet_sock *po,
			   struct sk_buff *skb)
{
	if (!rcu_access_pointer(po->sink.group))
		return 0;
	return nla_put_u32(skb, XINET_DIAG_FANOUT, xinet_fanout_get(po));
}

int xinet_packet_diag_put_info(struct sock *sk, struct sk_buff *skb)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	struct xinet_diag_packet info = {
		.flags = diag_flags(po),
		.version = READ_ONCE(po->tp_version),
		.reserve = READ_ONCE(po->tp_reserve),
		.vnet_hdr_sz = READ_ONCE(po->vnet_hdr_sz),
		.copy_thresh = READ_ONCE(po->copy_thresh),
		.timestamp = READ_ONCE(po->tp_tstamp),
	};
	int err;

	/* the counters that PACKET_STATISTICS would report and reset */
	spin_lock_bh(&sk->sk_receive_queue.lock);
	xinet_receiver_settle(po);
	info.packets = po->tp_packets;
	info.drops = atomic_read(&po->tp_drops);
	info.freezes = po->tp_freezes;
	xinet_lanes_peek_stats(po, &info.packets, &info.drops);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	info.packets += info.drops;
	if (nla_put(skb, XINET_DIAG_PACKET_INFO, sizeof(info), &info))
		return -EMSGSIZE;
	err = diag_put_fanout(po, skb);
	return err ? err : diag_put_rings(po, skb);
}

int xinet_packet_diag_put_memberships(const struct sock *sk,
				      struct sk_buff *skb)
{
	const struct xinet_packet_sock *po = xinet_packet_sk(sk);
	int err;

	/* no RTNL for most sockets; may miss one being added */
	if (list_empty_careful(&po->memberships))
		return 0;

	rtnl_lock();
	err = xinet_membership_put(po, skb);
	rtnl_unlock();
	return err;
}
