/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_RAW_H
#define _XINET_RAW_H

#include <linux/icmp.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <net/inet_sock.h>
#include <net/protocol.h>

struct xinet_ip_rx;

/**
 * struct xinet_raw_sock - a raw IPv4 socket
 * @inet: must be first; inet_num is the IP protocol
 * @filter: ICMP_FILTER; only of a socket of IPPROTO_ICMP. Written by
 *	setsockopt(), read by the receive path without a lock.
 */
struct xinet_raw_sock {
	struct inet_sock inet;
	struct icmp_filter filter;
};

static inline struct xinet_raw_sock *xinet_raw_sk(const struct sock *sk)
{
	return (struct xinet_raw_sock *)sk;
}

/**
 * struct xinet_raw_net - the raw sockets of one network namespace
 * @lock: guards everything here; readers of @hash hold rcu_read_lock()
 * @sockets: number of sockets in @hash that receive; read without the lock, see
 *	xinet_raw_any()
 * @hash: the sockets by IP protocol number
 */
struct xinet_raw_net {
	struct mutex lock;	/* sockets, changes of hash */
	unsigned int sockets;
	struct hlist_head hash[MAX_INET_PROTOS];
};

/**
 * xinet_raw_init() - make raw sockets known to the protosw table
 *
 * Context: process, module init.
 * Return: 0 or a negative errno.
 */
int xinet_raw_init(void);

/**
 * xinet_raw_exit() - undo xinet_raw_init()
 *
 * Context: process, module exit; no raw socket is left. The caller waits for
 * RCU callbacks afterwards.
 */
void xinet_raw_exit(void);

/**
 * xinet_raw_net() - the raw sockets of a namespace
 * @net: the namespace
 *
 * Context: any, while @net is alive or under RCU.
 * Return: never NULL.
 */
struct xinet_raw_net *xinet_raw_net(const struct net *net);

/**
 * xinet_raw_any() - whether any socket of a namespace receives
 * @net: the namespace
 *
 * Context: RCU read side.
 */
static inline bool xinet_raw_any(const struct net *net)
{
	return READ_ONCE(xinet_raw_net(net)->sockets);
}

/**
 * xinet_raw_hash() - let a socket receive
 * @sk: a raw socket, its inet_num set
 *
 * The first one hooks us onto ETH_P_IP. A socket of IPPROTO_RAW sends only
 * (raw(7)) and is counted, never found.
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int xinet_raw_hash(struct sock *sk);

/**
 * xinet_raw_unhash() - let a socket receive no more
 * @sk: a raw socket, hashed or not
 *
 * The last one takes the hook away. Does not wait: packets under way may still
 * find @sk until a grace period has passed.
 *
 * Context: process; may sleep.
 */
void xinet_raw_unhash(struct sock *sk);

/**
 * xinet_raw_match() - whether a socket wants a packet, by its addresses
 * @sk: a raw socket whose protocol is the packet's
 * @saddr: source of the packet, network byte order
 * @daddr: destination of the packet, network byte order
 * @dif: interface index it came in through, or that of its l3mdev master
 * @sdif: interface index of the l3mdev slave, or 0
 *
 * Context: RCU read side.
 */
bool xinet_raw_match(const struct sock *sk, __be32 saddr, __be32 daddr,
		     int dif, int sdif);

/**
 * xinet_raw_wanted() - whether any socket wants a packet, by its addresses
 * @rx: the packet
 *
 * Context: softirq, RCU read side.
 */
bool xinet_raw_wanted(const struct xinet_ip_rx *rx);

/**
 * xinet_raw_input() - deliver a datagram to every raw socket that wants it
 * @rx: the packet, not a fragment
 *
 * Context: softirq, RCU read side.
 */
void xinet_raw_input(struct xinet_ip_rx *rx);

/**
 * xinet_raw_sendmsg() - proto_ops sendmsg of raw sockets; see raw(7)
 * @sock: the socket
 * @msg: the message; msg_name is a struct sockaddr_in or NULL
 * @len: its length in bytes, the IP header included with IP_HDRINCL
 *
 * Context: process.
 * Return: @len or a negative errno, that which PF_INET gives.
 */
int xinet_raw_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

#endif /* _XINET_RAW_H */
