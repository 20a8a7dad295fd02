// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floors of a tap: what a packet costs that is only released, and one that
 * is stamped and copied, with no other work. Loaded by xinet-bench in a guest,
 * never anywhere else. Says nothing about who the packet is for and hands it to
 * nobody.
 */
#include <linux/if_ether.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>

/* as large as what a ring of the pairs holds, so that the cache sees the same */
#define FLOOR_BUFFER_SIZE	(32u << 20)

static char *dev = "bench0";
module_param(dev, charp, 0444);
MODULE_PARM_DESC(dev, "the interface to tap");

static bool copy;
module_param(copy, bool, 0444);
MODULE_PARM_DESC(copy, "stamp and copy each packet instead of only releasing it");

/* Where the next copy goes; one CPU delivers, as the pairs have it. */
static u8 *floor_buffer;
static size_t floor_offset;

static int floor_null(struct sk_buff *skb, struct net_device *in,
		      struct packet_type *pt, struct net_device *orig_dev)
{
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

static int floor_copy(struct sk_buff *skb, struct net_device *in,
		      struct packet_type *pt, struct net_device *orig_dev)
{
	unsigned int len = skb->len + skb_mac_header_len(skb);
	struct timespec64 *stamp;

	if (floor_offset + sizeof(*stamp) + len > FLOOR_BUFFER_SIZE)
		floor_offset = 0;
	stamp = (struct timespec64 *)(floor_buffer + floor_offset);
	ktime_get_real_ts64(stamp);
	skb_copy_bits(skb, skb_mac_offset(skb), stamp + 1, len);
	floor_offset += ALIGN(sizeof(*stamp) + len, 16);
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

static struct packet_type floor_hook = {
	.type = htons(ETH_P_ALL),
};

static int __init floor_init(void)
{
	struct net_device *device;

	floor_buffer = vzalloc(FLOOR_BUFFER_SIZE);
	if (!floor_buffer)
		return -ENOMEM;

	device = dev_get_by_name(&init_net, dev);
	if (!device) {
		vfree(floor_buffer);
		return -ENODEV;
	}
	/* the module holds it: unload before the device goes */
	floor_hook.dev = device;
	floor_hook.func = copy ? floor_copy : floor_null;
	dev_add_pack(&floor_hook);
	return 0;
}

static void __exit floor_exit(void)
{
	dev_remove_pack(&floor_hook);
	dev_put(floor_hook.dev);
	vfree(floor_buffer);
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_DESCRIPTION("The floors that the cost of a tap is compared with");
MODULE_AUTHOR("The xinet maintainers");
MODULE_LICENSE("GPL");
