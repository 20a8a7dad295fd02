/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_RAW_ERROR_H
#define _XINET_RAW_ERROR_H

#include <linux/types.h>

struct sock;
struct xinet_ip_error;

/**
 * xinet_raw_error_report() - tell a raw socket of an error about its packet
 * @sk: a raw socket that the quoted packet may come from
 * @error: the error
 *
 * As raw(7) has it: path MTU and redirects go to routing; a socket that is
 * connected learns of a hard error by SO_ERROR, one with IP_RECVERR of every
 * error by SO_ERROR and by an entry of its error queue.
 *
 * Context: softirq, RCU read side.
 */
void xinet_raw_error_report(struct sock *sk,
			    const struct xinet_ip_error *error);

/**
 * xinet_raw_error_local() - an error that this host found itself
 * @sk: a raw socket; without IP_RECVERR nothing happens
 * @err: positive errno
 * @daddr: where the packet was to go, network byte order
 * @info: the MTU for EMSGSIZE, in bytes
 *
 * Context: process.
 */
void xinet_raw_error_local(struct sock *sk, int err, __be32 daddr, u32 info);

#endif /* _XINET_RAW_ERROR_H */
