/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * PF_XINET: a socket family beside PF_INET and PF_PACKET.
 *
 * Addresses are those of the families beside it: struct sockaddr_in with
 * AF_INET for raw sockets, struct sockaddr_ll with AF_PACKET for packet
 * sockets. AF_XINET is accepted wherever those are; what the kernel returns
 * says AF_INET or AF_PACKET.
 */
#ifndef _UAPI_LINUX_XINET_H
#define _UAPI_LINUX_XINET_H

/*
 * The default number is that of AF_ASH, which no kernel has ever implemented.
 * The load parameter family= picks another one; the live number stands in
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

/**
 * XINET_PACKET_COOKED - link-level header handling of a packet socket
 *
 * int, 0 or 1, to be set before bind() and before the first packet is asked
 * for. 0, the default, is what SOCK_RAW is to AF_PACKET: frames are received
 * and sent with their link-level header. 1 is what SOCK_DGRAM is to AF_PACKET:
 * the kernel strips the header on receive and builds it from the destination
 * sockaddr_ll on send. SO_TYPE answers SOCK_RAW or SOCK_DGRAM accordingly.
 *
 * Errors: EINVAL (length, a value other than 0 and 1, or 1 on a socket with
 * PACKET_VNET_HDR, which is for link-level frames), EBUSY (the socket has been
 * bound).
 */
#define XINET_PACKET_COOKED	1

/**
 * XINET_RAW_ICMP_ID - one ICMP identifier for a raw socket
 *
 * int, 0 to 65535 (host byte order), for a raw socket of IPPROTO_ICMP. From
 * then on the socket gets the ICMP echo replies that carry the identifier and
 * the ICMP errors about echo requests that carry it, and no other packet; by
 * SO_ERROR and IP_RECVERR, too, it learns of errors about those requests only.
 * Addresses, device, ICMP_FILTER and socket filters choose among them as ever.
 *
 * The kernel finds the socket by its identifier, however many others there are,
 * and it costs nothing to packets that are not for it. Several sockets may have
 * one identifier: each gets the packet. An identifier is for the lifetime of
 * the socket; what had been received before stays in its queue.
 *
 * getsockopt() gives the identifier, or -1 when there is none.
 *
 * Errors: EINVAL (length, or a value out of range), EOPNOTSUPP (not a socket of
 * IPPROTO_ICMP), EBUSY (the socket has another identifier), ENOMEM.
 */
#define XINET_RAW_ICMP_ID	16

/* Version of the kernel module this header came with */
#define XINET_VERSION	"0.1.0"

/*
 * Generic netlink: the family "xinet" tells what socket() cannot be asked.
 * XINET_CMD_GET_INFO takes no attributes and is answered with one message that
 * has all of enum xinet_info_attr. No privilege is needed, in any namespace.
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
