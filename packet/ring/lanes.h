/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XINET_RX_RING: the memory and the options of a ring of lanes that many
 * sockets may read. lane_readers.c has its readers; lane.c writes packets into
 * it. The UAPI header and Documentation/rx-ring.md describe what programs see.
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
 * @sk: its socket, to be woken; outlives the reader by an RCU grace period
 * @positions: a u64 for each lane, in pages that the program maps and writes;
 *	never reused: a pipe or a device may hold a page after munmap()
 * @free_work: frees the reader an RCU grace period after it has left
 */
struct xinet_lanes_reader {
	struct sock *sk;
	u64 *positions;
	struct rcu_work free_work;
};

/**
 * struct xinet_lanes - a ring
 * @receiver: takes packets into the ring
 * @req: the program's request
 * @wake_time: xinet_rx_ring_req.wake_usec
 * @max_snaplen: captured bytes of a packet, at most
 * @nr_lanes: one for each possible CPU
 * @shared: an array of struct xinet_rx_lane, in whole pages, which are mapped
 * @by_cpu: the lanes
 * @frozen: XINET_RX_RING_FREEZE
 * @ended: the maker's socket is closed; set under @lock
 * @lock: changes of the readers, and XINET_RX_RING_FLUSH
 * @readers: by number; changes under @lock
 * @readers_end: one past the last of @readers
 * @used: numbers that are taken; the maker's stays so
 * @refs: one for each socket
 * @free_work: frees the memory an RCU grace period after the last of @refs
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
 * xinet_lanes_take_stats() - packets and drops since the last call
 * @po: a socket that may have a ring
 * @packets: number of packets written, added to
 * @drops: number of packets dropped, added to
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_lanes_take_stats(struct xinet_packet_sock *po, u32 *packets,
			    u32 *drops);

/**
 * xinet_lanes_peek_stats() - xinet_lanes_take_stats() without resetting
 * @po: a socket that may have a ring, and may be closed meanwhile
 * @packets: as xinet_lanes_take_stats()
 * @drops: as xinet_lanes_take_stats()
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_lanes_peek_stats(const struct xinet_packet_sock *po, u32 *packets,
			    u32 *drops);

/**
 * xinet_lanes_get_drops() - packets that the lanes have dropped
 * @po: a socket that may have a ring, and may be closed meanwhile
 * @by_reason: added to, __XINET_DROP_REASONS of them
 *
 * Context: sk_receive_queue.lock held.
 */
void xinet_lanes_get_drops(const struct xinet_packet_sock *po, u64 *by_reason);

/**
 * xinet_lanes_diag() - describe a ring to sock_diag
 * @po: a socket that may have a ring, and may be closed meanwhile
 * @info: filled in
 *
 * Context: sk_receive_queue.lock held.
 * Return: 0 or -ENOENT.
 */
int xinet_lanes_diag(const struct xinet_packet_sock *po,
		     struct xinet_diag_lanes *info);

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
 * xinet_lanes_poll() - whether a lane has records that readers were woken for
 * @po: a socket with a ring; the caller is already on its wait queue
 *
 * Return: EPOLLIN if there are records beyond the reader's positions, EPOLLHUP
 * if no more will be added.
 */
__poll_t xinet_lanes_poll(const struct xinet_packet_sock *po);

/**
 * xinet_lanes_release() - detach a socket that is being closed
 * @po: the socket, behind no tap
 *
 * Packets may still be in flight to it.
 */
void xinet_lanes_release(struct xinet_packet_sock *po);

#endif /* _XINET_PACKET_LANES_H */
