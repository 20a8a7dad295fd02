/* SPDX-License-Identifier: GPL-2.0-only */
/* Receive rings with frames of fixed size: TPACKET_V1 and V2. */
#ifndef _XINET_PACKET_TPACKET_H
#define _XINET_PACKET_TPACKET_H

#include <linux/types.h>

#include "packet/tap/tap.h"

struct sk_buff;
struct xinet_told;

/**
 * xinet_tpacket_deliver() - xinet_tap_deliver_t of a V1 or V2 receive ring
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: accepted packet
 * @frame: as the tap fills it in
 *
 * Counts a drop when the program owns the frame at the head.
 *
 * Context: softirq, or BH disabled; RCU.
 */
void xinet_tpacket_deliver(struct xinet_tap_sink *sink,
			   const struct xinet_tap_receiver *receiver,
			   struct sk_buff *skb,
			   const struct xinet_tap_frame *frame);

/**
 * xinet_tpacket_deliver_told() - store a packet and what is told about it
 * @sink: as xinet_tpacket_deliver()
 * @receiver: of a ring with a @told_offset
 * @skb: as there
 * @frame: as there
 * @told: goes into PACKET_RESERVE of the frame
 *
 * Context: as there.
 */
void xinet_tpacket_deliver_told(struct xinet_tap_sink *sink,
				const struct xinet_tap_receiver *receiver,
				struct sk_buff *skb,
				const struct xinet_tap_frame *frame,
				const struct xinet_told *told);

/**
 * xinet_tpacket_fast() - xinet_tap_fast_t of a V2 receive ring
 * @sink: of the socket
 * @receiver: of the ring
 * @skb: as the tap gets it
 * @source: as in struct xinet_tap_frame
 * @orig_dev: unused
 *
 * Context: as xinet_tpacket_deliver().
 * Return: whether it is stored.
 */
bool xinet_tpacket_fast(struct xinet_tap_sink *sink,
			const struct xinet_tap_receiver *receiver,
			struct sk_buff *skb, const void *source,
			const struct net_device *orig_dev);

#endif /* _XINET_PACKET_TPACKET_H */
