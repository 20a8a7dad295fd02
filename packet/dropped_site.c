// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places in the kernel's code that drop packets, with their names, for dropped.c. A
 * name takes some microseconds to look up, and there are few places: each is kept,
 * complete and unchanged, until the module goes. So any context may read it.
 */
#include <linux/build_bug.h>
#include <linux/hash.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/xinet_compat_dropped.h"
#include "packet/dropped_site.h"

/* Kernels have some hundred of them. A power of two. */
#define SITES		1024

/* Slots in which a place is looked for; without a free one it is not kept. */
#define SITE_PROBES	8

struct dropped_site {
	const void *location;
	struct xinet_dropped told;
};

static struct dropped_site *dropped_sites[SITES];

static struct dropped_site **site_slot(const void *location, u32 reason, u32 n)
{
	const u32 hash = hash_ptr(location, 32) ^ hash_32(reason, 32);

	return &dropped_sites[(hash + n) % SITES];
}

static bool site_is(const struct dropped_site *site, const void *location,
		    u32 reason)
{
	return site->location == location && site->told.reason == reason;
}

const struct xinet_dropped *xinet_dropped_site_find(const void *location,
						    u32 reason)
{
	const struct dropped_site *site;
	u32 n;

	for (n = 0; n < SITE_PROBES; n++) {
		/* pairs with cmpxchg() in site_keep() */
		site = smp_load_acquire(site_slot(location, reason, n));
		if (!site)
			return NULL;
		if (site_is(site, location, reason))
			return &site->told;
	}
	return NULL;
}

static void site_keep(const void *location, const struct xinet_dropped *told)
{
	struct dropped_site *site = kmalloc(sizeof(*site), GFP_KERNEL);
	const struct dropped_site *other;
	u32 n;

	if (!site)
		return;
	site->location = location;
	site->told = *told;
	for (n = 0; n < SITE_PROBES; n++) {
		other = cmpxchg(site_slot(location, told->reason, n), NULL, site);
		if (!other)
			return;
		/* another CPU has found out about it at once */
		if (site_is(other, location, told->reason))
			break;
	}
	kfree(site);
}

/* Returns whether the name stays. */
static bool site_name_place(const void *location, struct xinet_dropped *told)
{
	char text[KSYM_SYMBOL_LEN];

	snprintf(text, sizeof(text), "%pS", location);
	/* an address for want of a name */
	if (text[0] == '0')
		return false;
	strscpy(told->place, text, sizeof(told->place));
	return !strchr(text, '[');
}

/* Returns whether the name stays. */
static bool site_name_reason(struct xinet_dropped *told)
{
	const char *name;

	rcu_read_lock();
	name = xinet_drop_reason_name(told->reason);
	if (name)
		strscpy(told->name, name, sizeof(told->name));
	rcu_read_unlock();
	return !xinet_drop_reason_is_of_subsystem(told->reason);
}

void xinet_dropped_site_tell(const void *location, u32 reason,
			     struct xinet_dropped *dropped)
{
	const struct xinet_dropped *known =
		xinet_dropped_site_find(location, reason);
	bool stays;

	if (known) {
		*dropped = *known;
		return;
	}
	memset(dropped, 0, sizeof(*dropped));
	dropped->reason = reason;
	stays = site_name_reason(dropped);
	stays &= site_name_place(location, dropped);
	if (stays)
		site_keep(location, dropped);
}

void xinet_dropped_sites_exit(void)
{
	u32 i;

	for (i = 0; i < SITES; i++)
		kfree(dropped_sites[i]);
}
