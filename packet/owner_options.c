// SPDX-License-Identifier: GPL-2.0-only
/*
 * XINET_PACKET_OWNER and XINET_PACKET_OWNER_FILTER, called by options.c. Both
 * are for a socket that receives nothing yet, so that no packet reads what they
 * change.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/sockptr.h>
#include <linux/uidgid.h>
#include <linux/xinet.h>
#include <net/sock.h>

#include "af_xinet/sockopt.h"
#include "packet/owner.h"
#include "packet/owner_options.h"
#include "packet/receiver.h"
#include "packet/sock.h"
#include "packet/tap/owner_id.h"

static int owner_options_enable(struct xinet_packet_sock *po, bool enable)
{
	struct xinet_owner_view *view;

	if (!xinet_packet_is_idle(po))
		return -EBUSY;
	if (!enable) {
		xinet_owner_view_free(po->owner);
		po->owner = NULL;
	} else if (!po->owner) {
		view = xinet_owner_view_alloc(sock_net(&po->sk));
		if (!view)
			return -ENOMEM;
		po->owner = view;
	}
	po->sink.owner = enable;
	spin_lock_bh(&po->sk.sk_receive_queue.lock);
	xinet_receiver_update(po);
	spin_unlock_bh(&po->sk.sk_receive_queue.lock);
	return 0;
}

static bool owner_options_are_sane(const struct xinet_owner_filter *filter)
{
	const u32 known = XINET_OWNER_MATCH_COOKIE | XINET_OWNER_MATCH_NETNS |
			  XINET_OWNER_MATCH_CGROUP | XINET_OWNER_MATCH_UID;

	return !(filter->match & ~known);
}

/*
 * The depth of the cgroup with an id, 0 for the root, or a negative errno. An id
 * is not used again while the machine runs: no reference is kept.
 */
static int owner_options_cgroup_level(u64 id)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct cgroup *cgroup = cgroup_get_from_id(id);
	int level;

	if (IS_ERR(cgroup))
		return -ENOENT;
	level = cgroup->level;
	cgroup_put(cgroup);
	return level < XINET_OWNER_LEVELS ? level : -E2BIG;
#else
	return -ENOENT;
#endif
}

static int owner_options_set_filter(struct xinet_packet_sock *po,
				    const struct xinet_owner_filter *filter)
{
	struct xinet_owner_view *view = po->owner;
	kuid_t uid = make_kuid(current_user_ns(), filter->uid);
	int level = 0;

	if (!view)
		return -ENOENT;
	if (!owner_options_are_sane(filter) ||
	    (filter->match & XINET_OWNER_MATCH_UID && !uid_valid(uid)))
		return -EINVAL;
	if (!xinet_packet_is_idle(po))
		return -EBUSY;
	if (filter->match & XINET_OWNER_MATCH_CGROUP)
		level = owner_options_cgroup_level(filter->cgroup);
	if (level < 0)
		return level;
	view->cgroup_level = level;
	view->uid = uid;
	view->filter = *filter;
	return 0;
}

int xinet_owner_options_set(struct xinet_packet_sock *po, int optname,
			    sockptr_t optval, unsigned int optlen)
{
	const bool is_filter = optname == XINET_PACKET_OWNER_FILTER;
	struct xinet_owner_filter filter;
	int val = 0;
	int err;

	if (is_filter) {
		if (optlen != sizeof(filter))
			return -EINVAL;
		if (copy_from_sockptr(&filter, optval, sizeof(filter)))
			return -EFAULT;
	} else {
		err = xinet_sockopt_get_exact_int(&val, optval, optlen);
		if (err)
			return err;
		if (val != 0 && val != 1)
			return -EINVAL;
	}

	lock_sock(&po->sk);
	mutex_lock(&po->bind_lock);
	err = is_filter ? owner_options_set_filter(po, &filter) : owner_options_enable(po, val);
	mutex_unlock(&po->bind_lock);
	release_sock(&po->sk);
	return err;
}
