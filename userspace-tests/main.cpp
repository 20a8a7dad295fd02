// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that it stands in the right place before the first test: see README of scripts/run-in.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "support/family.h"
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
    }
};

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    testing::AddGlobalTestEnvironment(new Guest);
    xt::watch_tests();
    return RUN_ALL_TESTS();
}
