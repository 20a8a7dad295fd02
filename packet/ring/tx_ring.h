/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PACKET_TX_RING: sending from a ring.
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
 * @data: start of the data in the frame, virtio-net header included
 * @len: bytes at @data, all inside the frame
 */
struct xinet_tx_slot {
	const void *data;
	u32 len;
};

/**
 * xinet_tx_ring_send() - sendmsg() of a socket with a send ring
 * @po: the socket
 * @msg: address and control messages, which apply to every frame; its data
 *	are ignored
 *
 * Sends the frames whose status is TP_STATUS_SEND_REQUEST, from the head of the
 * ring to the first with another status; without MSG_DONTWAIT waits until they
 * have left. A frame that cannot be sent is set to TP_STATUS_AVAILABLE with
 * PACKET_LOSS; else it is set to TP_STATUS_WRONG_FORMAT and ends the call.
 *
 * Context: process, no locks held.
 * Return: bytes sent, without virtio-net headers; -EBUSY if the ring has been
 * removed; -EINVAL, -EMSGSIZE or -EFAULT for a frame that cannot be sent;
 * -ENOBUFS and others if the device rejects one, which can be tried again;
 * -ETIMEDOUT; a signal's errno; an errno of xinet_tx_begin() or
 * xinet_tx_alloc().
 */
int xinet_tx_ring_send(struct xinet_packet_sock *po, struct msghdr *msg);

/**
 * xinet_tx_ring_poll() - poll() of a send ring
 * @po: the socket
 *
 * Return: EPOLLOUT | EPOLLWRNORM if the program owns the frame at the head.
 */
__poll_t xinet_tx_ring_poll(struct xinet_packet_sock *po);

#if IS_ENABLED(CONFIG_KUNIT)
/* Bytes that a call starts counting from, so that tests need not send them. */
extern int xinet_tx_ring_sent_before;

/**
 * xinet_tx_ring_parse() - read and check the header of a frame
 * @ring: a send ring
 * @frame: one of its frames; each word is read once
 * @off_word: PACKET_TX_HAS_OFF: the header has the offset of the data
 * @cooked: the offset is in tp_net, else in tp_mac
 * @size_max: the most bytes to send; at most the bytes of the frame after its
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
