// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place where a lost packet is counted. Raw and packet sockets call it
 * for each, in softirq; a filter that rejects a packet does not lose it.
 */
#include <linux/skbuff.h>
#include <net/sock.h>

#include "af_xinet/drop.h"
#include "af_xinet/mib.h"

#define CREATE_TRACE_POINTS
#include "af_xinet/trace.h"

void xinet_drop_note(struct sock *sk, const struct sk_buff *skb,
		     enum xinet_drop_reason reason)
{
	xinet_mib_drop(sock_net(sk), reason);
	trace_drop(sk, skb, reason);
}

void xinet_drop_count(struct sock *sk, struct xinet_drops *drops,
		      const struct sk_buff *skb, enum xinet_drop_reason reason)
{
	atomic64_inc(&drops->by_reason[reason]);
	xinet_drop_note(sk, skb, reason);
}

void xinet_drop_read(const struct xinet_drops *drops, u64 *by_reason)
{
	int i;

	for (i = 0; i < __XINET_DROP_REASONS; i++)
		by_reason[i] = atomic64_read(&drops->by_reason[i]);
}
