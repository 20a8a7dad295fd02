// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of raw sockets in struct xinet_raw_net: adds sockets, removes them
 * and moves them between the wire and behind the firewall, and registers the
 * hooks that they need. Called by system calls, never per packet; raw_input.c
 * walks the tables.
 */
#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "ip/ip_hook.h"
#include "ip/local_in.h"
#include "ip/raw.h"
#include "ip/raw_table.h"

unsigned int xinet_raw_net_id __ro_after_init;
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_net_id);

struct xinet_raw_net *xinet_raw_pernet(const struct net *net)
{
	return net_generic(net, xinet_raw_net_id);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_pernet);

static const struct xinet_raw_behind_ops *raw_behind __ro_after_init;

static bool raw_receives(const struct sock *sk)
{
	/* IPPROTO_RAW only sends; higher ones, as PF_INET has, fit no header */
	return inet_sk(sk)->inet_num < IPPROTO_RAW;
}

/* Under rn->lock. */
static struct hlist_head *raw_icmp_id_heads(struct xinet_raw_table *table)
{
	struct hlist_head *heads = table->by_icmp_id;

	if (!heads) {
		heads = kvcalloc(XINET_RAW_ICMP_ID_HEADS, sizeof(*heads),
				 GFP_KERNEL_ACCOUNT);
		/* Pairs with smp_load_acquire() of the receive path. */
		smp_store_release(&table->by_icmp_id, heads);
	}
	return heads;
}

/*
 * Whether the kernel always receives a protocol, in every namespace; the others
 * are in modules, which may be unloaded at any time.
 */
static bool raw_kernel_speaks(u16 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_TCP ||
	       protocol == IPPROTO_UDP ||
	       (protocol == IPPROTO_IGMP && IS_ENABLED(CONFIG_IP_MULTICAST));
}

/* Links @sk where packets find it; under rn->lock. */
static void raw_link(struct xinet_raw_net *rn, struct sock *sk)
{
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);
	unsigned int point = rsk->point;
	struct xinet_raw_table *table = &rn->table[point];
	struct hlist_head *head;

	if (rsk->icmp_id) {
		head = xinet_raw_icmp_id_bucket(table->by_icmp_id,
						rsk->icmp_id - 1);
		hlist_add_head_rcu(&rsk->icmp_id_node[point], head);
	} else {
		head = &table->hash[inet_sk(sk)->inet_num];
		hlist_add_head_rcu(xinet_raw_node(sk, point), head);
	}
}

static void raw_unlink(struct sock *sk)
{
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);

	if (rsk->icmp_id)
		hlist_del_init_rcu(&rsk->icmp_id_node[rsk->point]);
	else
		hlist_del_init_rcu(xinet_raw_node(sk, rsk->point));
}

/* @sk needs the hook on LOCAL_IN while it receives; under rn->lock. */
static int raw_go_behind(struct xinet_raw_net *rn, struct sock *sk)
{
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);
	int err;

	if (rsk->behind)
		return 0;
	if (!rn->behind) {
		err = raw_behind->get(sock_net(sk));
		if (err)
			return err;
	}
	WRITE_ONCE(rn->behind, rn->behind + 1);
	WRITE_ONCE(rsk->behind, true);
	return 0;
}

static void raw_come_back(struct xinet_raw_net *rn, struct sock *sk)
{
	if (!xinet_raw_sk(sk)->behind)
		return;
	WRITE_ONCE(xinet_raw_sk(sk)->behind, false);
	WRITE_ONCE(rn->behind, rn->behind - 1);
	if (!rn->behind)
		raw_behind->put(sock_net(sk));
}

/* @sk begins to receive at @point; under rn->lock. */
static int raw_enter(struct xinet_raw_net *rn, struct sock *sk,
		     unsigned int point)
{
	struct xinet_raw_table *table = &rn->table[point];
	int err = 0;

	if (point == XINET_RAW_POINT_HOST ||
	    !raw_kernel_speaks(inet_sk(sk)->inet_num))
		err = raw_go_behind(rn, sk);
	if (!err && point == XINET_RAW_POINT_WIRE)
		err = xinet_ip_hook_get();
	if (err)
		return err;
	WRITE_ONCE(table->sockets, table->sockets + 1);
	return 0;
}

static void raw_leave(struct xinet_raw_net *rn, unsigned int point)
{
	struct xinet_raw_table *table = &rn->table[point];

	WRITE_ONCE(table->sockets, table->sockets - 1);
	if (point == XINET_RAW_POINT_WIRE)
		xinet_ip_hook_put();
}

/* @sk begins to receive; under rn->lock. */
static int raw_start(struct xinet_raw_net *rn, struct sock *sk)
{
	int err;

	err = raw_enter(rn, sk, xinet_raw_sk(sk)->point);
	if (err)
		raw_come_back(rn, sk);
	else
		raw_link(rn, sk);
	return err;
}

static void raw_stop(struct xinet_raw_net *rn, struct sock *sk)
{
	raw_unlink(sk);
	raw_leave(rn, xinet_raw_sk(sk)->point);
	raw_come_back(rn, sk);
}

int xinet_raw_expect_errors(struct sock *sk)
{
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);
	struct xinet_raw_net *rn;
	int err = 0;

	if (likely(READ_ONCE(rsk->behind)) || !raw_receives(sk))
		return 0;

	rn = xinet_raw_pernet(sock_net(sk));
	mutex_lock(&rn->lock);
	if (rsk->hashed)
		err = raw_go_behind(rn, sk);
	mutex_unlock(&rn->lock);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_expect_errors);

int xinet_raw_hash(struct sock *sk)
{
	struct xinet_raw_net *rn = xinet_raw_pernet(sock_net(sk));
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);
	int err = 0;

	sock_set_flag(sk, SOCK_RCU_FREE);

	mutex_lock(&rn->lock);
	if (raw_receives(sk))
		err = raw_start(rn, sk);
	if (!err) {
		/* the table's reference, as in PF_INET */
		sock_hold(sk);
		rsk->hashed = true;
		list_add_tail(&rsk->all_node, &rn->all);
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	}
	mutex_unlock(&rn->lock);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_hash);

void xinet_raw_unhash(struct sock *sk)
{
	struct xinet_raw_net *rn = xinet_raw_pernet(sock_net(sk));
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);

	mutex_lock(&rn->lock);
	if (rsk->hashed) {
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
		list_del(&rsk->all_node);
		rsk->hashed = false;
		if (raw_receives(sk))
			raw_stop(rn, sk);
		__sock_put(sk);
	}
	mutex_unlock(&rn->lock);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_unhash);

/*
 * Moves a socket from the list of its protocol to that of the identifier, by
 * another node, so that a concurrent reader stays in its list. In between the
 * socket is in neither: a packet in flight, which looks up identifiers first,
 * cannot match it twice.
 */
int xinet_raw_bind_icmp_id(struct sock *sk, u16 id)
{
	struct xinet_raw_net *rn = xinet_raw_pernet(sock_net(sk));
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);
	int err = 0;

	mutex_lock(&rn->lock);
	if (rsk->icmp_id) {
		err = rsk->icmp_id == id + 1u ? 0 : -EBUSY;
		goto out;
	}
	if (!raw_icmp_id_heads(&rn->table[rsk->point])) {
		err = -ENOMEM;
		goto out;
	}
	if (rsk->hashed)
		raw_unlink(sk);
	WRITE_ONCE(rsk->icmp_id, id + 1u);
	if (rsk->hashed)
		raw_link(rn, sk);
out:
	mutex_unlock(&rn->lock);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_bind_icmp_id);

/* Moves @sk from the lists of its point to those of another; under rn->lock. */
static int raw_move(struct xinet_raw_net *rn, struct sock *sk,
		    unsigned int point)
{
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);
	unsigned int left = rsk->point;
	int err;

	if (rsk->icmp_id && !raw_icmp_id_heads(&rn->table[point]))
		return -ENOMEM;
	err = raw_enter(rn, sk, point);
	if (err)
		return err;
	raw_unlink(sk);
	rsk->left |= BIT(left);
	rsk->left_at = get_state_synchronize_rcu();
	WRITE_ONCE(rsk->point, point);
	raw_link(rn, sk);
	raw_leave(rn, left);
	return 0;
}

/*
 * Each point has nodes of its own, so that a concurrent reader stays in its
 * list. Before a socket returns to a point, it waits for readers that may still
 * be at the node that it left the list by.
 */
int xinet_raw_set_point(struct sock *sk, unsigned int point)
{
	struct xinet_raw_net *rn = xinet_raw_pernet(sock_net(sk));
	struct xinet_raw_sock *rsk = xinet_raw_sk(sk);
	int err = 0;

	if (point == XINET_RAW_POINT_HOST && !xinet_local_in_is_possible())
		return -EOPNOTSUPP;

	lock_sock(sk);
	if (rsk->point == point)
		goto out;
	if (rsk->left & BIT(point))
		cond_synchronize_rcu(rsk->left_at);

	mutex_lock(&rn->lock);
	if (rsk->hashed && raw_receives(sk))
		err = raw_move(rn, sk, point);
	else
		WRITE_ONCE(rsk->point, point);
	mutex_unlock(&rn->lock);
out:
	release_sock(sk);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_raw_set_point);

static int __net_init raw_net_init(struct net *net)
{
	struct xinet_raw_net *rn = xinet_raw_pernet(net);

	mutex_init(&rn->lock);
	INIT_LIST_HEAD(&rn->all);
	return 0;
}

static void __net_exit raw_net_exit(struct net *net)
{
	struct xinet_raw_net *rn = xinet_raw_pernet(net);
	unsigned int i;

	/* Sockets hold their namespace. */
	WARN_ON_ONCE(rn->behind);
	WARN_ON_ONCE(!list_empty(&rn->all));
	for (i = 0; i < XINET_RAW_POINTS; i++)
		kvfree(rn->table[i].by_icmp_id);
}

static struct pernet_operations raw_net_ops = {
	.init	= raw_net_init,
	.exit	= raw_net_exit,
	.id	= &xinet_raw_net_id,
	.size	= sizeof(struct xinet_raw_net),
};

int __init xinet_raw_table_init(const struct xinet_raw_behind_ops *behind)
{
	raw_behind = behind;
	return register_pernet_subsys(&raw_net_ops);
}

void xinet_raw_table_exit(void)
{
	unregister_pernet_subsys(&raw_net_ops);
}
