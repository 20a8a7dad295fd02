/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings: memory that a packet socket shares with its program, to receive
 * (PACKET_RX_RING) and to send (PACKET_TX_RING). This is the memory and its
 * lifetime; tpacket.c and tpacket_v3.c write received packets into it,
 * tx_ring.c sends from it. The layout is that of
 * Documentation/networking/packet_mmap.rst of the kernel.
 */
#ifndef _XINET_PACKET_RING_H
#define _XINET_PACKET_RING_H

#include <linux/atomic.h>
#include <linux/if_packet.h>
#include <linux/refcount.h>
#include <linux/sockptr.h>
#include <linux/time64.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "packet/ring/tpacket_v3.h"
#include "packet/tap/sink.h"

struct sk_buff;
struct sock;
struct vm_area_struct;
struct xinet_packet_sock;
struct xinet_tx_pool;

/* The header at the start of a frame, by version. */
union xinet_ring_header {
	struct tpacket_hdr v1;
	struct tpacket2_hdr v2;
	struct tpacket3_hdr v3;
};

/**
 * struct xinet_ring - a PACKET_RX_RING or a PACKET_TX_RING
 * @receiver: receive ring: takes packets into it
 * @blocks: addresses of the blocks, each contiguous for the kernel
 * @nr_blocks: length of @blocks
 * @block_size: bytes of a block, a multiple of the page size
 * @frame_size: bytes, a multiple of TPACKET_ALIGNMENT; unused by V3 receivers
 * @net_offset: receive ring: of the network header, link-level one <= 16 bytes
 * @sll_offset: of the struct sockaddr_ll in a frame
 * @hdrlen: bytes of a frame's header and the struct sockaddr_ll after it
 * @told_offset: receive ring: of the struct xinet_frame_told in a frame; 0: none
 * @version: enum tpacket_versions
 * @vnet_hdr_sz: receive ring: PACKET_VNET_HDR_SZ
 * @tx: this is a send ring
 * @order: of a block's pages
 * @frames_per_block: frames do not cross the end of a block
 * @nr_frames: in the whole ring
 * @reserve: PACKET_RESERVE
 * @tx_pool: send ring: skbs for small frames, no more bytes than the ring;
 *	under ring_lock; NULL if out of memory
 * @req: the program's request; V1 and V2 set only the first fields
 * @gate: lockless entry to a V3 receiver's open block, else shut; tpacket_v3.c
 * @done: bytes and packets that entered by @gate and are written
 * @v3: V3 receive ring; other rings have a head:
 * @head: index of the next frame
 * @head_left: frames from @head to the end of its block, @head included
 * @head_frame: address of the next frame
 * @last_time: V2: scratch space for a packet's time
 * @refs: the socket's, and one per frame in a device (PACKET_TX_RING: -EBUSY)
 * @free_work: frees it after xinet_ring_put_atomic()
 * @rcu: packets in flight may read @gate for a grace period
 *
 * Members before @gate are constant, except @receiver.fast. @head moves under
 * sk_receive_queue.lock, of a send ring ring_lock; the program cannot set it.
 */
struct xinet_ring {
	struct xinet_tap_receiver receiver;
	void **blocks;
	u32 nr_blocks;
	u32 block_size;
	u32 frame_size;
	u32 net_offset;
	u16 sll_offset;
	u16 hdrlen;
	u16 told_offset;
	u8 version;
	u8 vnet_hdr_sz;
	bool tx;
	u8 order;
	u32 frames_per_block;
	u32 nr_frames;
	u32 reserve;
	struct xinet_tx_pool *tx_pool;
	struct tpacket_req3 req;

	atomic64_t gate ____cacheline_aligned_in_smp;
	atomic64_t done;
	union {
		struct xinet_v3 v3;
		struct {
			u32 head;
			u32 head_left;
			void *head_frame;
			struct timespec64 last_time;
		};
	};

	refcount_t refs ____cacheline_aligned_in_smp;
	struct work_struct free_work;
	struct rcu_head rcu;
};

/**
 * xinet_ring_of() - the ring of a receiver
 * @receiver: as read for a packet
 *
 * Its blocks exist while a socket has it; after that its gate is shut.
 */
static inline struct xinet_ring *
xinet_ring_of(const struct xinet_tap_receiver *receiver)
{
	return container_of(receiver, struct xinet_ring, receiver);
}

/**
 * xinet_ring_frame() - where a frame is
 * @ring: with frames of fixed size: a sender, or a V1 or V2 receiver
 * @index: below @ring->nr_frames
 */
static inline void *xinet_ring_frame(const struct xinet_ring *ring, u32 index)
{
	return ring->blocks[index / ring->frames_per_block] +
	       (size_t)(index % ring->frames_per_block) * ring->frame_size;
}

/**
 * xinet_ring_advance() - move the head to the next frame
 * @ring: with frames of fixed size
 *
 * Context: the lock of the head held, see struct xinet_ring.
 */
static inline void xinet_ring_advance(struct xinet_ring *ring)
{
	if (likely(--ring->head_left)) {
		ring->head++;
		/* poll() reads the head of a send ring without ring_lock */
		WRITE_ONCE(ring->head_frame,
			   ring->head_frame + ring->frame_size);
		return;
	}
	if (++ring->head == ring->nr_frames)
		ring->head = 0;
	ring->head_left = ring->frames_per_block;
	WRITE_ONCE(ring->head_frame, xinet_ring_frame(ring, ring->head));
}

/**
 * xinet_ring_status() - read who owns a frame: TP_STATUS_*
 * @version: enum tpacket_versions
 * @frame: its header
 *
 * The program may have written any value.
 */
static inline u32 xinet_ring_status(u8 version, const void *frame)
{
	const union xinet_ring_header *h = frame;

	switch (version) {
	case TPACKET_V1:
		/* pairs with the program's release of a frame, as below */
		return smp_load_acquire(&h->v1.tp_status);
	case TPACKET_V2:
		/* as above */
		return smp_load_acquire(&h->v2.tp_status);
	default:
		/* as above */
		return smp_load_acquire(&h->v3.tp_status);
	}
}

/**
 * xinet_ring_set_status() - hand a frame over to userspace
 * @version: enum tpacket_versions
 * @frame: its header; the rest of the frame is written
 * @status: TP_STATUS_*
 */
static inline void xinet_ring_set_status(u8 version, void *frame, u32 status)
{
	union xinet_ring_header *h = frame;

	switch (version) {
	case TPACKET_V1:
		/* pairs with the program's acquire of a frame, as below */
		smp_store_release(&h->v1.tp_status, status);
		break;
	case TPACKET_V2:
		/* as above */
		smp_store_release(&h->v2.tp_status, status);
		break;
	default:
		/* as above */
		smp_store_release(&h->v3.tp_status, status);
		break;
	}
}

/**
 * xinet_ring_flush() - flush_dcache_page() where caches alias, else nothing
 * @start: in a ring
 * @len: bytes
 */
#if ARCH_IMPLEMENTS_FLUSH_DCACHE_PAGE
void xinet_ring_flush(const void *start, size_t len);
#else
static inline void xinet_ring_flush(const void *start, size_t len)
{
}
#endif

/**
 * xinet_ring_get() - take a reference to a ring
 * @ring: on which a reference is held
 */
static inline void xinet_ring_get(struct xinet_ring *ring)
{
	refcount_inc(&ring->refs);
}

/**
 * xinet_ring_in_flight() - whether frames of a ring are in a device
 * @ring: of a socket
 *
 * Context: any; the answer changes from no to yes only under ring_lock.
 */
static inline bool xinet_ring_in_flight(const struct xinet_ring *ring)
{
	return refcount_read(&ring->refs) > 1;
}

/**
 * xinet_ring_put() - drop a reference; the last one frees the ring
 * @ring: on which a reference is held, or NULL
 *
 * Context: process; never waits for a grace period.
 */
void xinet_ring_put(struct xinet_ring *ring);

/**
 * xinet_ring_put_atomic() - drop a reference; the last one queues the freeing
 * @ring: on which a reference is held
 *
 * Context: any.
 */
void xinet_ring_put_atomic(struct xinet_ring *ring);

/* Sets up a new ring for receiving or sending; process context, socket lock. */
typedef void (*xinet_ring_setup_t)(struct xinet_packet_sock *po,
				   struct xinet_ring *ring);

/**
 * xinet_ring_setsockopt() - PACKET_RX_RING and PACKET_TX_RING
 * @po: the socket
 * @tx: PACKET_TX_RING
 * @optval: struct tpacket_req, for version 3 struct tpacket_req3; without
 *	blocks it removes the ring
 * @optlen: bytes at @optval
 * @setup: called for the new ring before it is published; may be NULL
 *
 * Packets in the queue that the ring replaces are dropped.
 *
 * Context: process, no locks held. Never waits for a grace period.
 * Return: 0; -EINVAL for a short or unreadable @optval or sizes that do not
 * fit each other; -EBUSY when there is a ring already, while it is mapped or
 * while frames of it are in a device; -ENOMEM.
 */
int xinet_ring_setsockopt(struct xinet_packet_sock *po, bool tx,
			  sockptr_t optval, unsigned int optlen,
			  xinet_ring_setup_t setup);

/**
 * xinet_ring_release() - remove the rings of a socket that is being closed
 * @po: the socket, behind no tap any more
 *
 * Frames in a device keep the memory until they are freed.
 *
 * Context: process, socket lock held. Never waits for a grace period.
 */
void xinet_ring_release(struct xinet_packet_sock *po);

/**
 * xinet_ring_mmap() - map the receive ring, then the send ring
 * @po: the socket
 * @vma: exactly as long as the rings together
 *
 * Context: process, mmap_lock and ring_lock held.
 * Return: 0; -EINVAL for another length, an offset, or without a ring; an
 * errno of vm_insert_page().
 */
int xinet_ring_mmap(struct xinet_packet_sock *po, struct vm_area_struct *vma);

/**
 * xinet_ring_init() - create the workqueue that frees rings
 *
 * Return: 0 or -ENOMEM.
 */
int xinet_ring_init(void);

/**
 * xinet_ring_exit() - wait until the last ring is freed
 */
void xinet_ring_exit(void);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * xinet_ring_check() - check a request and compute the ring's shape from it
 * @ring: @version, @tx and @reserve are set; the sizes are filled in
 * @req: the program's request, tp_block_nr not 0
 *
 * Return: 0 or -EINVAL.
 */
int xinet_ring_check(struct xinet_ring *ring, const struct tpacket_req3 *req);
#endif

#endif /* _XINET_PACKET_RING_H */
