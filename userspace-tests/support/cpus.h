// SPDX-License-Identifier: GPL-2.0-or-later
// What several CPUs do at once, and how a test makes sure of an order.
#pragma once

#include <sched.h>

namespace xt {

// While it exists, what this thread sends over a software link arrives on one CPU, and so in order.
class OnOneCpu {
public:
    OnOneCpu();
    ~OnOneCpu();
    OnOneCpu(const OnOneCpu&) = delete;
    OnOneCpu& operator=(const OnOneCpu&) = delete;

private:
    cpu_set_t before_;
};

// Returns when no CPU is still about to hand over what it had begun with. A packet that a socket
// has received may not have reached those behind it yet, and a socket that is opened now would get
// it.
void await_deliveries();

} // namespace xt
