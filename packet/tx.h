/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending through a packet socket: sendmsg(), and the parts that tx_ring.c
 * uses.
 */
#ifndef _XINET_PACKET_TX_H
#define _XINET_PACKET_TX_H

#include <linux/types.h>
#include <linux/virtio_net.h>
#include <net/sock.h>

struct msghdr;
struct net_device;
struct sk_buff;
struct socket;
struct xinet_packet_sock;
struct xinet_tx_pool;

/**
 * struct xinet_tx - state of one sendmsg()
 * @dev: a reference is held
 * @addr: link-level destination, NULL: the device chooses
 * @proto: ETH_P_*, network byte order
 * @cooked: the device builds the link-level header
 * @hard_header_len: of @dev, read once, as a bond may change it
 * @headroom: bytes to keep free in front of the network header for @dev
 * @tailroom: bytes to keep free behind the frame
 * @reserve: bytes of link-level header in a frame from userspace
 * @extra_len: bytes of checksum that userspace appended (SO_NOFCS)
 * @pool: for small frames of a ring, begun; NULL: use the socket's
 * @vnet_size: bytes of virtio-net header in front of a frame, 0 for none
 * @vnet: that header of the current frame, zeroed if there is none
 * @sockc: from options and control messages
 */
struct xinet_tx {
	struct net_device *dev;
	const unsigned char *addr;
	__be16 proto;
	bool cooked;
	unsigned int hard_header_len;
	unsigned int headroom;
	unsigned int tailroom;
	unsigned int reserve;
	unsigned int extra_len;
	struct xinet_tx_pool *pool;
	unsigned int vnet_size;
	struct virtio_net_hdr vnet;
	struct sockcm_cookie sockc;
};

/**
 * xinet_tx_sendmsg() - sendmsg() of a packet socket
 * @sock: the socket
 * @msg: the frame, with its link-level header in link-level mode, preceded by a
 *	virtio-net header if enabled; the address, if any, is a struct
 *	sockaddr_ll, whose family is ignored
 * @len: bytes in @msg
 *
 * Context: process, no locks held.
 * Return: @len; -EINVAL for a short address, a frame without a complete
 * link-level header, or a virtio-net header that does not fit it; -ENXIO if
 * there is no device; -ENETDOWN; -EMSGSIZE; -EPROTONOSUPPORT for SO_NOFCS on a
 * device without support; -ENOBUFS if the device's queue drops; an errno of the
 * control messages; -EAGAIN; -EFAULT.
 */
int xinet_tx_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

/**
 * xinet_tx_begin() - find device, protocol, destination and control messages
 * @po: the socket
 * @tx: filled in
 * @msg: its address and control messages are used
 *
 * Return: 0, and the caller must call xinet_tx_end(); -EINVAL, -ENXIO or
 * -ENETDOWN as xinet_tx_sendmsg(); an errno of the control messages.
 */
int xinet_tx_begin(const struct xinet_packet_sock *po, struct xinet_tx *tx,
		   struct msghdr *msg);

/**
 * xinet_tx_end() - drop the reference to the device
 * @tx: begun
 */
void xinet_tx_end(struct xinet_tx *tx);

/**
 * xinet_tx_alloc() - allocate a frame that is charged to the socket
 * @sk: the socket
 * @tx: begun, @tx->vnet set
 * @len: bytes from userspace
 * @noblock: do not wait for room in the send buffer
 * @err: set on failure
 *
 * Return: an skb of @len uninitialised bytes, the network header at its data;
 * NULL with @err -EAGAIN, -ENOBUFS, -EMSGSIZE, -EPIPE, the socket's error or a
 * signal's.
 */
struct sk_buff *xinet_tx_alloc(struct sock *sk, const struct xinet_tx *tx,
			       size_t len, int noblock, int *err);

/**
 * xinet_tx_push_header() - make room for the link-level header, or build it
 * @tx: begun
 * @skb: from xinet_tx_alloc(); data is at the link-level header afterwards
 * @len: bytes from userspace
 *
 * Return: offset from skb->data of the bytes from userspace; -EINVAL if the
 * device cannot build the header; -ENETDOWN if it has gone down meanwhile.
 */
int xinet_tx_push_header(const struct xinet_tx *tx, struct sk_buff *skb,
			 size_t len);

/**
 * xinet_tx_is_too_long() - whether a frame exceeds the MTU of the device
 * @tx: begun
 * @len: bytes from userspace
 * @skb: the frame; NULL if not copied yet, so that it may carry a VLAN tag,
 *	which does not count
 */
bool xinet_tx_is_too_long(const struct xinet_tx *tx, size_t len,
			  struct sk_buff *skb);

/**
 * xinet_tx_set_protocol() - set the protocol that the caller gives for a frame
 * @tx: begun
 * @skb: from xinet_tx_alloc()
 *
 * A VLAN device sets another one when it builds the header. As in AF_PACKET,
 * that one is kept for a frame of a ring but not for sendmsg().
 */
static inline void xinet_tx_set_protocol(const struct xinet_tx *tx,
					 struct sk_buff *skb)
{
	if (tx->proto != htons(ETH_P_ALL))
		skb->protocol = tx->proto;
}

/**
 * xinet_tx_prepare() - set the skb fields that the qdisc and the driver read
 * @po: the socket
 * @tx: begun
 * @skb: complete, data at the link-level header, protocol set
 *
 * Return: 0; -EINVAL if the virtio-net header does not fit the frame.
 */
int xinet_tx_prepare(const struct xinet_packet_sock *po,
		     const struct xinet_tx *tx, struct sk_buff *skb);

/**
 * xinet_tx_xmit() - hand a frame to the device
 * @po: the socket
 * @skb: prepared; always consumed
 *
 * Return: 0, or a negative errno if the frame was dropped at once; -ENETDOWN if
 * the device has gone down or moved to another namespace meanwhile.
 */
int xinet_tx_xmit(const struct xinet_packet_sock *po, struct sk_buff *skb);

#endif /* _XINET_PACKET_TX_H */
