/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_KUNIT_FAKE_DEV_H
#define _XINET_KUNIT_FAKE_DEV_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

struct iphdr;
struct kunit;

/**
 * xinet_fake_dev_create() - a registered, running Ethernet device
 * @test: fails when the device cannot be had
 *
 * What is sent through it is kept, see xinet_fake_dev_sent(). To be removed
 * with xinet_fake_dev_destroy() from the suite's exit.
 *
 * Return: the device, in init_net.
 */
struct net_device *xinet_fake_dev_create(struct kunit *test);

/**
 * xinet_fake_dev_destroy() - unregister and free, with what was sent
 * @dev: the device or NULL
 */
void xinet_fake_dev_destroy(struct net_device *dev);

/**
 * xinet_fake_dev_sent() - take the oldest frame sent through the device
 * @dev: the device
 *
 * Return: the frame, the caller's to free, or NULL when there is none.
 */
struct sk_buff *xinet_fake_dev_sent(struct net_device *dev);

/**
 * xinet_fake_dev_receive() - let a frame arrive, as a driver does
 * @dev: the device
 * @frame: the frame, link-level header first
 * @len: its length in bytes
 */
void xinet_fake_dev_receive(struct kunit *test, struct net_device *dev,
			    const void *frame, size_t len);

/**
 * xinet_fake_dev_receive_at() - let a frame arrive that the device has stamped
 * @dev: the device
 * @frame: the frame, link-level header first
 * @len: its length in bytes
 * @hwtstamp: time of the device's clock, 0 for none
 */
void xinet_fake_dev_receive_at(struct kunit *test, struct net_device *dev,
			       const void *frame, size_t len,
			       ktime_t hwtstamp);

/**
 * xinet_fake_ip_skb() - an IPv4 datagram on its own, data at the header
 * @test: fails when there is no memory
 * @dev: what it came in through
 * @protocol: IP protocol number
 * @saddr: source, network byte order
 * @daddr: destination, network byte order
 * @payload: bytes behind the header, zeroed
 *
 * Return: the datagram, header and checksum right, the caller's to free.
 */
struct sk_buff *xinet_fake_ip_skb(struct kunit *test, struct net_device *dev,
				  u8 protocol, __be32 saddr, __be32 daddr,
				  unsigned int payload);

#endif /* _XINET_KUNIT_FAKE_DEV_H */
