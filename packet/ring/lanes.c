// SPDX-License-Identifier: GPL-2.0-only
/*
 * XINET_RX_RING: creating, mapping, polling and freeing it. options.c and
 * packet.c call it; lane.c writes packets into the memory. Nothing here runs in
 * softirq.
 *
 * Packets of the socket that makes a ring go into it, and it is also a reader;
 * further sockets attach and only read. No socket gives the ring up before it
 * is closed. The memory that is mapped:
 *
 *   offset 0, read-only                              XINET_RX_RING_POSITIONS
 *   +---------------+--------+--------+- - -+        +------------------+
 *   | xinet_rx_lane | lane 0 | lane 1 | ... |        | u64 of each lane |
 *   | of each lane  |        |        |     |        | (of one reader)  |
 *   +---------------+--------+--------+- - -+        +------------------+
 */
#include <linux/bitmap.h>
#include <linux/compat.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/xinet_diag.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "af_xinet/sockopt.h"
#include "packet/queue.h"
#include "packet/receiver.h"
#include "packet/ring/lane.h"
#include "packet/ring/lane_readers.h"
#include "packet/ring/lanes.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"
#include "packet/told.h"

static const struct xinet_receiver_ops lane_ops = {
	.deliver = xinet_lane_deliver,
	.fast = xinet_lane_fast,
	.aside = xinet_lane_deliver_aside,
	.aside_is_lockless = true,
	.room = xinet_lane_room,
};

static const struct xinet_receiver_ops lane_told_ops = {
	.deliver = xinet_lane_deliver_told,
	.aside = xinet_lane_deliver_aside,
	.aside_is_lockless = true,
	.room = xinet_lane_room,
};

/* Of a socket that is told the owner of what passes and nothing else. */
static const struct xinet_receiver_ops lane_owner_ops = {
	.deliver = xinet_lane_deliver_owner,
	.fast = xinet_lane_fast_owner,
	.aside = xinet_lane_deliver_aside,
	.aside_is_lockless = true,
	.room = xinet_lane_room,
};

/* Of a socket that is told the namespace of what passes and nothing else. */
static const struct xinet_receiver_ops lane_netns_ops = {
	.deliver = xinet_lane_deliver_told,
	.fast = xinet_lane_fast_netns,
	.aside = xinet_lane_deliver_aside,
	.aside_is_lockless = true,
	.room = xinet_lane_room,
};

static size_t lanes_shared_size(const struct xinet_lanes *lanes)
{
	return PAGE_ALIGN(array_size(lanes->nr_lanes,
				     sizeof(struct xinet_rx_lane)));
}

static size_t lanes_length(const struct xinet_lanes *lanes)
{
	return size_add(lanes_shared_size(lanes),
			array_size(lanes->nr_lanes, lanes->req.lane_size));
}

static void lanes_free(struct xinet_lanes *lanes)
{
	struct xinet_lane *lane;
	int cpu;

	for_each_possible_cpu(cpu) {
		lane = per_cpu_ptr(lanes->by_cpu, cpu);
		if (lane->lanes)
			xinet_lane_shutdown(lane);
		vfree(lane->data);
	}
	free_percpu(lanes->by_cpu);
	vfree(lanes->shared);
	kfree(lanes);
}

static void lanes_free_work(struct work_struct *work)
{
	lanes_free(container_of(to_rcu_work(work), struct xinet_lanes,
				free_work));
}

static int lanes_alloc_lanes(struct xinet_lanes *lanes)
{
	struct xinet_rx_lane *shared = lanes->shared;
	struct xinet_lane *lane;
	int cpu;

	for_each_possible_cpu(cpu) {
		lane = per_cpu_ptr(lanes->by_cpu, cpu);
		lane->data = xinet_lanes_alloc_pages(lanes->req.lane_size);
		if (!lane->data)
			return -ENOMEM;
		lane->shared = shared++;
		lane->shared->cpu = cpu;
		lane->lanes = lanes;
		xinet_lane_setup(lane);
	}
	return 0;
}

static struct xinet_lanes *
lanes_alloc(const struct xinet_rx_ring_req *req)
{
	struct xinet_lanes *lanes = kzalloc(sizeof(*lanes), GFP_KERNEL_ACCOUNT);

	if (!lanes)
		return ERR_PTR(-ENOMEM);
	lanes->req = *req;
	lanes->wake_time = ns_to_ktime((u64)req->wake_usec * NSEC_PER_USEC);
	lanes->max_snaplen = req->lane_size / 2 - sizeof(struct xinet_rx_record);
	if (req->snaplen)
		lanes->max_snaplen = min(lanes->max_snaplen, req->snaplen);
	lanes->nr_lanes = num_possible_cpus();
	mutex_init(&lanes->lock);
	lanes->receiver.plain = true;
	refcount_set(&lanes->refs, 1);
	INIT_RCU_WORK(&lanes->free_work, lanes_free_work);

	/* fail early instead of reclaiming everything */
	if (lanes_length(lanes) / PAGE_SIZE > totalram_pages())
		goto err_free;
	lanes->by_cpu = alloc_percpu_gfp(struct xinet_lane,
					 GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!lanes->by_cpu)
		goto err_free;
	lanes->shared = xinet_lanes_alloc_pages(lanes_shared_size(lanes));
	if (!lanes->shared || lanes_alloc_lanes(lanes)) {
		lanes_free(lanes);
		return ERR_PTR(-ENOMEM);
	}
	return lanes;

err_free:
	kfree(lanes);
	return ERR_PTR(-ENOMEM);
}

/*
 * Positions and counts are 64-bit words. A 32-bit program or kernel accesses
 * them in halves, which cannot be detected here.
 */
static bool lanes_words_are_whole(void)
{
	return IS_ENABLED(CONFIG_64BIT) && !in_compat_syscall();
}

static bool lanes_is_sane(const struct xinet_rx_ring_req *req)
{
	return is_power_of_2(req->lane_size) &&
	       req->lane_size >= XINET_RX_RING_LANE_MIN &&
	       req->lane_size <= XINET_RX_RING_LANE_MAX &&
	       PAGE_ALIGNED(req->lane_size) &&
	       !(req->flags & ~XINET_RX_RING_OVERWRITE) &&
	       (req->wake_packets || req->wake_usec) && !req->reserved;
}

static const struct xinet_receiver_ops *
lanes_ops(const struct xinet_packet_sock *po)
{
	if (!xinet_wants_told(po))
		return &lane_ops;
	if (po->sink.original || po->point || po->dev_queue ||
	    (po->owner && po->all_netns))
		return &lane_told_ops;
	return po->owner ? &lane_owner_ops : &lane_netns_ops;
}

/* Socket lock held; on error the socket has no ring. */
static int lanes_set(struct xinet_packet_sock *po,
		     const struct xinet_rx_ring_req *req)
{
	struct sk_buff_head *queue = &po->sk.sk_receive_queue;
	struct xinet_lanes *lanes;
	struct sk_buff_head stale;

	if (!lanes_is_sane(req))
		return -EINVAL;
	if (xinet_packet_has_ring(po))
		return -EBUSY;
	/* a record cannot hold a virtio-net header */
	if (po->vnet_hdr_sz)
		return -EINVAL;
	lanes = lanes_alloc(req);
	if (IS_ERR(lanes))
		return PTR_ERR(lanes);
	if (xinet_lanes_join(lanes, &po->sk) < 0) {
		lanes_free(lanes);
		return -ENOMEM;
	}
	lanes->receiver.ops = lanes_ops(po);
	lanes->max_snaplen = min_t(u32, lanes->max_snaplen,
				   req->lane_size / 2 -
				   sizeof(struct xinet_rx_record) -
				   xinet_told_max_size(po));

	__skb_queue_head_init(&stale);
	mutex_lock(&po->ring_lock);
	spin_lock_bh(&queue->lock);
	po->lanes_reader = XINET_LANES_MAKER;
	/* pairs with smp_load_acquire() of po->lanes */
	smp_store_release(&po->lanes, lanes);
	xinet_receiver_set(po, &lanes->receiver);
	skb_queue_splice_init(queue, &stale);
	spin_unlock_bh(&queue->lock);
	mutex_unlock(&po->ring_lock);

	xinet_packet_discard(&stale);
	return 0;
}

static void lanes_put(struct xinet_lanes *lanes)
{
	if (refcount_dec_and_test(&lanes->refs))
		xinet_lanes_free_later(&lanes->free_work);
}

/* @po's socket lock held, not @from's: a ring once set stays until close(). */
static int lanes_attach(struct xinet_packet_sock *po, struct sock *from)
{
	struct xinet_lanes *lanes;
	int reader;

	if (!xinet_packet_sink(from) || !net_eq(sock_net(from), sock_net(&po->sk)))
		return -EINVAL;
	/* pairs with smp_store_release() of po->lanes */
	lanes = smp_load_acquire(&xinet_packet_sk(from)->lanes);
	if (!lanes)
		return -EINVAL;
	if (xinet_packet_has_ring(po))
		return -EBUSY;
	reader = xinet_lanes_join(lanes, &po->sk);
	if (reader < 0)
		return reader;

	refcount_inc(&lanes->refs);
	mutex_lock(&po->ring_lock);
	/* statistics see both or neither */
	spin_lock_bh(&po->sk.sk_receive_queue.lock);
	po->lanes_reader = reader;
	/* pairs with smp_load_acquire() of po->lanes */
	smp_store_release(&po->lanes, lanes);
	spin_unlock_bh(&po->sk.sk_receive_queue.lock);
	mutex_unlock(&po->ring_lock);
	/* programs already polling check the records that are there */
	po->sk.sk_state_change(&po->sk);
	return 0;
}

static int lanes_attach_fd(struct xinet_packet_sock *po, int fd)
{
	struct socket *from;
	int err;

	from = sockfd_lookup(fd, &err);
	if (!from)
		return err;
	lock_sock(&po->sk);
	err = lanes_attach(po, from->sk);
	release_sock(&po->sk);
	sockfd_put(from);
	return err;
}

static int lanes_flush(struct xinet_lanes *lanes)
{
	struct xinet_lane *lane;
	int cpu;

	mutex_lock(&lanes->lock);
	for_each_possible_cpu(cpu) {
		lane = per_cpu_ptr(lanes->by_cpu, cpu);
		WRITE_ONCE(lane->flushed, READ_ONCE(lane->shared->head));
	}
	mutex_unlock(&lanes->lock);
	xinet_lanes_wake(lanes);
	return 0;
}

static int lanes_command(struct xinet_packet_sock *po, int optname, int val)
{
	struct xinet_lanes *lanes;

	if (optname == XINET_RX_RING_ATTACH)
		return lanes_words_are_whole() ? lanes_attach_fd(po, val) :
						   -EOPNOTSUPP;
	/* pairs with smp_store_release() of po->lanes */
	lanes = smp_load_acquire(&po->lanes);
	if (!lanes)
		return -ENOENT;

	switch (optname) {
	case XINET_RX_RING_FLUSH:
		return val == 1 ? lanes_flush(lanes) : -EINVAL;
	case XINET_RX_RING_FREEZE:
		if (val != 0 && val != 1)
			return -EINVAL;
		if (po->lanes_reader != XINET_LANES_MAKER)
			return -EPERM;
		WRITE_ONCE(lanes->frozen, val);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int xinet_lanes_setsockopt(struct xinet_packet_sock *po, int optname,
			   sockptr_t optval, unsigned int optlen)
{
	struct xinet_rx_ring_req req;
	int err;
	int val;

	switch (optname) {
	case XINET_RX_RING:
		if (!lanes_words_are_whole())
			return -EOPNOTSUPP;
		if (optlen != sizeof(req))
			return -EINVAL;
		if (copy_from_sockptr(&req, optval, sizeof(req)))
			return -EFAULT;
		lock_sock(&po->sk);
		err = lanes_set(po, &req);
		release_sock(&po->sk);
		return err;
	case XINET_RX_RING_ATTACH:
	case XINET_RX_RING_FLUSH:
	case XINET_RX_RING_FREEZE:
		err = xinet_sockopt_get_exact_int(&val, optval, optlen);
		return err ? err : lanes_command(po, optname, val);
	default:
		return -ENOPROTOOPT;
	}
}

int xinet_lanes_get_info(const struct xinet_packet_sock *po,
			 struct xinet_rx_ring_info *info)
{
	/* pairs with smp_store_release() of po->lanes */
	const struct xinet_lanes *lanes = smp_load_acquire(&po->lanes);

	if (!lanes)
		return -ENOENT;
	memset(info, 0, sizeof(*info));
	info->req = lanes->req;
	info->nr_lanes = lanes->nr_lanes;
	info->reader = po->lanes_reader;
	info->data_offset = lanes_shared_size(lanes);
	info->length = lanes_length(lanes);
	info->positions_length = xinet_lanes_positions_size(lanes);
	return 0;
}

/* The maker counts the ring's packets; an attached socket only its queue's. */
static bool lanes_sum(const struct xinet_packet_sock *po, u64 *packets,
		      u64 *drops)
{
	/* pairs with smp_store_release() of po->lanes */
	const struct xinet_lanes *lanes = smp_load_acquire(&po->lanes);
	u32 i;

	*packets = 0;
	*drops = 0;
	if (!lanes || po->lanes_reader != XINET_LANES_MAKER)
		return false;
	for (i = 0; i < lanes->nr_lanes; i++) {
		const struct xinet_rx_lane *lane = lanes->shared;

		*packets += READ_ONCE(lane[i].packets);
		*drops += READ_ONCE(lane[i].drops) + READ_ONCE(lane[i].frozen);
	}
	return true;
}

void xinet_lanes_peek_stats(const struct xinet_packet_sock *po, u32 *packets,
			    u32 *drops)
{
	u64 written, dropped;

	if (!lanes_sum(po, &written, &dropped))
		return;
	*packets += written - po->lanes_packets;
	*drops += dropped - po->lanes_drops;
}

void xinet_lanes_take_stats(struct xinet_packet_sock *po, u32 *packets,
			    u32 *drops)
{
	u64 written, dropped;

	if (!lanes_sum(po, &written, &dropped))
		return;
	*packets += written - po->lanes_packets;
	*drops += dropped - po->lanes_drops;
	po->lanes_packets = written;
	po->lanes_drops = dropped;
}

void xinet_lanes_get_drops(const struct xinet_packet_sock *po, u64 *by_reason)
{
	/* pairs with smp_store_release() of po->lanes */
	const struct xinet_lanes *lanes = smp_load_acquire(&po->lanes);
	u32 i;

	if (!lanes || po->lanes_reader != XINET_LANES_MAKER)
		return;
	for (i = 0; i < lanes->nr_lanes; i++) {
		const struct xinet_rx_lane *lane = lanes->shared;

		by_reason[XINET_DROP_LANE_FULL] += READ_ONCE(lane[i].drops);
		by_reason[XINET_DROP_LANE_FROZEN] += READ_ONCE(lane[i].frozen);
	}
}

int xinet_lanes_diag(const struct xinet_packet_sock *po,
		     struct xinet_diag_lanes *info)
{
	/* pairs with smp_store_release() of po->lanes */
	const struct xinet_lanes *lanes = smp_load_acquire(&po->lanes);

	if (!lanes || po->lanes_reader == XINET_LANES_NOBODY)
		return -ENOENT;
	info->lane_size = lanes->req.lane_size;
	info->lanes = lanes->nr_lanes;
	info->flags = lanes->req.flags;
	info->snaplen = lanes->req.snaplen;
	info->wake_packets = lanes->req.wake_packets;
	info->wake_usec = lanes->req.wake_usec;
	info->reader = po->lanes_reader;
	info->readers = bitmap_weight(lanes->used, XINET_RX_RING_READERS);
	/* the closed maker's number stays taken */
	if (READ_ONCE(lanes->ended))
		info->readers--;
	return 0;
}

/* Maps @size bytes at @addr to *@start, and moves *@start past them. */
static int lanes_insert(struct vm_area_struct *vma, unsigned long *start,
			void *addr, size_t size)
{
	size_t offset;
	int err;

	for (offset = 0; offset < size; offset += PAGE_SIZE) {
		err = vm_insert_page(vma, *start, vmalloc_to_page(addr + offset));
		if (err)
			return err;
		*start += PAGE_SIZE;
	}
	return 0;
}

static int lanes_insert_all(const struct xinet_lanes *lanes,
			    struct vm_area_struct *vma)
{
	unsigned long start = vma->vm_start;
	int cpu, err;

	err = lanes_insert(vma, &start, lanes->shared,
			   lanes_shared_size(lanes));
	for_each_possible_cpu(cpu) {
		if (err)
			break;
		err = lanes_insert(vma, &start,
				   per_cpu_ptr(lanes->by_cpu, cpu)->data,
				   lanes->req.lane_size);
	}
	return err;
}

/* @po has a ring and is open, so its reader is not freed. */
static u64 *lanes_positions(const struct xinet_packet_sock *po)
{
	return rcu_dereference_protected(po->lanes->readers[po->lanes_reader],
					 true)->positions;
}

int xinet_lanes_mmap(struct xinet_packet_sock *po,
		     struct vm_area_struct *vma)
{
	const struct xinet_lanes *lanes = po->lanes;
	unsigned long length = vma->vm_end - vma->vm_start;
	unsigned long start = vma->vm_start;

	if (!lanes_words_are_whole())
		return -EOPNOTSUPP;
	if (vma->vm_pgoff == XINET_RX_RING_POSITIONS >> PAGE_SHIFT) {
		if (length != xinet_lanes_positions_size(lanes))
			return -EINVAL;
		return lanes_insert(vma, &start, lanes_positions(po),
				      length);
	}

	if (vma->vm_pgoff || length != lanes_length(lanes))
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	/* nor may mprotect() make it writable */
	xinet_vm_flags_clear(vma, VM_MAYWRITE);
	return lanes_insert_all(lanes, vma);
}

/* Whether a lane has records beyond @positions that readers were woken for. */
static bool lanes_is_readable(const struct xinet_lanes *lanes,
			      const u64 *positions)
{
	const struct xinet_rx_lane *shared = lanes->shared;
	const struct xinet_lane *lane;
	u64 position, reported;
	int cpu;

	for_each_possible_cpu(cpu) {
		lane = per_cpu_ptr(lanes->by_cpu, cpu);
		reported = max(READ_ONCE(lane->reported),
			       READ_ONCE(lane->flushed));
		position = READ_ONCE(positions[lane->shared - shared]);
		if (READ_ONCE(lanes->ended))
			reported = READ_ONCE(lane->shared->head);
		if (position < reported)
			return true;
	}
	return false;
}

/* The caller's sock_poll_wait() pairs with xinet_packet_wake()'s barrier. */
__poll_t xinet_lanes_poll(const struct xinet_packet_sock *po)
{
	const struct xinet_lanes *lanes = po->lanes;
	__poll_t mask = 0;

	if (lanes_is_readable(lanes, lanes_positions(po)))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(lanes->ended))
		mask |= EPOLLHUP;
	return mask;
}

void xinet_lanes_release(struct xinet_packet_sock *po)
{
	struct sk_buff_head *queue = &po->sk.sk_receive_queue;
	struct xinet_lanes *lanes = po->lanes;
	u32 reader = po->lanes_reader;

	if (!lanes)
		return;
	/*
	 * po->lanes stays: packets in flight still use it. lanes_reader does
	 * not, as sock_diag may hold the socket for longer.
	 */
	spin_lock_bh(&queue->lock);
	po->lanes_reader = XINET_LANES_NOBODY;
	xinet_receiver_set(po, NULL);
	spin_unlock_bh(&queue->lock);

	xinet_lanes_part(lanes, reader);
	if (reader == XINET_LANES_MAKER)
		xinet_lanes_hang_up(lanes);
	lanes_put(lanes);
}
