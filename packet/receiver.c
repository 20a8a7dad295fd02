// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishes the receiver that takes the packets of a socket: at first its
 * receive queue, later a ring or lanes. No other file replaces a published
 * receiver. Rings and lanes call this to set one, bind.c and the options after
 * a change that allows or forbids the fast path.
 */
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <net/sock.h>

#include "packet/queue.h"
#include "packet/receiver.h"
#include "packet/sock.h"
#include "packet/tap/sink.h"
#include "packet/told.h"

/* Whether the fast path supports the mode and options of a socket. */
static bool receiver_may_be_fast(const struct xinet_packet_sock *po)
{
	return po->sink.mode == XINET_TAP_RAW && !READ_ONCE(po->tp_tstamp) &&
	       !READ_ONCE(po->origdev);
}

void xinet_receiver_update(struct xinet_packet_sock *po)
{
	const bool fast = receiver_may_be_fast(po);
	struct xinet_tap_receiver *own = po->receiver;
	const struct xinet_tap_receiver *receiver = own;

	lockdep_assert_held(&po->sk.sk_receive_queue.lock);
	if (own)
		WRITE_ONCE(own->fast,
			   fast && own->plain ? own->ops->fast : NULL);
	else if (xinet_wants_told(po))
		receiver = xinet_queue_receiver_told();
	else
		receiver = xinet_queue_receiver(fast);
	/* pairs with rcu_dereference() in tap_deliver.c, fanout_deliver.c */
	rcu_assign_pointer(po->sink.receiver, receiver);
}

void xinet_receiver_set(struct xinet_packet_sock *po,
			struct xinet_tap_receiver *receiver)
{
	po->receiver = receiver;
	xinet_receiver_update(po);
}

void xinet_receiver_settle(struct xinet_packet_sock *po)
{
	const struct xinet_tap_receiver *receiver = po->receiver;

	lockdep_assert_held(&po->sk.sk_receive_queue.lock);
	if (receiver && receiver->ops->settle)
		receiver->ops->settle(receiver);
}

void xinet_receiver_options_changed(struct xinet_packet_sock *po)
{
	spin_lock_bh(&po->sk.sk_receive_queue.lock);
	xinet_receiver_update(po);
	xinet_receiver_settle(po);
	spin_unlock_bh(&po->sk.sk_receive_queue.lock);
}

__poll_t xinet_receiver_poll(struct xinet_packet_sock *po)
{
	const struct xinet_tap_receiver *receiver;
	__poll_t mask = 0;

	spin_lock_bh(&po->sk.sk_receive_queue.lock);
	receiver = po->receiver;
	if (receiver && receiver->ops->readable &&
	    receiver->ops->readable(receiver))
		mask |= EPOLLIN | EPOLLRDNORM;
	spin_unlock_bh(&po->sk.sk_receive_queue.lock);
	return mask;
}
