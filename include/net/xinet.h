/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a protocol module sees of PF_XINET: the protosw table that socket()
 * consults. Everything here is exported by xinet.ko; a module that uses it
 * depends on xinet.ko and cannot be loaded before it.
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

/* struct xinet_protosw flags */
#define XINET_PROTOSW_PERMANENT	0x01	/* never overridden, never removed */
#define XINET_PROTOSW_REUSE	0x02	/* sockets start with SO_REUSEADDR on */
#define XINET_PROTOSW_ICSK	0x04	/* socks are inet_connection_socks */

/**
 * struct xinet_protosw - one kind of socket that socket(PF_XINET, ...) builds
 * @node: the table's own; zeroed by the caller, not to be touched afterwards
 * @type: second argument of socket(): SOCK_RAW, SOCK_PACKET, SOCK_DGRAM, ...
 * @protocol: third argument of socket(), host byte order for IP protocols;
 *	IPPROTO_IP (0) makes the entry match any protocol of @type
 * @prot: struct proto of the sockets, its owner is the registering module
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
 * they name no owner or different ones; -EPERM when a permanent entry holds
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

#endif /* _NET_XINET_H */
