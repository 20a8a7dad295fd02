// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of each network namespace: 64 bits wide, one set per CPU, never
 * reset. Incremented by the packet paths, summed for /proc/net/xinet/snmp.
 */
#include <kunit/visibility.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "af_xinet/mib.h"

/**
 * struct mib_name - how an item is printed
 * @group: prefix of its lines
 * @name: its name in the first line
 */
struct mib_name {
	const char *group;
	const char *name;
};

/* The items of a group are adjacent. */
static const struct mib_name mib_names[XINET_MIB_ITEMS] = {
	[XINET_MIB_RAW_INDELIVERS]	= { "Raw", "InDelivers" },
	[XINET_MIB_RAW_INDROPS]		= { "Raw", "InDrops" },
	[XINET_MIB_RAW_OUTREQUESTS]	= { "Raw", "OutRequests" },
	[XINET_MIB_RAW_OUTERRORS]	= { "Raw", "OutErrors" },
	[XINET_MIB_HANDLER_INDELIVERS]	= { "Handler", "InDelivers" },
	[XINET_MIB_HANDLER_INMEMERRORS]	= { "Handler", "InMemErrors" },
	[XINET_MIB_HANDLER_INPOLICYERRORS] = { "Handler", "InPolicyErrors" },
	[XINET_MIB_HANDLER_INERRORS]	= { "Handler", "InErrors" },
	[XINET_MIB_REASMREQDS]		= { "Reassembly", "ReasmReqds" },
	[XINET_MIB_REASMOKS]		= { "Reassembly", "ReasmOKs" },
};

static const char * const mib_drop_names[__XINET_DROP_REASONS] = {
	[XINET_DROP_NONE]		= "None",
	[XINET_DROP_RCVBUF]		= "RcvBuf",
	[XINET_DROP_NOMEM]		= "NoMem",
	[XINET_DROP_PFMEMALLOC]		= "PfMemalloc",
	[XINET_DROP_RING_FULL]		= "RingFull",
	[XINET_DROP_FRAME_OFFSETS]	= "FrameOffsets",
	[XINET_DROP_VNET_HDR]		= "VnetHdr",
	[XINET_DROP_LANE_FULL]		= "LaneFull",
	[XINET_DROP_LANE_FROZEN]	= "LaneFrozen",
	[XINET_DROP_LANE_BUSY]		= "LaneBusy",
	[XINET_DROP_XFRM_POLICY]	= "XfrmPolicy",
	[XINET_DROP_CGROUP_BPF]		= "CgroupBpf",
	[XINET_DROP_SECURITY]		= "Security",
	[XINET_DROP_BACKLOG]		= "Backlog",
};

unsigned int xinet_mib_net_id __ro_after_init;

struct xinet_mib __percpu *xinet_mib_of(const struct net *net)
{
	const struct xinet_mib_net *mn = net_generic(net, xinet_mib_net_id);

	return mn->mib;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_mib_of);

const char *xinet_mib_drop_name(enum xinet_drop_reason reason)
{
	return mib_drop_names[reason];
}

/* The sum over all CPUs of a counter that is @offset bytes into their structs. */
static u64 mib_sum(const struct net *net, size_t offset)
{
	struct xinet_mib __percpu *mib = xinet_mib_of(net);
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*(u64 *)((void *)per_cpu_ptr(mib, cpu) +
					  offset));
	return sum;
}

/*
 * Prints the names of the group that begins at @first, then the values. Returns
 * the index after the group.
 */
static int mib_show_group(struct seq_file *seq, const struct net *net,
			  int first)
{
	const char *group = mib_names[first].group;
	int end, i;

	for (end = first; end < XINET_MIB_ITEMS; end++) {
		if (strcmp(mib_names[end].group, group))
			break;
	}

	seq_printf(seq, "%s:", group);
	for (i = first; i < end; i++)
		seq_printf(seq, " %s", mib_names[i].name);
	seq_printf(seq, "\n%s:", group);
	for (i = first; i < end; i++)
		seq_printf(seq, " %llu",
			   mib_sum(net, offsetof(struct xinet_mib, items[i])));
	seq_putc(seq, '\n');
	return end;
}

/* The group of the lost packets. */
static void mib_show_drops(struct seq_file *seq, const struct net *net)
{
	int i;

	seq_puts(seq, "Drop:");
	for (i = XINET_DROP_NONE + 1; i < __XINET_DROP_REASONS; i++)
		seq_printf(seq, " %s", xinet_mib_drop_name(i));
	seq_puts(seq, "\nDrop:");
	for (i = XINET_DROP_NONE + 1; i < __XINET_DROP_REASONS; i++)
		seq_printf(seq, " %llu",
			   mib_sum(net, offsetof(struct xinet_mib, drops[i])));
	seq_putc(seq, '\n');
}

void xinet_mib_show(struct seq_file *seq, const struct net *net)
{
	int i = 0;

	while (i < XINET_MIB_ITEMS)
		i = mib_show_group(seq, net, i);
	mib_show_drops(seq, net);
}

static int __net_init mib_net_init(struct net *net)
{
	struct xinet_mib_net *mn = net_generic(net, xinet_mib_net_id);

	mn->mib = alloc_percpu(struct xinet_mib);
	return mn->mib ? 0 : -ENOMEM;
}

static void __net_exit mib_net_exit(struct net *net)
{
	free_percpu(xinet_mib_of(net));
}

static struct pernet_operations mib_net_ops = {
	.init	= mib_net_init,
	.exit	= mib_net_exit,
	.id	= &xinet_mib_net_id,
	.size	= sizeof(struct xinet_mib_net),
};

int __init xinet_mib_init(void)
{
	return register_pernet_subsys(&mib_net_ops);
}

void xinet_mib_exit(void)
{
	unregister_pernet_subsys(&mib_net_ops);
}
