// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/xinet/: the protosw table, socket counts, counters, and the raw and
 * packet sockets in the layout of /proc/net/raw and /proc/net/packet. Reads
 * other components' tables under RCU or their lock; handles no packets. See
 * Documentation/proc.md for the files.
 *
 * A file that is read in several pieces continues at the same index of the
 * list: sockets that come or go in between may be missed or shown twice, as in
 * PF_INET's files.
 */
#include <linux/proc_fs.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/user_namespace.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/protocol.h>
#include <net/sock.h>
#include <net/xinet.h>

#include "af_xinet/mib.h"
#include "af_xinet/proc.h"
#include "af_xinet/protosw.h"
#include "ip/raw.h"
#include "compat/xinet_compat_inet.h"
#include "packet/sock.h"

/* --- protosw --- */

static void *protosw_start(struct seq_file *seq, loff_t *pos)
	__acquires(rcu)
{
	rcu_read_lock();
	if (!*pos)
		return SEQ_START_TOKEN;
	return (void *)xinet_protosw_at(*pos - 1);
}

static void *protosw_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return (void *)xinet_protosw_at(*pos - 1);
}

static void proc_rcu_stop(struct seq_file *seq, void *v)
	__releases(rcu)
{
	rcu_read_unlock();
}

static const char *protosw_type_name(unsigned int type)
{
	switch (type) {
	case SOCK_STREAM:
		return "stream";
	case SOCK_DGRAM:
		return "dgram";
	case SOCK_RAW:
		return "raw";
	case SOCK_RDM:
		return "rdm";
	case SOCK_SEQPACKET:
		return "seqpacket";
	case SOCK_DCCP:
		return "dccp";
	case SOCK_PACKET:
		return "packet";
	default:
		return "-";
	}
}

static int protosw_show(struct seq_file *seq, void *v)
{
	const struct xinet_protosw *p = v;
	const struct proto *prot;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "type      protocol name             module           flags\n");
		return 0;
	}

	/* Some entries get their proto from their first socket. */
	prot = READ_ONCE(p->prot);
	seq_printf(seq, "%-9s ", protosw_type_name(p->type));
	if (p->protocol)
		seq_printf(seq, "%-8u ", p->protocol);
	else
		seq_puts(seq, "any      ");
	seq_printf(seq, "%-16s %-16s %s\n", prot ? prot->name : "-",
		   module_name(p->ops->owner),
		   p->flags & XINET_PROTOSW_PERMANENT ? "permanent" : "-");
	return 0;
}

static const struct seq_operations protosw_seq_ops = {
	.start	= protosw_start,
	.next	= protosw_next,
	.stop	= proc_rcu_stop,
	.show	= protosw_show,
};

/* --- sockets, snmp --- */

/*
 * Shows the protos that a module owns. Sockets over the kernel's engines use
 * PF_INET's protos, whose counts include them.
 */
static int sockets_show(struct seq_file *seq, void *v)
{
	struct net *net = seq_file_single_net(seq);
	const struct xinet_protosw *p;
	struct proto *prot;
	loff_t i;

	rcu_read_lock();
	for (i = 0; (p = xinet_protosw_at(i)); i++) {
		prot = READ_ONCE(p->prot);
		if (prot && prot->owner)
			seq_printf(seq, "%s: inuse %d\n", prot->name,
				   sock_prot_inuse_get(net, prot));
	}
	rcu_read_unlock();
	return 0;
}

static int snmp_show(struct seq_file *seq, void *v)
{
	xinet_mib_show(seq, seq_file_single_net(seq));
	return 0;
}

/* --- raw --- */

static void *raw_start(struct seq_file *seq, loff_t *pos)
{
	struct xinet_raw_net *rn = xinet_raw_pernet(seq_file_net(seq));

	mutex_lock(&rn->lock);
	return seq_list_start_head(&rn->all, *pos);
}

static void *raw_next(struct seq_file *seq, void *v, loff_t *pos)
{
	return seq_list_next(v, &xinet_raw_pernet(seq_file_net(seq))->all, pos);
}

static void raw_stop(struct seq_file *seq, void *v)
{
	mutex_unlock(&xinet_raw_pernet(seq_file_net(seq))->lock);
}

/* The columns of timers and retransmissions are 0. */
static int raw_show(struct seq_file *seq, void *v)
{
	const struct xinet_raw_sock *rsk;
	const struct inet_sock *inet;
	struct sock *sk;

	if (v == &xinet_raw_pernet(seq_file_net(seq))->all) {
		seq_puts(seq, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n");
		return 0;
	}

	rsk = list_entry(v, struct xinet_raw_sock, all_node);
	inet = &rsk->raw.inet;
	sk = (struct sock *)inet;
	seq_printf(seq, "%4d: %08X:%04X %08X:%04X %02X %08X:%08X 00:00000000 00000000 ",
		   inet->inet_num, (__force u32)READ_ONCE(inet->inet_rcv_saddr),
		   inet->inet_num, (__force u32)READ_ONCE(inet->inet_daddr), 0,
		   READ_ONCE(sk->sk_state), sk_wmem_alloc_get(sk),
		   sk_rmem_alloc_get(sk));
	seq_printf(seq, "%5u %8d %llu %d %pK %llu\n",
		   from_kuid_munged(seq_user_ns(seq), xinet_sk_uid(sk)), 0,
		   (u64)sock_i_ino(sk), refcount_read(&sk->sk_refcnt), sk,
		   xinet_raw_drops(sk));
	return 0;
}

static const struct seq_operations raw_seq_ops = {
	.start	= raw_start,
	.next	= raw_next,
	.stop	= raw_stop,
	.show	= raw_show,
};

/* --- packet --- */

static struct hlist_head *packet_socks(struct seq_file *seq)
{
	return &xinet_packet_pernet(seq_file_net(seq))->socks;
}

static void *packet_start(struct seq_file *seq, loff_t *pos)
	__acquires(rcu)
{
	rcu_read_lock();
	return seq_hlist_start_head_rcu(packet_socks(seq), *pos);
}

static void *packet_next(struct seq_file *seq, void *v, loff_t *pos)
{
	return seq_hlist_next_rcu(v, packet_socks(seq), pos);
}

static int packet_show(struct seq_file *seq, void *v)
{
	const struct xinet_packet_sock *po;
	struct sock *sk;

	if (v == SEQ_START_TOKEN) {
		seq_printf(seq, "%*sRefCnt Type Proto  Iface R Rmem   User   Inode\n",
			   IS_ENABLED(CONFIG_64BIT) ? -17 : -9, "sk");
		return 0;
	}

	sk = sk_entry(v);
	po = xinet_packet_sk(sk);
	seq_printf(seq, "%pK %-6d %-4d %04x   %-5d %1d %-6u %-6u %-6llu\n",
		   sk, refcount_read(&sk->sk_refcnt), READ_ONCE(sk->sk_type),
		   ntohs(READ_ONCE(po->num)), READ_ONCE(po->ifindex),
		   READ_ONCE(po->sink.running),
		   atomic_read(&sk->sk_rmem_alloc),
		   from_kuid_munged(seq_user_ns(seq), xinet_sk_uid(sk)),
		   (u64)sock_i_ino(sk));
	return 0;
}

static const struct seq_operations packet_seq_ops = {
	.start	= packet_start,
	.next	= packet_next,
	.stop	= proc_rcu_stop,
	.show	= packet_show,
};

/* --- per-namespace directory --- */

static int __net_init proc_net_init(struct net *net)
{
	struct proc_dir_entry *dir;

	dir = proc_net_mkdir(net, "xinet", net->proc_net);
	if (!dir)
		return -ENOMEM;

	if (!proc_create_net("protosw", 0444, dir, &protosw_seq_ops,
			     sizeof(struct seq_net_private)) ||
	    !proc_create_net_single("sockets", 0444, dir, sockets_show, NULL) ||
	    !proc_create_net_single("snmp", 0444, dir, snmp_show, NULL) ||
	    !proc_create_net("raw", 0444, dir, &raw_seq_ops,
			     sizeof(struct seq_net_private)) ||
	    !proc_create_net("packet", 0444, dir, &packet_seq_ops,
			     sizeof(struct seq_net_private))) {
		remove_proc_subtree("xinet", net->proc_net);
		return -ENOMEM;
	}
	return 0;
}

static void __net_exit proc_net_exit(struct net *net)
{
	remove_proc_subtree("xinet", net->proc_net);
}

static struct pernet_operations proc_net_ops = {
	.init	= proc_net_init,
	.exit	= proc_net_exit,
};

int __init xinet_proc_init(void)
{
	return register_pernet_subsys(&proc_net_ops);
}

void xinet_proc_exit(void)
{
	unregister_pernet_subsys(&proc_net_ops);
}
