/* SPDX-License-Identifier: GPL-2.0-only */
/* Clones of small packets that share a carrier. */
#ifndef _XINET_COPYBREAK_H
#define _XINET_COPYBREAK_H

struct sk_buff;

/* Most bytes of a packet to copy, including its link-level header. */
#define XINET_COPYBREAK_MAX	256

/*
 * A carrier with more references takes no further packet: each socket holds one
 * for each of its packets in the carrier, and the kernel counts them in 16
 * bits.
 */
#define XINET_COPYBREAK_REFERENCES	1024

/**
 * xinet_skb_copybreak() - clone a small packet without holding its memory
 * @skb: the packet, perhaps shared; written only as skb_clone() does
 * @len: bytes that the clone gets from the data pointer on; at most @skb->len
 *
 * The struct sk_buff is as from skb_clone(), but for the length; the truesize
 * is raised to what the clone keeps allocated, if it was less. As with any
 * clone, data must be copied before it is written.
 *
 * Context: softirq, or BH disabled.
 * Return: the clone, or NULL if the packet is not eligible or out of memory:
 * fall back to skb_clone().
 */
struct sk_buff *xinet_skb_copybreak(struct sk_buff *skb, unsigned int len);

/**
 * xinet_skb_copybreak_exit() - drop the carriers of all CPUs
 *
 * Packets that are still held keep their memory.
 *
 * Context: process, module exit; xinet_skb_copybreak() is not called any more.
 */
void xinet_skb_copybreak_exit(void);

#endif /* _XINET_COPYBREAK_H */
