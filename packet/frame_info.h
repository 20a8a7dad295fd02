/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a packet socket reports about a packet besides its bytes: in control
 * messages (queue.c), in the header of a frame (tpacket.c, tpacket_v3.c) or in
 * a record of a lane (lane.c). Inline, because rings call this per packet.
 */
#ifndef _XINET_PACKET_FRAME_INFO_H
#define _XINET_PACKET_FRAME_INFO_H

#include <linux/bug.h>
#include <linux/etherdevice.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/net_tstamp.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "compat/xinet_compat_packet.h"
#include "af_xinet/copy.h"

/**
 * struct xinet_frame_vlan - the VLAN tag of a packet
 * @status: TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID, or 0
 * @tci: priority and identifier, host byte order
 * @tpid: ETH_P_8021Q or ETH_P_8021AD, host byte order
 */
struct xinet_frame_vlan {
	u32 status;
	u16 tci;
	u16 tpid;
};

/**
 * xinet_frame_status() - TP_STATUS_* bits of checksum and segmentation
 * @skb: the packet
 *
 * Return: the bits, including TP_STATUS_USER.
 */
static inline u32 xinet_frame_status(const struct sk_buff *skb)
{
	u32 status = TP_STATUS_USER | xinet_skb_tp_status_gso(skb);

	if (skb->ip_summed == CHECKSUM_PARTIAL)
		status |= TP_STATUS_CSUMNOTREADY;
	else if (skb->pkt_type != PACKET_OUTGOING && skb_csum_unnecessary(skb))
		status |= TP_STATUS_CSUM_VALID;
	return status;
}

/**
 * xinet_frame_vlan_tci() - the tag that a cooked packet carries in its data
 * @skb: a packet whose protocol is that of a tag
 * @dev: its device
 *
 * Found only if the length of the link-level header does not vary, or on a VLAN
 * device, whose own tag is not part of the header.
 *
 * Return: priority and identifier, host byte order; 0 if not found.
 */
static inline u16 xinet_frame_vlan_tci(const struct sk_buff *skb,
				       const struct net_device *dev)
{
	struct vlan_hdr hdr_buf, *hdr;
	int hlen;

	if (dev->min_header_len == dev->hard_header_len)
		hlen = dev->hard_header_len;
	else if (is_vlan_dev(dev))
		hlen = dev->min_header_len;
	else
		return 0;

	hdr = skb_header_pointer(skb, skb_mac_offset(skb) + hlen,
				 sizeof(hdr_buf), &hdr_buf);
	return hdr ? ntohs(hdr->h_vlan_TCI) : 0;
}

/**
 * xinet_frame_get_vlan() - the VLAN tag of a packet
 * @skb: the packet
 * @dev: its device, NULL if it is gone
 * @cooked: the socket does not get the link-level header
 */
static inline struct xinet_frame_vlan
xinet_frame_get_vlan(const struct sk_buff *skb, const struct net_device *dev,
		     bool cooked)
{
	const u32 valid = TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
	struct xinet_frame_vlan vlan = {};

	if (skb_vlan_tag_present(skb)) {
		vlan.tci = skb_vlan_tag_get(skb);
		vlan.tpid = ntohs(skb->vlan_proto);
		vlan.status = valid;
	} else if (unlikely(cooked && eth_type_vlan(skb->protocol) && dev)) {
		vlan.tci = xinet_frame_vlan_tci(skb, dev);
		vlan.tpid = ntohs(skb->protocol);
		vlan.status = valid;
	}
	return vlan;
}

/**
 * xinet_frame_protocol() - sll_protocol of a packet
 * @skb: the packet
 * @cooked: the socket does not get the link-level header, and no tag in it
 *
 * Return: ETH_P_*, network byte order.
 */
static inline __be16 xinet_frame_protocol(const struct sk_buff *skb,
					  bool cooked)
{
	if (unlikely(cooked && eth_type_vlan(skb->protocol)))
		return xinet_skb_inner_protocol(skb);
	return skb->protocol;
}

/**
 * xinet_frame_now() - the time that all sinks that stamp a packet share
 * @now: read from the clock if zero
 *
 * Return: @now.
 */
static inline const struct timespec64 *xinet_frame_now(struct timespec64 *now)
{
	if (!now->tv_sec)
		ktime_get_real_ts64(now);
	return now;
}

/**
 * xinet_frame_timestamp() - the time stamp of a packet
 * @skb: the packet
 * @flags: PACKET_TIMESTAMP; only SOF_TIMESTAMPING_RAW_HARDWARE has an effect
 * @now: for a packet without a stamp: shared time, read from the clock if zero
 * @ts: the time, UTC unless it is the device's
 *
 * Return: TP_STATUS_TS_* of the origin of the stamp, 0 for @now.
 */
static inline u32 xinet_frame_timestamp(struct sk_buff *skb,
					unsigned int flags,
					struct timespec64 *now,
					struct timespec64 *ts)
{
	if (unlikely(flags & SOF_TIMESTAMPING_RAW_HARDWARE) &&
	    ktime_to_timespec64_cond(skb_hwtstamps(skb)->hwtstamp, ts))
		return TP_STATUS_TS_RAW_HARDWARE;
	if (ktime_to_timespec64_cond(skb_tstamp(skb), ts))
		return TP_STATUS_TS_SOFTWARE;
	*ts = *xinet_frame_now(now);
	return 0;
}

/**
 * xinet_frame_fast_time() - the time stamp of a packet, fast path
 * @skb: the packet
 * @stamped: it may have a stamp already; a constant, which is free when false
 * @now: as in xinet_frame_timestamp(), or NULL: the stamp is not shared
 * @ts: the time, UTC
 *
 * For a socket that has no hardware timestamps enabled.
 *
 * Return: as xinet_frame_timestamp().
 */
static __always_inline u32 xinet_frame_fast_time(const struct sk_buff *skb,
						 bool stamped,
						 struct timespec64 *now,
						 struct timespec64 *ts)
{
	u32 nsec;

	if (stamped && ktime_to_timespec64_cond(skb_tstamp(skb), ts))
		return TP_STATUS_TS_SOFTWARE;
	if (now) {
		*ts = *xinet_frame_now(now);
		return 0;
	}
	/* stays in registers; a function would fill in a struct on the stack */
	ts->tv_sec = div_u64_rem(ktime_get_real_ns(), NSEC_PER_SEC, &nsec);
	ts->tv_nsec = nsec;
	return 0;
}

/**
 * xinet_frame_has_ether_address() - whether a packet's sender has a MAC address
 * @skb: the packet, its device set
 */
static inline bool xinet_frame_has_ether_address(const struct sk_buff *skb)
{
	const struct header_ops *ops = skb->dev->header_ops;

	return ops && ops->parse == eth_header_parse;
}

/**
 * xinet_frame_copy_address() - the link-level address of a packet's sender
 * @skb: the packet, its device set
 * @addr: destination
 * @room: bytes at @addr, at least ETH_ALEN; a longer address is truncated
 *
 * Return: its untruncated length.
 */
static inline u8 xinet_frame_copy_address(const struct sk_buff *skb, u8 *addr,
					  size_t room)
{
	u8 any[MAX_ADDR_LEN];
	int len;

	if (likely(xinet_frame_has_ether_address(skb))) {
		memcpy(addr, eth_hdr(skb)->h_source, ETH_ALEN);
		return ETH_ALEN;
	}
	len = dev_parse_header(skb, any);
	memcpy(addr, any, min_t(size_t, len, room));
	return len;
}

/**
 * xinet_frame_copy() - copy the bytes of a packet
 * @skb: the packet
 * @to: destination
 * @len: how many, at most xinet_skb_readable_len()
 */
static inline void xinet_frame_copy(const struct sk_buff *skb, void *to,
				    unsigned int len)
{
	if (likely(len <= skb_headlen(skb)))
		xinet_copy_linear(to, skb->data, len);
	else
		WARN_ON_ONCE(skb_copy_bits(skb, 0, to, len));
}

#endif /* _XINET_PACKET_FRAME_INFO_H */
