/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The link-level headers of packets that do not come through a tap, where each
 * has one.
 */
#ifndef _XINET_PACKET_LINK_HEADER_H
#define _XINET_PACKET_LINK_HEADER_H

#include <linux/types.h>

struct net_device;
struct sk_buff;

/**
 * xinet_link_header_is_ethernet() - whether packets of a device begin as in Ethernet
 * @dev: the device
 */
bool xinet_link_header_is_ethernet(const struct net_device *dev);

/**
 * xinet_link_header_is_there() - whether a packet has the header it came with
 * @skb: the packet; read-only
 * @dev: the device that it came by
 * @network: where the network header begins, bytes from skb->head
 *
 * Context: any.
 */
bool xinet_link_header_is_there(const struct sk_buff *skb,
				const struct net_device *dev, u32 network);

/**
 * xinet_link_header_find() - make data begin at the network header
 * @skb: a packet of the caller's own; its headers may be of another packet, or none
 * @dev: its device, or NULL
 *
 * Then it is as one that a tap receives, with the bytes that were pulled off since.
 *
 * Context: any.
 * Return: whether a link-level header is in front of it.
 */
bool xinet_link_header_find(struct sk_buff *skb, const struct net_device *dev);

/**
 * xinet_link_header_put() - xinet_link_header_add() where there is room
 * @skb: a packet with ETH_HLEN bytes in front of its data that are the caller's alone, and
 *	less than U16_MAX; the device is like Ethernet
 *
 * Context: any.
 */
void xinet_link_header_put(struct sk_buff *skb);

/**
 * xinet_link_header_add() - put one in front of a packet that has none yet
 * @skb: a packet of the caller's own, with its device; data is at the network header
 *
 * That of an Ethernet device without addresses, so that a filter finds the rest
 * where it is looked for. skb->data stays where it is.
 *
 * Context: any; allocates.
 * Return: false if there is no memory, or the device is not like Ethernet.
 */
bool xinet_link_header_add(struct sk_buff *skb);

#endif /* _XINET_PACKET_LINK_HEADER_H */
