/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings: memory that a packet socket shares with its program, for what it
 * receives (PACKET_RX_RING) and for what it sends (PACKET_TX_RING). This is
 * the memory and its life; tpacket.c and tpacket_v3.c write received packets
 * into it, tx_ring.c sends from it. The layout is that of
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

/* Any of the headers that a frame begins with, by version. */
union xinet_ring_header {
	struct tpacket_hdr v1;
	struct tpacket2_hdr v2;
	struct tpacket3_hdr v3;
};

/**
 * struct xinet_ring - a ring, of a receiver or of a sender
 * @receiver: of a receiver: what takes packets into it
 * @blocks: addresses of the blocks, each in one piece for the kernel
 * @net_offset: of a receiver: where the network header goes in a frame behind
 *	a link-level header of no more than 16 bytes
 * @sll_offset: where the struct sockaddr_ll is in a frame
 * @vnet_hdr_sz: of a receiver: PACKET_VNET_HDR_SZ
 * @nr_blocks: length of @blocks
 * @block_size: bytes of a block, a multiple of the page size
 * @frame_size: bytes of a frame, a multiple of TPACKET_ALIGNMENT; a V3
 *	receiver packs its frames more tightly
 * @frames_per_block: frames do not cross the end of a block
 * @nr_frames: in the whole ring
 * @version: enum tpacket_versions
 * @tx: of a sender
 * @order: of a block's pages
 * @hdrlen: bytes of a frame's header and the struct sockaddr_ll behind it
 * @reserve: PACKET_RESERVE
 * @tx_pool: of a sender: skbs for small frames, which hold no more than the ring
 *	itself; under ring_lock; NULL when there was no memory for it
 * @req: what the program asked for; of V1 and V2 only the first fields
 * @gate: the way into a V3 receiver's open block without the lock; of all
 *	others it is shut. Drawn in tpacket_v3.c
 * @done: bytes and packets that came in by @gate and are written
 * @v3: of a V3 receiver; others have a head:
 * @head: index of the frame that is next
 * @head_left: frames from @head to the end of its block, itself included
 * @head_frame: where it is
 * @last_time: of V2: where the time of a packet is put first
 * @refs: one of the socket, and of a sender one for every frame that has gone to
 *	a device and has not come back; while there are any the ring is not
 *	exchanged
 * @free_work: for a last reference that goes where freeing is not allowed
 * @rcu: a packet on its way may look at @gate until a grace period later
 *
 * What comes before @gate never changes, but for the fast() of @receiver. The
 * @head is the kernel's alone: it moves under sk_receive_queue.lock, that of a
 * sender under ring_lock. Nothing that userspace writes into the ring leads the
 * kernel to a place in it.
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
 * xinet_ring_of() - the ring whose receiver it is
 * @receiver: as it was read for a packet
 *
 * Its blocks are there as long as a socket has it, and its gate lets nobody in
 * after that.
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
 * xinet_ring_advance() - step from the head to the frame behind it
 * @ring: with frames of fixed size
 *
 * Context: the lock of @ring's head held.
 */
static inline void xinet_ring_advance(struct xinet_ring *ring)
{
	if (likely(--ring->head_left)) {
		ring->head++;
		/* poll() looks at the head of a sender without ring_lock */
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
 * xinet_ring_status() - whose a frame is: TP_STATUS_*
 * @version: enum tpacket_versions
 * @frame: its header
 *
 * Whatever userspace has written there.
 */
static inline u32 xinet_ring_status(u8 version, const void *frame)
{
	const union xinet_ring_header *h = frame;

	switch (version) {
	case TPACKET_V1:
		/* pairs with the program's release of a frame, as the others */
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
 * @frame: its header; all else in the frame is written
 * @status: TP_STATUS_*
 */
static inline void xinet_ring_set_status(u8 version, void *frame, u32 status)
{
	union xinet_ring_header *h = frame;

	switch (version) {
	case TPACKET_V1:
		/* pairs with the program's acquire of a frame, as the others */
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
 * xinet_ring_flush() - let userspace see what was written, or the kernel
 * @start: in a ring
 * @len: bytes
 *
 * Does nothing where caches do not alias.
 */
#if ARCH_IMPLEMENTS_FLUSH_DCACHE_PAGE
void xinet_ring_flush(const void *start, size_t len);
#else
static inline void xinet_ring_flush(const void *start, size_t len)
{
}
#endif

/**
 * xinet_ring_get() - hold the memory of a ring
 * @ring: that somebody holds
 */
static inline void xinet_ring_get(struct xinet_ring *ring)
{
	refcount_inc(&ring->refs);
}

/**
 * xinet_ring_in_flight() - whether frames of a ring are in a device
 * @ring: of a socket
 *
 * Context: more can be on their way only under ring_lock.
 */
static inline bool xinet_ring_in_flight(const struct xinet_ring *ring)
{
	return refcount_read(&ring->refs) > 1;
}

/**
 * xinet_ring_put() - let go of it
 * @ring: held, or NULL
 *
 * Context: process; never waits for a grace period. The last one frees it.
 */
void xinet_ring_put(struct xinet_ring *ring);

/**
 * xinet_ring_put_atomic() - let go of it wherever you are
 * @ring: held
 *
 * Context: any. The last one has it freed in a moment.
 */
void xinet_ring_put_atomic(struct xinet_ring *ring);

/* Makes a receiver, or a sender, of new memory; process context, socket lock. */
typedef void (*xinet_ring_setup_t)(struct xinet_packet_sock *po,
				   struct xinet_ring *ring);

/**
 * xinet_ring_setsockopt() - PACKET_RX_RING and PACKET_TX_RING
 * @po: the socket
 * @tx: PACKET_TX_RING
 * @optval: struct tpacket_req, of version 3 struct tpacket_req3; without
 *	blocks it takes the ring away
 * @optlen: bytes at @optval
 * @setup: called for the new ring, before anybody else knows it; may be NULL
 *
 * What waits in the queue whose place the ring takes is thrown away.
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
 * xinet_ring_release() - take the rings of a socket that is being closed
 * @po: the socket, behind no tap any more
 *
 * Frames on their way through a device keep the memory until they are back.
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
 * errno of the memory management.
 */
int xinet_ring_mmap(struct xinet_packet_sock *po, struct vm_area_struct *vma);

/**
 * xinet_ring_init() - prepare for freeing rings
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
 * xinet_ring_check() - judge a request and compute what follows from it
 * @ring: @version, @tx and @reserve are set; the sizes are filled in
 * @req: what userspace asks for, block_nr not 0
 *
 * Return: 0 or -EINVAL.
 */
int xinet_ring_check(struct xinet_ring *ring, const struct tpacket_req3 *req);
#endif

#endif /* _XINET_PACKET_RING_H */
