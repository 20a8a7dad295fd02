// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the sockets over the kernel's own engines (TCP, UDP, ping) share. They
 * speak through the engine's struct proto itself, not a copy of it: the engine,
 * its sock_diag, kTLS and sockmap know their sockets by that pointer, and the
 * ports are in its tables. What is ours is the struct proto_ops. It begins as a
 * copy of PF_INET's, so that a socket can do whatever its sibling can on the
 * kernel it runs on, and nothing of ours hangs on the sock: once closed, a sock
 * that TCP keeps for a while knows no code of this module.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <net/inet_common.h>
#include <net/xinet.h>

#include "af_xinet/bind.h"
#include "af_xinet/engine.h"
#include "af_xinet/family.h"
#include "compat/xinet_compat_inet.h"

int xinet_engine_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	int err;

	err = xinet_bind_check_family(msg->msg_name, msg->msg_namelen);
	return err ? err : inet_sendmsg(sock, msg, len);
}

/*
 * A connection that was taken while TCP_ULP was at the listening socket may
 * have come out as PF_INET's (see ulp.c), which nobody would take off the list;
 * and one that kernel code accepts for itself has no ops yet to tell by.
 */
int xinet_engine_accepted(struct socket *newsock)
{
	const struct proto_ops *ops = READ_ONCE(newsock->ops);

	if (!ops || ops->release != xinet_release)
		return 0;
	return xinet_list_sock(newsock->sk);
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
	if (ops->accept == inet_accept)
		ops->accept = xinet_inet_accept;
}
