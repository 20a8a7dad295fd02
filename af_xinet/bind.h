/* SPDX-License-Identifier: GPL-2.0-only */
/* Address checks, bind() and connect() of inet-like sockets. */
#ifndef _XINET_BIND_H
#define _XINET_BIND_H

#include <linux/types.h>

struct sock;
struct sockaddr_in;
struct socket;

/**
 * xinet_bind_check_family() - reject AF_XINET in an address
 * @addr: a socket address in kernel memory, or NULL
 * @len: its length in bytes; one too short to hold a family passes
 *
 * For every address given to a PF_INET sock: security modules, which check it
 * before, let any family but AF_INET pass as one that the sock rejects.
 *
 * Context: any.
 * Return: 0 or -EAFNOSUPPORT. The caller checks the other families.
 */
int xinet_bind_check_family(const void *addr, int len);

/**
 * xinet_bind_inet() - bind an inet-like socket without ports to an address
 * @sk: the socket
 * @addr: a struct sockaddr_in; only sin_addr is used (network byte order)
 * @len: its length in bytes
 *
 * A unicast address must be local, unless the socket allows non-local ones
 * (net.ipv4.ip_nonlocal_bind, IP_FREEBIND, IP_TRANSPARENT). A multicast or
 * broadcast address restricts what is received; routing then chooses the source
 * of what is sent. Families other than AF_XINET are accepted, as by PF_INET's
 * raw sockets.
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
 * @addr: the address; family AF_INET, or AF_UNSPEC for INADDR_ANY. For port 0
 *	the protocol chooses one.
 * @len: length of @addr in bytes
 * @flags: BIND_NO_CAP_NET_BIND_SERVICE, BIND_FORCE_ADDRESS_NO_PORT or 0
 *
 * Checks the address as xinet_bind_inet() does. The port is taken from the
 * protocol's table, which is shared with PF_INET's sockets.
 *
 * Context: process; takes the socket lock.
 * Return: 0; -EINVAL when @len is too short, or the socket is bound to a port,
 * connected or listening; -EAFNOSUPPORT for another family; -EADDRNOTAVAIL when
 * the address is not one of this host's; -EACCES for a privileged port
 * (net.ipv4.ip_unprivileged_port_start) without CAP_NET_BIND_SERVICE by
 * xinet_capable(); -EADDRINUSE when the port is taken; or what a cgroup BPF
 * program returned.
 */
int xinet_bind_port(struct sock *sk, struct sockaddr_in *addr, int len,
		    u32 flags);

/**
 * xinet_bind() - proto_ops bind() of sockets with ports
 * @sock: the socket
 * @uaddr: a struct sockaddr_in in kernel memory; it may be rewritten
 * @len: its length in bytes
 *
 * Rejects AF_XINET. Calls the protocol's own bind() if it has one, otherwise
 * the cgroup's BPF_CGROUP_INET4_BIND programs, then xinet_bind_port().
 *
 * Context: process; takes the socket lock.
 * Return: as xinet_bind_port(), or what the protocol's bind() returned.
 */
int xinet_bind(struct socket *sock, struct xinet_sockaddr *uaddr, int len);

/**
 * xinet_connect() - proto_ops connect() of connectionless sockets
 * @sock: the socket
 * @uaddr: struct sockaddr_in in kernel memory; AF_UNSPEC disconnects
 * @len: its length in bytes
 * @flags: O_NONBLOCK or 0
 *
 * Context: process; takes the socket lock.
 * Return: -EAFNOSUPPORT for AF_XINET, or what inet_dgram_connect() returned.
 */
int xinet_connect(struct socket *sock, struct xinet_sockaddr *uaddr, int len,
		  int flags);

#endif /* _XINET_BIND_H */
