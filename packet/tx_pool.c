// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools of skbs for small frames, used by tx.c and tx_ring.c, in process
 * context only. Without a pool, most of the cost of a small frame is to
 * allocate, clear and free an skb and its data. Here a frame is sent as TCP
 * sends its segments: the skb that is sent is the clone of another, both out of
 * one allocation (SKB_FCLONE_ORIG and SKB_FCLONE_CLONE), and both share the
 * data:
 *
 *     pool ---> master ---+
 *                         +---> data
 *   device ---> clone ----+
 *
 * The master stays in the pool; __skb_header_release() declares that it does
 * not use the data, so the holder of the clone may change all of it in place.
 * As with TCP, changes of the clone do not affect the master. When the device
 * frees the clone, only two reference counts drop; the count of the data shows
 * the pool that there is no other user (such as a capture on the device, or a
 * receiver behind a veth pair), and the data is reused.
 *
 * A pool grows to the number of frames in flight. Beyond its limit, and for
 * frames that do not fit, xinet_tx_alloc() allocates other skbs.
 *
 * The memory of a pool is charged to the memory control group of the sender, as
 * ring and socket are; it is limited to the size of the ring, or to
 * TX_POOL_BYTES for a socket without one. An unused pool is emptied after
 * POOL_IDLE. A clone is charged with all that it keeps, including its master's
 * half of the double allocation.
 */
#include <kunit/visibility.h>
#include <linux/container_of.h>
#include <linux/if_ether.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "packet/tx_pool.h"

/* More are seldom in flight: most devices have rings of 256. */
#define POOL_SIZE	256

/* Bytes of data of an skb, room at both ends included. */
#define POOL_ROOM	SKB_WITH_OVERHEAD(1024)

/* Memory held by a clone, or by a master alone: data and both skbs. */
#define POOL_TRUESIZE	(SKB_TRUESIZE(POOL_ROOM) + \
			 SKB_DATA_ALIGN(sizeof(struct sk_buff)))

/* Time after which an unused pool is emptied, in jiffies. */
#define POOL_IDLE	HZ

/*
 * @lock: protects the other members
 * @idle_work: empties the pool
 * @busy: used since @idle_work last ran
 * @size: length of @masters
 * @used: valid entries of @masters
 * @next: the master to try next; frames are mostly freed in the order of
 *	sending
 * @masters: each of length 0, behind POOL_ROOM bytes of headroom
 */
struct xinet_tx_pool {
	/* held from xinet_tx_pool_begin() to xinet_tx_pool_end() */
	struct mutex lock;
	struct delayed_work idle_work;
	bool busy;
	u16 size;
	u16 used;
	u16 next;
	struct sk_buff *masters[];
};

/* Clones in flight keep their data. */
static void pool_empty(struct xinet_tx_pool *pool)
{
	while (pool->used)
		consume_skb(pool->masters[--pool->used]);
	pool->next = 0;
}

static void pool_idle_work(struct work_struct *work)
{
	struct xinet_tx_pool *pool = container_of(to_delayed_work(work),
						  struct xinet_tx_pool,
						  idle_work);
	bool idle = false;

	/* do not wait: the holder may wait until frames are sent */
	if (mutex_trylock(&pool->lock)) {
		idle = !pool->busy;
		pool->busy = false;
		if (idle)
			pool_empty(pool);
		mutex_unlock(&pool->lock);
	}
	if (!idle)
		schedule_delayed_work(&pool->idle_work, POOL_IDLE);
}

struct xinet_tx_pool *xinet_tx_pool_new(size_t bytes)
{
	struct xinet_tx_pool *pool;
	u16 size;

	size = min_t(size_t, POOL_SIZE, bytes / POOL_TRUESIZE);
	pool = kzalloc(struct_size(pool, masters, size), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return NULL;
	mutex_init(&pool->lock);
	INIT_DELAYED_WORK(&pool->idle_work, pool_idle_work);
	pool->size = size;
	return pool;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_pool_new);

void xinet_tx_pool_free(struct xinet_tx_pool *pool)
{
	if (!pool)
		return;
	cancel_delayed_work_sync(&pool->idle_work);
	pool_empty(pool);
	mutex_destroy(&pool->lock);
	kfree(pool);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_pool_free);

void xinet_tx_pool_begin(struct xinet_tx_pool *pool)
{
	if (pool)
		mutex_lock(&pool->lock);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_pool_begin);

bool xinet_tx_pool_try_begin(struct xinet_tx_pool *pool)
{
	return mutex_trylock(&pool->lock);
}

void xinet_tx_pool_end(struct xinet_tx_pool *pool)
{
	if (!pool)
		return;
	pool->busy = true;
	if (pool->used && !delayed_work_pending(&pool->idle_work))
		schedule_delayed_work(&pool->idle_work, POOL_IDLE);
	mutex_unlock(&pool->lock);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_pool_end);

#if IS_ENABLED(CONFIG_KUNIT)
unsigned int xinet_tx_pool_used(const struct xinet_tx_pool *pool)
{
	return READ_ONCE(pool->used);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_pool_used);
#endif

static struct sk_buff *pool_new_master(void)
{
	struct sk_buff *master;

	master = alloc_skb_fclone(POOL_ROOM, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!master)
		return NULL;
	/* all of it is headroom, which the clone may write */
	skb_reserve(master, POOL_ROOM);
	__skb_header_release(master);
	return master;
}

/*
 * Whether the data of a master has no other user. If its companion skb is still
 * in use, skb_clone() allocates another.
 */
static bool pool_is_idle(const struct sk_buff *master)
{
	if (skb_cloned(master))
		return false;
	/* pairs with the release of dataref by the last user of the data */
	smp_acquire__after_ctrl_dep();
	return true;
}

/* A master whose data has no other user, or NULL; tries two, then grows. */
static struct sk_buff *pool_find(struct xinet_tx_pool *pool)
{
	struct sk_buff *master;

	if (likely(pool->used)) {
		if (likely(pool_is_idle(pool->masters[pool->next])))
			return pool->masters[pool->next];
		if (++pool->next == pool->used)
			pool->next = 0;
		if (pool_is_idle(pool->masters[pool->next]))
			return pool->masters[pool->next];
	}
	if (pool->used == pool->size)
		return NULL;
	master = pool_new_master();
	if (!master)
		return NULL;
	pool->next = pool->used;
	pool->masters[pool->used++] = master;
	return master;
}

struct sk_buff *xinet_tx_pool_take(struct xinet_tx_pool *pool,
				   unsigned int headroom, unsigned int len,
				   unsigned int tailroom)
{
	size_t room = (size_t)headroom + len + tailroom;
	struct sk_buff *master, *skb;

	/* a driver that pads a cloned skb would copy it */
	if (unlikely(room > POOL_ROOM || len < ETH_ZLEN))
		return NULL;
	master = pool_find(pool);
	if (unlikely(!master))
		return NULL;
	/* clears what the use of the last clone has left */
	memset(skb_shinfo(master), 0,
	       offsetof(struct skb_shared_info, dataref));
	skb = skb_clone(master, GFP_KERNEL);
	if (unlikely(!skb))
		return NULL;

	skb->data = skb->head + headroom;
	skb_reset_tail_pointer(skb);
	skb_put(skb, len);
	skb_reset_network_header(skb);
	skb->truesize = POOL_TRUESIZE;
	return skb;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_pool_take);
