/* SPDX-License-Identifier: GPL-2.0-only */
/* Passes the filter that a program attaches to a packet socket to its tap. */
#ifndef _XINET_PACKET_FILTER_CHANGE_H
#define _XINET_PACKET_FILTER_CHANGE_H

struct sock;
struct xinet_packet_sock;

/**
 * xinet_filter_change_apply() - have the tap run the socket's current filter
 * @po: the socket
 *
 * Context: process, no locks held; may wait for an RCU grace period.
 */
void xinet_filter_change_apply(struct xinet_packet_sock *po);

/**
 * xinet_filter_change_release_cb() - proto release_cb: detects a new filter
 * @sk: a packet socket, its lock about to be released
 *
 * For kernels that change a filter without a call of the proto_ops. The new
 * filter is in effect when setsockopt() returns.
 *
 * Context: BH disabled, the spinlock of the socket lock held.
 */
void xinet_filter_change_release_cb(struct sock *sk);

/**
 * xinet_filter_change_init_sock() - prepare a new socket
 * @po: the socket
 */
void xinet_filter_change_init_sock(struct xinet_packet_sock *po);

/**
 * xinet_filter_change_drop() - drop the references of a socket to its filter
 * @po: the socket, detached from its tap
 *
 * Context: process, socket lock held, on close.
 */
void xinet_filter_change_drop(struct xinet_packet_sock *po);

/**
 * xinet_filter_change_cancel() - cancel the worker of a socket
 * @po: the socket, SOCK_DEAD
 *
 * Context: process. A worker that runs already sees SOCK_DEAD and changes
 * nothing.
 */
void xinet_filter_change_cancel(struct xinet_packet_sock *po);

/**
 * xinet_filter_change_init() - create the workqueue
 *
 * Return: 0 or -ENOMEM.
 */
int xinet_filter_change_init(void);

/**
 * xinet_filter_change_exit() - wait for workers and destroy the workqueue
 */
void xinet_filter_change_exit(void);

#endif /* _XINET_PACKET_FILTER_CHANGE_H */
