// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receive queue of a packet socket. A tap hands packets in at one end,
 * recvmsg() takes them out at the other. What recvmsg() needs to say about a
 * packet is noted in its control buffer when it is queued, because its device
 * may be gone by then.
 */
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/frame_info.h"
#include "packet/packet.h"
#include "packet/queue.h"
#include "packet/tap.h"
#include "packet/tpacket.h"
#include "packet/vnet.h"

/*
 * @origlen: length before the filter shortened it
 * @ifindex: the device, or the first one with PACKET_ORIGDEV
 * @hatype: ARPHRD_*
 * @pkttype: PACKET_*
 * @halen: bytes of @addr in use
 * @addr: link-level address of the sender
 */
struct queue_cb {
	u32 origlen;
	s32 ifindex;
	u16 hatype;
	u8 pkttype;
	u8 halen;
	u8 addr[MAX_ADDR_LEN];
};

static struct queue_cb *queue_cb(const struct sk_buff *skb)
{
	/* behind it the core keeps the drop count of SO_RXQ_OVFL */
	sock_skb_cb_check_size(sizeof(struct queue_cb));
	return (struct queue_cb *)skb->cb;
}

static void queue_drop(struct sock *sk)
{
	atomic_inc(&xinet_packet_sk(sk)->tp_drops);
	xinet_sk_drops_inc(sk);
}

static void queue_note(const struct xinet_packet_sock *po, struct sk_buff *skb,
		       const struct xinet_tap_frame *frame)
{
	const struct net_device *dev = skb->dev;
	struct queue_cb *cb = queue_cb(skb);

	cb->origlen = skb->len;
	cb->ifindex = READ_ONCE(po->origdev) ? frame->orig_dev->ifindex :
					       dev->ifindex;
	cb->hatype = dev->type;
	cb->pkttype = skb->pkt_type;
	cb->halen = xinet_frame_copy_address(skb, cb->addr, sizeof(cb->addr));
}

/* Lets go of what a packet must not keep alive while it waits for a reader. */
static void queue_detach(struct sk_buff *skb, struct sock *sk)
{
	skb_set_owner_r(skb, sk);
	skb->dev = NULL;
	skb_dst_drop(skb);
	nf_reset_ct(skb);
}

/*
 * Budget: one clone; the queue's lock once, for the append; a barrier to see
 * whether someone waits.
 */
void xinet_queue_deliver(struct xinet_tap_sink *sink, struct sk_buff *skb,
			 const struct xinet_tap_frame *frame)
{
	struct sock *sk = sink->sk;
	struct xinet_packet_sock *po = xinet_packet_sk(sk);

	if (atomic_read(&sk->sk_rmem_alloc) >= READ_ONCE(sk->sk_rcvbuf))
		goto drop;
	skb = skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		goto drop;

	queue_note(po, skb, frame);
	if (pskb_trim(skb, frame->snaplen))
		goto drop_free;
	queue_detach(skb, sk);

	spin_lock(&sk->sk_receive_queue.lock);
	/* under way while the socket got a ring, it is for neither */
	if (unlikely(!xinet_tap_sink_wants(sink, frame) ||
		     sink->deliver != xinet_queue_deliver)) {
		spin_unlock(&sk->sk_receive_queue.lock);
		consume_skb(skb);
		return;
	}
	po->tp_packets++;
	sock_skb_set_dropcount(sk, skb);
	skb_clear_delivery_time(skb);
	__skb_queue_tail(&sk->sk_receive_queue, skb);
	spin_unlock(&sk->sk_receive_queue.lock);
	xinet_tpacket_wake(po);
	return;

drop_free:
	kfree_skb(skb);
drop:
	queue_drop(sk);
}

bool xinet_queue_copy(struct sock *sk, struct sk_buff *skb)
{
	if (atomic_read(&sk->sk_rmem_alloc) >= READ_ONCE(sk->sk_rcvbuf))
		return false;
	skb = skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		return false;

	memset(queue_cb(skb), 0, sizeof(struct queue_cb));
	queue_detach(skb, sk);
	sock_skb_set_dropcount(sk, skb);
	skb_clear_delivery_time(skb);
	__skb_queue_tail(&sk->sk_receive_queue, skb);
	return true;
}

enum xinet_tap_room xinet_queue_room(const struct sock *sk,
				     const struct sk_buff *skb)
{
	int size = READ_ONCE(sk->sk_rcvbuf);
	s64 left;

	left = (s64)size - atomic_read(&sk->sk_rmem_alloc) - skb->truesize;
	if (left > size >> XINET_TAP_ROOM_LOW_SHIFT)
		return XINET_TAP_ROOM_NORMAL;
	return left > 0 ? XINET_TAP_ROOM_LOW : XINET_TAP_ROOM_NONE;
}

static bool queue_is_cooked(const struct sock *sk)
{
	return READ_ONCE(sk->sk_type) == SOCK_DGRAM;
}

/* Fills in msg_name; the core offers room for a struct sockaddr_storage. */
static void queue_put_name(const struct sock *sk, struct msghdr *msg,
			   const struct sk_buff *skb)
{
	DECLARE_SOCKADDR(struct sockaddr_ll *, sll, msg->msg_name);
	const size_t addr = offsetof(struct sockaddr_ll, sll_addr);
	const struct queue_cb *cb = queue_cb(skb);

	BUILD_BUG_ON(offsetof(struct sockaddr_ll, sll_addr) +
		     sizeof(cb->addr) > sizeof(struct sockaddr_storage));

	memset(sll, 0, sizeof(*sll));
	sll->sll_family = AF_PACKET;
	sll->sll_protocol = xinet_frame_protocol(skb, queue_is_cooked(sk));
	sll->sll_ifindex = cb->ifindex;
	sll->sll_hatype = cb->hatype;
	sll->sll_pkttype = cb->pkttype;
	sll->sll_halen = cb->halen;
	/* an address may be longer than sll_addr, which ends the struct */
	memcpy((u8 *)msg->msg_name + addr, cb->addr, cb->halen);
	msg->msg_namelen = max(addr + cb->halen, sizeof(*sll));
}

static struct xinet_frame_vlan queue_vlan(const struct sock *sk,
					  const struct sk_buff *skb)
{
	const bool cooked = queue_is_cooked(sk);
	const struct net_device *dev = NULL;
	struct xinet_frame_vlan vlan;

	rcu_read_lock();
	/* only a tag within the packet asks for the device */
	if (unlikely(cooked && eth_type_vlan(skb->protocol)))
		dev = dev_get_by_index_rcu(sock_net(sk),
					   queue_cb(skb)->ifindex);
	vlan = xinet_frame_vlan(skb, dev, cooked);
	rcu_read_unlock();
	return vlan;
}

static void queue_put_auxdata(const struct sock *sk, struct msghdr *msg,
			      const struct sk_buff *skb)
{
	struct xinet_frame_vlan vlan = queue_vlan(sk, skb);
	struct tpacket_auxdata aux = {
		.tp_status = xinet_frame_status(skb) | vlan.status,
		.tp_len = queue_cb(skb)->origlen,
		.tp_snaplen = skb->len,
		.tp_net = skb_network_offset(skb),
		.tp_vlan_tci = vlan.tci,
		.tp_vlan_tpid = vlan.tpid,
	};

	put_cmsg(msg, SOL_PACKET, PACKET_AUXDATA, sizeof(aux), &aux);
}

int xinet_queue_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
			int flags)
{
	const int known = MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC |
			  MSG_CMSG_COMPAT | MSG_ERRQUEUE;
	struct sock *sk = sock->sk;
	unsigned int vnet_size;
	struct sk_buff *skb;
	size_t copied;
	int err;

	if (flags & ~known)
		return -EINVAL;
	if (flags & MSG_ERRQUEUE)
		return sock_recv_errqueue(sk, msg, len, SOL_PACKET,
					  PACKET_TX_TIMESTAMP);

	skb = skb_recv_datagram(sk, flags, &err);
	if (!skb)
		return err;

	vnet_size = READ_ONCE(xinet_packet_sk(sk)->vnet_hdr_sz);
	if (vnet_size) {
		err = xinet_vnet_put_msg(skb, msg, &len, vnet_size);
		if (err)
			goto out_free;
	}

	copied = skb->len;
	if (copied > len) {
		copied = len;
		msg->msg_flags |= MSG_TRUNC;
	}
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (err)
		goto out_free;

	sock_recv_cmsgs(msg, sk, skb);
	if (msg->msg_name)
		queue_put_name(sk, msg, skb);
	if (READ_ONCE(xinet_packet_sk(sk)->auxdata))
		queue_put_auxdata(sk, msg, skb);
	err = vnet_size + (flags & MSG_TRUNC ? skb->len : copied);
out_free:
	skb_free_datagram(sk, skb);
	return err;
}
