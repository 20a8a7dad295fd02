/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XINET_RX_RING: a ring of lanes that many sockets may read. This is its memory
 * and its options; lane_readers.c has its readers, lane.c writes packets into it.
 * What programs see of it stands in the UAPI header and in
 * Documentation/rx-ring.md.
 */
#ifndef _XINET_PACKET_LANES_H
#define _XINET_PACKET_LANES_H

#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/sockptr.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xinet.h>

#include "packet/ring/lane.h"
#include "packet/ring/lane_readers.h"
#include "packet/tap/tap.h"

struct sock;
struct vm_area_struct;
struct xinet_diag_lanes;
struct xinet_packet_sock;

/**
 * struct xinet_lanes_reader - a reader of a ring
 * @sk: its socket, to be woken; it lives for an RCU grace period after the reader
 *	has left
 * @positions: a u64 for each lane, in pages that it maps and writes to. They are
 *	made for it and nobody gets them afterwards: a pipe or a device may hold
 *	such a page for longer than a mapping lasts
 * @free_work: an RCU grace period after it has left
 */
struct xinet_lanes_reader {
	struct sock *sk;
	u64 *positions;
	struct rcu_work free_work;
};

/**
 * struct xinet_lanes - a ring
 * @receiver: what takes packets into it
 * @req: what was asked for
 * @wake_time: xinet_rx_ring_req.wake_usec
 * @max_snaplen: captured bytes of a packet, at most
 * @nr_lanes: one for each possible CPU
 * @shared: an array of struct xinet_rx_lane, in whole pages, which are mapped
 * @by_cpu: the lanes
 * @frozen: XINET_RX_RING_FREEZE
 * @ended: the socket that receives is closed; set under @lock
 * @lock: changes of the readers, and XINET_RX_RING_FLUSH
 * @readers: by number; changes under @lock
 * @readers_end: behind the last of @readers
 * @used: which numbers are taken; that of the maker stays so
 * @refs: of the sockets; the memory lives for an RCU grace period after the last
 * @free_work: for that
 */
struct xinet_lanes {
	struct xinet_tap_receiver receiver;
	struct xinet_rx_ring_req req;
	ktime_t wake_time;
	u32 max_snaplen;
	u32 nr_lanes;
	void *shared;
	struct xinet_lane __percpu *by_cpu;
	bool frozen;
	bool ended;
	struct mutex lock;	/* changes of readers, flushing */
	struct xinet_lanes_reader __rcu *readers[XINET_RX_RING_READERS];
	u32 readers_end;
	DECLARE_BITMAP(used, XINET_RX_RING_READERS);
	refcount_t refs;
	struct rcu_work free_work;
};

/**
 * xinet_lanes_setsockopt() - XINET_RX_RING and the options that belong to it
 * @po: the socket
 * @optname: XINET_RX_RING, _ATTACH, _FLUSH or _FREEZE
 * @optval: its value
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held.
 * Return: 0 or what the UAPI header says; -ENOPROTOOPT for another option.
 */
int xinet_lanes_setsockopt(struct xinet_packet_sock *po, int optname,
			   sockptr_t optval, unsigned int optlen);

/**
 * xinet_lanes_get_info() - XINET_RX_RING of getsockopt()
 * @po: the socket
 * @info: filled in
 *
 * Return: 0 or -ENOENT.
 */
int xinet_lanes_get_info(const struct xinet_packet_sock *po,
			 struct xinet_rx_ring_info *info);

/**
 * xinet_lanes_take_stats() - what came since it was asked last
 * @po: a socket that may have a ring
 * @packets: number of packets written, added to
 * @drops: number of packets dropped, added to
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_lanes_take_stats(struct xinet_packet_sock *po, u32 *packets,
			    u32 *drops);

/**
 * xinet_lanes_peek_stats() - the same for one who only looks
 * @po: a socket that may have a ring, and may be closed meanwhile
 * @packets: as xinet_lanes_take_stats()
 * @drops: as xinet_lanes_take_stats()
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_lanes_peek_stats(const struct xinet_packet_sock *po, u32 *packets,
			    u32 *drops);

/**
 * xinet_lanes_drops() - packets that the ring has not taken
 * @po: a socket that may have a ring, and may be closed meanwhile
 *
 * Context: sk_receive_queue.lock held.
 */
u64 xinet_lanes_drops(const struct xinet_packet_sock *po);

/**
 * xinet_lanes_diag() - what sock_diag tells of a ring
 * @po: a socket that may have a ring, and may be closed meanwhile
 * @told: filled in
 *
 * Context: sk_receive_queue.lock held.
 * Return: 0 or -ENOENT.
 */
int xinet_lanes_diag(const struct xinet_packet_sock *po,
		     struct xinet_diag_lanes *told);

/**
 * xinet_lanes_mmap() - mmap() of a socket with a ring
 * @po: the socket
 * @vma: of the whole ring, for reading, or of all positions
 *
 * Context: process, mmap_lock held.
 * Return: 0; -EINVAL (offset or length); -EPERM (the ring, for writing);
 * -EOPNOTSUPP (a 32-bit program).
 */
int xinet_lanes_mmap(struct xinet_packet_sock *po,
		     struct vm_area_struct *vma);

/**
 * xinet_lanes_poll() - whether a reader has been woken for something
 * @po: a socket with a ring, on whose wait queue the caller is already
 *
 * Return: EPOLLIN if there is something beyond the reader's positions, EPOLLHUP
 * if nothing will be added any more.
 */
__poll_t xinet_lanes_poll(const struct xinet_packet_sock *po);

/**
 * xinet_lanes_release() - a socket is closed
 * @po: the socket, behind no tap
 *
 * Packets may still be under way to it.
 */
void xinet_lanes_release(struct xinet_packet_sock *po);

#endif /* _XINET_PACKET_LANES_H */
