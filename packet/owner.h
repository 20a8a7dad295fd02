/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What of a packet's owner the reader of a packet socket wants and may know.
 */
#ifndef _XINET_PACKET_OWNER_H
#define _XINET_PACKET_OWNER_H

#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/xinet.h>

struct net;
struct pid_namespace;
struct user_namespace;
struct xinet_owner_id;

/**
 * struct xinet_owner_view - what a reader wants and may know
 * @user_ns: where users are told
 * @pid_ns: the same for processes
 * @netns_cookie: of its socket's network namespace
 * @cgroup_level: depth of the cgroup of @filter, 0 for the root
 * @uid: of @filter
 * @filter: XINET_PACKET_OWNER_FILTER
 *
 * Constant while its socket receives.
 */
struct xinet_owner_view {
	struct user_namespace *user_ns;
	struct pid_namespace *pid_ns;
	u64 netns_cookie;
	u32 cgroup_level;
	kuid_t uid;
	struct xinet_owner_filter filter;
};

/**
 * xinet_owner_accepts() - whether a socket wants the packets of an owner
 * @view: of the socket
 * @id: the owner
 *
 * Context: softirq, or BH disabled; RCU.
 */
bool xinet_owner_accepts(const struct xinet_owner_view *view,
			 const struct xinet_owner_id *id);

/**
 * xinet_owner_fill() - tell the reader of a socket about an owner
 * @view: of the socket
 * @id: the owner
 * @owner: filled in
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_owner_fill(const struct xinet_owner_view *view,
		      const struct xinet_owner_id *id,
		      struct xinet_owner *owner);

/**
 * xinet_owner_fill_nobody() - tell the reader of a socket that there is no owner
 * @view: of the socket
 * @owner: filled in
 *
 * Context: any.
 * Return: whether the socket wants such packets.
 */
bool xinet_owner_fill_nobody(const struct xinet_owner_view *view,
			     struct xinet_owner *owner);

/**
 * xinet_owner_view_alloc() - a view of the calling program, without a filter
 * @net: namespace of its socket
 *
 * Context: process.
 * Return: NULL if out of memory.
 */
struct xinet_owner_view *xinet_owner_view_alloc(const struct net *net);

/**
 * xinet_owner_view_free() - free a view
 * @view: read by no packet; or NULL
 *
 * Context: any.
 */
void xinet_owner_view_free(struct xinet_owner_view *view);

#endif /* _XINET_PACKET_OWNER_H */
