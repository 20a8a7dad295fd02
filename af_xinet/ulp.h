/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_ULP_H
#define _XINET_ULP_H

#include <linux/sockptr.h>
#include <linux/types.h>

struct proto_ops;
struct socket;

/**
 * xinet_ulp_is_option() - whether an option may exchange a socket's proto_ops
 * @level: of setsockopt()
 * @optname: of setsockopt()
 *
 * Context: any.
 */
bool xinet_ulp_is_option(int level, int optname);

/**
 * xinet_ulp_setsockopt() - proto_ops setsockopt() of such an option
 * @sock: a stream socket
 * @base: proto_ops of a socket without an upper layer protocol
 * @level: of setsockopt()
 * @optname: of setsockopt(); xinet_ulp_is_option() says yes to it
 * @optval: of setsockopt()
 * @optlen: length of @optval in bytes
 *
 * Context: process; takes the lock of the socket's inode and that of its sock.
 * Return: -ENOMEM, or what the engine returned.
 */
int xinet_ulp_setsockopt(struct socket *sock, const struct proto_ops *base,
			 int level, int optname, sockptr_t optval,
			 unsigned int optlen);

/**
 * xinet_ulp_exit() - free what xinet_ulp_setsockopt() keeps
 *
 * Context: process, module exit; no socket is left.
 */
void xinet_ulp_exit(void);

#endif /* _XINET_ULP_H */
