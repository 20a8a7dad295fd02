// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index over filters. tap_array.c builds one for every array, from what
 * filter_keys.c derived of each program; tap_deliver.c looks up per packet
 * which programs to run. The programs still decide: the index may only leave
 * out those that would reject the packet.
 *
 * It is one hash table of (field, value), in which the packet's value of each
 * field is looked up. Budget: about 25 instructions for each distinct field
 * (the programs of libpcap have a dozen in total), and the programs that match.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "packet/tap/filter_index.h"
#include "packet/tap/filter_keys.h"

/* Distinct fields in an index; a program with others is always run. */
#define INDEX_FIELDS	24

/* An index over fewer known programs does not pay off. */
#define INDEX_MIN	3

/*
 * @next: 1 + index of the next entry in the hash chain, or 0
 * @program: bit in the resulting bitmap
 */
struct index_entry {
	u32 value;
	u16 field;
	u16 next;
	u32 program;
};

/*
 * @nr: programs
 * @nr_fields: used entries of @fields
 * @bits: width of the hash
 * @always: programs to run for every packet
 * @heads: 1 + index of an entry, by hash; behind the entries
 * @size: bytes of the allocation
 */
struct xinet_filter_index {
	u32 nr;
	u32 nr_fields;
	u32 nr_entries;
	u32 bits;
	struct xinet_filter_field fields[INDEX_FIELDS];
	unsigned long always[BITS_TO_LONGS(XINET_FILTER_INDEX_MAX)];
	u16 *heads;
	size_t size;
	struct index_entry entries[];
};

static u32 index_hash(const struct xinet_filter_index *index, u32 field,
		      u32 value)
{
	return hash_32(value + field * GOLDEN_RATIO_32, index->bits);
}

/* The number of @field, which is added if new; INDEX_FIELDS if full. */
static u32 index_find_field(struct xinet_filter_index *index,
			    const struct xinet_filter_field *field)
{
	u32 i;

	for (i = 0; i < index->nr_fields; i++) {
		if (xinet_filter_field_equal(&index->fields[i], field))
			return i;
	}
	if (i < INDEX_FIELDS) {
		index->fields[i] = *field;
		index->nr_fields++;
	}
	return i;
}

static void index_insert(struct xinet_filter_index *index, u32 field,
			 u32 value, u32 program)
{
	u16 *head = &index->heads[index_hash(index, field, value)];

	index->entries[index->nr_entries++] = (struct index_entry){
		.value = value,
		.field = field,
		.next = *head,
		.program = program,
	};
	*head = index->nr_entries;
}

static void index_add(struct xinet_filter_index *index,
		      const struct xinet_filter_keys *keys, u32 program)
{
	u32 fields[XINET_FILTER_KEYS];
	unsigned int i;

	for (i = 0; i < keys->nr; i++) {
		fields[i] = index_find_field(index, &keys->key[i].field);
		if (fields[i] == INDEX_FIELDS) {
			__set_bit(program, index->always);
			return;
		}
	}
	for (i = 0; i < keys->nr; i++)
		index_insert(index, fields[i], keys->key[i].value, program);
}

struct xinet_filter_index *
xinet_filter_index_build(const struct xinet_filter_keys *const *keys,
			 unsigned int nr)
{
	struct xinet_filter_index *index;
	unsigned int nr_known = 0;
	size_t nr_entries = 0;
	unsigned int bits;
	size_t size;
	u32 i;

	nr = min_t(unsigned int, nr, XINET_FILTER_INDEX_MAX);
	for (i = 0; i < nr; i++) {
		if (keys[i] && keys[i]->known) {
			nr_known++;
			nr_entries += keys[i]->nr;
		}
	}
	if (nr_known < INDEX_MIN)
		return NULL;

	/* at most 16 * 1024 entries, which fit a u16 */
	bits = ilog2(nr_entries + 1) + 1;
	size = size_add(struct_size(index, entries, nr_entries),
			array_size(sizeof(u16), 1U << bits));
	index = kvzalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!index)
		return NULL;
	index->size = size;
	index->nr = nr;
	index->bits = bits;
	index->heads = (void *)&index->entries[nr_entries];
	for (i = 0; i < nr; i++) {
		if (keys[i] && keys[i]->known)
			index_add(index, keys[i], i);
		else
			__set_bit(i, index->always);
	}
	return index;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_filter_index_build);

size_t xinet_filter_index_size(const struct xinet_filter_index *index)
{
	return index->size;
}

unsigned int xinet_filter_index_nr(const struct xinet_filter_index *index)
{
	return index->nr;
}

/* Loads as a program does; false if that load would fail. */
static bool load_bytes(const struct sk_buff *skb, u32 offset, u32 size,
		       u32 *value)
{
	union {
		__be32 word;
		__be16 half;
		u8 byte;
	} loaded;
	const void *at;

	at = skb_header_pointer(skb, offset, size, &loaded);
	if (!at)
		return false;
	switch (size) {
	case sizeof(u32):
		memcpy(&loaded.word, at, sizeof(u32));
		*value = be32_to_cpu(loaded.word);
		break;
	case sizeof(u16):
		memcpy(&loaded.half, at, sizeof(u16));
		*value = be16_to_cpu(loaded.half);
		break;
	default:
		*value = *(const u8 *)at;
		break;
	}
	return true;
}

static bool load_value(const struct sk_buff *skb,
		       const struct xinet_filter_field *field, u32 *value)
{
	u32 offset = field->offset;
	u32 first;

	if (field->indirect) {
		if (!load_bytes(skb, field->base, sizeof(u8), &first))
			return false;
		offset += (first & 0xf) << 2;
	}
	if (!load_bytes(skb, offset, field->size, value))
		return false;
	*value &= field->mask;
	return true;
}

void xinet_filter_index_match(const struct xinet_filter_index *index,
			      const struct sk_buff *skb, unsigned long *run)
{
	const struct index_entry *entry;
	u32 value;
	u32 at;
	u32 i;

	bitmap_copy(run, index->always, index->nr);
	for (i = 0; i < index->nr_fields; i++) {
		if (!load_value(skb, &index->fields[i], &value))
			continue;
		at = index->heads[index_hash(index, i, value)];
		for (; at; at = entry->next) {
			entry = &index->entries[at - 1];
			if (entry->value == value && entry->field == i)
				__set_bit(entry->program, run);
		}
	}
}
EXPORT_SYMBOL_IF_KUNIT(xinet_filter_index_match);
