// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frames of the wire that the kernel has merged into one packet (GRO), or that
 * the device will make of it (segmentation, checksum and VLAN offload):
 *
 *   packet --copy of head--> segments --> checksum of each --> VLAN tag of each
 *
 * as validate_xmit_skb() does for a device that can do nothing of it; plain TCP is cut
 * in original_tcp.c, at less cost. Called by
 * tap_deliver.c for taps whose sinks ask for it, before any filter. The packet goes
 * on its way meanwhile: nothing that it shares with a clone may be written.
 *
 * A sender chooses the size of segments, so their number has a limit, and what the
 * core would warn of in a damaged packet is looked for before.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/xinet.h>

#include "compat/xinet_compat_packet.h"
#include "packet/tap/original.h"

bool xinet_original_is(const struct sk_buff *skb)
{
	return !skb_is_gso(skb) && skb->ip_summed != CHECKSUM_PARTIAL &&
	       !skb_vlan_tag_present(skb);
}

void xinet_original_free(struct sk_buff *frames)
{
	struct sk_buff *skb, *next;

	/* copies: the packet is not dropped */
	skb_list_walk_safe(frames, skb, next) {
		skb_mark_not_on_list(skb);
		consume_skb(skb);
	}
}
EXPORT_SYMBOL_IF_KUNIT(xinet_original_free);

int xinet_original_offset(const struct sk_buff *skb)
{
	return dev_has_header(skb->dev) ? skb->data - skb_mac_header(skb) : 0;
}

struct sk_buff *xinet_original_clone(struct sk_buff *skb, int offset)
{
	struct sk_buff *clone;

	/* its link-level header is said to be elsewhere */
	if (offset < 0 || offset > (int)skb_headroom(skb))
		return NULL;
	clone = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
	if (!clone)
		return NULL;
	skb_push(clone, offset);
	/* one for all frames */
	if (!skb_tstamp(clone))
		__net_timestamp(clone);
	return clone;
}

static bool original_is_list(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST;
}

/* Those that SCTP has made, or that were merged as they came. */
static u32 original_list_len(const struct sk_buff *skb)
{
	const struct sk_buff *part;
	u32 nr = 1;

	skb_walk_frags(skb, part)
		nr++;
	return nr;
}

/* Whether a packet can be cut into @most frames at most. */
static bool original_may_segment(const struct sk_buff *skb, u32 most)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);

	/* memory that only a device reads; what ESP will make of it is not known */
	if (xinet_skb_readable_len(skb) != skb->len ||
	    shinfo->gso_type & SKB_GSO_ESP || skb_sec_path(skb))
		return false;
	if (shinfo->gso_size == GSO_BY_FRAGS || original_is_list(skb))
		return original_list_len(skb) <= most;
	return DIV_ROUND_UP(skb->len, shinfo->gso_size) <= most;
}

/* Consumes @skb. */
static struct sk_buff *original_segment(struct sk_buff *skb, u32 most)
{
	const struct skb_shared_hwtstamps hwtstamps = *skb_hwtstamps(skb);
	const bool is_list = original_is_list(skb);
	struct sk_buff *segments = NULL;
	struct sk_buff *segment;

	/* segmentation writes into headers */
	if (!original_may_segment(skb, most) ||
	    skb_unclone(skb, GFP_ATOMIC | __GFP_NOWARN))
		goto out_free;
	/* else the core would warn; the checksums are made in any case */
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	segments = __skb_gso_segment(skb, NETIF_F_SG, true);
	if (IS_ERR(segments))
		segments = NULL;
	/* the frames of a list have their own, and may share them */
	for (segment = is_list ? NULL : segments; segment; segment = segment->next)
		*skb_hwtstamps(segment) = hwtstamps;
out_free:
	if (segments != skb)
		consume_skb(skb);
	return segments;
}

/* As skb_csum_hwoffload_help(), which warns of what is damaged. */
static bool original_checksum(struct sk_buff *skb)
{
	const int start = skb_checksum_start_offset(skb);
	const int len = skb_headlen(skb);

	return start >= 0 && start < len &&
	       start + skb->csum_offset + (int)sizeof(__sum16) <= len &&
	       !skb_csum_hwoffload_help(skb, 0);
}

bool xinet_original_tag(struct sk_buff *skb)
{
	/* of others, it is not known where a tag stands */
	if (skb->dev->type != ARPHRD_ETHER || !pskb_may_pull(skb, ETH_HLEN) ||
	    __vlan_insert_tag(skb, skb->vlan_proto, skb_vlan_tag_get(skb)))
		return false;
	skb->protocol = skb->vlan_proto;
	__vlan_hwaccel_clear_tag(skb);
	return true;
}

/*
 * Makes one frame of a segment; then it begins as one that a tap gets. @offset: that
 * of the packet.
 */
static bool original_finish(struct sk_buff *skb, int offset, u32 *done)
{
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		if (!original_checksum(skb))
			return false;
		*done |= XINET_ORIGINAL_CHECKSUM;
	}
	if (skb_vlan_tag_present(skb)) {
		if (!xinet_original_tag(skb))
			return false;
		*done |= XINET_ORIGINAL_VLAN;
		offset += offset ? VLAN_HLEN : 0;
	}
	if (!offset)
		return true;
	if (!pskb_may_pull(skb, offset))
		return false;
	__skb_pull(skb, offset);
	skb_reset_network_header(skb);
	return true;
}

struct sk_buff *xinet_original_frames(struct sk_buff *skb, u32 most,
				      struct xinet_original *done)
{
	const int offset = xinet_original_offset(skb);
	struct sk_buff *frames = xinet_original_clone(skb, offset);
	struct sk_buff *frame;
	u32 nr = 0;

	*done = (struct xinet_original){};
	if (frames && skb_is_gso(frames)) {
		/* each gets a checksum, and one of its own bytes */
		done->done = XINET_ORIGINAL_SEGMENTED | XINET_ORIGINAL_CHECKSUM;
		frames = original_segment(frames, most);
	}
	if (!frames)
		goto err_failed;
	for (frame = frames; frame; frame = frame->next) {
		if (!original_finish(frame, offset, &done->done))
			goto err_free;
		nr++;
	}
	done->segments = min_t(u32, nr, U16_MAX);
	return frames;

err_free:
	xinet_original_free(frames);
err_failed:
	*done = (struct xinet_original){ .done = XINET_ORIGINAL_FAILED,
					 .segments = 1 };
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_original_frames);
