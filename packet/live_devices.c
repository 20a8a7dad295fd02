// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table of the registered network devices of all namespaces by address. The
 * notifier of packet.c keeps it, the probe of dropped.c reads it.
 */
#include <linux/hashtable.h>
#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "packet/live_devices.h"

struct live_device {
	struct hlist_node node;
	const struct net_device *dev;
	struct rcu_head rcu;
};

/* Changes under RTNL. */
static DEFINE_HASHTABLE(live_devices, 8);

static struct live_device *live_find(const struct net_device *dev)
{
	struct live_device *live;

	hash_for_each_possible_rcu(live_devices, live, node, (unsigned long)dev,
				   lockdep_rtnl_is_held())
		if (live->dev == dev)
			return live;
	return NULL;
}

bool xinet_live_device(const struct net_device *dev)
{
	return live_find(dev);
}

static void live_add(struct net_device *dev)
{
	struct live_device *live = kmalloc(sizeof(*live), GFP_KERNEL_ACCOUNT);

	if (!live)
		return;
	live->dev = dev;
	hash_add_rcu(live_devices, &live->node, (unsigned long)dev);
}

static void live_del(struct live_device *live)
{
	hash_del_rcu(&live->node);
	kfree_rcu(live, rcu);
}

/* The core repeats NETDEV_UNREGISTER while a device has references. */
void xinet_live_devices_event(struct net_device *dev, unsigned long event)
{
	struct live_device *live = live_find(dev);

	if (event == NETDEV_REGISTER && !live)
		live_add(dev);
	else if (event == NETDEV_UNREGISTER && live)
		live_del(live);
}

void xinet_live_devices_exit(void)
{
	struct live_device *live;
	struct hlist_node *next;
	int i;

	hash_for_each_safe(live_devices, i, next, live, node)
		live_del(live);
}
