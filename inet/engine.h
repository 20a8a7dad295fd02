/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_ENGINE_H
#define _XINET_ENGINE_H

#include <linux/types.h>

struct msghdr;
struct proto_ops;
struct socket;

/**
 * xinet_engine_take_ops() - make proto_ops of PF_INET's those of our sockets
 * @ops: to be filled in
 * @inet: what PF_INET's sockets of the kind have; may be the same as @ops
 *
 * Family and owner become ours, bind() and sendmsg() refuse AF_XINET in an
 * address, and release() takes sockets off the family's list. All else, what a
 * kernel has there that this tree has never heard of included, is @inet's.
 * connect() is left to the caller.
 *
 * Context: any.
 */
void xinet_engine_take_ops(struct proto_ops *ops, const struct proto_ops *inet);

/**
 * xinet_engine_sendmsg() - proto_ops sendmsg over an engine of the kernel
 * @sock: the socket
 * @msg: the message
 * @len: its length in bytes
 *
 * Context: process.
 * Return: -EAFNOSUPPORT for AF_XINET in msg_name; what inet_sendmsg() returned.
 */
int xinet_engine_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

#endif /* _XINET_ENGINE_H */
