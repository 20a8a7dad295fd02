// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes of tracepoints of the kernel, registered while somebody needs them.
 * Tracepoints are found by their names: few of those of the network are exported.
 *
 * Registering patches the kernel's code and waits for RCU. So it is undone late, and not
 * done again for a program that opens one socket after the other.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>

#include "compat/xinet_compat_dropped.h"
#include "packet/probe.h"

/* How long a probe outlives its use. */
#define PROBE_LINGER (5 * HZ)

/* Of all probes. */
static DEFINE_MUTEX(probe_lock);
static LIST_HEAD(probe_idle);

/* What a look-up is told, and finds. */
struct probe_search {
	const char *name;
	struct tracepoint *found;
};

static void probe_match(struct tracepoint *tp, void *priv)
{
	struct probe_search *search = priv;

	if (!strcmp(tp->name, search->name))
		search->found = tp;
}

/* probe_lock held. */
static int probe_register(struct xinet_probe *probe)
{
	struct probe_search search = { .name = probe->name };
	int err;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		return -EOPNOTSUPP;
	for_each_kernel_tracepoint(probe_match, &search);
	if (!search.found)
		return -EOPNOTSUPP;
	err = tracepoint_probe_register(search.found, probe->function, NULL);
	if (!err)
		probe->tracepoint = search.found;
	return err;
}

static void probe_unregister_idle(struct work_struct *work)
{
	struct xinet_probe *probe, *next;

	mutex_lock(&probe_lock);
	list_for_each_entry_safe(probe, next, &probe_idle, node) {
		if (IS_ENABLED(CONFIG_TRACEPOINTS))
			tracepoint_probe_unregister(probe->tracepoint,
						    probe->function, NULL);
		probe->tracepoint = NULL;
		probe->idle = false;
		list_del(&probe->node);
	}
	mutex_unlock(&probe_lock);
}

static DECLARE_DELAYED_WORK(probe_work, probe_unregister_idle);

int xinet_probe_get(struct xinet_probe *probe)
{
	int err = 0;

	if (!xinet_probe_may_clone())
		return -EOPNOTSUPP;
	mutex_lock(&probe_lock);
	if (!probe->tracepoint)
		err = probe_register(probe);
	if (!err && !probe->users++ && probe->idle) {
		probe->idle = false;
		list_del(&probe->node);
	}
	mutex_unlock(&probe_lock);
	return err;
}

void xinet_probe_put(struct xinet_probe *probe)
{
	mutex_lock(&probe_lock);
	if (!--probe->users) {
		probe->idle = true;
		list_add(&probe->node, &probe_idle);
		mod_delayed_work(system_long_wq, &probe_work, PROBE_LINGER);
	}
	mutex_unlock(&probe_lock);
}

void xinet_probe_end(void)
{
	cancel_delayed_work_sync(&probe_work);
	probe_unregister_idle(NULL);
	if (IS_ENABLED(CONFIG_TRACEPOINTS))
		tracepoint_synchronize_unregister();
}
