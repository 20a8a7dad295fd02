/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of places in the kernel's code. */
#ifndef _XINET_PACKET_DROPPED_PLACE_H
#define _XINET_PACKET_DROPPED_PLACE_H

#include <linux/types.h>

#define XINET_PLACES		32	/* a power of two */
#define XINET_PLACE_LEN		64

/**
 * struct xinet_places - places whose names are known already
 * @at: where they are
 * @names: what they are called
 *
 * A look-up in the kernel's symbols takes some microseconds.
 */
struct xinet_places {
	const void *at[XINET_PLACES];
	char names[XINET_PLACES][XINET_PLACE_LEN];
};

/**
 * xinet_place_name() - the name of a place, as in struct xinet_dropped
 * @places: used by one caller at a time
 * @at: an address in the kernel's code
 * @name: filled in, XINET_PLACE_LEN bytes, zeroes behind the name
 *
 * Never tells an address: what has no name is empty.
 *
 * Context: process.
 */
void xinet_place_name(struct xinet_places *places, const void *at, char *name);

#endif /* _XINET_PACKET_DROPPED_PLACE_H */
