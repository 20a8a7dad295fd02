// SPDX-License-Identifier: GPL-2.0-only
/*
 * Without a pool, most of what a small frame of a send ring costs is two pieces
 * of memory that the kernel clears, hands out and takes back. Here a frame
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
 */
#include <kunit/visibility.h>
#include <linux/if_ether.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "packet/tx_pool.h"

/* More are seldom under way: most devices have rings of 256. */
#define POOL_SIZE	256

/* Bytes of data of an skb, room at both ends included. */
#define POOL_ROOM	SKB_WITH_OVERHEAD(1024)

/*
 * @masters: each without data of its own length, behind POOL_ROOM of headroom
 * @used: how many there are
 * @next: the one to be tried next; frames mostly come back in their order
 */
struct xinet_tx_pool {
	struct sk_buff *masters[POOL_SIZE];
	u16 used;
	u16 next;
};

struct xinet_tx_pool *xinet_tx_pool_new(void)
{
	return kzalloc(sizeof(struct xinet_tx_pool), GFP_KERNEL_ACCOUNT);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_pool_new);

void xinet_tx_pool_free(struct xinet_tx_pool *pool)
{
	u16 i;

	if (!pool)
		return;
	for (i = 0; i < pool->used; i++)
		kfree_skb(pool->masters[i]);
	kfree(pool);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_pool_free);

static struct sk_buff *pool_new_master(void)
{
	struct sk_buff *master;

	master = alloc_skb_fclone(POOL_ROOM, GFP_KERNEL | __GFP_NOWARN);
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
	if (pool->used == POOL_SIZE)
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
	/* as much as a frame takes that is allocated by itself */
	skb->truesize = SKB_TRUESIZE(room);
	return skb;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tx_pool_take);
