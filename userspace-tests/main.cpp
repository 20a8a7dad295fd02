// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that it stands in the right place before the first test: see README of scripts/run-in.
#include <gtest/gtest.h>

#include <linux/xinet.h>

#include <cstdlib>
#include <iostream>
#include <optional>

#include "support/family.h"
#include "support/kernel_release.h"
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
        if (xt::patching_is_dangerous() && !xt::drops_are_refused())
            xt::NetNs::create().run([this] {
                probes_.emplace(xt::ToldCapture::Options{
                    .drops = XINET_DROPS_BESIDE,
                    .points = XINET_POINT_QDISC | XINET_POINT_START_XMIT | XINET_POINT_DELIVERED});
            });
    }
    void TearDown() override { probes_.reset(); }

private:
    // Keeps the probes from before the first test to the end of the last one.
    std::optional<xt::ToldCapture> probes_;
};

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    testing::AddGlobalTestEnvironment(new Guest);
    xt::watch_tests();
    return RUN_ALL_TESTS();
}
