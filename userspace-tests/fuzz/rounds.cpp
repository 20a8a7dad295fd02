// SPDX-License-Identifier: GPL-2.0-or-later
#include "rounds.h"

#include <sched.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "churn.h"
#include "support/faults.h"
#include "support/module_parameter.h"

namespace xt::fuzz {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// What the process of a round and its parent tell each other.
struct Page {
    Made made;
    std::atomic<bool> ready = false;     // the parent may let allocations fail
    std::atomic<bool> finishing = false; // it must not any more
    std::atomic<bool> quiet = false;     // it does not
};

class SharedPage {
public:
    SharedPage() {
        void* memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            checked(-1, "mmap");
        page_ = new (memory) Page;
    }
    ~SharedPage() { ::munmap(page_, sizeof(Page)); }
    SharedPage(const SharedPage&) = delete;
    SharedPage& operator=(const SharedPage&) = delete;
    Page* operator->() const { return page_; }

private:
    Page* page_;
};

// What a round needs is loaded now, where it is not built in; a socket that asks for a module later
// is not to have one looked for.
void load_modules() {
    if (std::system(
            "modprobe -aq dummy veth 8021q macvlan ipvlan bonding bridge ifb tun tls xinet_msg "
            "2>/dev/null"))
        std::cout << "not every module is there" << std::endl;
    std::ofstream("/proc/sys/kernel/modprobe") << "\n";
}

void enter_namespaces(User user) {
    if (user == User::owner)
        become_owner();
    else
        checked(::unshare(CLONE_NEWNET), "unshare");
}

void add_addresses(User user) {
    // the owner of a namespace may name ids that are his only
    std::ofstream("/proc/sys/net/ipv4/ping_group_range")
        << (user == User::owner ? "0 0" : "0 2147483647");
    if (std::system("ip addr add 10.9.0.1/24 dev wire0 && ip addr add 10.9.0.2/24 dev wire1"))
        throw std::runtime_error("the devices take no addresses");
}

// In the process of the round. The status is its exit status.
int run_round(const Options& options, const SharedPage& page) {
    enter_namespaces(options.user);
    std::vector<int> devices = make_devices();
    add_addresses(options.user);
    for (const int ifindex : churned_devices())
        devices.push_back(ifindex);

    Run run(options, devices, page->made);
    page->ready = true;
    const bool progress = run.wait();
    page->finishing = true;
    if (!progress) {
        std::cout << "not ok every call returns\n";
        run.print_current();
        std::cout << std::flush;
        std::_Exit(EXIT_FAILURE); // the threads cannot be joined
    }
    while (!page->quiet)
        std::this_thread::sleep_for(1ms);
    run.finish();
    if (std::getenv("XINET_FUZZ_TALLIES"))
        run.print_tallies();
    return EXIT_SUCCESS;
}

[[noreturn]] void round_process(const Options& options, const SharedPage& page) {
    int status = EXIT_FAILURE;
    try {
        status = run_round(options, page);
    } catch (const std::exception& error) {
        std::cout << "not ok round: " << error.what() << "\n";
    }
    std::cout << std::flush;
    page->ready = page->finishing = true;
    std::_Exit(status);
}

// Waits for a child as long as it is there, `status` is -1; false after `patience`.
bool await(pid_t child, int& status, const std::function<bool()>& until,
           std::chrono::seconds patience) {
    const auto end = Clock::now() + patience;
    while (status == -1 && !until()) {
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child)
            return true;
        if (Clock::now() > end)
            return false;
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

// Those that make calls; the kernel's own code does not survive every failure to move a device.
void mark_callers(pid_t child, const Options& options, const SharedPage& page) {
    const auto end = Clock::now() + 60s;
    for (unsigned i = 0; i < options.threads; i++) {
        const std::atomic<pid_t>& caller = page->made.callers[i];
        while (!caller && Clock::now() < end)
            std::this_thread::sleep_for(1ms);
        try {
            mark_for_faults(child, caller);
        } catch (const std::system_error&) { // it has ended
        }
    }
}

// What the kernel said last: of a process that a signal ended it says where.
void print_kernel_log() {
    std::vector<char> log(size_t(1) << 20);
    const int size = ::klogctl(3, log.data(), int(log.size())); // SYSLOG_ACTION_READ_ALL
    const std::string_view text(log.data(), size_t(std::max(size, 0)));
    std::cout << text.substr(text.size() - std::min(text.size(), size_t(2000))) << "\n";
}

// Whether the round ended well.
bool watch_round(pid_t child, const Options& options, const SharedPage& page) {
    constexpr auto patience = 300s; // beyond what a round is to take
    int status = -1;
    bool in_time = await(
        child, status, [&] { return bool(page->ready); }, patience);
    {
        std::unique_ptr<FaultInjection> faults;
        if (options.faults && options.user != User::root)
            mark_callers(child, options, page);
        if (options.faults)
            faults = std::make_unique<FaultInjection>(
                options.user == User::root ? FaultInjection::Of::own : FaultInjection::Of::marked);
        in_time = in_time && await(
                                 child, status, [&] { return bool(page->finishing); },
                                 options.longest + patience);
    }
    page->quiet = true;
    in_time = in_time && await(
                             child, status, [] { return false; }, patience);
    if (!in_time) {
        std::cout << "not ok the round ends in time\n";
        return false;
    }
    if (!WIFEXITED(status)) {
        std::cout << "not ok the round was ended by " << ::strsignal(WTERMSIG(status)) << "\n";
        print_kernel_log();
        return false;
    }
    return WEXITSTATUS(status) == EXIT_SUCCESS;
}

} // namespace

int run_rounds(const Options& options) {
    const ModuleParameter userns("userns", options.user == User::owner);
    const auto started = Clock::now();
    uint64_t calls = 0, devices = 0, namespaces = 0;
    int rounds = 0;
    bool good = true;

    load_modules();
    if (options.faults)
        allow_own_faults();
    while (good && calls < options.calls) {
        const auto left = options.longest - (Clock::now() - started);
        if (left < 1s)
            break;
        Options round = options;
        round.seed =
            options.seed + uint64_t(rounds) * 1000; // as many threads have seeds of their own
        round.calls = options.calls - calls;
        round.longest = std::min(options.round, std::chrono::ceil<std::chrono::seconds>(left));
        const auto began = Clock::now();
        const SharedPage page;
        std::cout << std::flush;
        const pid_t child = checked(::fork(), "fork");
        if (child == 0)
            round_process(round, page);
        good = watch_round(child, round, page);
        const std::chrono::duration<double> took = Clock::now() - began;
        rounds++;
        calls += page->made.calls;
        devices += page->made.devices;
        namespaces += page->made.namespaces + 1;
        std::printf("round %d: seed %llu, %llu calls (%.0f/s), %llu devices, %llu namespaces\n",
                    rounds, (unsigned long long)round.seed, (unsigned long long)page->made.calls,
                    double(page->made.calls) / took.count(), (unsigned long long)page->made.devices,
                    (unsigned long long)page->made.namespaces + 1);
    }
    std::printf("total: %llu calls, %llu devices, %llu namespaces\n", (unsigned long long)calls,
                (unsigned long long)devices, (unsigned long long)namespaces);
    return good ? rounds : -rounds;
}

} // namespace xt::fuzz
