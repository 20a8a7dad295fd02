/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending through a packet socket.
 */
#ifndef _XINET_PACKET_TX_H
#define _XINET_PACKET_TX_H

#include <linux/types.h>

struct msghdr;
struct socket;

/**
 * xinet_tx_sendmsg() - sendmsg() of a packet socket
 * @sock: the socket
 * @msg: the frame, with its link-level header in link-level mode, behind a
 *	virtio-net header if the socket asks for it; the address, if any, is a
 *	struct sockaddr_ll whose family is not looked at
 * @len: bytes in @msg
 *
 * Context: process, no locks held.
 * Return: @len; -EINVAL for a short address, a frame without a complete
 * link-level header, or a virtio-net header that does not fit it; -ENXIO when
 * there is no device; -ENETDOWN; -EMSGSIZE; -EPROTONOSUPPORT for SO_NOFCS on a
 * device that cannot; -ENOBUFS when the device's queue drops; an errno of the
 * control messages; -EAGAIN; -EFAULT.
 */
int xinet_tx_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

#endif /* _XINET_PACKET_TX_H */
