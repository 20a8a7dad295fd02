/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP_ULP on stream sockets. */
#ifndef _XINET_ULP_H
#define _XINET_ULP_H

#include <linux/sockptr.h>

struct socket;

/**
 * xinet_ulp_setsockopt() - setsockopt(TCP_ULP) on a socket with our proto_ops
 * @sock: a stream socket
 * @optval: name of the upper layer protocol; read once
 * @optlen: length of @optval in bytes
 * @hand_over: gives an established connection PF_INET's proto_ops; 0 or a
 *	negative errno
 *
 * Supports "tls" only. An established connection is handed over before kTLS
 * sees it, and keeps PF_INET's proto_ops.
 *
 * Context: process; takes the locks of the socket's inode and of its sock.
 * Return: 0; -EINVAL without a name, -EFAULT; -ENOENT for another protocol, or
 * without kTLS; -EEXIST when the socket has one; -ENOTCONN when it is not
 * connected; -EBUSY when another module has replaced its proto_ops (OpenVPN's
 * data channel offload); -ENOMEM; or what kTLS returned.
 */
int xinet_ulp_setsockopt(struct socket *sock, sockptr_t optval,
			 unsigned int optlen,
			 int (*hand_over)(struct socket *sock));

#endif /* _XINET_ULP_H */
