/* SPDX-License-Identifier: GPL-2.0-only */
/* Per-namespace counters. */
#ifndef _XINET_MIB_H
#define _XINET_MIB_H

#include <linux/percpu.h>
#include <linux/types.h>
#include <linux/xinet.h>

#include "af_xinet/netns.h"

struct seq_file;

/**
 * enum xinet_mib_item - the counters of a namespace
 * @XINET_MIB_RAW_INDELIVERS: datagrams queued to raw sockets
 * @XINET_MIB_RAW_INDROPS: datagrams that matched a raw socket and were lost
 * @XINET_MIB_RAW_OUTREQUESTS: messages that raw sockets sent
 * @XINET_MIB_RAW_OUTERRORS: messages of raw sockets that could not be sent
 * @XINET_MIB_HANDLER_INDELIVERS: datagrams passed to a protocol handler
 * @XINET_MIB_HANDLER_INMEMERRORS: datagrams for a handler lost for lack of
 *	memory
 * @XINET_MIB_HANDLER_INPOLICYERRORS: datagrams rejected by IPsec policy
 * @XINET_MIB_HANDLER_INERRORS: ICMP errors passed to a protocol handler
 * @XINET_MIB_REASMREQDS: fragments that had a receiver
 * @XINET_MIB_REASMOKS: datagrams reassembled from them
 * @XINET_MIB_ITEMS: number of counters
 *
 * Packets without a receiver are not counted.
 */
enum xinet_mib_item {
	XINET_MIB_RAW_INDELIVERS,
	XINET_MIB_RAW_INDROPS,
	XINET_MIB_RAW_OUTREQUESTS,
	XINET_MIB_RAW_OUTERRORS,
	XINET_MIB_HANDLER_INDELIVERS,
	XINET_MIB_HANDLER_INMEMERRORS,
	XINET_MIB_HANDLER_INPOLICYERRORS,
	XINET_MIB_HANDLER_INERRORS,
	XINET_MIB_REASMREQDS,
	XINET_MIB_REASMOKS,
	XINET_MIB_ITEMS
};

/**
 * struct xinet_mib - the counters of one CPU, in one namespace
 * @items: written by that CPU only
 * @drops: the same, by enum xinet_drop_reason
 */
struct xinet_mib {
	u64 items[XINET_MIB_ITEMS];
	u64 drops[__XINET_DROP_REASONS];
};

/**
 * xinet_mib_of() - the counters of a namespace
 * @net: the namespace
 *
 * Context: any, while @net is alive or under RCU.
 * Return: never NULL.
 */
struct xinet_mib __percpu *xinet_mib_of(const struct net *net);

/**
 * xinet_mib_inc() - increment a counter
 * @net: the namespace
 * @item: the counter
 *
 * Context: any, as xinet_mib_of(); one per-CPU increment, no lock.
 */
static inline void xinet_mib_inc(const struct net *net,
				 enum xinet_mib_item item)
{
	this_cpu_inc(xinet_mib_of(net)->items[item]);
}

extern unsigned int xinet_mib_net_id;

/**
 * struct xinet_mib_net - per-namespace data of mib.c
 * @mib: the counters
 */
struct xinet_mib_net {
	struct xinet_mib __percpu *mib;
};

/**
 * xinet_mib_inc_rcu() - increment a counter in a packet path
 * @net: the namespace
 * @item: the counter
 *
 * Context: RCU read side.
 */
static inline void xinet_mib_inc_rcu(const struct net *net,
				     enum xinet_mib_item item)
{
	const struct xinet_mib_net *mn = xinet_netns_rcu(net, xinet_mib_net_id);

	this_cpu_inc(mn->mib->items[item]);
}

/**
 * xinet_mib_drop() - count a packet that a socket lost
 * @net: namespace of the socket
 * @reason: why
 *
 * Context: any, as xinet_mib_of(); one per-CPU increment, no lock.
 */
static inline void xinet_mib_drop(const struct net *net,
				  enum xinet_drop_reason reason)
{
	this_cpu_inc(xinet_mib_of(net)->drops[reason]);
}

/**
 * xinet_mib_drop_name() - the name of a reason
 * @reason: less than __XINET_DROP_REASONS
 *
 * Return: as in /proc/net/xinet/snmp.
 */
const char *xinet_mib_drop_name(enum xinet_drop_reason reason);

/**
 * xinet_mib_show() - print the counters in the layout of /proc/net/snmp
 * @seq: output
 * @net: the namespace
 *
 * Context: process.
 */
void xinet_mib_show(struct seq_file *seq, const struct net *net);

/**
 * xinet_mib_init() - prepare the counters of every namespace
 *
 * Context: process, module init, before every component that counts.
 * Return: 0 or a negative errno.
 */
int xinet_mib_init(void);

/**
 * xinet_mib_exit() - undo xinet_mib_init()
 *
 * Context: process, module exit, after every component that counts.
 */
void xinet_mib_exit(void);

#endif /* _XINET_MIB_H */
