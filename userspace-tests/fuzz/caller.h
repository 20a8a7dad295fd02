// SPDX-License-Identifier: GPL-2.0-or-later
// A thread of the fuzzer: makes random calls on the shared sockets.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>

#include "support/faults.h"
#include "support/targets.h"
#include "support/uring.h"
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

// What the threads of a run have in common.
struct Room {
    const Targets& targets;
    bool all_kinds; // of sockets, and every call that one of them may have; else packet sockets
    bool faults;    // some allocations of the calls fail
    // Sockets of the siblings that frames and packets come from.
    Fd frames;
    Fd packets;
    Fd passing[2];              // two ends of a channel for descriptors
    mutable std::mutex mapping; // who maps something at an address that the kernel chooses

    Room(const Targets& all, bool every_kind, bool with_faults);
};

class Caller {
public:
    // To be made and used by one thread.
    Caller(const Room& room, Values values);

    // Returns how many calls it made: more than one where a system call takes a batch.
    uint64_t call_once();
    // The target becomes a socket of one of the kinds that there are.
    long open_home(const Target& target) { return open_any(target); }

    struct Kind {
        std::string_view name;
        unsigned weight;     // among the calls on packet sockets
        unsigned all_weight; // among those on every kind
        int type;            // of the sockets that it suits: SOCK_PACKET, SOCK_STREAM; 0: all
        long (Caller::*call)(const Target& target);
    };
    static constexpr size_t kinds = 33;
    static const std::array<Kind, kinds>& all_kinds();
    [[nodiscard]] const std::array<Tally, kinds>& tallies() const { return tallies_; }
    // The call that is being made; for a watchdog in another thread.
    [[nodiscard]] size_t current() const { return current_.load(std::memory_order_relaxed); }

private:
    long open(const Target& target);
    long bind(const Target& target);
    long set_option(const Target& target);
    long get_option(const Target& target);
    long map_at(const Target& target, size_t size, int protection, off_t offset);
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
    // caller_inet.cpp
    long set_any_option(const Target& target);
    long bind_inet(const Target& target);
    long connect(const Target& target);
    long listen(const Target& target);
    long accept(const Target& target);
    long send_message(const Target& target);
    long send_messages(const Target& target);
    long receive_messages(const Target& target);
    long splice(const Target& target);
    long watch(const Target& target);
    long pass(const Target& target);
    long read_proc(const Target& target);
    long ask_diag(const Target& target);
    long fork(const Target& target);
    long batch(const Target& target);
    long make_connection(const Target& target);

    static int home_type(const Target& target);
    const Target& choose_target(int type);
    long open_any(const Target& target);
    long ip_traffic();
    size_t choose();
    Random& random() { return values_.random(); }

    const Room& room_;
    const Targets& targets_;
    Values values_;
    const int family_ = xinet_family();
    bool own_faults_allowed_;
    OwnFaults own_faults_;
    Fd pattern_; // a file to scribble from: reading it to a bad address is EFAULT, not a signal
    Bytes buffer_;
    Fd events_; // epoll
    Fd pipe_[2];
    Fd diag_;
    std::unique_ptr<Uring> uring_; // made when it is first needed
    uint64_t calls_made_ = 1;      // by the call that is being made
    std::atomic<size_t> current_ = 0;
    std::array<Tally, kinds> tallies_{};
};

} // namespace xt::fuzz
