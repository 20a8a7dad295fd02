// SPDX-License-Identifier: GPL-2.0-only
/*
 * Without a pool, most of what a small frame costs its sender is two pieces of
 * memory that the kernel clears, hands out and takes back. Here a frame
 * travels as TCP's segments do: the skb that is sent is the companion of
 * another, out of one allocation of two (SKB_FCLONE_ORIG and SKB_FCLONE_CLONE),
 * and both share the data:
 *
 *     pool ---> master ---+
 *                         +---> data
 *   device ---> clone ----+
 *
 * The master stays with the pool and says, by __skb_header_release(), that it
 * never looks at the data: so whoever has the clone may change all of it in
 * place. As with TCP, what is done to the clone cannot reach the master. When
 * the device frees it, only two counts go down, and by that of the data the pool
 * sees that nobody shares them any more (a capture on the device may, or a
 * receiver behind a veth pair), and uses them again.
 *
 * A pool grows as far as frames are under way at once. Beyond that, and for
 * frames that do not fit, there are other skbs (xinet_tx_alloc()).
 *
 * What a pool holds is charged to the memory control group of who sends, as ring
 * and socket are; it is no more than the ring holds, or TX_POOL_BYTES for a socket
 * without one. A pool that nobody has taken from for a while is emptied. A clone is
 * charged with all that it keeps, the half of the double allocation that was its
 * master among it.
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

/* More are seldom under way: most devices have rings of 256. */
#define POOL_SIZE	256

/* Bytes of data of an skb, room at both ends included. */
#define POOL_ROOM	SKB_WITH_OVERHEAD(1024)

/* What a clone keeps, and a master without one: data and both skbs. */
#define POOL_TRUESIZE	(SKB_TRUESIZE(POOL_ROOM) + \
			 SKB_DATA_ALIGN(sizeof(struct sk_buff)))

/* For so long a pool is kept that nobody takes from. */
#define POOL_IDLE	HZ

/*
 * @lock: of all the rest
 * @idle_work: empties the pool
 * @busy: somebody has had it since @idle_work looked
 * @size: length of @masters
 * @used: how many there are
 * @next: the one to be tried next; frames mostly come back in their order
 * @masters: each without data of its own length, behind POOL_ROOM of headroom
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

/* Their data go with the clones that are still under way. */
static void pool_empty(struct xinet_tx_pool *pool)
{
	while (pool->used)
		kfree_skb(pool->masters[--pool->used]);
	pool->next = 0;
}

static void pool_idle_work(struct work_struct *work)
{
	struct xinet_tx_pool *pool = container_of(to_delayed_work(work),
						  struct xinet_tx_pool,
						  idle_work);
	bool idle = false;

	/* who has it may wait for frames to leave: not to be waited for */
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
	/* all in front of the data is what the clone may write */
	skb_reserve(master, POOL_ROOM);
	__skb_header_release(master);
	return master;
}

/*
 * Whether nobody else has the data of a master. Should its clone still be there,
 * skb_clone() takes another.
 */
static bool pool_is_idle(const struct sk_buff *master)
{
	if (skb_cloned(master))
		return false;
	/* pairs with the release of the count by whoever had the data */
	smp_acquire__after_ctrl_dep();
	return true;
}

/* A master whose data are its own; NULL: all are under way. */
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

	/* who pads a frame would copy what counts as cloned */
	if (unlikely(room > POOL_ROOM || len < ETH_ZLEN))
		return NULL;
	master = pool_find(pool);
	if (unlikely(!master))
		return NULL;
	/* what the last clone's way has left there */
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
