/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frames of the wire that the kernel has merged into one packet, or will make
 * of it: for XINET_PACKET_ORIGINAL.
 */
#ifndef _XINET_PACKET_TAP_ORIGINAL_H
#define _XINET_PACKET_TAP_ORIGINAL_H

#include <linux/types.h>

struct sk_buff;
struct xinet_original;

/**
 * xinet_original_is() - whether a packet is as on the wire already
 * @skb: as a tap gets it
 *
 * Context: any.
 */
bool xinet_original_is(const struct sk_buff *skb);

/**
 * xinet_original_frames() - the frames of a packet as on the wire
 * @skb: as a tap gets it; nothing that it shares is written; not xinet_original_is()
 * @most: more frames are not made
 * @done: what was done; @done->segment is 0
 *
 * Context: softirq, or BH disabled.
 * Return: a list of packets, linked by ->next, each as a tap gets one, to be freed
 * with xinet_original_free(); NULL if that is not possible, and @done says so.
 */
struct sk_buff *xinet_original_frames(struct sk_buff *skb, u32 most,
				      struct xinet_original *done);

/**
 * xinet_original_free() - free the frames of a packet
 * @frames: from xinet_original_frames()
 *
 * Context: any but hard interrupts.
 */
void xinet_original_free(struct sk_buff *frames);

/**
 * xinet_original_offset() - bytes in front of the data of a received packet
 * @skb: as a tap gets it
 *
 * Context: any.
 * Return: the length of the link-level header; 0 for a packet to be sent, which begins
 * with it.
 */
int xinet_original_offset(const struct sk_buff *skb);

/**
 * xinet_original_clone() - a clone that begins at the link-level header
 * @skb: as a tap gets it
 * @offset: xinet_original_offset()
 *
 * Context: softirq, or BH disabled.
 * Return: the clone, with the time of all its frames; NULL for lack of memory, or if the
 * link-level header is said to be elsewhere.
 */
struct sk_buff *xinet_original_clone(struct sk_buff *skb, int offset);

/**
 * xinet_original_tag() - put the VLAN tag that is beside a frame into it
 * @skb: begins at the link-level header, is not shared, and has such a tag
 *
 * Context: softirq, or BH disabled.
 * Return: false for lack of memory, or if it is no frame of Ethernet.
 */
bool xinet_original_tag(struct sk_buff *skb);

#endif /* _XINET_PACKET_TAP_ORIGINAL_H */
