// SPDX-License-Identifier: GPL-2.0-or-later
// xinet-fuzz [--calls N] [--threads N] [--sockets N] [--seed N] [--faults] [--seconds S]
//
// Makes random calls, sound and hostile ones, on a handful of packet sockets of PF_XINET from
// several threads, while frames arrive and devices come and go; with --faults a part of the
// kernel's allocations fails meanwhile. Afterwards the family must still work and have left nothing
// behind. What else can go wrong is for the guest's log to tell. Ends with "N passed, N failed".
//
// --calls N    how many in all; default 100,000. --seconds ends earlier
// --seed N     repeats the calls of a run, though not what the threads make of them
//
// Runs in a network namespace of its own.
#include <getopt.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <thread>

#include "caller.h"
#include "support/leftovers.h"
#include "support/traffic.h"

namespace xt::fuzz {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Options {
    uint64_t calls = 100'000;
    unsigned threads = 4;
    unsigned sockets = 6;
    uint64_t seed = std::random_device{}();
    bool faults = false;
    std::chrono::seconds longest = 1h;
};

Options parse(int argc, char** argv) {
    const option names[] = {{"calls", required_argument, nullptr, 'c'},
                            {"threads", required_argument, nullptr, 't'},
                            {"sockets", required_argument, nullptr, 'n'},
                            {"seed", required_argument, nullptr, 's'},
                            {"seconds", required_argument, nullptr, 'l'},
                            {"faults", no_argument, nullptr, 'f'},
                            {}};
    Options result;
    for (int name; (name = ::getopt_long(argc, argv, "", names, nullptr)) != -1;) {
        const auto number = optarg ? std::strtoull(optarg, nullptr, 0) : 0;
        switch (name) {
        case 'c':
            result.calls = number;
            break;
        case 't':
            result.threads = unsigned(std::max(1ULL, number));
            break;
        case 'n':
            result.sockets = unsigned(std::max(1ULL, number));
            break;
        case 's':
            result.seed = number;
            break;
        case 'l':
            result.longest = std::chrono::seconds(number);
            break;
        case 'f':
            result.faults = true;
            break;
        default:
            std::exit(2);
        }
    }
    return result;
}

// lo, a pair of devices with a wire between them, and one that comes and goes.
std::vector<int> make_devices() {
    checked(::unshare(CLONE_NEWNET), "unshare");
    checked(std::system("ip link set lo up mtu 65536 && "
                        "ip link add wire0 mtu 9000 type veth peer name wire1 mtu 9000 && "
                        "ip link set wire0 up && ip link set wire1 up") == 0
                ? 0
                : -1,
            "devices");
    link::add_dummy(dummy_name, crafted_mac, dummy_index);
    link::set_up(dummy_index, true);
    return {0, int(if_nametoindex("lo")), int(if_nametoindex("wire0")),
            int(if_nametoindex("wire1")), dummy_index};
}

// A thread and the calls it makes.
struct Worker {
    std::unique_ptr<Caller> caller;
    std::atomic<uint64_t> calls = 0;
    std::jthread thread;
};

class Run {
public:
    Run(const Options& options, const std::vector<int>& devices)
        : options_(options), targets_(Side::xinet, options.sockets), workers_(options.threads) {
        for (const auto& target : targets_.all())
            targets_.renew(target, Kind::packet, ETH_P_ALL);
        unsigned number = 0;
        for (auto& worker : workers_)
            worker.thread = std::jthread([this, &worker, &devices, seed = options.seed + number++] {
                work(worker, seed, devices);
            });
    }

    // Until every thread has made its calls; false when one of them makes no progress.
    bool wait() {
        constexpr auto patience = 60s;
        uint64_t seen = 0;
        auto moved = Clock::now();
        while (running_ > 0) {
            std::this_thread::sleep_for(20ms);
            const uint64_t now = calls();
            if (now != seen)
                moved = Clock::now();
            seen = now;
            if (Clock::now() - moved > patience)
                return false;
        }
        return true;
    }

    void finish() {
        for (auto& worker : workers_)
            worker.thread.join();
        targets_.clear();
    }

    [[nodiscard]] uint64_t calls() const {
        uint64_t result = 0;
        for (const auto& worker : workers_)
            result += worker.calls.load();
        return result;
    }

    void print_tallies() const {
        for (size_t kind = 0; kind < Caller::kinds; kind++) {
            Tally sum;
            for (const auto& worker : workers_) {
                sum.calls += worker.caller->tallies()[kind].calls;
                sum.successes += worker.caller->tallies()[kind].successes;
            }
            std::printf("  %-12s %9llu calls %9llu succeeded\n",
                        Caller::all_kinds()[kind].name.data(), (unsigned long long)sum.calls,
                        (unsigned long long)sum.successes);
        }
    }

    void print_current() const {
        for (const auto& worker : workers_)
            std::cout << "  a thread is in " << Caller::all_kinds()[worker.caller->current()].name
                      << "\n";
    }

private:
    void work(Worker& worker, uint64_t seed, const std::vector<int>& devices) {
        worker.caller = std::make_unique<Caller>(targets_, Values(seed, devices), options_.faults);
        const uint64_t wanted = options_.calls / options_.threads;
        while (worker.calls < wanted) {
            if (worker.calls % 64 == 0 && Clock::now() - started_ > options_.longest)
                break;
            worker.caller->call_once();
            worker.calls++;
        }
        running_--;
    }

    const Options& options_;
    const Clock::time_point started_ = Clock::now();
    Targets targets_;
    std::atomic<unsigned> running_{options_.threads};
    std::vector<Worker> workers_;
};

// The end of a run: each line is a promise.
class Verdict {
public:
    void say(bool good, const std::string& what) {
        std::cout << (good ? "ok " : "not ok ") << what << std::endl;
        (good ? passed_ : failed_)++;
    }
    [[nodiscard]] int end() const {
        std::cout << passed_ << " passed, " << failed_ << " failed" << std::endl;
        return failed_ ? EXIT_FAILURE : EXIT_SUCCESS;
    }

private:
    unsigned passed_ = 0;
    unsigned failed_ = 0;
};

bool still_receives() {
    const int lo = int(if_nametoindex("lo"));
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    bind_to(socket, link_address(experimental_ethertype, lo));
    const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
    const auto frame = ethernet(nobodys_mac, experimental_ethertype, repeated("alive...", 64));
    checked(send_to(sender.get(), frame, link_address(0, lo)), "send");
    return contains(receive(socket.get()).data, "alive...");
}

void check_leftovers(Verdict& verdict) {
    verdict.say(all_packet_sockets_gone(), "every socket is gone");
    std::string listening;
    for (const auto& name : devices_that_listen_to_all())
        listening += " " + name;
    verdict.say(listening.empty(), "no device is left promiscuous" + listening);
    verdict.say(still_receives(), "a new socket receives");
}

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    Verdict verdict;

    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    std::cout << "seed " << options.seed << (options.faults ? ", with faults" : "") << std::endl;
    if (options.faults && !can_inject_faults()) {
        std::cout << "this kernel cannot make allocations fail\n";
        return EXIT_FAILURE;
    }
    const auto devices = make_devices();
    const auto started = Clock::now();
    {
        std::unique_ptr<FaultInjection> faults;
        if (options.faults)
            faults = std::make_unique<FaultInjection>();
        Run run(options, devices);
        if (!run.wait()) {
            verdict.say(false, "every call returns");
            run.print_current();
            std::_Exit(verdict.end()); // the threads cannot be joined
        }
        faults.reset();
        run.finish();
        run.print_tallies();
        const std::chrono::duration<double> took = Clock::now() - started;
        std::printf("  %llu calls in %.1f s\n", (unsigned long long)run.calls(), took.count());
        verdict.say(run.calls() > 0, "every call returns");
    }
    check_leftovers(verdict);
    return verdict.end();
}

} // namespace
} // namespace xt::fuzz

int main(int argc, char** argv) {
    return xt::fuzz::main(argc, argv);
}
