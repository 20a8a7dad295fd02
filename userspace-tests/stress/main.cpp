// SPDX-License-Identifier: GPL-2.0-or-later
// xinet-stress [CLASS...]
//
// Runs every race of classes.h, or those named, all at the same time for XINET_STRESS_SECONDS,
// while some of the kernel's allocations fail (debug kernels). One line for each; ends with "N
// passed, N failed".
#include <sys/resource.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <span>
#include <thread>

#include "race.h"
#include "support/faults.h"
#include "support/leftovers.h"

namespace xt::stress {
namespace {

bool wanted(const Class& one, std::span<char*> names) {
    for (const char* name : names)
        if (std::strcmp(name, one.name) == 0)
            return true;
    return names.empty();
}

int main(std::span<char*> names) {
    const auto duration = wanted_duration();
    std::vector<Result> results(all_classes().size());
    std::vector<std::jthread> threads;
    unsigned passed = 0;
    unsigned failed = 0;

    std::cout << duration.count() << " s"
              << (can_inject_faults() ? ", with faults" : ", without faults") << std::endl;
    {
        const FaultInjection faults;
        for (size_t i = 0; i < results.size(); i++)
            if (wanted(all_classes()[i], names))
                threads.emplace_back(
                    [&, i] { results[i] = run_class(all_classes()[i], duration); });
        threads.clear();
    }
    const auto say = [&](bool good, const std::string& line) {
        std::cout << (good ? "ok " : "not ok ") << line << std::endl;
        (good ? passed : failed)++;
    };
    for (size_t i = 0; i < results.size(); i++)
        if (wanted(all_classes()[i], names))
            say(results[i].failure.empty(), std::string(all_classes()[i].name) + ": " +
                                                std::to_string(results[i].rounds) + " rounds " +
                                                results[i].failure);
    say(all_packet_sockets_gone(), "every socket is gone");
    std::cout << passed << " passed, " << failed << " failed" << std::endl;
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

} // namespace
} // namespace xt::stress

int main(int argc, char** argv) {
    return xt::stress::main(std::span(argv, size_t(argc)).subspan(1));
}
