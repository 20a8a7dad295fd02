/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies small packets without the CPU's string instructions. */
#ifndef _XINET_COPY_H
#define _XINET_COPY_H

#include <linux/compiler.h>
#include <linux/kconfig.h>
#include <linux/string.h>
#include <linux/types.h>

/* Up to this many bytes, words are faster than string instructions. */
#define XINET_COPY_WORDS_MAX	256

/* Bytes copied per step; neither side needs to be aligned. */
#define XINET_COPY_STEP		(4 * sizeof(u64))

/* The last step may overlap the one before it. */
static __always_inline void
xinet_copy_words(void *to, const void *from, unsigned int len)
{
	const void *last = from + len - XINET_COPY_STEP;
	void *to_last = to + len - XINET_COPY_STEP;

	do {
		memcpy(to, from, XINET_COPY_STEP);
		from += XINET_COPY_STEP;
		to += XINET_COPY_STEP;
	} while (from < last);
	memcpy(to_last, last, XINET_COPY_STEP);
}

/**
 * xinet_copy_linear() - memcpy() that is fast for small packets
 * @to: destination
 * @from: source
 * @len: length in bytes
 *
 * Context: any.
 */
static __always_inline void
xinet_copy_linear(void *to, const void *from, unsigned int len)
{
	if (IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	    len >= XINET_COPY_STEP && len <= XINET_COPY_WORDS_MAX)
		xinet_copy_words(to, from, len);
	else
		memcpy(to, from, len);
}

#endif /* _XINET_COPY_H */
