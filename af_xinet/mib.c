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

unsigned int xinet_mib_net_id __ro_after_init;

struct xinet_mib __percpu *xinet_mib_of(const struct net *net)
{
	const struct xinet_mib_net *mn = net_generic(net, xinet_mib_net_id);

	return mn->mib;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_mib_of);

static u64 mib_sum(const struct net *net, enum xinet_mib_item item)
{
	struct xinet_mib __percpu *mib = xinet_mib_of(net);
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(mib, cpu)->items[item]);
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
		seq_printf(seq, " %llu", mib_sum(net, i));
	seq_putc(seq, '\n');
	return end;
}

void xinet_mib_show(struct seq_file *seq, const struct net *net)
{
	int i = 0;

	while (i < XINET_MIB_ITEMS)
		i = mib_show_group(seq, net, i);
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
