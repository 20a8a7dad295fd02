// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of a packet's owner the reader of a packet socket wants and may know.
 * Receivers of sockets with XINET_PACKET_OWNER call it per packet,
 * owner_options.c makes the view.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>

#include "packet/owner.h"
#include "packet/tap/owner_id.h"

bool xinet_owner_accepts(const struct xinet_owner_view *view,
			 const struct xinet_owner_id *id)
{
	const struct xinet_owner_filter *filter = &view->filter;
	const u32 match = filter->match;

	if (likely(!match))
		return true;
	if (!(id->flags & XINET_OWNER_SOCKET))
		return false;
	if (match & XINET_OWNER_MATCH_COOKIE && id->cookie != filter->cookie)
		return false;
	if (match & XINET_OWNER_MATCH_NETNS &&
	    id->net->net_cookie != filter->netns_cookie)
		return false;
	if (match & (XINET_OWNER_MATCH_CGROUP | XINET_OWNER_MATCH_UID) &&
	    !(id->flags & XINET_OWNER_CREDENTIALS))
		return false;
	if (match & XINET_OWNER_MATCH_UID && !uid_eq(id->uid, view->uid))
		return false;
#ifdef CONFIG_SOCK_CGROUP_DATA
	if (match & XINET_OWNER_MATCH_CGROUP)
		return cgroup_is_descendant((struct cgroup *)id->cgroup,
					    view->cgroup);
#endif
	return true;
}

static u64 owner_cgroup_id(const struct cgroup *cgroup)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	return cgroup ? cgroup_id(cgroup) : 0;
#else
	return 0;
#endif
}

static u32 owner_uid(const struct xinet_owner_view *view, kuid_t uid)
{
	if (likely(view->user_ns == &init_user_ns))
		return __kuid_val(uid);
	return from_kuid_munged(view->user_ns, uid);
}

void xinet_owner_fill(const struct xinet_owner_view *view,
		      const struct xinet_owner_id *id,
		      struct xinet_owner *owner)
{
	const bool known = id->flags & XINET_OWNER_SOCKET;
	const bool credentials = id->flags & XINET_OWNER_CREDENTIALS;

	owner->cookie = known ? id->cookie : 0;
	owner->netns_cookie = known ? id->net->net_cookie : 0;
	owner->netns = known ? id->net->ns.inum : 0;
	owner->cgroup = credentials ? owner_cgroup_id(id->cgroup) : 0;
	owner->uid = credentials ? owner_uid(view, id->uid) : 0;
	owner->reserved = 0;
	owner->flags = id->flags;
}

struct xinet_owner_view *xinet_owner_view_alloc(void)
{
	struct xinet_owner_view *view;

	view = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);
	if (view)
		view->user_ns = get_user_ns(current_user_ns());
	return view;
}

void xinet_owner_view_free(struct xinet_owner_view *view)
{
	if (!view)
		return;
	put_user_ns(view->user_ns);
	if (view->cgroup)
		cgroup_put(view->cgroup);
	kfree(view);
}
