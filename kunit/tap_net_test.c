// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that waits for RCU, and throttling its producers:
 * packet/tap/tap_net.c, alone and with sockets that are opened and closed.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/if_packet.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "fake_dev.h"
#include "packet/sock.h"
#include "packet/tap/tap.h"
#include "suites.h"

/* Sockets that stay open, so that closing another retires a large array. */
#define TEST_CROWD	256
/* An EtherType for local experiments (IEEE 802). */
#define TEST_ETHERTYPE	0x88b5
/* The holder of a grace period gives up before the kernel reports a stall. */
#define TEST_PATIENCE	(15 * HZ)

struct waiting {
	struct rcu_head rcu;
	bool freed;
};

static void note_freed(struct rcu_head *head)
{
	WRITE_ONCE(container_of(head, struct waiting, rcu)->freed, true);
}

static struct xinet_tap_net *new_net(struct kunit *test)
{
	struct xinet_tap_net *tn;

	tn = kunit_kzalloc(test, sizeof(*tn), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tn);
	xinet_tap_net_init(tn);
	return tn;
}

static void above_the_mark_the_memory_is_waited_for(struct kunit *test)
{
	struct xinet_tap_net *tn = new_net(test);
	struct waiting memory = {};

	init_rcu_head_on_stack(&memory.rcu);
	call_rcu(&memory.rcu, note_freed);
	xinet_tap_retire(tn, XINET_TAP_RETIRED_MAX + 1);
	xinet_tap_throttle(tn);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(memory.freed));
	KUNIT_EXPECT_EQ(test, tn->retired, (size_t)0);
	rcu_barrier();
	destroy_rcu_head_on_stack(&memory.rcu);
}

static void up_to_the_mark_nothing_is_waited_for(struct kunit *test)
{
	struct xinet_tap_net *tn = new_net(test);

	xinet_tap_retire(tn, XINET_TAP_RETIRED_MAX);
	xinet_tap_throttle(tn);
	KUNIT_EXPECT_EQ(test, tn->retired, (size_t)XINET_TAP_RETIRED_MAX);
}

static void memory_that_is_free_does_not_count(struct kunit *test)
{
	struct xinet_tap_net *tn = new_net(test);

	xinet_tap_retire(tn, XINET_TAP_RETIRED_MAX);
	synchronize_rcu();
	xinet_tap_retire(tn, 1);
	KUNIT_EXPECT_EQ(test, tn->retired, (size_t)1);
}

static struct socket *open_bound(struct kunit *test,
				 const struct net_device *dev)
{
	struct socket *sock = xinet_fake_packet_socket(test);

	xinet_fake_bind(test, sock, dev, TEST_ETHERTYPE);
	return sock;
}

/* An RCU reader on another CPU; nothing is freed until a task waits for it. */
struct holder {
	struct task_struct *task;
	struct xinet_tap_net *tn;
	bool holding;
	bool enough;
	bool waited;
};

static int hold_grace_period(void *arg)
{
	const unsigned long end = jiffies + TEST_PATIENCE;
	struct holder *h = arg;

	rcu_read_lock();
	WRITE_ONCE(h->holding, true);
	while (!READ_ONCE(h->enough) && time_before(jiffies, end)) {
		if (mutex_is_locked(&h->tn->throttle)) {
			WRITE_ONCE(h->waited, true);
			break;
		}
		cpu_relax();
	}
	rcu_read_unlock();
	return 0;
}

/* On another CPU than the caller, who is pinned until stop_holder(). */
static void start_holder(struct kunit *test, struct holder *h)
{
	unsigned int here = raw_smp_processor_id();

	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(here)),
			0);
	h->task = kthread_create(hold_grace_period, h, "xinet_kunit_rcu");
	KUNIT_ASSERT_FALSE(test, IS_ERR(h->task));
	kthread_bind(h->task, cpumask_any_but(cpu_online_mask, here));
	get_task_struct(h->task);
	wake_up_process(h->task);
	while (!READ_ONCE(h->holding))
		cond_resched();
}

static void stop_holder(struct holder *h)
{
	WRITE_ONCE(h->enough, true);
	kthread_stop(h->task);
	put_task_struct(h->task);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/* Size of an array for the crowd and one more. */
static size_t array_bytes(void)
{
	const struct xinet_tap_array *array;

	return struct_size(array, groups, TEST_CROWD + 1) +
	       (TEST_CROWD + 1) * sizeof(*array->slots);
}

static void what_sockets_leave_behind_is_bounded(struct kunit *test)
{
	const int most = XINET_TAP_RETIRED_MAX / array_bytes() + 2;
	struct holder h = { .tn = xinet_tap_pernet(&init_net) };
	struct net_device *dev;
	struct socket **crowd;
	size_t peak = 0;
	int i;

	if (num_online_cpus() < 2) {
		kunit_skip(test, "needs a CPU that holds up RCU");
		return;
	}
	dev = xinet_fake_dev_create(test);
	crowd = kunit_kcalloc(test, TEST_CROWD, sizeof(*crowd), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, crowd);
	for (i = 0; i < TEST_CROWD; i++)
		crowd[i] = open_bound(test, dev);
	rcu_barrier();

	start_holder(test, &h);
	for (i = 0; i < most && !READ_ONCE(h.waited); i++) {
		sock_release(open_bound(test, dev));
		peak = max(peak, READ_ONCE(h.tn->retired));
	}
	/* the next close waits, if no earlier one has */
	sock_release(open_bound(test, dev));
	stop_holder(&h);
	KUNIT_EXPECT_TRUE(test, h.waited);
	KUNIT_EXPECT_LE(test, peak,
			XINET_TAP_RETIRED_MAX + 2 * array_bytes());

	for (i = 0; i < TEST_CROWD; i++)
		sock_release(crowd[i]);
	xinet_fake_dev_destroy(dev);
}

static struct kunit_case tap_net_cases[] = {
	KUNIT_CASE(above_the_mark_the_memory_is_waited_for),
	KUNIT_CASE(up_to_the_mark_nothing_is_waited_for),
	KUNIT_CASE(memory_that_is_free_does_not_count),
	KUNIT_CASE(what_sockets_leave_behind_is_bounded),
	{}
};

struct kunit_suite xinet_tap_net_suite = {
	.name = "xinet_tap_net",
	.test_cases = tap_net_cases,
};
