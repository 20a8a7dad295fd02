/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels for packet/dropped.c and packet/point_probes.c: the
 * tracepoints kfree_skb and consume_skb, and the names of reasons.
 */
#ifndef _XINET_COMPAT_DROPPED_H
#define _XINET_COMPAT_DROPPED_H

#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/dropreason.h>
#include <trace/events/skb.h>

/* The parameters of a probe of kfree_skb, the socket that would have got it last. */
#ifdef XINET_HAVE_KFREE_SKB_CONST_RX_SK
#define XINET_KFREE_SKB_PROTO \
	void *data, struct sk_buff *skb, void *location, \
	enum skb_drop_reason reason, const struct sock *rx_sk
#define xinet_kfree_skb_rx_sk	rx_sk
#elif defined(XINET_HAVE_KFREE_SKB_RX_SK)
#define XINET_KFREE_SKB_PROTO \
	void *data, struct sk_buff *skb, void *location, \
	enum skb_drop_reason reason, struct sock *rx_sk
#define xinet_kfree_skb_rx_sk	rx_sk
#else
#define XINET_KFREE_SKB_PROTO \
	void *data, struct sk_buff *skb, void *location, \
	enum skb_drop_reason reason
#define xinet_kfree_skb_rx_sk	NULL
#endif

/* The parameters of a probe of consume_skb. */
#ifdef XINET_HAVE_CONSUME_SKB_LOCATION
#define XINET_CONSUME_SKB_PROTO \
	void *data, struct sk_buff *skb, void *location
#else
#define XINET_CONSUME_SKB_PROTO \
	void *data, struct sk_buff *skb
#endif

/*
 * Whether a probe may clone a packet, or take a lock of a receiver. On PREEMPT_RT
 * neither is possible with preemption disabled, as it is around a probe of kernels
 * without SRCU there.
 */
static inline bool xinet_probe_may_clone(void)
{
#ifdef XINET_HAVE_TRACEPOINT_SRCU
	return true;
#else
	return !IS_ENABLED(CONFIG_PREEMPT_RT);
#endif
}

/* Whether a reason is one of a part of the kernel that may be a module. */
static inline bool xinet_drop_reason_is_of_subsystem(u32 reason)
{
#ifdef XINET_HAVE_DROP_REASON_SUBSYS
	return reason & SKB_DROP_REASON_SUBSYS_MASK;
#else
	return false;
#endif
}

/* The name of a reason, without prefix, or NULL; RCU. */
static inline const char *xinet_drop_reason_name(u32 reason)
{
#ifdef XINET_HAVE_DROP_REASON_SUBSYS
	const u32 subsys = reason >> SKB_DROP_REASON_SUBSYS_SHIFT;
	const struct drop_reason_list *list;

	reason &= ~SKB_DROP_REASON_SUBSYS_MASK;
	if (subsys >= SKB_DROP_REASON_SUBSYS_NUM)
		return NULL;
	list = rcu_dereference(drop_reasons_by_subsys[subsys]);
	return list && reason < list->n_reasons ? list->reasons[reason] : NULL;
#else
	return reason < SKB_DROP_REASON_MAX ? drop_reasons[reason] : NULL;
#endif
}

#endif /* _XINET_COMPAT_DROPPED_H */
