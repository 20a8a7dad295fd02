// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may reach what: the one place where this module asks for a capability,
 * and the two parameters by which an administrator widens or narrows it. Every
 * question is asked anew, so a write to a parameter counts from the next
 * socket() or request on; sockets that are open stay as they are.
 */
#include <linux/capability.h>
#include <linux/compiler.h>
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/netlink.h>
#include <net/net_namespace.h>

#include "af_xinet/reach.h"

static int userns;
static int engines = 1;

/* 0 or 1 in an int: anything else would be read as one of them by somebody. */
static int switch_set(const char *val, const struct kernel_param *kp)
{
	int value;

	if (kstrtoint(val, 0, &value) || value < 0 || value > 1)
		return -EINVAL;
	WRITE_ONCE(*(int *)kp->arg, value);
	return 0;
}

static const struct kernel_param_ops switch_ops = {
	.set	= switch_set,
	.get	= param_get_int,
};

module_param_cb(userns, &switch_ops, &userns, 0644);
__MODULE_PARM_TYPE(userns, "int");
MODULE_PARM_DESC(userns, "Where capabilities are asked for: 0 (default) in the initial user namespace, 1 in the one that owns the network namespace, as PF_INET and PF_PACKET do");

module_param_cb(engines, &switch_ops, &engines, 0644);
__MODULE_PARM_TYPE(engines, "int");
MODULE_PARM_DESC(engines, "Stream, datagram and ping sockets, which need no capability: 1 (default) offered, 0 refused with EAFNOSUPPORT");

static struct user_namespace *judging_userns(const struct net *net)
{
	return READ_ONCE(userns) ? net->user_ns : &init_user_ns;
}

bool xinet_capable(const struct net *net, int cap)
{
	return ns_capable(judging_userns(net), cap);
}

bool xinet_netlink_capable(const struct sk_buff *request,
			   const struct net *net, int cap)
{
	return netlink_ns_capable(request, judging_userns(net), cap);
}

bool xinet_engines_offered(void)
{
	return READ_ONCE(engines);
}
