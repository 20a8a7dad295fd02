/* SPDX-License-Identifier: GPL-2.0-only */
/* Wakes a program that waits for packets. */
#ifndef _XINET_WAKE_H
#define _XINET_WAKE_H

#include <linux/compiler.h>
#include <linux/rcupdate.h>
#include <net/sock.h>

/**
 * xinet_wake_reader() - call sk_data_ready() unless there is no waiter
 * @sk: the socket
 * @core: the core's default sk_data_ready(); any other one is always called
 *
 * Costs a barrier without a waiter.
 *
 * Context: RCU; no lock of the receive queue held.
 */
static inline void xinet_wake_reader(struct sock *sk,
				     void (*core)(struct sock *sk))
{
	/* skwq_has_sleeper()'s barrier pairs with that of sock_poll_wait() */
	if (likely(READ_ONCE(sk->sk_data_ready) == core &&
		   !skwq_has_sleeper(rcu_dereference(sk->sk_wq)) &&
		   !sock_flag(sk, SOCK_FASYNC)))
		return;
	sk->sk_data_ready(sk);
}

#endif /* _XINET_WAKE_H */
