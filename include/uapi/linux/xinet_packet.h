/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * PF_XINET: options of packet sockets (SOL_XINET), and what they are told of a packet.
 * Included by <linux/xinet.h>, which programs include; the receive ring is there.
 */
#ifndef _UAPI_LINUX_XINET_PACKET_H
#define _UAPI_LINUX_XINET_PACKET_H

#ifndef _UAPI_LINUX_XINET_H
#error "include <linux/xinet.h>"
#endif

#include <linux/types.h>

/**
 * XINET_PACKET_COOKED - link-level header handling of a packet socket
 *
 * int, 0 or 1, to be set before bind() and before a ring is made; a change
 * drops the packets that are queued. 0, the default, is what SOCK_RAW is to
 * AF_PACKET: frames are received and sent with their link-level header. 1 is
 * what SOCK_DGRAM is to AF_PACKET: the kernel strips the header on receive and
 * builds it from the destination sockaddr_ll on send. SO_TYPE returns SOCK_RAW
 * or SOCK_DGRAM accordingly.
 *
 * Errors: EINVAL (length, a value other than 0 and 1, or 1 on a socket with
 * PACKET_VNET_HDR, which is for link-level frames), EBUSY (the socket has been
 * bound, or has a ring).
 */
#define XINET_PACKET_COOKED	1

/**
 * XINET_PACKET_FLUSH_USEC - longest time that a packet waits in a V3 block
 *
 * int, microseconds, 0 or more. Applies to a TPACKET_V3 receive ring that is
 * made afterwards: it hands its open block over, with TP_STATUS_BLK_TMO, this
 * long after the first packet of the block, or after tp_retire_blk_tov if that
 * is sooner. 0, the default: after tp_retire_blk_tov (milliseconds) only. No
 * effect on rings of V1 and V2, which hold back no packets, and on
 * XINET_RX_RING, which has xinet_rx_ring_req.wake_usec.
 *
 * Errors: EINVAL (length, or a negative value), EFAULT, EBUSY (the socket has a
 * ring).
 */
#define XINET_PACKET_FLUSH_USEC	2

/**
 * XINET_PACKET_WATERMARK - most packets of a V3 block
 *
 * int, 0 or more. A TPACKET_V3 receive ring that is made afterwards hands its
 * open block over, and wakes the reader, when the block has this many packets.
 * 0, the default: when it is full. No effect on other rings. With
 * XINET_PACKET_FLUSH_USEC, whichever comes first applies.
 *
 * Errors: as XINET_PACKET_FLUSH_USEC.
 */
#define XINET_PACKET_WATERMARK	3

/**
 * XINET_PACKET_OWNER - whose packet it is
 *
 * int, 0 or 1, for a packet socket that is behind no device yet: opened with
 * protocol 0, not bound, without rings. 1: with every packet comes the struct
 * xinet_owner of the socket that sends it, or is to get it: from recvmsg() in a
 * control message (SOL_XINET, XINET_OWNER), in XINET_RX_RING between the record
 * and the packet (XINET_RX_OWNER), in PACKET_RX_RING in the reserve (struct
 * xinet_frame_told). See Documentation/owner.md for what is found.
 *
 * Users and processes are told as the program that sets the option sees them, by its
 * user and pid namespace.
 *
 * Errors: EINVAL (length, another value), EBUSY (as above, or in a fanout
 * group), ENOMEM. While it is 1: PACKET_RX_RING fails with EINVAL unless
 * PACKET_RESERVE is XINET_TOLD_RESERVE() of what is told, PACKET_FANOUT with EINVAL
 * if other members of the group do not ask for owners.
 */
#define XINET_PACKET_OWNER	4

/**
 * XINET_PACKET_OWNER_FILTER - only packets of some owners
 *
 * struct xinet_owner_filter, for a packet socket with XINET_PACKET_OWNER; when it
 * may be set, see there. Packets of other owners, and those whose owner is not
 * known, are rejected as by a socket filter, which runs before. Nothing of them
 * is copied. @match 0: all packets again.
 *
 * Errors: EINVAL (length, unknown bits, a uid that the user namespace of the
 * program does not have), EBUSY (as XINET_PACKET_OWNER), ENOENT (no
 * XINET_PACKET_OWNER, or no cgroup with the id), E2BIG (a cgroup that is more
 * than 16 levels deep), ENOMEM.
 */
#define XINET_PACKET_OWNER_FILTER	5

/* type of a control message of level SOL_XINET: struct xinet_owner */
#define XINET_OWNER		1

/* xinet_owner.flags */
#define XINET_OWNER_SOCKET	0x1	/* @cookie, @netns, @netns_cookie */
#define XINET_OWNER_CREDENTIALS	0x2	/* @cgroup, @uid */
#define XINET_OWNER_SEVERAL	0x4	/* more than one socket may get it */
#define XINET_OWNER_KERNEL	0x8	/* a socket of the kernel's own */
#define XINET_OWNER_PROCESS	0x10	/* @pid */

/**
 * struct xinet_owner - the socket that a packet comes from or goes to
 * @cookie: as SO_COOKIE
 * @netns_cookie: of its network namespace, as SO_NETNS_COOKIE
 * @cgroup: id of its cgroup of version 2
 * @netns: inode number of its network namespace
 * @uid: owner of the socket
 * @flags: XINET_OWNER_*: which of these are known; the others are 0
 * @pid: the process that sends it, at XINET_POINT_LOCAL_OUT and
 *	XINET_POINT_POST_ROUTING, or reads it, at XINET_POINT_DELIVERED, as the program that
 *	set the option sees processes
 */
struct xinet_owner {
	__u64 cookie;
	__u64 netns_cookie;
	__u64 cgroup;
	__u32 netns;
	__u32 uid;
	__u32 flags;
	__u32 pid;
};

__XINET_ASSERT_SIZE(xinet_owner, 40);

/* xinet_owner_filter.match */
#define XINET_OWNER_MATCH_COOKIE	0x1
#define XINET_OWNER_MATCH_NETNS		0x2
#define XINET_OWNER_MATCH_CGROUP	0x4
#define XINET_OWNER_MATCH_UID		0x8

/**
 * struct xinet_owner_filter - which owners
 * @cookie: XINET_OWNER_MATCH_COOKIE: this socket
 * @netns_cookie: XINET_OWNER_MATCH_NETNS: sockets of this network namespace
 * @cgroup: XINET_OWNER_MATCH_CGROUP: of this cgroup of version 2 or one below
 * @uid: XINET_OWNER_MATCH_UID: of this user
 * @match: all of these, a packet has to fulfil each
 */
struct xinet_owner_filter {
	__u64 cookie;
	__u64 netns_cookie;
	__u64 cgroup;
	__u32 uid;
	__u32 match;
};

__XINET_ASSERT_SIZE(xinet_owner_filter, 32);

/**
 * XINET_PACKET_DROPS - get what the kernel drops
 *
 * int, flags, for a packet socket that receives nothing yet (protocol 0 in
 * socket(), no bind()). 0: no drops. XINET_DROPS_BESIDE: once it is bound, the
 * socket gets every packet that the kernel frees as dropped, besides those that
 * pass. XINET_DROPS_ONLY: instead of them. The protocol and device that it is
 * bound to and its filter select among both; a packet that passed and was
 * dropped later comes twice.
 *
 * Packets that are dropped in the socket's network namespace are told. With
 * XINET_DROPS_HOST, those of all namespaces, and those that no namespace is
 * known of, which come without a device.
 *
 * A dropped packet begins at its link-level header, or at the network header for
 * a cooked socket, and has the time when it was dropped. With it comes a struct
 * xinet_dropped: from recvmsg() as a control message (level SOL_XINET, type
 * XINET_DROPPED), in a lane of XINET_RX_RING behind the record
 * (XINET_RX_DROPPED), in PACKET_RX_RING in the reserve (struct xinet_frame_told).
 * What cannot be taken is counted as XINET_DROP_BACKLOG. What
 * sockets of this module lose (enum xinet_drop_reason) is a copy, and not told.
 *
 * Errors: EINVAL (length, or unknown flags), EPERM (CAP_NET_ADMIN in the user
 * namespace of the network namespace; XINET_DROPS_HOST: in the initial one and, for
 * a socket of another network namespace than the initial one, CAP_SYS_ADMIN there),
 * EBUSY (the socket receives, has a ring, or has other flags), ENOSPC (XINET_DROPS_SOCKETS
 * sockets of the namespace have it), EOPNOTSUPP (a kernel without tracepoints, or
 * with PREEMPT_RT before 7.2; XINET_DROPS_ONLY with XINET_PACKET_POINT; later
 * PACKET_FANOUT fails with it, too), ENOMEM. Later
 * PACKET_RX_RING fails with EINVAL unless PACKET_RESERVE is XINET_TOLD_RESERVE() of
 * what is told.
 */
#define XINET_PACKET_DROPS	6

#define XINET_DROPS_BESIDE	0x1
#define XINET_DROPS_ONLY	0x2
#define XINET_DROPS_HOST	0x4

/* Most sockets of a network namespace with XINET_PACKET_DROPS */
#define XINET_DROPS_SOCKETS	64

/* Control message of recvmsg(): struct xinet_dropped */
#define XINET_DROPPED		2

/* xinet_dropped.flags */
#define XINET_DROPPED_NO_LINK_HEADER	0x1	/* the one shown has zeroes */

/**
 * struct xinet_dropped - why and where the kernel dropped a packet
 * @reason: number of the reason, of this very kernel: the subsystem in the upper
 *	16 bits
 * @flags: XINET_DROPPED_*
 * @netns_cookie: SO_NETNS_COOKIE of the network namespace, 0 if it is not known
 * @netns: inode number of that, or 0
 * @reserved: 0
 * @name: of the reason, without SKB_DROP_REASON_; empty if it has none
 * @place: function and offset that dropped it, "function+0x1f/0x2e0 [module]";
 *	empty unless the socket's program had CAP_NET_ADMIN in the initial user
 *	namespace
 */
struct xinet_dropped {
	__u32 reason;
	__u32 flags;
	__u64 netns_cookie;
	__u32 netns;
	__u32 reserved;
	char name[40];
	char place[64];
};

__XINET_ASSERT_SIZE(xinet_dropped, 128);

/**
 * XINET_PACKET_ALL_NETNS - one socket for all network namespaces
 *
 * int, 0 or 1, for a packet socket that receives nothing yet (protocol 0 in
 * socket(), no bind()). While it is 1, the socket gets the packets of every
 * device of every network namespace, also of those made later, those that are sent
 * included if it is bound to ETH_P_ALL. It sends in its
 * own, and its memberships are of that. With every packet comes a struct
 * xinet_netns: from recvmsg() as a control message (level SOL_XINET, type
 * XINET_NETNS), in a lane of XINET_RX_RING behind the record (XINET_RX_NETNS), in
 * PACKET_RX_RING in the reserve (struct xinet_frame_told). It says where
 * sll_ifindex, or the ifindex of the record, belongs.
 *
 * No namespace is held: one that ends does so as without the socket. What of
 * XINET_PACKET_DROPS comes is as said there.
 *
 * Errors: EINVAL (length, another value; later of bind() to a device), EPERM
 * (CAP_NET_ADMIN and CAP_NET_RAW in the initial user namespace and, for a socket of
 * another network namespace than the initial one, CAP_SYS_ADMIN there), EBUSY (the
 * socket receives, or has a ring). While it is 1: PACKET_RX_RING fails with EINVAL
 * unless PACKET_RESERVE is XINET_TOLD_RESERVE() of what is told, PACKET_FANOUT with
 * EINVAL if other members of the group are for one network namespace.
 */
#define XINET_PACKET_ALL_NETNS	7

/* Control message of recvmsg(): struct xinet_netns */
#define XINET_NETNS		3

/**
 * struct xinet_netns - where a packet was seen
 * @cookie: SO_NETNS_COOKIE of the network namespace; 0 for a dropped packet of
 *	which it is not known
 * @netns: inode number of that, or 0
 * @reserved: 0
 * @device: name of the device, which may have another, or be gone, when the
 *	packet is read; ends with a zero, behind which is nothing of meaning. Empty
 *	if a dropped packet had none
 */
struct xinet_netns {
	__u64 cookie;
	__u32 netns;
	__u32 reserved;
	char device[16];
};

__XINET_ASSERT_SIZE(xinet_netns, 32);

/**
 * XINET_PACKET_ORIGINAL - frames as on the wire
 *
 * int, 0 or 1, for a packet socket that receives nothing yet (protocol 0 in
 * socket(), no bind()). While it is 1, the socket gets frames as they were on the
 * wire, or will be: packets that the kernel has merged, or that the device will cut
 * up, are cut; checksums that the device will fill in are filled in; VLAN tags that
 * it has taken out, or will put in, are in the frame. All that before the filter,
 * so that lengths and offsets are those of the frame. A cooked socket, too, gets
 * one packet for each frame.
 *
 * With every packet comes a struct xinet_original: from recvmsg() as a control
 * message (level SOL_XINET, type XINET_ORIGINAL), in a lane of XINET_RX_RING behind
 * the record (XINET_RX_ORIGINAL), in PACKET_RX_RING in the reserve (struct
 * xinet_frame_told) if that is XINET_TOLD_RESERVE() of what is told. What the kernel
 * drops (XINET_PACKET_DROPS) comes as it was dropped, without.
 *
 * Errors: EINVAL (length, another value), EBUSY (the socket receives, or has a
 * ring). While it is 1: PACKET_FANOUT fails with EINVAL if other members of the group
 * do not ask for this.
 */
#define XINET_PACKET_ORIGINAL	12

/* Control message of recvmsg(): struct xinet_original */
#define XINET_ORIGINAL		4

/* xinet_original.done */
#define XINET_ORIGINAL_SEGMENTED	0x1	/* of a packet merged, or to be cut up */
#define XINET_ORIGINAL_CHECKSUM		0x2	/* a checksum was filled in */
#define XINET_ORIGINAL_VLAN		0x4	/* a tag was put in */
/* It could not be done: it is as the kernel had it. For lack of memory; or the packet is
 * damaged, would be more than 1024 frames (fewer with more than 64 such sockets), is to
 * be encrypted by the device, or merged by the device in a way that cannot be undone.
 */
#define XINET_ORIGINAL_FAILED		0x8

/**
 * struct xinet_original - what was done to show a frame as on the wire
 * @done: XINET_ORIGINAL_*; 0: it was so
 * @segment: which frame of a packet of the kernel's, from 0 on
 * @segments: how many frames that packet is
 */
struct xinet_original {
	__u32 done;
	__u16 segment;
	__u16 segments;
};

__XINET_ASSERT_SIZE(xinet_original, 8);

/**
 * XINET_PACKET_POINT - where on its way through the host a packet is seen
 *
 * int, XINET_POINT_* or several of them, for a packet socket that receives nothing
 * yet (protocol 0 in socket(), no bind()). XINET_POINT_TAP, where packet sockets
 * receive, is the default. XINET_POINT_PRE_ROUTING to XINET_POINT_POST_ROUTING are
 * where netfilter is called, for IPv4 and IPv6, behind its chains and NAT.
 * XINET_POINT_QDISC and XINET_POINT_START_XMIT are where a packet of any protocol is
 * handed to the queue of a device, whether it has one or not, and to its driver.
 * XINET_POINT_DELIVERED is where a program of the network namespace reads a packet of
 * TCP or UDP that was seen at XINET_POINT_LOCAL_IN. Once it is bound, the socket gets
 * each packet of its network namespace, or with XINET_PACKET_ALL_NETNS, which is set
 * before, of all of them, at each of these points that it comes by. The
 * protocol and the device that it is bound to, the one that the packet came or goes
 * by, and its filter select among them.
 *
 * Such a packet begins at the network header for a cooked socket, and for another
 * at the link-level header that it came with; before it has one, it gets that of an
 * Ethernet device without addresses (XINET_POINT_FLAG_NO_LINK_HEADER). It has the time
 * when it was at the point, and is as the kernel has it there, merged or yet to be
 * cut up.
 *
 * The kernel's own code may come behind a point: what follows protocols such as FTP
 * changes payload, and what is new to connection tracking is confirmed, or dropped.
 *
 * A socket that is bound to a device gets what comes or leaves by it, each packet with
 * the link-level header of its own device, see sll_hatype. Of XINET_POINT_TAP alone
 * nothing is told. Else, with every packet comes a
 * struct xinet_point: from recvmsg() as a control message (level SOL_XINET, type
 * XINET_POINT), in a lane of XINET_RX_RING behind the record
 * (XINET_RX_POINT), in PACKET_RX_RING in the reserve (struct xinet_frame_told). Its
 * owner (XINET_PACKET_OWNER) is told where it is known: who has sent it, or who will
 * get it, or reads it. With a packet of XINET_PACKET_DROPS, @point is 0.
 *
 * The namespace keeps its hooks in netfilter until it ends, or the module is
 * removed: to take one away would drop what waits for a program in NFQUEUE. While
 * no socket asks for it, a hook costs some instructions a packet. What the last three
 * points need of the kernel is undone some seconds after the last socket with one of them
 * is closed.
 *
 * Errors: EINVAL (length, no point or an unknown one), EOPNOTSUPP (a kernel without
 * netfilter; for the last three without tracepoints, or with PREEMPT_RT before 7.2; with
 * XINET_DROPS_ONLY, which later fails with it, as do PACKET_FANOUT and a change of
 * XINET_PACKET_ALL_NETNS), EPERM (CAP_NET_ADMIN in the user namespace of the network
 * namespace; with XINET_PACKET_ALL_NETNS, as there), EBUSY (the socket receives, has a
 * ring, or has other points), ENOSPC (XINET_POINT_SOCKETS sockets of the
 * namespace have it), E2BIG (netfilter has as many hooks there as it allows, 1024),
 * ENOMEM. Later PACKET_RX_RING fails with EINVAL unless PACKET_RESERVE is
 * XINET_TOLD_RESERVE() of what is told.
 */
#define XINET_PACKET_POINT	13

#define XINET_POINT_TAP			0x1
#define XINET_POINT_PRE_ROUTING		0x2	/* received, before it is routed */
#define XINET_POINT_LOCAL_IN		0x4	/* about to be delivered on this host */
#define XINET_POINT_FORWARD		0x8	/* about to be sent on */
#define XINET_POINT_LOCAL_OUT		0x10	/* sent by this host, routed */
#define XINET_POINT_POST_ROUTING	0x20	/* about to leave by a device */
#define XINET_POINT_QDISC		0x40	/* handed to the queue of a device */
#define XINET_POINT_START_XMIT		0x80	/* handed to the driver of a device */
#define XINET_POINT_DELIVERED		0x100	/* read by a program */

/* Most sockets of a network namespace with other points than XINET_POINT_TAP */
#define XINET_POINT_SOCKETS	64

/* Control message of recvmsg(): struct xinet_point */
#define XINET_POINT		5

/* xinet_point.flags */
#define XINET_POINT_FLAG_NO_LINK_HEADER	0x1	/* the one shown has zeroes */

/**
 * struct xinet_point - where a packet was seen
 * @packet: the same in all records of one packet that the socket gets, and in no
 *	other's; 0 where packets cannot be told apart: XINET_POINT_TAP, if the packet
 *	is not for this host or the socket is bound to another protocol than ETH_P_ALL; what
 *	is neither of IPv4 nor of IPv6; and some that are dropped. A packet gets a new one
 *	when it is copied, cut up, reassembled or put into another one, when another
 *	device takes it over (VLAN, bond, bridge, VRF, the loopback device), when
 *	netfilter changes its payload or options, and if it waits on its way, in the queue
 *	of a device as well, while many others pass
 * @point: one of XINET_POINT_*, 0 of a packet that the kernel has dropped
 * @flags: XINET_POINT_FLAG_*
 * @in: index of the device that it came by, 0 if there is none
 * @out: index of the device that it goes by, 0 if there is none yet
 */
struct xinet_point {
	__u64 packet;
	__u32 point;
	__u32 flags;
	__u32 in;
	__u32 out;
};

__XINET_ASSERT_SIZE(xinet_point, 24);

/**
 * XINET_PACKET_QUEUE - by which queue of its device
 *
 * int, 0 or 1, for a packet socket that receives nothing yet (protocol 0 in
 * socket(), no bind()). While it is 1, a packet comes with a struct xinet_queue
 * where the kernel knows it: of a received packet, if the driver has recorded it; of
 * one that is sent, at XINET_POINT_TAP, XINET_POINT_QDISC and
 * XINET_POINT_START_XMIT. From recvmsg() it comes as a control message (level
 * SOL_XINET, type XINET_QUEUE), in a lane of XINET_RX_RING behind the record
 * (XINET_RX_QUEUE), in PACKET_RX_RING in the reserve (struct xinet_frame_told). See
 * Documentation/queue.md for when it is known.
 *
 * Errors: EINVAL (length, another value), EBUSY (the socket receives, or has a
 * ring). While it is 1: PACKET_RX_RING fails with EINVAL unless PACKET_RESERVE is
 * XINET_TOLD_RESERVE() of what is told, PACKET_FANOUT with EINVAL if
 * PACKET_FANOUT_FLAG_DEFRAG is given.
 */
#define XINET_PACKET_QUEUE	14

/* Control message of recvmsg(): struct xinet_queue */
#define XINET_QUEUE		6

/**
 * struct xinet_queue - by which queue a packet came or goes
 * @queue: number of the receive or transmit queue of the device, from 0 on
 * @reserved: 0
 */
struct xinet_queue {
	__u32 queue;
	__u32 reserved;
};

__XINET_ASSERT_SIZE(xinet_queue, 8);

/**
 * struct xinet_frame_told - what a frame of PACKET_RX_RING has in its reserve
 * @extensions: XINET_RX_*: the structs that follow, in the order of the bits
 * @reserved: 0
 *
 * In the ring of a socket that has asked for one of them before, and whose
 * PACKET_RESERVE has room for all that it has asked for; then in each frame:
 * TPACKET_ALIGN(TPACKET_HDRLEN) bytes from its start, of V2 and V3 with
 * TPACKET2_HDRLEN and TPACKET3_HDRLEN. Of a link-level address of more than 20
 * bytes the rest is not there. PACKET_COPY_THRESH has no effect then.
 */
struct xinet_frame_told {
	__u32 extensions;
	__u32 reserved;
};

__XINET_ASSERT_SIZE(xinet_frame_told, 8);

/* Least PACKET_RESERVE for structs of @size bytes in all, those that may come */
#define XINET_TOLD_RESERVE(size)	(24U + (size))

#endif /* _UAPI_LINUX_XINET_PACKET_H */
