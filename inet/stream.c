// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stream sockets: proto_ops over the kernel's TCP. Every sock uses tcp_prot, as
 * PF_INET's do; see engine.c for what that means.
 *
 * Others may replace the proto_ops of a connection: kTLS, which ulp.c prepares
 * for, and OpenVPN's data channel offload, which makes no call into this
 * module. Then close() runs inet_release() instead of stream_release(), and the
 * socket core drops no reference to this module. So a sock is watched: if
 * stream_release() has not taken it off the list, stream_destruct(), its
 * sk_destruct(), does, and the free of the sock drops the reference that the
 * socket had.
 *
 * A connection that is cloned from a listening sock inherits sk_destruct(), but
 * no reference. So a listening sock is not watched:
 *
 *	socket(), accept() -> watched -- listen() -> not watched
 *	                         ^                        |
 *	                         +--- connect(), sendmsg(MSG_FASTOPEN)
 */
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <net/inet_common.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/xinet.h>

#include "af_xinet/bind.h"
#include "af_xinet/inet_sock.h"
#include "af_xinet/protosw.h"
#include "af_xinet/registry.h"
#include "inet/engine.h"
#include "inet/stream.h"
#include "inet/ulp.h"
#include "compat/xinet_compat_inet.h"

/*
 * Filled in when the module loads. The core gives a new socket these ops, and a
 * reference to their owner, before it calls accept().
 */
static struct proto_ops stream_ops __ro_after_init = {
	.owner		= THIS_MODULE,
};

static int stream_create(struct net *net, struct socket *sock, int protocol,
			 int kern);

static struct xinet_protosw stream_protosw = {
	.type		= SOCK_STREAM,
	.protocol	= IPPROTO_TCP,
	.prot		= &tcp_prot,
	.ops		= &stream_ops,
	.create		= stream_create,
	.flags		= XINET_PROTOSW_PERMANENT | XINET_PROTOSW_ICSK,
};

/*
 * The proto_ops of a connection that has been handed over: PF_INET's functions
 * only, so that copies may outlive this module, but no listen(), after which a
 * watched sock would be cloned. ulp.c lets kTLS see a socket of PF_INET before
 * one with these: kTLS copies proto_ops for every socket of the machine. Filled
 * in when the module loads.
 */
static struct proto_ops stream_handed_ops __ro_after_init;

/*
 * tcp_prot, but owned by this module: freeing a sock through it drops a
 * reference to this module. Filled in when the module loads.
 */
static struct proto stream_last_prot __ro_after_init;

/*
 * sk_destruct() of TCP on this kernel, the same for all socks of tcp_prot. Set
 * when the first socket is created.
 */
static void (*stream_tcp_destruct)(struct sock *sk);

/* Any context. The core reads sk_prot_creator and frees @sk after this. */
static void stream_destruct(struct sock *sk)
{
	if (xinet_registry_del(sk))
		sk->sk_prot_creator = &stream_last_prot;
	READ_ONCE(stream_tcp_destruct)(sk);
}

static bool stream_is_watched(const struct sock *sk)
{
	return READ_ONCE(sk->sk_destruct) != READ_ONCE(stream_tcp_destruct);
}

/* @sk is locked, or not visible to others yet. */
static void stream_watch(struct sock *sk)
{
	if (!stream_is_watched(sk))
		WRITE_ONCE(sk->sk_destruct, stream_destruct);
}

/*
 * @sk is locked, or about to be released. Returns false if it is still watched,
 * because another sk_destruct() wraps ours.
 */
static bool stream_unwatch(struct sock *sk)
{
	if (READ_ONCE(sk->sk_destruct) == stream_destruct)
		WRITE_ONCE(sk->sk_destruct, READ_ONCE(stream_tcp_destruct));
	return !stream_is_watched(sk);
}

/*
 * A sock that used to listen is being connected. A softirq that found it
 * listening may clone it until a grace period has passed; the inode's lock
 * prevents it from listening again.
 */
static void stream_watch_inode_locked(struct sock *sk)
{
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN || stream_is_watched(sk))
		return;
	synchronize_rcu();
	lock_sock(sk);
	stream_watch(sk);
	release_sock(sk);
}

static void stream_watch_again(struct socket *sock)
{
	inode_lock(SOCK_INODE(sock));
	stream_watch_inode_locked(sock->sk);
	inode_unlock(SOCK_INODE(sock));
}

static int stream_connect(struct socket *sock, struct xinet_sockaddr *uaddr,
			  int len, int flags)
{
	int err;

	err = xinet_bind_check_family(uaddr, len);
	if (err)
		return err;
	err = inet_stream_connect(sock, uaddr, len, flags);
	if (unlikely(!stream_is_watched(sock->sk)))
		stream_watch_again(sock);
	return err;
}

static int stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	int flags = msg->msg_flags;
	int ret;

	ret = xinet_engine_sendmsg(sock, msg, len);
	if (unlikely(flags & MSG_FASTOPEN) && !stream_is_watched(sock->sk))
		stream_watch_again(sock);
	return ret;
}

/* The lock of the inode excludes stream_watch_inode_locked(). */
static int stream_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;
	bool watched;

	inode_lock(SOCK_INODE(sock));
	if (READ_ONCE(sock->ops) != &stream_ops)
		goto out;

	lock_sock(sk);
	watched = stream_is_watched(sk);
	if (!stream_unwatch(sk)) {
		release_sock(sk);
		goto out;
	}
	release_sock(sk);

	err = inet_listen(sock, backlog);
	if (err && watched) {
		lock_sock(sk);
		stream_watch(sk);
		release_sock(sk);
	}
out:
	inode_unlock(SOCK_INODE(sock));
	return err;
}

static int stream_accept XINET_ACCEPT_PARAMS
{
	int err;

	err = inet_accept XINET_ACCEPT_ARGS;
	/* kernel_accept() sets the ops of the new socket afterwards */
	if (err || READ_ONCE(newsock->ops) != &stream_ops)
		return err;
	stream_watch(newsock->sk);
	return xinet_list_sock(newsock->sk);
}

/*
 * Gives a connection PF_INET's proto_ops, for good, without a way back to
 * listening. The socket is listed until it is closed, and holds the module
 * until its sock is freed. Does nothing if the socket has been handed over
 * before. Takes the locks of the socket's inode and of its sock. Returns 0;
 * -EEXIST when the socket has an upper layer protocol; -ENOTCONN when it is not
 * connected; -EBUSY when another module has replaced its proto_ops.
 */
static int stream_hand_over(struct socket *sock)
{
	const struct proto_ops *ops;
	struct sock *sk = sock->sk;
	int err = 0;

	inode_lock(SOCK_INODE(sock));
	/*
	 * connect() may not have watched it yet; after this others may wrap
	 * sk_destruct()
	 */
	stream_watch_inode_locked(sk);
	lock_sock(sk);
	ops = READ_ONCE(sock->ops);
	if (inet_csk(sk)->icsk_ulp_ops)
		err = -EEXIST;
	else if (sk->sk_state != TCP_ESTABLISHED)
		err = -ENOTCONN;
	else if (ops != &stream_ops && ops != &stream_handed_ops)
		err = -EBUSY;	/* their owner may restore ours */
	else
		WRITE_ONCE(sock->ops, &stream_handed_ops);
	release_sock(sk);
	inode_unlock(SOCK_INODE(sock));
	return err;
}

static int stream_setsockopt(struct socket *sock, int level, int optname,
			     sockptr_t optval, unsigned int optlen)
{
	if (level == SOL_TCP && optname == TCP_ULP)
		return xinet_ulp_setsockopt(sock, optval, optlen,
					    stream_hand_over);
	return sock_common_setsockopt(sock, level, optname, optval, optlen);
}

static int stream_release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (sk && !stream_unwatch(sk)) {
		/* stream_destruct() will drop this reference */
		__module_get(THIS_MODULE);
		return inet_release(sock);
	}
	return xinet_release(sock);
}

static int stream_create(struct net *net, struct socket *sock, int protocol,
			 int kern)
{
	struct sock *sk;
	int err;

	err = xinet_inet_sock_create(net, sock, &stream_protosw, protocol,
				     kern);
	if (err)
		return err;

	sk = sock->sk;
	if (unlikely(!READ_ONCE(stream_tcp_destruct)))
		WRITE_ONCE(stream_tcp_destruct, sk->sk_destruct);
	stream_watch(sk);
	err = xinet_list_sock(sk);
	if (err)
		stream_release(sock);
	return err;
}

int __init xinet_stream_init(void)
{
	stream_handed_ops = inet_stream_ops;
	stream_handed_ops.listen = sock_no_listen;
	stream_last_prot = tcp_prot;
	stream_last_prot.owner = THIS_MODULE;

	xinet_engine_take_ops(&stream_ops, &inet_stream_ops);
	stream_ops.connect = stream_connect;
	stream_ops.accept = stream_accept;
	stream_ops.listen = stream_listen;
	stream_ops.sendmsg = stream_sendmsg;
	stream_ops.setsockopt = stream_setsockopt;
	stream_ops.release = stream_release;
	return xinet_register_protosw(&stream_protosw);
}

void xinet_stream_exit(void)
{
	xinet_protosw_retire(&stream_protosw);
}
