// SPDX-License-Identifier: GPL-2.0-only
/*
 * A transport protocol of PF_XINET in one file: messages with ports and a
 * checksum on IP protocol 253 (xinet_msg.h draws them), as
 * socket(PF_XINET, SOCK_DGRAM, 253). Copy it and change it;
 * Documentation/protocol-authors.md explains it from the end upwards.
 */
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/inet.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/spinlock.h>
#include <net/icmp.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include <net/udp.h>
#include <net/xinet.h>

#include "xinet_msg.h"

/* --- ports: finding the socket of a port --------------------------------- */

/* Dynamic ports, RFC 6335 section 6. */
#define MSG_FIRST_DYNAMIC	49152
#define MSG_LAST_DYNAMIC	65535
#define MSG_BUCKETS		256

/* Sockets with a port, by port; changes under msg_lock, readers under RCU. */
static struct hlist_head msg_ports[MSG_BUCKETS];
static DEFINE_SPINLOCK(msg_lock);

static struct hlist_head *msg_bucket(u16 port)
{
	return &msg_ports[port % MSG_BUCKETS];
}

/* Whether another socket has @port at @sk's address; msg_lock held. */
static bool msg_port_taken(const struct sock *sk, u16 port)
{
	__be32 local = inet_sk(sk)->inet_rcv_saddr;
	const struct sock *other;

	sk_for_each(other, msg_bucket(port)) {
		__be32 taken = inet_sk(other)->inet_rcv_saddr;

		if (net_eq(sock_net(other), sock_net(sk)) &&
		    inet_sk(other)->inet_num == port &&
		    (!local || !taken || local == taken))
			return true;
	}
	return false;
}

/* bind() calls it and, with port 0, all that need a port; socket lock held. */
static int msg_get_port(struct sock *sk, unsigned short port)
{
	u32 last = port ?: MSG_LAST_DYNAMIC;
	u32 num = port ?: MSG_FIRST_DYNAMIC;

	spin_lock_bh(&msg_lock);
	while (num <= last && msg_port_taken(sk, num))
		num++;
	if (num <= last) {
		inet_sk(sk)->inet_num = num;
		sk_add_node_rcu(sk, msg_bucket(num));
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	}
	spin_unlock_bh(&msg_lock);
	return num <= last ? 0 : -EADDRINUSE;
}

/* Releases the port: close(), and connect() with AF_UNSPEC. */
static void msg_unhash(struct sock *sk)
{
	spin_lock_bh(&msg_lock);
	if (sk_del_node_init_rcu(sk)) {
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
		inet_sk(sk)->inet_num = 0;
	}
	spin_unlock_bh(&msg_lock);
}

/* The socket for a message that came in through @dif; RCU read side. */
static struct sock *msg_lookup(const struct net *net, int dif, __be32 saddr,
			       __be16 source, __be32 daddr, __be16 dest)
{
	struct sock *sk;

	sk_for_each_rcu(sk, msg_bucket(ntohs(dest))) {
		const struct inet_sock *inet = inet_sk(sk);

		if (!net_eq(sock_net(sk), net) ||
		    inet->inet_num != ntohs(dest) ||
		    (inet->inet_rcv_saddr && inet->inet_rcv_saddr != daddr) ||
		    (sk->sk_bound_dev_if && sk->sk_bound_dev_if != dif))
			continue;
		/* A connected socket receives only from its peer. */
		if (sk->sk_state == TCP_ESTABLISHED &&
		    (inet->inet_daddr != saddr || inet->inet_dport != source))
			continue;
		return sk;
	}
	return NULL;
}

/* --- packets in: softirq, RCU read side ---------------------------------- */

/* What recvmsg() reports about a queued message besides its text. */
struct msg_cb {
	__be16 source;
};

static struct msg_cb *msg_cb(struct sk_buff *skb)
{
	/* The core uses the end of the control block. */
	sock_skb_cb_check_size(sizeof(struct msg_cb));
	return (struct msg_cb *)skb->cb;
}

/*
 * Queues @skb, data at the header. On error the caller still owns @skb. The
 * socket filter sees the header, as UDP's does, and may trim the packet to less
 * than that: lengths checked before it are invalid afterwards. The queued
 * packet has only the text.
 */
static int msg_queue(struct sock *sk, struct sk_buff *skb)
{
	__be16 source = msg_header(skb)->source;
	int err;

	err = sk_filter(sk, skb);
	if (err)
		return err;
	__skb_pull(skb, min_t(size_t, skb->len, sizeof(struct msg_header)));
	msg_cb(skb)->source = source;
	/* Counts a drop if the queue is full. */
	return __sock_queue_rcv_skb(sk, skb);
}

static void msg_rcv(struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct sock *sk;

	if (!msg_parse(skb, iph->saddr, iph->daddr))
		goto drop;
	/* msg_parse() may have moved the headers. */
	iph = ip_hdr(skb);
	sk = msg_lookup(dev_net(skb->dev), inet_iif(skb), iph->saddr,
			msg_header(skb)->source, iph->daddr,
			msg_header(skb)->dest);
	if (!sk) {
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
		goto drop;
	}
	if (!msg_queue(sk, skb))
		return;
drop:
	kfree_skb(skb);
}

/* An ICMP error about a message that @sk may have sent. */
static void msg_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *sent = (void *)skb->data;
	const struct msg_header *header = (void *)(skb->data + sent->ihl * 4);
	const struct icmphdr *icmp = icmp_hdr(skb);
	struct sock *sk;

	sk = msg_lookup(dev_net(skb->dev), inet_iif(skb), sent->daddr,
			header->dest, sent->saddr, header->source);
	if (!sk || icmp->type != ICMP_DEST_UNREACH ||
	    icmp->code > NR_ICMP_UNREACH)
		return;

	if (icmp->code == ICMP_FRAG_NEEDED) {
		ipv4_update_pmtu(skb, dev_net(skb->dev), info, 0, MSG_PROTOCOL);
	} else if (sk->sk_state == TCP_ESTABLISHED &&
		   icmp_err_convert[icmp->code].fatal) {
		WRITE_ONCE(sk->sk_err, icmp_err_convert[icmp->code].errno);
		sk_error_report(sk);
	}
}

static const struct xinet_protocol msg_protocol = {
	.handler	= msg_rcv,
	.err_handler	= msg_err,
};

/* --- system calls -------------------------------------------------------- */

/* Where a message goes: @msg's address, or the peer of connect(). */
static int msg_destination(struct sock *sk, const struct msghdr *msg,
			   __be32 *daddr, __be16 *dest)
{
	DECLARE_SOCKADDR(const struct sockaddr_in *, to, msg->msg_name);

	if (!to) {
		if (sk->sk_state != TCP_ESTABLISHED)
			return -EDESTADDRREQ;
		*daddr = inet_sk(sk)->inet_daddr;
		*dest = inet_sk(sk)->inet_dport;
		return 0;
	}
	if (msg->msg_namelen < (int)sizeof(*to) || !to->sin_port)
		return -EINVAL;
	if (to->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	*daddr = to->sin_addr.s_addr;
	*dest = to->sin_port;
	return 0;
}

/* Makes a message for @fl4, with its route, ready for ip_queue_xmit(). */
static struct sk_buff *msg_make_skb(struct sock *sk, struct msghdr *msg,
				    size_t len, const struct flowi4 *fl4,
				    struct rtable *rt)
{
	/* For the device's header, and the longest IPv4 header. */
	const size_t reserve = LL_RESERVED_SPACE(rt->dst.dev) + 60;
	const size_t size = sizeof(struct msg_header) + len;
	struct sk_buff *skb;
	int err;

	skb = sock_alloc_send_skb(sk, reserve + size,
				  msg->msg_flags & MSG_DONTWAIT, &err);
	if (!skb)
		return ERR_PTR(err);
	skb_reserve(skb, reserve);
	skb_put(skb, size);
	err = memcpy_from_msg(skb->data + sizeof(struct msg_header), msg, len);
	if (err) {
		kfree_skb(skb);
		return ERR_PTR(err);
	}
	msg_build(skb, fl4->saddr, fl4->fl4_sport, fl4->daddr, fl4->fl4_dport);

	/* A longer packet is fragmented, unless the socket forbids it. */
	skb->ignore_df = ip_sk_ignore_df(sk) &&
			 sizeof(struct iphdr) + size > dst_mtu(&rt->dst);
	skb_dst_set(skb, dst_clone(&rt->dst));
	return skb;
}

static int msg_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct inet_sock *inet = inet_sk(sock->sk);
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	struct flowi4 fl4;
	struct rtable *rt;
	__be32 daddr;
	__be16 dest;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (len > MSG_MAX_TEXT)
		return -EMSGSIZE;

	lock_sock(sk);
	err = msg_destination(sk, msg, &daddr, &dest);
	if (!err && !inet->inet_num) {
		err = msg_get_port(sk, 0);
		inet->inet_sport = htons(inet->inet_num);
	}
	if (err)
		goto out;

	rt = ip_route_output_ports(sock_net(sk), &fl4, sk, daddr,
				   inet->inet_saddr, dest, inet->inet_sport,
				   MSG_PROTOCOL, 0, sk->sk_bound_dev_if);
	if (IS_ERR(rt)) {
		err = PTR_ERR(rt);
		goto out;
	}
	err = -EACCES;
	if (rt->rt_flags & RTCF_BROADCAST && !sock_flag(sk, SOCK_BROADCAST))
		goto out_route;

	skb = msg_make_skb(sk, msg, len, &fl4, rt);
	err = PTR_ERR_OR_ZERO(skb);
	if (!err)
		err = ip_queue_xmit(sk, skb, flowi4_to_flowi(&fl4));
	if (err > 0) /* the queue is congested */
		err = net_xmit_errno(err);
out_route:
	ip_rt_put(rt);
out:
	release_sock(sk);
	return err ?: len;
}

static int msg_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		       int flags)
{
	DECLARE_SOCKADDR(struct sockaddr_in *, from, msg->msg_name);
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	size_t copied;
	int err;

	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return -EOPNOTSUPP;
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
	if (from) {
		*from = (struct sockaddr_in) {
			.sin_family = AF_INET,
			.sin_port = msg_cb(skb)->source,
			.sin_addr.s_addr = ip_hdr(skb)->saddr,
		};
		msg->msg_namelen = sizeof(*from);
	}
	err = flags & MSG_TRUNC ? skb->len : copied;
out:
	skb_free_datagram(sk, skb);
	return err;
}

/* --- the kind of socket -------------------------------------------------- */

static int msg_init_sock(struct sock *sk)
{
	/* msg_lookup() finds sockets without taking a reference. */
	sock_set_flag(sk, SOCK_RCU_FREE);
	return 0;
}

static int msg_disconnect(struct sock *sk, int flags)
{
	lock_sock(sk);
	__udp_disconnect(sk, flags);
	release_sock(sk);
	return 0;
}

static void msg_close(struct sock *sk, long timeout)
{
	sk_common_release(sk);
}

static struct proto msg_proto = {
	.name		= "XINET-MSG",
	.owner		= THIS_MODULE,
	.init		= msg_init_sock,
	.close		= msg_close,
	.connect	= ip4_datagram_connect,
	.disconnect	= msg_disconnect,
	.release_cb	= ip4_datagram_release_cb,
	.setsockopt	= ip_setsockopt,
	.getsockopt	= ip_getsockopt,
	.get_port	= msg_get_port,
	.unhash		= msg_unhash,
	.obj_size	= sizeof(struct inet_sock),
};

/* xinet_ops_fill() sets the other members. */
static struct proto_ops msg_ops = {
	.owner		= THIS_MODULE,
	.sendmsg	= msg_sendmsg,
	.recvmsg	= msg_recvmsg,
};

static struct xinet_protosw msg_protosw = {
	.type		= SOCK_DGRAM,
	.protocol	= MSG_PROTOCOL,
	.prot		= &msg_proto,
	.ops		= &msg_ops,
};

/* --- load and unload ----------------------------------------------------- */

/* The protosw last: from then on socket() succeeds and everything must work. */
static int __init msg_init(void)
{
	int err;

	xinet_ops_fill(&msg_ops);
	err = proto_register(&msg_proto, 1);
	if (err)
		return err;
	err = xinet_add_protocol(&msg_protocol, MSG_PROTOCOL);
	if (err)
		goto err_proto;
	err = xinet_register_protosw(&msg_protosw);
	if (err)
		goto err_protocol;
	return 0;

err_protocol:
	xinet_del_protocol(&msg_protocol, MSG_PROTOCOL);
err_proto:
	proto_unregister(&msg_proto);
	return err;
}

/* Each open socket holds a reference to this module, so none is open here. */
static void __exit msg_exit(void)
{
	xinet_unregister_protosw(&msg_protosw);
	xinet_del_protocol(&msg_protocol, MSG_PROTOCOL);
	proto_unregister(&msg_proto);
}

module_init(msg_init);
module_exit(msg_exit);

MODULE_DESCRIPTION("Messages with ports and checksum: a sample protocol of PF_XINET");
MODULE_AUTHOR("The xinet maintainers");
MODULE_LICENSE("GPL");
/* For socket(PF_XINET, SOCK_DGRAM, 253); an enum cannot be stringified. */
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_XINET, 253, 2 /* SOCK_DGRAM */);
