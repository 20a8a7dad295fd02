// SPDX-License-Identifier: GPL-2.0-or-later
// Devices and namespaces that come and go while calls are made.
#pragma once

#include <atomic>
#include <stop_token>
#include <vector>

#include "caller.h"
#include "support/netns.h"

namespace xt::fuzz {

// Those that are always there: 0 (any), lo, both ends of a wire, and dummy0. In the calling
// thread's namespace.
std::vector<int> make_devices();

// The indices at which others come and go.
std::vector<int> churned_devices();
bool is_churned(int ifindex);

// What the others have made of their calls, by which churn is paced: a device or a namespace costs
// as much as hundreds of calls do.
class Pace {
public:
    Pace(const std::atomic<uint64_t>& calls, uint64_t calls_a_step)
        : calls_(calls), calls_a_step_(calls_a_step) {}
    // Waits for the next step; false when `stop` comes first.
    bool next(const std::stop_token& stop);

private:
    const std::atomic<uint64_t>& calls_;
    uint64_t calls_a_step_;
    uint64_t due_ = 0;
};

// Until `stop`: makes, changes, moves and removes devices; counts those made.
void churn_devices(const std::stop_token& stop, Pace& pace, uint64_t seed,
                   std::atomic<uint64_t>& made);

// Until `stop`: makes namespaces, has `caller` open sockets and make a few calls in them, and
// leaves them; counts those made.
void churn_namespaces(const std::stop_token& stop, Pace& pace, Caller& caller,
                      std::atomic<uint64_t>& made);

} // namespace xt::fuzz
