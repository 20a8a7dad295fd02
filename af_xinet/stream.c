// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stream sockets: proto_ops over the kernel's TCP. Every sock is one of
 * tcp_prot, as PF_INET's are; see engine.c for what that means.
 */
#include <linux/in.h>
#include <linux/module.h>
#include <linux/net.h>
#include <net/inet_common.h>
#include <net/tcp.h>
#include <net/xinet.h>

#include "af_xinet/bind.h"
#include "af_xinet/engine.h"
#include "af_xinet/protosw.h"
#include "af_xinet/stream.h"
#include "af_xinet/ulp.h"

/*
 * Filled in when the module loads. The core gives a new socket these ops, and a
 * reference to their owner, before it calls accept().
 */
static struct proto_ops stream_ops __ro_after_init = {
	.owner		= THIS_MODULE,
};

static int stream_connect(struct socket *sock, struct xinet_sockaddr *uaddr,
			  int len, int flags)
{
	int err;

	err = xinet_bind_check_family(uaddr, len);
	return err ? err : inet_stream_connect(sock, uaddr, len, flags);
}

static int stream_setsockopt(struct socket *sock, int level, int optname,
			     sockptr_t optval, unsigned int optlen)
{
	if (xinet_ulp_is_option(level, optname))
		return xinet_ulp_setsockopt(sock, &stream_ops, level, optname,
					    optval, optlen);
	return sock_common_setsockopt(sock, level, optname, optval, optlen);
}

static struct xinet_protosw stream_protosw = {
	.type		= SOCK_STREAM,
	.protocol	= IPPROTO_TCP,
	.prot		= &tcp_prot,
	.ops		= &stream_ops,
	.flags		= XINET_PROTOSW_PERMANENT | XINET_PROTOSW_ICSK,
};

int __init xinet_stream_init(void)
{
	xinet_engine_take_ops(&stream_ops, &inet_stream_ops);
	stream_ops.connect = stream_connect;
	stream_ops.setsockopt = stream_setsockopt;
	return xinet_register_protosw(&stream_protosw);
}

void xinet_stream_exit(void)
{
	xinet_protosw_retire(&stream_protosw);
	xinet_ulp_exit();
}
