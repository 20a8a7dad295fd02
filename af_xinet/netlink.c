// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: reports the number of the family and the version of the
 * module to programs that cannot read sysfs. Called by the generic netlink
 * core. The protocol is in <linux/xinet.h>.
 */
#include <linux/module.h>
#include <linux/xinet.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "af_xinet/family.h"
#include "af_xinet/netlink.h"

static struct genl_family netlink_family;

static int netlink_get_info(struct sk_buff *request, struct genl_info *info)
{
	struct sk_buff *reply;
	void *header;

	reply = genlmsg_new(nla_total_size(sizeof(u32)) +
			    nla_total_size(sizeof(XINET_VERSION)), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;

	header = genlmsg_put_reply(reply, info, &netlink_family, 0,
				   XINET_CMD_GET_INFO);
	if (!header ||
	    nla_put_u32(reply, XINET_INFO_FAMILY, xinet_family_number()) ||
	    nla_put_string(reply, XINET_INFO_VERSION, XINET_VERSION)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

static const struct genl_small_ops netlink_ops[] = {
	{
		.cmd	= XINET_CMD_GET_INFO,
		.doit	= netlink_get_info,
	},
};

/* Requests take no attributes. */
static const struct nla_policy netlink_policy[XINET_INFO_MAX + 1] = {
	[XINET_INFO_FAMILY]	= { .type = NLA_REJECT },
	[XINET_INFO_VERSION]	= { .type = NLA_REJECT },
};

static struct genl_family netlink_family __ro_after_init = {
	.name		= XINET_GENL_NAME,
	.version	= XINET_GENL_VERSION,
	.maxattr	= XINET_INFO_MAX,
	.policy		= netlink_policy,
	.netnsok	= true,
	.module		= THIS_MODULE,
	.small_ops	= netlink_ops,
	.n_small_ops	= ARRAY_SIZE(netlink_ops),
	.resv_start_op	= XINET_CMD_GET_INFO,
};

int __init xinet_netlink_init(void)
{
	return genl_register_family(&netlink_family);
}

void xinet_netlink_exit(void)
{
	genl_unregister_family(&netlink_family);
}
