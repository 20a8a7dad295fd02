/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * PF_XINET: a socket family beside PF_INET and PF_PACKET.
 *
 * Addresses are those of the other two: struct sockaddr_in with AF_INET for
 * stream, datagram and raw sockets, struct sockaddr_ll with AF_PACKET, or
 * AF_XINET, for packet sockets. AF_XINET in a struct sockaddr_in is rejected
 * (EAFNOSUPPORT): security modules check an address by its family. The kernel
 * returns addresses with AF_INET or AF_PACKET.
 */
#ifndef _UAPI_LINUX_XINET_H
#define _UAPI_LINUX_XINET_H

#include <linux/types.h>

/*
 * Every struct here has the same layout for all programs and kernels: with
 * another one this header does not compile. Valid in any C or C++: it declares
 * an array that is never defined, of negative length if the size is wrong.
 */
#define __XINET_ASSERT_SIZE(name, size) \
	extern char __xinet_size_of_##name[sizeof(struct name) == (size) ? 1 : -1]

/*
 * The default number is that of AF_ASH, which no kernel has ever implemented.
 * The load parameter family= selects another one; the live number is in
 * /sys/module/xinet/parameters/family.
 */
#ifndef AF_XINET
#define AF_XINET	18
#endif
#ifndef PF_XINET
#define PF_XINET	AF_XINET
#endif

/* setsockopt() and getsockopt() level of the options below */
#ifndef SOL_XINET
#define SOL_XINET	318
#endif

/* needs what is above */
#include <linux/xinet_packet.h>

/**
 * XINET_RAW_ICMP_ID - one ICMP identifier for a raw socket
 *
 * int, 0 to 65535 (host byte order), for a raw socket of IPPROTO_ICMP. From
 * then on the socket receives the ICMP echo replies with the identifier and the
 * ICMP errors about echo requests with it, and no other packet; SO_ERROR and
 * IP_RECVERR, too, report errors about those requests only. Addresses, device,
 * ICMP_FILTER and socket filters select among them as before.
 *
 * The kernel looks the socket up by its identifier, however many others there
 * are, and packets for others have no extra cost. Several sockets may have one
 * identifier: each gets the packet. An identifier is for the lifetime of the
 * socket; packets received before stay in its queue.
 *
 * getsockopt() returns the identifier, or -1 when there is none.
 *
 * Errors: EINVAL (length, or a value out of range), EOPNOTSUPP (not a socket of
 * IPPROTO_ICMP), EBUSY (the socket has another identifier), ENOMEM.
 */
#define XINET_RAW_ICMP_ID	16

/**
 * XINET_RAW_POINT - where a raw socket receives
 *
 * int. XINET_RAW_POINT_WIRE, the default: where packet sockets do, before
 * netfilter; fragments are reassembled for the socket. XINET_RAW_POINT_HOST:
 * where raw sockets of PF_INET do, what is left for this host after reassembly,
 * NAT, IPsec in transport mode, ipvlan in mode l3s and the INPUT chain of the
 * firewall. All other options and filters mean the same at both.
 *
 * ICMP errors set SO_ERROR and fill the error queue (IP_RECVERR) at both, once
 * they have passed the firewall.
 *
 * It may be changed at any time; packets received before stay in the queue. A
 * packet that is between the two points at that moment may be received twice or
 * not at all. Returning to a point where the socket has been before may take
 * some milliseconds.
 *
 * getsockopt() returns the point. A socket of IPPROTO_RAW stores it, and
 * receives nothing in any case.
 *
 * Errors: EINVAL (length, or an unknown value), EOPNOTSUPP
 * (XINET_RAW_POINT_HOST on a kernel without netfilter), ENOMEM (no memory for
 * the hook at the new point), E2BIG (XINET_RAW_POINT_HOST: LOCAL_IN of the
 * namespace, or of the one below its ipvlan device, has as many netfilter hooks
 * as the kernel allows, 1024).
 */
#define XINET_RAW_POINT		17

#define XINET_RAW_POINT_WIRE	0
#define XINET_RAW_POINT_HOST	1

/**
 * XINET_RX_RING - a receive ring with a lane for each CPU
 *
 * struct xinet_rx_ring_req, for a packet socket without rings. From then on the
 * packets of the socket are written into the ring; each CPU writes to a lane of
 * its own and takes no lock. The ring stays until the socket is closed. See
 * Documentation/rx-ring.md for the protocol between the kernel and a reader.
 *
 * getsockopt() returns struct xinet_rx_ring_info, also to a reader that was
 * attached; ENOENT without a ring.
 *
 * Errors: EINVAL (length, or a field out of range), EBUSY (the socket has a
 * ring), EOPNOTSUPP (a 32-bit program or kernel, which cannot access the 64-bit
 * words of a ring atomically; mmap() fails with it, too), ENOMEM.
 */
#define XINET_RX_RING		8

/**
 * XINET_RX_RING_ATTACH - read the ring of another socket
 *
 * int, a descriptor of a packet socket in the same network namespace that has a
 * ring. The socket becomes one more reader of it, with a position of its own,
 * and polls readable for it. Its own packets go to its receive queue.
 *
 * Errors: EINVAL (length, not such a socket), EBADF, ENOTSOCK, EBUSY (this
 * socket has a ring), ENOSPC (XINET_RX_RING_READERS read it), EOPNOTSUPP (as
 * XINET_RX_RING), ENOMEM.
 */
#define XINET_RX_RING_ATTACH	9

/**
 * XINET_RX_RING_FLUSH - wake the readers now
 *
 * int, 1. Wakes the waiting readers if there is a packet that they have not
 * been woken for. ENOENT without a ring.
 */
#define XINET_RX_RING_FLUSH	10

/**
 * XINET_RX_RING_FREEZE - stop writing to the ring
 *
 * int, 1 or 0, for the socket that has made the ring. While it is 1 no packets
 * are written, so a ring that overwrites can be read without losing any. Such
 * packets are counted in xinet_rx_lane.frozen, and as dropped in
 * PACKET_STATISTICS. Packets that other CPUs are writing at the moment may
 * still appear.
 *
 * Errors: EINVAL (length, another value), ENOENT (no ring), EPERM (a reader
 * that was attached).
 */
#define XINET_RX_RING_FREEZE	11

/* Maximum number of readers of a ring, including the socket that made it */
#define XINET_RX_RING_READERS	64

/* Bytes of a lane: a power of two in this range */
#define XINET_RX_RING_LANE_MIN	(1U << 16)
#define XINET_RX_RING_LANE_MAX	(1U << 30)

/* mmap() offset of the positions of a reader; the ring itself is at 0 */
#define XINET_RX_RING_POSITIONS	(1ULL << 40)

/*
 * xinet_rx_ring_req.flags: overwrite the oldest packets whether they have been
 * read or not, as a flight recorder does. Without it a packet is dropped when
 * the reader that is ahead has not freed space for it; readers behind it lose
 * packets that are overwritten, and count them by @seq.
 */
#define XINET_RX_RING_OVERWRITE	1

/**
 * struct xinet_rx_ring_req - a ring to be made
 * @lane_size: bytes of each lane
 * @flags: XINET_RX_RING_OVERWRITE or 0
 * @snaplen: most bytes kept of a packet, 0 for all; never more than half a lane
 * @wake_packets: wake readers when a lane has this many packets that they have
 *	not been woken for; 0: no such limit
 * @wake_usec: or this many microseconds after the first of them; 0: no such
 *	limit. One of both must be set
 * @reserved: 0
 */
struct xinet_rx_ring_req {
	__u32 lane_size;
	__u32 flags;
	__u32 snaplen;
	__u32 wake_packets;
	__u32 wake_usec;
	__u32 reserved;
};

__XINET_ASSERT_SIZE(xinet_rx_ring_req, 24);

/**
 * struct xinet_rx_ring_info - an existing ring
 * @req: the request
 * @nr_lanes: number of lanes
 * @reader: number of this socket among the readers
 * @data_offset: bytes from the start of the mapping to the data of the first
 *	lane; the data of the others follow
 * @length: of the mapping at offset 0, which is read-only
 * @positions_length: of the mapping at XINET_RX_RING_POSITIONS
 */
struct xinet_rx_ring_info {
	struct xinet_rx_ring_req req;
	__u32 nr_lanes;
	__u32 reader;
	__u64 data_offset;
	__u64 length;
	__u64 positions_length;
};

__XINET_ASSERT_SIZE(xinet_rx_ring_info, 56);

/**
 * struct xinet_rx_lane - state of a lane; an array of it begins the mapping
 * @head: bytes ever written to the lane; read it before the records (acquire)
 * @tail: position of the oldest valid record; read it after using a record:
 *	that was valid if @tail is not beyond it
 * @packets: records ever written
 * @drops: packets dropped for lack of space: XINET_DROP_LANE_FULL
 * @cpu: the CPU that writes it
 * @reserved: 0
 * @frozen: packets that came while XINET_RX_RING_FREEZE was 1
 * @reserved2: 0
 *
 * Position p of a lane is byte p modulo its size.
 */
struct xinet_rx_lane {
	__u64 head;
	__u64 tail;
	__u64 packets;
	__u64 drops;
	__u32 cpu;
	__u32 reserved;
	__u64 frozen;
	__u64 reserved2[2];
};

__XINET_ASSERT_SIZE(xinet_rx_lane, 64);

/* xinet_rx_record.type */
#define XINET_RX_PACKET		0
#define XINET_RX_PAD		1	/* only @len and @type are set: skip */

/* xinet_rx_record.extensions */
#define XINET_RX_OWNER		0x1	/* struct xinet_owner */
#define XINET_RX_DROPPED	0x2	/* struct xinet_dropped */
#define XINET_RX_NETNS		0x4	/* struct xinet_netns */
#define XINET_RX_ORIGINAL	0x8	/* struct xinet_original */
#define XINET_RX_POINT		0x10	/* struct xinet_point */
#define XINET_RX_QUEUE		0x20	/* struct xinet_queue */

/**
 * struct xinet_rx_record - a packet in a lane
 * @len: bytes to the next record, a multiple of 8
 * @type: XINET_RX_*
 * @mac: bytes from this struct to the first captured byte
 * @seq: number of the record in its lane, from 0; gaps are records lost
 * @tstamp: nanoseconds since 1970 UTC, or the device's; @status has its source
 * @pkt_len: bytes of the packet
 * @snaplen: bytes captured
 * @ifindex: the device, or the original one with PACKET_ORIGDEV
 * @status: TP_STATUS_* as in tpacket3_hdr: checksum, VLAN, GSO, TP_STATUS_TS_*;
 *	none of the latter for a packet that was stamped when it was captured
 * @vlan_tci: with TP_STATUS_VLAN_VALID: of the tag in front of the packet
 * @vlan_tpid: ETH_P_8021Q or ETH_P_8021AD
 * @protocol: ETH_P_*, network byte order
 * @hatype: ARPHRD_*
 * @pkttype: PACKET_*
 * @halen: bytes of the address; may be more than @addr has
 * @net: bytes from this struct to the network header
 * @extensions: XINET_RX_*: what follows this struct, before the packet; in the
 *	order of the bits, each a multiple of 8 bytes long
 * @addr: link-level address of the sender
 */
struct xinet_rx_record {
	__u32 len;
	__u16 type;
	__u16 mac;
	__u64 seq;
	__u64 tstamp;
	__u32 pkt_len;
	__u32 snaplen;
	__u32 ifindex;
	__u32 status;
	__u16 vlan_tci;
	__u16 vlan_tpid;
	__be16 protocol;
	__u16 hatype;
	__u8 pkttype;
	__u8 halen;
	__u16 net;
	__u32 extensions;
	__u8 addr[8];
};

__XINET_ASSERT_SIZE(xinet_rx_record, 64);

/**
 * enum xinet_drop_reason - why a raw or packet socket did not get a packet
 * @XINET_DROP_NONE: it did
 * @XINET_DROP_RCVBUF: its receive buffer was full (SO_RCVBUF); a raw socket
 *	checks that before its filters
 * @XINET_DROP_NOMEM: no memory for a copy of the packet
 * @XINET_DROP_PFMEMALLOC: the packet is in a reserve of memory that is kept for
 *	sockets with SO_MEMALLOC
 * @XINET_DROP_RING_FULL: the program had all frames, or blocks, of the ring
 * @XINET_DROP_FRAME_OFFSETS: PACKET_RESERVE and the packet's link-level header
 *	are longer than the offsets of a frame can be
 * @XINET_DROP_VNET_HDR: a virtio-net header cannot describe the packet
 * @XINET_DROP_LANE_FULL: the reader that is ahead had not freed space in the lane
 * @XINET_DROP_LANE_FROZEN: XINET_RX_RING_FREEZE
 * @XINET_DROP_LANE_BUSY: the packet interrupted the writing of another one on its
 *	CPU
 * @XINET_DROP_XFRM_POLICY: an IPsec policy rejected it
 * @XINET_DROP_CGROUP_BPF: a BPF program of the socket's cgroup rejected it
 * @XINET_DROP_SECURITY: a security module rejected it
 * @XINET_DROP_BACKLOG: XINET_PACKET_DROPS: a packet that the kernel dropped could
 *	not be handed over: too many waited, there was no memory, or it has no
 *	link-level header and its device is not like Ethernet. XINET_PACKET_POINT:
 *	the last two
 * @__XINET_DROP_REASONS: number of reasons
 *
 * New ones are added at the end. A packet that is not for the socket, by its
 * address or device, or that its own filter rejects is not lost.
 */
enum xinet_drop_reason {
	XINET_DROP_NONE,
	XINET_DROP_RCVBUF,
	XINET_DROP_NOMEM,
	XINET_DROP_PFMEMALLOC,
	XINET_DROP_RING_FULL,
	XINET_DROP_FRAME_OFFSETS,
	XINET_DROP_VNET_HDR,
	XINET_DROP_LANE_FULL,
	XINET_DROP_LANE_FROZEN,
	XINET_DROP_LANE_BUSY,
	XINET_DROP_XFRM_POLICY,
	XINET_DROP_CGROUP_BPF,
	XINET_DROP_SECURITY,
	XINET_DROP_BACKLOG,
	__XINET_DROP_REASONS
};

#undef __XINET_ASSERT_SIZE

/* Version of the kernel module that this header belongs to */
#define XINET_VERSION	"0.1.0"

/*
 * Generic netlink family "xinet": reports what socket() cannot. The reply to
 * XINET_CMD_GET_INFO, which takes no attributes, is one message with all of
 * enum xinet_info_attr. No privilege is required, in any namespace.
 */
#define XINET_GENL_NAME		"xinet"
#define XINET_GENL_VERSION	1

enum xinet_genl_cmd {
	XINET_CMD_UNSPEC,
	XINET_CMD_GET_INFO,
	__XINET_CMD_MAX,
};

#define XINET_CMD_MAX	(__XINET_CMD_MAX - 1)

enum xinet_info_attr {
	XINET_INFO_UNSPEC,
	XINET_INFO_FAMILY,	/* u32: live number of PF_XINET */
	XINET_INFO_VERSION,	/* string: version of the module */
	__XINET_INFO_MAX,
};

#define XINET_INFO_MAX	(__XINET_INFO_MAX - 1)

#endif /* _UAPI_LINUX_XINET_H */
