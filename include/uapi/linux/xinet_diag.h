/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * sock_diag(7) for PF_XINET: reports the sockets of the family to programs, as
 * ss(8) shows those of PF_INET and PF_PACKET.
 *
 * A request is a struct nlmsghdr of type SOCK_DIAG_BY_FAMILY on a socket of
 * (AF_NETLINK, NETLINK_SOCK_DIAG), followed by a struct xinet_diag_req. With
 * NLM_F_DUMP the reply is a message for every socket of the program's network
 * namespace that the request selects, and NLMSG_DONE; without it, one message
 * for the socket with the cookie. Each message is a struct xinet_diag_msg
 * followed by attributes, enum xinet_diag_attr.
 *
 * The length of a message depends on its attributes, up to XINET_DIAG_MSG_MAX:
 * a program that requests filters or memberships reads the length first
 * (MSG_PEEK | MSG_TRUNC) or has a buffer of that size.
 *
 * Errors: EINVAL (the request is shorter than its struct, or is for one socket
 * without a cookie), ENOENT (no socket has the cookie; or the module is not
 * loaded), ENOMEM.
 */
#ifndef _UAPI_LINUX_XINET_DIAG_H
#define _UAPI_LINUX_XINET_DIAG_H

#include <linux/types.h>

/* Maximum length of a message in bytes. */
#define XINET_DIAG_MSG_MAX	131072

/* The kind of a socket. */
enum xinet_diag_kind {
	XINET_DIAG_RAW,		/* SOCK_RAW: raw IPv4 */
	XINET_DIAG_PACKET,	/* SOCK_PACKET */
	XINET_DIAG_TCP,		/* SOCK_STREAM over the kernel's TCP */
	XINET_DIAG_UDP,		/* SOCK_DGRAM over the kernel's UDP */
	XINET_DIAG_PING,	/* SOCK_DGRAM, IPPROTO_ICMP */
	XINET_DIAG_OTHER,	/* of a protocol module */
	__XINET_DIAG_KINDS
};

/* struct xinet_diag_req show: attributes besides those that are always sent */
#define XINET_DIAG_SHOW_MEMINFO		0x0001	/* XINET_DIAG_MEMINFO */
#define XINET_DIAG_SHOW_FILTER		0x0002	/* _FILTER, _FILTER_PROG_ID */
#define XINET_DIAG_SHOW_INFO		0x0004	/* _PACKET_INFO, _RX_RING,
						 * _TX_RING, _FANOUT,
						 * _ICMP_FILTER, _RX_LANES,
						 * _DROP_REASONS
						 */
#define XINET_DIAG_SHOW_MEMBERSHIPS	0x0008	/* _MEMBERSHIP(S) */

/**
 * struct xinet_diag_req - which sockets to report, and which attributes
 * @sdiag_family: live number of PF_XINET
 * @sdiag_protocol: IP protocol of the sockets, 0 for any
 * @kinds: bitmask, 1 << enum xinet_diag_kind; 0 for all
 * @states: bitmask, 1 << TCP_ESTABLISHED and so on; 0 for all
 * @show: XINET_DIAG_SHOW_*; unknown bits of any mask are ignored
 * @cookie: the socket, as in struct xinet_diag_msg; without NLM_F_DUMP only
 *	this and @show are used
 */
struct xinet_diag_req {
	__u8	sdiag_family;
	__u8	sdiag_protocol;
	__u16	kinds;
	__u32	states;
	__u32	show;
	__u32	cookie[2];
};

/**
 * struct xinet_diag_msg - a socket
 * @family: of its addresses: AF_INET or AF_PACKET
 * @kind: enum xinet_diag_kind
 * @type: as SO_TYPE: SOCK_RAW, SOCK_DGRAM, SOCK_STREAM, ...
 * @state: TCP_*; without connections ESTABLISHED with a peer, CLOSE otherwise
 * @sport: local port, network byte order; 0 of a kind without ports
 * @dport: peer's port, network byte order
 * @src: local IPv4 address, network byte order
 * @dst: peer's IPv4 address, network byte order
 * @protocol: IP protocol or EtherType, host byte order
 * @ifindex: interface that it is bound to, 0 for any, -1 when that is gone
 * @rqueue: bytes that wait to be read; connections that wait to be accepted
 * @wqueue: bytes to be sent or acknowledged; most connections that may wait
 * @uid: owner, as seen from the program's user namespace
 * @ino: inode number, the one in /proc/PID/fd/N
 * @cookie: as SO_COOKIE, low word first
 */
struct xinet_diag_msg {
	__u8	family;
	__u8	kind;
	__u8	type;
	__u8	state;
	__be16	sport;
	__be16	dport;
	__be32	src;
	__be32	dst;
	__u32	protocol;
	__s32	ifindex;
	__u32	rqueue;
	__u32	wqueue;
	__u32	uid;
	__u32	ino;
	__u32	cookie[2];
};

/**
 * enum xinet_diag_attr - netlink attributes of a message
 * @XINET_DIAG_UNSPEC: none
 * @XINET_DIAG_PAD: aligns the attribute after it
 * @XINET_DIAG_DROPS: __u64, always: packets for the socket that it lost
 * @XINET_DIAG_SHUTDOWN: __u8, always: RCV_SHUTDOWN 1, SEND_SHUTDOWN 2
 * @XINET_DIAG_MARK: __u32, always, with CAP_NET_ADMIN only: SO_MARK
 * @XINET_DIAG_MEMINFO: __u32[SK_MEMINFO_VARS]: as SO_MEMINFO
 * @XINET_DIAG_FILTER: struct sock_filter[]: attached classic program; empty
 *	without CAP_NET_ADMIN, whether there is one or not
 * @XINET_DIAG_FILTER_PROG_ID: __u32, with CAP_NET_ADMIN only: id of the
 *	attached eBPF program
 * @XINET_DIAG_ICMP_FILTER: __u32: ICMP_FILTER of a raw socket of IPPROTO_ICMP
 * @XINET_DIAG_PACKET_INFO: struct xinet_diag_packet
 * @XINET_DIAG_RX_RING: struct xinet_diag_ring: PACKET_RX_RING, if any
 * @XINET_DIAG_TX_RING: struct xinet_diag_ring: PACKET_TX_RING, if any
 * @XINET_DIAG_FANOUT: __u32: as PACKET_FANOUT, if in a group
 * @XINET_DIAG_MEMBERSHIPS: __u32: number of memberships, if any
 * @XINET_DIAG_MEMBERSHIP: struct xinet_diag_membership, repeated: the first
 *	XINET_DIAG_MEMBERSHIPS_MAX of them
 * @XINET_DIAG_RX_LANES: struct xinet_diag_lanes: XINET_RX_RING, of every reader
 * @XINET_DIAG_DROP_REASONS: __u64[], of raw and packet sockets: how many it lost
 *	for each enum xinet_drop_reason; as many as the kernel knows. Never reset
 */
enum xinet_diag_attr {
	XINET_DIAG_UNSPEC,
	XINET_DIAG_PAD,
	XINET_DIAG_DROPS,
	XINET_DIAG_SHUTDOWN,
	XINET_DIAG_MARK,
	XINET_DIAG_MEMINFO,
	XINET_DIAG_FILTER,
	XINET_DIAG_FILTER_PROG_ID,
	XINET_DIAG_ICMP_FILTER,
	XINET_DIAG_PACKET_INFO,
	XINET_DIAG_RX_RING,
	XINET_DIAG_TX_RING,
	XINET_DIAG_FANOUT,
	XINET_DIAG_MEMBERSHIPS,
	XINET_DIAG_MEMBERSHIP,
	XINET_DIAG_RX_LANES,
	XINET_DIAG_DROP_REASONS,
	__XINET_DIAG_ATTRS
};

#define XINET_DIAG_ATTR_MAX		(__XINET_DIAG_ATTRS - 1)
#define XINET_DIAG_MEMBERSHIPS_MAX	1024

/* struct xinet_diag_packet flags */
#define XINET_DIAG_PACKET_RUNNING	0x0001	/* the socket may receive */
#define XINET_DIAG_PACKET_AUXDATA	0x0002	/* PACKET_AUXDATA */
#define XINET_DIAG_PACKET_ORIGDEV	0x0004	/* PACKET_ORIGDEV */
#define XINET_DIAG_PACKET_COOKED	0x0008	/* XINET_PACKET_COOKED */
#define XINET_DIAG_PACKET_IGNORE_OUTGOING 0x0010 /* PACKET_IGNORE_OUTGOING */
#define XINET_DIAG_PACKET_QDISC_BYPASS	0x0020	/* PACKET_QDISC_BYPASS */
#define XINET_DIAG_PACKET_LOSS		0x0040	/* PACKET_LOSS */
#define XINET_DIAG_PACKET_TX_HAS_OFF	0x0080	/* PACKET_TX_HAS_OFF */
#define XINET_DIAG_PACKET_ALL_NETNS	0x0100	/* XINET_PACKET_ALL_NETNS */
#define XINET_DIAG_PACKET_ORIGINAL	0x0200	/* XINET_PACKET_ORIGINAL */
#define XINET_DIAG_PACKET_POINT		0x0400	/* XINET_PACKET_POINT */
#define XINET_DIAG_PACKET_QUEUE		0x0800	/* XINET_PACKET_QUEUE */

/**
 * struct xinet_diag_packet - state and options of a packet socket
 * @flags: XINET_DIAG_PACKET_*
 * @packets: PACKET_STATISTICS tp_packets, which this does not reset
 * @drops: PACKET_STATISTICS tp_drops
 * @freezes: PACKET_STATISTICS tp_freeze_q_cnt
 * @version: PACKET_VERSION
 * @reserve: PACKET_RESERVE, bytes
 * @vnet_hdr_sz: PACKET_VNET_HDR_SZ, bytes
 * @copy_thresh: PACKET_COPY_THRESH
 * @timestamp: PACKET_TIMESTAMP
 */
struct xinet_diag_packet {
	__u32	flags;
	__u32	packets;
	__u32	drops;
	__u32	freezes;
	__u32	version;
	__u32	reserve;
	__u32	vnet_hdr_sz;
	__u32	copy_thresh;
	__u32	timestamp;
};

/**
 * struct xinet_diag_ring - geometry of a ring
 * @block_size: bytes of a block
 * @block_nr: number of blocks
 * @frame_size: bytes of a frame
 * @frame_nr: number of frames
 * @retire_tmo: milliseconds after which a block that is not full is handed
 *	over, TPACKET_V3 receivers only
 * @sizeof_priv: bytes of a block's private area, TPACKET_V3 receivers only
 * @features: TP_FT_REQ_*, TPACKET_V3 receivers only
 */
struct xinet_diag_ring {
	__u32	block_size;
	__u32	block_nr;
	__u32	frame_size;
	__u32	frame_nr;
	__u32	retire_tmo;
	__u32	sizeof_priv;
	__u32	features;
};

/**
 * struct xinet_diag_lanes - XINET_RX_RING
 * @lane_size: bytes of a lane
 * @lanes: number of lanes
 * @flags: XINET_RX_RING_OVERWRITE or 0
 * @snaplen: bytes to keep of a packet, 0 for all
 * @wake_packets: number of packets that readers are woken for, or 0
 * @wake_usec: microseconds after which they are woken, or 0
 * @reader: number of this socket among the readers; 0 made the ring
 * @readers: number of sockets that read the ring
 */
struct xinet_diag_lanes {
	__u32	lane_size;
	__u32	lanes;
	__u32	flags;
	__u32	snaplen;
	__u32	wake_packets;
	__u32	wake_usec;
	__u32	reader;
	__u32	readers;
};

/**
 * struct xinet_diag_membership - PACKET_ADD_MEMBERSHIP
 * @ifindex: interface
 * @count: how often it was added
 * @type: PACKET_MR_*
 * @alen: bytes of @addr that count
 * @addr: link-layer address
 */
struct xinet_diag_membership {
	__s32	ifindex;
	__u32	count;
	__u16	type;
	__u16	alen;
	__u8	addr[32];
};

/* The sizes are part of the ABI: with another one this does not compile. */
extern char __xinet_diag_req_size[sizeof(struct xinet_diag_req) == 20 ? 1 : -1];
extern char __xinet_diag_msg_size[sizeof(struct xinet_diag_msg) == 48 ? 1 : -1];
extern char __xinet_diag_packet_size[sizeof(struct xinet_diag_packet) == 36 ?
				     1 : -1];
extern char __xinet_diag_ring_size[sizeof(struct xinet_diag_ring) == 28 ?
				   1 : -1];
extern char __xinet_diag_lanes_size[sizeof(struct xinet_diag_lanes) == 32 ?
				    1 : -1];
extern char
__xinet_diag_membership_size[sizeof(struct xinet_diag_membership) == 44 ?
			     1 : -1];

#endif /* _UAPI_LINUX_XINET_DIAG_H */
