// SPDX-License-Identifier: GPL-2.0-or-later
#include "cpus.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

namespace xt {

OnOneCpu::OnOneCpu() {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(checked(sched_getcpu(), "sched_getcpu"), &one);
    checked(sched_getaffinity(0, sizeof(before_), &before_), "sched_getaffinity");
    checked(sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
}

OnOneCpu::~OnOneCpu() {
    sched_setaffinity(0, sizeof(before_), &before_);
}

// Packets are handed over in read-side sections of RCU, and this waits for all of them.
void await_deliveries() {
    checked(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0), "membarrier");
}

} // namespace xt
