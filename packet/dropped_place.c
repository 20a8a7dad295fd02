// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of places in the kernel's code, for dropped.c. Those in modules are
 * looked up each time: another module may be loaded there later.
 */
#include <linux/hash.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "packet/dropped_place.h"

/* Returns whether the name stays. */
static bool place_look_up(const void *at, char *name)
{
	char text[KSYM_SYMBOL_LEN];

	snprintf(text, sizeof(text), "%pS", at);
	/* an address for want of a name */
	if (text[0] == '0')
		text[0] = 0;
	memset(name, 0, XINET_PLACE_LEN);
	strscpy(name, text, XINET_PLACE_LEN);
	return text[0] && !strchr(text, '[');
}

void xinet_place_name(struct xinet_places *places, const void *at, char *name)
{
	const u32 i = hash_ptr(at, ilog2(XINET_PLACES));

	if (places->at[i] != at) {
		places->at[i] = NULL;
		if (!place_look_up(at, name))
			return;
		memcpy(places->names[i], name, XINET_PLACE_LEN);
		places->at[i] = at;
	}
	memcpy(name, places->names[i], XINET_PLACE_LEN);
}
