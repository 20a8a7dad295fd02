// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of a packet's owner the reader of a packet socket wants and may know.
 * Receivers of sockets with XINET_PACKET_OWNER call it per packet,
 * owner_options.c makes the view.
 */
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>

#include "packet/owner.h"
#include "packet/tap/owner_id.h"

/*
 * A packet may come from a namespace that the reader has no rights in, by way of
 * devices that lead from one into the other.
 */
static bool owner_is_visible(const struct xinet_owner_view *view,
			     const struct xinet_owner_id *id)
{
	return view->user_ns == &init_user_ns ||
	       view->netns_cookie == id->netns_cookie;
}

bool xinet_owner_accepts(const struct xinet_owner_view *view,
			 const struct xinet_owner_id *id)
{
	const struct xinet_owner_filter *filter = &view->filter;
	const u32 match = filter->match;

	if (likely(!match))
		return true;
	if (!(id->flags & XINET_OWNER_SOCKET) || !owner_is_visible(view, id))
		return false;
	if (match & XINET_OWNER_MATCH_COOKIE && id->cookie != filter->cookie)
		return false;
	if (match & XINET_OWNER_MATCH_NETNS &&
	    id->netns_cookie != filter->netns_cookie)
		return false;
	if (match & (XINET_OWNER_MATCH_CGROUP | XINET_OWNER_MATCH_UID) &&
	    !(id->flags & XINET_OWNER_CREDENTIALS))
		return false;
	if (match & XINET_OWNER_MATCH_UID && !uid_eq(id->uid, view->uid))
		return false;
	if (match & XINET_OWNER_MATCH_CGROUP &&
	    (view->cgroup_level >= id->nr_levels ||
	     id->levels[view->cgroup_level] != filter->cgroup))
		return false;
	return true;
}

static u32 owner_uid(const struct xinet_owner_view *view, kuid_t uid)
{
	if (likely(view->user_ns == &init_user_ns))
		return __kuid_val(uid);
	return from_kuid_munged(view->user_ns, uid);
}

/* A process that the reader could not see, it is not told. */
static void owner_set_process(const struct xinet_owner_view *view,
			      const struct xinet_owner_id *id,
			      struct xinet_owner *owner)
{
	if (!(id->flags & XINET_OWNER_PROCESS))
		return;
	owner->pid = task_tgid_nr_ns(current, view->pid_ns);
	if (owner->pid)
		owner->flags |= XINET_OWNER_PROCESS;
}

void xinet_owner_fill(const struct xinet_owner_view *view,
		      const struct xinet_owner_id *id,
		      struct xinet_owner *owner)
{
	memset(owner, 0, sizeof(*owner));
	if (!(id->flags & XINET_OWNER_SOCKET)) {
		owner->flags = id->flags & ~XINET_OWNER_PROCESS;
		owner_set_process(view, id, owner);
		return;
	}
	if (!owner_is_visible(view, id))
		return;
	owner->flags = id->flags & ~XINET_OWNER_PROCESS;
	owner_set_process(view, id, owner);
	owner->cookie = id->cookie;
	owner->netns_cookie = id->netns_cookie;
	owner->netns = id->netns;
	if (id->flags & XINET_OWNER_CREDENTIALS) {
		owner->cgroup = id->cgroup;
		owner->uid = owner_uid(view, id->uid);
	}
}

bool xinet_owner_fill_nobody(const struct xinet_owner_view *view,
			     struct xinet_owner *owner)
{
	memset(owner, 0, sizeof(*owner));
	return !view->filter.match;
}

struct xinet_owner_view *xinet_owner_view_alloc(const struct net *net)
{
	struct xinet_owner_view *view;

	view = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);
	if (!view)
		return NULL;
	view->user_ns = get_user_ns(current_user_ns());
	view->pid_ns = get_pid_ns(task_active_pid_ns(current));
	view->netns_cookie = net->net_cookie;
	return view;
}

void xinet_owner_view_free(struct xinet_owner_view *view)
{
	if (!view)
		return;
	put_pid_ns(view->pid_ns);
	put_user_ns(view->user_ns);
	kfree(view);
}
