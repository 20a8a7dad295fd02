/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which receiver takes the packets of a socket.
 */
#ifndef _XINET_PACKET_RECEIVER_H
#define _XINET_PACKET_RECEIVER_H

#include <linux/poll.h>

struct xinet_packet_sock;
struct xinet_tap_receiver;

/**
 * xinet_receiver_set() - have another receiver take the packets of a socket
 * @po: the socket
 * @receiver: set up; NULL: its receive queue
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_receiver_set(struct xinet_packet_sock *po,
			struct xinet_tap_receiver *receiver);

/**
 * xinet_receiver_update() - let packets take the fast path, or no more
 * @po: its mode or options are others now
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_receiver_update(struct xinet_packet_sock *po);

/**
 * xinet_receiver_settle() - wait for packets on their way to the receiver
 * @po: the socket
 *
 * Then its counts are right, as long as the lock is held.
 *
 * Context: sk_receive_queue.lock held, BH disabled. Waits for other CPUs, no
 * longer than one takes to copy a packet.
 */
void xinet_receiver_settle(struct xinet_packet_sock *po);

/**
 * xinet_receiver_options_changed() - have packets obey an option from now on
 * @po: its @origdev or @tp_tstamp is another now
 *
 * Context: process, no spinlocks held.
 */
void xinet_receiver_options_changed(struct xinet_packet_sock *po);

/**
 * xinet_receiver_poll() - what the receiver adds to poll()
 * @po: the socket
 *
 * Return: EPOLLIN | EPOLLRDNORM when it has something to be read.
 */
__poll_t xinet_receiver_poll(struct xinet_packet_sock *po);

#endif /* _XINET_PACKET_RECEIVER_H */
