/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_COPYBREAK_H
#define _XINET_COPYBREAK_H

struct sk_buff;

/* The most bytes, link-level header included, that are copied. */
#define XINET_COPYBREAK_MAX	256

/*
 * With more references a carrier takes no further packet: every socket that gets
 * a packet has one, for every packet in it, and the kernel counts in 16 bits.
 */
#define XINET_COPYBREAK_REFERENCES	1024

/**
 * xinet_skb_copybreak() - a clone of a small packet that does not hold its memory
 * @skb: the packet, perhaps shared; not written but for what skb_clone() writes
 * @len: how many bytes from its data pointer on the clone gets; at most
 *	@skb->len
 *
 * All that struct sk_buff says is as skb_clone() has it, but for the length; the
 * truesize is raised to what the clone keeps, if it was less. As with any clone,
 * whoever wants to write data copies them first.
 *
 * Context: softirq, or BH disabled.
 * Return: the clone, or NULL if the packet is not eligible or memory is short:
 *	fall back to skb_clone().
 */
struct sk_buff *xinet_skb_copybreak(struct sk_buff *skb, unsigned int len);

/**
 * xinet_skb_copybreak_exit() - give back what the CPUs have left
 *
 * Packets that somebody still holds keep their memory.
 *
 * Context: process, module exit; nobody calls xinet_skb_copybreak() any more.
 */
void xinet_skb_copybreak_exit(void);

#endif /* _XINET_COPYBREAK_H */
