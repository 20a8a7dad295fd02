/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PACKET_RX_RING: the option that makes a receive ring.
 */
#ifndef _XINET_PACKET_RX_RING_H
#define _XINET_PACKET_RX_RING_H

#include <linux/sockptr.h>

struct xinet_packet_sock;

/**
 * xinet_rx_ring_setsockopt() - PACKET_RX_RING
 * @po: the socket
 * @optval: as xinet_ring_setsockopt()
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held. Never waits for a grace period.
 * Return: as xinet_ring_setsockopt().
 */
int xinet_rx_ring_setsockopt(struct xinet_packet_sock *po, sockptr_t optval,
			     unsigned int optlen);

#endif /* _XINET_PACKET_RX_RING_H */
