/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sock_diag reports about a packet socket.
 */
#ifndef _XINET_PACKET_DIAG_H
#define _XINET_PACKET_DIAG_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xinet_diag_msg;

/**
 * xinet_packet_is() - whether a socket is a packet socket of this module
 * @sk: any full socket
 */
bool xinet_packet_is(const struct sock *sk);

/**
 * xinet_packet_diag_fill() - fill in family, protocol and ifindex
 * @sk: a packet socket
 * @msg: the message
 *
 * Context: process; takes no lock.
 */
void xinet_packet_diag_fill(const struct sock *sk, struct xinet_diag_msg *msg);

/**
 * xinet_packet_diag_drops() - the packets that a packet socket has lost
 * @sk: a packet socket
 * @by_reason: filled in, __XINET_DROP_REASONS of them
 *
 * Context: process.
 */
void xinet_packet_diag_drops(struct sock *sk, u64 *by_reason);

/**
 * xinet_packet_diag_put_info() - append XINET_DIAG_PACKET_INFO, rings, group
 * @sk: a packet socket
 * @skb: a netlink message
 *
 * Context: process.
 * Return: 0 or -EMSGSIZE.
 */
int xinet_packet_diag_put_info(struct sock *sk, struct sk_buff *skb);

/**
 * xinet_packet_diag_put_memberships() - append the memberships
 * @sk: a packet socket
 * @skb: a netlink message
 *
 * XINET_DIAG_MEMBERSHIPS and the first memberships; nothing if there are none.
 *
 * Context: process, no locks held; takes RTNL if there are any.
 * Return: 0 or -EMSGSIZE.
 */
int xinet_packet_diag_put_memberships(const struct sock *sk,
				      struct sk_buff *skb);

#endif /* _XINET_PACKET_DIAG_H */
