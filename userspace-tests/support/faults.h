// SPDX-License-Identifier: GPL-2.0-or-later
// Kernel allocations that fail on purpose (CONFIG_FAULT_INJECTION: the debug kernels). On other
// kernels nothing of this has an effect.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "fd.h"

namespace xt {

// Whether the kernel can make allocations fail.
bool can_inject_faults();

// OwnFaults has an effect from now on, and says nothing in the kernel's log.
void allow_own_faults();

// Failures in the calls of the thread that made the object, which is the only one to use it.
class OwnFaults {
public:
    OwnFaults();

    // The n-th allocation from now on fails, n >= 1.
    void fail_nth(unsigned n) const;
    // No allocation fails; returns whether one did since fail_nth().
    bool stop() const;

private:
    Fd file_;
};

// From now on the calls of a thread, and of those that it creates, are subject to
// FaultInjection::Of::marked. For root.
void mark_for_faults(pid_t process, pid_t thread);

// While it exists: OwnFaults has an effect, and for a part of each second a share of the
// allocations that may not sleep fail, whoever makes them: those of the receive path.
// With Of::marked, also a share of those that may sleep, of threads that are marked: for users who
// may not ask for OwnFaults.
class FaultInjection {
public:
    enum class Of { own, marked };
    explicit FaultInjection(Of tasks = Of::own);
    ~FaultInjection();
    FaultInjection(const FaultInjection&) = delete;
    FaultInjection& operator=(const FaultInjection&) = delete;

private:
    std::jthread alternation_;
};

} // namespace xt
