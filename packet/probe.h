/* SPDX-License-Identifier: GPL-2.0-only */
/* Probes of tracepoints of the kernel, registered while somebody needs them. */
#ifndef _XINET_PACKET_PROBE_H
#define _XINET_PACKET_PROBE_H

#include <linux/list.h>
#include <linux/types.h>

struct tracepoint;

/**
 * struct xinet_probe - a probe
 * @name: of the tracepoint
 * @function: called there; the caller sees to its type, see check_trace_callback_type_*()
 * @tracepoint: NULL: not registered
 * @users: who need it
 * @idle: nobody does, but it is registered still
 * @node: among those
 *
 * The others than @name and @function belong to probe.c, and begin as zeroes.
 */
struct xinet_probe {
	const char *name;
	void *function;
	struct tracepoint *tracepoint;
	unsigned int users;
	bool idle;
	struct list_head node;
};

/**
 * xinet_probe_get() - have a tracepoint call
 * @probe: the probe
 *
 * Context: process, no lock held that is held around rtnl_lock().
 * Return: 0; EOPNOTSUPP: the kernel has no such tracepoint, or what is called there
 * could not do its work; ENOMEM.
 */
int xinet_probe_get(struct xinet_probe *probe);

/**
 * xinet_probe_put() - undo xinet_probe_get()
 * @probe: the probe, which may be called for some seconds more
 *
 * Context: process.
 */
void xinet_probe_put(struct xinet_probe *probe);

/**
 * xinet_probe_end() - make sure that no probe is called any more
 *
 * Nobody needs one. Calls that have begun are waited for.
 *
 * Context: module exit.
 */
void xinet_probe_end(void);

#endif /* _XINET_PACKET_PROBE_H */
