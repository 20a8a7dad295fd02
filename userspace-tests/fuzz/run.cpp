// SPDX-License-Identifier: GPL-2.0-or-later
#include "run.h"

#include <linux/if_ether.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "churn.h"
#include "support/faults.h"

namespace xt::fuzz {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr uint64_t calls_a_device_step = 150;
constexpr uint64_t calls_a_namespace = 4000;

} // namespace

Run::Run(const Options& options, const std::vector<int>& devices, Made& made)
    : options_(options), devices_(devices), made_(made), targets_(Side::xinet, options.sockets),
      room_(targets_, options.all, options.faults && options.user == User::root),
      running_(options.threads), workers_(options.threads) {
    {
        Caller first(room_, Values(options.seed, devices));
        for (const auto& target : targets_.all()) {
            if (options.all)
                first.open_home(target);
            else
                targets_.renew(target, Kind::packet, ETH_P_ALL);
        }
    }
    for (unsigned number = 0; number < options.threads; number++)
        workers_[number].thread =
            insist([&] { return std::jthread([this, number] { work(number); }); });
    if (options.all)
        churn();
}

void Run::work(unsigned number) {
    Worker& worker = workers_[number];
    if (options_.user == User::nobody)
        insist(become_nobody);
    worker.caller = insist(
        [&] { return std::make_unique<Caller>(room_, Values(options_.seed + number, devices_)); });
    made_.callers.at(number) = pid_t(::syscall(SYS_gettid));
    const uint64_t wanted = options_.calls / options_.threads;
    for (unsigned turn = 0; worker.calls < wanted; turn++) {
        if (turn % 64 == 0 && Clock::now() - started_ > options_.longest)
            break;
        worker.calls += worker.caller->call_once();
    }
    running_--;
}

void Run::churn() {
    const uint64_t seed = options_.seed + options_.threads;
    churn_.push_back(insist([&] {
        return std::jthread([this, seed](const std::stop_token& stop) {
            Pace pace(made_.calls, calls_a_device_step);
            insist([&] { churn_devices(stop, pace, seed, made_.devices); });
        });
    }));
    churn_.push_back(insist([&] {
        return std::jthread([this, seed](const std::stop_token& stop) {
            const auto caller =
                insist([&] { return std::make_unique<Caller>(room_, Values(seed + 1, devices_)); });
            Pace pace(made_.calls, calls_a_namespace);
            insist([&] { churn_namespaces(stop, pace, *caller, made_.namespaces); });
        });
    }));
}

bool Run::wait() {
    constexpr auto patience = 120s;
    uint64_t seen = 0;
    auto moved = Clock::now();
    while (running_ > 0) {
        std::this_thread::sleep_for(20ms);
        const uint64_t now = calls();
        made_.calls = now;
        if (now != seen)
            moved = Clock::now();
        seen = now;
        if (Clock::now() - moved > patience)
            return false;
    }
    made_.calls = calls();
    return true;
}

void Run::finish() {
    for (auto& thread : churn_)
        thread.request_stop();
    churn_.clear();
    for (auto& worker : workers_)
        worker.thread.join();
    targets_.clear();
}

uint64_t Run::calls() const {
    uint64_t result = 0;
    for (const auto& worker : workers_)
        result += worker.calls.load();
    return result;
}

void Run::print_tallies() const {
    for (size_t kind = 0; kind < Caller::kinds; kind++) {
        Tally sum;
        for (const auto& worker : workers_) {
            sum.calls += worker.caller->tallies()[kind].calls;
            sum.successes += worker.caller->tallies()[kind].successes;
        }
        if (sum.calls)
            std::printf("  %-14s %9llu calls %9llu succeeded\n",
                        Caller::all_kinds()[kind].name.data(), (unsigned long long)sum.calls,
                        (unsigned long long)sum.successes);
    }
}

void Run::print_current() const {
    for (const auto& worker : workers_)
        if (worker.caller)
            std::cout << "  a thread is in " << Caller::all_kinds()[worker.caller->current()].name
                      << "\n";
    std::error_code none;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", none))
        for (const char* name : {"wchan", "syscall", "stack"}) {
            std::ifstream file(task.path() / name);
            const std::string text{std::istreambuf_iterator<char>(file), {}};
            std::cout << task.path().filename().string() << " " << name << ": " << text << "\n";
        }
}

} // namespace xt::fuzz
