// SPDX-License-Identifier: GPL-2.0-only
/*
 * sock_diag: reports the sockets of the family to programs. The kernel calls
 * diag_request() for every request that names the family; it never loads this
 * module for one, as there is no alias. The sockets come from registry.c, the
 * attributes of packet sockets from packet/. Reads sockets in use without their
 * locks, as inet_diag does: each value was true at some time, not all of them
 * at the same instant.
 *
 * Every user sees all sockets of its own network namespace; the filter and the
 * mark only with CAP_NET_ADMIN, as in packet_diag and inet_diag, checked by
 * xinet_netlink_capable().
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/sock_diag.h>
#include <linux/user_namespace.h>
#include <linux/xinet.h>
#include <linux/xinet_diag.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/tcp_states.h>
#include <net/udp.h>

#include "af_xinet/diag.h"
#include "af_xinet/drop.h"
#include "af_xinet/family.h"
#include "af_xinet/reach.h"
#include "af_xinet/registry.h"
#include "ip/raw.h"
#include "compat/xinet_compat_inet.h"
#include "packet/diag.h"

/**
 * struct diag_reader - sender of a request
 * @req: the request
 * @user_ns: user namespace for the user ids reported
 * @portid: netlink address of the sender
 * @seq: sequence number of the request
 * @net_admin: has CAP_NET_ADMIN, see xinet_netlink_capable()
 */
struct diag_reader {
	const struct xinet_diag_req *req;
	struct user_namespace *user_ns;
	u32 portid;
	u32 seq;
	bool net_admin;
};

static void diag_reader_init(struct diag_reader *reader,
			     struct sk_buff *request,
			     const struct nlmsghdr *nlh)
{
	reader->req = nlmsg_data(nlh);
	reader->user_ns = sk_user_ns(NETLINK_CB(request).sk);
	reader->portid = NETLINK_CB(request).portid;
	reader->seq = nlh->nlmsg_seq;
	reader->net_admin =
		xinet_netlink_capable(request, sock_net(request->sk),
				      CAP_NET_ADMIN);
}

/*
 * By the proto that the sock was allocated with: kTLS replaces the proto of a
 * socket, and a protocol module may use any type and protocol.
 */
static enum xinet_diag_kind diag_kind(const struct sock *sk)
{
	const struct proto *prot = sk->sk_prot_creator;

	if (xinet_packet_is(sk))
		return XINET_DIAG_PACKET;
	if (xinet_raw_is(sk))
		return XINET_DIAG_RAW;
	if (prot == &tcp_prot)
		return XINET_DIAG_TCP;
	if (prot == &udp_prot)
		return XINET_DIAG_UDP;
	/* not every kernel exports its proto, and no member of it is read */
	if (sk->sk_type == SOCK_DGRAM && sk->sk_protocol == IPPROTO_ICMP)
		return XINET_DIAG_PING;
	return XINET_DIAG_OTHER;
}

static bool diag_selects(const struct xinet_diag_req *req,
			 const struct sock *sk)
{
	if (req->kinds && !(req->kinds & BIT(diag_kind(sk))))
		return false;
	if (req->states && !(req->states & BIT(READ_ONCE(sk->sk_state))))
		return false;
	return !req->sdiag_protocol ||
	       (!xinet_packet_is(sk) && sk->sk_protocol == req->sdiag_protocol);
}

static void diag_fill_tcp_queues(const struct sock *sk,
				 struct xinet_diag_msg *msg)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	if (msg->state == TCP_LISTEN) {
		msg->rqueue = READ_ONCE(sk->sk_ack_backlog);
		msg->wqueue = READ_ONCE(sk->sk_max_ack_backlog);
		return;
	}
	/* without the lock copied_seq may be read ahead of rcv_nxt */
	msg->rqueue = max_t(int, READ_ONCE(tp->rcv_nxt) -
				 READ_ONCE(tp->copied_seq), 0);
	msg->wqueue = READ_ONCE(tp->write_seq) - READ_ONCE(tp->snd_una);
}

static void diag_fill_inet(const struct sock *sk, struct xinet_diag_msg *msg)
{
	msg->family = AF_INET;
	msg->protocol = sk->sk_protocol;
	msg->ifindex = READ_ONCE(sk->sk_bound_dev_if);
	msg->src = READ_ONCE(sk->sk_rcv_saddr);
	msg->dst = READ_ONCE(sk->sk_daddr);
	if (msg->kind == XINET_DIAG_RAW)
		return;

	msg->sport = htons(READ_ONCE(sk->sk_num));
	msg->dport = READ_ONCE(sk->sk_dport);
	if (msg->kind == XINET_DIAG_TCP)
		diag_fill_tcp_queues(sk, msg);
	else if (msg->kind == XINET_DIAG_UDP)
		msg->rqueue = udp_rqueue_get((struct sock *)sk);
}

static void diag_fill_msg(struct sock *sk, const struct diag_reader *reader,
			  struct xinet_diag_msg *msg)
{
	memset(msg, 0, sizeof(*msg));
	msg->kind = diag_kind(sk);
	msg->type = READ_ONCE(sk->sk_type);
	msg->state = READ_ONCE(sk->sk_state);
	msg->rqueue = sk_rmem_alloc_get(sk);
	msg->wqueue = sk_wmem_alloc_get(sk);
	msg->uid = from_kuid_munged(reader->user_ns, xinet_sk_uid(sk));
	msg->ino = sock_i_ino(sk);
	sock_diag_save_cookie(sk, msg->cookie);

	if (msg->kind == XINET_DIAG_PACKET)
		xinet_packet_diag_fill(sk, msg);
	else
		diag_fill_inet(sk, msg);
}

static int diag_put_prog_id(const struct sock *sk, struct sk_buff *skb)
{
	const struct sk_filter *filter;
	int err = 0;

	rcu_read_lock();
	filter = rcu_dereference(sk->sk_filter);
	if (filter && !bpf_prog_was_classic(filter->prog))
		err = nla_put_u32(skb, XINET_DIAG_FILTER_PROG_ID,
				  filter->prog->aux->id);
	rcu_read_unlock();
	return err;
}

static int diag_put_filter(struct sock *sk, struct sk_buff *skb,
			   bool net_admin)
{
	if (sock_diag_put_filterinfo(net_admin, sk, skb, XINET_DIAG_FILTER))
		return -EMSGSIZE;
	return net_admin ? diag_put_prog_id(sk, skb) : 0;
}

/* The counters of @sk, or false: the kernel's engines have no reasons. */
static bool diag_read_drops(struct sock *sk, enum xinet_diag_kind kind,
			    u64 *by_reason)
{
	if (kind == XINET_DIAG_PACKET)
		xinet_packet_diag_drops(sk, by_reason);
	else if (kind == XINET_DIAG_RAW)
		xinet_drop_read(&xinet_raw_sk(sk)->drops, by_reason);
	else
		return false;
	return true;
}

/* XINET_DIAG_DROPS and, if requested, XINET_DIAG_DROP_REASONS. */
static int diag_put_drops(struct sock *sk, struct sk_buff *skb,
			  enum xinet_diag_kind kind, u32 show)
{
	u64 by_reason[__XINET_DROP_REASONS];
	u64 drops = 0;
	bool known;
	int i;

	known = diag_read_drops(sk, kind, by_reason);
	for (i = 0; known && i < __XINET_DROP_REASONS; i++)
		drops += by_reason[i];
	if (!known)
		drops = xinet_sk_drops_read(sk);
	if (nla_put_u64_64bit(skb, XINET_DIAG_DROPS, drops, XINET_DIAG_PAD))
		return -EMSGSIZE;
	if (!known || !(show & XINET_DIAG_SHOW_INFO))
		return 0;
	return nla_put_64bit(skb, XINET_DIAG_DROP_REASONS, sizeof(by_reason),
			     by_reason, XINET_DIAG_PAD);
}

static int diag_put_info(struct sock *sk, struct sk_buff *skb,
			 enum xinet_diag_kind kind)
{
	if (kind == XINET_DIAG_PACKET)
		return xinet_packet_diag_put_info(sk, skb);
	if (kind == XINET_DIAG_RAW && sk->sk_protocol == IPPROTO_ICMP)
		return nla_put_u32(skb, XINET_DIAG_ICMP_FILTER,
				   READ_ONCE(raw_sk(sk)->filter.data));
	return 0;
}

static int diag_put_attrs(struct sock *sk, struct sk_buff *skb,
			  const struct diag_reader *reader,
			  enum xinet_diag_kind kind)
{
	u32 show = reader->req->show;

	if (diag_put_drops(sk, skb, kind, show) ||
	    nla_put_u8(skb, XINET_DIAG_SHUTDOWN, READ_ONCE(sk->sk_shutdown)))
		return -EMSGSIZE;
	if (reader->net_admin &&
	    nla_put_u32(skb, XINET_DIAG_MARK, READ_ONCE(sk->sk_mark)))
		return -EMSGSIZE;
	if (show & XINET_DIAG_SHOW_MEMINFO &&
	    sock_diag_put_meminfo(sk, skb, XINET_DIAG_MEMINFO))
		return -EMSGSIZE;
	if (show & XINET_DIAG_SHOW_FILTER &&
	    diag_put_filter(sk, skb, reader->net_admin))
		return -EMSGSIZE;
	if (show & XINET_DIAG_SHOW_INFO && diag_put_info(sk, skb, kind))
		return -EMSGSIZE;
	if (show & XINET_DIAG_SHOW_MEMBERSHIPS && kind == XINET_DIAG_PACKET)
		return xinet_packet_diag_put_memberships(sk, skb);
	return 0;
}

/* Appends the message of @sk; -EMSGSIZE when it does not fit into @skb. */
static int diag_put(struct sock *sk, struct sk_buff *skb,
		    const struct diag_reader *reader, int flags)
{
	struct xinet_diag_msg *msg;
	struct nlmsghdr *nlh;

	nlh = nlmsg_put(skb, reader->portid, reader->seq, SOCK_DIAG_BY_FAMILY,
			sizeof(*msg), flags);
	if (!nlh)
		return -EMSGSIZE;
	msg = nlmsg_data(nlh);
	diag_fill_msg(sk, reader, msg);
	if (diag_put_attrs(sk, skb, reader, msg->kind)) {
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

/* Grows @skb to hold a message of any size, and charges its reader for it. */
static int diag_grow(struct sk_buff *skb)
{
	unsigned int before = skb_end_offset(skb);
	int grown;

	if (pskb_expand_head(skb, 0, XINET_DIAG_MSG_MAX, GFP_KERNEL))
		return -ENOMEM;
	grown = skb_end_offset(skb) - before;
	skb->truesize += grown;
	atomic_add(grown, &skb->sk->sk_rmem_alloc);
	return 0;
}

/*
 * Appends the message of @sk if the request selects it. One that does not fit
 * into an empty @skb grows @skb and stays alone in it: returns 1 then, 0 if
 * others may follow, or a negative errno.
 */
static int diag_dump_one(struct sock *sk, struct sk_buff *skb,
			 const struct diag_reader *reader)
{
	int err;

	if (!diag_selects(reader->req, sk))
		return 0;

	err = diag_put(sk, skb, reader, NLM_F_MULTI);
	if (err != -EMSGSIZE || skb->len)
		return err;
	if (diag_grow(skb))
		return -ENOMEM;
	err = diag_put(sk, skb, reader, NLM_F_MULTI);
	return err ? err : 1;
}

/*
 * netlink_callback dump(): fills one buffer; called until it leaves the buffer
 * empty. args[0] is the cookie of the last socket processed.
 */
static int diag_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned long cursor = cb->args[0];
	struct diag_reader reader;
	struct sock *sk;
	int err = 0;

	diag_reader_init(&reader, cb->skb, cb->nlh);
	while ((sk = xinet_registry_next(sock_net(skb->sk), &cursor))) {
		err = diag_dump_one(sk, skb, &reader);
		sock_put(sk);
		if (err < 0)
			break;
		cb->args[0] = cursor;
		if (err > 0)
			break;
		cond_resched();
	}
	return err < 0 && err != -EMSGSIZE ? err : skb->len;
}

static struct sk_buff *diag_reply(struct sock *sk,
				  const struct diag_reader *reader)
{
	static const size_t sizes[] = { NLMSG_DEFAULT_SIZE, XINET_DIAG_MSG_MAX };
	struct sk_buff *reply;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		reply = nlmsg_new(sizes[i], GFP_KERNEL);
		if (!reply)
			return ERR_PTR(-ENOMEM);
		if (!diag_put(sk, reply, reader, 0))
			return reply;
		nlmsg_free(reply);
	}
	return ERR_PTR(-EMSGSIZE);
}

static int diag_by_cookie(struct sk_buff *request, const struct nlmsghdr *nlh)
{
	const struct xinet_diag_req *req = nlmsg_data(nlh);
	struct net *net = sock_net(request->sk);
	struct diag_reader reader;
	struct sk_buff *reply;
	struct sock *sk;

	/* other handlers treat this as "any cookie" */
	if (req->cookie[0] == U32_MAX && req->cookie[1] == U32_MAX)
		return -EINVAL;
	sk = xinet_registry_find(net, req->cookie);
	if (!sk)
		return -ENOENT;

	diag_reader_init(&reader, request, nlh);
	reply = diag_reply(sk, &reader);
	sock_put(sk);
	if (IS_ERR(reply))
		return PTR_ERR(reply);
	return nlmsg_unicast(net->diag_nlsk, reply, reader.portid);
}

static int diag_request(struct sk_buff *request, struct nlmsghdr *nlh)
{
	struct netlink_dump_control control = {
		.dump = diag_dump,
	};

	if (nlmsg_len(nlh) < sizeof(struct xinet_diag_req))
		return -EINVAL;
	if (nlh->nlmsg_flags & NLM_F_DUMP)
		return netlink_dump_start(sock_net(request->sk)->diag_nlsk,
					  request, nlh, &control);
	return diag_by_cookie(request, nlh);
}

/* The family is filled in when the module loads. */
static struct sock_diag_handler diag_handler __ro_after_init = {
	.owner = THIS_MODULE,
	.dump = diag_request,
};

int __init xinet_diag_init(void)
{
	diag_handler.family = xinet_family_number();
	return sock_diag_register(&diag_handler);
}

void xinet_diag_exit(void)
{
	sock_diag_unregister(&diag_handler);
}
