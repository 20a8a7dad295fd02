// SPDX-License-Identifier: GPL-2.0-or-later
// A thread of the fuzzer: makes random calls on the shared sockets.
#pragma once

#include <array>
#include <atomic>
#include <string_view>

#include "support/faults.h"
#include "support/targets.h"
#include "values.h"

namespace xt::fuzz {

// A device that the calls may take away and bring back.
inline constexpr const char* dummy_name = "dummy0";
inline constexpr int dummy_index = 4000;

// How often a kind of call was made, and how often it succeeded.
struct Tally {
    uint64_t calls = 0;
    uint64_t successes = 0;
};

class Caller {
public:
    // To be made and used by one thread. With `faults` some allocations of its calls fail.
    Caller(const Targets& targets, Values values, bool faults);

    void call_once();

    struct Kind {
        std::string_view name;
        unsigned weight;
        long (Caller::*call)(const Target& target);
    };
    static constexpr size_t kinds = 17;
    static const std::array<Kind, kinds>& all_kinds();
    [[nodiscard]] const std::array<Tally, kinds>& tallies() const { return tallies_; }
    // The call that is being made; for a watchdog in another thread.
    [[nodiscard]] size_t current() const { return current_.load(std::memory_order_relaxed); }

private:
    long open(const Target& target);
    long bind(const Target& target);
    long set_option(const Target& target);
    long get_option(const Target& target);
    long map(const Target& target);
    long map_lanes(const Target& target);
    long unmap(const Target& target);
    long scribble(const Target& target);
    long send(const Target& target);
    long kick(const Target& target);
    long receive(const Target& target);
    long poll(const Target& target);
    long ioctl(const Target& target);
    long name(const Target& target);
    long other(const Target& target);
    long traffic(const Target& target);
    long device(const Target& target);

    size_t choose();
    Random& random() { return values_.random(); }

    const Targets& targets_;
    Values values_;
    bool faults_;
    OwnFaults own_faults_;
    Fd pattern_; // a file to scribble from: reading it to a bad address is EFAULT, not a signal
    Bytes buffer_;
    std::atomic<size_t> current_ = 0;
    std::array<Tally, kinds> tallies_{};
};

} // namespace xt::fuzz
