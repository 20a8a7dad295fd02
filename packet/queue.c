// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receive queue of a packet socket. A tap delivers packets at one end,
 * recvmsg() takes them out at the other. Small ones with nothing unusual are
 * copied (queue_copybreak.c); of others a clone is queued. What recvmsg()
 * reports about a packet is noted in the clone's control buffer when it is
 * queued, because its device may be gone later.
 */
#include <linux/bits.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/overflow.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/xinet.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/fanout.h"
#include "packet/fast_path.h"
#include "packet/frame_info.h"
#include "packet/queue.h"
#include "packet/queue_copybreak.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"
#include "packet/told.h"
#include "packet/vnet.h"

#define QUEUE_CB_SIZE	(sizeof(struct xinet_queue_from) + MAX_ADDR_LEN)

static struct xinet_queue_from *queue_cb(const struct sk_buff *skb)
{
	/* the core keeps the drop count of SO_RXQ_OVFL behind it */
	sock_skb_cb_check_size(QUEUE_CB_SIZE);
	return (struct xinet_queue_from *)skb->cb;
}

static void queue_drop(struct sock *sk, const struct sk_buff *skb,
		       enum xinet_drop_reason reason)
{
	xinet_packet_drop(xinet_packet_sk(sk), skb, reason);
	xinet_sk_drops_inc(sk);
}

static int queue_ifindex(const struct xinet_packet_sock *po,
			 const struct sk_buff *skb,
			 const struct xinet_tap_frame *frame)
{
	return READ_ONCE(po->origdev) ? frame->orig_dev->ifindex :
					skb->dev->ifindex;
}

/*
 * In the core, PACKET_OUTGOING marks an skb of an error queue: on kernels that
 * check nothing else, sock_recv_cmsgs() would take the control buffer for a
 * struct sock_exterr_skb, and report the packet as SCM_TIMESTAMPING_OPT_STATS.
 */
static void queue_hide_outgoing(struct sk_buff *skb)
{
	if (skb->pkt_type == PACKET_OUTGOING)
		skb->pkt_type = PACKET_HOST;
}

static void queue_note(const struct xinet_packet_sock *po, struct sk_buff *skb,
		       const struct xinet_tap_frame *frame)
{
	struct xinet_queue_from *cb = queue_cb(skb);

	cb->origlen = skb->len;
	cb->ifindex = queue_ifindex(po, skb, frame);
	cb->hatype = skb->dev->type;
	cb->pkttype = skb->pkt_type;
	cb->halen = xinet_frame_copy_address(skb, cb->addr, MAX_ADDR_LEN);
	queue_hide_outgoing(skb);
}

/*
 * What is told about a packet, in memory of its own, for which the control buffer
 * has no room; a longer address than this is cut.
 */
#define QUEUE_EXTENDED_ADDR	20

struct queue_extensions {
	u32 which; /* XINET_RX_* */
	struct xinet_frame_vlan vlan; /* the reader may not find the device */
	u8 told[]; /* in the order of @which */
};

struct queue_extended_cb {
	struct xinet_queue_from from;
	u8 addr[QUEUE_EXTENDED_ADDR];
	struct queue_extensions *extensions;
};

static struct queue_extended_cb *queue_extended_cb(const struct sk_buff *skb)
{
	sock_skb_cb_check_size(sizeof(struct queue_extended_cb));
	return (struct queue_extended_cb *)skb->cb;
}

/* Destructor of such a packet. */
static void queue_extended_rfree(struct sk_buff *skb)
{
	kfree(queue_extended_cb(skb)->extensions);
	sock_rfree(skb);
}

/* Without and with the fast path, see xinet_queue_receiver(). */
static const struct xinet_tap_receiver queue_receiver;
static const struct xinet_tap_receiver queue_receiver_fast;
static const struct xinet_tap_receiver queue_receiver_told;

/* Rechecks a packet in flight, also for a new ring; queue's lock held. */
static bool queue_wants(const struct xinet_tap_sink *sink,
			const struct xinet_tap_frame *frame)
{
	return xinet_tap_sink_wants(sink, frame) &&
	       (xinet_tap_sink_has(sink, &queue_receiver_fast) ||
		xinet_tap_sink_has(sink, &queue_receiver) ||
		xinet_tap_sink_has(sink, &queue_receiver_told));
}

/* Drops what a packet must not keep alive while it is queued. */
static void queue_detach(struct sk_buff *skb, struct sock *sk)
{
	skb_set_owner_r(skb, sk);
	skb->dev = NULL;
	skb_dst_drop(skb);
	nf_reset_ct(skb);
}

/* Whether @skb may be copied, as far as the packet decides. */
static bool queue_is_small(const struct sk_buff *skb,
			   const struct xinet_tap_frame *frame)
{
	return xinet_queue_may_copybreak(skb, frame->snaplen) &&
	       frame->snaplen <= skb_headlen(skb) &&
	       !skb_vlan_tag_present(skb) &&
	       (u32)skb_network_offset(skb) <= XINET_FAST_MAX_MACLEN &&
	       xinet_frame_has_ether_address(skb) &&
	       !(frame->mode == XINET_TAP_COOKED &&
		 eth_type_vlan(skb->protocol));
}

/* Returns whether the packet is dealt with: copied, or rejected. */
static bool queue_copybreak(struct xinet_packet_sock *po, const struct sk_buff *skb,
			    const struct xinet_tap_frame *frame)
{
	struct sk_buff_head *queue = &po->sk.sk_receive_queue;
	bool copied = false;
	bool wanted;

	spin_lock(&queue->lock);
	wanted = queue_wants(&po->sink, frame);
	if (likely(wanted))
		copied = xinet_queue_copybreak(po, skb, skb->data, skb->len,
					       frame->snaplen,
					       queue_ifindex(po, skb, frame));
	spin_unlock(&queue->lock);
	if (copied)
		xinet_packet_wake(po);
	return copied || !wanted;
}

/*
 * xinet_tap_fast_t
 *
 * Budget: the queue's lock once; one copy; a barrier to check for waiters; a
 * page for some dozens of packets, or none if the reader keeps up.
 */
static bool queue_fast(struct xinet_tap_sink *sink,
		       const struct xinet_tap_receiver *receiver,
		       struct sk_buff *skb, const void *source,
		       const struct net_device *orig_dev)
{
	struct xinet_packet_sock *po = xinet_packet_sk(sink->sk);
	struct sk_buff_head *queue = &po->sk.sk_receive_queue;
	const u32 len = xinet_fast_len(skb);
	bool copied;

	if (unlikely(!len || !xinet_fast_eligible(skb) ||
		     !xinet_queue_may_copybreak(skb, len)))
		return false;

	spin_lock(&queue->lock);
	/* implies link-level mode, no PACKET_ORIGDEV; no filter is set */
	copied = likely(sink->source == source &&
			xinet_tap_sink_has(sink, &queue_receiver_fast)) &&
		 xinet_queue_copybreak(po, skb, skb_mac_header(skb), len, len,
				       skb->dev->ifindex);
	spin_unlock(&queue->lock);
	if (likely(copied))
		xinet_packet_wake(po);
	return copied;
}

/* sk_receive_queue.lock held. */
static void queue_append(struct sock *sk, struct sk_buff *skb)
{
	xinet_packet_sk(sk)->tp_packets++;
	sock_skb_set_dropcount(sk, skb);
	skb_clear_delivery_time(skb);
	__skb_queue_tail(&sk->sk_receive_queue, skb);
}

/*
 * Copies what the reader is told about the packet, and charges the socket for
 * the memory with the packet's. Before queue_detach().
 */
static bool queue_extend(struct sk_buff *clone, const struct xinet_told *told,
			 bool cooked)
{
	struct queue_extended_cb *cb = queue_extended_cb(clone);
	struct queue_extensions *ext;

	cb->from.halen = min_t(u8, cb->from.halen, QUEUE_EXTENDED_ADDR);
	ext = kmalloc(struct_size(ext, told, xinet_told_size(*told)),
		      GFP_ATOMIC | __GFP_NOWARN);
	if (!ext)
		return false;
	ext->vlan = xinet_frame_get_vlan(clone, clone->dev, cooked);
	ext->which = xinet_told_copy(*told, ext->told);
	cb->extensions = ext;
	clone->truesize += ksize(ext);
	return true;
}

/*
 * A clone, or a copy of a frame that was cut out of a longer packet: that frame would
 * keep all pages of the packet, and is charged for its own bytes.
 */
static struct sk_buff *queue_copy_frame(struct sk_buff *skb)
{
	struct sk_buff *copy;

	if (!skb_is_nonlinear(skb))
		return skb_clone(skb, GFP_ATOMIC);
	copy = skb_copy(skb, GFP_ATOMIC | __GFP_NOWARN);
	if (copy)
		*skb_hwtstamps(copy) = *skb_hwtstamps(skb);
	return copy;
}

/* @told: NULL, a constant, for a socket that does not ask. */
static __always_inline void
queue_deliver_clone(struct xinet_tap_sink *sink, struct sk_buff *skb,
		    const struct xinet_tap_frame *frame,
		    const struct xinet_told *told)
{
	struct sock *sk = sink->sk;
	struct xinet_packet_sock *po = xinet_packet_sk(sk);
	struct sk_buff *clone;

	if (atomic_read(&sk->sk_rmem_alloc) >= READ_ONCE(sk->sk_rcvbuf)) {
		queue_drop(sk, skb, XINET_DROP_RCVBUF);
		return;
	}
	clone = told && told->original ? queue_copy_frame(skb) :
					 skb_clone(skb, GFP_ATOMIC);
	if (!clone)
		goto drop;

	queue_note(po, clone, frame);
	if (pskb_trim(clone, frame->snaplen))
		goto drop_free;
	if (told && !queue_extend(clone, told, frame->mode == XINET_TAP_COOKED))
		goto drop_free;
	queue_detach(clone, sk);
	if (told)
		clone->destructor = queue_extended_rfree;

	spin_lock(&sk->sk_receive_queue.lock);
	if (unlikely(!queue_wants(sink, frame))) {
		spin_unlock(&sk->sk_receive_queue.lock);
		consume_skb(clone);
		return;
	}
	queue_append(sk, clone);
	spin_unlock(&sk->sk_receive_queue.lock);
	xinet_packet_wake(po);
	return;

drop_free:
	/* the packet lives on */
	consume_skb(clone);
drop:
	queue_drop(sk, skb, XINET_DROP_NOMEM);
}

/*
 * xinet_tap_deliver_t
 *
 * Budget: one clone; the queue's lock once, for the append; a barrier to check
 * for waiters. Small packets: as above.
 */
static void queue_deliver(struct xinet_tap_sink *sink,
			  const struct xinet_tap_receiver *receiver,
			  struct sk_buff *skb,
			  const struct xinet_tap_frame *frame)
{
	if (queue_is_small(skb, frame) &&
	    queue_copybreak(xinet_packet_sk(sink->sk), skb, frame))
		return;
	queue_deliver_clone(sink, skb, frame, NULL);
}

/*
 * xinet_tap_deliver_t
 *
 * Budget: that of queue_deliver(), another allocation, and for the owner of a
 * received packet a look-up, once for all sinks.
 */
static void queue_deliver_told(struct xinet_tap_sink *sink,
			       const struct xinet_tap_receiver *receiver,
			       struct sk_buff *skb,
			       const struct xinet_tap_frame *frame)
{
	struct xinet_told_room room xinet_uninitialized;
	struct xinet_told told xinet_uninitialized;

	if (xinet_tell(xinet_packet_sk(sink->sk), skb, frame, &room, &told))
		queue_deliver_clone(sink, skb, frame, &told);
}

/* xinet_tap_aside_t */
static void queue_deliver_aside(struct xinet_tap_sink *sink,
				const struct xinet_tap_receiver *receiver,
				struct sk_buff *skb,
				const struct xinet_tap_frame *frame,
				const struct xinet_aside *aside)
{
	struct xinet_told_room room xinet_uninitialized;
	struct xinet_told told xinet_uninitialized;

	if (xinet_tell_aside(xinet_packet_sk(sink->sk), skb, aside, &room,
			     &told))
		queue_deliver_clone(sink, skb, frame, &told);
}

bool xinet_queue_copy(struct sock *sk, struct sk_buff *skb)
{
	if (atomic_read(&sk->sk_rmem_alloc) >= READ_ONCE(sk->sk_rcvbuf))
		return false;
	skb = xinet_packet_sk(sk)->sink.original ? queue_copy_frame(skb) :
						   skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		return false;

	memset(queue_cb(skb), 0, QUEUE_CB_SIZE);
	queue_hide_outgoing(skb);
	queue_detach(skb, sk);
	sock_skb_set_dropcount(sk, skb);
	skb_clear_delivery_time(skb);
	__skb_queue_tail(&sk->sk_receive_queue, skb);
	return true;
}

static enum xinet_tap_room
queue_room(const struct xinet_tap_receiver *receiver, const struct sock *sk,
	   const struct sk_buff *skb)
{
	int size = READ_ONCE(sk->sk_rcvbuf);
	s64 left;

	left = (s64)size - atomic_read(&sk->sk_rmem_alloc) -
	       (skb ? skb->truesize : 0);
	if (left > size >> XINET_TAP_ROOM_LOW_SHIFT)
		return XINET_TAP_ROOM_NORMAL;
	return left > 0 ? XINET_TAP_ROOM_LOW : XINET_TAP_ROOM_NONE;
}

static const struct xinet_receiver_ops queue_receiver_ops = {
	.deliver = queue_deliver,
	.fast = queue_fast,
	.aside = queue_deliver_aside,
	.room = queue_room,
};

static const struct xinet_tap_receiver queue_receiver = {
	.ops = &queue_receiver_ops,
};

static const struct xinet_tap_receiver queue_receiver_fast = {
	.ops = &queue_receiver_ops,
	.fast = queue_fast,
};

static const struct xinet_receiver_ops queue_told_ops = {
	.deliver = queue_deliver_told,
	.aside = queue_deliver_aside,
	.room = queue_room,
};

static const struct xinet_tap_receiver queue_receiver_told = {
	.ops = &queue_told_ops,
};

const struct xinet_tap_receiver *xinet_queue_receiver_told(void)
{
	return &queue_receiver_told;
}

const struct xinet_tap_receiver *xinet_queue_receiver(bool fast)
{
	return fast ? &queue_receiver_fast : &queue_receiver;
}

static bool queue_is_cooked(const struct sock *sk)
{
	return READ_ONCE(sk->sk_type) == SOCK_DGRAM;
}

/* Fills in msg_name; the core offers room for a struct sockaddr_storage. */
static void queue_put_name(struct msghdr *msg, __be16 protocol,
			   const struct xinet_queue_from *from)
{
	DECLARE_SOCKADDR(struct sockaddr_ll *, sll, msg->msg_name);
	const size_t addr = offsetof(struct sockaddr_ll, sll_addr);

	BUILD_BUG_ON(offsetof(struct sockaddr_ll, sll_addr) + MAX_ADDR_LEN >
		     sizeof(struct sockaddr_storage));

	memset(sll, 0, sizeof(*sll));
	sll->sll_family = AF_PACKET;
	sll->sll_protocol = protocol;
	sll->sll_ifindex = from->ifindex;
	sll->sll_hatype = from->hatype;
	sll->sll_pkttype = from->pkttype;
	sll->sll_halen = from->halen;
	/* an address may be longer than sll_addr, which ends the struct */
	memcpy((u8 *)msg->msg_name + addr, from->addr, from->halen);
	msg->msg_namelen = max(addr + from->halen, sizeof(*sll));
}

static struct xinet_frame_vlan queue_vlan(const struct sock *sk,
					  const struct sk_buff *skb)
{
	const bool cooked = queue_is_cooked(sk);
	const struct net_device *dev = NULL;
	struct xinet_frame_vlan vlan;

	rcu_read_lock();
	/* the device is needed only for a tag within the packet */
	if (unlikely(cooked && eth_type_vlan(skb->protocol))) {
		if (skb->destructor == queue_extended_rfree) {
			rcu_read_unlock();
			return queue_extended_cb(skb)->extensions->vlan;
		}
		dev = dev_get_by_index_rcu(sock_net(sk),
					   queue_cb(skb)->ifindex);
	}
	vlan = xinet_frame_get_vlan(skb, dev, cooked);
	rcu_read_unlock();
	return vlan;
}

/* xinet_frame_status() of a packet whose type queue_hide_outgoing() changed. */
static u32 queue_status(const struct sk_buff *skb)
{
	u32 status = xinet_frame_status(skb);

	if (queue_cb(skb)->pkttype == PACKET_OUTGOING)
		status &= ~TP_STATUS_CSUM_VALID;
	return status;
}

static void queue_put_auxdata(const struct sock *sk, struct msghdr *msg,
			      const struct sk_buff *skb)
{
	struct xinet_frame_vlan vlan = queue_vlan(sk, skb);
	struct tpacket_auxdata aux = {
		.tp_status = queue_status(skb) | vlan.status,
		.tp_len = queue_cb(skb)->origlen,
		.tp_snaplen = skb->len,
		.tp_net = skb_network_offset(skb),
		.tp_vlan_tci = vlan.tci,
		.tp_vlan_tpid = vlan.tpid,
	};

	put_cmsg(msg, SOL_PACKET, PACKET_AUXDATA, sizeof(aux), &aux);
}

/* Control messages, by the bits of XINET_RX_*. */
static const struct {
	int type;
	size_t size;
} queue_extension_types[] = {
	{ XINET_OWNER, sizeof(struct xinet_owner) },
	{ XINET_DROPPED, sizeof(struct xinet_dropped) },
	{ XINET_NETNS, sizeof(struct xinet_netns) },
	{ XINET_ORIGINAL, sizeof(struct xinet_original) },
	{ XINET_POINT, sizeof(struct xinet_point) },
	{ XINET_QUEUE, sizeof(struct xinet_queue) },
};

static void queue_put_extensions(struct msghdr *msg,
				 struct queue_extensions *ext)
{
	u8 *next = ext->told;
	int i;

	for (i = 0; i < ARRAY_SIZE(queue_extension_types); i++) {
		if (!(ext->which & BIT(i)))
			continue;
		put_cmsg(msg, SOL_XINET, queue_extension_types[i].type,
			 queue_extension_types[i].size, next);
		next += queue_extension_types[i].size;
	}
}

/* Copies @skb out, as much as there is room for, and reports its metadata. */
static int queue_put_skb(struct sock *sk, struct msghdr *msg, size_t len,
			 int flags, struct sk_buff *skb)
{
	const struct xinet_packet_sock *po = xinet_packet_sk(sk);
	unsigned int vnet_size = READ_ONCE(po->vnet_hdr_sz);
	size_t copied;
	int err;

	if (vnet_size) {
		err = xinet_vnet_put_msg(skb, msg, &len, vnet_size);
		if (err)
			return err;
	}

	copied = skb->len;
	if (copied > len) {
		copied = len;
		msg->msg_flags |= MSG_TRUNC;
	}
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (err)
		return err;

	sock_recv_cmsgs(msg, sk, skb);
	if (msg->msg_name)
		queue_put_name(msg, xinet_frame_protocol(skb,
							 queue_is_cooked(sk)),
			       queue_cb(skb));
	if (READ_ONCE(po->auxdata))
		queue_put_auxdata(sk, msg, skb);
	if (skb->destructor == queue_extended_rfree)
		queue_put_extensions(msg, queue_extended_cb(skb)->extensions);
	return vnet_size + (flags & MSG_TRUNC ? skb->len : copied);
}

/* Whether recvmsg() reports more about a packet than its address. */
static bool queue_says_more(const struct sock *sk)
{
	const struct xinet_packet_sock *po = xinet_packet_sk(sk);

	return READ_ONCE(po->vnet_hdr_sz) || READ_ONCE(po->auxdata) ||
	       xinet_sock_wants_cmsgs(sk);
}

/* queue_put_skb() for a copied packet; makes an skb if more is reported. */
static int queue_put_copied(struct sock *sk, struct msghdr *msg, size_t len,
			    int flags, const struct xinet_queue_packet *packet)
{
	struct sk_buff *skb;
	int err;

	if (unlikely(queue_says_more(sk))) {
		skb = xinet_queue_to_skb(packet);
		if (!skb)
			return -ENOBUFS;
		memcpy(queue_cb(skb), &packet->from,
		       sizeof(packet->from) + packet->from.halen);
		queue_hide_outgoing(skb);
		err = queue_put_skb(sk, msg, len, flags, skb);
		consume_skb(skb);
		return err;
	}

	if (packet->len > len)
		msg->msg_flags |= MSG_TRUNC;
	len = min_t(size_t, len, packet->len);
	err = memcpy_to_msg(msg, (void *)(packet + 1), len);
	if (err)
		return err;
	if (msg->msg_name)
		queue_put_name(msg, packet->protocol, &packet->from);
	return flags & MSG_TRUNC ? packet->len : len;
}

/* As skb_recv_datagram(), which treats an skb as one packet. */
static struct sk_buff *queue_wait(struct sock *sk, int flags, int *err,
				  const struct xinet_queue_packet **packet)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	struct sk_buff *skb;

	do {
		*err = sock_error(sk);
		if (*err)
			return NULL;
		spin_lock_bh(&queue->lock);
		skb = xinet_queue_take(sk, flags & MSG_PEEK, packet);
		spin_unlock_bh(&queue->lock);
		if (skb)
			return skb;
		*err = -EAGAIN;
		/* the last skb of an empty queue is the queue itself */
	} while (timeo && !__skb_wait_for_more_packets(sk, queue, err, &timeo,
						       (void *)queue));
	return NULL;
}

int xinet_queue_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
			int flags)
{
	const int known = MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC |
			  MSG_CMSG_COMPAT | MSG_ERRQUEUE;
	const struct xinet_queue_packet *packet;
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	int err;

	if (flags & ~known)
		return -EINVAL;
	if (flags & MSG_ERRQUEUE)
		return sock_recv_errqueue(sk, msg, len, SOL_PACKET,
					  PACKET_TX_TIMESTAMP);

	skb = queue_wait(sk, flags, &err, &packet);
	if (!skb)
		return err;
	if (packet)
		err = queue_put_copied(sk, msg, len, flags, packet);
	else
		err = queue_put_skb(sk, msg, len, flags, skb);
	xinet_queue_put(sk, skb, packet, flags & MSG_PEEK);
	if (unlikely(READ_ONCE(xinet_packet_sk(sk)->rollover)))
		xinet_fanout_relieve(xinet_packet_sk(sk));
	return err;
}
