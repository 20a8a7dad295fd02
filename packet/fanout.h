/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fanout groups: packet sockets among which the packets of a device and
 * EtherType are distributed (PACKET_FANOUT of packet(7)).
 */
#ifndef _XINET_PACKET_FANOUT_H
#define _XINET_PACKET_FANOUT_H

#include <linux/sockptr.h>
#include <linux/types.h>

struct tpacket_rollover_stats;
struct xinet_packet_sock;

/**
 * xinet_fanout_init() - prepare for groups
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int xinet_fanout_init(void);

/**
 * xinet_fanout_exit() - undo xinet_fanout_init()
 *
 * Context: module exit, no socket left.
 */
void xinet_fanout_exit(void);

/**
 * xinet_fanout_join() - PACKET_FANOUT
 * @po: the socket
 * @optval: struct fanout_args, or its first int
 * @optlen: bytes at @optval
 *
 * The first socket that names an id creates the group; later ones must match
 * its mode, flags, size, device and EtherType. Closing a socket leaves the
 * group.
 *
 * Context: process, no locks held; waits for RCU only in xinet_tap_throttle().
 * Return: 0; -EINVAL for another @optlen, an unknown mode, a mismatch with the
 * group, or a socket bound to no EtherType or to a device that is gone;
 * -EFAULT; -EALREADY in a group; -ENOSPC if the group is full; -ENOMEM.
 */
int xinet_fanout_join(struct xinet_packet_sock *po, sockptr_t optval,
		      unsigned int optlen);

/**
 * xinet_fanout_set_data() - PACKET_FANOUT_DATA
 * @po: the socket
 * @optval: the program that selects a member, for the whole group: struct
 *	sock_fprog with PACKET_FANOUT_CBPF, int (descriptor) with
 *	PACKET_FANOUT_EBPF
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held; waits for RCU only in xinet_tap_throttle().
 * Return: 0; -EINVAL outside of such a group, or for a bad program; -EPERM
 * with SO_LOCK_FILTER; -EFAULT; -ENOMEM; an errno of the descriptor.
 */
int xinet_fanout_set_data(struct xinet_packet_sock *po, sockptr_t optval,
			  unsigned int optlen);

/**
 * xinet_fanout_get() - the value of getsockopt(PACKET_FANOUT)
 * @po: the socket
 *
 * Context: any.
 * Return: id, mode << 16 and flags << 24 of its group; 0 outside of one.
 */
u32 xinet_fanout_get(const struct xinet_packet_sock *po);

/**
 * xinet_fanout_get_rollover() - PACKET_ROLLOVER_STATS
 * @po: the socket
 * @stats: filled in
 *
 * Context: any.
 * Return: 0; -EINVAL if the socket is in no group that rolls over.
 */
int xinet_fanout_get_rollover(const struct xinet_packet_sock *po,
			      struct tpacket_rollover_stats *stats);

/**
 * xinet_fanout_relieve() - note that a member of a group was read from
 * @po: a socket with @rollover
 *
 * Until then a member that was short of room is skipped.
 *
 * Context: process, sk_receive_queue.lock not held.
 */
void xinet_fanout_relieve(struct xinet_packet_sock *po);

/**
 * xinet_fanout_set_running() - start or stop delivery to a member
 * @po: in a group
 * @running: whether it receives packets
 *
 * Packets go to running members only. Needs no memory. A member that runs again
 * is the last in order.
 *
 * Context: process, bind_lock held.
 */
void xinet_fanout_set_running(struct xinet_packet_sock *po, bool running);

/**
 * xinet_fanout_dev_gone() - the device of a group is unregistered
 * @po: a member that no longer runs
 *
 * The group keeps its members but admits no more.
 *
 * Context: as xinet_fanout_set_running().
 */
void xinet_fanout_dev_gone(struct xinet_packet_sock *po);

/**
 * xinet_fanout_leave() - remove a socket that is being closed from its group
 * @po: the socket, may be in none
 *
 * Never fails. The last member destroys the group.
 *
 * Context: as xinet_fanout_set_running(); never waits for a grace period.
 */
void xinet_fanout_leave(struct xinet_packet_sock *po);

#endif /* _XINET_PACKET_FANOUT_H */
