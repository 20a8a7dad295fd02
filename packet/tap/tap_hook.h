/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The structure of a tap, shared by tap.c, which changes it in system calls,
 * and tap_deliver.c, which delivers packets to the sinks behind it.
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

/**
 * struct xinet_tap - a hook of the kernel and the sinks behind it
 * @hook: registered with the core; its dev and type are the key of the tap
 * @array: what packets read; never NULL while @hook is registered; RCU
 * @sinks: ordered by xinet_tap_sink_insert(); tn->lock
 * @nr_sinks: length of @sinks; xinet_tap_match_sender() reads it locklessly
 * @nr_outgoing: how many of @sinks receive outgoing packets; tn->lock
 * @node: in tn->taps; tn->lock
 * @rcu: for freeing
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
 * xinet_tap_rcv() - packet_type func(): a packet reaches the hook
 * @skb: the packet; one reference is consumed
 * @dev: the device it came in through, or is sent by
 * @pt: the hook of a tap
 * @orig_dev: the device that received it first
 *
 * Context: softirq, or BH disabled; RCU.
 * Return: 0.
 */
int xinet_tap_rcv(struct sk_buff *skb, struct net_device *dev,
		  struct packet_type *pt, struct net_device *orig_dev);

/**
 * xinet_tap_match_sender() - packet_type id_match(): a packet is being sent
 * @pt: the hook of a tap
 * @sk: the socket that sends it
 *
 * Notes the sink that must not get the packet back.
 *
 * Context: BH disabled; RCU.
 * Return: true if no other sink stands behind the tap.
 */
bool xinet_tap_match_sender(struct packet_type *pt, struct sock *sk);

#endif /* _XINET_PACKET_TAP_HOOK_H */
