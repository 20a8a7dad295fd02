// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access control: the only place where this module checks a capability, and the
 * two parameters by which an administrator widens or narrows access. Every
 * check reads the parameters, so a write takes effect from the next socket() or
 * request on; open sockets stay as they are.
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

/* Accepts 0 and 1 only: other values have no defined meaning. */
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

bool xinet_capable_everywhere(const struct net *net, int cap)
{
	return capable(cap) &&
	       (net_eq(net, &init_net) || capable(CAP_SYS_ADMIN));
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
