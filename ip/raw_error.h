/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors of raw sockets. */
#ifndef _XINET_RAW_ERROR_H
#define _XINET_RAW_ERROR_H

#include <linux/types.h>

struct sock;
struct xinet_ip_error;

/**
 * xinet_raw_error_report() - report an ICMP error to a raw socket
 * @sk: a raw socket that may have sent the quoted packet
 * @error: the error
 *
 * As raw(7) says: routing handles path MTU and redirects; a connected socket
 * gets hard errors by SO_ERROR, one with IP_RECVERR every error by SO_ERROR and
 * by an entry of its error queue.
 *
 * Context: softirq, RCU read side.
 */
void xinet_raw_error_report(struct sock *sk,
			    const struct xinet_ip_error *error);

/**
 * xinet_raw_error_local() - report an error that this host found
 * @sk: a raw socket; without IP_RECVERR nothing happens
 * @err: positive errno
 * @daddr: destination of the packet, network byte order
 * @info: the MTU for EMSGSIZE, in bytes
 *
 * Context: process.
 */
void xinet_raw_error_local(struct sock *sk, int err, __be32 daddr, u32 info);

#endif /* _XINET_RAW_ERROR_H */
