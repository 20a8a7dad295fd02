/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small packets in the receive queue of a packet socket, copied into shared
 * skbs.
 */
#ifndef _XINET_PACKET_QUEUE_COPYBREAK_H
#define _XINET_PACKET_QUEUE_COPYBREAK_H

#include <linux/if_ether.h>
#include <linux/ktime.h>
#include <linux/skbuff.h>
#include <linux/types.h>

struct sock;
struct xinet_packet_sock;

/* Bytes of the longest packet that is copied: up to here a copy is cheap. */
#define XINET_QUEUE_COPYBREAK_MAX	256

/**
 * struct xinet_queue_from - length and sender of a packet
 * @origlen: its length before the filter shortened it
 * @ifindex: the device, or the first one with PACKET_ORIGDEV
 * @hatype: ARPHRD_*
 * @pkttype: PACKET_*
 * @halen: bytes of @addr in use
 * @addr: link-level address of the sender
 */
struct xinet_queue_from {
	u32 origlen;
	s32 ifindex;
	u16 hatype;
	u8 pkttype;
	u8 halen;
	u8 addr[];
};

/**
 * struct xinet_queue_packet - a copied packet, followed by its bytes
 * @tstamp: of the original skb
 * @truesize: of the original skb; once taken, the charge that is released on
 *	put
 * @len: bytes of the packet
 * @dropcount: SO_RXQ_OVFL
 * @mark: of the original skb
 * @priority: of the original skb
 * @protocol: of the original skb, network byte order
 * @net: offset of its network header
 * @ip_summed: of the original skb
 * @csum_valid: of the original skb
 * @from: length and sender
 * @addr: of @from
 */
struct xinet_queue_packet {
	ktime_t tstamp;
	u32 truesize;
	u32 len;
	u32 dropcount;
	u32 mark;
	u32 priority;
	__be16 protocol;
	u16 net;
	u8 ip_summed;
	u8 csum_valid;
	struct xinet_queue_from from;
	u8 addr[ETH_ALEN];
};

/**
 * xinet_queue_may_copybreak() - whether a copy loses nothing of a packet
 * @skb: from an Ethernet device, without a tag beside it
 * @len: bytes to copy; the caller checks that they are linear
 */
static __always_inline bool xinet_queue_may_copybreak(const struct sk_buff *skb,
						      u32 len)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	return len <= XINET_QUEUE_COPYBREAK_MAX && !info->gso_size &&
	       !info->tx_flags && !info->hwtstamps.hwtstamp &&
	       skb->ip_summed != CHECKSUM_PARTIAL &&
	       skb_tstamp(skb) == skb->tstamp;
}

/**
 * xinet_queue_copybreak() - append a copy of a packet to the queue
 * @po: the socket, whose packet count is increased
 * @skb: see xinet_queue_may_copybreak()
 * @data: its first byte
 * @origlen: bytes from @data on
 * @len: bytes to copy
 * @ifindex: of the device to report
 *
 * Context: softirq, or BH disabled; sk_receive_queue.lock held.
 * Return: whether it is queued; if not, nothing has happened.
 */
bool xinet_queue_copybreak(struct xinet_packet_sock *po, const struct sk_buff *skb,
			   const void *data, u32 origlen, u32 len, int ifindex);

/**
 * xinet_queue_take() - take the first packet of the queue
 * @sk: the packet socket
 * @peek: leave it in the queue
 * @packet: set to the packet if it was copied, else NULL; valid while the
 *	reference is held
 *
 * Context: sk_receive_queue.lock held.
 * Return: a reference to the packet's skb or carrier; NULL if the queue is
 * empty.
 */
struct sk_buff *xinet_queue_take(struct sock *sk, bool peek,
				 const struct xinet_queue_packet **packet);

/**
 * xinet_queue_put() - drop the reference of xinet_queue_take()
 * @sk: the packet socket
 * @skb: the reference
 * @packet: from xinet_queue_take(); its charge is released unless @peek
 * @peek: as in xinet_queue_take()
 *
 * Context: process.
 */
void xinet_queue_put(struct sock *sk, struct sk_buff *skb,
		     const struct xinet_queue_packet *packet, bool peek);

/**
 * xinet_queue_to_skb() - make an skb of a copied packet
 * @packet: the packet
 *
 * Context: process.
 * Return: a new skb, not charged to a socket and without @from; NULL if out of
 * memory.
 */
struct sk_buff *xinet_queue_to_skb(const struct xinet_queue_packet *packet);

/**
 * xinet_queue_copybreak_release() - free the spare carrier of a socket
 * @po: the socket, which is being closed, its queue empty
 */
void xinet_queue_copybreak_release(struct xinet_packet_sock *po);

#endif /* _XINET_PACKET_QUEUE_COPYBREAK_H */
