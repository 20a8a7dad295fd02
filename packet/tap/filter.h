/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interned socket filters: equal programs of different sockets are one object,
 * so that a tap can run it once for all of them. Programs of which two runs over
 * one packet may differ, or which leave something behind, are not shared.
 */
#ifndef _XINET_PACKET_FILTER_H
#define _XINET_PACKET_FILTER_H

#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct bpf_prog;
struct sk_filter;
struct xinet_filter;
struct xinet_filter_keys;

/**
 * struct xinet_filter_table - the shared filters of a network namespace
 * @lock: held for a look-up or a count, never while a program is looked through
 * @filters: by hash of the instructions
 */
struct xinet_filter_table {
	struct mutex lock;	/* filters and their counts */
	DECLARE_HASHTABLE(filters, 6);
};

/**
 * xinet_filter_table_init() - prepare the filters of a network namespace
 * @table: zeroed
 */
void xinet_filter_table_init(struct xinet_filter_table *table);

/**
 * xinet_filter_intern() - find or make the shared form of a socket's filter
 * @table: of the socket's namespace; lives as long as the filter
 * @core: what the core keeps for the socket, classic or eBPF; the caller keeps
 *	it from going away during the call (by the socket lock)
 *
 * Classic programs are equal when their instructions are. One that asks for a
 * random number is equal to none, and so is every eBPF program: it may count or
 * remember what it sees.
 *
 * Context: process; may sleep.
 * Return: a filter with a reference for the caller; ERR_PTR(-ENOMEM).
 */
struct xinet_filter *xinet_filter_intern(struct xinet_filter_table *table,
					 struct sk_filter *core);

/**
 * xinet_filter_put() - give a reference back
 * @filter: from xinet_filter_intern(), or NULL
 *
 * The program stays runnable for readers of an RCU section that began before
 * the call.
 *
 * Context: process; may sleep, never waits for a grace period.
 */
void xinet_filter_put(struct xinet_filter *filter);

/**
 * xinet_filter_prog() - the program to run
 * @filter: an interned filter, or NULL for "every packet"
 *
 * Context: any; the program lives while a reference is held, and for an RCU
 * grace period after the last one is gone.
 * Return: the program, NULL for a NULL @filter.
 */
struct bpf_prog *xinet_filter_prog(const struct xinet_filter *filter);

/**
 * xinet_filter_get_keys() - what a filter requires of a packet
 * @filter: an interned filter, or NULL
 *
 * Context: any; lives while a reference is held.
 * Return: see filter_keys.h; NULL for a NULL @filter.
 */
const struct xinet_filter_keys *
xinet_filter_get_keys(const struct xinet_filter *filter);

/**
 * xinet_filter_nothing() - a program that accepts no packet
 *
 * Context: any.
 */
struct bpf_prog *xinet_filter_nothing(void);

/**
 * xinet_filter_init() - prepare it
 *
 * Return: 0 or a negative errno.
 */
int xinet_filter_init(void);

/**
 * xinet_filter_exit() - undo xinet_filter_init()
 *
 * Context: rcu_barrier() has been called after the last socket was closed.
 */
void xinet_filter_exit(void);

/**
 * xinet_filter_core_size() - memory that goes with what the core keeps
 * @core: as above, or NULL
 */
size_t xinet_filter_core_size(const struct sk_filter *core);

/**
 * xinet_filter_core_get() - hold what the core keeps for a socket
 * @core: as above, or NULL
 *
 * While it is held its address cannot come to mean another filter.
 *
 * Context: process or softirq.
 * Return: @core.
 */
struct sk_filter *xinet_filter_core_get(struct sk_filter *core);

/**
 * xinet_filter_core_put() - let go of it
 * @core: from xinet_filter_core_get(), or NULL
 *
 * Context: process or softirq; never waits for a grace period.
 */
void xinet_filter_core_put(struct sk_filter *core);

#endif /* _XINET_PACKET_FILTER_H */
