// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load and unload. Every component is ready before sock_register() allows the
 * first socket, and none but the sock_diag handler is torn down before
 * sock_unregister(). An open socket holds the module, so exit finds none.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/xinet.h>
#include <net/genetlink.h>

#include "af_xinet/diag.h"
#include "af_xinet/family.h"
#include "af_xinet/mib.h"
#include "af_xinet/netlink.h"
#include "af_xinet/proc.h"
#include "af_xinet/registry.h"
#include "inet/dgram.h"
#include "inet/stream.h"
#include "ip/copybreak.h"
#include "ip/ip_hook.h"
#include "ip/ip_input.h"
#include "ip/ip_local.h"
#include "ip/local_in.h"
#include "ip/raw.h"
#include "ip/raw_table.h"
#include "packet/packet.h"

static const struct xinet_raw_behind_ops behind_ops = {
	.get	= xinet_local_in_get,
	.put	= xinet_local_in_put,
};

static int __init xinet_init(void)
{
	int err;

	err = xinet_family_check();
	if (err)
		return err;

	err = xinet_mib_init();
	if (err)
		return err;

	err = xinet_ip_local_init();
	if (err)
		goto err_mib;

	xinet_registry_init();
	xinet_ip_hook_init(xinet_ip_rcv);

	err = xinet_raw_table_init(&behind_ops);
	if (err)
		goto err_ip_local;

	err = xinet_raw_init();
	if (err)
		goto err_raw_table;

	err = xinet_local_in_init();
	if (err)
		goto err_raw;

	err = xinet_packet_init();
	if (err)
		goto err_local_in;

	err = xinet_stream_init();
	if (err)
		goto err_packet;

	err = xinet_dgram_init();
	if (err)
		goto err_stream;

	err = xinet_proc_init();
	if (err)
		goto err_dgram;

	err = xinet_netlink_init();
	if (err)
		goto err_proc;

	err = xinet_diag_init();
	if (err)
		goto err_netlink;

	err = xinet_family_register();
	if (err)
		goto err_diag;

	pr_info("PF_XINET is family %d\n", xinet_family_number());
	return 0;

err_diag:
	xinet_diag_exit();
	/* a request in flight may still use the handler */
	synchronize_rcu();
err_netlink:
	xinet_netlink_exit();
err_proc:
	xinet_proc_exit();
err_dgram:
	xinet_dgram_exit();
err_stream:
	xinet_stream_exit();
err_packet:
	xinet_packet_exit();
err_local_in:
	xinet_local_in_exit();
err_raw:
	xinet_raw_exit();
err_raw_table:
	xinet_raw_table_exit();
err_ip_local:
	xinet_ip_local_exit();
err_mib:
	xinet_mib_exit();
	rcu_barrier();
	return err;
}

static void __exit xinet_exit(void)
{
	/* xinet_family_unregister() waits a grace period for this, too */
	xinet_diag_exit();
	xinet_family_unregister();
	xinet_netlink_exit();
	xinet_proc_exit();
	xinet_dgram_exit();
	xinet_stream_exit();
	xinet_packet_exit();
	/* first: the hook looks up raw sockets */
	xinet_local_in_exit();
	xinet_raw_exit();
	xinet_raw_table_exit();
	xinet_ip_local_exit();
	xinet_skb_copybreak_exit();
	xinet_mib_exit();
	/* Wait for call_rcu() callbacks: they are code of this module. */
	rcu_barrier();
}

module_init(xinet_init);
module_exit(xinet_exit);

MODULE_DESCRIPTION("PF_XINET: the sockets of PF_INET and PF_PACKET in a family beside them");
MODULE_AUTHOR("The xinet maintainers");
MODULE_LICENSE("GPL");
MODULE_VERSION(XINET_VERSION);
MODULE_ALIAS_NETPROTO(PF_XINET);
MODULE_ALIAS_GENL_FAMILY(XINET_GENL_NAME);
