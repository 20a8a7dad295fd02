/* SPDX-License-Identifier: GPL-2.0-only */
/* Creation of inet-like sockets. */
#ifndef _XINET_INET_SOCK_H
#define _XINET_INET_SOCK_H

struct net;
struct socket;
struct xinet_protosw;

/**
 * xinet_inet_sock_create() - build the sock of an inet-like socket
 * @net: the namespace of the socket
 * @sock: the socket, its ops already set
 * @p: its entry of the protosw table
 * @protocol: IP protocol number, host byte order
 * @kern: non-zero for a socket of the kernel's own
 *
 * The sock is a struct inet_sock with PF_INET's defaults, of family AF_INET so
 * that routing, netfilter, control groups and security modules treat its
 * packets as PF_INET's; only its proto_ops are PF_XINET's. It is hashed if it
 * has a number, and @p->prot->init() has been called.
 *
 * Context: process, no locks held.
 * Return: 0, -ENOMEM, or what hash(), init() or a cgroup BPF program returned;
 * sock->sk is NULL on failure.
 */
int xinet_inet_sock_create(struct net *net, struct socket *sock,
			   const struct xinet_protosw *p, int protocol,
			   int kern);

#endif /* _XINET_INET_SOCK_H */
