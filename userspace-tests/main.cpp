// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that it stands in the right place before the first test: see README of scripts/run-in.
#include <gtest/gtest.h>

#include <linux/xinet.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string_view>

#include "support/family.h"
#include "support/netns.h"
#include "support/told.h"
#include "support/traffic.h"
#include "support/watchdog.h"

namespace {

// Without a family to test every comparison would be of nothing with nothing.
class Guest : public testing::Environment {
public:
    void SetUp() override {
        for (const xt::Side side : xt::both_sides)
            for (const xt::Kind kind : xt::all_kinds)
                xt::open_socket(side, kind, 1);
        xt::meet_neighbours();
        if (patching_is_dangerous() && !xt::drops_are_refused())
            xt::NetNs::create().run([this] {
                probes_.emplace(xt::ToldCapture::Options{
                    .drops = XINET_DROPS_BESIDE,
                    .points = XINET_POINT_QDISC | XINET_POINT_START_XMIT | XINET_POINT_DELIVERED});
            });
    }
    void TearDown() override { probes_.reset(); }

private:
    // An emulator does not bear that one CPU patches the code that another one runs: its kernel
    // takes a breakpoint for none of its own. Stock kernels patch tracepoints into their code.
    static bool patching_is_dangerous() {
        utsname name{};
        xt::checked(::uname(&name), "uname");
        return std::string_view(name.version).find("Debian") != std::string_view::npos &&
               get_nprocs() > 1;
    }

    // Keeps them there from before the first test to the end of the last one.
    std::optional<xt::ToldCapture> probes_;
};

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    testing::AddGlobalTestEnvironment(new Guest);
    xt::watch_tests();
    return RUN_ALL_TESTS();
}
