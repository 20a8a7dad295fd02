// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fanout groups. A group stands behind a tap with a sink of its own and hands
 * each packet to one of its members, whose own sinks are behind no tap. It
 * appears with its first member and goes with its last; options.c brings the
 * members, packet.c tells what befalls them. Nothing here knows what a member
 * does with a packet.
 *
 *    tap.c  ---->  fanout_deliver()
 *                        |  reads nr_running, once
 *                        v
 *                  fanout_choose()    by mode
 *                        |
 *                  fanout_roll()      if the chosen one is full, and asked for
 *                        |
 *                        v
 *      +----------+----------+----------+- - - - - - - - - - - - - - - - +
 *      | member 0 | member 1 | member 2 |  old or NULL, never looked at  |
 *      +-----|----+----------+----------+- - - - - - - - - - - - - - - - +
 *            v                          ^ nr_running      max_members ^
 *      xinet_tap_hand_on()   filter and mode of the member, its deliver()
 *
 * Only members that run have a slot. One that stops is replaced by the last;
 * one that starts again comes last. That is AF_PACKET's order, so the same
 * traffic is shared out alike. All slots are allocated with the group: a device
 * that goes down or up needs no memory.
 *
 * A packet that has read the old nr_running may still find a member that just
 * stopped: it lives for an RCU grace period, and xinet_tap_sink_wants() then
 * refuses the packet for it.
 *
 * Budget per packet: what the mode costs (the flow hash in
 * PACKET_FANOUT_HASH, remembered per CPU; a shared counter in
 * PACKET_FANOUT_LB), one filter, one deliver(). No lock, no reference count, no
 * allocation but for fragments that are to be put together. Rollover asks the
 * chosen member for room, and the others only as long as they have some.
 */
#include <kunit/visibility.h>
#include <linux/bottom_half.h>
#include <linux/bpf.h>
#include <linux/cache.h>
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "packet/fanout.h"
#include "packet/flow_hash.h"
#include "packet/packet.h"
#include "packet/tap.h"

/* struct fanout_args: the most members, and how many there are by default. */
#define FANOUT_MAX_MEMBERS	65536
#define FANOUT_DEFAULT_MEMBERS	256

/*
 * Our own key in the kernel's reassembly table: "XF", far above enum
 * ip_defrag_users, and the id of the group, so that neither AF_PACKET's
 * fragments nor those of another group meet ours.
 */
#define FANOUT_DEFRAG_USER	0x58460000u

/*
 * What PACKET_HOST is called during reassembly. The kernel answers only to
 * PACKET_HOST when fragments time out, and a capture has nothing to say.
 */
#define FANOUT_PACKET_HOST	PACKET_KERNEL

/* How many hashes a member remembers to tell a huge flow, as AF_PACKET. */
#define FANOUT_HISTORY		(L1_CACHE_BYTES / sizeof(u32))

/*
 * What a member knows of its overflow.
 *
 * @next: the member to be asked first for room
 * @all: packets that another member got instead
 * @huge: those of them that had to go though there was some room left
 * @failed: packets for which no other member had room
 * @history: flow hashes of packets that came when room was low
 */
struct xinet_fanout_rollover {
	u32 next;
	atomic_long_t all;
	atomic_long_t huge;
	atomic_long_t failed;
	u32 history[FANOUT_HISTORY] ____cacheline_aligned;
};

/* A program of PACKET_FANOUT_DATA. */
struct fanout_program {
	struct bpf_prog *prog;
	struct rcu_head rcu;
};

/*
 * @sink: behind the tap of @dev and @num; its receiver is of this file
 * @nr_running: members that have a slot
 * @mode: PACKET_FANOUT_*
 * @flags: PACKET_FANOUT_FLAG_* >> 8, unknown ones included
 * @id: in fn->groups
 * @flows: of PACKET_FANOUT_HASH; may be NULL
 * @program: of PACKET_FANOUT_CBPF and PACKET_FANOUT_EBPF; NULL picks member 0
 * @dev: to compare; held by the tap
 * @num: ETH_P_*, network byte order
 * @dev_gone: @dev is unregistered, and void
 * @nr_members: sockets in the group, running or not
 * @max_members: its limit
 * @turn: of PACKET_FANOUT_LB
 * @members: the slots; more than @nr_running of them are of no meaning
 *
 * Changes under fn->lock, but for @turn.
 */
struct fanout_group {
	struct xinet_tap_sink sink;
	u32 nr_running;
	u8 mode;
	u8 flags;
	u16 id;
	struct xinet_flow_cache __percpu *flows;
	struct fanout_program __rcu *program;
	const struct net_device *dev;
	__be16 num;
	bool dev_gone;
	u32 nr_members;
	u32 max_members;
	struct rcu_head rcu;
	atomic_t turn ____cacheline_aligned_in_smp;
	struct xinet_tap_sink __rcu *members[] ____cacheline_aligned_in_smp;
};

static struct xinet_fanout_net *fanout_net(const struct xinet_packet_sock *po)
{
	return &xinet_packet_net(sock_net(&po->sk))->fanout;
}

static struct xinet_tap_net *fanout_taps(const struct xinet_packet_sock *po)
{
	return &xinet_packet_net(sock_net(&po->sk))->taps;
}

/* The group of @po; bind_lock or fn->lock held, or RCU, or @po in use. */
static struct fanout_group *fanout_of(const struct xinet_packet_sock *po)
{
	/* who calls keeps it, by one of these */
	struct xinet_tap_sink *sink = rcu_dereference_check(po->sink.group, true);

	return sink ? container_of(sink, struct fanout_group, sink) : NULL;
}

static bool fanout_has_flag(const struct fanout_group *group, u16 flag)
{
	return group->flags & (flag >> 8);
}

static u32 fanout_random(u32 end)
{
	return reciprocal_scale(get_random_u32(), end);
}

/* What the program of the group says, in an RCU section. */
static u32 fanout_run_program(const struct fanout_group *group,
			      struct sk_buff *skb, u32 num)
{
	const struct fanout_program *program = rcu_dereference(group->program);

	return program ? bpf_prog_run_save_cb(program->prog, skb) % num : 0;
}

/* The member below @num that a packet is for. */
static u32 fanout_choose(struct fanout_group *group, struct sk_buff *skb,
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
		/* PACKET_FANOUT_ROLLOVER moves on from there */
		return 0;
	}
}

/*
 * Whether the flow of a packet has more than half of the recent past of a
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

	/* spares the cache line where it can */
	if (READ_ONCE(roll->history[victim]) != hash)
		WRITE_ONCE(roll->history[victim], hash);
	return count > FANOUT_HISTORY / 2;
}

static struct xinet_tap_sink *fanout_member(const struct fanout_group *group,
					    u32 i)
{
	return rcu_dereference(group->members[i]);
}

/* To ask may take the lock of a queue; a NULL @skb stands for an empty one. */
static enum xinet_tap_room fanout_ask_room(const struct xinet_tap_sink *member,
					   const struct sk_buff *skb)
{
	const struct xinet_tap_receiver *receiver =
		rcu_dereference(member->receiver);

	return receiver->room(receiver, member->sk, skb);
}

/* Asks a member for its room, and notes whether it is short of it. */
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
		/* a reader that did not see it has made room: see there */
		smp_mb();
		if (fanout_ask_room(member, skb) == XINET_TAP_ROOM_NORMAL)
			WRITE_ONCE(po->pressure, false);
	}
	return room;
}

void xinet_fanout_relieve(struct xinet_packet_sock *po)
{
	/* pairs with fanout_room(): room first, then the note */
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
 * Looks for a member with room, from where the last one was found, and leaves
 * @skip out. Member @chosen gets it when there is none. Those that were short
 * of room are not asked until they have been read from, as in AF_PACKET, so a
 * packet reads a flag of each of them, and takes few locks.
 */
static u32 fanout_roll_on(struct fanout_group *group, struct sk_buff *skb,
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
 * Who gets a packet for member @chosen of @num. PACKET_FANOUT_ROLLOVER has
 * chosen nobody yet and looks for room at once; with the flag of that name the
 * chosen one is left out, and only when its room is low and the packet is of
 * the flow that fills it, or when it has none.
 */
static u32 fanout_roll(struct fanout_group *group, struct sk_buff *skb,
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
 * No fragment stands for several packets, but a sender's virtio-net header may
 * say so, and what is put together would say it after the first of them. The
 * claim is shared by all who have the packet, so a copy is freed of it.
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
 * PACKET_FANOUT_FLAG_DEFRAG. Returns a packet of our own: the datagram that
 * fragment @skb completes, or the fragment again if it is malformed; NULL when
 * the datagram is not complete.
 */
static struct sk_buff *fanout_defragment(const struct fanout_group *group,
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

	skb = ip_check_defrag(net, skb, FANOUT_DEFRAG_USER | group->id);
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
	struct fanout_group *group =
		container_of(sink, struct fanout_group, sink);
	struct sk_buff *own = NULL;
	u32 num, chosen;

	/* pairs with the stores in fanout_link() and fanout_unlink() */
	num = smp_load_acquire(&group->nr_running);
	if (!num)
		return;

	if (fanout_has_flag(group, PACKET_FANOUT_FLAG_DEFRAG) &&
	    fanout_is_fragment(skb)) {
		own = fanout_defragment(group, skb);
		if (!own)
			return;
		skb = own;
	}

	chosen = fanout_choose(group, skb, num);
	if (group->mode == PACKET_FANOUT_ROLLOVER ||
	    fanout_has_flag(group, PACKET_FANOUT_FLAG_ROLLOVER))
		chosen = fanout_roll(group, skb, num, chosen);
	xinet_tap_hand_on(sink, fanout_member(group, chosen), skb, frame);
	if (own)
		consume_skb(own);
}

/* What fanout_quick() has begun. */
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

/* xinet_tap_quick_t of a group that neither defragments nor rolls over. */
static bool fanout_quick(struct xinet_tap_sink *sink,
			 const struct xinet_tap_receiver *receiver,
			 struct sk_buff *skb, const void *source,
			 const struct net_device *orig_dev)
{
	struct fanout_group *group =
		container_of(sink, struct fanout_group, sink);
	struct xinet_tap_sink *member;
	xinet_tap_quick_t quick;
	u32 num;

	/* pairs with the stores in fanout_link() and fanout_unlink() */
	num = smp_load_acquire(&group->nr_running);
	if (!num)
		return true;
	member = fanout_member(group, fanout_choose(group, skb, num));
	receiver = rcu_dereference(member->receiver);
	quick = READ_ONCE(receiver->quick);
	if (!quick || rcu_access_pointer(member->sk->sk_filter) ||
	    !quick(member, receiver, skb, sink, orig_dev))
		fanout_hand_on(sink, member, skb, orig_dev);
	return true;
}

/* Of a group that defragments or rolls over, and of the others. */
static const struct xinet_tap_receiver fanout_receiver = {
	.deliver = fanout_deliver,
};

static const struct xinet_tap_receiver fanout_receiver_quick = {
	.deliver = fanout_deliver,
	.quick = fanout_quick,
};

static const struct xinet_tap_receiver *
fanout_receiver_of(const struct fanout_group *group)
{
	if (group->mode == PACKET_FANOUT_ROLLOVER ||
	    fanout_has_flag(group, PACKET_FANOUT_FLAG_ROLLOVER) ||
	    fanout_has_flag(group, PACKET_FANOUT_FLAG_DEFRAG))
		return &fanout_receiver;
	return &fanout_receiver_quick;
}

void xinet_fanout_net_init(struct xinet_fanout_net *fn)
{
	mutex_init(&fn->lock);
	xa_init_flags(&fn->groups, XA_FLAGS_ALLOC);
}

static void fanout_free(struct fanout_group *group)
{
	xinet_flow_cache_free(group->flows);
	kvfree(group);
}

/* RCU callback, or nobody has ever run it. */
static void fanout_program_free_rcu(struct rcu_head *head)
{
	struct fanout_program *program =
		container_of(head, struct fanout_program, rcu);

	bpf_prog_destroy(program->prog);
	kfree(program);
}

/* RCU callback, or no packet has ever come here. */
static void fanout_group_free_rcu(struct rcu_head *head)
{
	struct fanout_group *group =
		container_of(head, struct fanout_group, rcu);
	struct fanout_program *program =
		rcu_dereference_protected(group->program, true);

	if (program)
		fanout_program_free_rcu(&program->rcu);
	fanout_free(group);
}

/* Gives a member a slot; fn->lock held. */
static void fanout_link(struct fanout_group *group,
			struct xinet_packet_sock *po)
{
	po->fanout_slot = group->nr_running;
	rcu_assign_pointer(group->members[po->fanout_slot], &po->sink);
	/* pairs with the load in fanout_deliver() */
	smp_store_release(&group->nr_running, group->nr_running + 1);
}

/* Takes its slot away; the last member moves there. fn->lock held. */
static void fanout_unlink(struct xinet_fanout_net *fn,
			  struct fanout_group *group,
			  struct xinet_packet_sock *po)
{
	u32 last = group->nr_running - 1;
	struct xinet_tap_sink *moved =
		rcu_dereference_protected(group->members[last],
					  lockdep_is_held(&fn->lock));

	xinet_packet_sk(moved->sk)->fanout_slot = po->fanout_slot;
	rcu_assign_pointer(group->members[po->fanout_slot], moved);
	/* pairs with the load in fanout_deliver() */
	smp_store_release(&group->nr_running, last);
}

/* Without what is compared with the group that is there. */
static int fanout_check_args(const struct fanout_args *args)
{
	u8 mode = args->type_flags & 0xff;

	if (mode > PACKET_FANOUT_EBPF)
		return -EINVAL;
	if (mode == PACKET_FANOUT_ROLLOVER &&
	    args->type_flags & PACKET_FANOUT_FLAG_ROLLOVER)
		return -EINVAL;
	return 0;
}

/* As getsockopt() tells them: the first socket asks for the id once. */
static u8 fanout_args_flags(const struct fanout_args *args)
{
	return (args->type_flags & ~PACKET_FANOUT_FLAG_UNIQUEID) >> 8;
}

/* The device of @po, bind_lock held. */
static struct net_device *fanout_dev(const struct xinet_packet_sock *po)
{
	return rcu_dereference_protected(po->dev,
					 lockdep_is_held(&po->bind_lock));
}

/* Whether @po may join a group that is there; bind_lock, fn->lock held. */
static int fanout_admit(const struct fanout_group *group,
			const struct xinet_packet_sock *po,
			const struct fanout_args *args)
{
	if (group->flags != fanout_args_flags(args) ||
	    group->mode != (args->type_flags & 0xff))
		return -EINVAL;
	if (args->max_num_members &&
	    args->max_num_members != group->max_members)
		return -EINVAL;
	if (group->dev_gone || group->dev != fanout_dev(po) ||
	    group->num != po->num)
		return -EINVAL;
	return group->nr_members < group->max_members ? 0 : -ENOSPC;
}

static struct fanout_group *fanout_alloc(const struct xinet_packet_sock *po,
					 const struct fanout_args *args)
{
	u32 max = args->max_num_members ?: FANOUT_DEFAULT_MEMBERS;
	struct fanout_group *group;

	if (max > FANOUT_MAX_MEMBERS || !po->num)
		return ERR_PTR(-EINVAL);
	group = kvzalloc(struct_size(group, members, max), GFP_KERNEL_ACCOUNT);
	if (!group)
		return ERR_PTR(-ENOMEM);

	INIT_LIST_HEAD(&group->sink.node);
	group->sink.mode = XINET_TAP_NATIVE;
	group->sink.own_filter = true;
	group->sink.running = true;
	group->sink.ignore_outgoing =
		args->type_flags & PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
	group->mode = args->type_flags & 0xff;
	group->flags = fanout_args_flags(args);
	if (group->mode == PACKET_FANOUT_HASH)
		group->flows = xinet_flow_cache_alloc();
	RCU_INIT_POINTER(group->sink.receiver, fanout_receiver_of(group));
	group->dev = fanout_dev(po);
	group->num = po->num;
	group->max_members = max;
	return group;
}

/* Enters a group under the id that is asked for, or one of its own. */
static int fanout_insert(struct xinet_fanout_net *fn,
			 struct fanout_group *group,
			 const struct fanout_args *args)
{
	u32 id = args->id;
	int err;

	if (args->type_flags & PACKET_FANOUT_FLAG_UNIQUEID)
		err = xa_alloc_cyclic(&fn->groups, &id, group,
				      XA_LIMIT(0, U16_MAX), &fn->next_id,
				      GFP_KERNEL_ACCOUNT);
	else
		err = xa_insert(&fn->groups, id, group, GFP_KERNEL_ACCOUNT);
	group->id = id;
	return err < 0 ? -ENOMEM : 0;
}

/* A group without members for the place where @po is bound. */
static struct fanout_group *fanout_create(struct xinet_fanout_net *fn,
					  struct xinet_packet_sock *po,
					  const struct fanout_args *args)
{
	struct fanout_group *group = fanout_alloc(po, args);
	int err;

	if (IS_ERR(group))
		return group;
	err = fanout_insert(fn, group, args);
	if (err)
		goto err_free;
	err = xinet_tap_join(fanout_taps(po), sock_net(&po->sk), &group->sink,
			     fanout_dev(po), po->num);
	if (err)
		goto err_erase;
	return group;

err_erase:
	xa_erase(&fn->groups, group->id);
err_free:
	fanout_free(group);
	return ERR_PTR(err);
}

static void fanout_destroy(struct xinet_fanout_net *fn,
			   struct xinet_tap_net *taps,
			   struct fanout_group *group)
{
	xinet_tap_leave(taps, &group->sink);
	xa_erase(&fn->groups, group->id);
	call_rcu(&group->rcu, fanout_group_free_rcu);
}

/*
 * Moves a socket from its tap to a group. What its tap has for it in between
 * is lost, as in AF_PACKET.
 */
static void fanout_enter(struct fanout_group *group,
			 struct xinet_packet_sock *po)
{
	xinet_tap_leave(fanout_taps(po), &po->sink);
	xinet_tap_set_group(&po->sink, &group->sink);
	group->nr_members++;
	if (po->sink.running)
		fanout_link(group, po);
}

/* bind_lock, fn->lock held */
static int fanout_add(struct xinet_fanout_net *fn,
		      struct xinet_packet_sock *po,
		      const struct fanout_args *args)
{
	bool unique = args->type_flags & PACKET_FANOUT_FLAG_UNIQUEID;
	struct xinet_fanout_rollover *rollover = NULL;
	struct fanout_group *group = NULL;
	int err;

	if (rcu_access_pointer(po->sink.group))
		return -EALREADY;
	if (unique && args->id)
		return -EINVAL;
	/* its device is gone, and without one means any device */
	if (po->ifindex < 0)
		return -EINVAL;

	if ((args->type_flags & 0xff) == PACKET_FANOUT_ROLLOVER ||
	    args->type_flags & PACKET_FANOUT_FLAG_ROLLOVER) {
		rollover = kzalloc(sizeof(*rollover), GFP_KERNEL_ACCOUNT);
		if (!rollover)
			return -ENOMEM;
	}

	if (!unique)
		group = xa_load(&fn->groups, args->id);
	if (group) {
		err = fanout_admit(group, po, args);
	} else {
		group = fanout_create(fn, po, args);
		err = PTR_ERR_OR_ZERO(group);
	}
	if (err) {
		kfree(rollover);
		return err;
	}

	/* before a packet can come that looks at it */
	WRITE_ONCE(po->rollover, rollover);
	fanout_enter(group, po);
	return 0;
}

int xinet_fanout_join(struct xinet_packet_sock *po, sockptr_t optval,
		      unsigned int optlen)
{
	struct xinet_fanout_net *fn = fanout_net(po);
	struct fanout_args args = {};
	int err;

	if (optlen != sizeof(int) && optlen != sizeof(args))
		return -EINVAL;
	if (copy_from_sockptr(&args, optval, optlen))
		return -EFAULT;
	err = fanout_check_args(&args);
	if (err)
		return err;

	mutex_lock(&po->bind_lock);
	mutex_lock(&fn->lock);
	err = fanout_add(fn, po, &args);
	mutex_unlock(&fn->lock);
	mutex_unlock(&po->bind_lock);
	return err;
}

static struct bpf_prog *fanout_get_cbpf(sockptr_t optval, unsigned int optlen)
{
	struct sock_fprog fprog;
	struct bpf_prog *prog;
	int err;

	err = copy_bpf_fprog_from_user(&fprog, optval, optlen);
	if (err)
		return ERR_PTR(err);
	err = bpf_prog_create_from_user(&prog, &fprog, NULL, false);
	return err ? ERR_PTR(err) : prog;
}

static struct bpf_prog *fanout_get_ebpf(sockptr_t optval, unsigned int optlen)
{
	u32 fd;

	if (optlen != sizeof(fd))
		return ERR_PTR(-EINVAL);
	if (copy_from_sockptr(&fd, optval, sizeof(fd)))
		return ERR_PTR(-EFAULT);
	return bpf_prog_get_type(fd, BPF_PROG_TYPE_SOCKET_FILTER);
}

/* Takes @prog over; a reference of the caller's. */
static int fanout_set_program(struct xinet_fanout_net *fn,
			      struct fanout_group *group,
			      struct bpf_prog *prog)
{
	struct fanout_program *program, *old;

	program = kzalloc(sizeof(*program), GFP_KERNEL_ACCOUNT);
	if (!program) {
		bpf_prog_destroy(prog);
		return -ENOMEM;
	}
	program->prog = prog;

	mutex_lock(&fn->lock);
	old = rcu_replace_pointer(group->program, program,
				  lockdep_is_held(&fn->lock));
	mutex_unlock(&fn->lock);
	if (old)
		call_rcu(&old->rcu, fanout_program_free_rcu);
	return 0;
}

int xinet_fanout_set_data(struct xinet_packet_sock *po, sockptr_t optval,
			  unsigned int optlen)
{
	/* stays while the socket is open, which the caller sees to */
	struct fanout_group *group = fanout_of(po);
	struct bpf_prog *prog;

	if (!group || (group->mode != PACKET_FANOUT_CBPF &&
		       group->mode != PACKET_FANOUT_EBPF))
		return -EINVAL;
	if (sock_flag(&po->sk, SOCK_FILTER_LOCKED))
		return -EPERM;

	prog = group->mode == PACKET_FANOUT_CBPF ?
	       fanout_get_cbpf(optval, optlen) :
	       fanout_get_ebpf(optval, optlen);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	return fanout_set_program(fanout_net(po), group, prog);
}

u32 xinet_fanout_get(const struct xinet_packet_sock *po)
{
	const struct fanout_group *group;
	u32 answer = 0;

	rcu_read_lock();
	group = fanout_of(po);
	if (group)
		answer = group->id | (u32)group->mode << 16 |
			 (u32)group->flags << 24;
	rcu_read_unlock();
	return answer;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_fanout_get);

int xinet_fanout_get_rollover(const struct xinet_packet_sock *po,
			      struct tpacket_rollover_stats *stats)
{
	struct xinet_fanout_rollover *rollover = READ_ONCE(po->rollover);

	if (!rollover)
		return -EINVAL;
	stats->tp_all = atomic_long_read(&rollover->all);
	stats->tp_huge = atomic_long_read(&rollover->huge);
	stats->tp_failed = atomic_long_read(&rollover->failed);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_fanout_get_rollover);

void xinet_fanout_set_running(struct xinet_packet_sock *po, bool running)
{
	struct xinet_fanout_net *fn = fanout_net(po);
	struct fanout_group *group = fanout_of(po);

	if (po->sink.running == running)
		return;

	mutex_lock(&fn->lock);
	if (!running)
		fanout_unlink(fn, group, po);
	xinet_tap_set_running(&po->sink, running);
	if (running)
		fanout_link(group, po);
	mutex_unlock(&fn->lock);
}

void xinet_fanout_dev_gone(struct xinet_packet_sock *po)
{
	struct xinet_fanout_net *fn = fanout_net(po);
	struct fanout_group *group = fanout_of(po);

	mutex_lock(&fn->lock);
	group->dev_gone = true;
	xinet_tap_leave(fanout_taps(po), &group->sink);
	mutex_unlock(&fn->lock);
}

void xinet_fanout_leave(struct xinet_packet_sock *po)
{
	struct xinet_fanout_net *fn = fanout_net(po);
	struct fanout_group *group = fanout_of(po);

	if (!group)
		return;

	xinet_fanout_set_running(po, false);
	xinet_tap_set_group(&po->sink, NULL);
	mutex_lock(&fn->lock);
	if (!--group->nr_members)
		fanout_destroy(fn, fanout_taps(po), group);
	mutex_unlock(&fn->lock);
}
