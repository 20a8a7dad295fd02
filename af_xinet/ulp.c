// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upper layer protocols of TCP (TCP_ULP: kTLS, ESP in TCP) exchange the
 * proto_ops of the socket they are switched on for. This file sees to it that
 * a socket of ours comes out of that as one of ours. Called for the options
 * that switch them.
 *
 * There is more to it than the family. The socket core drops, at release, the
 * module that the proto_ops name then; were they PF_INET's, the reference that
 * was taken for ours would never be dropped. And kTLS makes its proto_ops, once
 * and for every socket of the machine, from those of the first socket it sees:
 * were they ours, PF_INET's sockets would run on them, beyond this module's
 * end. So kTLS is shown PF_INET's, and what it puts in their place is
 * exchanged for a copy that is ours.
 */
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <net/inet_common.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "af_xinet/engine.h"
#include "af_xinet/ulp.h"

/**
 * struct ulp_ops - what stands in for an upper layer protocol's proto_ops
 * @node: in ulp_ops_list
 * @ops: its own, but for what makes them ours
 *
 * One for each content, not for each address: a protocol that was unloaded and
 * loaded again may have other ones at the old place. They are few (kTLS has
 * one for each pair of directions), and kept until the module goes: a call
 * that is under way may be using them when its socket changes again.
 */
struct ulp_ops {
	struct list_head node;
	struct proto_ops ops;
};

static DEFINE_MUTEX(ulp_ops_lock);	/* ulp_ops_list */
static LIST_HEAD(ulp_ops_list);

bool xinet_ulp_is_option(int level, int optname)
{
	return (level == SOL_TCP && optname == TCP_ULP) || level == SOL_TLS;
}

/*
 * The stand-in for @theirs. @spare becomes it when there is none yet, and is
 * NULL then.
 */
static const struct proto_ops *ulp_ops_find(const struct proto_ops *theirs,
					    const struct proto_ops *base,
					    struct ulp_ops **spare)
{
	struct ulp_ops *wanted = *spare;
	struct ulp_ops *u;

	/* Padding included, for the comparison. */
	memcpy(&wanted->ops, theirs, sizeof(wanted->ops));
	xinet_engine_take_ops(&wanted->ops, &wanted->ops);
	wanted->ops.connect = base->connect;
	wanted->ops.setsockopt = base->setsockopt;

	mutex_lock(&ulp_ops_lock);
	list_for_each_entry(u, &ulp_ops_list, node) {
		if (!memcmp(&u->ops, &wanted->ops, sizeof(u->ops)))
			goto out;
	}
	u = wanted;
	list_add(&u->node, &ulp_ops_list);
	*spare = NULL;
out:
	mutex_unlock(&ulp_ops_lock);
	return &u->ops;
}

/* Protocols exchange the proto_ops under the lock of the sock. */
static void ulp_show_inet_ops(struct socket *sock, const struct proto_ops *base)
{
	lock_sock(sock->sk);
	if (sock->ops == base)
		WRITE_ONCE(sock->ops, &inet_stream_ops);
	release_sock(sock->sk);
}

static void ulp_take_back(struct socket *sock, const struct proto_ops *base,
			  struct ulp_ops **spare)
{
	const struct proto_ops *ops;

	lock_sock(sock->sk);
	ops = sock->ops;
	if (ops == &inet_stream_ops)
		WRITE_ONCE(sock->ops, base);
	else if (ops->owner != THIS_MODULE)
		WRITE_ONCE(sock->ops, ulp_ops_find(ops, base, spare));
	release_sock(sock->sk);
}

/*
 * The lock of the inode keeps two of these calls on one socket apart. Others
 * that run meanwhile may go by PF_INET's proto_ops; they do the same. (So does
 * accept(): a connection it takes from a listening socket in the middle of a
 * TCP_ULP, which fails on those, is PF_INET's.)
 */
int xinet_ulp_setsockopt(struct socket *sock, const struct proto_ops *base,
			 int level, int optname, sockptr_t optval,
			 unsigned int optlen)
{
	struct ulp_ops *spare;
	int err;

	spare = kzalloc(sizeof(*spare), GFP_KERNEL);
	if (!spare)
		return -ENOMEM;

	inode_lock(SOCK_INODE(sock));
	ulp_show_inet_ops(sock, base);
	err = sock_common_setsockopt(sock, level, optname, optval, optlen);
	ulp_take_back(sock, base, &spare);
	inode_unlock(SOCK_INODE(sock));

	kfree(spare);
	return err;
}

void xinet_ulp_exit(void)
{
	struct ulp_ops *u, *next;

	list_for_each_entry_safe(u, next, &ulp_ops_list, node)
		kfree(u);
}
