/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of rings, except those that make or remove a ring.
 */
#ifndef _XINET_PACKET_RING_OPTIONS_H
#define _XINET_PACKET_RING_OPTIONS_H

#include <linux/sockptr.h>

struct xinet_packet_sock;

/**
 * xinet_ring_options_set() - PACKET_VERSION, RESERVE, LOSS, TX_HAS_OFF,
 * COPY_THRESH and TIMESTAMP
 * @po: the socket
 * @optname: the option
 * @optval: an int
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held.
 * Return: 0; -EINVAL for another length or a value out of range; -EFAULT;
 * -EBUSY for the first three while there is a ring, when TX_HAS_OFF is
 * ignored; -ENOPROTOOPT for another option.
 */
int xinet_ring_options_set(struct xinet_packet_sock *po, int optname,
			   sockptr_t optval, unsigned int optlen);

/**
 * xinet_ring_options_get() - PACKET_VERSION, RESERVE, LOSS, COPY_THRESH,
 * TX_HAS_OFF and TIMESTAMP
 * @po: the socket
 * @optname: the option
 * @val: its value
 *
 * Return: 0; -ENOPROTOOPT for another option.
 */
int xinet_ring_options_get(const struct xinet_packet_sock *po, int optname,
			   int *val);

/**
 * xinet_ring_options_set_latency() - XINET_PACKET_FLUSH_USEC and _WATERMARK
 * @po: the socket
 * @optname: the option
 * @optval: an int
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held.
 * Return: 0; -EINVAL for another length or a negative value; -EFAULT; -EBUSY
 * while there is a ring.
 */
int xinet_ring_options_set_latency(struct xinet_packet_sock *po, int optname,
				   sockptr_t optval, unsigned int optlen);

/**
 * xinet_ring_options_hdrlen() - PACKET_HDRLEN: length of a frame's header
 * @optval: in: enum tpacket_versions
 * @len: bytes at @optval
 * @val: filled in
 *
 * Return: 0; -EINVAL for another version or a short @optval; -EFAULT.
 */
int xinet_ring_options_hdrlen(char __user *optval, int len, int *val);

#endif /* _XINET_PACKET_RING_OPTIONS_H */
