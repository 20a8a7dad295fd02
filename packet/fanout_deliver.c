// SPDX-License-Identifier: GPL-2.0-only
/*
 * The per-packet code of a fanout group: selects the member that gets a packet.
 * Called by the tap that the group is behind; poll() and recvmsg() call
 * xinet_fanout_relieve(). The drawing, the budget and the changes of a group
 * are in fanout.c. No lock of the group is taken here.
 */
#include <kunit/visibility.h>
#include <linux/bottom_half.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/fanout.h"
#include "packet/fanout_group.h"
#include "packet/flow_hash.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"

/*
 * Key in the kernel's reassembly table: far above enum ip_defrag_users and its zones,
 * and a number of the group's own, so that its fragments are not mixed with those of
 * AF_PACKET or of another group.
 */
#define FANOUT_DEFRAG_USER	(XINET_FANOUT_DEFRAG_IDS + 1u)

/*
 * Replaces PACKET_HOST during reassembly: for PACKET_HOST the kernel sends an
 * ICMP error when fragments time out, which a capture must not do.
 */
#define FANOUT_PACKET_HOST	PACKET_KERNEL

static u32 fanout_random(u32 end)
{
	return reciprocal_scale(get_random_u32(), end);
}

/* Runs the program of the group; RCU. */
static u32 fanout_run_program(const struct xinet_fanout_group *group,
			      struct sk_buff *skb, u32 num)
{
	const struct xinet_fanout_program *program;

	program = rcu_dereference(group->program);
	return program ? bpf_prog_run_save_cb(program->prog, skb) % num : 0;
}

/* Selects a member below @num for a packet. */
static u32 fanout_choose(struct xinet_fanout_group *group, struct sk_buff *skb,
			 u32 num)
{
	switch (group->mode) {
	case PACKET_FANOUT_HASH:
		return num == 1 ? 0 :
		       reciprocal_scale(xinet_flow_hash(skb, group->flows),
					num);
	case PACKET_FANOUT_LB:
		return (u32)atomic_inc_return(&group->turn) % num;
	case PACKET_FANOUT_CPU:
		return smp_processor_id() % num;
	case PACKET_FANOUT_RND:
		return fanout_random(num);
	case PACKET_FANOUT_QM:
		return skb_get_queue_mapping(skb) % num;
	case PACKET_FANOUT_CBPF:
	case PACKET_FANOUT_EBPF:
		return fanout_run_program(group, skb, num);
	default:
		/* PACKET_FANOUT_ROLLOVER: fanout_roll() selects */
		return 0;
	}
}

/*
 * Whether the flow of a packet makes up more than half of the history of a
 * member that is nearly full.
 */
static bool fanout_flow_is_huge(struct xinet_fanout_rollover *roll,
				struct sk_buff *skb)
{
	u32 victim = fanout_random(FANOUT_HISTORY);
	u32 hash = skb_get_hash(skb);
	unsigned int count = 0;
	u32 i;

	for (i = 0; i < FANOUT_HISTORY; i++)
		count += READ_ONCE(roll->history[i]) == hash;

	/* does not dirty the cache line needlessly */
	if (READ_ONCE(roll->history[victim]) != hash)
		WRITE_ONCE(roll->history[victim], hash);
	return count > FANOUT_HISTORY / 2;
}

static struct xinet_tap_sink *
fanout_member(const struct xinet_fanout_group *group, u32 i)
{
	return rcu_dereference(group->members[i]);
}

/* May take the lock of a queue; a NULL @skb is an empty packet. */
static enum xinet_tap_room fanout_ask_room(const struct xinet_tap_sink *member,
					   const struct sk_buff *skb)
{
	const struct xinet_tap_receiver *receiver =
		rcu_dereference(member->receiver);

	return receiver->ops->room(receiver, member->sk, skb);
}

/* Checks the room of a member, and notes whether it is short of it. */
static enum xinet_tap_room fanout_room(const struct xinet_tap_sink *member,
				       const struct sk_buff *skb)
{
	struct xinet_packet_sock *po = xinet_packet_sk(member->sk);
	enum xinet_tap_room room = fanout_ask_room(member, skb);
	const bool pressure = room != XINET_TAP_ROOM_NORMAL;

	if (likely(READ_ONCE(po->pressure) == pressure))
		return room;
	WRITE_ONCE(po->pressure, pressure);
	if (pressure) {
		/*
		 * Pairs with smp_mb() in xinet_fanout_relieve(): a reader that
		 * missed the note has made room before.
		 */
		smp_mb();
		if (fanout_ask_room(member, skb) == XINET_TAP_ROOM_NORMAL)
			WRITE_ONCE(po->pressure, false);
	}
	return room;
}

void xinet_fanout_relieve(struct xinet_packet_sock *po)
{
	/* pairs with smp_mb() in fanout_room(): room before the note */
	smp_mb();
	if (!READ_ONCE(po->pressure))
		return;
	local_bh_disable();
	rcu_read_lock();
	if (fanout_ask_room(&po->sink, NULL) == XINET_TAP_ROOM_NORMAL)
		WRITE_ONCE(po->pressure, false);
	rcu_read_unlock();
	local_bh_enable();
}
EXPORT_SYMBOL_IF_KUNIT(xinet_fanout_relieve);

/*
 * Searches for a member with room, starting where the last one was found, and
 * leaves @skip out. Returns @chosen if there is none. Members that were short
 * of room are skipped until they have been read from, as in AF_PACKET, so a
 * packet only reads a flag of each of those, and takes few locks.
 */
static u32 fanout_roll_on(struct xinet_fanout_group *group, struct sk_buff *skb,
			  u32 num, u32 chosen,
			  struct xinet_fanout_rollover *roll,
			  const struct xinet_tap_sink *skip, bool huge)
{
	u32 first = min(READ_ONCE(roll->next), num - 1);
	const struct xinet_tap_sink *member;
	u32 i = first;

	do {
		member = fanout_member(group, i);
		if (member != skip &&
		    !READ_ONCE(xinet_packet_sk(member->sk)->pressure) &&
		    fanout_room(member, skb) == XINET_TAP_ROOM_NORMAL) {
			if (i != first)
				WRITE_ONCE(roll->next, i);
			atomic_long_inc(&roll->all);
			if (huge)
				atomic_long_inc(&roll->huge);
			return i;
		}
		i = i + 1 == num ? 0 : i + 1;
	} while (i != first);

	atomic_long_inc(&roll->failed);
	return chosen;
}

/*
 * Returns the member that gets a packet for member @chosen of @num. The mode
 * PACKET_FANOUT_ROLLOVER has chosen none yet and searches at once. The flag of
 * that name leaves the chosen member out, but only if it has no room, or if its
 * room is low and the packet is of the flow that fills it.
 */
static u32 fanout_roll(struct xinet_fanout_group *group, struct sk_buff *skb,
		       u32 num, u32 chosen)
{
	struct xinet_tap_sink *member = fanout_member(group, chosen);
	struct xinet_fanout_rollover *roll = xinet_packet_sk(member->sk)->rollover;
	enum xinet_tap_room room;

	if (group->mode == PACKET_FANOUT_ROLLOVER)
		return fanout_roll_on(group, skb, num, chosen, roll, NULL,
				      false);

	room = fanout_room(member, skb);
	if (room == XINET_TAP_ROOM_NORMAL ||
	    (room == XINET_TAP_ROOM_LOW && !fanout_flow_is_huge(roll, skb)))
		return chosen;
	return fanout_roll_on(group, skb, num, chosen, roll, member,
			      room == XINET_TAP_ROOM_LOW);
}

static bool fanout_is_fragment(const struct sk_buff *skb)
{
	const struct iphdr *iph;
	struct iphdr buf;

	if (skb->protocol != htons(ETH_P_IP))
		return false;
	iph = skb_header_pointer(skb, skb_network_offset(skb), sizeof(buf),
				 &buf);
	return iph && ip_is_fragment(iph);
}

/*
 * A fragment is never a GSO packet, but the virtio-net header of its sender may
 * claim so, and the datagram would inherit that from its first fragment. The
 * shared info belongs to all holders of the packet, so it is copied first.
 */
static struct sk_buff *fanout_forget_gso(struct sk_buff *skb)
{
	if (skb_unclone(skb, GFP_ATOMIC)) {
		kfree_skb(skb);
		return NULL;
	}
	skb_gso_reset(skb);
	return skb;
}

/*
 * PACKET_FANOUT_FLAG_DEFRAG. Returns an skb that the caller owns: the datagram
 * that fragment @skb completes, or a clone of a malformed fragment; NULL if the
 * datagram is not complete.
 */
static struct sk_buff *fanout_defragment(const struct xinet_fanout_group *group,
					 struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);

	skb = skb_clone(skb, GFP_ATOMIC);
	if (skb && unlikely(skb_is_gso(skb)))
		skb = fanout_forget_gso(skb);
	if (!skb)
		return NULL;
	if (skb->pkt_type == PACKET_HOST)
		skb->pkt_type = FANOUT_PACKET_HOST;

	skb = ip_check_defrag(net, skb, FANOUT_DEFRAG_USER | group->defrag_id);
	if (skb && skb->pkt_type == FANOUT_PACKET_HOST)
		skb->pkt_type = PACKET_HOST;
	return skb;
}

/* xinet_tap_deliver_t of a group */
static void fanout_deliver(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb,
			   const struct xinet_tap_frame *frame)
{
	struct xinet_fanout_group *group =
		container_of(sink, struct xinet_fanout_group, sink);
	struct xinet_tap_frame whole xinet_uninitialized;
	struct sk_buff *own = NULL;
	u32 num, chosen;

	/* pairs with the stores in fanout.c */
	num = smp_load_acquire(&group->nr_running);
	if (!num)
		return;

	if (xinet_fanout_has_flag(group, PACKET_FANOUT_FLAG_DEFRAG) &&
	    fanout_is_fragment(skb)) {
		own = fanout_defragment(group, skb);
		if (!own)
			return;
		skb = own;
		/* its owner is not that of the last fragment, which has no ports */
		if (skb->pkt_type != PACKET_OUTGOING) {
			whole = *frame;
			whole.owned = NULL;
			frame = &whole;
		}
	}

	chosen = fanout_choose(group, skb, num);
	if (group->mode == PACKET_FANOUT_ROLLOVER ||
	    xinet_fanout_has_flag(group, PACKET_FANOUT_FLAG_ROLLOVER))
		chosen = fanout_roll(group, skb, num, chosen);
	xinet_tap_hand_on(sink, fanout_member(group, chosen), skb, frame);
	if (own)
		consume_skb(own);
}

/* The slow path of fanout_fast(). */
static noinline void fanout_hand_on(struct xinet_tap_sink *sink,
				    struct xinet_tap_sink *member,
				    struct sk_buff *skb,
				    const struct net_device *orig_dev)
{
	struct timespec64 now = {};
	const struct xinet_tap_frame frame = {
		.orig_dev = orig_dev,
		.now = &now,
	};

	xinet_tap_hand_on(sink, member, skb, &frame);
}

/* xinet_tap_fast_t of a group that neither defragments nor rolls over. */
static bool fanout_fast(struct xinet_tap_sink *sink,
			const struct xinet_tap_receiver *receiver,
			struct sk_buff *skb, const void *source,
			const struct net_device *orig_dev)
{
	struct xinet_fanout_group *group =
		container_of(sink, struct xinet_fanout_group, sink);
	struct xinet_tap_sink *member;
	xinet_tap_fast_t fast;
	u32 num;

	/* pairs with the stores in fanout.c */
	num = smp_load_acquire(&group->nr_running);
	if (!num)
		return true;
	member = fanout_member(group, fanout_choose(group, skb, num));
	receiver = rcu_dereference(member->receiver);
	fast = READ_ONCE(receiver->fast);
	if (!fast || rcu_access_pointer(member->sk->sk_filter) ||
	    !fast(member, receiver, skb, sink, orig_dev))
		fanout_hand_on(sink, member, skb, orig_dev);
	return true;
}

static const struct xinet_receiver_ops fanout_receiver_ops = {
	.deliver = fanout_deliver,
	.fast = fanout_fast,
};

/* For a group that defragments or rolls over; the next one for others. */
static const struct xinet_tap_receiver fanout_receiver = {
	.ops = &fanout_receiver_ops,
};

static const struct xinet_tap_receiver fanout_receiver_fast = {
	.ops = &fanout_receiver_ops,
	.fast = fanout_fast,
};

const struct xinet_tap_receiver *
xinet_fanout_receiver(const struct xinet_fanout_group *group)
{
	if (group->mode == PACKET_FANOUT_ROLLOVER ||
	    xinet_fanout_has_flag(group, PACKET_FANOUT_FLAG_ROLLOVER) ||
	    xinet_fanout_has_flag(group, PACKET_FANOUT_FLAG_DEFRAG))
		return &fanout_receiver;
	return &fanout_receiver_fast;
}
