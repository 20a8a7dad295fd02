/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Binding a packet socket to a device and an EtherType, and events of the
 * device.
 */
#ifndef _XINET_PACKET_BIND_H
#define _XINET_PACKET_BIND_H

#include <linux/types.h>

struct net_device;
struct xinet_packet_sock;

/**
 * xinet_packet_attach() - bind a socket to another device and EtherType
 * @po: the socket
 * @dev: NULL for any; still listed under bind_lock, so if it is being removed,
 *	xinet_packet_dev_event() follows and finds the socket
 * @num: ETH_P_*, network byte order, 0 to receive nothing
 *
 * Context: process, bind_lock held.
 * Return: 0; -ENOMEM, and the binding is unchanged.
 */
int xinet_packet_attach(struct xinet_packet_sock *po, struct net_device *dev,
			__be16 num);

/**
 * xinet_packet_detach() - unbind a socket that is being closed
 * @po: the socket, in no fanout group
 *
 * Context: process, bind_lock held.
 */
void xinet_packet_detach(struct xinet_packet_sock *po);

/**
 * xinet_packet_bind() - bind()
 * @po: the socket
 * @ifindex: of a device of its namespace, 0 for any
 * @num: ETH_P_*, network byte order; 0 keeps the present one
 *
 * Context: process, socket lock held.
 * Return: 0; -EINVAL in a fanout group, or to a device with XINET_PACKET_ALL_NETNS;
 * -ENODEV; -ENOMEM.
 */
int xinet_packet_bind(struct xinet_packet_sock *po, int ifindex, __be16 num);

/**
 * xinet_packet_set_cooked() - change the mode of a socket not bound yet
 * @po: the socket
 * @cooked: true: like SOCK_DGRAM of AF_PACKET; false: like SOCK_RAW
 *
 * Context: process, socket lock held.
 * Return: 0; -EBUSY after bind(); -EINVAL for a socket with virtio-net headers;
 * -ENOMEM.
 */
int xinet_packet_set_cooked(struct xinet_packet_sock *po, bool cooked);

/**
 * xinet_packet_set_all_netns() - XINET_PACKET_ALL_NETNS
 * @po: the socket
 * @all: whether it gets the packets of all namespaces
 *
 * Context: process, socket lock held.
 * Return: 0; -EBUSY if the socket receives, or has a ring.
 */
int xinet_packet_set_all_netns(struct xinet_packet_sock *po, bool all);

/**
 * xinet_packet_set_original() - XINET_PACKET_ORIGINAL
 * @po: the socket
 * @original: whether it gets frames as on the wire
 *
 * Context: process, socket lock held.
 * Return: 0; -EBUSY if the socket receives, or has a ring.
 */
int xinet_packet_set_original(struct xinet_packet_sock *po, bool original);

/**
 * xinet_packet_set_queue() - XINET_PACKET_QUEUE
 * @po: the socket
 * @queue: whether it is told by which queue of its device a packet comes or goes
 *
 * Context: process, socket lock held.
 * Return: 0; -EBUSY if the socket receives, or has a ring.
 */
int xinet_packet_set_queue(struct xinet_packet_sock *po, bool queue);

/**
 * xinet_packet_dev_event() - handle an event of the device of a socket
 * @po: the socket
 * @event: NETDEV_UP, NETDEV_DOWN or NETDEV_UNREGISTER
 *
 * The only path that takes bind_lock under RTNL.
 *
 * Context: process, RTNL and bind_lock held.
 */
void xinet_packet_dev_event(struct xinet_packet_sock *po, unsigned long event);

#endif /* _XINET_PACKET_BIND_H */
