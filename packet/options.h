/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Socket options of a packet socket: SOL_PACKET, SOL_XINET, and SOL_SOCKET as
 * far as the core does not keep it to itself.
 */
#ifndef _XINET_PACKET_OPTIONS_H
#define _XINET_PACKET_OPTIONS_H

#include <linux/sockptr.h>

struct sock;
struct socket;
struct work_struct;

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
 * @optval: where its value goes
 * @optlen: int, in: room at @optval, out: bytes stored
 *
 * Context: process, no locks held.
 * Return: 0 or the errno that AF_PACKET gives; -ENOPROTOOPT for an unknown
 * level or option.
 */
int xinet_options_getsockopt(struct socket *sock, int level, int optname,
			     char __user *optval, int __user *optlen);

/**
 * xinet_options_release_cb() - proto release_cb: notices a new filter
 * @sk: a packet socket, its lock about to be released
 *
 * For kernels that change a filter without telling the proto_ops. It is
 * effective when setsockopt() returns.
 *
 * Context: BH disabled, the spinlock of the socket lock held.
 */
void xinet_options_release_cb(struct sock *sk);

/**
 * xinet_options_filter_work() - does what xinet_options_release_cb() asked
 * @work: of a struct xinet_packet_sock
 */
void xinet_options_filter_work(struct work_struct *work);

/**
 * xinet_options_init() - prepare for filters that change unannounced
 *
 * Return: 0 or -ENOMEM.
 */
int xinet_options_init(void);

/**
 * xinet_options_exit() - wait until nothing of that is under way
 */
void xinet_options_exit(void);

#endif /* _XINET_PACKET_OPTIONS_H */
