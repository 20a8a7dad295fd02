/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registration of packet sockets with the family; called by module.c.
 */
#ifndef _XINET_PACKET_PACKET_H
#define _XINET_PACKET_PACKET_H

/**
 * xinet_packet_init() - offer SOCK_PACKET sockets to socket()
 *
 * Context: module init, the protosw table ready.
 * Return: 0 or a negative errno.
 */
int xinet_packet_init(void);

/**
 * xinet_packet_exit() - undo xinet_packet_init()
 *
 * Context: module exit, no socket left. Waits for outstanding RCU callbacks.
 */
void xinet_packet_exit(void);

#endif /* _XINET_PACKET_PACKET_H */
