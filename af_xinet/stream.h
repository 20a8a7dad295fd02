/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_STREAM_H
#define _XINET_STREAM_H

struct socket;

/**
 * xinet_stream_init() - make TCP sockets known to the protosw table
 *
 * Context: process, module init.
 * Return: 0 or a negative errno.
 */
int xinet_stream_init(void);

/**
 * xinet_stream_exit() - undo xinet_stream_init()
 *
 * Context: process, module exit; no socket is left.
 */
void xinet_stream_exit(void);

/**
 * xinet_stream_hand_over() - leave a connection to PF_INET's proto_ops
 * @sock: a stream socket
 *
 * For good, and without a way back to listening. The socket is listed until it
 * is closed, and holds the module until its sock is freed. Does nothing when the
 * socket has been handed over before.
 *
 * Context: process; takes the locks of the socket's inode and of its sock.
 * Return: 0; -EEXIST when the socket has an upper layer protocol; -ENOTCONN
 * when it is not connected; -EBUSY when somebody else has exchanged its
 * proto_ops.
 */
int xinet_stream_hand_over(struct socket *sock);

#endif /* _XINET_STREAM_H */
