/* SPDX-License-Identifier: GPL-2.0-only */
/* The points of XINET_PACKET_POINT where the kernel has tracepoints. */
#ifndef _XINET_PACKET_POINT_PROBES_H
#define _XINET_PACKET_POINT_PROBES_H

#include <linux/types.h>

/* Those points. */
#define XINET_POINTS_OF_PROBES \
	(XINET_POINT_QDISC | XINET_POINT_START_XMIT | XINET_POINT_DELIVERED)

/**
 * xinet_point_probes_get() - have the tracepoints call
 * @points: XINET_POINT_*; those of XINET_POINTS_OF_PROBES count
 *
 * Context: process, no lock held that is held around rtnl_lock().
 * Return: as xinet_probe_get().
 */
int xinet_point_probes_get(u32 points);

/**
 * xinet_point_probes_put() - undo xinet_point_probes_get()
 * @points: the same
 *
 * Context: process.
 */
void xinet_point_probes_put(u32 points);

#endif /* _XINET_PACKET_POINT_PROBES_H */
