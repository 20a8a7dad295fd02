/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that a packet keeps on its way through the host. */
#ifndef _XINET_PACKET_ID_H
#define _XINET_PACKET_ID_H

#include <linux/types.h>

struct net_device;
struct sk_buff;
struct xinet_packet_ids;

/* Where a packet may be seen, see the table in packet_id.c. */
enum xinet_packet_stage {
	XINET_STAGE_TAP_IN,
	XINET_STAGE_PRE_ROUTING,
	XINET_STAGE_LOCAL_IN,
	XINET_STAGE_FORWARD,
	XINET_STAGE_LOCAL_OUT,
	XINET_STAGE_POST_ROUTING,
	XINET_STAGE_TAP_OUT,
	XINET_STAGES
};

/**
 * xinet_packet_ids_alloc() - prepare to number packets
 * @joins: they are seen at more than one stage
 * @taps: they are seen at the stages XINET_STAGE_TAP_*, too
 *
 * Context: process. The memory is charged to the caller.
 * Return: NULL without memory.
 */
struct xinet_packet_ids *xinet_packet_ids_alloc(bool joins, bool taps);

/**
 * xinet_packet_ids_free() - end that
 * @ids: or NULL
 */
void xinet_packet_ids_free(struct xinet_packet_ids *ids);

/**
 * xinet_packet_id() - the number of a packet
 * @ids: by which packets are numbered
 * @skb: the packet, of IPv4 or IPv6; read-only
 * @dev: the device that it came by, or goes by
 * @stage: where it is now
 *
 * Called for every packet that comes by one of the stages but TAP_*; for those before,
 * or after, the others.
 *
 * Context: BH disabled.
 * Return: not 0.
 */
u64 xinet_packet_id(struct xinet_packet_ids *ids, const struct sk_buff *skb,
		    const struct net_device *dev,
		    enum xinet_packet_stage stage);

#endif /* _XINET_PACKET_ID_H */
