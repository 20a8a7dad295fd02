/* SPDX-License-Identifier: GPL-2.0-only */
/* What a classic program requires of every packet that it accepts. */
#ifndef _XINET_PACKET_FILTER_KEYS_H
#define _XINET_PACKET_FILTER_KEYS_H

#include <linux/filter.h>
#include <linux/types.h>

/* A program that needs more is always run. */
#define XINET_FILTER_KEYS	16

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
 * xinet_filter_field_equal() - whether two fields are the same bits of a packet
 * @x: a field
 * @y: another
 */
static inline bool
xinet_filter_field_equal(const struct xinet_filter_field *x,
			 const struct xinet_filter_field *y)
{
	return x->mask == y->mask && x->offset == y->offset &&
	       x->size == y->size && x->indirect == y->indirect &&
	       x->base == y->base;
}

#endif /* _XINET_PACKET_FILTER_KEYS_H */
