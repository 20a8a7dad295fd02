/* SPDX-License-Identifier: GPL-2.0-only */
/* How a program learns that there is something to read. */
#ifndef _XINET_WAKE_H
#define _XINET_WAKE_H

#include <linux/compiler.h>
#include <linux/rcupdate.h>
#include <net/sock.h>

/**
 * xinet_wake_reader() - call sk_data_ready(), unless it would find nobody
 * @sk: the socket
 * @core: the sk_data_ready() that the core gave it; another is always called
 *
 * Costs a barrier when nobody waits.
 *
 * Context: RCU; no lock of the receive queue held.
 */
static inline void xinet_wake_reader(struct sock *sk,
				     void (*core)(struct sock *sk))
{
	/* the barrier pairs with that of sock_poll_wait() */
	if (likely(READ_ONCE(sk->sk_data_ready) == core &&
		   !sock_flag(sk, SOCK_FASYNC) &&
		   !skwq_has_sleeper(rcu_dereference(sk->sk_wq))))
		return;
	sk->sk_data_ready(sk);
}

#endif /* _XINET_WAKE_H */
