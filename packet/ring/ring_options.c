// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options that set how rings are made and filled. Called by options.c.
 * What a ring copies when it is made must not change while there is one; the
 * socket lock ensures that.
 */
#include <linux/errno.h>
#include <linux/if_packet.h>
#include <linux/sockptr.h>
#include <linux/uaccess.h>
#include <linux/xinet.h>
#include <net/sock.h>

#include "af_xinet/sockopt.h"
#include "packet/receiver.h"
#include "packet/ring/ring_options.h"
#include "packet/sock.h"

/* For the options that a ring copies; socket lock held. */
static int ring_options_store(struct xinet_packet_sock *po, int optname,
			      int val)
{
	/* PACKET_TX_HAS_OFF is then silently ignored, as in AF_PACKET */
	if (xinet_packet_has_ring(po))
		return optname == PACKET_TX_HAS_OFF ? 0 : -EBUSY;

	switch (optname) {
	case PACKET_VERSION:
		WRITE_ONCE(po->tp_version, val);
		break;
	case PACKET_RESERVE:
		WRITE_ONCE(po->tp_reserve, val);
		break;
	case PACKET_LOSS:
		WRITE_ONCE(po->tp_loss, val != 0);
		break;
	case PACKET_TX_HAS_OFF:
		WRITE_ONCE(po->tx_has_off, val != 0);
		break;
	}
	return 0;
}

static bool ring_options_in_range(int optname, int val)
{
	switch (optname) {
	case PACKET_VERSION:
		return val >= TPACKET_V1 && val <= TPACKET_V3;
	case PACKET_RESERVE:
		return val >= 0;
	default:
		return true;
	}
}

int xinet_ring_options_set(struct xinet_packet_sock *po, int optname,
			   sockptr_t optval, unsigned int optlen)
{
	struct sock *sk = &po->sk;
	int err;
	int val;

	switch (optname) {
	case PACKET_VERSION:
	case PACKET_RESERVE:
	case PACKET_LOSS:
	case PACKET_TX_HAS_OFF:
	case PACKET_COPY_THRESH:
	case PACKET_TIMESTAMP:
		break;
	default:
		return -ENOPROTOOPT;
	}
	err = xinet_sockopt_get_exact_int(&val, optval, optlen);
	if (err)
		return err;
	if (!ring_options_in_range(optname, val))
		return -EINVAL;

	if (optname == PACKET_COPY_THRESH) {
		WRITE_ONCE(po->copy_thresh, val);
		return 0;
	}
	if (optname == PACKET_TIMESTAMP) {
		WRITE_ONCE(po->tp_tstamp, val);
		xinet_receiver_options_changed(po);
		return 0;
	}
	lock_sock(sk);
	err = ring_options_store(po, optname, val);
	release_sock(sk);
	return err;
}

int xinet_ring_options_get(const struct xinet_packet_sock *po, int optname,
			   int *val)
{
	switch (optname) {
	case PACKET_VERSION:
		*val = READ_ONCE(po->tp_version);
		return 0;
	case PACKET_RESERVE:
		*val = READ_ONCE(po->tp_reserve);
		return 0;
	case PACKET_LOSS:
		*val = READ_ONCE(po->tp_loss);
		return 0;
	case PACKET_TX_HAS_OFF:
		*val = READ_ONCE(po->tx_has_off);
		return 0;
	case PACKET_TIMESTAMP:
		*val = READ_ONCE(po->tp_tstamp);
		return 0;
	case PACKET_COPY_THRESH:
		*val = READ_ONCE(po->copy_thresh);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int xinet_ring_options_set_latency(struct xinet_packet_sock *po, int optname,
				   sockptr_t optval, unsigned int optlen)
{
	struct sock *sk = &po->sk;
	int err;
	int val;

	err = xinet_sockopt_get_exact_int(&val, optval, optlen);
	if (err)
		return err;
	if (val < 0)
		return -EINVAL;

	lock_sock(sk);
	if (xinet_packet_has_ring(po))
		err = -EBUSY;
	else if (optname == XINET_PACKET_FLUSH_USEC)
		WRITE_ONCE(po->tp_flush_usec, val);
	else
		WRITE_ONCE(po->tp_watermark, val);
	release_sock(sk);
	return err;
}

int xinet_ring_options_hdrlen(char __user *optval, int len, int *val)
{
	int version;

	if (len < (int)sizeof(version))
		return -EINVAL;
	if (copy_from_user(&version, optval, sizeof(version)))
		return -EFAULT;

	switch (version) {
	case TPACKET_V1:
		*val = sizeof(struct tpacket_hdr);
		return 0;
	case TPACKET_V2:
		*val = sizeof(struct tpacket2_hdr);
		return 0;
	case TPACKET_V3:
		*val = sizeof(struct tpacket3_hdr);
		return 0;
	default:
		return -EINVAL;
	}
}
