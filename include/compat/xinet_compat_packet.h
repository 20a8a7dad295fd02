/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels for packet/. Included by its .c files,
 * packet/frame_info.h and xinet_compat_inet.h. Each helper means the same on
 * every kernel, as on the newest.
 */
#ifndef _XINET_COMPAT_PACKET_H
#define _XINET_COMPAT_PACKET_H

#include <linux/hrtimer.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <net/sock.h>

/* __skb_gso_segment() */
#ifdef XINET_HAVE_NET_GSO
#include <net/gso.h>
#else
#include <linux/netdevice.h>
#endif

/* skb_frag_ref() */
#ifdef XINET_HAVE_SKBUFF_REF
#include <linux/skbuff_ref.h>
#endif

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING	0x4000
#endif

/* Options that older headers do not define are supported, too. */
#ifndef PACKET_VNET_HDR_SZ
#define PACKET_VNET_HDR_SZ	24
#endif

/*
 * Whether the core calls proto_ops' setsockopt() for SOL_SOCKET options, and so
 * for a new filter. If not, proto's release_cb() must check for one.
 */
static inline bool xinet_sock_tells_filter(void)
{
#ifdef XINET_HAVE_CUSTOM_SOCKOPT
	return true;
#else
	return false;
#endif
}

/* Requests those calls. */
static inline void xinet_sock_ask_options(struct socket *sock)
{
#ifdef XINET_HAVE_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

/*
 * Whether a hook without a device is called for the packets of one namespace, its
 * af_packet_net, if it is for ETH_P_ALL. If not, it is for those of all.
 */
static inline bool xinet_hooks_are_by_netns(void)
{
#ifdef XINET_HAVE_NETNS_PTYPE_ALL
	return true;
#else
	return false;
#endif
}

/* Bytes of @skb from its data pointer that the CPU can read. */
static inline unsigned int xinet_skb_readable_len(const struct sk_buff *skb)
{
#ifdef XINET_HAVE_SKB_FRAGS_READABLE
	if (unlikely(!skb_frags_readable(skb)))
		return skb_headlen(skb);
#endif
	return skb->len;
}

/* Counts a packet that @sk lost; SO_RXQ_OVFL and /proc report it. */
static inline void xinet_sk_drops_inc(struct sock *sk)
{
#ifdef XINET_HAVE_SK_DROPS_INC
	sk_drops_inc(sk);
#else
	atomic_inc(&sk->sk_drops);
#endif
}

static inline int xinet_sk_drops_read(const struct sock *sk)
{
#ifdef XINET_HAVE_SK_DROPS_INC
	return sk_drops_read(sk);
#else
	return atomic_read(&sk->sk_drops);
#endif
}

/* Whether sock_recv_cmsgs() does anything with a packet for @sk. */
static inline bool xinet_sock_wants_cmsgs(const struct sock *sk)
{
	return READ_ONCE(sk->sk_flags) & FLAGS_RECV_CMSGS ||
	       READ_ONCE(sk->sk_tsflags) & TSFLAGS_ANY ||
	       sock_flag(sk, SOCK_TIMESTAMP) ||
	       sock_read_timestamp((struct sock *)sk) == SK_DEFAULT_STAMP;
}

/* TP_STATUS_* bits for the kind of GSO of @skb. */
static inline u32 xinet_skb_tp_status_gso(const struct sk_buff *skb)
{
#ifdef TP_STATUS_GSO_TCP
	if (skb_is_gso(skb) && skb_is_gso_tcp(skb))
		return TP_STATUS_GSO_TCP;
#endif
	return 0;
}

/*
 * The EtherType after the VLAN tags of @skb, whose data pointer may be at the
 * network header.
 */
static inline __be16 xinet_skb_inner_protocol(const struct sk_buff *skb)
{
#ifdef XINET_HAVE_VLAN_GET_PROTOCOL_OFFSET_INLINE
	return vlan_get_protocol_offset_inline(skb, skb->protocol,
					       skb_mac_offset(skb), NULL);
#else
	return __vlan_get_protocol_offset(skb, skb->protocol,
					  skb_mac_offset(skb), NULL);
#endif
}

/*
 * Whether AF_PACKET's getsockopt() checks the length of a value before the
 * level: it does since the core reads the length for it (getsockopt_iter()).
 * Stable releases of 6.12 have that call, but not in AF_PACKET, which no
 * header tells; they do not have struct sockaddr_unsized, which is older.
 */
static inline bool xinet_getsockopt_len_comes_first(void)
{
	return __is_defined(XINET_HAVE_GETSOCKOPT_ITER) &&
	       __is_defined(XINET_HAVE_SOCKADDR_UNSIZED);
}

static inline void
xinet_hrtimer_setup(struct hrtimer *timer,
		    enum hrtimer_restart (*function)(struct hrtimer *),
		    clockid_t clock, enum hrtimer_mode mode)
{
#ifdef XINET_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

/* For mmap() of a new mapping. */
static inline void xinet_vm_flags_clear(struct vm_area_struct *vma,
					unsigned long flags)
{
#ifdef XINET_HAVE_VM_FLAGS_CLEAR
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

/* sockcm_init() that also sets SO_MARK. */
static inline void xinet_sockcm_init(struct sockcm_cookie *sockc,
				     const struct sock *sk)
{
	sockcm_init(sockc, sk);
	sockc->mark = READ_ONCE(sk->sk_mark);
}

/**
 * struct xinet_skb_time - the time of a packet while it has another
 * @tstamp: skb->tstamp
 * @type: of a clock that says when it is to be sent; 0: it has come or gone
 */
struct xinet_skb_time {
	ktime_t tstamp;
	u8 type;
};

static inline void xinet_skb_set_time(struct sk_buff *skb,
				      struct xinet_skb_time time)
{
	skb->tstamp = time.tstamp;
#if defined(XINET_HAVE_SKB_TSTAMP_TYPE)
	skb->tstamp_type = time.type;
#elif defined(XINET_HAVE_SKB_MONO_DELIVERY_TIME)
	skb->mono_delivery_time = time.type;
#endif
}

/* Gives @skb the time of now. Returns what it had, for xinet_skb_set_time(). */
static inline struct xinet_skb_time xinet_skb_stamp(struct sk_buff *skb)
{
	const struct xinet_skb_time before = {
		.tstamp = skb->tstamp,
#if defined(XINET_HAVE_SKB_TSTAMP_TYPE)
		.type = skb->tstamp_type,
#elif defined(XINET_HAVE_SKB_MONO_DELIVERY_TIME)
		.type = skb->mono_delivery_time,
#endif
	};

	xinet_skb_set_time(skb, (struct xinet_skb_time){ ktime_get_real() });
	return before;
}

/* Applies socket options and control messages to @skb. */
static inline void xinet_skb_apply_sockcm(struct sk_buff *skb,
					  const struct sock *sk,
					  const struct sockcm_cookie *sockc)
{
	skb->mark = sockc->mark;
#ifdef XINET_HAVE_SOCKCM_PRIORITY
	skb->priority = sockc->priority;
#else
	skb->priority = READ_ONCE(sk->sk_priority);
#endif
#ifdef XINET_HAVE_SKB_SET_DELIVERY_TYPE
	skb_set_delivery_type_by_clockid(skb, sockc->transmit_time,
					 sk->sk_clockid);
#else
	skb->tstamp = sockc->transmit_time;
#endif
#ifdef XINET_HAVE_TX_TIMESTAMP_COOKIE
	skb_setup_tx_timestamp(skb, sockc);
#else
	skb_setup_tx_timestamp(skb, sockc->tsflags);
#endif
}

#endif /* _XINET_COMPAT_PACKET_H */
