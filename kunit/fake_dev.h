/* SPDX-License-Identifier: GPL-2.0-only */
/* A net_device for tests, and packets to receive through it. */
#ifndef _XINET_KUNIT_FAKE_DEV_H
#define _XINET_KUNIT_FAKE_DEV_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

struct iphdr;
struct kunit;
struct socket;

/**
 * xinet_fake_dev_create() - create a registered, running Ethernet device
 * @test: fails if the device cannot be created
 *
 * Keeps what is sent, see xinet_fake_dev_sent(). The suite's exit removes it
 * with xinet_fake_dev_destroy().
 *
 * Return: the device, in init_net.
 */
struct net_device *xinet_fake_dev_create(struct kunit *test);

/**
 * xinet_fake_dev_destroy() - unregister and free a device and its sent frames
 * @dev: the device or NULL
 */
void xinet_fake_dev_destroy(struct net_device *dev);

/**
 * xinet_fake_dev_sent() - take the oldest frame sent through the device
 * @dev: the device
 *
 * Return: the frame, which the caller frees, or NULL if there is none.
 */
struct sk_buff *xinet_fake_dev_sent(struct net_device *dev);

/**
 * xinet_fake_dev_receive() - let a frame arrive, as a driver does
 * @test: fails if out of memory
 * @dev: the device
 * @frame: the frame, link-level header first
 * @len: its length in bytes
 */
void xinet_fake_dev_receive(struct kunit *test, struct net_device *dev,
			    const void *frame, size_t len);

/**
 * xinet_fake_dev_receive_at() - let a frame with a hardware timestamp arrive
 * @test: fails if out of memory
 * @dev: the device
 * @frame: the frame, link-level header first
 * @len: its length in bytes
 * @hwtstamp: time of the device's clock, 0 for none
 */
void xinet_fake_dev_receive_at(struct kunit *test, struct net_device *dev,
			       const void *frame, size_t len,
			       ktime_t hwtstamp);

/**
 * xinet_fake_ip_skb() - make an IPv4 datagram, data at its header
 * @test: fails if out of memory
 * @dev: the device it came in through
 * @protocol: IP protocol number
 * @saddr: source, network byte order
 * @daddr: destination, network byte order
 * @payload: bytes after the header, zeroed
 *
 * Return: the datagram with a valid header checksum; the caller frees it.
 */
struct sk_buff *xinet_fake_ip_skb(struct kunit *test, struct net_device *dev,
				  u8 protocol, __be32 saddr, __be32 daddr,
				  unsigned int payload);

/**
 * xinet_fake_packet_socket() - open a packet socket that receives nothing
 * @test: fails when it cannot be opened
 *
 * Return: the socket, to be released by the caller.
 */
struct socket *xinet_fake_packet_socket(struct kunit *test);

/**
 * xinet_fake_bind() - bind a packet socket
 * @test: fails when it cannot be bound
 * @sock: the socket
 * @dev: the device, NULL for all
 * @type: ETH_P_*, host byte order; 0 receives nothing
 */
void xinet_fake_bind(struct kunit *test, struct socket *sock,
		     const struct net_device *dev, u16 type);

#endif /* _XINET_KUNIT_FAKE_DEV_H */
