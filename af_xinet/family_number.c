// SPDX-License-Identifier: GPL-2.0-only
/*
 * The number of the family, a load parameter. Called wherever an address is
 * written or checked; depends on no other file.
 */
#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/xinet.h>

#include "af_xinet/family.h"

static int family = PF_XINET;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "Number of PF_XINET: 18 (default), or another retired one: 12, 13, 19, 22, 23, 25");

/*
 * Numbers that libc defines and no kernel implements, or none since the release
 * named. Only these are accepted: the module of any other family may be loaded
 * later.
 */
static const int retired_families[] = {
	AF_DECnet,	/* removed in 6.1 */
	AF_NETBEUI,	/* never implemented */
	AF_ASH,		/* never implemented */
	AF_ECONET,	/* removed in 3.5 */
	AF_SNA,		/* never implemented */
	AF_IRDA,	/* removed in 4.17 */
	AF_WANPIPE,	/* removed in 2.6.21 */
};

int xinet_family_number(void)
{
	return family;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_family_number);

int xinet_family_check(void)
{
	int i;

	if (family <= AF_UNSPEC || family >= NPROTO) {
		pr_err("family=%d is out of range (1 to %d)\n", family,
		       NPROTO - 1);
		return -EINVAL;
	}

	for (i = 0; i < ARRAY_SIZE(retired_families); i++) {
		if (family == retired_families[i])
			return 0;
	}

	pr_err("family=%d belongs to another stack; take a retired number (see modinfo xinet)\n",
	       family);
	return -EEXIST;
}
