/* SPDX-License-Identifier: GPL-2.0-only */
/* An index over socket filters: which of many programs may accept a packet. */
#ifndef _XINET_PACKET_FILTER_INDEX_H
#define _XINET_PACKET_FILTER_INDEX_H

#include <linux/rcupdate.h>
#include <linux/types.h>

struct sk_buff;
struct xinet_filter_index;
struct xinet_filter_keys;

/* Programs that an index distinguishes; those behind them are always run. */
#define XINET_FILTER_INDEX_MAX	1024

/**
 * xinet_filter_index_build() - an index over some programs
 * @keys: of each, NULL where nothing is known
 * @nr: length of @keys
 *
 * Context: process; may sleep.
 * Return: the index, to be freed by xinet_filter_index_free_rcu(); NULL where
 * it would not help, or without memory: then all programs are to be run.
 */
struct xinet_filter_index *
xinet_filter_index_build(const struct xinet_filter_keys *const *keys,
			 unsigned int nr);

/**
 * xinet_filter_index_free_rcu() - free an index when nobody reads it any more
 * @index: not published any more, or NULL
 */
void xinet_filter_index_free_rcu(struct xinet_filter_index *index);

/**
 * xinet_filter_index_size() - memory of an index
 * @index: an index
 *
 * Return: bytes, at most.
 */
size_t xinet_filter_index_size(const struct xinet_filter_index *index);

/**
 * xinet_filter_index_nr() - for how many programs an index speaks
 * @index: the index
 */
unsigned int xinet_filter_index_nr(const struct xinet_filter_index *index);

/**
 * xinet_filter_index_match() - which programs may accept a packet
 * @index: of them
 * @skb: data where the packet begins for them
 * @run: a bit of each is written, set where it must be asked
 *
 * Context: any; RCU.
 */
void xinet_filter_index_match(const struct xinet_filter_index *index,
			      const struct sk_buff *skb, unsigned long *run);

#endif /* _XINET_PACKET_FILTER_INDEX_H */
