/* SPDX-License-Identifier: GPL-2.0-only */
/* The KUnit suites, for main.c, which lists them. */
#ifndef _XINET_KUNIT_SUITES_H
#define _XINET_KUNIT_SUITES_H

#include <kunit/test.h>

extern struct kunit_suite xinet_protosw_suite;
extern struct kunit_suite xinet_bind_suite;
extern struct kunit_suite xinet_port_suite;
extern struct kunit_suite xinet_ip_input_suite;
extern struct kunit_suite xinet_ip_local_suite;
extern struct kunit_suite xinet_local_in_suite;
extern struct kunit_suite xinet_ip_error_suite;
extern struct kunit_suite xinet_raw_suite;
extern struct kunit_suite xinet_handler_suite;
extern struct kunit_suite xinet_raw_output_suite;
extern struct kunit_suite xinet_tap_suite;
extern struct kunit_suite xinet_tap_net_suite;
extern struct kunit_suite xinet_filter_suite;
extern struct kunit_suite xinet_filter_index_suite;
extern struct kunit_suite xinet_fanout_suite;
extern struct kunit_suite xinet_ring_suite;
extern struct kunit_suite xinet_tx_ring_suite;
extern struct kunit_suite xinet_tx_ring_send_suite;
extern struct kunit_suite xinet_tx_pool_suite;
extern struct kunit_suite xinet_registry_suite;
extern struct kunit_suite xinet_queue_copybreak_suite;
extern struct kunit_suite xinet_lane_suite;
extern struct kunit_suite xinet_copybreak_suite;
extern struct kunit_suite xinet_original_tcp_suite;

/**
 * xinet_filter_index_long_run() - compare filter_pairs pairs, if any
 *
 * Return: 0, -ENOMEM, or -EILSEQ if a program was left out wrongly.
 */
int xinet_filter_index_long_run(void);

#endif /* _XINET_KUNIT_SUITES_H */
