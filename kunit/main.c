// SPDX-License-Identifier: GPL-2.0-only
/*
 * xinet_kunit.ko: lists the suites. A suite has a file named as the source file
 * that it tests, and is listed only here.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "suites.h"

kunit_test_suites(&xinet_protosw_suite, &xinet_bind_suite, &xinet_port_suite,
		  &xinet_ip_input_suite, &xinet_ip_local_suite,
		  &xinet_local_in_suite, &xinet_ip_error_suite, &xinet_raw_suite,
		  &xinet_raw_output_suite, &xinet_tap_suite,
		  &xinet_tap_net_suite, &xinet_filter_suite,
		  &xinet_filter_index_suite, &xinet_handler_suite,
		  &xinet_fanout_suite, &xinet_ring_suite,
		  &xinet_tx_ring_suite, &xinet_tx_ring_send_suite,
		  &xinet_tx_pool_suite,
		  &xinet_registry_suite, &xinet_queue_copybreak_suite,
		  &xinet_lane_suite, &xinet_copybreak_suite,
		  &xinet_original_tcp_suite);

static int __init xinet_kunit_init(void)
{
	return xinet_filter_index_long_run();
}
module_init(xinet_kunit_init);

/* Without it the module could not be unloaded. */
static void __exit xinet_kunit_exit(void)
{
}
module_exit(xinet_kunit_exit);

MODULE_DESCRIPTION("KUnit suites of xinet");
MODULE_AUTHOR("The xinet maintainers");
MODULE_LICENSE("GPL");
XINET_IMPORT_NS_FOR_KUNIT;
