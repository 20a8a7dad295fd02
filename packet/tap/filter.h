/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interned socket filters: sockets with equal programs share one object, so
 * that a tap runs it once for all of them. Programs whose result may differ
 * between two runs over one packet, or that have side effects, are not shared.
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
 * @lock: for look-ups and reference counts; not held to analyse a program
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
 * @core: the core's filter of the socket, classic or eBPF; the caller keeps it
 *	alive during the call, by the socket lock
 *
 * Classic programs are equal if their instructions are. A program that loads a
 * random number is equal to no other, and neither is an eBPF program: it may
 * keep state.
 *
 * Context: process; may sleep.
 * Return: a filter with a reference for the caller; ERR_PTR(-ENOMEM).
 */
struct xinet_filter *xinet_filter_intern(struct xinet_filter_table *table,
					 struct sk_filter *core);

/**
 * xinet_filter_put() - drop a reference
 * @filter: from xinet_filter_intern(), or NULL
 *
 * The program is freed after an RCU grace period.
 *
 * Context: process; may sleep, never waits for a grace period.
 */
void xinet_filter_put(struct xinet_filter *filter);

/**
 * xinet_filter_prog() - the program to run
 * @filter: an interned filter, or NULL
 *
 * Return: freed an RCU grace period after the last reference; NULL for NULL.
 */
struct bpf_prog *xinet_filter_prog(const struct xinet_filter *filter);

/**
 * xinet_filter_get_keys() - what a filter requires of a packet
 * @filter: an interned filter, or NULL
 *
 * Return: see filter_keys.h; valid while a reference is held; NULL for NULL.
 */
const struct xinet_filter_keys *
xinet_filter_get_keys(const struct xinet_filter *filter);

/**
 * xinet_filter_nothing() - the program that rejects every packet
 */
struct bpf_prog *xinet_filter_nothing(void);

/**
 * xinet_filter_init() - create the program of xinet_filter_nothing()
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
 * xinet_filter_core_size() - bytes that are freed with a filter of the core
 * @core: the core's filter of a socket, or NULL
 */
size_t xinet_filter_core_size(const struct sk_filter *core);

/**
 * xinet_filter_core_get() - take a reference to a filter of the core
 * @core: the core's filter of a socket, or NULL
 *
 * While the reference is held, no other filter can have the same address.
 *
 * Context: process or softirq.
 * Return: @core.
 */
struct sk_filter *xinet_filter_core_get(struct sk_filter *core);

/**
 * xinet_filter_core_put() - drop a reference
 * @core: from xinet_filter_core_get(), or NULL
 *
 * Context: process or softirq; never waits for a grace period.
 */
void xinet_filter_core_put(struct sk_filter *core);

#endif /* _XINET_PACKET_FILTER_H */
