/* SPDX-License-Identifier: GPL-2.0-only */
/* Look-ups in the protosw table. */
#ifndef _XINET_PROTOSW_H
#define _XINET_PROTOSW_H

#include <net/xinet.h>

/**
 * xinet_protosw_get() - find and pin the entry for a pair
 * @type: second argument of socket(), 0 to SOCK_MAX - 1
 * @protocol: third argument of socket(), host byte order; for any type but
 *	SOCK_PACKET, IPPROTO_IP selects the first entry with a protocol of its
 *	own and is replaced by that protocol
 * @result: the entry, on success
 *
 * Context: process. On success the module that owns the entry's proto_ops is
 * held; xinet_protosw_put() releases it.
 * Return: 0; -ESOCKTNOSUPPORT when @type has no entries; -EPROTONOSUPPORT when
 * none of them is for @protocol.
 */
int xinet_protosw_get(int type, int *protocol,
		      const struct xinet_protosw **result);

/**
 * xinet_protosw_put() - release what xinet_protosw_get() pinned
 * @p: the entry
 *
 * Context: any.
 */
void xinet_protosw_put(const struct xinet_protosw *p);

/**
 * xinet_protosw_at() - walk the table
 * @index: from 0
 *
 * Sorted by type, within a type in the order of look-ups. The table may change
 * between two calls.
 *
 * Context: RCU read side, which keeps the entry valid.
 * Return: the entry, or NULL past the last one.
 */
const struct xinet_protosw *xinet_protosw_at(loff_t index);

/**
 * xinet_protosw_retire() - remove an entry, even a permanent one
 * @p: the entry
 *
 * For this module's components at module exit, when no socket() call can be
 * running.
 *
 * Context: process; sleeps for an RCU grace period.
 */
void xinet_protosw_retire(struct xinet_protosw *p);

#endif /* _XINET_PROTOSW_H */
