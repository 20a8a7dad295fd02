/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending through a packet socket: sendmsg(), and what tx_ring.c shares with
 * it.
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
 * struct xinet_tx - one sendmsg() under way
 * @dev: held
 * @addr: link-level destination, NULL when the device is to choose
 * @proto: ETH_P_*, network byte order
 * @cooked: the device builds the link-level header
 * @hard_header_len: of @dev, read once: a bond may change it meanwhile
 * @headroom: bytes to keep free in front of a frame for @dev, its link-level
 *	header included
 * @tailroom: bytes to keep free behind it
 * @reserve: bytes of a frame from userspace that are link-level header
 * @extra_len: bytes of checksum that userspace appended (SO_NOFCS)
 * @pool: of skbs for the small frames of a ring, begun; NULL: the socket's
 * @vnet_size: bytes of virtio-net header in front of a frame, 0 for none
 * @vnet: that header of the frame at hand, zeroed if there is none
 * @sockc: what options and control messages ask for
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
 * @msg: the frame, with its link-level header in link-level mode, behind a
 *	virtio-net header if the socket asks for it; the address, if any, is a
 *	struct sockaddr_ll whose family is not looked at
 * @len: bytes in @msg
 *
 * Context: process, no locks held.
 * Return: @len; -EINVAL for a short address, a frame without a complete
 * link-level header, or a virtio-net header that does not fit it; -ENXIO when
 * there is no device; -ENETDOWN; -EMSGSIZE; -EPROTONOSUPPORT for SO_NOFCS on a
 * device that cannot; -ENOBUFS when the device's queue drops; an errno of the
 * control messages; -EAGAIN; -EFAULT.
 */
int xinet_tx_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

/**
 * xinet_tx_begin() - find device, protocol, destination and control messages
 * @po: the socket
 * @tx: filled in
 * @msg: whose address and control messages count
 *
 * Return: 0, and xinet_tx_end() is to be called; -EINVAL, -ENXIO or -ENETDOWN
 * as above; an errno of the control messages.
 */
int xinet_tx_begin(const struct xinet_packet_sock *po, struct xinet_tx *tx,
		   struct msghdr *msg);

/**
 * xinet_tx_end() - let go of the device
 * @tx: begun
 */
void xinet_tx_end(struct xinet_tx *tx);

/**
 * xinet_tx_alloc() - a frame that is charged to the socket
 * @sk: the socket
 * @tx: begun, @tx->vnet set
 * @len: bytes that userspace gives
 * @noblock: not to wait for room in the send buffer
 * @err: why there is none
 *
 * Return: an skb of @len bytes yet to be filled in, the network header at its
 * data; NULL with @err -EAGAIN, -ENOBUFS, -EMSGSIZE, -EPIPE, the socket's error
 * or a signal's.
 */
struct sk_buff *xinet_tx_alloc(struct sock *sk, const struct xinet_tx *tx,
			       size_t len, int noblock, int *err);

/**
 * xinet_tx_push_header() - make room for the link-level header, or build it
 * @tx: begun
 * @skb: from xinet_tx_alloc()
 * @len: bytes that userspace gives
 *
 * The data pointer is at the link-level header afterwards.
 *
 * Return: the offset from there where userspace's bytes go; -EINVAL when the
 * device cannot build the header; -ENETDOWN when it has gone down meanwhile.
 */
int xinet_tx_push_header(const struct xinet_tx *tx, struct sk_buff *skb,
			 size_t len);

/**
 * xinet_tx_is_too_long() - whether a frame is more than the device takes
 * @tx: begun
 * @len: bytes that userspace gives
 * @skb: the frame, or NULL while it may yet turn out to carry a VLAN tag,
 *	which the MTU does not count
 */
bool xinet_tx_is_too_long(const struct xinet_tx *tx, size_t len,
			  struct sk_buff *skb);

/**
 * xinet_tx_set_protocol() - what the caller says that a frame is
 * @tx: begun
 * @skb: from xinet_tx_alloc()
 *
 * A device may set another one as it builds the header (VLAN devices do). As in
 * AF_PACKET that one stands for a frame of a ring, not for that of a message.
 */
static inline void xinet_tx_set_protocol(const struct xinet_tx *tx,
					 struct sk_buff *skb)
{
	if (tx->proto != htons(ETH_P_ALL))
		skb->protocol = tx->proto;
}

/**
 * xinet_tx_prepare() - set what the queueing discipline and the driver look at
 * @po: the socket
 * @tx: begun
 * @skb: complete, data at the link-level header, protocol set
 *
 * Return: 0; -EINVAL when the virtio-net header does not fit the frame.
 */
int xinet_tx_prepare(const struct xinet_packet_sock *po,
		     const struct xinet_tx *tx, struct sk_buff *skb);

/**
 * xinet_tx_xmit() - hand a frame to the device
 * @po: the socket
 * @skb: prepared; consumed, whatever is returned
 *
 * Return: 0, or a negative errno when the frame was dropped at once; -ENETDOWN
 * when the device has gone down, or to another namespace, meanwhile.
 */
int xinet_tx_xmit(const struct xinet_packet_sock *po, struct sk_buff *skb);

#endif /* _XINET_PACKET_TX_H */
