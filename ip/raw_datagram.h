/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagrams of raw sockets, with a header of ours. */
#ifndef _XINET_RAW_DATAGRAM_H
#define _XINET_RAW_DATAGRAM_H

#include <linux/skbuff.h>
#include <linux/socket.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/route.h>

/* Routing uses the type and the code of an ICMP message. */
#define XINET_RAW_PROBE_LEN	2

/* The longest options an IPv4 header has room for (RFC 791). */
#define XINET_RAW_OPTIONS_LEN	40

/* IP options, with room for the bytes at the end of struct ip_options. */
union xinet_raw_options {
	struct ip_options_rcu rcu;
	u8 room[sizeof(struct ip_options_rcu) + XINET_RAW_OPTIONS_LEN];
};

/**
 * struct xinet_raw_piece - what one sendmsg() adds to a datagram
 * @msg: the message, with its flags
 * @len: its length in bytes
 * @probe: the first bytes of an ICMP message, already read from @msg
 * @probe_len: how many of them
 * @probe_read: how many of those have been used
 */
struct xinet_raw_piece {
	struct msghdr *msg;
	size_t len;
	u8 probe[XINET_RAW_PROBE_LEN];
	unsigned int probe_len;
	unsigned int probe_read;
};

/**
 * struct xinet_raw_datagram - one datagram with a header of ours
 * @sk: the socket
 * @ipc: options and control messages of its first piece
 * @options: its IP options; optlen 0: none
 * @daddr: destination, network byte order; the last hop of a source route
 * @rt: its route, a reference
 * @header: length of its IP header in bytes
 * @mtu: longest packet, in bytes
 * @length: payload so far, in bytes
 * @parts: the payload, one skb per fragment, headroom left for its header
 */
struct xinet_raw_datagram {
	struct sock *sk;
	struct ipcm_cookie ipc;
	union xinet_raw_options options;
	__be32 daddr;
	struct rtable *rt;
	unsigned int header;
	unsigned int mtu;
	size_t length;
	struct sk_buff_head parts;
};

/**
 * xinet_raw_datagram_begin() - start an empty datagram
 * @dg: sk, ipc, options, daddr and rt set; takes over rt, even on failure
 *
 * Context: process.
 * Return: 0, or -ENETUNREACH when the MTU is too small for IPv4.
 */
int xinet_raw_datagram_begin(struct xinet_raw_datagram *dg);

/**
 * xinet_raw_datagram_append() - add a piece
 * @dg: the datagram
 * @piece: the piece
 * @daddr: its destination, for an error on the error queue
 *
 * After a failure the datagram must be discarded.
 *
 * Context: process. The caller serializes access to @dg.
 * Return: 0; -EMSGSIZE; -ENOBUFS; -EFAULT.
 */
int xinet_raw_datagram_append(struct xinet_raw_datagram *dg,
			      struct xinet_raw_piece *piece, __be32 daddr);

/**
 * xinet_raw_datagram_send() - add the header and send
 * @dg: the datagram, at least one piece; empty afterwards
 * @fl4: the flow of the last piece: its addresses go into the header
 *
 * Context: process.
 * Return: 0, or the negative errno of output.
 */
int xinet_raw_datagram_send(struct xinet_raw_datagram *dg,
			    const struct flowi4 *fl4);

/**
 * xinet_raw_datagram_discard() - drop the payload and the route
 * @dg: the datagram
 *
 * Context: process.
 */
void xinet_raw_datagram_discard(struct xinet_raw_datagram *dg);

/**
 * xinet_raw_count_icmp() - count an ICMP message in the MIB of a namespace
 * @net: the namespace
 * @type: ICMP type
 *
 * Context: process.
 */
static inline void xinet_raw_count_icmp(struct net *net, u8 type)
{
	ICMPMSGOUT_INC_STATS(net, type);
	ICMP_INC_STATS(net, ICMP_MIB_OUTMSGS);
}

#endif /* _XINET_RAW_DATAGRAM_H */
