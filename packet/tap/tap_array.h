/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds the arrays that taps publish; struct xinet_tap_array is in tap.h.
 */
#ifndef _XINET_PACKET_TAP_ARRAY_H
#define _XINET_PACKET_TAP_ARRAY_H

struct list_head;
struct xinet_tap_array;
struct xinet_tap_sink;

/**
 * xinet_tap_array_alloc() - an empty array
 * @nr_slots: how many sinks it can hold
 *
 * Return: the array, to be freed with kvfree(), or NULL.
 */
struct xinet_tap_array *xinet_tap_array_alloc(unsigned int nr_slots);

/**
 * xinet_tap_array_fill() - write sinks and their groups into an array
 * @array: empty, with a slot for every sink of @sinks
 * @sinks: list of struct xinet_tap_sink, ordered by xinet_tap_sink_insert()
 */
void xinet_tap_array_fill(struct xinet_tap_array *array,
			  const struct list_head *sinks);

/**
 * xinet_tap_sink_insert() - insert a sink next to those of its group
 * @sinks: list of struct xinet_tap_sink, link-level ones first
 * @sink: in no list
 */
void xinet_tap_sink_insert(struct list_head *sinks,
			   struct xinet_tap_sink *sink);

/**
 * xinet_tap_array_remove() - empty the slot of a sink
 * @array: published; holds @sink
 * @sink: gets no further packets; its filter may be freed by RCU afterwards
 */
void xinet_tap_array_remove(struct xinet_tap_array *array,
			    const struct xinet_tap_sink *sink);

/**
 * xinet_tap_array_is_sparse() - whether too many slots are empty
 * @array: published
 */
bool xinet_tap_array_is_sparse(const struct xinet_tap_array *array);

/**
 * xinet_tap_array_index() - prepare fast paths through an array
 * @array: filled in, not published yet
 *
 * Out of memory, there is no index and every program is run.
 *
 * Context: process; may sleep.
 */
void xinet_tap_array_index(struct xinet_tap_array *array);

/**
 * xinet_tap_array_free_rcu() - free an array after a grace period
 * @array: no longer published
 */
void xinet_tap_array_free_rcu(struct xinet_tap_array *array);

#if IS_ENABLED(CONFIG_KUNIT)
/* Number of arrays allocated so far. */
extern atomic_t xinet_tap_arrays_made;
#endif

#endif /* _XINET_PACKET_TAP_ARRAY_H */
