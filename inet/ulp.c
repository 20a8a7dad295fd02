// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP_ULP: an upper layer protocol of TCP replaces the proto_ops of the socket
 * that it is enabled on. Called by stream.c for that option.
 *
 * kTLS makes its proto_ops, for all sockets of the machine, by copying those of
 * a socket that it is enabled on. If those were ours, PF_INET's sockets would
 * run code of this module and drop references to it. So a connection gets
 * PF_INET's proto_ops first, for good: no later call on it, whenever it
 * started, finds ours again. Other protocols are rejected: "espintcp" accepts
 * sockets in any state, "smc" replaces the file's socket, and the behaviour of
 * others is unknown.
 */
#include <linux/errno.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "inet/ulp.h"

#define ULP_TLS	"tls"

static int ulp_set_tls(struct socket *sock)
{
	char name[] = ULP_TLS;

	return sock_common_setsockopt(sock, SOL_TCP, TCP_ULP,
				      KERNEL_SOCKPTR(name), sizeof(name) - 1);
}

/* The errors of PF_INET, which truncates a long name. */
static int ulp_check_name(sockptr_t optval, unsigned int optlen)
{
	char name[TCP_ULP_NAME_MAX];
	long len;

	if (optlen < 1)
		return -EINVAL;
	len = strncpy_from_sockptr(name, optval,
				   min_t(unsigned int, TCP_ULP_NAME_MAX - 1,
					 optlen));
	if (len < 0)
		return -EFAULT;
	name[len] = '\0';
	return strcmp(name, ULP_TLS) ? -ENOENT : 0;
}

/*
 * Checks with a socket of PF_INET whether kTLS is available, which may load it:
 * an unknown protocol is reported before a missing connection. This also makes
 * kTLS copy its proto_ops from PF_INET's.
 */
static int ulp_check_tls(struct net *net)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(net, PF_INET, SOCK_STREAM, IPPROTO_TCP, &sock);
	if (err)
		return err;
	err = ulp_set_tls(sock);
	sock_release(sock);
	return err == -ENOTCONN ? 0 : err;
}

int xinet_ulp_setsockopt(struct socket *sock, sockptr_t optval,
			 unsigned int optlen,
			 int (*hand_over)(struct socket *sock))
{
	int err;

	err = ulp_check_name(optval, optlen);
	if (err)
		return err;
	err = ulp_check_tls(sock_net(sock->sk));
	if (err)
		return err;
	err = hand_over(sock);
	if (err)
		return err;
	return ulp_set_tls(sock);
}
