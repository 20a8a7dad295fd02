/* SPDX-License-Identifier: GPL-2.0-only */
/* An index over socket filters: finds which programs may accept a packet. */
#ifndef _XINET_PACKET_FILTER_INDEX_H
#define _XINET_PACKET_FILTER_INDEX_H

#include <linux/types.h>

struct sk_buff;
struct xinet_filter_index;
struct xinet_filter_keys;

/* Programs that an index covers; those after them are always run. */
#define XINET_FILTER_INDEX_MAX	1024

/**
 * xinet_filter_index_build() - build an index over some programs
 * @keys: of each program, NULL if unknown
 * @nr: length of @keys
 *
 * Context: process; may sleep.
 * Return: the index, to be freed with kvfree() when it has no reader any more;
 * NULL if it would not pay off or out of memory: run all programs.
 */
struct xinet_filter_index *
xinet_filter_index_build(const struct xinet_filter_keys *const *keys,
			 unsigned int nr);

/**
 * xinet_filter_index_size() - memory of an index
 * @index: an index
 *
 * Return: bytes.
 */
size_t xinet_filter_index_size(const struct xinet_filter_index *index);

/**
 * xinet_filter_index_nr() - how many programs an index covers
 * @index: the index
 */
unsigned int xinet_filter_index_nr(const struct xinet_filter_index *index);

/**
 * xinet_filter_index_match() - find the programs that may accept a packet
 * @index: over the programs
 * @skb: data where the packet begins for them
 * @run: bitmap of xinet_filter_index_nr() bits; set for a program to be run
 *
 * Context: any; RCU.
 */
void xinet_filter_index_match(const struct xinet_filter_index *index,
			      const struct sk_buff *skb, unsigned long *run);

#endif /* _XINET_PACKET_FILTER_INDEX_H */
