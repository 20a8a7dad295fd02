/* SPDX-License-Identifier: GPL-2.0-only */
/* Raw IPv4 sockets. */
#ifndef _XINET_RAW_H
#define _XINET_RAW_H

#include <linux/atomic.h>
#include <linux/icmp.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/xinet.h>
#include <net/protocol.h>
#include <net/raw.h>

#include "af_xinet/drop.h"
#include "af_xinet/netns.h"

struct xinet_ip_error;
struct xinet_ip_rx;
struct xinet_raw_datagram;

/* Number of points to receive at: XINET_RAW_POINT_* */
#define XINET_RAW_POINTS	2

/**
 * struct xinet_raw_sock - a raw IPv4 socket
 * @raw: first, for the kernel's multicast routing and ioctls. Its inet_num is
 *	the IP protocol; its filter is ICMP_FILTER, read without a lock
 * @icmp_id: XINET_RAW_ICMP_ID + 1, host byte order, or 0; set once, read
 *	without a lock
 * @point: XINET_RAW_POINT; under the socket lock and xinet_raw_net.lock
 * @left: points that the socket has left, a bit for each
 * @hashed: it is in xinet_raw_net.all
 * @behind: counted in xinet_raw_net.behind; under its lock, while @hashed
 * @left_at: when it left the last point, for cond_synchronize_rcu()
 * @icmp_id_node: of each point, in by_icmp_id, if @icmp_id is set
 * @all_node: in xinet_raw_net.all, while @hashed
 * @drops: packets that matched and were lost
 * @cork: datagram that MSG_MORE is building, or NULL; under the socket lock
 */
struct xinet_raw_sock {
	struct raw_sock raw;
	u32 icmp_id;
	u8 point;
	u8 left;
	bool hashed;
	bool behind;
	unsigned long left_at;
	struct hlist_node icmp_id_node[XINET_RAW_POINTS];
	struct list_head all_node;
	struct xinet_drops drops;
	struct xinet_raw_datagram *cork;
};

static inline struct xinet_raw_sock *xinet_raw_sk(const struct sock *sk)
{
	return (struct xinet_raw_sock *)sk;
}

/* Buckets of by_icmp_id: mostly PIDs, so the low bits hash well. */
#define XINET_RAW_ICMP_ID_HEADS	1024

/**
 * struct xinet_raw_table - the sockets that receive at one point
 * @sockets: how many; read without the lock, see xinet_raw_any()
 * @hash: by IP protocol, except those in @by_icmp_id; by sk_node (WIRE) or
 *	sk_bind_node (HOST), both near the addresses that input compares
 * @by_icmp_id: XINET_RAW_ICMP_ID_HEADS buckets, sockets by the low bits of
 *	their ICMP identifier; NULL until there is one
 */
struct xinet_raw_table {
	unsigned int sockets;
	struct hlist_head hash[MAX_INET_PROTOS];
	struct hlist_head *by_icmp_id;
};

/**
 * struct xinet_raw_net - the raw sockets of one network namespace
 * @lock: guards everything here; readers of a table hold rcu_read_lock()
 * @behind: number of sockets that receive and need the hook on LOCAL_IN, see
 *	xinet_raw_expect_errors()
 * @all: every socket of the namespace, to be listed under @lock
 * @table: the sockets that receive, by XINET_RAW_POINT
 */
struct xinet_raw_net {
	struct mutex lock;	/* everything here, see above */
	unsigned int behind;
	struct list_head all;
	struct xinet_raw_table table[XINET_RAW_POINTS];
};

/**
 * xinet_raw_init() - register raw sockets
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
 * xinet_raw_is() - whether a socket is a raw socket of ours
 * @sk: any full socket
 */
bool xinet_raw_is(const struct sock *sk);

/**
 * xinet_raw_pernet() - the raw sockets of a namespace
 * @net: the namespace
 *
 * Context: any, while @net is alive or under RCU.
 * Return: never NULL.
 */
struct xinet_raw_net *xinet_raw_pernet(const struct net *net);

extern unsigned int xinet_raw_net_id;

/* The core's default sk_data_ready(). */
extern void (*xinet_raw_data_ready)(struct sock *sk);

/**
 * xinet_raw_pernet_rcu() - xinet_raw_pernet() in a packet path
 * @net: the namespace
 *
 * Context: RCU read side.
 * Return: never NULL.
 */
static inline struct xinet_raw_net *xinet_raw_pernet_rcu(const struct net *net)
{
	return xinet_netns_rcu(net, xinet_raw_net_id);
}

/**
 * xinet_raw_any() - whether any socket of a namespace receives at a point
 * @net: the namespace
 * @point: XINET_RAW_POINT_*
 *
 * Context: RCU read side.
 */
static inline bool xinet_raw_any(const struct net *net, unsigned int point)
{
	return READ_ONCE(xinet_raw_pernet_rcu(net)->table[point].sockets);
}

/**
 * xinet_raw_hash() - start to receive
 * @sk: a raw socket, its inet_num set
 *
 * The first socket registers the packet_type for ETH_P_IP; the first one of a
 * protocol that the kernel may not speak, or behind the firewall, the hook on
 * LOCAL_IN of its namespace. A socket of IPPROTO_RAW (raw(7)), or of a number
 * that no IPv4 header can have, only sends: it is listed but receives nothing.
 *
 * Context: process; may sleep.
 * Return: 0; -ENOMEM; -E2BIG when the namespace has too many netfilter hooks.
 */
int xinet_raw_hash(struct sock *sk);

/**
 * xinet_raw_unhash() - stop receiving
 * @sk: a raw socket, hashed or not
 *
 * The last one unregisters the packet_type; a hook on LOCAL_IN stays, unused.
 * Does not wait: packets in flight may still find @sk until a grace period has
 * passed.
 *
 * Context: process; may sleep.
 */
void xinet_raw_unhash(struct sock *sk);

/**
 * xinet_raw_bind_icmp_id() - receive one ICMP identifier only
 * @sk: a raw socket of IPPROTO_ICMP
 * @id: the identifier, host byte order
 *
 * See XINET_RAW_ICMP_ID in <linux/xinet.h>.
 *
 * Context: process; may sleep.
 * Return: 0; -EBUSY when the socket has another identifier; -ENOMEM.
 */
int xinet_raw_bind_icmp_id(struct sock *sk, u16 id);

/**
 * xinet_raw_set_point() - receive at another point
 * @sk: a raw socket, hashed or not
 * @point: XINET_RAW_POINT_*
 *
 * See XINET_RAW_POINT in <linux/xinet.h>.
 *
 * Context: process; may sleep, for a grace period if the socket has been there
 * before.
 * Return: 0; -EOPNOTSUPP when the kernel has no such point; else as
 * xinet_raw_hash().
 */
int xinet_raw_set_point(struct sock *sk, unsigned int point);

/**
 * xinet_raw_expect_errors() - receive ICMP errors from now on
 * @sk: a raw socket, hashed
 *
 * To be called before the socket sends, connects or sets IP_RECVERR: until then
 * no error can be about its packets. The hook on LOCAL_IN, which finds errors,
 * costs every packet for the host; sockets that only listen to the wire do
 * without it.
 *
 * Context: process; may sleep; not under the socket lock.
 * Return: 0 or a negative errno.
 */
int xinet_raw_expect_errors(struct sock *sk);

/**
 * xinet_raw_drops() - how many packets for a socket were lost
 * @sk: a raw socket
 *
 * By whatever reason of enum xinet_drop_reason.
 *
 * Context: any.
 */
u64 xinet_raw_drops(const struct sock *sk);

/* xinet_raw_has_protocol() for one table; RCU. */
static inline bool xinet_raw_table_has(const struct xinet_raw_table *table,
				       u8 protocol)
{
	return !hlist_empty(&table->hash[protocol]) ||
	       (protocol == IPPROTO_ICMP && READ_ONCE(table->by_icmp_id));
}

/**
 * xinet_raw_has_protocol() - whether there is a raw socket for a protocol
 * @net: the namespace
 * @point: XINET_RAW_POINT_*, where it receives
 * @protocol: IP protocol number
 *
 * The cheapest check of a packet, before its header is validated.
 *
 * Context: RCU read side.
 */
static inline bool xinet_raw_has_protocol(const struct net *net,
					  unsigned int point, u8 protocol)
{
	return xinet_raw_table_has(&xinet_raw_pernet_rcu(net)->table[point],
				   protocol);
}

/**
 * xinet_raw_error() - report an ICMP error to the raw sockets it may be for
 * @error: the error
 *
 * Context: softirq, RCU read side.
 */
void xinet_raw_error(const struct xinet_ip_error *error);

/**
 * xinet_raw_match() - whether a socket matches a packet's addresses
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
 * xinet_raw_wanted() - whether any socket matches a packet's addresses
 * @rx: the packet
 * @point: XINET_RAW_POINT_*, where the socket receives
 *
 * Context: softirq, RCU read side.
 */
bool xinet_raw_wanted(const struct xinet_ip_rx *rx, unsigned int point);

/**
 * xinet_raw_input() - deliver a datagram to the raw sockets of the wire
 * @rx: the packet, not a fragment
 *
 * To every matching socket at XINET_RAW_POINT_WIRE.
 *
 * Context: softirq, RCU read side.
 */
void xinet_raw_input(struct xinet_ip_rx *rx);

/**
 * xinet_raw_input_host() - deliver a datagram to the raw sockets of the host
 * @rx: the packet, @rx->host set; void afterwards
 *
 * To every matching socket at XINET_RAW_POINT_HOST. The skb that @rx named goes
 * on to the kernel.
 *
 * Context: softirq, RCU read side.
 */
void xinet_raw_input_host(struct xinet_ip_rx *rx);

/**
 * xinet_raw_sendmsg() - proto_ops sendmsg() of raw sockets; see raw(7)
 * @sock: the socket
 * @msg: the message; msg_name is a struct sockaddr_in or NULL
 * @len: its length in bytes, the IP header included with IP_HDRINCL
 *
 * Context: process.
 * Return: @len or a negative errno, the same as in PF_INET.
 */
int xinet_raw_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

/**
 * xinet_raw_uncork() - drop the datagram that MSG_MORE is building
 * @sk: a raw socket
 *
 * Context: process; the caller holds the socket lock.
 */
void xinet_raw_uncork(struct sock *sk);

#endif /* _XINET_RAW_H */
