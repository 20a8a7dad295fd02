/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fanout groups: packet sockets that share out the packets of a device and
 * EtherType (PACKET_FANOUT of packet(7)).
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
 * The first socket that names an id makes the group; those after it must agree
 * in mode, flags, size, device and EtherType. It is left by closing the socket.
 *
 * Context: process, no locks held; never waits for a grace period.
 * Return: 0; -EINVAL for another @optlen, an unknown mode, and for what does
 * not agree, a socket that receives no EtherType or whose device is gone
 * included; -EFAULT; -EALREADY in a group; -ENOSPC when the group is full;
 * -ENOMEM.
 */
int xinet_fanout_join(struct xinet_packet_sock *po, sockptr_t optval,
		      unsigned int optlen);

/**
 * xinet_fanout_set_data() - PACKET_FANOUT_DATA
 * @po: the socket
 * @optval: the program that picks members for its whole group: struct
 *	sock_fprog with PACKET_FANOUT_CBPF, int (descriptor) with
 *	PACKET_FANOUT_EBPF
 * @optlen: bytes at @optval
 *
 * Context: process, no locks held; never waits for a grace period.
 * Return: 0; -EINVAL outside of such a group, or for a bad program; -EPERM
 * with SO_LOCK_FILTER; -EFAULT; -ENOMEM; an errno of the descriptor.
 */
int xinet_fanout_set_data(struct xinet_packet_sock *po, sockptr_t optval,
			  unsigned int optlen);

/**
 * xinet_fanout_get() - what getsockopt(PACKET_FANOUT) answers
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
 * Return: 0; -EINVAL when the socket is in no group that rolls over.
 */
int xinet_fanout_get_rollover(const struct xinet_packet_sock *po,
			      struct tpacket_rollover_stats *stats);

/**
 * xinet_fanout_relieve() - a member of a group that rolls over has been read from
 * @po: a socket with @rollover
 *
 * Members that were short of room are passed over until then.
 *
 * Context: process, sk_receive_queue.lock not held.
 */
void xinet_fanout_relieve(struct xinet_packet_sock *po);

/**
 * xinet_fanout_set_running() - let packets through to a member, or not
 * @po: in a group
 * @running: whether packets are wanted
 *
 * Packets go to the members that run, and to nobody when none does. Needs no
 * memory. A member that runs again is the last in order.
 *
 * Context: process, bind_lock held.
 */
void xinet_fanout_set_running(struct xinet_packet_sock *po, bool running);

/**
 * xinet_fanout_dev_gone() - the device of a group is unregistered
 * @po: a member that does not run any more
 *
 * The group keeps its members and lets nobody in any more.
 *
 * Context: as xinet_fanout_set_running().
 */
void xinet_fanout_dev_gone(struct xinet_packet_sock *po);

/**
 * xinet_fanout_leave() - take a socket that is being closed out of its group
 * @po: the socket, may be in none
 *
 * Never fails. The last member takes the group along.
 *
 * Context: as xinet_fanout_set_running(); never waits for a grace period.
 */
void xinet_fanout_leave(struct xinet_packet_sock *po);

#endif /* _XINET_PACKET_FANOUT_H */
