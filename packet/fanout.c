// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fanout groups. A group is behind a tap with a sink of its own and delivers
 * each packet to one of its members, whose own sinks are behind no tap. The
 * first member creates it, the last one destroys it; options.c adds members,
 * bind.c reports events of their device, packet.c removes them. Nothing here
 * depends on what a member does with a packet.
 *
 *    tap.c  ---->  fanout_deliver()     in fanout_deliver.c
 *                        |  reads nr_running, once
 *                        v
 *                  fanout_choose()    by mode
 *                        |
 *                  fanout_roll()      if the group rolls over
 *                        |
 *                        v
 *      +----------+----------+----------+- - - - - - - - - - - - - - - - +
 *      | member 0 | member 1 | member 2 |    stale or NULL, never read   |
 *      +-----|----+----------+----------+- - - - - - - - - - - - - - - - +
 *            v                          ^ nr_running      max_members ^
 *      xinet_tap_hand_on()   filter and mode of the member, its deliver()
 *
 * Only running members have a slot. A member that stops is replaced by the
 * last; one that starts again comes last. That is AF_PACKET's order, so the
 * same traffic is distributed alike. All slots are allocated with the group: a
 * device that goes down or up needs no memory.
 *
 * A packet that has read the old nr_running may still find a member that has
 * just stopped: it lives for an RCU grace period, and rejects the packet
 * because its source has changed (xinet_tap_sink_wants()).
 *
 * Budget per packet: the cost of the mode (the flow hash, cached per CPU, in
 * PACKET_FANOUT_HASH; a shared counter in PACKET_FANOUT_LB), one filter, one
 * deliver(). No lock, no reference count, no allocation except to reassemble
 * fragments. Rollover checks the chosen member for room, and of the others only
 * those that had room when last checked.
 */
#include <kunit/visibility.h>
#include <linux/bpf.h>
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/idr.h>
#include <linux/if_packet.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "af_xinet/sockopt.h"
#include "packet/fanout.h"
#include "packet/fanout_group.h"
#include "packet/flow_hash.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"

/* struct fanout_args: limit and default of max_num_members. */
#define FANOUT_MAX_MEMBERS	65536
#define FANOUT_DEFAULT_MEMBERS	256

/*
 * The fanout groups of a network namespace.
 *
 * @lock: serialises every change of a group; taken under bind_lock, and before
 *	the lock of the taps
 * @groups: by id; changes under @lock
 * @next_id: first id to try for PACKET_FANOUT_FLAG_UNIQUEID; @lock
 */
struct xinet_fanout_net {
	struct mutex lock;	/* changes of groups */
	struct xarray groups;
	u32 next_id;
};

static unsigned int fanout_net_id __ro_after_init;

static struct xinet_fanout_net *fanout_net(const struct xinet_packet_sock *po)
{
	return net_generic(sock_net(&po->sk), fanout_net_id);
}

/* The group of @po; bind_lock or fn->lock held, or RCU, or @po in use. */
static struct xinet_fanout_group *fanout_of(const struct xinet_packet_sock *po)
{
	/* the caller keeps it alive by one of these */
	struct xinet_tap_sink *sink = rcu_dereference_check(po->sink.group, true);

	return sink ? container_of(sink, struct xinet_fanout_group, sink) : NULL;
}

/* Fragments of one namespace may go to groups of several. */
static DEFINE_IDA(fanout_defrag_ids);

static void fanout_free(struct xinet_fanout_group *group)
{
	if (group->defrag_id >= 0)
		ida_free(&fanout_defrag_ids, group->defrag_id);
	xinet_flow_cache_free(group->flows);
	kvfree(group);
}

/* Bytes freed with it, without an eBPF program, which others may hold. */
static size_t fanout_program_size(const struct xinet_fanout_program *program)
{
	if (!program)
		return 0;
	if (!bpf_prog_was_classic(program->prog))
		return sizeof(*program);
	return sizeof(*program) + bpf_prog_size(program->prog->len) +
	       program->prog->jited_len;
}

/* RCU callback, of the program or of its group. */
static void fanout_program_free_rcu(struct rcu_head *head)
{
	struct xinet_fanout_program *program =
		container_of(head, struct xinet_fanout_program, rcu);

	bpf_prog_destroy(program->prog);
	kfree(program);
}

/* RCU callback. */
static void fanout_group_free_rcu(struct rcu_head *head)
{
	struct xinet_fanout_group *group =
		container_of(head, struct xinet_fanout_group, rcu);
	struct xinet_fanout_program *program =
		rcu_dereference_protected(group->program, true);

	if (program)
		fanout_program_free_rcu(&program->rcu);
	fanout_free(group);
}

/* Gives a member a slot; fn->lock held. */
static void fanout_link(struct xinet_fanout_group *group,
			struct xinet_packet_sock *po)
{
	po->fanout_slot = group->nr_running;
	rcu_assign_pointer(group->members[po->fanout_slot], &po->sink);
	/* pairs with the loads in fanout_deliver.c */
	smp_store_release(&group->nr_running, group->nr_running + 1);
}

/* Moves the last member into the slot of @po; fn->lock held. */
static void fanout_unlink(struct xinet_fanout_net *fn,
			  struct xinet_fanout_group *group,
			  struct xinet_packet_sock *po)
{
	u32 last = group->nr_running - 1;
	struct xinet_tap_sink *moved =
		rcu_dereference_protected(group->members[last],
					  lockdep_is_held(&fn->lock));

	xinet_packet_sk(moved->sk)->fanout_slot = po->fanout_slot;
	rcu_assign_pointer(group->members[po->fanout_slot], moved);
	/* pairs with the loads in fanout_deliver.c */
	smp_store_release(&group->nr_running, last);
}

/* Checks what does not depend on an existing group. */
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

/* As getsockopt() reports them: UNIQUEID applies only to this call. */
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

/* What a tap brings a group, it brings for all members. */
static bool fanout_is_told_alike(const struct xinet_fanout_group *group,
				 const struct xinet_packet_sock *po)
{
	return group->sink.owner == po->sink.owner &&
	       group->sink.original == po->sink.original &&
	       group->sink.taps == po->sink.taps;
}

/* Whether @po may join an existing group; bind_lock, fn->lock held. */
static int fanout_admit(const struct xinet_fanout_group *group,
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
	    group->num != po->num || !fanout_is_told_alike(group, po))
		return -EINVAL;
	return group->nr_members < group->max_members ? 0 : -ENOSPC;
}

static bool fanout_defragments(const struct fanout_args *args)
{
	return args->type_flags & PACKET_FANOUT_FLAG_DEFRAG;
}

static struct xinet_fanout_group *
fanout_alloc(const struct xinet_packet_sock *po, const struct fanout_args *args)
{
	u32 max = args->max_num_members ?: FANOUT_DEFAULT_MEMBERS;
	struct xinet_fanout_group *group;

	if (max > FANOUT_MAX_MEMBERS || !po->num)
		return ERR_PTR(-EINVAL);
	group = kvzalloc(struct_size(group, members, max), GFP_KERNEL_ACCOUNT);
	if (!group)
		return ERR_PTR(-ENOMEM);
	group->defrag_id = -1;
	if (fanout_defragments(args))
		group->defrag_id = ida_alloc_max(&fanout_defrag_ids,
						 XINET_FANOUT_DEFRAG_IDS,
						 GFP_KERNEL_ACCOUNT);
	if (fanout_defragments(args) && group->defrag_id < 0) {
		fanout_free(group);
		return ERR_PTR(-ENOMEM);
	}

	INIT_LIST_HEAD(&group->sink.node);
	group->sink.taps = po->sink.taps;
	group->sink.owner = po->sink.owner;
	group->sink.original = po->sink.original;
	group->sink.mode = XINET_TAP_NATIVE;
	group->sink.own_filter = true;
	group->sink.running = true;
	group->sink.ignore_outgoing =
		args->type_flags & PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
	group->mode = args->type_flags & 0xff;
	group->flags = fanout_args_flags(args);
	if (group->mode == PACKET_FANOUT_HASH)
		group->flows = xinet_flow_cache_alloc();
	RCU_INIT_POINTER(group->sink.receiver, xinet_fanout_receiver(group));
	group->dev = fanout_dev(po);
	group->num = po->num;
	group->max_members = max;
	return group;
}

/* Inserts a group under the requested id, or an unused one (UNIQUEID). */
static int fanout_insert(struct xinet_fanout_net *fn,
			 struct xinet_fanout_group *group,
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

/* Creates a group without members for the device and EtherType of @po. */
static struct xinet_fanout_group *
fanout_create(struct xinet_fanout_net *fn, struct xinet_packet_sock *po,
	      const struct fanout_args *args)
{
	struct xinet_fanout_group *group = fanout_alloc(po, args);
	int err;

	if (IS_ERR(group))
		return group;
	err = fanout_insert(fn, group, args);
	if (err)
		goto err_free;
	err = xinet_tap_join(&group->sink, fanout_dev(po), po->num);
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
			   struct xinet_fanout_group *group)
{
	const struct xinet_fanout_program *program =
		rcu_dereference_protected(group->program,
					  lockdep_is_held(&fn->lock));
	struct xinet_tap_net *taps = group->sink.taps;
	size_t size = struct_size(group, members, group->max_members) +
		      xinet_flow_cache_size(group->flows) +
		      fanout_program_size(program);

	xinet_tap_leave(&group->sink);
	xa_erase(&fn->groups, group->id);
	call_rcu(&group->rcu, fanout_group_free_rcu);
	xinet_tap_retire(taps, size);
}

/*
 * Moves a socket from its tap to a group. It misses packets that come in
 * between, as in AF_PACKET.
 */
static void fanout_enter(struct xinet_fanout_group *group,
			 struct xinet_packet_sock *po)
{
	xinet_tap_leave(&po->sink);
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
	struct xinet_fanout_group *group = NULL;
	int err;

	if (rcu_access_pointer(po->sink.group))
		return -EALREADY;
	if (unique && args->id)
		return -EINVAL;
	/* the device is gone; a group without one would be for any device */
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

	/* before a packet can read it */
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

	xinet_tap_throttle(xinet_packet_taps(po));
	mutex_lock(&po->bind_lock);
	mutex_lock(&fn->lock);
	/* those come to each socket, beside the tap */
	if (po->dropped || po->point)
		err = -EOPNOTSUPP;
	/* what is put together is not as on the wire, nor of one queue */
	else if (fanout_defragments(&args) &&
		 (po->sink.original || po->dev_queue))
		err = -EINVAL;
	else
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
	int fd;
	int err;

	err = xinet_sockopt_get_exact_int(&fd, optval, optlen);
	if (err)
		return ERR_PTR(err);
	return bpf_prog_get_type(fd, BPF_PROG_TYPE_SOCKET_FILTER);
}

/* Consumes the caller's reference to @prog. */
static int fanout_set_program(struct xinet_fanout_net *fn,
			      struct xinet_fanout_group *group,
			      struct bpf_prog *prog)
{
	struct xinet_fanout_program *program, *old;
	size_t size;

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
	if (old) {
		size = fanout_program_size(old);
		call_rcu(&old->rcu, fanout_program_free_rcu);
		xinet_tap_retire(group->sink.taps, size);
	}
	return 0;
}

int xinet_fanout_set_data(struct xinet_packet_sock *po, sockptr_t optval,
			  unsigned int optlen)
{
	/* lives while the socket is open, as it is during this call */
	struct xinet_fanout_group *group = fanout_of(po);
	struct bpf_prog *prog;

	if (!group || (group->mode != PACKET_FANOUT_CBPF &&
		       group->mode != PACKET_FANOUT_EBPF))
		return -EINVAL;
	if (sock_flag(&po->sk, SOCK_FILTER_LOCKED))
		return -EPERM;

	xinet_tap_throttle(xinet_packet_taps(po));
	prog = group->mode == PACKET_FANOUT_CBPF ?
	       fanout_get_cbpf(optval, optlen) :
	       fanout_get_ebpf(optval, optlen);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	return fanout_set_program(fanout_net(po), group, prog);
}

u32 xinet_fanout_get(const struct xinet_packet_sock *po)
{
	const struct xinet_fanout_group *group;
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
	struct xinet_fanout_group *group = fanout_of(po);

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
	struct xinet_fanout_group *group = fanout_of(po);

	mutex_lock(&fn->lock);
	group->dev_gone = true;
	xinet_tap_leave(&group->sink);
	mutex_unlock(&fn->lock);
}

void xinet_fanout_leave(struct xinet_packet_sock *po)
{
	struct xinet_fanout_net *fn = fanout_net(po);
	struct xinet_fanout_group *group = fanout_of(po);

	if (!group)
		return;

	xinet_fanout_set_running(po, false);
	xinet_tap_set_group(&po->sink, NULL);
	mutex_lock(&fn->lock);
	if (!--group->nr_members)
		fanout_destroy(fn, group);
	mutex_unlock(&fn->lock);
}

static int __net_init fanout_net_init(struct net *net)
{
	struct xinet_fanout_net *fn = net_generic(net, fanout_net_id);

	mutex_init(&fn->lock);
	xa_init_flags(&fn->groups, XA_FLAGS_ALLOC);
	return 0;
}

static void __net_exit fanout_net_exit(struct net *net)
{
	const struct xinet_fanout_net *fn = net_generic(net, fanout_net_id);

	WARN_ON_ONCE(!xa_empty(&fn->groups));
}

static struct pernet_operations fanout_net_ops = {
	.init = fanout_net_init,
	.exit = fanout_net_exit,
	.id = &fanout_net_id,
	.size = sizeof(struct xinet_fanout_net),
};

int __init xinet_fanout_init(void)
{
	return register_pernet_subsys(&fanout_net_ops);
}

void xinet_fanout_exit(void)
{
	unregister_pernet_subsys(&fanout_net_ops);
}
