/* SPDX-License-Identifier: GPL-2.0-only */
/* proto_ops over the kernel's own engines. */
#ifndef _XINET_ENGINE_H
#define _XINET_ENGINE_H

#include <linux/types.h>

struct msghdr;
struct proto_ops;
struct socket;

/**
 * xinet_engine_take_ops() - make our proto_ops from PF_INET's
 * @ops: filled in
 * @inet: proto_ops of PF_INET's sockets of the kind; may be the same as @ops
 *
 * Family and owner become ours, bind() and sendmsg() reject AF_XINET in an
 * address, and release() removes sockets from the family's list. Everything
 * else is @inet's, including operations that this tree does not know. The
 * caller sets connect().
 *
 * Context: any.
 */
void xinet_engine_take_ops(struct proto_ops *ops, const struct proto_ops *inet);

/**
 * xinet_engine_sendmsg() - proto_ops sendmsg() over an engine of the kernel
 * @sock: the socket
 * @msg: the message
 * @len: its length in bytes
 *
 * Context: process.
 * Return: -EAFNOSUPPORT for AF_XINET in msg_name, or what inet_sendmsg()
 * returned.
 */
int xinet_engine_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

#endif /* _XINET_ENGINE_H */
