// SPDX-License-Identifier: GPL-2.0-only
/*
 * The notes of PREEMPT_RT: senders of packets, by task; see tap_sender.h.
 * Called by tap_deliver.c for outgoing packets. Never dereferences what it
 * notes.
 */
#include <kunit/visibility.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "packet/tap/tap_sender.h"

/*
 * How many tasks of a CPU may be between id_match() and the tap at once. One
 * more overwrites a note of another task, whose packet then comes back to its
 * socket.
 */
#define SENDER_NOTES	16

/*
 * @notes: of tasks, in no order
 * @next: the note to overwrite when all are used; those of packets that never
 *	reached the tap, for lack of memory, stay until then
 */
struct sender_notes {
	struct xinet_tap_sender notes[SENDER_NOTES];
	unsigned int next;
};

DEFINE_PER_CPU(struct xinet_tap_sender, xinet_tap_sender);
static DEFINE_PER_CPU(struct sender_notes, sender_notes);

/* The note of @task, or with NULL an unused one; preemption disabled. */
static struct xinet_tap_sender *sender_find(struct sender_notes *all,
					    const struct task_struct *task)
{
	unsigned int i;

	for (i = 0; i < SENDER_NOTES; i++) {
		if (all->notes[i].task == task)
			return &all->notes[i];
	}
	return NULL;
}

void xinet_tap_sender_note_task(const struct task_struct *task,
				const struct xinet_tap *tap,
				const struct xinet_tap_sink *sink)
{
	struct xinet_tap_sender *note;
	struct sender_notes *all;

	all = get_cpu_ptr(&sender_notes);
	note = sender_find(all, task);
	if (!note)
		note = sender_find(all, NULL);
	if (!note)
		note = &all->notes[all->next++ % SENDER_NOTES];
	note->task = task;
	note->tap = tap;
	note->sink = sink;
	put_cpu_ptr(&sender_notes);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_sender_note_task);

const struct xinet_tap_sink *
xinet_tap_sender_take_task(const struct task_struct *task,
			   const struct xinet_tap *tap)
{
	const struct xinet_tap_sink *sink = NULL;
	struct xinet_tap_sender *note;
	struct sender_notes *all;

	all = get_cpu_ptr(&sender_notes);
	note = sender_find(all, task);
	if (note && note->tap == tap) {
		sink = note->sink;
		note->task = NULL;
	}
	put_cpu_ptr(&sender_notes);
	return sink;
}
EXPORT_SYMBOL_IF_KUNIT(xinet_tap_sender_take_task);
