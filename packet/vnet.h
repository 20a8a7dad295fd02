/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio-net header in front of a frame (PACKET_VNET_HDR,
 * PACKET_VNET_HDR_SZ): struct virtio_net_hdr, or struct
 * virtio_net_hdr_mrg_rxbuf with a buffer count of 0, in legacy byte order.
 */
#ifndef _XINET_PACKET_VNET_H
#define _XINET_PACKET_VNET_H

#include <linux/sockptr.h>
#include <linux/types.h>
#include <linux/virtio_net.h>

struct iov_iter;
struct msghdr;
struct sk_buff;
struct xinet_packet_sock;

/**
 * xinet_vnet_setsockopt() - PACKET_VNET_HDR and PACKET_VNET_HDR_SZ
 * @po: the socket
 * @optname: which of the two
 * @optval: int; PACKET_VNET_HDR: not 0 for a header of 10 bytes;
 *	PACKET_VNET_HDR_SZ: its size in bytes
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held.
 * Return: 0; -EINVAL in cooked mode, for a short @optlen, or for a size other
 * than 0 and those of the two structs; -EFAULT; -EBUSY on a socket with a ring.
 */
int xinet_vnet_setsockopt(struct xinet_packet_sock *po, int optname,
			  sockptr_t optval, unsigned int optlen);

/**
 * xinet_vnet_put() - write the header of a received packet
 * @skb: the packet, data at the link-level header
 * @hdr: destination; may be memory that userspace maps
 * @size: bytes at @hdr, as in &xinet_packet_sock.vnet_hdr_sz
 *
 * The rings of AF_PACKET put 10 bytes right in front of the frame, whatever
 * size is set and reserved.
 *
 * Context: any.
 * Return: 0; -EINVAL if the header cannot describe the segments of @skb;
 * nothing is written then.
 */
int xinet_vnet_put(const struct sk_buff *skb, void *hdr, unsigned int size);

/**
 * xinet_vnet_put_msg() - xinet_vnet_put() for recvmsg()
 * @skb: as there
 * @msg: destination; advanced
 * @len: bytes of room in @msg; reduced by @size
 * @size: as there, not 0
 *
 * Return: 0; -EINVAL as there, or if @len is too short; -EFAULT.
 */
int xinet_vnet_put_msg(const struct sk_buff *skb, struct msghdr *msg,
		       size_t *len, unsigned int size);

/**
 * xinet_vnet_check() - check the header of a frame to send
 * @hdr: a copy that userspace cannot write; hdr_len is raised to include the
 *	checksum field
 * @len: bytes of the frame behind the header
 *
 * Return: 0; -EINVAL if hdr_len is longer than the frame.
 */
int xinet_vnet_check(struct virtio_net_hdr *hdr, size_t len);

/**
 * xinet_vnet_get() - read and check the header at the start of a message
 * @from: the message; advanced to the frame
 * @len: bytes of the message; reduced by @size
 * @size: as in xinet_vnet_put(), not 0
 * @hdr: destination of the header
 *
 * Return: 0; -EINVAL for a short message or as xinet_vnet_check(); -EFAULT.
 */
int xinet_vnet_get(struct iov_iter *from, size_t *len, unsigned int size,
		   struct virtio_net_hdr *hdr);

/**
 * xinet_vnet_hdr_len() - hdr_len of a virtio-net header
 * @hdr: accepted by xinet_vnet_check(), or zeroed
 *
 * Return: bytes that the linear part of the frame must hold.
 */
unsigned int xinet_vnet_hdr_len(const struct virtio_net_hdr *hdr);

/**
 * xinet_vnet_apply() - request segmentation and checksum of a frame
 * @skb: complete, device set, the protocol if known, data at the link-level
 *	header
 * @hdr: accepted by xinet_vnet_check()
 *
 * Return: 0; -EINVAL if @hdr does not fit the frame.
 */
int xinet_vnet_apply(struct sk_buff *skb, const struct virtio_net_hdr *hdr);

/**
 * xinet_vnet_set_protocol() - set the EtherType that a header implies
 * @skb: unchanged if its protocol is known
 * @hdr: passed to xinet_vnet_apply()
 */
void xinet_vnet_set_protocol(struct sk_buff *skb,
			     const struct virtio_net_hdr *hdr);

#endif /* _XINET_PACKET_VNET_H */
