// SPDX-License-Identifier: GPL-2.0-or-later
// The classes of defects that packet and raw sockets have had, one after the other and each for a
// moment (XINET_STRESS_SECONDS). xinet-stress runs them all at once, for longer and with
// allocations that fail; the log of a debug kernel tells what a test cannot see.
#include <gtest/gtest.h>

#include "stress/race.h"
#include "support/leftovers.h"

namespace xt::stress {
namespace {

class Races : public testing::TestWithParam<Class> {};

TEST_P(Races, do_no_harm) {
    const Result result = run_class(GetParam(), wanted_duration());
    EXPECT_EQ(result.failure, "");
    EXPECT_GT(result.rounds, 0U);
}

INSTANTIATE_TEST_SUITE_P(, Races, testing::ValuesIn(all_classes()),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace xt::stress
