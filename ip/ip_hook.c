// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hook for IPv4 packets from the wire: one packet_type for ETH_P_IP while
 * any namespace has a receiver of them. Called by raw_table.c and protocol.c.
 */
#include <kunit/visibility.h>
#include <linux/if_ether.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "ip/ip_hook.h"

/**
 * struct ip_hook - the packet_type, one for all namespaces
 * @pt: names no namespace: it then gets the packets of every namespace, so one
 *	is enough. On kernels that sort handlers by namespace, one that names a
 *	namespace would run after PF_INET's, which would then clone every packet
 * @rcu: to free it
 */
struct ip_hook {
	struct packet_type pt;
	struct rcu_head rcu;
};

static DEFINE_MUTEX(ip_hook_lock);
static struct ip_hook *ip_hook;		/* ip_hook_lock */
static unsigned int ip_hook_users;	/* ip_hook_lock */
static xinet_ip_rcv_t ip_hook_rcv __ro_after_init;

void __init xinet_ip_hook_init(xinet_ip_rcv_t rcv)
{
	ip_hook_rcv = rcv;
}

int xinet_ip_hook_get(void)
{
	int err = 0;

	mutex_lock(&ip_hook_lock);
	if (!ip_hook) {
		ip_hook = kzalloc(sizeof(*ip_hook), GFP_KERNEL_ACCOUNT);
		if (!ip_hook) {
			err = -ENOMEM;
			goto out;
		}
		ip_hook->pt.type = htons(ETH_P_IP);
		ip_hook->pt.func = ip_hook_rcv;
		dev_add_pack(&ip_hook->pt);
	}
	ip_hook_users++;
out:
	mutex_unlock(&ip_hook_lock);
	return err;
}

void xinet_ip_hook_put(void)
{
	mutex_lock(&ip_hook_lock);
	if (!--ip_hook_users) {
		__dev_remove_pack(&ip_hook->pt);
		kfree_rcu(ip_hook, rcu);
		ip_hook = NULL;
	}
	mutex_unlock(&ip_hook_lock);
}

#if IS_ENABLED(CONFIG_KUNIT)
bool xinet_ip_hook_is_there(void)
{
	bool there;

	mutex_lock(&ip_hook_lock);
	there = ip_hook;
	mutex_unlock(&ip_hook_lock);
	return there;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ip_hook_is_there);
#endif
