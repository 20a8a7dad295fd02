// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared by the sockets over the kernel's own engines (TCP, UDP, ping). Called
 * by dgram.c and stream.c. The sockets use the engine's struct proto itself,
 * not a copy: the engine, its sock_diag, kTLS and sockmap identify their
 * sockets by that pointer, and the ports are in its tables. Only the struct
 * proto_ops is ours. It starts as a copy of PF_INET's, so that a socket
 * supports whatever its sibling does on the running kernel, and the sock keeps
 * no pointer into this module: after a close() through our proto_ops, a sock
 * that TCP keeps for a while needs no code of ours.
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
