/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys: what a classic program requires of every packet that it accepts. */
#ifndef _XINET_PACKET_FILTER_KEYS_H
#define _XINET_PACKET_FILTER_KEYS_H

#include <linux/filter.h>
#include <linux/types.h>

/* Most keys of a program; one that needs more is always run. */
#define XINET_FILTER_KEYS	16

/**
 * struct xinet_filter_field - a field of a packet that a program loads
 * @mask: bits of the loaded value that are compared
 * @offset: bytes from where the packet begins for the program
 * @size: bytes to load: 1, 2 or 4
 * @indirect: @offset counts from the end of an IPv4 header that begins at @base
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
 * @field: the field
 * @value: the value it must have, host byte order as in the program
 */
struct xinet_filter_key {
	struct xinet_filter_field field;
	u32 value;
};

/**
 * struct xinet_filter_keys - what a program requires of a packet
 * @known: false: every packet may be accepted
 * @nr: used entries of @key; 0: no packet is accepted
 * @key: every packet that the program accepts fulfils at least one
 */
struct xinet_filter_keys {
	bool known;
	u8 nr;
	struct xinet_filter_key key[XINET_FILTER_KEYS];
};

/**
 * xinet_filter_keys_derive() - derive what a classic program requires
 * @insns: its instructions, checked by the core
 * @len: how many
 * @keys: filled in; unknown if out of memory, or for more than 512 instructions
 *
 * Context: process; may sleep.
 */
void xinet_filter_keys_derive(const struct sock_filter *insns,
			      unsigned int len,
			      struct xinet_filter_keys *keys);

/**
 * xinet_filter_field_equal() - whether two fields cover the same bits
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
