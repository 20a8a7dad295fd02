// SPDX-License-Identifier: GPL-2.0-only
/*
 * XINET_RX_RING: making, mapping, reading and freeing it. options.c and packet.c
 * call in; rx_lane.c writes into what is made here. But for the look at the
 * readers' positions and the wakeup nothing here runs in softirq.
 *
 * The socket that makes a ring writes and reads it, further sockets attach and
 * read. None of them gives it back before it is closed. The memory that is
 * mapped:
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
#include "packet/packet.h"
#include "packet/queue.h"
#include "packet/ring.h"
#include "packet/rx_lane.h"
#include "packet/rx_ring.h"
#include "packet/tap.h"
#include "packet/tpacket.h"

/* Number of the reader that has made the ring; it is not given out again. */
#define RX_RING_MAKER	0

/* That of a closed socket */
#define RX_RING_NOBODY	XINET_RX_RING_READERS

static struct workqueue_struct *rx_ring_wq;

static size_t rx_ring_shared_size(const struct xinet_rx_ring *ring)
{
	return PAGE_ALIGN(array_size(ring->nr_lanes,
				     sizeof(struct xinet_rx_lane)));
}

static size_t rx_ring_positions_size(const struct xinet_rx_ring *ring)
{
	return PAGE_ALIGN(array_size(ring->nr_lanes, sizeof(u64)));
}

static size_t rx_ring_length(const struct xinet_rx_ring *ring)
{
	return size_add(rx_ring_shared_size(ring),
			array_size(ring->nr_lanes, ring->req.lane_size));
}

/* Zeroed, charged to the program; kills nobody for it. */
static void *rx_ring_alloc_pages(size_t size)
{
	return __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN |
			 __GFP_RETRY_MAYFAIL);
}

static void rx_ring_free(struct xinet_rx_ring *ring)
{
	struct xinet_rx_lane_state *lane;
	int cpu;

	for_each_possible_cpu(cpu) {
		lane = per_cpu_ptr(ring->lanes, cpu);
		if (lane->ring)
			xinet_rx_lane_shutdown(lane);
		vfree(lane->data);
	}
	free_percpu(ring->lanes);
	vfree(ring->shared);
	kfree(ring);
}

static void rx_ring_free_work(struct work_struct *work)
{
	rx_ring_free(container_of(to_rcu_work(work), struct xinet_rx_ring,
				  free_work));
}

static int rx_ring_alloc_lanes(struct xinet_rx_ring *ring)
{
	struct xinet_rx_lane *shared = ring->shared;
	struct xinet_rx_lane_state *lane;
	int cpu;

	for_each_possible_cpu(cpu) {
		lane = per_cpu_ptr(ring->lanes, cpu);
		lane->data = rx_ring_alloc_pages(ring->req.lane_size);
		if (!lane->data)
			return -ENOMEM;
		lane->shared = shared++;
		lane->shared->cpu = cpu;
		lane->ring = ring;
		xinet_rx_lane_setup(lane);
	}
	return 0;
}

static struct xinet_rx_ring *
rx_ring_alloc(const struct xinet_rx_ring_req *req)
{
	struct xinet_rx_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);

	if (!ring)
		return ERR_PTR(-ENOMEM);
	ring->req = *req;
	ring->wake_time = ns_to_ktime((u64)req->wake_usec * NSEC_PER_USEC);
	ring->max_snaplen = req->lane_size / 2 - sizeof(struct xinet_rx_record);
	if (req->snaplen)
		ring->max_snaplen = min(ring->max_snaplen, req->snaplen);
	ring->nr_lanes = num_possible_cpus();
	mutex_init(&ring->lock);
	ring->receiver.deliver = xinet_rx_lane_deliver;
	ring->receiver.room = xinet_rx_lane_room;
	refcount_set(&ring->refs, 1);
	INIT_RCU_WORK(&ring->free_work, rx_ring_free_work);

	/* not worth pressing everyone else out of memory first */
	if (rx_ring_length(ring) / PAGE_SIZE > totalram_pages())
		goto err_free;
	ring->lanes = alloc_percpu_gfp(struct xinet_rx_lane_state,
				       GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!ring->lanes)
		goto err_free;
	ring->shared = rx_ring_alloc_pages(rx_ring_shared_size(ring));
	if (!ring->shared || rx_ring_alloc_lanes(ring)) {
		rx_ring_free(ring);
		return ERR_PTR(-ENOMEM);
	}
	return ring;

err_free:
	kfree(ring);
	return ERR_PTR(-ENOMEM);
}

static void rx_ring_reader_free(struct xinet_rx_reader *reader)
{
	vfree(reader->positions);
	kfree(reader);
}

static void rx_ring_reader_free_work(struct work_struct *work)
{
	rx_ring_reader_free(container_of(to_rcu_work(work),
					 struct xinet_rx_reader, free_work));
}

static struct xinet_rx_reader *
rx_ring_reader_alloc(const struct xinet_rx_ring *ring, struct sock *sk)
{
	struct xinet_rx_reader *reader;

	reader = kzalloc(sizeof(*reader), GFP_KERNEL_ACCOUNT);
	if (!reader)
		return NULL;
	reader->sk = sk;
	INIT_RCU_WORK(&reader->free_work, rx_ring_reader_free_work);
	reader->positions = rx_ring_alloc_pages(rx_ring_positions_size(ring));
	if (reader->positions)
		return reader;
	kfree(reader);
	return NULL;
}

/* Returns the number of a new reader; the first is RX_RING_MAKER. */
static int rx_ring_join(struct xinet_rx_ring *ring, struct sock *sk)
{
	struct xinet_rx_reader *reader = rx_ring_reader_alloc(ring, sk);
	u32 number;

	if (!reader)
		return -ENOMEM;
	mutex_lock(&ring->lock);
	number = find_first_zero_bit(ring->used, XINET_RX_RING_READERS);
	if (number == XINET_RX_RING_READERS) {
		mutex_unlock(&ring->lock);
		rx_ring_reader_free(reader);
		return -ENOSPC;
	}
	__set_bit(number, ring->used);
	rcu_assign_pointer(ring->readers[number], reader);
	WRITE_ONCE(ring->readers_end, max(ring->readers_end, number + 1));
	mutex_unlock(&ring->lock);
	return number;
}

/* Afterwards only RCU readers may still use reader @number and its socket. */
static void rx_ring_part(struct xinet_rx_ring *ring, u32 number)
{
	struct xinet_rx_reader *reader;
	u32 end;

	mutex_lock(&ring->lock);
	reader = rcu_replace_pointer(ring->readers[number], NULL,
				     lockdep_is_held(&ring->lock));
	end = ring->readers_end;
	while (end && !rcu_access_pointer(ring->readers[end - 1]))
		end--;
	WRITE_ONCE(ring->readers_end, end);
	if (number != RX_RING_MAKER)
		__clear_bit(number, ring->used);
	else
		WRITE_ONCE(ring->ended, true);
	mutex_unlock(&ring->lock);
	queue_rcu_work(rx_ring_wq, &reader->free_work);
}

/*
 * Positions and counts are words of 64 bits. A 32-bit program, or kernel, reads
 * and writes them in halves, and nothing here would tell.
 */
static bool rx_ring_words_are_whole(void)
{
	return IS_ENABLED(CONFIG_64BIT) && !in_compat_syscall();
}

static bool rx_ring_is_sane(const struct xinet_rx_ring_req *req)
{
	return is_power_of_2(req->lane_size) &&
	       req->lane_size >= XINET_RX_RING_LANE_MIN &&
	       req->lane_size <= XINET_RX_RING_LANE_MAX &&
	       PAGE_ALIGNED(req->lane_size) &&
	       !(req->flags & ~XINET_RX_RING_OVERWRITE) &&
	       (req->wake_packets || req->wake_usec) && !req->reserved;
}

/* Socket lock held; gives the socket a ring or nothing. */
static int rx_ring_set(struct xinet_packet_sock *po,
		       const struct xinet_rx_ring_req *req)
{
	struct sk_buff_head *queue = &po->sk.sk_receive_queue;
	struct xinet_rx_ring *ring;
	struct sk_buff_head stale;

	if (!rx_ring_is_sane(req))
		return -EINVAL;
	if (xinet_ring_exists(po))
		return -EBUSY;
	/* the header would be a part of the packet */
	if (po->vnet_hdr_sz)
		return -EINVAL;
	ring = rx_ring_alloc(req);
	if (IS_ERR(ring))
		return PTR_ERR(ring);
	if (rx_ring_join(ring, &po->sk) < 0) {
		rx_ring_free(ring);
		return -ENOMEM;
	}

	__skb_queue_head_init(&stale);
	mutex_lock(&po->ring_lock);
	spin_lock_bh(&queue->lock);
	po->lanes_reader = RX_RING_MAKER;
	/* pairs with those who ask for the ring */
	smp_store_release(&po->lanes, ring);
	xinet_ring_set_receiver(po);
	skb_queue_splice_init(queue, &stale);
	spin_unlock_bh(&queue->lock);
	mutex_unlock(&po->ring_lock);

	__skb_queue_purge(&stale);
	return 0;
}

static void rx_ring_put(struct xinet_rx_ring *ring)
{
	if (refcount_dec_and_test(&ring->refs))
		queue_rcu_work(rx_ring_wq, &ring->free_work);
}

/* Socket lock held; that of @from is not, whose ring only comes, never goes. */
static int rx_ring_attach(struct xinet_packet_sock *po, struct sock *from)
{
	struct xinet_rx_ring *ring;
	int reader;

	if (!xinet_packet_sink(from) || !net_eq(sock_net(from), sock_net(&po->sk)))
		return -EINVAL;
	/* pairs with those that set it */
	ring = smp_load_acquire(&xinet_packet_sk(from)->lanes);
	if (!ring)
		return -EINVAL;
	if (xinet_ring_exists(po))
		return -EBUSY;
	reader = rx_ring_join(ring, &po->sk);
	if (reader < 0)
		return reader;

	refcount_inc(&ring->refs);
	mutex_lock(&po->ring_lock);
	/* as one, to xinet_rx_ring_made_by() */
	spin_lock_bh(&po->sk.sk_receive_queue.lock);
	po->lanes_reader = reader;
	/* pairs with those who ask for the ring */
	smp_store_release(&po->lanes, ring);
	spin_unlock_bh(&po->sk.sk_receive_queue.lock);
	mutex_unlock(&po->ring_lock);
	/* who polls already is to see what there is */
	po->sk.sk_state_change(&po->sk);
	return 0;
}

static int rx_ring_attach_fd(struct xinet_packet_sock *po, int fd)
{
	struct socket *from;
	int err;

	from = sockfd_lookup(fd, &err);
	if (!from)
		return err;
	lock_sock(&po->sk);
	err = rx_ring_attach(po, from->sk);
	release_sock(&po->sk);
	sockfd_put(from);
	return err;
}

static int rx_ring_flush(struct xinet_rx_ring *ring)
{
	struct xinet_rx_lane_state *lane;
	int cpu;

	mutex_lock(&ring->lock);
	for_each_possible_cpu(cpu) {
		lane = per_cpu_ptr(ring->lanes, cpu);
		WRITE_ONCE(lane->flushed, READ_ONCE(lane->shared->head));
	}
	mutex_unlock(&ring->lock);
	xinet_rx_ring_wake(ring);
	return 0;
}

static int rx_ring_command(struct xinet_packet_sock *po, int optname, int val)
{
	struct xinet_rx_ring *ring;

	if (optname == XINET_RX_RING_ATTACH)
		return rx_ring_words_are_whole() ? rx_ring_attach_fd(po, val) :
						   -EOPNOTSUPP;
	/* pairs with those that set it */
	ring = smp_load_acquire(&po->lanes);
	if (!ring)
		return -ENOENT;

	switch (optname) {
	case XINET_RX_RING_FLUSH:
		return val == 1 ? rx_ring_flush(ring) : -EINVAL;
	case XINET_RX_RING_FREEZE:
		if (val != 0 && val != 1)
			return -EINVAL;
		if (po->lanes_reader != RX_RING_MAKER)
			return -EPERM;
		WRITE_ONCE(ring->frozen, val);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

struct xinet_rx_ring *xinet_rx_ring_made_by(const struct xinet_packet_sock *po)
{
	lockdep_assert_held(&po->sk.sk_receive_queue.lock);
	return po->lanes_reader == RX_RING_MAKER ? po->lanes : NULL;
}

int xinet_rx_ring_setsockopt(struct xinet_packet_sock *po, int optname,
			     sockptr_t optval, unsigned int optlen)
{
	struct xinet_rx_ring_req req;
	int err;
	int val;

	switch (optname) {
	case XINET_RX_RING:
		if (!rx_ring_words_are_whole())
			return -EOPNOTSUPP;
		if (optlen != sizeof(req))
			return -EINVAL;
		if (copy_from_sockptr(&req, optval, sizeof(req)))
			return -EFAULT;
		lock_sock(&po->sk);
		err = rx_ring_set(po, &req);
		release_sock(&po->sk);
		return err;
	case XINET_RX_RING_ATTACH:
	case XINET_RX_RING_FLUSH:
	case XINET_RX_RING_FREEZE:
		if (optlen != sizeof(val))
			return -EINVAL;
		if (copy_from_sockptr(&val, optval, sizeof(val)))
			return -EFAULT;
		return rx_ring_command(po, optname, val);
	default:
		return -ENOPROTOOPT;
	}
}

int xinet_rx_ring_get_info(const struct xinet_packet_sock *po,
			   struct xinet_rx_ring_info *info)
{
	/* pairs with those that set it */
	const struct xinet_rx_ring *ring = smp_load_acquire(&po->lanes);

	if (!ring)
		return -ENOENT;
	memset(info, 0, sizeof(*info));
	info->req = ring->req;
	info->nr_lanes = ring->nr_lanes;
	info->reader = po->lanes_reader;
	info->data_offset = rx_ring_shared_size(ring);
	info->length = rx_ring_length(ring);
	info->positions_length = rx_ring_positions_size(ring);
	return 0;
}

/* A reader that was attached has counters of its own queue only. */
static bool rx_ring_sum(const struct xinet_packet_sock *po, u64 *packets,
			u64 *drops)
{
	/* pairs with those that set it */
	const struct xinet_rx_ring *ring = smp_load_acquire(&po->lanes);
	u32 i;

	*packets = 0;
	*drops = 0;
	if (!ring || po->lanes_reader != RX_RING_MAKER)
		return false;
	for (i = 0; i < ring->nr_lanes; i++) {
		const struct xinet_rx_lane *lane = ring->shared;

		*packets += READ_ONCE(lane[i].packets);
		*drops += READ_ONCE(lane[i].drops) + READ_ONCE(lane[i].frozen);
	}
	return true;
}

void xinet_rx_ring_peek_stats(const struct xinet_packet_sock *po, u32 *packets,
			      u32 *drops)
{
	u64 written, dropped;

	if (!rx_ring_sum(po, &written, &dropped))
		return;
	*packets += written - po->lanes_packets;
	*drops += dropped - po->lanes_drops;
}

void xinet_rx_ring_take_stats(struct xinet_packet_sock *po, u32 *packets,
			      u32 *drops)
{
	u64 written, dropped;

	if (!rx_ring_sum(po, &written, &dropped))
		return;
	*packets += written - po->lanes_packets;
	*drops += dropped - po->lanes_drops;
	po->lanes_packets = written;
	po->lanes_drops = dropped;
}

u64 xinet_rx_ring_drops(const struct xinet_packet_sock *po)
{
	u64 written, dropped;

	rx_ring_sum(po, &written, &dropped);
	return dropped;
}

int xinet_rx_ring_diag(const struct xinet_packet_sock *po,
		       struct xinet_diag_lanes *told)
{
	/* pairs with those that set it */
	const struct xinet_rx_ring *ring = smp_load_acquire(&po->lanes);

	if (!ring || po->lanes_reader == RX_RING_NOBODY)
		return -ENOENT;
	told->lane_size = ring->req.lane_size;
	told->lanes = ring->nr_lanes;
	told->flags = ring->req.flags;
	told->snaplen = ring->req.snaplen;
	told->wake_packets = ring->req.wake_packets;
	told->wake_usec = ring->req.wake_usec;
	told->reader = po->lanes_reader;
	told->readers = bitmap_weight(ring->used, XINET_RX_RING_READERS);
	/* whose number nobody else gets */
	if (READ_ONCE(ring->ended))
		told->readers--;
	return 0;
}

/* Maps @size bytes at @addr from @start on, which it moves behind them. */
static int rx_ring_insert(struct vm_area_struct *vma, unsigned long *start,
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

static int rx_ring_insert_all(const struct xinet_rx_ring *ring,
			      struct vm_area_struct *vma)
{
	unsigned long start = vma->vm_start;
	int cpu, err;

	err = rx_ring_insert(vma, &start, ring->shared,
			     rx_ring_shared_size(ring));
	for_each_possible_cpu(cpu) {
		if (err)
			break;
		err = rx_ring_insert(vma, &start,
				     per_cpu_ptr(ring->lanes, cpu)->data,
				     ring->req.lane_size);
	}
	return err;
}

/* @po has a ring and is open, so its reader stays. */
static u64 *rx_ring_positions(const struct xinet_packet_sock *po)
{
	return rcu_dereference_protected(po->lanes->readers[po->lanes_reader],
					 true)->positions;
}

int xinet_rx_ring_mmap(struct xinet_packet_sock *po,
		       struct vm_area_struct *vma)
{
	const struct xinet_rx_ring *ring = po->lanes;
	unsigned long length = vma->vm_end - vma->vm_start;
	unsigned long start = vma->vm_start;

	if (!rx_ring_words_are_whole())
		return -EOPNOTSUPP;
	if (vma->vm_pgoff == XINET_RX_RING_POSITIONS >> PAGE_SHIFT) {
		if (length != rx_ring_positions_size(ring))
			return -EINVAL;
		return rx_ring_insert(vma, &start, rx_ring_positions(po),
				      length);
	}

	if (vma->vm_pgoff || length != rx_ring_length(ring))
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	/* nor by mprotect() */
	xinet_vm_flags_clear(vma, VM_MAYWRITE);
	return rx_ring_insert_all(ring, vma);
}

u64 xinet_rx_ring_position(const struct xinet_rx_ring *ring,
			   const struct xinet_rx_lane_state *lane)
{
	const u32 index = lane->shared - (struct xinet_rx_lane *)ring->shared;
	const u32 end = READ_ONCE(ring->readers_end);
	const struct xinet_rx_reader *reader;
	u64 ahead = lane->tail;
	u64 position;
	u32 i;

	for (i = 0; i < end; i++) {
		reader = rcu_dereference(ring->readers[i]);
		if (!reader)
			continue;
		/* written by a program: once, and anything may be there */
		position = READ_ONCE(reader->positions[index]);
		if (position > ahead && position <= lane->head)
			ahead = position;
	}
	/* pairs with the release of a position, before which it was used */
	smp_mb();
	return ahead;
}

static __always_inline void rx_ring_tell(const struct xinet_rx_ring *ring,
					 void (*tell)(struct sock *sk))
{
	const struct xinet_rx_reader *reader;
	u32 i;

	rcu_read_lock();
	for (i = 0; i < READ_ONCE(ring->readers_end); i++) {
		reader = rcu_dereference(ring->readers[i]);
		if (reader)
			tell(reader->sk);
	}
	rcu_read_unlock();
}

static void rx_ring_wake_reader(struct sock *sk)
{
	xinet_tpacket_wake(xinet_packet_sk(sk));
}

/*
 * A reader waits on the queue of its socket, where it may have been before it
 * had a ring.
 */
void xinet_rx_ring_wake(const struct xinet_rx_ring *ring)
{
	rx_ring_tell(ring, rx_ring_wake_reader);
}

static void rx_ring_hang_up(struct sock *sk)
{
	sk->sk_state_change(sk);
}

/* Wakes the readers for EPOLLHUP; one that joins later finds @ended set. */
static void rx_ring_tell_end(const struct xinet_rx_ring *ring)
{
	rx_ring_tell(ring, rx_ring_hang_up);
}

/* Whether a lane has something that @position is not beyond. */
static bool rx_ring_is_readable(const struct xinet_rx_ring *ring,
				const u64 *positions)
{
	const struct xinet_rx_lane *shared = ring->shared;
	const struct xinet_rx_lane_state *lane;
	u64 position, told;
	int cpu;

	for_each_possible_cpu(cpu) {
		lane = per_cpu_ptr(ring->lanes, cpu);
		told = max(READ_ONCE(lane->told), READ_ONCE(lane->flushed));
		position = READ_ONCE(positions[lane->shared - shared]);
		if (READ_ONCE(ring->ended))
			told = READ_ONCE(lane->shared->head);
		if (position < told)
			return true;
	}
	return false;
}

/* The caller's sock_poll_wait() has the barrier of xinet_tpacket_wake(). */
__poll_t xinet_rx_ring_poll(const struct xinet_packet_sock *po)
{
	const struct xinet_rx_ring *ring = po->lanes;
	__poll_t mask = 0;

	if (rx_ring_is_readable(ring, rx_ring_positions(po)))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(ring->ended))
		mask |= EPOLLHUP;
	return mask;
}

void xinet_rx_ring_release(struct xinet_packet_sock *po)
{
	struct sk_buff_head *queue = &po->sk.sk_receive_queue;
	struct xinet_rx_ring *ring = po->lanes;
	u32 reader = po->lanes_reader;

	if (!ring)
		return;
	/*
	 * The pointer stays: packets under way still follow it. The number goes,
	 * for sock_diag, which may have the socket in hand for longer.
	 */
	spin_lock_bh(&queue->lock);
	po->lanes_reader = RX_RING_NOBODY;
	spin_unlock_bh(&queue->lock);

	rx_ring_part(ring, reader);
	if (reader == RX_RING_MAKER)
		rx_ring_tell_end(ring);
	rx_ring_put(ring);
}

int __init xinet_rx_ring_init(void)
{
	rx_ring_wq = alloc_workqueue("xinet_rx_ring", WQ_UNBOUND, 0);
	return rx_ring_wq ? 0 : -ENOMEM;
}

void xinet_rx_ring_exit(void)
{
	destroy_workqueue(rx_ring_wq);
}
