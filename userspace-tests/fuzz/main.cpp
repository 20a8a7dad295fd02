// SPDX-License-Identifier: GPL-2.0-or-later
// xinet-fuzz [--calls N] [--threads N] [--sockets N] [--seed N] [--faults] [--seconds S]
//            [--all [--user root|owner|nobody] [--round S]]
//
// Makes random calls, sound and hostile ones, on a handful of packet sockets of PF_XINET from
// several threads, while frames arrive and devices come and go; with --faults a part of the
// kernel's allocations fails meanwhile. Afterwards the family must still work and have left nothing
// behind. What else can go wrong is for the guest's log to tell. Ends with "N passed, N failed".
//
// --calls N    how many in all; default 100,000. --seconds ends earlier
// --seed N     repeats the calls of a run, though not what the threads make of them
//
// --all        sockets of every kind, every call that any of them may have, and threads that make
//              and remove devices and namespaces meanwhile. Goes on in rounds, each in a process
//              and namespaces of its own, of which it prints the seed and what was made; the last
//              line is "total: N calls, N devices, N namespaces" before the verdict
// --user U     with --all: root; owner: nobody, as root of a user namespace of his own, with the
//              module's parameter userns=1; nobody: without any capability, with userns=0, on
//              sockets that root has opened and on his own
// --round S    with --all: how long a round is; default 60
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

#include "churn.h"
#include "rounds.h"
#include "support/leftovers.h"
#include "support/traffic.h"

namespace xt::fuzz {
namespace {

using Clock = std::chrono::steady_clock;

Options parse(int argc, char** argv) {
    const option names[] = {
        {"calls", required_argument, nullptr, 'c'},   {"threads", required_argument, nullptr, 't'},
        {"sockets", required_argument, nullptr, 'n'}, {"seed", required_argument, nullptr, 's'},
        {"seconds", required_argument, nullptr, 'l'}, {"faults", no_argument, nullptr, 'f'},
        {"all", no_argument, nullptr, 'a'},           {"user", required_argument, nullptr, 'u'},
        {"round", required_argument, nullptr, 'r'},   {}};
    Options result;
    result.seed = std::random_device{}();
    for (int name; (name = ::getopt_long(argc, argv, "", names, nullptr)) != -1;) {
        const auto number = optarg ? std::strtoull(optarg, nullptr, 0) : 0;
        switch (name) {
        case 'c':
            result.calls = number;
            break;
        case 't':
            result.threads =
                unsigned(std::clamp<unsigned long long>(number, 1, Made::most_threads));
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
        case 'a':
            result.all = true;
            result.sockets = std::max(result.sockets, 16U);
            break;
        case 'u':
            result.user = user_named(optarg);
            break;
        case 'r':
            result.round = std::chrono::seconds(std::max(1ULL, number));
            break;
        default:
            std::exit(2);
        }
    }
    return result;
}

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

void run_once(const Options& options, Verdict& verdict) {
    checked(::unshare(CLONE_NEWNET), "unshare");
    const auto devices = make_devices();
    const auto started = Clock::now();
    std::unique_ptr<FaultInjection> faults;
    if (options.faults)
        faults = std::make_unique<FaultInjection>();
    Made made;
    Run run(options, devices, made);
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

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    Verdict verdict;

    std::signal(SIGPIPE, SIG_IGN); // a write to a socket without a peer
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    std::cout << "seed " << options.seed << (options.faults ? ", with faults" : "") << std::endl;
    if (options.faults && !can_inject_faults()) {
        std::cout << "this kernel cannot make allocations fail\n";
        return EXIT_FAILURE;
    }
    if (options.all)
        verdict.say(run_rounds(options) > 0, "every round ends, and ends well");
    else
        run_once(options, verdict);
    check_leftovers(verdict);
    return verdict.end();
}

} // namespace
} // namespace xt::fuzz

int main(int argc, char** argv) {
    return xt::fuzz::main(argc, argv);
}
