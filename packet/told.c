// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the reader of a packet socket is told about a packet beyond what AF_PACKET
 * tells. Receivers of sockets that ask for it call this per packet; it takes no
 * lock and allocates nothing.
 */
#include <linux/build_bug.h>
#include <linux/netdevice.h>
#include <linux/string.h>
#include <linux/xinet.h>
#include <net/net_namespace.h>

#include "packet/owner.h"
#include "packet/sock.h"
#include "packet/tap/owner_id.h"
#include "packet/tap/sink.h"
#include "packet/tap/tap.h"
#include "packet/told.h"

void xinet_tell_netns(const struct net_device *dev, struct xinet_netns *netns)
{
	const struct net *net = dev_net(dev);

	BUILD_BUG_ON(sizeof(netns->device) != sizeof(dev->name));
	netns->cookie = net->net_cookie;
	netns->netns = net->ns.inum;
	netns->reserved = 0;
	/* one that is being renamed may be told in part, and ends all the same */
	data_race(memcpy(netns->device, dev->name, sizeof(netns->device)));
	netns->device[sizeof(netns->device) - 1] = '\0';
}

bool xinet_tell(const struct xinet_packet_sock *po, const struct sk_buff *skb,
		const struct xinet_tap_frame *frame,
		struct xinet_told_room *room, struct xinet_told *told)
{
	const struct xinet_owner_id *id;
	struct xinet_owner_id shared;

	*told = (struct xinet_told){};
	if (po->owner) {
		id = xinet_tap_owner(&po->sink, skb, frame, &shared);
		if (!xinet_owner_accepts(po->owner, id))
			return false;
		xinet_owner_fill(po->owner, id, &room->owner);
		told->owner = &room->owner;
	}
	if (po->all_netns) {
		xinet_tell_netns(READ_ONCE(po->origdev) ? frame->orig_dev : skb->dev,
				 &room->netns);
		told->netns = &room->netns;
	}
	if (po->sink.original)
		told->original = xinet_tap_original(frame);
	return true;
}

/*
 * Where the index that is told is one; the device may have moved since the drop. A
 * packet without a device has a substitute.
 */
static void tell_netns_of_dropped(const struct net_device *dev,
				  const struct xinet_dropped *dropped,
				  struct xinet_netns *netns)
{
	if (dev->ifindex) {
		xinet_tell_netns(dev, netns);
		return;
	}
	memset(netns, 0, sizeof(*netns));
	netns->cookie = dropped->netns_cookie;
	netns->netns = dropped->netns;
}

bool xinet_tell_dropped(const struct xinet_packet_sock *po,
			const struct sk_buff *skb,
			const struct xinet_dropped *dropped,
			struct xinet_told_room *room, struct xinet_told *told)
{
	*told = (struct xinet_told){ .dropped = dropped };
	if (po->owner) {
		if (!xinet_owner_fill_nobody(po->owner, &room->owner))
			return false;
		told->owner = &room->owner;
	}
	if (po->all_netns) {
		tell_netns_of_dropped(skb->dev, dropped, &room->netns);
		told->netns = &room->netns;
	}
	return true;
}
