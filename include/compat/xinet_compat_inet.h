/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels for af_xinet/, inet/ and ip/. Included by their
 * .c files and by ip/ip_rx.h. Each helper means the same on every kernel, as on
 * the newest.
 */
#ifndef _XINET_COMPAT_INET_H
#define _XINET_COMPAT_INET_H

#include <linux/bpf-cgroup.h>
#include <linux/ip.h>
#include <net/inet_common.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"

#ifdef XINET_HAVE_INET_FLAGS

static inline bool xinet_inet_hdrincl(const struct sock *sk)
{
	return inet_test_bit(HDRINCL, sk);
}

static inline void xinet_inet_set_hdrincl(struct sock *sk, bool on)
{
	inet_assign_bit(HDRINCL, sk, on);
}

static inline bool xinet_inet_recverr(const struct sock *sk)
{
	return inet_test_bit(RECVERR, sk);
}

static inline bool xinet_inet_recverr_rfc4884(const struct sock *sk)
{
	return inet_test_bit(RECVERR_RFC4884, sk);
}

static inline bool xinet_inet_pktinfo(const struct sock *sk)
{
	return inet_test_bit(PKTINFO, sk);
}

static inline bool xinet_inet_mc_all(const struct sock *sk)
{
	return inet_test_bit(MC_ALL, sk);
}

/* IP_BIND_ADDRESS_NO_PORT */
static inline bool xinet_inet_binds_address_only(const struct sock *sk)
{
	return inet_test_bit(BIND_ADDRESS_NO_PORT, sk);
}

/* The sock is a struct inet_connection_sock. */
static inline void xinet_inet_set_icsk(struct sock *sk)
{
	inet_set_bit(IS_ICSK, sk);
}

/* IP_MULTICAST_LOOP and IP_MULTICAST_ALL are on in a new socket. */
static inline void xinet_inet_set_mc_defaults(struct sock *sk)
{
	inet_set_bit(MC_LOOP, sk);
	inet_set_bit(MC_ALL, sk);
}

static inline bool xinet_inet_wants_cmsg(const struct sock *sk)
{
	return inet_cmsg_flags(inet_sk(sk));
}

#else /* flags are a bit field of struct inet_sock */

static inline bool xinet_inet_hdrincl(const struct sock *sk)
{
	/* a bit field that setsockopt() may change: either value will do */
	return data_race(inet_sk(sk)->hdrincl);
}

static inline void xinet_inet_set_hdrincl(struct sock *sk, bool on)
{
	inet_sk(sk)->hdrincl = on;
}

static inline bool xinet_inet_recverr(const struct sock *sk)
{
	return inet_sk(sk)->recverr;
}

static inline bool xinet_inet_recverr_rfc4884(const struct sock *sk)
{
	return inet_sk(sk)->recverr_rfc4884;
}

static inline bool xinet_inet_pktinfo(const struct sock *sk)
{
	return inet_sk(sk)->cmsg_flags & IP_CMSG_PKTINFO;
}

static inline bool xinet_inet_mc_all(const struct sock *sk)
{
	return inet_sk(sk)->mc_all;
}

/* IP_BIND_ADDRESS_NO_PORT */
static inline bool xinet_inet_binds_address_only(const struct sock *sk)
{
	return inet_sk(sk)->bind_address_no_port;
}

/* The sock is a struct inet_connection_sock. */
static inline void xinet_inet_set_icsk(struct sock *sk)
{
	inet_sk(sk)->is_icsk = 1;
}

/* IP_MULTICAST_LOOP and IP_MULTICAST_ALL are on in a new socket. */
static inline void xinet_inet_set_mc_defaults(struct sock *sk)
{
	inet_sk(sk)->mc_loop = 1;
	inet_sk(sk)->mc_all = 1;
}

static inline bool xinet_inet_wants_cmsg(const struct sock *sk)
{
	return inet_sk(sk)->cmsg_flags;
}

#endif

/*
 * Runs the cgroup's BPF_CGROUP_INET4_BIND programs, which may rewrite the
 * address or add BIND_NO_CAP_NET_BIND_SERVICE to @flags. Takes the socket lock
 * if there are any.
 */
static inline int xinet_cgroup_bind(struct sock *sk,
				    struct xinet_sockaddr *uaddr, int *len,
				    u32 *flags)
{
#ifdef XINET_HAVE_CGROUP_BIND_ADDRLEN
	return BPF_CGROUP_RUN_PROG_INET_BIND_LOCK(sk, uaddr, len,
						  CGROUP_INET4_BIND, flags);
#else
	return BPF_CGROUP_RUN_PROG_INET_BIND_LOCK(sk, uaddr, CGROUP_INET4_BIND,
						  flags);
#endif
}

#ifdef CONFIG_NETFILTER
/* Exported by every kernel, but not declared in a header for modules. */
void nf_queue_nf_hook_drop(struct net *net);
#endif

/* The parameters of proto_ops' accept(), and the arguments to pass on. */
#ifdef XINET_HAVE_PROTO_ACCEPT_ARG
#define XINET_ACCEPT_PARAMS \
	(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg)
#define XINET_ACCEPT_ARGS	(sock, newsock, arg)
#else
#define XINET_ACCEPT_PARAMS \
	(struct socket *sock, struct socket *newsock, int flags, bool kern)
#define XINET_ACCEPT_ARGS	(sock, newsock, flags, kern)
#endif

/* Reads one entry of the error queue; sets msg->msg_namelen. */
static inline int xinet_inet_recv_error(struct sock *sk, struct msghdr *msg,
					int len)
{
#ifdef XINET_HAVE_RECV_ERROR_ADDR_LEN
	return inet_recv_error(sk, msg, len, &msg->msg_namelen);
#else
	return inet_recv_error(sk, msg, len);
#endif
}

/* Length of a received datagram in bytes, also of a GSO one above 64 KiB. */
static inline unsigned int xinet_iph_totlen(const struct sk_buff *skb,
					    const struct iphdr *iph)
{
#ifdef XINET_HAVE_IPH_TOTLEN
	return iph_totlen(skb, iph);
#else
	return ntohs(iph->tot_len);
#endif
}

/*
 * Sets the route of @skb, whose network header is linear, to what ip_rcv()
 * would find. RCU read side; the route is not counted. Returns false if the
 * host would drop the packet.
 */
static inline bool xinet_route_input(struct sk_buff *skb,
				     struct net_device *dev)
{
	const struct iphdr *iph = ip_hdr(skb);

#ifdef XINET_HAVE_ROUTE_INPUT_DSCP
	return !ip_route_input_noref(skb, iph->daddr, iph->saddr,
				     ip4h_dscp(iph), dev);
#else
	return !ip_route_input_noref(skb, iph->daddr, iph->saddr, iph->tos,
				     dev);
#endif
}

static inline kuid_t xinet_sk_uid(const struct sock *sk)
{
#ifdef XINET_HAVE_SK_UID
	return sk_uid(sk);
#else
	return sk->sk_uid;
#endif
}

/* Parses one control message of level SOL_SOCKET. */
static inline int xinet_sock_cmsg_send(struct sock *sk, struct msghdr *msg,
				       struct cmsghdr *cmsg,
				       struct sockcm_cookie *sockc)
{
#ifdef XINET_HAVE_SOCK_CMSG_SEND_MSG
	return __sock_cmsg_send(sk, msg, cmsg, sockc);
#else
	return __sock_cmsg_send(sk, cmsg, sockc);
#endif
}

/* TOS of one message: its IP_TOS control message, else the socket's option. */
static inline u8 xinet_ipcm_tos(const struct ipcm_cookie *ipc,
				const struct inet_sock *inet)
{
	return ipc->tos != -1 ? ipc->tos : READ_ONCE(inet->tos);
}

/* Control message IP_TOS: sets @tos and the priority it implies. */
static inline void xinet_ipcm_set_tos(struct ipcm_cookie *ipc, u8 tos)
{
	ipc->tos = tos;
#ifdef XINET_HAVE_SOCKCM_PRIORITY
	ipc->sockc.priority = rt_tos2priority(tos);
#else
	ipc->priority = rt_tos2priority(tos);
#endif
}

/*
 * Priority of one message. Older kernels apply that of IP_TOS only with a
 * header that they build themselves.
 */
static inline u32 xinet_ipcm_priority(const struct ipcm_cookie *ipc,
				      const struct sock *sk, bool hdrincl)
{
#ifdef XINET_HAVE_SOCKCM_PRIORITY
	return ipc->sockc.priority;
#else
	if (!hdrincl && ipc->tos != -1)
		return ipc->priority;
	return READ_ONCE(sk->sk_priority);
#endif
}

/*
 * Whether getsockopt() of PF_INET's raw sockets checks the length of a value
 * before it knows the option of SOL_RAW: it does since sockopt_init_user()
 * reads the length.
 */
static inline bool xinet_raw_optlen_comes_first(void)
{
	return __is_defined(XINET_HAVE_SOCKOPT_INIT_USER);
}

/* The TOS argument of flowi4_init_output(). */
static inline u8 xinet_flow_tos(u8 tos, u8 scope)
{
#ifdef RTO_ONLINK
	return RT_TOS(tos) | (scope == RT_SCOPE_LINK ? RTO_ONLINK : 0);
#else
	return tos & INET_DSCP_MASK;
#endif
}

#endif /* _XINET_COMPAT_INET_H */
