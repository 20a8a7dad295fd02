// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the sockets over the kernel's own engines (TCP, UDP, ping) share. They
 * speak through the engine's struct proto itself, not a copy of it: the engine,
 * its sock_diag, kTLS and sockmap know their sockets by that pointer, and the
 * ports are in its tables. What is ours is the struct proto_ops. It begins as a
 * copy of PF_INET's, so that a socket can do whatever its sibling can on the
 * kernel it runs on, and nothing of ours stays on the sock: once close() has
 * gone through them, a sock that TCP keeps for a while knows no code of this
 * module.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <net/inet_common.h>
#include <net/xinet.h>

#include "af_xinet/bind.h"
#include "af_xinet/family.h"
#include "inet/engine.h"

int xinet_engine_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	int err;

	err = xinet_bind_check_family(msg->msg_name, msg->msg_namelen);
	return err ? err : inet_sendmsg(sock, msg, len);
}

void xinet_engine_take_ops(struct proto_ops *ops, const struct proto_ops *inet)
{
	if (ops != inet)
		*ops = *inet;
	ops->family = xinet_family_number();
	ops->owner = THIS_MODULE;
	ops->bind = xinet_bind;
	ops->sendmsg = xinet_engine_sendmsg;
	ops->release = xinet_release;
}
