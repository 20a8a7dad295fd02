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
 * xinet_queue_receiver() - what takes the packets of a socket without ring
 * @fast: the socket is in link-level mode and asks for nothing that the fast
 *	one does not do: small packets, as long as there is room
 *
 * Counts a drop when the receive buffer is full or memory is short.
 */
const struct xinet_tap_receiver *xinet_queue_receiver(bool fast);

/**
 * xinet_queue_copy() - queue a packet that its ring has no room for
 * @sk: the socket
 * @skb: as it came to deliver()
 *
 * As in AF_PACKET recvmsg() says nothing of where it came from, and a full
 * receive buffer is no drop.
 *
 * Context: softirq, or BH disabled; sk_receive_queue.lock held.
 * Return: whether it has been queued.
 */
bool xinet_queue_copy(struct sock *sk, struct sk_buff *skb);

/**
 * xinet_queue_recvmsg() - recvmsg() of a packet socket
 * @sock: the socket
 * @msg: what to fill; the address is a struct sockaddr_ll, and a virtio-net
 *	header stands in front of the frame if the socket asks for it
 * @len: bytes of room in @msg
 * @flags: MSG_PEEK, MSG_DONTWAIT, MSG_TRUNC, MSG_CMSG_COMPAT, MSG_ERRQUEUE
 *
 * Context: process, no locks held.
 * Return: bytes copied (with MSG_TRUNC in @flags: bytes there were); -EINVAL
 * for another flag, for no room for the virtio-net header, and for a frame that
 * it has no word for; the socket's error; -EAGAIN; a signal's errno; -EFAULT;
 * -ENOBUFS when there is no memory for what else is to be told of a packet, which
 * is lost then.
 */
int xinet_queue_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
			int flags);

#endif /* _XINET_PACKET_QUEUE_H */
