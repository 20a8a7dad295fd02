/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The receive queue of a packet socket: from the tap to recvmsg().
 */
#ifndef _XINET_PACKET_QUEUE_H
#define _XINET_PACKET_QUEUE_H

#include <linux/types.h>

#include "packet/tap/tap.h"

struct msghdr;
struct sk_buff;
struct sock;
struct socket;

/**
 * xinet_queue_receiver() - the receiver of a socket without a ring
 * @fast: with fast(); the mode and options of the socket allow it
 *
 * Counts a drop if the receive buffer is full or memory is short.
 */
const struct xinet_tap_receiver *xinet_queue_receiver(bool fast);

/**
 * xinet_queue_receiver_told() - the queue of a socket that xinet_wants_told()
 *
 * Return: never NULL; constant.
 */
const struct xinet_tap_receiver *xinet_queue_receiver_told(void);

/**
 * xinet_queue_copy() - queue a packet that is too long for a frame of its ring
 * @sk: the socket
 * @skb: as passed to deliver()
 *
 * As in AF_PACKET, recvmsg() reports no address for it, and a full receive
 * buffer is not a drop.
 *
 * Context: softirq, or BH disabled; sk_receive_queue.lock held.
 * Return: whether it has been queued.
 */
bool xinet_queue_copy(struct sock *sk, struct sk_buff *skb);

/**
 * xinet_queue_recvmsg() - recvmsg() of a packet socket
 * @sock: the socket
 * @msg: filled in; the address is a struct sockaddr_ll, and a virtio-net header
 *	precedes the frame if the socket has enabled it
 * @len: bytes of room in @msg
 * @flags: MSG_PEEK, MSG_DONTWAIT, MSG_TRUNC, MSG_CMSG_COMPAT, MSG_ERRQUEUE
 *
 * Context: process, no locks held.
 * Return: bytes copied (with MSG_TRUNC in @flags: bytes of the packet); -EINVAL
 * for another flag, if there is no room for the virtio-net header, and if the
 * header cannot describe the frame; the socket's error; -EAGAIN; a signal's
 * errno; -EFAULT; -ENOBUFS if there is no memory to report the rest about a
 * packet, which is then lost.
 */
int xinet_queue_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
			int flags);

#endif /* _XINET_PACKET_QUEUE_H */
