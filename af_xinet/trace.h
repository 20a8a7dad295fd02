/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoints of the module, below events/xinet/ of tracefs. drop.c makes
 * them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xinet

#if !defined(_XINET_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _XINET_TRACE_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/sock_diag.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "af_xinet/mib.h"

/* Longest name of a reason, and its end. */
#define TRACE_REASON_LEN	16

/**
 * trace_drop() - a socket lost a packet
 * @sk: the socket
 * @skb: the packet, or NULL
 * @reason: why
 */
TRACE_EVENT(drop,
	    TP_PROTO(struct sock *sk, const struct sk_buff *skb,
		     enum xinet_drop_reason reason),
	    TP_ARGS(sk, skb, reason),
	    TP_STRUCT__entry(__array(u32, cookie, 2)
			     __array(char, reason, TRACE_REASON_LEN)
			     __field(unsigned int, netns)
			     __field(int, ifindex)
			     __field(unsigned int, len)
			     __field(u16, protocol)),
	    TP_fast_assign(sock_diag_save_cookie(sk, __entry->cookie);
			   strscpy(__entry->reason, xinet_mib_drop_name(reason),
				   TRACE_REASON_LEN);
			   __entry->netns = sock_net(sk)->ns.inum;
			   __entry->ifindex = skb && skb->dev ?
					      skb->dev->ifindex : 0;
			   __entry->len = skb ? skb->len : 0;
			   __entry->protocol = skb ? ntohs(skb->protocol) : 0;),
	    TP_printk("socket=%llu netns=%u ifindex=%d len=%u protocol=0x%04x reason=%s",
		      (u64)__entry->cookie[1] << 32 | __entry->cookie[0],
		      __entry->netns, __entry->ifindex, __entry->len,
		      __entry->protocol, __entry->reason)
);

#endif /* _XINET_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH af_xinet
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
