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
	XINET_STAGE_QDISC,
	XINET_STAGE_TAP_OUT,
	XINET_STAGE_START_XMIT,
	XINET_STAGE_DELIVERED,
	XINET_STAGE_DROPPED,
	XINET_STAGES
};

/**
 * xinet_packet_ids_alloc() - prepare to number packets
 * @joins: they are seen at more than one stage
 * @heads: XINET_STAGE_TAP_OUT or XINET_STAGE_START_XMIT are among them
 *
 * Context: process. The memory is charged to the caller.
 * Return: NULL without memory.
 */
struct xinet_packet_ids *xinet_packet_ids_alloc(bool joins, bool heads);

/**
 * xinet_packet_ids_free() - end that
 * @ids: or NULL
 */
void xinet_packet_ids_free(struct xinet_packet_ids *ids);

/**
 * xinet_packet_ids_serial() - tell two of them apart, also when one is gone
 * @ids: one of them
 *
 * Return: not 0; no other has the same.
 */
u64 xinet_packet_ids_serial(const struct xinet_packet_ids *ids);

/**
 * xinet_packet_id() - the number of a packet
 * @ids: by which packets are numbered
 * @skb: the packet; read-only
 * @cloned: others have its bytes, or may have soon
 * @dev: the device that it came by, or goes by
 * @stage: where it is now; neither DELIVERED nor DROPPED
 *
 * Called for every packet that comes by one of the stages of netfilter; at the others
 * for those that are seen there.
 *
 * Context: BH disabled.
 * Return: 0 for a packet of another protocol than IPv4 and IPv6.
 */
u64 xinet_packet_id(struct xinet_packet_ids *ids, const struct sk_buff *skb,
		    bool cloned, const struct net_device *dev,
		    enum xinet_packet_stage stage);

/**
 * xinet_packet_delivered() - the number of a packet that a program reads
 * @ids: by which packets are numbered
 * @skb: anything that sockets queue; read-only
 * @cloned: others have its bytes
 * @ifindex: set to the device that it came by
 * @dev: set to its address, which may be another device's by now
 *
 * Context: any but NMI.
 * Return: 0 if it was not seen at XINET_STAGE_LOCAL_IN, or has been delivered before.
 */
u64 xinet_packet_delivered(struct xinet_packet_ids *ids,
			   const struct sk_buff *skb, bool cloned, int *ifindex,
			   const void **dev);

/**
 * xinet_packet_dropped() - the number of a packet that is dropped
 * @ids: by which packets are numbered
 * @skb: the packet; its address alone is used
 * @cloned: whether it was cloned before
 * @clone: of it; read-only; data is at the network header. Its device is that of the
 *	packet, or NULL
 *
 * Context: any but NMI.
 * Return: 0 if it has none.
 */
u64 xinet_packet_dropped(struct xinet_packet_ids *ids,
			 const struct sk_buff *skb, bool cloned,
			 const struct sk_buff *clone);

#endif /* _XINET_PACKET_ID_H */
