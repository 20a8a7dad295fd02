/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels for packet/owner.c: looking sockets up.
 */
#ifndef _XINET_COMPAT_OWNER_H
#define _XINET_COMPAT_OWNER_H

#include <linux/net.h>
#include <net/inet_hashtables.h>
#include <net/inet6_hashtables.h>
#include <net/net_namespace.h>
#include <net/udp.h>

/* Calls @function with the hash table of TCP, or without if it needs none. */
#ifdef XINET_HAVE_LOOKUP_WITHOUT_HASHINFO
#define xinet_tcp_lookup(function, net, table, ...) \
	function(net, __VA_ARGS__)
#else
#define xinet_tcp_lookup(function, net, table, ...) \
	function(net, table, __VA_ARGS__)
#endif

static inline struct inet_hashinfo *xinet_tcp_table(const struct net *net)
{
	return net->ipv4.tcp_death_row.hashinfo;
}

/* Any sock of the connection, with a reference, or NULL. @hnum: host byte order. */
static inline struct sock *
xinet_tcp4_established(struct net *net, __be32 saddr, __be16 sport,
		       __be32 daddr, u16 hnum, int dif, int sdif)
{
	return xinet_tcp_lookup(__inet_lookup_established, net,
				xinet_tcp_table(net), saddr, sport, daddr, hnum,
				dif, sdif);
}

/* A listening socket, without a reference, or NULL. */
static inline struct sock *
xinet_tcp4_listener(struct net *net, __be32 saddr, __be16 sport, __be32 daddr,
		    u16 hnum, int dif, int sdif)
{
	return xinet_tcp_lookup(__inet_lookup_listener, net,
				xinet_tcp_table(net), NULL, 0, saddr, sport,
				daddr, hnum, dif, sdif);
}

/*
 * Kernels export the look-up of UDP for the modules of netfilter that use it.
 * Without, the owner of a datagram is not known.
 */

/* A socket, with a reference, or NULL. */
static inline struct sock *
xinet_udp4_lookup(struct net *net, __be32 saddr, __be16 sport, __be32 daddr,
		  __be16 dport, int dif)
{
#if IS_ENABLED(CONFIG_NF_TPROXY_IPV4) || IS_ENABLED(CONFIG_NF_SOCKET_IPV4)
	return udp4_lib_lookup(net, saddr, sport, daddr, dport, dif);
#else
	return NULL;
#endif
}

#if IS_ENABLED(CONFIG_IPV6)
/* As xinet_udp4_lookup(). */
static inline struct sock *
xinet_udp6_lookup(struct net *net, const struct in6_addr *saddr, __be16 sport,
		  const struct in6_addr *daddr, __be16 dport, int dif)
{
#if IS_ENABLED(CONFIG_NF_TPROXY_IPV6) || IS_ENABLED(CONFIG_NF_SOCKET_IPV6)
	return udp6_lib_lookup(net, saddr, sport, daddr, dport, dif);
#else
	return NULL;
#endif
}

/* As xinet_tcp4_established(). */
static inline struct sock *
xinet_tcp6_established(struct net *net, const struct in6_addr *saddr,
		       __be16 sport, const struct in6_addr *daddr, u16 hnum,
		       int dif, int sdif)
{
	return xinet_tcp_lookup(__inet6_lookup_established, net,
				xinet_tcp_table(net), saddr, sport, daddr, hnum,
				dif, sdif);
}

/* As xinet_tcp4_listener(). */
static inline struct sock *
xinet_tcp6_listener(struct net *net, const struct in6_addr *saddr,
		    __be16 sport, const struct in6_addr *daddr, u16 hnum,
		    int dif, int sdif)
{
	return xinet_tcp_lookup(inet6_lookup_listener, net,
				xinet_tcp_table(net), NULL, 0, saddr, sport,
				daddr, hnum, dif, sdif);
}
#endif

#endif /* _XINET_COMPAT_OWNER_H */
