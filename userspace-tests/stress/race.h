// SPDX-License-Identifier: GPL-2.0-or-later
// Classes of defects that packet and raw sockets have had, each as a race: threads that do, over
// and over, what the defect needed to happen at the same time, while some of the kernel's
// allocations fail. A defect shows as a report in the log of a debug kernel, or as a promise that a
// racer finds broken.
#pragma once

#include <linux/if_packet.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/netns.h"
#include "support/random.h"
#include "support/targets.h"

namespace xt::stress {

// A namespace whose lo is up, however many allocations fail.
NetNs create_namespace();

// One race, in a network namespace of its own that has lo and nothing else.
class Race {
public:
    // Does its part once. What it throws as std::system_error is a call that failed, no more, and
    // as std::logic_error a broken promise.
    using Racer = std::function<void(Random& random)>;

    explicit Race(std::chrono::seconds duration);

    [[nodiscard]] const Targets& targets() const { return targets_; }
    [[nodiscard]] const Target& any(Random& random) const { return random.any(targets_.all()); }
    // A new socket that receives everything on lo; whatever it had before goes.
    void renew(const Target& target, Random& random) const;

    // Runs every racer in a thread of its own until the time is over, on packet sockets.
    void run(const std::vector<Racer>& racers);
    // The same on sockets that `open` makes at the descriptors of the targets.
    using Opener = std::function<void(const Target& target, Random& random)>;
    void run(const std::vector<Racer>& racers, const Opener& open);

    void require(bool good, const std::string& promise);

    [[nodiscard]] uint64_t rounds() const { return rounds_; }
    // What was found broken; empty when nothing was.
    [[nodiscard]] std::string failure() const;

private:
    void loop(const Racer& racer, uint64_t seed);

    std::chrono::seconds duration_;
    std::chrono::steady_clock::time_point end_; // of run()
    NetNs netns_;
    Targets targets_{Side::xinet, 3};
    std::atomic<uint64_t> rounds_ = 0;
    mutable std::mutex lock_; // failure_
    std::string failure_;
};

struct Class {
    const char* name;
    void (*run)(Race& race);
};

const std::vector<Class>& all_classes();

// XINET_STRESS_SECONDS, a few by default.
std::chrono::seconds wanted_duration();

// Runs one class. Returns what was found broken, by a racer or among what is left behind.
struct Result {
    uint64_t rounds;
    std::string failure;
};
Result run_class(const Class& one, std::chrono::seconds duration);

// The racers' vocabulary; each is one call, whose result it returns.
inline constexpr unsigned page = 4096;

struct Geometry {
    int version; // TPACKET_V1, V2, V3
    tpacket_req3 request;
};
Geometry good_ring(Random& random);
// PACKET_RX_RING or PACKET_TX_RING.
long set_ring(const Target& target, int option, const Geometry& ring);
long drop_ring(const Target& target, int option, int version);
long set(const Target& target, int option, int value);
long map(const Target& target, const Geometry& ring);
// Writes to the ring, through the kernel: an error where nothing is mapped.
long poke(const Target& target, size_t offset, uint32_t value);
// Asks for a frame of a ring to be sent; its length may be none that can.
void request_sending(const Target& target, const Geometry& ring, unsigned frame, Random& random);
long kick(const Target& target);
long take(const Target& target);

// Frames for whoever receives on lo.
Race::Racer traffic();

} // namespace xt::stress
