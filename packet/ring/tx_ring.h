/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending from a ring (PACKET_TX_RING).
 */
#ifndef _XINET_PACKET_TX_RING_H
#define _XINET_PACKET_TX_RING_H

#include <linux/poll.h>
#include <linux/types.h>

struct msghdr;
struct xinet_packet_sock;
struct xinet_ring;

/**
 * struct xinet_tx_slot - what a frame of a send ring holds
 * @data: where it begins, inside the frame: at the virtio-net header, if any,
 *	else at the first byte that is to be sent
 * @len: bytes there, all inside the frame
 */
struct xinet_tx_slot {
	const void *data;
	u32 len;
};

/**
 * xinet_tx_ring_send() - sendmsg() of a socket with a send ring
 * @po: the socket
 * @msg: address and control messages, which count for every frame; its data
 *	are not looked at
 *
 * Sends the frames whose status is TP_STATUS_SEND_REQUEST, from the head of the
 * ring to the first that has another, and unless MSG_DONTWAIT is given waits
 * until they have left. A frame that cannot be sent is left behind: with
 * PACKET_LOSS as TP_STATUS_AVAILABLE, else as TP_STATUS_WRONG_FORMAT, and then
 * it ends the call.
 *
 * Context: process, no locks held.
 * Return: bytes sent, without virtio-net headers; -EBUSY when the ring has gone;
 * -EINVAL, -EMSGSIZE or -EFAULT of a frame that cannot be sent; -ENOBUFS and
 * others when the device refused one, which can be tried again; -ETIMEDOUT; a
 * signal's errno; an errno of xinet_tx_begin() or xinet_tx_alloc().
 */
int xinet_tx_ring_send(struct xinet_packet_sock *po, struct msghdr *msg);

/**
 * xinet_tx_ring_poll() - what a send ring adds to poll()
 * @po: the socket
 *
 * Return: EPOLLOUT | EPOLLWRNORM when the frame at its head is free.
 */
__poll_t xinet_tx_ring_poll(struct xinet_packet_sock *po);

#if IS_ENABLED(CONFIG_KUNIT)
/* Bytes from which a call counts: so many need not be sent first. */
extern int xinet_tx_ring_sent_before;

/**
 * xinet_tx_ring_parse() - read and judge the header of a frame
 * @ring: a send ring
 * @frame: one of its frames; each word is read once
 * @off_word: PACKET_TX_HAS_OFF: the header says where the data begin
 * @cooked: which word says so: tp_net, else tp_mac
 * @size_max: the most bytes to send, no more than the frame has behind its
 *	header
 * @slot: filled in
 *
 * Return: 0; -EMSGSIZE for too many bytes; -EINVAL for data outside the frame,
 * or a V3 frame that is chained to another.
 */
int xinet_tx_ring_parse(const struct xinet_ring *ring, const void *frame,
			bool off_word, bool cooked, u32 size_max,
			struct xinet_tx_slot *slot);
#endif

#endif /* _XINET_PACKET_TX_RING_H */
