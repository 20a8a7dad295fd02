/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Senders of outgoing packets that reach a tap. The clone that
 * dev_queue_xmit_nit() makes names no socket; only id_match() gets it, just
 * before, in the same task on the same CPU. So id_match() leaves a note, which
 * the tap takes. Noted pointers are compared, never dereferenced.
 *
 * Both run with BH disabled, so no other task sends in between, except on
 * PREEMPT_RT, which therefore has a note for each task.
 */
#ifndef _XINET_PACKET_TAP_SENDER_H
#define _XINET_PACKET_TAP_SENDER_H

#include <linux/kconfig.h>
#include <linux/percpu.h>
#include <linux/sched.h>

struct xinet_tap;
struct xinet_tap_sink;

/**
 * struct xinet_tap_sender - a note: the sender of a packet
 * @task: the sending task, only on PREEMPT_RT; NULL in an unused note
 * @tap: the tap that the packet goes to
 * @sink: sink of the sending socket
 */
struct xinet_tap_sender {
	const struct task_struct *task;
	const struct xinet_tap *tap;
	const struct xinet_tap_sink *sink;
};

DECLARE_PER_CPU(struct xinet_tap_sender, xinet_tap_sender);

/**
 * xinet_tap_sender_note_task() - xinet_tap_sender_note() of PREEMPT_RT
 * @task: the sending task
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
 * @task: the sending task
 * @tap: as there
 *
 * Context: migration disabled.
 * Return: as there.
 */
const struct xinet_tap_sink *
xinet_tap_sender_take_task(const struct task_struct *task,
			   const struct xinet_tap *tap);

/**
 * xinet_tap_sender_note() - note the sender of a packet that goes to a tap
 * @tap: the tap
 * @sink: a sink behind it, whose socket sends the packet
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
 * xinet_tap_sender_take() - take the sender of a packet that reaches a tap
 * @tap: the tap
 *
 * Context: as xinet_tap_sender_note().
 * Return: the noted sink, whose note is cleared, or NULL.
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
