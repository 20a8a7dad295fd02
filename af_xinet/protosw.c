// SPDX-License-Identifier: GPL-2.0-only
/*
 * The protosw table: the (type, protocol) pairs that socket(PF_XINET, ...)
 * accepts. This module's components and other modules register entries; create
 * calls and proc.c read them under RCU. The table holds entries only, never
 * sockets.
 *
 * Within a type the permanent entries come first, then the others, the newest
 * first. The first match wins: a later registration overrides an earlier one,
 * but never a permanent one.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/in.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <net/inet_connection_sock.h>
#include <net/raw.h>
#include <net/sock.h>

#include "af_xinet/protosw.h"

/* Guards writers; readers hold rcu_read_lock(). */
static DEFINE_SPINLOCK(protosw_lock);
static struct hlist_head protosw_table[SOCK_MAX];

/*
 * PF_INET's rule. A request names a protocol, or IPPROTO_IP for the default of
 * its type; an entry names a protocol, or IPPROTO_IP for any. IPPROTO_IP in
 * both does not match: the socket would have no protocol.
 */
static bool protosw_match(const struct xinet_protosw *p, int protocol)
{
	if (p->type == SOCK_PACKET)
		return !p->protocol || p->protocol == protocol;
	if (p->protocol == protocol)
		return protocol != IPPROTO_IP;
	return protocol == IPPROTO_IP || p->protocol == IPPROTO_IP;
}

int xinet_protosw_get(int type, int *protocol,
		      const struct xinet_protosw **result)
{
	const struct xinet_protosw *p;
	int err = -ESOCKTNOSUPPORT;

	if (type < 0 || type >= SOCK_MAX)
		return err;

	rcu_read_lock();
	hlist_for_each_entry_rcu(p, &protosw_table[type], node) {
		err = -EPROTONOSUPPORT;
		/* Skips an entry whose module is being unloaded. */
		if (!protosw_match(p, *protocol) ||
		    !try_module_get(p->ops->owner))
			continue;
		if (type != SOCK_PACKET && *protocol == IPPROTO_IP)
			*protocol = p->protocol;
		*result = p;
		err = 0;
		break;
	}
	rcu_read_unlock();
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_protosw_get);

void xinet_protosw_put(const struct xinet_protosw *p)
{
	module_put(p->ops->owner);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_protosw_put);

/*
 * Least size of a sock made of @p: the kernel's multicast routing and ioctls
 * treat every SOCK_RAW sock as a struct raw_sock.
 */
static size_t protosw_sock_size(const struct xinet_protosw *p)
{
	if (p->flags & XINET_PROTOSW_ICSK)
		return sizeof(struct inet_connection_sock);
	if (p->create)
		return sizeof(struct sock);
	return p->type == SOCK_RAW ? sizeof(struct raw_sock) :
				     sizeof(struct inet_sock);
}

const struct xinet_protosw *xinet_protosw_at(loff_t index)
{
	const struct xinet_protosw *p;
	int type;

	for (type = 0; type < SOCK_MAX; type++) {
		hlist_for_each_entry_rcu(p, &protosw_table[type], node) {
			if (!index--)
				return p;
		}
	}
	return NULL;
}

/*
 * From the end of create until the socket core takes a reference to ops->owner,
 * only the sock's reference to prot->owner keeps ops valid: both owners must be
 * the same. Entries of this module may use another owner's prot, or get it from
 * their first socket: the core holds the family's module during create. Whoever
 * calls a function of this module is a module, too: no owner is a mistake, by which
 * it could be unloaded under its sockets.
 */
static bool protosw_valid(const struct xinet_protosw *p)
{
	if (p->type >= SOCK_MAX || !p->ops)
		return false;
	if (p->ops->owner == THIS_MODULE)
		return p->prot || p->create;
	return p->prot && p->ops->owner && p->ops->owner == p->prot->owner &&
	       !(p->flags & XINET_PROTOSW_PERMANENT) &&
	       p->prot->obj_size >= protosw_sock_size(p);
}

int xinet_register_protosw(struct xinet_protosw *p)
{
	struct xinet_protosw *other, *last_permanent = NULL;
	struct hlist_head *head;
	int err = 0;

	if (!protosw_valid(p))
		return -EINVAL;

	head = &protosw_table[p->type];
	spin_lock(&protosw_lock);
	if (!hlist_unhashed(&p->node)) {
		err = -EEXIST;
		goto out;
	}
	hlist_for_each_entry(other, head, node) {
		if (!(other->flags & XINET_PROTOSW_PERMANENT))
			break;
		if (other->protocol == p->protocol) {
			err = -EPERM;
			goto out;
		}
		last_permanent = other;
	}
	if (last_permanent)
		hlist_add_behind_rcu(&p->node, &last_permanent->node);
	else
		hlist_add_head_rcu(&p->node, head);
out:
	spin_unlock(&protosw_lock);
	if (err == -EPERM)
		pr_warn("type %u protocol %u is permanent, not overridden\n",
			p->type, p->protocol);
	return err;
}
EXPORT_SYMBOL_GPL(xinet_register_protosw);

static int protosw_remove(struct xinet_protosw *p)
{
	int err = -ENOENT;

	spin_lock(&protosw_lock);
	if (!hlist_unhashed(&p->node)) {
		hlist_del_init_rcu(&p->node);
		err = 0;
	}
	spin_unlock(&protosw_lock);

	if (!err)
		synchronize_net();
	return err;
}

int xinet_unregister_protosw(struct xinet_protosw *p)
{
	if (p->flags & XINET_PROTOSW_PERMANENT) {
		pr_warn("type %u protocol %u is permanent, not removed\n",
			p->type, p->protocol);
		return -EPERM;
	}
	return protosw_remove(p);
}
EXPORT_SYMBOL_GPL(xinet_unregister_protosw);

void xinet_protosw_retire(struct xinet_protosw *p)
{
	protosw_remove(p);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_protosw_retire);
