/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a protocol module sees of PF_XINET: the protosw table that socket()
 * consults, and the handlers that packets of an IP protocol are given to.
 * Everything here is exported by xinet.ko; a module that uses it depends on
 * xinet.ko and cannot be loaded before it. Documentation/protocol-authors.md
 * walks through a whole module.
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
#define XINET_PROTOSW_PERMANENT	0x01	/* never overridden, never removed: ours */
#define XINET_PROTOSW_REUSE	0x02	/* sockets start with SO_REUSEADDR on */
#define XINET_PROTOSW_ICSK	0x04	/* socks are inet_connection_socks */

/**
 * struct xinet_protosw - one kind of socket that socket(PF_XINET, ...) builds
 * @node: the table's own; zeroed by the caller, not to be touched afterwards
 * @type: second argument of socket(): SOCK_RAW, SOCK_PACKET, SOCK_DGRAM, ...
 * @protocol: third argument of socket(), host byte order for IP protocols;
 *	IPPROTO_IP (0) makes the entry match any protocol of @type
 * @prot: struct proto of the sockets, its owner is the registering module. Its
 *	obj_size has room for what the kernel takes them for: without @create a
 *	struct inet_sock, or a struct raw_sock when @type is SOCK_RAW; with
 *	XINET_PROTOSW_ICSK a struct inet_connection_sock
 * @ops: struct proto_ops of the sockets; family and owner must be set
 * @create: builds the sock of a socket whose ops are already set, or NULL for
 *	an inet-like one (a struct inet_sock is allocated from @prot, its
 *	defaults set as PF_INET sets them, and @prot->init called). Process
 *	context, no locks held; @ops->owner cannot go away during the call.
 *	Returns 0, or a negative errno that socket() returns; on failure
 *	sock->sk is NULL.
 * @flags: XINET_PROTOSW_*
 *
 * The entry belongs to the caller and must live until
 * xinet_unregister_protosw() has returned.
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
 * xinet_register_protosw() - make a kind of socket known to socket()
 * @p: the entry; see struct xinet_protosw for its lifetime
 *
 * A later entry for the same (type, protocol) takes precedence over an earlier
 * one, except over a permanent entry, which cannot be overridden.
 *
 * Context: process; may sleep.
 * Return: 0; -EINVAL when the type is out of range, or @p lacks ops or prot, or
 * they name no owner or different ones, or the socks would be too small, or @p is
 * permanent and another module's than xinet.ko; -EPERM when a permanent entry holds
 * (type, protocol); -EEXIST when @p is in the table already.
 */
int xinet_register_protosw(struct xinet_protosw *p);

/**
 * xinet_unregister_protosw() - take a kind of socket away from socket()
 * @p: an entry that xinet_register_protosw() accepted
 *
 * On return no socket() call uses @p any more. Sockets it has built live on:
 * they hold the module that owns their proto and proto_ops.
 *
 * Context: process; sleeps for an RCU grace period.
 * Return: 0; -EPERM when @p is permanent; -ENOENT when @p is not in the table.
 */
int xinet_unregister_protosw(struct xinet_protosw *p);

/* struct xinet_protocol flags */
#define XINET_PROTOCOL_NO_POLICY 0x01	/* the handler checks IPsec policy */

/**
 * struct xinet_protocol - what is done with the packets of an IP protocol
 * @handler: takes a datagram. The skb is the handler's to free; its bytes may be
 *	shared with other receivers and must not be written without skb_cow().
 *	It is whole (reassembled), meant for this host (input route in
 *	skb_rtable(), source validated), with a valid IPv4 header at
 *	skb_network_header() and skb->data at skb_transport_header(), as far as
 *	the length that the IP header says: no link-level padding. How much of it
 *	is linear is not promised: pskb_may_pull(). skb->dev is the device it
 *	came in through, in any namespace: dev_net(skb->dev) tells which, and a
 *	handler must not mix them. The netfilter chains PREROUTING and INPUT, NAT
 *	and IPsec have done with it, unless the kernel speaks the protocol itself,
 *	see xinet_add_protocol(). Softirq, RCU read side; must not sleep.
 * @err_handler: is told of an ICMP error about a packet of this protocol, or
 *	NULL. The skb is borrowed: icmp_hdr() is the error, skb->data the IPv4
 *	header of the packet that caused it, linear with 8 bytes behind it and
 *	otherwise unchecked: anybody may have sent it. @info is the MTU in bytes
 *	of ICMP_FRAG_NEEDED, the pointer of ICMP_PARAMETERPROB, or 0. Softirq, RCU
 *	read side; must not sleep.
 * @flags: XINET_PROTOCOL_*
 *
 * Belongs to the caller and must live, as must the functions, until
 * xinet_del_protocol() has returned. A module that calls it from its exit needs
 * no reference to itself for that.
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
 * Packets of every namespace come, those of namespaces to be created too. Raw
 * sockets of the protocol get them as well. As long as the handler is there the
 * kernel does not answer "protocol unreachable"; that nobody listens on a port is
 * for the handler to tell.
 *
 * A protocol that the kernel does not speak is from then on ours in its table:
 * the handler is called once for each datagram that the firewall has let in, and
 * a module that brings the kernel's own handler for the protocol cannot be
 * loaded before xinet_del_protocol().
 *
 * A protocol that the kernel speaks itself (TCP, UDP, ICMP, ...) goes on being
 * spoken by it at the same time, with what it answers. The handler then gets
 * datagrams from where packet sockets get theirs: PREROUTING and INPUT have not
 * seen them, IPsec has not unpacked them, they are reassembled and routed a
 * second time. The ICMP errors go to the kernel's handler only.
 *
 * Context: process; may sleep.
 * Return: 0; -EEXIST when the protocol has a handler; -EINVAL without handler, or
 * for IPPROTO_RAW, which nobody receives; -ENOMEM.
 */
int xinet_add_protocol(const struct xinet_protocol *p, u8 protocol);

/**
 * xinet_del_protocol() - receive the packets of an IP protocol no more
 * @p: what xinet_add_protocol() accepted
 * @protocol: for this protocol
 *
 * On return neither function of @p is running and none will be called. To be
 * called after xinet_unregister_protosw(), so that no socket is made that would
 * not receive. Sockets of the protocol that are still open receive nothing any
 * more; usually there are none, as they hold the module that owns their proto.
 *
 * Context: process; sleeps for an RCU grace period.
 * Return: 0; -ENOENT when @p is not the handler of @protocol.
 */
int xinet_del_protocol(const struct xinet_protocol *p, u8 protocol);

/**
 * xinet_ops_fill() - complete the operations of an inet-like datagram protocol
 * @ops: owner, sendmsg() and recvmsg() set; not const, and in use by nobody
 *
 * Sets the family. What is NULL becomes what PF_INET's datagram sockets have:
 * release() (xinet_release()), getname(), poll(), ioctl(), gettstamp(),
 * shutdown(), and the socket options of the struct proto; listen(), accept(),
 * socketpair() and mmap() that refuse; and
 *
 * - bind(): the address must be local, any, multicast or broadcast, a
 *   privileged port needs CAP_NET_BIND_SERVICE. The
 *   port is asked of proto->get_port(sk, port), under the socket lock and with
 *   inet_rcv_saddr set: it chooses a port when it is asked for 0, sets inet_num
 *   and returns 0, or returns the errno of bind() when the port is taken.
 * - connect(): a socket without a port gets one from proto->get_port();
 *   AF_UNSPEC calls proto->disconnect(), any other address proto->connect(), for
 *   which ip4_datagram_connect() will do.
 *
 * Both refuse AF_XINET in the address (EAFNOSUPPORT), and sendmsg() must: a
 * security module that was asked before judges the address by its family.
 *
 * Context: any.
 */
void xinet_ops_fill(struct proto_ops *ops);

/**
 * xinet_release() - proto_ops release() of sockets that are to be seen
 * @sock: the socket
 *
 * What inet_release() is, which it calls; before that the socket goes off the
 * family's list, that is out of sock_diag and `xinet ss`. What socket() builds
 * from an entry whose ops have this release() is listed by the family.
 *
 * Context: process, no locks held.
 * Return: 0.
 */
int xinet_release(struct socket *sock);

/**
 * xinet_list_sock() - let a socket be seen that socket() has not built
 * @sk: belongs to a struct socket whose ops' release() is xinet_release(), or
 *	calls it
 *
 * For accept(), once the new socket has its sock, and for sockets whose ops have
 * a release() of their own.
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM, which accept() is to return: the core then releases
 * the new socket.
 */
int xinet_list_sock(struct sock *sk);

#endif /* _NET_XINET_H */
