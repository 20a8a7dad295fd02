/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An index over socket filters: which of many programs can accept a packet at
 * all. See filter_index.c.
 */
#ifndef _XINET_PACKET_FILTER_INDEX_H
#define _XINET_PACKET_FILTER_INDEX_H

#include <linux/filter.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct sk_buff;
struct xinet_filter_index;

/* A program that needs more is always run. */
#define XINET_FILTER_KEYS	16

/* Programs that an index distinguishes; those behind them are always run. */
#define XINET_FILTER_INDEX_MAX	1024

/**
 * struct xinet_filter_field - where in a packet a program looks
 * @mask: bits of what is loaded that count
 * @offset: bytes from where the packet begins for the program
 * @size: bytes to load: 1, 2 or 4
 * @indirect: the offset counts from behind an IPv4 header that begins at @base
 * @base: zero unless @indirect
 */
struct xinet_filter_field {
	u32 mask;
	u16 offset;
	u8 size;
	bool indirect;
	u16 base;
};

/**
 * struct xinet_filter_key - one condition
 * @field: what is compared
 * @value: with what, host byte order as in the program
 */
struct xinet_filter_key {
	struct xinet_filter_field field;
	u32 value;
};

/**
 * struct xinet_filter_keys - what a packet must have to be accepted
 * @known: false: nothing is known, every packet may be accepted
 * @nr: how many; none accepts no packet at all
 * @key: every packet that the program accepts fulfils one of them
 */
struct xinet_filter_keys {
	bool known;
	u8 nr;
	struct xinet_filter_key key[XINET_FILTER_KEYS];
};

/**
 * xinet_filter_keys_derive() - find out what a classic program requires
 * @insns: checked by the core
 * @len: how many
 * @keys: filled in
 *
 * Context: process; may sleep. Without memory, and of a program of more than 512
 * instructions, nothing is known.
 */
void xinet_filter_keys_derive(const struct sock_filter *insns,
			      unsigned int len,
			      struct xinet_filter_keys *keys);

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
