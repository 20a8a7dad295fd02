/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tap as both of its halves know it: tap.c, which changes it by system calls,
 * and tap_deliver.c, which gives packets to what stands behind it.
 */
#ifndef _XINET_PACKET_TAP_HOOK_H
#define _XINET_PACKET_TAP_HOOK_H

#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct sk_buff;
struct sock;
struct xinet_tap_array;

/*
 * @hook: what the kernel holds; also the key of the tap (dev, type)
 * @array: never NULL while the hook is registered
 * @sinks: under tn->lock, ordered by xinet_tap_sink_insert()
 * @nr_sinks: length of @sinks; read without the lock by
 *	xinet_tap_match_sender()
 * @nr_outgoing: how many of them want what this host sends
 */
struct xinet_tap {
	struct packet_type hook;
	struct xinet_tap_array __rcu *array;
	struct list_head sinks;
	unsigned int nr_sinks;
	unsigned int nr_outgoing;
	struct hlist_node node;
	struct rcu_head rcu;
};

/**
 * xinet_tap_rcv() - packet_type func(): a packet comes by the hook
 * @skb: the packet; a reference is the callee's
 * @dev: the device it came in through, or is sent by
 * @pt: the hook of a tap
 * @orig_dev: the device that the driver gave it to
 *
 * Context: softirq, or BH disabled; RCU.
 * Return: 0.
 */
int xinet_tap_rcv(struct sk_buff *skb, struct net_device *dev,
		  struct packet_type *pt, struct net_device *orig_dev);

/**
 * xinet_tap_match_sender() - packet_type id_match(): a packet is to be sent
 * @pt: the hook of a tap
 * @sk: whose packet it is
 *
 * Notes which sink the packet must not come back to.
 *
 * Context: BH disabled; RCU.
 * Return: true if nobody else stands behind the tap.
 */
bool xinet_tap_match_sender(struct packet_type *pt, struct sock *sk);

#endif /* _XINET_PACKET_TAP_HOOK_H */
