// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arrays that packets read: built here from the list of sinks of a tap
 * after each change, called and published by tap.c, where they are drawn, and
 * read by tap_deliver.c. Nothing here runs per packet.
 */
#include <kunit/visibility.h>
#include <linux/atomic.h>
#include <linux/filter.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "packet/tap/filter.h"
#include "packet/tap/filter_index.h"
#include "packet/tap/tap.h"
#include "packet/tap/tap_array.h"

/* A new array is built when one in so many slots is empty. */
#define ARRAY_SPARSE	4

#if IS_ENABLED(CONFIG_KUNIT)
atomic_t xinet_tap_arrays_made;
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_arrays_made);

static void array_count(void)
{
	atomic_inc(&xinet_tap_arrays_made);
}
#else
static void array_count(void)
{
}
#endif

/* Large enough for @nr_slots sinks, each in a group of its own. */
struct xinet_tap_array *xinet_tap_array_alloc(unsigned int nr_slots)
{
	struct xinet_tap_array *array;
	size_t size;

	size = size_add(struct_size(array, groups, nr_slots),
			array_size(nr_slots, sizeof(*array->slots)));
	array = kvzalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!array)
		return NULL;
	array->slots = (void *)&array->groups[nr_slots];
	array->size = size;
	array_count();
	return array;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_array_alloc);

static bool sinks_share_group(const struct xinet_tap_sink *a,
			      const struct xinet_tap_sink *b)
{
	return a->mode == b->mode && a->filter == b->filter &&
	       a->own_filter == b->own_filter;
}

void xinet_tap_sink_insert(struct list_head *sinks,
			   struct xinet_tap_sink *sink)
{
	struct xinet_tap_sink *other;

	list_for_each_entry(other, sinks, node) {
		if (sinks_share_group(other, sink)) {
			list_add(&sink->node, &other->node);
			return;
		}
	}

	if (sink->mode == XINET_TAP_RAW)
		list_add(&sink->node, sinks);
	else
		list_add_tail(&sink->node, sinks);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_sink_insert);

static bool program_is_fast(const struct bpf_prog *prog)
{
	return prog && !prog->cb_access;
}

void xinet_tap_array_fill(struct xinet_tap_array *array,
			  const struct list_head *sinks)
{
	struct xinet_tap_sink *sink, *prev = NULL;
	struct xinet_tap_group *group = NULL;
	struct bpf_prog *prog;

	list_for_each_entry(sink, sinks, node) {
		if (!prev || !sinks_share_group(prev, sink)) {
			group = &array->groups[array->nr_groups++];
			prog = xinet_filter_prog(sink->filter);
			RCU_INIT_POINTER(group->prog, prog);
			group->first = array->nr_slots;
			group->mode = sink->mode;
			group->own = sink->own_filter;
			group->fast = program_is_fast(prog) ? group->mode :
								XINET_TAP_MODES;
		}
		sink->slot = array->nr_slots;
		sink->in_group = array->nr_groups - 1;
		RCU_INIT_POINTER(array->slots[array->nr_slots], sink);
		group->end = ++array->nr_slots;
		group->nr_sinks++;
		prev = sink;
	}
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_array_fill);

void xinet_tap_array_remove(struct xinet_tap_array *array,
			    const struct xinet_tap_sink *sink)
{
	struct xinet_tap_group *group = &array->groups[sink->in_group];

	RCU_INIT_POINTER(array->slots[sink->slot], NULL);
	array->nr_empty++;
	/* the sinks that are left still use the program */
	if (!--group->nr_sinks && rcu_access_pointer(group->prog))
		rcu_assign_pointer(group->prog, xinet_filter_nothing());
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_array_remove);

bool xinet_tap_array_is_sparse(const struct xinet_tap_array *array)
{
	return array->nr_empty >= DIV_ROUND_UP(array->nr_slots, ARRAY_SPARSE);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_array_is_sparse);

/* For use before the array is published. */
static struct xinet_tap_sink *array_sink(const struct xinet_tap_array *array,
					 u32 slot)
{
	return rcu_dereference_protected(array->slots[slot], true);
}

/* The sink for @array->only, or NULL. */
static struct xinet_tap_sink *
array_only_sink(const struct xinet_tap_array *array)
{
	const struct xinet_tap_group *group = array->groups;

	if (array->nr_slots != 1 || rcu_access_pointer(group->prog) ||
	    group->own || group->mode != XINET_TAP_RAW)
		return NULL;
	return array_sink(array, 0);
}

/* The sink for @array->fast, or NULL. */
static struct xinet_tap_sink *
array_fast_sink(const struct xinet_tap_array *array)
{
	struct xinet_tap_sink *first = array_sink(array, 0);

	/* a fanout group runs the filters of its members itself */
	if (array->nr_slots == 1 && !first->sk)
		return first;
	return array_only_sink(array);
}

/* The number of link-level groups, which come first. */
static u32 array_count_raw(const struct xinet_tap_array *array)
{
	u32 i;

	for (i = 0; i < array->nr_groups; i++) {
		if (array->groups[i].mode != XINET_TAP_RAW)
			break;
	}
	return i;
}

void xinet_tap_array_index(struct xinet_tap_array *array)
{
	const struct xinet_filter_keys **keys;
	const struct xinet_tap_sink *sink;
	u32 nr = array_count_raw(array);
	u32 i;

	RCU_INIT_POINTER(array->only, array_only_sink(array));
	RCU_INIT_POINTER(array->fast, array_fast_sink(array));
	if (nr < 2)
		return;
	keys = kvmalloc_array(nr, sizeof(*keys), GFP_KERNEL | __GFP_NOWARN);
	if (!keys)
		return;
	for (i = 0; i < nr; i++) {
		sink = array_sink(array, array->groups[i].first);
		keys[i] = xinet_filter_get_keys(sink->filter);
	}
	array->index = xinet_filter_index_build(keys, nr);
	if (array->index) {
		array->nr_indexed = xinet_filter_index_nr(array->index);
		array->size += xinet_filter_index_size(array->index);
	}
	kvfree(keys);
}

static void array_free_rcu(struct rcu_head *head)
{
	struct xinet_tap_array *array =
		container_of(head, struct xinet_tap_array, rcu);

	kvfree(array->index);
	kvfree(array);
}

/* Not kvfree_rcu(): not on all kernels does rcu_barrier() wait for it. */
void xinet_tap_array_free_rcu(struct xinet_tap_array *array)
{
	call_rcu(&array->rcu, array_free_rcu);
}
