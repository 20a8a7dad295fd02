/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_BIND_H
#define _XINET_BIND_H

#include <linux/types.h>

struct sock;
struct sockaddr_in;
struct socket;

/**
 * xinet_bind_check_family() - refuse AF_XINET in an address
 * @addr: a socket address in kernel memory, or NULL
 * @len: its length in bytes; one too short to hold a family passes
 *
 * For every call that takes an address of a sock of PF_INET. Security modules
 * have judged the address by its family and the sock's before such a call, and
 * let another family than AF_INET pass as one that the sock refuses.
 *
 * Context: any.
 * Return: 0 or -EAFNOSUPPORT. Other families are for the caller to judge.
 */
int xinet_bind_check_family(const void *addr, int len);

/**
 * xinet_bind_inet() - bind an inet-like socket without ports to an address
 * @sk: the socket
 * @addr: a struct sockaddr_in; only sin_addr is looked at (network byte order)
 * @len: its length in bytes
 *
 * A unicast address must be local, or the socket be allowed non-local ones
 * (net.ipv4.ip_nonlocal_bind, IP_FREEBIND, IP_TRANSPARENT). A multicast or
 * broadcast one restricts what is received and leaves the source address of
 * what is sent to routing. Families other than AF_XINET are not looked at:
 * PF_INET's raw sockets do not either.
 *
 * Context: process; takes the socket lock.
 * Return: 0; -EINVAL when @len is too short or the socket is connected;
 * -EADDRNOTAVAIL when the address is not one of this host's; -EAFNOSUPPORT for
 * AF_XINET.
 */
int xinet_bind_inet(struct sock *sk, const void *addr, int len);

/**
 * xinet_bind_port() - bind a socket to an address and a port of its protocol
 * @sk: the socket; its sk_prot has get_port()
 * @addr: where to; of family AF_INET, or AF_UNSPEC for INADDR_ANY. Port 0 lets
 *	the protocol choose one.
 * @len: length of @addr in bytes
 * @flags: BIND_NO_CAP_NET_BIND_SERVICE, BIND_FORCE_ADDRESS_NO_PORT or 0
 *
 * Addresses are judged as by xinet_bind_inet(). The port is taken from the
 * protocol's table, which PF_INET's sockets are in as well.
 *
 * Context: process; takes the socket lock.
 * Return: 0; -EINVAL when @len is too short, or the socket is bound to a port,
 * connected or listening; -EAFNOSUPPORT for another family; -EADDRNOTAVAIL
 * when the address is not one of this host's; -EACCES when the port is a
 * privileged one (net.ipv4.ip_unprivileged_port_start) and the caller has no
 * CAP_NET_BIND_SERVICE by xinet_capable(); -EADDRINUSE when the port
 * is taken; what a control group's program returned.
 */
int xinet_bind_port(struct sock *sk, struct sockaddr_in *addr, int len,
		    u32 flags);

/**
 * xinet_bind() - proto_ops bind of the sockets that have ports
 * @sock: the socket
 * @uaddr: a struct sockaddr_in in kernel memory; it may be rewritten
 * @len: its length in bytes
 *
 * AF_XINET is refused. A protocol with a bind() of its own is left to it. For the others the
 * control group's BPF_CGROUP_INET4_BIND programs come first, then
 * xinet_bind_port().
 *
 * Context: process; takes the socket lock.
 * Return: as xinet_bind_port(), or what the protocol's bind() returned.
 */
int xinet_bind(struct socket *sock, struct xinet_sockaddr *uaddr, int len);

/**
 * xinet_connect() - proto_ops connect of the sockets without connections
 * @sock: the socket
 * @uaddr: struct sockaddr_in in kernel memory; AF_UNSPEC disconnects
 * @len: its length in bytes
 * @flags: O_NONBLOCK or 0
 *
 * Context: process; takes the socket lock.
 * Return: -EAFNOSUPPORT for AF_XINET; what inet_dgram_connect() returned.
 */
int xinet_connect(struct socket *sock, struct xinet_sockaddr *uaddr, int len,
		  int flags);

#endif /* _XINET_BIND_H */
