/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket options of a packet socket that reports owners. */
#ifndef _XINET_PACKET_OWNER_OPTIONS_H
#define _XINET_PACKET_OWNER_OPTIONS_H

#include <linux/sockptr.h>

struct xinet_packet_sock;

/**
 * xinet_owner_options_set() - XINET_PACKET_OWNER and XINET_PACKET_OWNER_FILTER
 * @po: the socket
 * @optname: one of the two
 * @optval: its value
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held.
 * Return: 0 or a negative errno, see the UAPI header.
 */
int xinet_owner_options_set(struct xinet_packet_sock *po, int optname,
			    sockptr_t optval, unsigned int optlen);

#endif /* _XINET_PACKET_OWNER_OPTIONS_H */
