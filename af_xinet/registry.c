// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of the family's sockets, read by diag.c. socket() and accept() add a
 * socket, release() removes it before anything else: a sock that its protocol
 * keeps afterwards (a TCP connection that is still being shut down) is not
 * listed. A socket whose release() is no longer ours (see stream.c) is removed
 * when its sock is freed, and is not found after its close(). The socks of
 * several kinds are structures of the kernel's own without space for a node, so
 * this is a list of pointers. Nothing here runs per packet.
 *
 * The key is the socket's cookie. It is unique while the machine runs, so a
 * walk can resume after a socket that is gone, and a look-up by cookie is
 * short. Sockets may come and go as fast as connections do: each costs one
 * small allocation and a look into one bucket, sorted newest first.
 */
#include <kunit/visibility.h>
#include <linux/list.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <linux/spinlock.h>
#include <net/inet_common.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/xinet.h>

#include "af_xinet/registry.h"

/**
 * struct registry_entry - a listed socket
 * @node: in the bucket of @key, sorted by descending key
 * @sk: the socket
 * @key: its cookie
 */
struct registry_entry {
	struct hlist_node node;
	struct sock *sk;
	unsigned long key;
};

#define REGISTRY_BUCKETS	4096
#define REGISTRY_LOCKS		64

/*
 * For all namespaces. No sock in a bucket is freed while the bucket is locked,
 * but it may have no references left. BH disabled: softirqs free socks as well.
 */
static struct hlist_head registry_buckets[REGISTRY_BUCKETS];
static spinlock_t registry_locks[REGISTRY_LOCKS];

/* Programs see the sequential cookies: none must be able to choose a bucket. */
static siphash_key_t registry_secret __ro_after_init;

static u32 registry_bucket(unsigned long key)
{
	return siphash_1u64(key, &registry_secret) % REGISTRY_BUCKETS;
}

static spinlock_t *registry_lock(u32 bucket)
{
	return &registry_locks[bucket % REGISTRY_LOCKS];
}

/*
 * On 32-bit machines the key is the low word only: after 2^32 sockets a new one
 * may collide with an open one, and is rejected.
 */
static unsigned long registry_key(const u32 cookie[2])
{
	return (unsigned long)((u64)cookie[1] << 32 | cookie[0]);
}

/* The first entry of a bucket with a key of @key or less. */
static struct registry_entry *registry_seek(u32 bucket, unsigned long key)
{
	struct registry_entry *entry;

	lockdep_assert_held(registry_lock(bucket));
	hlist_for_each_entry(entry, &registry_buckets[bucket], node) {
		if (entry->key <= key)
			return entry;
	}
	return NULL;
}

/* Returns false if the key is taken. */
static bool registry_insert(u32 bucket, struct registry_entry *entry)
{
	struct registry_entry *other;
	struct hlist_node *before = NULL;

	lockdep_assert_held(registry_lock(bucket));
	hlist_for_each_entry(other, &registry_buckets[bucket], node) {
		if (other->key == entry->key)
			return false;
		if (other->key < entry->key)
			break;
		before = &other->node;
	}
	if (before)
		hlist_add_behind(&entry->node, before);
	else
		hlist_add_head(&entry->node, &registry_buckets[bucket]);
	return true;
}

int xinet_registry_add(struct sock *sk)
{
	struct registry_entry *entry;
	u32 cookie[2];
	bool inserted;
	u32 bucket;

	entry = kmalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return -ENOMEM;
	sock_diag_save_cookie(sk, cookie);
	entry->sk = sk;
	entry->key = registry_key(cookie);

	bucket = registry_bucket(entry->key);
	spin_lock_bh(registry_lock(bucket));
	inserted = registry_insert(bucket, entry);
	spin_unlock_bh(registry_lock(bucket));
	if (inserted)
		return 0;
	kfree(entry);
	return -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_registry_add);

bool xinet_registry_del(struct sock *sk)
{
	struct registry_entry *entry;
	u32 cookie[2];
	bool listed;
	u32 bucket;

	sock_diag_save_cookie(sk, cookie);
	bucket = registry_bucket(registry_key(cookie));
	spin_lock_bh(registry_lock(bucket));
	entry = registry_seek(bucket, registry_key(cookie));
	listed = entry && entry->sk == sk;
	if (listed)
		hlist_del(&entry->node);
	else
		entry = NULL;
	spin_unlock_bh(registry_lock(bucket));
	kfree(entry);
	return listed;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_registry_del);

/* The bucket is locked. Takes a reference to a sock if its socket is open. */
static bool registry_hold(struct sock *sk)
{
	return !sock_flag(sk, SOCK_DEAD) &&
	       refcount_inc_not_zero(&sk->sk_refcnt);
}

/* The first one of @net in a bucket with a key up to @key, held, or NULL. */
static struct sock *registry_next_in(u32 bucket, const struct net *net,
				     unsigned long *key)
{
	struct registry_entry *entry;
	struct sock *sk = NULL;

	if (hlist_empty(&registry_buckets[bucket]))
		return NULL;
	spin_lock_bh(registry_lock(bucket));
	entry = registry_seek(bucket, *key);
	hlist_for_each_entry_from(entry, node) {
		if (net_eq(sock_net(entry->sk), net) &&
		    registry_hold(entry->sk)) {
			sk = entry->sk;
			*key = entry->key;
			break;
		}
	}
	spin_unlock_bh(registry_lock(bucket));
	return sk;
}

/* Walks bucket by bucket, each from the newest on. No key is 0. */
struct sock *xinet_registry_next(const struct net *net, unsigned long *cursor)
{
	u32 bucket = *cursor ? registry_bucket(*cursor) : 0;
	unsigned long key = *cursor ? *cursor - 1 : ULONG_MAX;
	struct sock *sk;

	for (; bucket < REGISTRY_BUCKETS; bucket++, key = ULONG_MAX) {
		sk = registry_next_in(bucket, net, &key);
		if (sk) {
			*cursor = key;
			return sk;
		}
		/* other namespaces may have many sockets */
		cond_resched();
	}
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_registry_next);

struct sock *xinet_registry_find(const struct net *net, const u32 cookie[2])
{
	unsigned long key = registry_key(cookie);
	u32 bucket = registry_bucket(key);
	struct registry_entry *entry;
	struct sock *sk = NULL;

	spin_lock_bh(registry_lock(bucket));
	entry = registry_seek(bucket, key);
	if (entry && entry->key == key && net_eq(sock_net(entry->sk), net) &&
	    !sock_diag_check_cookie(entry->sk, cookie) &&
	    registry_hold(entry->sk))
		sk = entry->sk;
	spin_unlock_bh(registry_lock(bucket));
	return sk;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_registry_find);

int xinet_list_sock(struct sock *sk)
{
	return xinet_registry_add(sk);
}
EXPORT_SYMBOL_GPL(xinet_list_sock);

int xinet_release(struct socket *sock)
{
	if (sock->sk)
		xinet_registry_del(sock->sk);
	return inet_release(sock);
}
EXPORT_SYMBOL_GPL(xinet_release);

void __init xinet_registry_init(void)
{
	int i;

	for (i = 0; i < REGISTRY_LOCKS; i++)
		spin_lock_init(&registry_locks[i]);
	get_random_bytes(&registry_secret, sizeof(registry_secret));
}
