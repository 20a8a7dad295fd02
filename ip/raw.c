// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system calls on raw IPv4 sockets: proto_ops, options and recvmsg(). Uses
 * PF_INET's inet_*() helpers where they accept any inet_sock; packets are
 * received in raw_input.c and sent in raw_output.c.
 */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/module.h>
#include <linux/uio.h>
#include <linux/xinet.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include <net/udp.h>
#include <net/xinet.h>

#include "af_xinet/bind.h"
#include "af_xinet/family.h"
#include "af_xinet/protosw.h"
#include "af_xinet/sockopt.h"
#include "ip/raw.h"
#include "compat/xinet_compat_inet.h"

static int raw_bind(struct socket *sock, struct xinet_sockaddr *uaddr, int len)
{
	return xinet_bind_inet(sock->sk, uaddr, len);
}

/* proto connect(): the socket is not locked, the address not checked. */
static int raw_connect(struct sock *sk, struct xinet_sockaddr *uaddr, int len)
{
	int err;

	err = xinet_raw_expect_errors(sk);
	return err ? err : ip4_datagram_connect(sk, uaddr, len);
}

/*
 * connect() with AF_UNSPEC. As in PF_INET, this also clears the bound address
 * and device; unlike there, the socket keeps receiving.
 */
static int raw_disconnect(struct sock *sk, int flags)
{
	struct inet_sock *inet = inet_sk(sk);

	lock_sock(sk);
	sk->sk_state = TCP_CLOSE;
	WRITE_ONCE(inet->inet_daddr, 0);
	inet->inet_dport = 0;
	inet->inet_sport = 0;
	WRITE_ONCE(sk->sk_bound_dev_if, 0);
	WRITE_ONCE(inet->inet_rcv_saddr, 0);
	inet->inet_saddr = 0;
	sk_dst_reset(sk);
	release_sock(sk);
	return 0;
}

static int raw_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		       int flags)
{
	DECLARE_SOCKADDR(struct sockaddr_in *, sin, msg->msg_name);
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	size_t copied;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return xinet_inet_recv_error(sk, msg, len);

	skb = skb_recv_datagram(sk, flags, &err);
	if (!skb)
		return err;

	copied = min_t(size_t, len, skb->len);
	if (copied < skb->len)
		msg->msg_flags |= MSG_TRUNC;

	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (err)
		goto out;

	sock_recv_cmsgs(msg, sk, skb);
	if (sin) {
		*sin = (struct sockaddr_in) {
			.sin_family = AF_INET,
			.sin_addr.s_addr = ip_hdr(skb)->saddr,
		};
		msg->msg_namelen = sizeof(*sin);
	}
	if (xinet_inet_wants_cmsg(sk))
		ip_cmsg_recv(msg, skb);
	err = flags & MSG_TRUNC ? skb->len : copied;
out:
	skb_free_datagram(sk, skb);
	return err;
}

/* ICMP_FILTER of raw(7). A shorter value sets its bytes only, as in PF_INET. */
static int raw_set_icmp_filter(struct sock *sk, sockptr_t optval,
			       unsigned int optlen)
{
	struct icmp_filter filter;

	if (inet_sk(sk)->inet_num != IPPROTO_ICMP)
		return -EOPNOTSUPP;

	filter.data = READ_ONCE(raw_sk(sk)->filter.data);
	if (copy_from_sockptr(&filter, optval,
			      min_t(unsigned int, optlen, sizeof(filter))))
		return -EFAULT;
	WRITE_ONCE(raw_sk(sk)->filter.data, filter.data);
	return 0;
}

/*
 * raw_refuse() - @err, for an option of SOL_RAW that the socket does not have;
 * what is wrong with @optlen comes first where it does in PF_INET
 */
static int raw_refuse(int err, int __user *optlen)
{
	int len;

	if (!xinet_raw_optlen_comes_first())
		return err;
	if (get_user(len, optlen))
		return -EFAULT;
	return len < 0 ? -EINVAL : err;
}

static int raw_get_icmp_filter(struct sock *sk, char __user *optval,
			       int __user *optlen)
{
	struct icmp_filter filter;

	if (inet_sk(sk)->inet_num != IPPROTO_ICMP)
		return raw_refuse(-EOPNOTSUPP, optlen);
	filter.data = READ_ONCE(raw_sk(sk)->filter.data);
	return xinet_sockopt_put(&filter, sizeof(filter), optval, optlen);
}

/* XINET_RAW_ICMP_ID of <linux/xinet.h> */
static int raw_set_icmp_id(struct sock *sk, sockptr_t optval,
			   unsigned int optlen)
{
	int err, id;

	if (inet_sk(sk)->inet_num != IPPROTO_ICMP)
		return -EOPNOTSUPP;
	err = xinet_sockopt_get_int(&id, optval, optlen);
	if (err)
		return err;
	if (id < 0 || id > U16_MAX)
		return -EINVAL;
	return xinet_raw_bind_icmp_id(sk, id);
}

static int raw_get_icmp_id(struct sock *sk, char __user *optval,
			   int __user *optlen)
{
	int id;

	if (inet_sk(sk)->inet_num != IPPROTO_ICMP)
		return -EOPNOTSUPP;
	id = (int)READ_ONCE(xinet_raw_sk(sk)->icmp_id) - 1;
	return xinet_sockopt_put(&id, sizeof(id), optval, optlen);
}

/* XINET_RAW_POINT of <linux/xinet.h> */
static int raw_set_point(struct sock *sk, sockptr_t optval,
			 unsigned int optlen)
{
	int err, point;

	err = xinet_sockopt_get_int(&point, optval, optlen);
	if (err)
		return err;
	if (point != XINET_RAW_POINT_WIRE && point != XINET_RAW_POINT_HOST)
		return -EINVAL;
	return xinet_raw_set_point(sk, point);
}

static int raw_get_point(struct sock *sk, char __user *optval,
			 int __user *optlen)
{
	int point = READ_ONCE(xinet_raw_sk(sk)->point);

	return xinet_sockopt_put(&point, sizeof(point), optval, optlen);
}

/*
 * IP_RECVERR, on or off, makes the socket expect errors: only ip_setsockopt()
 * reads the value, so that it is read once.
 */
static int raw_set_ip(struct sock *sk, int level, int optname,
		      sockptr_t optval, unsigned int optlen)
{
	int err = 0;

	if (level == SOL_IP && optname == IP_RECVERR)
		err = xinet_raw_expect_errors(sk);
	return err ? err : ip_setsockopt(sk, level, optname, optval, optlen);
}

static int raw_setsockopt(struct socket *sock, int level, int optname,
			  sockptr_t optval, unsigned int optlen)
{
	if (level == SOL_RAW && optname == ICMP_FILTER)
		return raw_set_icmp_filter(sock->sk, optval, optlen);
	if (level == SOL_XINET && optname == XINET_RAW_ICMP_ID)
		return raw_set_icmp_id(sock->sk, optval, optlen);
	if (level == SOL_XINET && optname == XINET_RAW_POINT)
		return raw_set_point(sock->sk, optval, optlen);
	if (level == SOL_RAW)
		return -ENOPROTOOPT;
	return raw_set_ip(sock->sk, level, optname, optval, optlen);
}

static int raw_getsockopt(struct socket *sock, int level, int optname,
			  char __user *optval, int __user *optlen)
{
	if (level == SOL_RAW && optname == ICMP_FILTER)
		return raw_get_icmp_filter(sock->sk, optval, optlen);
	if (level == SOL_XINET && optname == XINET_RAW_ICMP_ID)
		return raw_get_icmp_id(sock->sk, optval, optlen);
	if (level == SOL_XINET && optname == XINET_RAW_POINT)
		return raw_get_point(sock->sk, optval, optlen);
	if (level == SOL_RAW)
		return raw_refuse(-ENOPROTOOPT, optlen);
	return ip_getsockopt(sock->sk, level, optname, optval, optlen);
}

/*
 * The kernel's router alert chain and multicast routing may hold references to
 * the socket, by IP_ROUTER_ALERT or MRT_INIT; switching the former off drops
 * both. It fails when neither is set, which is the usual case.
 */
static void raw_leave_router_alert(struct sock *sk)
{
	int off = 0;

	ip_setsockopt(sk, SOL_IP, IP_ROUTER_ALERT, KERNEL_SOCKPTR(&off),
		      sizeof(off));
}

static void raw_close(struct sock *sk, long timeout)
{
	raw_leave_router_alert(sk);
	sk_common_release(sk);
}

static void raw_destroy(struct sock *sk)
{
	lock_sock(sk);
	xinet_raw_uncork(sk);
	release_sock(sk);
}

/* raw_borrow_ioctls() sets the rest. */
static struct proto raw_proto = {
	.name		= "XINET-RAW",
	.owner		= THIS_MODULE,
	.close		= raw_close,
	.destroy	= raw_destroy,
	.connect	= raw_connect,
	.disconnect	= raw_disconnect,
	.release_cb	= ip4_datagram_release_cb,
	.hash		= xinet_raw_hash,
	.unhash		= xinet_raw_unhash,
	.obj_size	= sizeof(struct xinet_raw_sock),
};

bool xinet_raw_is(const struct sock *sk)
{
	return sk->sk_prot == &raw_proto;
}

/* The family and what raw_borrow_ioctls() sets follow at module load. */
static struct proto_ops raw_ops __ro_after_init = {
	.owner		= THIS_MODULE,
	.release	= xinet_release,
	.bind		= raw_bind,
	.connect	= xinet_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= inet_getname,
	.poll		= datagram_poll,
	.ioctl		= inet_ioctl,
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= inet_shutdown,
	.setsockopt	= raw_setsockopt,
	.getsockopt	= raw_getsockopt,
	.sendmsg	= xinet_raw_sendmsg,
	.recvmsg	= raw_recvmsg,
	.mmap		= sock_no_mmap,
};

static struct xinet_protosw raw_protosw = {
	.type		= SOCK_RAW,
	.protocol	= IPPROTO_IP,
	.prot		= &raw_proto,
	.ops		= &raw_ops,
	.flags		= XINET_PROTOSW_REUSE,
};

/*
 * Takes the ioctls of raw sockets that are not the core's from a PF_INET
 * socket: queue lengths, counters of multicast routing, and the compat versions
 * of all. They are built into every kernel, but exported in no other way, and
 * require only a struct raw_sock, which ours begins with. Takes the core's
 * sk_data_ready(), too.
 */
static int __init raw_borrow_ioctls(void)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, PF_INET, SOCK_RAW, IPPROTO_RAW,
			       &sock);
	if (err)
		return err;
	xinet_raw_data_ready = sock->sk->sk_data_ready;
	raw_proto.ioctl = sock->sk->sk_prot->ioctl;
#ifdef CONFIG_COMPAT
	raw_proto.compat_ioctl = sock->sk->sk_prot->compat_ioctl;
	raw_ops.compat_ioctl = sock->ops->compat_ioctl;
#endif
	sock_release(sock);
	return 0;
}

int __init xinet_raw_init(void)
{
	int err;

	raw_ops.family = xinet_family_number();

	err = raw_borrow_ioctls();
	if (err)
		return err;

	err = proto_register(&raw_proto, 1);
	if (err)
		return err;

	err = xinet_register_protosw(&raw_protosw);
	if (err)
		goto err_proto;
	return 0;

err_proto:
	proto_unregister(&raw_proto);
	return err;
}

void xinet_raw_exit(void)
{
	xinet_protosw_retire(&raw_protosw);
	/* RCU callbacks return socks to the proto's slab. */
	rcu_barrier();
	proto_unregister(&raw_proto);
}
