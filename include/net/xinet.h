/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of PF_XINET to protocol modules: the protosw table that
 * socket() looks up, and the input handlers of IP protocols. Everything here is
 * exported by xinet.ko; a module that uses it depends on xinet.ko and cannot be
 * loaded before it. Documentation/protocol-authors.md explains a whole module.
 */
#ifndef _NET_XINET_H
#define _NET_XINET_H

#include <linux/list.h>
#include <linux/net.h>
#include <linux/types.h>
#include <linux/xinet.h>

struct net;
struct proto;
struct proto_ops;
struct sk_buff;
struct sock;
struct socket;

/* struct xinet_protosw flags */
#define XINET_PROTOSW_PERMANENT	0x01	/* ours; not overridden or removed */
#define XINET_PROTOSW_REUSE	0x02	/* SO_REUSEADDR is on in new sockets */
#define XINET_PROTOSW_ICSK	0x04	/* socks are inet_connection_socks */

/**
 * struct xinet_protosw - one kind of socket that socket(PF_XINET, ...) builds
 * @node: zeroed by the caller, then private to the table
 * @type: second argument of socket(): SOCK_RAW, SOCK_PACKET, SOCK_DGRAM, ...
 * @protocol: third argument, host byte order for IP; IPPROTO_IP (0) matches any
 * @prot: of the registering module; obj_size fits an inet_connection_sock
 *	(ICSK), else, without @create, a raw_sock (SOCK_RAW) or an inet_sock
 * @ops: struct proto_ops of the sockets; family set, owner that of @prot
 * @create: builds the sock, socket ops set; process context, no locks, owner
 *	held. Returns 0, or the errno of socket() with sock->sk NULL. If NULL:
 *	an inet_sock of @prot with PF_INET's defaults, @prot->init() called
 * @flags: XINET_PROTOSW_*
 *
 * Owned by the caller; must live until xinet_unregister_protosw() has returned.
 */
struct xinet_protosw {
	struct hlist_node node;
	unsigned short type;
	unsigned short protocol;
	struct proto *prot;
	const struct proto_ops *ops;
	int (*create)(struct net *net, struct socket *sock, int protocol,
		      int kern);
	unsigned char flags;
};

/**
 * xinet_register_protosw() - add a kind of socket to socket()
 * @p: the entry; see struct xinet_protosw for its lifetime
 *
 * A later entry for the same (type, protocol) takes precedence over an earlier
 * one, but not over a permanent one.
 *
 * Context: process; may sleep.
 * Return: 0; -EINVAL when the type is out of range, @p lacks ops, prot or an
 * owner, their owners differ, obj_size is too small, or @p is permanent but not
 * xinet.ko's; -EPERM when (type, protocol) has a permanent entry; -EEXIST when
 * @p is in the table already.
 */
int xinet_register_protosw(struct xinet_protosw *p);

/**
 * xinet_unregister_protosw() - remove a kind of socket from socket()
 * @p: an entry that xinet_register_protosw() accepted
 *
 * On return no socket() call uses @p. Sockets built from it live on: they hold
 * the module that owns their proto and proto_ops.
 *
 * Context: process; sleeps for an RCU grace period.
 * Return: 0; -EPERM when @p is permanent; -ENOENT when @p is not in the table.
 */
int xinet_unregister_protosw(struct xinet_protosw *p);

/* struct xinet_protocol flags */
#define XINET_PROTOCOL_NO_POLICY 0x01	/* the handler checks IPsec policy */

/**
 * struct xinet_protocol - input handlers of an IP protocol
 * @handler: gets a datagram and owns the skb; skb_cow() before writing, its
 *	data may be shared. Reassembled, no link padding, valid IPv4 header at
 *	skb_network_header(), data at skb_transport_header() (pskb_may_pull()
 *	before reading), input route in skb_rtable(), source validated. skb->dev
 *	is the incoming device, of any namespace: keep those apart by
 *	dev_net(skb->dev). PREROUTING, INPUT, NAT and IPsec are done, except as
 *	xinet_add_protocol() says
 * @err_handler: gets an ICMP error about a packet of this protocol, or NULL.
 *	Borrows the skb: icmp_hdr() is the error, data the quoted IPv4 header,
 *	linear with 8 bytes after it, unverified: anyone may have sent it. @info
 *	is the MTU in bytes of ICMP_FRAG_NEEDED, the pointer of
 *	ICMP_PARAMETERPROB, or 0
 * @flags: XINET_PROTOCOL_*
 *
 * Both run in softirq, RCU read side. Must live, with its functions, until
 * xinet_del_protocol() has returned; a module that calls that from its exit
 * needs no reference to itself.
 */
struct xinet_protocol {
	void (*handler)(struct sk_buff *skb);
	void (*err_handler)(struct sk_buff *skb, u32 info);
	unsigned int flags;
};

/**
 * xinet_add_protocol() - receive the packets of an IP protocol
 * @p: the handler; see struct xinet_protocol for its lifetime
 * @protocol: IP protocol number
 *
 * Receives in all namespaces, including later ones; raw sockets of the protocol
 * get the packets as well. Meanwhile the kernel does not answer "protocol
 * unreachable"; the handler reports ports without a listener.
 *
 * If the kernel does not speak the protocol, this takes its slot in the
 * kernel's table: the handler is called once for each datagram that the
 * firewall accepts, and a module with the kernel's own handler for the protocol
 * cannot be loaded before xinet_del_protocol().
 *
 * If the kernel speaks it (TCP, UDP, ICMP, ...), the kernel continues to do so,
 * answers included. The handler then gets datagrams from where packet sockets
 * do: before PREROUTING, INPUT and IPsec, reassembled and routed a second time.
 * ICMP errors go to the kernel's handler only.
 *
 * Context: process; may sleep.
 * Return: 0; -EEXIST when the protocol has a handler; -EINVAL without handler,
 * or for IPPROTO_RAW, which is never received; -ENOMEM.
 */
int xinet_add_protocol(const struct xinet_protocol *p, u8 protocol);

/**
 * xinet_del_protocol() - stop receiving the packets of an IP protocol
 * @p: what xinet_add_protocol() accepted
 * @protocol: IP protocol number
 *
 * On return neither function of @p is running and none will be called. To be
 * called after xinet_unregister_protosw(), so that no socket is created that
 * would not receive. Sockets of the protocol that are still open receive
 * nothing any more; usually there are none, as they hold the module that owns
 * their proto.
 *
 * Context: process; sleeps for an RCU grace period.
 * Return: 0; -ENOENT when @p is not the handler of @protocol.
 */
int xinet_del_protocol(const struct xinet_protocol *p, u8 protocol);

/**
 * xinet_ops_fill() - complete the proto_ops of an inet-like datagram protocol
 * @ops: owner, sendmsg() and recvmsg() set; not const, not in use yet
 *
 * Sets the family. Members that are NULL become those of PF_INET's datagram
 * sockets: release() (xinet_release()), getname(), poll(), ioctl(),
 * gettstamp(), shutdown(), and the socket options of the struct proto;
 * listen(), accept(), socketpair() and mmap() that fail; and
 *
 * - bind(): the address must be local, any, multicast or broadcast; a
 *   privileged port requires CAP_NET_BIND_SERVICE. Calls proto->get_port(sk,
 *   port) under the socket lock with inet_rcv_saddr set: it chooses a port if
 *   port is 0, sets inet_num and returns 0, or returns the errno of bind() if
 *   the port is taken.
 * - connect(): a socket without a port gets one from proto->get_port();
 *   AF_UNSPEC calls proto->disconnect(), any other address proto->connect(),
 *   for which ip4_datagram_connect() is suitable.
 *
 * Both reject AF_XINET in the address (EAFNOSUPPORT), and sendmsg() must: a
 * security module has checked the address before, by its family.
 *
 * Context: any.
 */
void xinet_ops_fill(struct proto_ops *ops);

/**
 * xinet_release() - proto_ops release() of listed sockets
 * @sock: the socket
 *
 * Removes the socket from the family's list (sock_diag, `xinet ss`), then calls
 * inet_release(). The family lists what socket() builds from an entry whose ops
 * have this release().
 *
 * Context: process, no locks held.
 * Return: 0.
 */
int xinet_release(struct socket *sock);

/**
 * xinet_list_sock() - list a socket that socket() has not built
 * @sk: belongs to a struct socket whose ops' release() is xinet_release(), or
 *	calls it
 *
 * For accept(), once the new socket has its sock, and for sockets whose ops
 * have a release() of their own.
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM, which accept() is to return: the core then releases the
 * new socket.
 */
int xinet_list_sock(struct sock *sk);

#endif /* _NET_XINET_H */
