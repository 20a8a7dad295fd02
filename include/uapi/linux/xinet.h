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

#endif /* _UAPI_LINUX_XINET_H */
