// SPDX-License-Identifier: GPL-2.0-only
/*
 * The readers of an XINET_RX_RING: their positions, waking them, adding and
 * removing them. lanes.c adds and removes readers; lane.c reads the positions
 * when a lane is full and wakes readers, in softirq.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <net/sock.h>

#include "packet/ring/lane.h"
#include "packet/ring/lane_readers.h"
#include "packet/ring/lanes.h"
#include "packet/sock.h"

static struct workqueue_struct *lanes_wq;

void *xinet_lanes_alloc_pages(size_t size)
{
	return __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN |
			 __GFP_RETRY_MAYFAIL);
}

size_t xinet_lanes_positions_size(const struct xinet_lanes *lanes)
{
	return PAGE_ALIGN(array_size(lanes->nr_lanes, sizeof(u64)));
}

void xinet_lanes_free_later(struct rcu_work *work)
{
	queue_rcu_work(lanes_wq, work);
}

static void lanes_reader_free(struct xinet_lanes_reader *reader)
{
	vfree(reader->positions);
	kfree(reader);
}

static void lanes_reader_free_work(struct work_struct *work)
{
	lanes_reader_free(container_of(to_rcu_work(work),
				       struct xinet_lanes_reader, free_work));
}

static struct xinet_lanes_reader *
lanes_reader_alloc(const struct xinet_lanes *lanes, struct sock *sk)
{
	struct xinet_lanes_reader *reader;

	reader = kzalloc(sizeof(*reader), GFP_KERNEL_ACCOUNT);
	if (!reader)
		return NULL;
	reader->sk = sk;
	INIT_RCU_WORK(&reader->free_work, lanes_reader_free_work);
	reader->positions = xinet_lanes_alloc_pages(xinet_lanes_positions_size(lanes));
	if (reader->positions)
		return reader;
	kfree(reader);
	return NULL;
}

int xinet_lanes_join(struct xinet_lanes *lanes, struct sock *sk)
{
	struct xinet_lanes_reader *reader = lanes_reader_alloc(lanes, sk);
	u32 number;

	if (!reader)
		return -ENOMEM;
	mutex_lock(&lanes->lock);
	number = find_first_zero_bit(lanes->used, XINET_RX_RING_READERS);
	if (number == XINET_RX_RING_READERS) {
		mutex_unlock(&lanes->lock);
		lanes_reader_free(reader);
		return -ENOSPC;
	}
	__set_bit(number, lanes->used);
	rcu_assign_pointer(lanes->readers[number], reader);
	WRITE_ONCE(lanes->readers_end, max(lanes->readers_end, number + 1));
	mutex_unlock(&lanes->lock);
	return number;
}

void xinet_lanes_part(struct xinet_lanes *lanes, u32 number)
{
	struct xinet_lanes_reader *reader;
	u32 end;

	mutex_lock(&lanes->lock);
	reader = rcu_replace_pointer(lanes->readers[number], NULL,
				     lockdep_is_held(&lanes->lock));
	end = lanes->readers_end;
	while (end && !rcu_access_pointer(lanes->readers[end - 1]))
		end--;
	WRITE_ONCE(lanes->readers_end, end);
	if (number != XINET_LANES_MAKER)
		__clear_bit(number, lanes->used);
	else
		WRITE_ONCE(lanes->ended, true);
	mutex_unlock(&lanes->lock);
	xinet_lanes_free_later(&reader->free_work);
}

u64 xinet_lanes_position(const struct xinet_lanes *lanes,
			 const struct xinet_lane *lane)
{
	const u32 index = lane->shared - (struct xinet_rx_lane *)lanes->shared;
	const u32 end = READ_ONCE(lanes->readers_end);
	const struct xinet_lanes_reader *reader;
	u64 ahead = lane->tail;
	u64 position;
	u32 i;

	for (i = 0; i < end; i++) {
		reader = rcu_dereference(lanes->readers[i]);
		if (!reader)
			continue;
		/* a program writes it: read once, any value possible */
		position = READ_ONCE(reader->positions[index]);
		if (position > ahead && position <= lane->head)
			ahead = position;
	}
	/* pairs with the release by which a reader stores its position */
	smp_mb();
	return ahead;
}

static __always_inline void lanes_tell(const struct xinet_lanes *lanes,
				       void (*tell)(struct sock *sk))
{
	const struct xinet_lanes_reader *reader;
	u32 i;

	rcu_read_lock();
	for (i = 0; i < READ_ONCE(lanes->readers_end); i++) {
		reader = rcu_dereference(lanes->readers[i]);
		if (reader)
			tell(reader->sk);
	}
	rcu_read_unlock();
}

static void lanes_wake_reader(struct sock *sk)
{
	xinet_packet_wake(xinet_packet_sk(sk));
}

/*
 * Wakes by the reader's socket, because a program may have polled it before it
 * had a ring.
 */
void xinet_lanes_wake(const struct xinet_lanes *lanes)
{
	lanes_tell(lanes, lanes_wake_reader);
}

static void lanes_hang_up_reader(struct sock *sk)
{
	sk->sk_state_change(sk);
}

void xinet_lanes_hang_up(const struct xinet_lanes *lanes)
{
	lanes_tell(lanes, lanes_hang_up_reader);
}

int __init xinet_lanes_init(void)
{
	lanes_wq = alloc_workqueue("xinet_lanes", WQ_UNBOUND, 0);
	return lanes_wq ? 0 : -ENOMEM;
}

void xinet_lanes_exit(void)
{
	destroy_workqueue(lanes_wq);
}
