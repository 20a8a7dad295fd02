/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The structure of a tap, shared by tap.c, which changes it in system calls,
 * and tap_deliver.c, which delivers packets to the sinks behind it.
 */
#ifndef _XINET_PACKET_TAP_HOOK_H
#define _XINET_PACKET_TAP_HOOK_H

#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "packet/tap/owner_id.h"

struct sk_buff;
struct sock;
struct task_struct;
struct xinet_tap_array;

/**
 * struct xinet_tap_note - the owner of the packet that is being sent
 * @task: who sends it; NULL: no note
 * @id: its owner
 *
 * As the notes of tap_sender.h, but for each tap: a packet may pass several. A
 * value, because a note of a packet that never came, for lack of memory, stays.
 */
struct xinet_tap_note {
	const struct task_struct *task;
	struct xinet_owner_id id;
};

/**
 * struct xinet_tap - a hook of the kernel and the sinks behind it
 * @hook: its dev and type are the key of the tap; registered with the core, or what
 *	all_netns.c registers is a copy
 * @original: its sinks get frames as on the wire; part of the key
 * @array: what packets read; never NULL while @hook is registered; RCU
 * @sinks: ordered by xinet_tap_sink_insert(); tn->lock
 * @nr_sinks: length of @sinks; xinet_tap_match_sender() reads it locklessly
 * @nr_outgoing: how many of @sinks receive outgoing packets; tn->lock
 * @nr_owners: how many of @sinks report owners; tn->lock
 * @notes: of senders; NULL until a sink reports owners
 * @node: in tn->taps; tn->lock
 * @rcu: for freeing
 */
struct xinet_tap {
	struct packet_type hook;
	struct xinet_tap_array __rcu *array;
	struct list_head sinks;
	unsigned int nr_sinks;
	unsigned int nr_outgoing;
	unsigned int nr_owners;
	struct xinet_tap_note __percpu *notes;
	struct hlist_node node;
	struct rcu_head rcu;
	bool original;
};

/**
 * xinet_tap_is_all_netns() - whether a tap is one of all namespaces
 * @tap: the tap
 */
static inline bool xinet_tap_is_all_netns(const struct xinet_tap *tap)
{
	return !tap->hook.af_packet_net;
}

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
 * xinet_tap_rcv_all_netns() - xinet_tap_rcv() of a tap of all namespaces
 * @skb: as there
 * @dev: as there
 * @pt: its af_packet_priv is the tap
 * @orig_dev: as there
 *
 * Context: as there.
 * Return: 0.
 */
int xinet_tap_rcv_all_netns(struct sk_buff *skb, struct net_device *dev,
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

/**
 * xinet_tap_match_sender_all_netns() - the same for a tap of all namespaces
 * @pt: its af_packet_priv is the tap
 * @sk: as there
 *
 * Context: as there.
 * Return: as there.
 */
bool xinet_tap_match_sender_all_netns(struct packet_type *pt, struct sock *sk);

/**
 * xinet_tap_rcv_owner() - xinet_tap_rcv() of a tap with sinks that report owners
 * @skb: as there
 * @dev: as there
 * @pt: its af_packet_priv is the tap
 * @orig_dev: as there
 *
 * Context: as there.
 * Return: 0.
 */
int xinet_tap_rcv_owner(struct sk_buff *skb, struct net_device *dev,
			struct packet_type *pt, struct net_device *orig_dev);

/**
 * xinet_tap_rcv_original() - the same of one whose sinks get frames as on the wire
 * @skb: as there
 * @dev: as there
 * @pt: as there
 * @orig_dev: as there
 *
 * Context: as there.
 * Return: 0.
 */
int xinet_tap_rcv_original(struct sk_buff *skb, struct net_device *dev,
			   struct packet_type *pt, struct net_device *orig_dev);

/**
 * xinet_tap_match_owner() - xinet_tap_match_sender() of such a tap
 * @pt: as there
 * @sk: as there
 *
 * Notes the owner, too.
 *
 * Context: as there.
 * Return: as there.
 */
bool xinet_tap_match_owner(struct packet_type *pt, struct sock *sk);

#endif /* _XINET_PACKET_TAP_HOOK_H */
