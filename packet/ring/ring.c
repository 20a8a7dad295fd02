// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of rings: checking a program's request, allocating, mapping,
 * exchanging under traffic, freeing. options.c, rx_ring.c and packet.c call it;
 * tpacket.c, tpacket_v3.c and tx_ring.c read and write the frames. Nothing here
 * runs per packet.
 *
 * A ring is complete before it is published, and never changes its shape. It is
 * published and removed under the lock of the queue that it replaces, so a
 * holder of that lock finds a whole ring or none:
 *
 *   receive ring   sk_receive_queue.lock    tap, block timer, poll()
 *   send ring      sk_write_queue.lock      poll()
 *
 * Packets that enter a V3 ring without the lock find it by RCU; once the ring
 * is removed its gate is shut, and none of them is writing into its blocks.
 *
 * ring_lock is held over both changes, over a mapping, and over a sendmsg()
 * that empties a send ring. It nests inside the socket lock, which serialises
 * the options, and inside mmap_lock. Frames of a send ring that are in a device
 * hold a reference, so neither close() nor an exchange waits for them.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/if_packet.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/overflow.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "packet/receiver.h"
#include "packet/ring/ring.h"
#include "packet/ring/tpacket_v3.h"
#include "packet/sock.h"
#include "packet/told.h"
#include "packet/tx_pool.h"

/* V1 and V2 pass the first fields only. */
static_assert(offsetof(struct tpacket_req3, tp_frame_nr) ==
	      offsetof(struct tpacket_req, tp_frame_nr));
static_assert(offsetof(struct tpacket_req3, tp_retire_blk_tov) ==
	      sizeof(struct tpacket_req));

static struct workqueue_struct *ring_wq;

static struct page *ring_page(const void *addr)
{
	return is_vmalloc_addr(addr) ? vmalloc_to_page(addr) :
				       virt_to_page(addr);
}

#if ARCH_IMPLEMENTS_FLUSH_DCACHE_PAGE
void xinet_ring_flush(const void *start, size_t len)
{
	const void *page = PTR_ALIGN_DOWN(start, PAGE_SIZE);

	for (; page < start + len; page += PAGE_SIZE)
		flush_dcache_page(ring_page(page));
}
#endif

/*
 * A block is contiguous for the kernel, if necessary by vmalloc(). The last
 * resort reclaims and swaps, but does not invoke the OOM killer.
 */
static void *ring_alloc_block(const struct xinet_ring *ring)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN;
	const gfp_t hard = gfp | __GFP_RETRY_MAYFAIL;
	void *block;

	block = (void *)__get_free_pages(gfp | __GFP_COMP | __GFP_NORETRY,
					 ring->order);
	if (!block)
		block = __vmalloc(PAGE_SIZE << ring->order, hard);
	if (!block)
		block = (void *)__get_free_pages(hard | __GFP_COMP,
						 ring->order);
	return block;
}

static void ring_free_block(const struct xinet_ring *ring, void *block)
{
	if (is_vmalloc_addr(block))
		vfree(block);
	else
		free_pages((unsigned long)block, ring->order);
}

static void ring_free(struct xinet_ring *ring)
{
	u32 i;

	if (ring->receiver.ops && ring->receiver.ops->release)
		ring->receiver.ops->release(&ring->receiver);
	for (i = 0; i < ring->nr_blocks && ring->blocks[i]; i++)
		ring_free_block(ring, ring->blocks[i]);
	kvfree(ring->blocks);
	xinet_tx_pool_free(ring->tx_pool);
	kfree_rcu(ring, rcu);
}

static void ring_free_work(struct work_struct *work)
{
	ring_free(container_of(work, struct xinet_ring, free_work));
}

void xinet_ring_put(struct xinet_ring *ring)
{
	if (ring && refcount_dec_and_test(&ring->refs))
		ring_free(ring);
}

void xinet_ring_put_atomic(struct xinet_ring *ring)
{
	if (refcount_dec_and_test(&ring->refs))
		queue_work(ring_wq, &ring->free_work);
}

static u16 ring_hdrlen(u8 version)
{
	switch (version) {
	case TPACKET_V1:
		return TPACKET_HDRLEN;
	case TPACKET_V2:
		return TPACKET2_HDRLEN;
	default:
		return TPACKET3_HDRLEN;
	}
}

/* Limits of V3 blocks, and requests that only a receive ring may make. */
static bool ring_check_v3(const struct xinet_ring *ring,
			  const struct tpacket_req3 *req, u32 min_frame)
{
	u64 head = ALIGN(sizeof(struct tpacket_block_desc), sizeof(u64)) +
		   ALIGN((u64)req->tp_sizeof_priv, sizeof(u64));

	if (req->tp_block_size < head + min_frame)
		return false;
	return !ring->tx || !(req->tp_retire_blk_tov || req->tp_sizeof_priv ||
			      req->tp_feature_req_word);
}

VISIBLE_IF_KUNIT
int xinet_ring_check(struct xinet_ring *ring, const struct tpacket_req3 *req)
{
	u32 min_frame;
	u32 nr_frames;

	ring->hdrlen = ring_hdrlen(ring->version);
	if (check_add_overflow((u32)ring->hdrlen, ring->reserve, &min_frame))
		return -EINVAL;
	if (!req->tp_block_size || req->tp_block_size > INT_MAX ||
	    !PAGE_ALIGNED(req->tp_block_size))
		return -EINVAL;
	if (ring->version == TPACKET_V3 &&
	    !ring_check_v3(ring, req, min_frame))
		return -EINVAL;
	if (req->tp_frame_size < min_frame ||
	    !IS_ALIGNED(req->tp_frame_size, TPACKET_ALIGNMENT))
		return -EINVAL;

	ring->frames_per_block = req->tp_block_size / req->tp_frame_size;
	if (!ring->frames_per_block ||
	    check_mul_overflow(ring->frames_per_block, req->tp_block_nr,
			       &nr_frames) ||
	    nr_frames != req->tp_frame_nr)
		return -EINVAL;

	ring->nr_blocks = req->tp_block_nr;
	ring->block_size = req->tp_block_size;
	ring->frame_size = req->tp_frame_size;
	ring->nr_frames = nr_frames;
	ring->order = get_order(req->tp_block_size);
	ring->req = *req;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_ring_check);

static int ring_alloc_blocks(struct xinet_ring *ring)
{
	u32 i;

	/* fail early instead of reclaiming everything */
	if ((u64)ring->nr_blocks << ring->order > totalram_pages())
		return -ENOMEM;

	ring->blocks = kvcalloc(ring->nr_blocks, sizeof(*ring->blocks),
				GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!ring->blocks)
		return -ENOMEM;

	for (i = 0; i < ring->nr_blocks; i++) {
		ring->blocks[i] = ring_alloc_block(ring);
		if (!ring->blocks[i])
			return -ENOMEM;
		/* a large ring takes a while */
		cond_resched();
	}
	return 0;
}

static struct xinet_ring *ring_alloc(u8 version, bool tx, u32 reserve,
				     const struct tpacket_req3 *req)
{
	struct xinet_ring *ring;
	int err;

	ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return ERR_PTR(-ENOMEM);
	ring->version = version;
	ring->tx = tx;
	ring->reserve = reserve;
	atomic64_set(&ring->gate, XINET_V3_GATE_SHUT);
	refcount_set(&ring->refs, 1);
	INIT_WORK(&ring->free_work, ring_free_work);

	err = xinet_ring_check(ring, req);
	if (err)
		goto err_free;
	err = ring_alloc_blocks(ring);
	if (err)
		goto err_free_blocks;

	if (tx)
		ring->tx_pool = xinet_tx_pool_new((size_t)ring->nr_blocks *
						  ring->block_size);
	if (tx || version != TPACKET_V3) {
		ring->head_left = ring->frames_per_block;
		ring->head_frame = ring->blocks[0];
	}
	return ring;

err_free_blocks:
	if (ring->blocks) {
		ring_free(ring);
		return ERR_PTR(err);
	}
err_free:
	kfree(ring);
	return ERR_PTR(err);
}

static struct xinet_ring **ring_place(struct xinet_packet_sock *po, bool tx)
{
	return tx ? &po->tx_ring : &po->rx_ring;
}

/*
 * Replaces the ring by @ring (or NULL) and hands its reference to the caller;
 * ring_lock held. Packets queued there are dropped.
 */
static struct xinet_ring *ring_exchange(struct xinet_packet_sock *po, bool tx,
					struct xinet_ring *ring)
{
	struct xinet_ring **place = ring_place(po, tx);
	struct sk_buff_head *queue = tx ? &po->sk.sk_write_queue :
					  &po->sk.sk_receive_queue;
	struct sk_buff_head stale;
	struct xinet_ring *old;

	lockdep_assert_held(&po->ring_lock);
	__skb_queue_head_init(&stale);

	spin_lock_bh(&queue->lock);
	old = *place;
	*place = ring;
	if (!tx && (old || ring)) {
		xinet_receiver_set(po, ring ? &ring->receiver : NULL);
		if (old && old->receiver.ops->settle)
			old->receiver.ops->settle(&old->receiver);
	}
	if (!tx && ring && ring->version == TPACKET_V3)
		po->tp_freezes = 0;
	skb_queue_splice_init(queue, &stale);
	spin_unlock_bh(&queue->lock);

	xinet_packet_discard(&stale);
	return old;
}

/* Whether the memory is mapped, or its frames are in a device. */
static bool ring_is_busy(struct xinet_packet_sock *po, bool tx)
{
	const struct xinet_ring *ring = *ring_place(po, tx);

	return atomic_long_read(&po->mapped) ||
	       (ring && xinet_ring_in_flight(ring));
}

static int ring_replace(struct xinet_packet_sock *po, bool tx,
			struct xinet_ring *ring)
{
	struct xinet_ring *old;

	mutex_lock(&po->ring_lock);
	if (ring_is_busy(po, tx)) {
		mutex_unlock(&po->ring_lock);
		xinet_ring_put(ring);
		return -EBUSY;
	}
	old = ring_exchange(po, tx, ring);
	mutex_unlock(&po->ring_lock);

	xinet_ring_put(old);
	return 0;
}

/*
 * Whether frames have room for what the socket is told. What was done to show a
 * frame as on the wire need not be told.
 */
static bool ring_may_tell(const struct xinet_packet_sock *po)
{
	return xinet_told_has_reserve(po) ||
	       !(po->owner || po->dropped || po->all_netns || po->point ||
		 po->dev_queue);
}

static int ring_set(struct xinet_packet_sock *po, bool tx,
		    const struct tpacket_req3 *req, xinet_ring_setup_t setup)
{
	struct xinet_ring *ring;

	if (po->lanes || ring_is_busy(po, tx))
		return -EBUSY;
	if (!req->tp_block_nr)
		return req->tp_frame_nr ? -EINVAL : ring_replace(po, tx, NULL);
	if (*ring_place(po, tx))
		return -EBUSY;
	if (!tx && !ring_may_tell(po))
		return -EINVAL;

	ring = ring_alloc(po->tp_version, tx, po->tp_reserve, req);
	if (IS_ERR(ring))
		return PTR_ERR(ring);
	if (setup)
		setup(po, ring);
	return ring_replace(po, tx, ring);
}

int xinet_ring_setsockopt(struct xinet_packet_sock *po, bool tx,
			  sockptr_t optval, unsigned int optlen,
			  xinet_ring_setup_t setup)
{
	struct tpacket_req3 req = {};
	struct sock *sk = &po->sk;
	size_t size;
	int err = -EINVAL;

	lock_sock(sk);
	size = po->tp_version == TPACKET_V3 ? sizeof(struct tpacket_req3) :
					      sizeof(struct tpacket_req);
	/* not -EFAULT, as AF_PACKET does */
	if (optlen >= size && !copy_from_sockptr(&req, optval, size))
		err = ring_set(po, tx, &req, setup);
	release_sock(sk);
	return err;
}

void xinet_ring_release(struct xinet_packet_sock *po)
{
	struct xinet_ring *rx, *tx;

	mutex_lock(&po->ring_lock);
	rx = ring_exchange(po, false, NULL);
	tx = ring_exchange(po, true, NULL);
	mutex_unlock(&po->ring_lock);

	xinet_ring_put(rx);
	xinet_ring_put(tx);
}

/* A mapping holds the file, and the file the socket. */
static void ring_vma_open(struct vm_area_struct *vma)
{
	struct xinet_packet_sock *po = vma->vm_private_data;

	atomic_long_inc(&po->mapped);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct xinet_packet_sock *po = vma->vm_private_data;

	atomic_long_dec(&po->mapped);
}

static const struct vm_operations_struct ring_vm_ops = {
	.open = ring_vma_open,
	.close = ring_vma_close,
};

static unsigned long ring_length(const struct xinet_ring *ring)
{
	return ring ? array_size(ring->nr_blocks, ring->block_size) : 0;
}

/* Maps @ring, if any, to *@start, and moves *@start past it. */
static int ring_insert(const struct xinet_ring *ring,
		       struct vm_area_struct *vma, unsigned long *start)
{
	u32 i, offset;
	int err;

	for (i = 0; ring && i < ring->nr_blocks; i++) {
		for (offset = 0; offset < ring->block_size;
		     offset += PAGE_SIZE) {
			err = vm_insert_page(vma, *start,
					     ring_page(ring->blocks[i] +
						       offset));
			if (err)
				return err;
			*start += PAGE_SIZE;
		}
	}
	return 0;
}

int xinet_ring_mmap(struct xinet_packet_sock *po, struct vm_area_struct *vma)
{
	unsigned long start = vma->vm_start;
	unsigned long length;
	int err;

	lockdep_assert_held(&po->ring_lock);
	if (vma->vm_pgoff)
		return -EINVAL;
	length = size_add(ring_length(po->rx_ring), ring_length(po->tx_ring));
	if (!length || vma->vm_end - vma->vm_start != length)
		return -EINVAL;

	err = ring_insert(po->rx_ring, vma, &start);
	if (!err)
		err = ring_insert(po->tx_ring, vma, &start);
	if (err)
		return err;

	vma->vm_private_data = po;
	vma->vm_ops = &ring_vm_ops;
	atomic_long_inc(&po->mapped);
	return 0;
}

int __init xinet_ring_init(void)
{
	ring_wq = alloc_workqueue("xinet_ring", WQ_UNBOUND, 0);
	return ring_wq ? 0 : -ENOMEM;
}

void xinet_ring_exit(void)
{
	destroy_workqueue(ring_wq);
}
