/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Socket options of a packet socket: SOL_PACKET, SOL_XINET, and those of
 * SOL_SOCKET that the core passes on.
 */
#ifndef _XINET_PACKET_OPTIONS_H
#define _XINET_PACKET_OPTIONS_H

#include <linux/sockptr.h>

struct socket;

/**
 * xinet_options_setsockopt() - setsockopt() of a packet socket
 * @sock: the socket, with SOCK_CUSTOM_SOCKOPT set
 * @level: SOL_SOCKET, SOL_PACKET or SOL_XINET
 * @optname: the option
 * @optval: its value
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held.
 * Return: 0 or the errno that AF_PACKET gives; -ENOPROTOOPT for an unknown
 * level or option.
 */
int xinet_options_setsockopt(struct socket *sock, int level, int optname,
			     sockptr_t optval, unsigned int optlen);

/**
 * xinet_options_getsockopt() - getsockopt() of a packet socket
 * @sock: the socket
 * @level: SOL_PACKET or SOL_XINET
 * @optname: the option
 * @optval: destination of its value
 * @optlen: int, in: room at @optval, out: bytes stored
 *
 * Context: process, no locks held.
 * Return: 0 or the errno that AF_PACKET gives; -ENOPROTOOPT for an unknown
 * level or option.
 */
int xinet_options_getsockopt(struct socket *sock, int level, int optname,
			     char __user *optval, int __user *optlen);

#endif /* _XINET_PACKET_OPTIONS_H */
