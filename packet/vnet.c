// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio-net header in front of a frame: segmentation and checksum metadata
 * of a guest's driver, passed between userspace and skbs. The queue and the
 * rings call this on receive, tx.c and tx_ring.c on send. The fields are
 * converted by <linux/virtio_net.h>, not here.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/if_packet.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_net.h>
#include <net/sock.h>

#include "compat/xinet_compat_packet.h"
#include "af_xinet/sockopt.h"
#include "packet/sock.h"
#include "packet/vnet.h"

/* The byte order of devices older than virtio 1.0: that of the machine. */
static bool vnet_is_little_endian(void)
{
	return virtio_legacy_is_little_endian();
}

static u16 vnet_to_cpu(__virtio16 val)
{
	return __virtio16_to_cpu(vnet_is_little_endian(), val);
}

/* The header size for @val, or -EINVAL. */
static int vnet_wanted_size(int optname, int val)
{
	if (optname == PACKET_VNET_HDR)
		return val ? sizeof(struct virtio_net_hdr) : 0;

	switch (val) {
	case 0:
	case sizeof(struct virtio_net_hdr):
	case sizeof(struct virtio_net_hdr_mrg_rxbuf):
		return val;
	default:
		return -EINVAL;
	}
}

/* In cooked mode there is no link-level frame that a header could precede. */
static bool vnet_is_raw(const struct sock *sk)
{
	return READ_ONCE(sk->sk_type) == SOCK_RAW;
}

int xinet_vnet_setsockopt(struct xinet_packet_sock *po, int optname,
			  sockptr_t optval, unsigned int optlen)
{
	struct sock *sk = &po->sk;
	int size;
	int err;
	int val;

	if (!vnet_is_raw(sk))
		return -EINVAL;
	err = xinet_sockopt_get_int(&val, optval, optlen);
	if (err)
		return err;
	size = vnet_wanted_size(optname, val);
	if (size < 0)
		return size;

	lock_sock(sk);
	if (xinet_packet_has_ring(po)) {
		err = -EBUSY;
	} else if (!vnet_is_raw(sk)) {
		/* the mode has changed before the socket lock was taken */
		err = -EINVAL;
	} else {
		WRITE_ONCE(po->vnet_hdr_sz, size);
		err = 0;
	}
	release_sock(sk);
	return err;
}

int xinet_vnet_put(const struct sk_buff *skb, void *hdr, unsigned int size)
{
	struct virtio_net_hdr_mrg_rxbuf full = {};
	int err;

	err = virtio_net_hdr_from_skb(skb, &full.hdr, vnet_is_little_endian(),
				      true, 0);
	if (err)
		return -EINVAL;
	memcpy(hdr, &full, min_t(size_t, size, sizeof(full)));
	return 0;
}

int xinet_vnet_put_msg(const struct sk_buff *skb, struct msghdr *msg,
		       size_t *len, unsigned int size)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	int err;

	if (*len < size)
		return -EINVAL;
	*len -= size;
	err = xinet_vnet_put(skb, &hdr, size);
	return err ? err : memcpy_to_msg(msg, &hdr, size);
}

int xinet_vnet_check(struct virtio_net_hdr *hdr, size_t len)
{
	u32 csum_end;

	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		csum_end = (u32)vnet_to_cpu(hdr->csum_start) +
			   vnet_to_cpu(hdr->csum_offset) + sizeof(__sum16);
		/* as AF_PACKET: the sum is stored in 16 bits */
		if (csum_end > vnet_to_cpu(hdr->hdr_len))
			hdr->hdr_len =
				__cpu_to_virtio16(vnet_is_little_endian(),
						  csum_end);
	}
	return vnet_to_cpu(hdr->hdr_len) > len ? -EINVAL : 0;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_vnet_check);

int xinet_vnet_get(struct iov_iter *from, size_t *len, unsigned int size,
		   struct virtio_net_hdr *hdr)
{
	if (*len < size)
		return -EINVAL;
	*len -= size;
	if (!copy_from_iter_full(hdr, sizeof(*hdr), from))
		return -EFAULT;
	/* the buffer count is ignored on send */
	iov_iter_advance(from, size - sizeof(*hdr));
	return xinet_vnet_check(hdr, *len);
}

unsigned int xinet_vnet_hdr_len(const struct virtio_net_hdr *hdr)
{
	return vnet_to_cpu(hdr->hdr_len);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_vnet_hdr_len);

int xinet_vnet_apply(struct sk_buff *skb, const struct virtio_net_hdr *hdr)
{
	return virtio_net_hdr_to_skb(skb, hdr, vnet_is_little_endian());
}

void xinet_vnet_set_protocol(struct sk_buff *skb,
			     const struct virtio_net_hdr *hdr)
{
	/* no error if the type implies no protocol */
	virtio_net_hdr_set_proto(skb, hdr);
}
