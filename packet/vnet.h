/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio-net header that stands in front of a frame when a socket asks for
 * it (PACKET_VNET_HDR, PACKET_VNET_HDR_SZ): struct virtio_net_hdr, or struct
 * virtio_net_hdr_mrg_rxbuf with a buffer count of 0, of legacy byte order.
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
 * @optval: int; of PACKET_VNET_HDR whether the header is wanted, of
 *	PACKET_VNET_HDR_SZ its size in bytes
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held.
 * Return: 0; -EINVAL in cooked mode, for a short @optlen, and for a size other
 * than 0 and those of the two structs; -EFAULT; -EBUSY on a socket with a ring.
 */
int xinet_vnet_setsockopt(struct xinet_packet_sock *po, int optname,
			  sockptr_t optval, unsigned int optlen);

/**
 * xinet_vnet_put() - write the header of a received packet
 * @skb: the packet, data at the link-level header
 * @hdr: where it goes; may be memory that userspace maps
 * @size: bytes at @hdr, as in &xinet_packet_sock.vnet_hdr_sz
 *
 * AF_PACKET's rings put 10 bytes right in front of the frame, whatever size has
 * been asked for and room been made for.
 *
 * Context: any.
 * Return: 0; -EINVAL when the header has no word for the segments of @skb, and
 * nothing is written.
 */
int xinet_vnet_put(const struct sk_buff *skb, void *hdr, unsigned int size);

/**
 * xinet_vnet_put_msg() - the same for recvmsg()
 * @skb: as above
 * @msg: what is received; advanced
 * @len: bytes of room in @msg; reduced by @size
 * @size: as above, not 0
 *
 * Return: 0; -EINVAL as above, or when @len is too short; -EFAULT.
 */
int xinet_vnet_put_msg(const struct sk_buff *skb, struct msghdr *msg,
		       size_t *len, unsigned int size);

/**
 * xinet_vnet_check() - judge the header of a frame that is to be sent
 * @hdr: a copy that nobody else can write; its hdr_len is raised so that what
 *	a checksum needs is part of it
 * @len: bytes of the frame behind the header
 *
 * Return: 0; -EINVAL when the headers are longer than the frame.
 */
int xinet_vnet_check(struct virtio_net_hdr *hdr, size_t len);

/**
 * xinet_vnet_get() - read the header that a message begins with, and judge it
 * @from: the message; advanced to the frame
 * @len: bytes of the message; reduced by @size
 * @size: as above, not 0
 * @hdr: where the header goes
 *
 * Return: 0; -EINVAL for a short message or as xinet_vnet_check(); -EFAULT.
 */
int xinet_vnet_get(struct iov_iter *from, size_t *len, unsigned int size,
		   struct virtio_net_hdr *hdr);

/**
 * xinet_vnet_hdr_len() - how much of a frame is headers
 * @hdr: passed by xinet_vnet_check(), or zeroed
 *
 * Return: bytes that the linear part of the frame must hold.
 */
unsigned int xinet_vnet_hdr_len(const struct virtio_net_hdr *hdr);

/**
 * xinet_vnet_apply() - have a frame segmented and its checksum filled in
 * @skb: complete, device set, the protocol if known, data at the link-level
 *	header
 * @hdr: passed by xinet_vnet_check()
 *
 * Return: 0; -EINVAL when @hdr does not fit the frame.
 */
int xinet_vnet_apply(struct sk_buff *skb, const struct virtio_net_hdr *hdr);

/**
 * xinet_vnet_set_protocol() - the EtherType that a header implies
 * @skb: whose protocol is set if nothing else tells it
 * @hdr: passed to xinet_vnet_apply()
 */
void xinet_vnet_set_protocol(struct sk_buff *skb,
			     const struct virtio_net_hdr *hdr);

#endif /* _XINET_PACKET_VNET_H */
