/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PACKET_ADD_MEMBERSHIP and PACKET_DROP_MEMBERSHIP.
 */
#ifndef _XINET_PACKET_MEMBERSHIP_H
#define _XINET_PACKET_MEMBERSHIP_H

#include <linux/sockptr.h>
#include <linux/types.h>

struct list_head;
struct net_device;
struct sk_buff;
struct xinet_packet_sock;

/**
 * xinet_membership_setsockopt() - add or drop a membership
 * @po: the socket
 * @add: PACKET_ADD_MEMBERSHIP or PACKET_DROP_MEMBERSHIP
 * @optval: struct packet_mreq, its address as long as a device's may be
 * @optlen: bytes at @optval
 *
 * Dropping a membership that does not exist is no error, as with AF_PACKET.
 *
 * Context: process, no locks held; takes RTNL.
 * Return: 0; -EINVAL for a short @optval or an address that does not fit the
 * device; -EFAULT; -ENODEV; -ENOBUFS; an errno of the device.
 */
int xinet_membership_setsockopt(struct xinet_packet_sock *po, bool add,
				sockptr_t optval, unsigned int optlen);

/**
 * xinet_membership_flush() - drop all memberships of a socket being closed
 * @po: the socket
 *
 * Context: process, no locks held; takes RTNL if there are any.
 */
void xinet_membership_flush(struct xinet_packet_sock *po);

/**
 * xinet_membership_detach() - collect the memberships of a removed device
 * @po: a socket
 * @dev: the device
 * @gone: they are moved to this list
 *
 * Context: RTNL.
 */
void xinet_membership_detach(struct xinet_packet_sock *po,
			     const struct net_device *dev,
			     struct list_head *gone);

/**
 * xinet_membership_dispose() - undo collected memberships on a device
 * @dev: the device
 * @gone: from xinet_membership_detach(); empty afterwards
 *
 * Context: RTNL, no other locks: a driver may sleep.
 */
void xinet_membership_dispose(struct net_device *dev, struct list_head *gone);

/**
 * xinet_membership_put() - append the memberships to a sock_diag message
 * @po: a socket
 * @skb: the message
 *
 * Context: RTNL.
 * Return: 0 or -EMSGSIZE.
 */
int xinet_membership_put(const struct xinet_packet_sock *po,
			 struct sk_buff *skb);

#endif /* _XINET_PACKET_MEMBERSHIP_H */
