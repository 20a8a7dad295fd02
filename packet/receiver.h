/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Publishes the receiver that takes the packets of a socket.
 */
#ifndef _XINET_PACKET_RECEIVER_H
#define _XINET_PACKET_RECEIVER_H

#include <linux/poll.h>

struct xinet_packet_sock;
struct xinet_tap_receiver;

/**
 * xinet_receiver_set() - replace the receiver of a socket
 * @po: the socket
 * @receiver: initialised; NULL: its receive queue
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_receiver_set(struct xinet_packet_sock *po,
			struct xinet_tap_receiver *receiver);

/**
 * xinet_receiver_update() - allow or forbid the fast path
 * @po: the socket, after a change of mode or options
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_receiver_update(struct xinet_packet_sock *po);

/**
 * xinet_receiver_settle() - wait for packets in flight to the receiver
 * @po: the socket
 *
 * Then its counters are right while the lock is held.
 *
 * Context: sk_receive_queue.lock held, BH disabled. Waits for other CPUs, no
 * longer than one takes to copy a packet.
 */
void xinet_receiver_settle(struct xinet_packet_sock *po);

/**
 * xinet_receiver_options_changed() - apply an option to all later packets
 * @po: the socket, after a change of @origdev or @tp_tstamp
 *
 * Context: process, no spinlocks held.
 */
void xinet_receiver_options_changed(struct xinet_packet_sock *po);

/**
 * xinet_receiver_poll() - what the receiver adds to poll()
 * @po: the socket
 *
 * Return: EPOLLIN | EPOLLRDNORM if it has data to read, else 0.
 */
__poll_t xinet_receiver_poll(struct xinet_packet_sock *po);

#endif /* _XINET_PACKET_RECEIVER_H */
