/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_BIND_H
#define _XINET_BIND_H

#include <linux/types.h>

struct sock;
struct sockaddr;

/**
 * xinet_bind_accept_family() - take AF_XINET for the family it stands beside
 * @addr: a socket address in kernel memory, or NULL
 * @len: its length in bytes; one too short to hold a family is left alone
 * @family: what AF_XINET stands for in this place, AF_INET or AF_PACKET
 *
 * Rewrites the family in place, so that everything behind sees one family.
 *
 * Context: any.
 */
void xinet_bind_accept_family(void *addr, int len, sa_family_t family);

/**
 * xinet_bind_inet() - bind an inet-like socket without ports to an address
 * @sk: the socket
 * @addr: a struct sockaddr_in; only sin_addr is looked at (network byte order)
 * @len: its length in bytes
 *
 * A unicast address must be local, or the socket be allowed non-local ones
 * (net.ipv4.ip_nonlocal_bind, IP_FREEBIND, IP_TRANSPARENT). A multicast or
 * broadcast one restricts what is received and leaves the source address of
 * what is sent to routing. The family is not looked at: PF_INET's raw sockets
 * do not either.
 *
 * Context: process; takes the socket lock.
 * Return: 0; -EINVAL when @len is too short or the socket is connected;
 * -EADDRNOTAVAIL when the address is not one of this host's.
 */
int xinet_bind_inet(struct sock *sk, const void *addr, int len);

#endif /* _XINET_BIND_H */
