/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small packets in the receive queue of a packet socket, many in one skb.
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
 * struct xinet_queue_from - where a packet came from
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
 * struct xinet_queue_packet - a copied packet, its bytes behind it
 * @tstamp: as in the skb it came in; so are @mark, @priority, @protocol,
 *	@ip_summed and @csum_valid
 * @truesize: that of the skb it came in; once it is taken, what the socket is no
 *	longer charged with when it is put
 * @len: bytes of it
 * @dropcount: SO_RXQ_OVFL
 * @mark: as above
 * @priority: as above
 * @protocol: as above, network byte order
 * @net: where its network header begins
 * @ip_summed: as above
 * @csum_valid: as above
 * @from: where it came from
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
 * xinet_queue_may_copybreak() - whether a packet says nothing that cannot be copied
 * @skb: from an Ethernet device, without a tag beside it
 * @len: how many bytes are wanted; whether they are in one piece is not asked
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
 * xinet_queue_copybreak() - put a packet at the end of the queue
 * @po: the socket; the packet is for it, and counted here
 * @skb: one that may be copied
 * @data: its first byte
 * @origlen: bytes from there on
 * @len: how many of them are wanted
 * @ifindex: of the device to be told of
 *
 * Context: softirq, or BH disabled; sk_receive_queue.lock held.
 * Return: whether it is there; if not, nothing has happened.
 */
bool xinet_queue_copybreak(struct xinet_packet_sock *po, const struct sk_buff *skb,
			   const void *data, u32 origlen, u32 len, int ifindex);

/**
 * xinet_queue_take() - the first packet of the queue
 * @sk: the packet socket
 * @peek: it stays there
 * @packet: the packet if it is a packed one, otherwise NULL; valid as long as
 *	the reference is held
 *
 * Context: sk_receive_queue.lock held.
 * Return: a reference to the skb that it is or lies in; NULL: there is none.
 */
struct sk_buff *xinet_queue_take(struct sock *sk, bool peek,
				 const struct xinet_queue_packet **packet);

/**
 * xinet_queue_put() - be done with what xinet_queue_take() returned
 * @sk: the packet socket
 * @skb: the reference, which goes
 * @packet: as it came; its charge goes as well unless it was peeked at
 * @peek: as in xinet_queue_take()
 *
 * Context: process.
 */
void xinet_queue_put(struct sock *sk, struct sk_buff *skb,
		     const struct xinet_queue_packet *packet, bool peek);

/**
 * xinet_queue_to_skb() - an skb that says what a copied packet says
 * @packet: the packet
 *
 * Context: process.
 * Return: an skb of its own, charged to nobody, without what @from says; NULL
 * when there is no memory.
 */
struct sk_buff *xinet_queue_to_skb(const struct xinet_queue_packet *packet);

/**
 * xinet_queue_copybreak_release() - let go of what a socket keeps for later
 * @po: the socket, which is being closed, its queue empty
 */
void xinet_queue_copybreak_release(struct xinet_packet_sock *po);

#endif /* _XINET_PACKET_QUEUE_COPYBREAK_H */
