// SPDX-License-Identifier: GPL-2.0-or-later
// Threads that make random calls on shared sockets, beside others that change devices and
// namespaces.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "caller.h"
#include "user.h"

namespace xt::fuzz {

struct Options {
    uint64_t calls = 100'000;
    unsigned threads = 4;
    unsigned sockets = 6;
    uint64_t seed = 0;
    bool faults = false;
    std::chrono::seconds longest = std::chrono::hours(1);
    bool all = false; // every kind of socket, and churn
    User user = User::root;
    std::chrono::seconds round{60};
};

// What was made, and by which threads; shared with another process.
struct Made {
    static constexpr unsigned most_threads = 16;

    std::atomic<uint64_t> calls = 0;
    std::atomic<uint64_t> devices = 0;
    std::atomic<uint64_t> namespaces = 0;
    std::array<std::atomic<pid_t>, most_threads> callers{};
};

// Calls `function` until no allocation in it fails.
template<typename F>
auto insist(F function) {
    while (true) {
        try {
            return function();
        } catch (const std::system_error&) {
        } catch (const std::bad_alloc&) {
        }
    }
}

class Run {
public:
    Run(const Options& options, const std::vector<int>& devices, Made& made);

    // Until every thread has made its calls; false when one of them makes no progress.
    bool wait();
    // Joins the threads and closes the sockets; no allocation may fail any more.
    void finish();

    [[nodiscard]] uint64_t calls() const;
    void print_tallies() const;
    // The calls that are being made.
    void print_current() const;

private:
    // A thread and the calls it makes.
    struct Worker {
        std::unique_ptr<Caller> caller;
        std::atomic<uint64_t> calls = 0;
        std::jthread thread;
    };

    void work(unsigned number);
    void churn();

    const Options& options_;
    const std::vector<int>& devices_;
    Made& made_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    Targets targets_;
    Room room_;
    std::atomic<unsigned> running_;
    std::vector<Worker> workers_;
    std::vector<std::jthread> churn_;
};

} // namespace xt::fuzz
