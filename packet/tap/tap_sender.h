/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has sent a packet that comes to a tap. The clone that dev_queue_xmit_nit()
 * makes names no socket; only id_match() is told it, in the same task and on the
 * same CPU shortly before. So id_match() leaves a note, which the tap takes.
 * What is noted is compared, never followed.
 *
 * Both run with BH disabled. Elsewhere nobody comes in between; on PREEMPT_RT
 * another task that sends may, so there is a note for each.
 */
#ifndef _XINET_PACKET_TAP_SENDER_H
#define _XINET_PACKET_TAP_SENDER_H

#include <linux/kconfig.h>
#include <linux/percpu.h>
#include <linux/sched.h>

struct xinet_tap;
struct xinet_tap_sink;

/**
 * struct xinet_tap_sender - a note
 * @task: who sends, only on PREEMPT_RT; NULL in an unused note
 * @tap: to which the packet is on its way
 * @sink: whose socket has sent it
 */
struct xinet_tap_sender {
	const struct task_struct *task;
	const struct xinet_tap *tap;
	const struct xinet_tap_sink *sink;
};

DECLARE_PER_CPU(struct xinet_tap_sender, xinet_tap_sender);

/**
 * xinet_tap_sender_note_task() - xinet_tap_sender_note() of PREEMPT_RT
 * @task: who sends
 * @tap: as there
 * @sink: as there
 *
 * Context: migration disabled.
 */
void xinet_tap_sender_note_task(const struct task_struct *task,
				const struct xinet_tap *tap,
				const struct xinet_tap_sink *sink);

/**
 * xinet_tap_sender_take_task() - xinet_tap_sender_take() of PREEMPT_RT
 * @task: who sends
 * @tap: as there
 *
 * Context: migration disabled.
 * Return: as there.
 */
const struct xinet_tap_sink *
xinet_tap_sender_take_task(const struct task_struct *task,
			   const struct xinet_tap *tap);

/**
 * xinet_tap_sender_note() - a packet is on its way to a tap
 * @tap: the tap
 * @sink: behind it; its socket has sent the packet
 *
 * Context: softirq, or BH disabled.
 */
static inline void xinet_tap_sender_note(const struct xinet_tap *tap,
					 const struct xinet_tap_sink *sink)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		xinet_tap_sender_note_task(current, tap, sink);
		return;
	}
	this_cpu_write(xinet_tap_sender.sink, sink);
	this_cpu_write(xinet_tap_sender.tap, tap);
}

/**
 * xinet_tap_sender_take() - for whom the packet was sent that comes to a tap
 * @tap: the tap
 *
 * Context: as xinet_tap_sender_note().
 * Return: the sink, which is forgotten, or NULL.
 */
static inline const struct xinet_tap_sink *
xinet_tap_sender_take(const struct xinet_tap *tap)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return xinet_tap_sender_take_task(current, tap);
	if (likely(this_cpu_read(xinet_tap_sender.tap) != tap))
		return NULL;
	this_cpu_write(xinet_tap_sender.tap, NULL);
	return this_cpu_read(xinet_tap_sender.sink);
}

#endif /* _XINET_PACKET_TAP_SENDER_H */
