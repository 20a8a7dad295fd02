// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/durations.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace {

using namespace std::chrono_literals;
using xinet::Durations;

TEST(Durations, none_have_no_quantile) {
    EXPECT_EQ(Durations().quantile(0.5), 0ns);
    EXPECT_EQ(Durations().count(), 0U);
}

TEST(Durations, one_is_every_quantile_within_a_sixteenth) {
    for (std::int64_t value = 1; value > 0 && value < std::numeric_limits<std::int64_t>::max() / 3;
         value = value * 3 + 1) {
        Durations durations;
        durations.add(std::chrono::nanoseconds(value));
        for (const double share : {0.0, 0.5, 0.99, 1.0}) {
            const std::int64_t quantile = durations.quantile(share).count();
            EXPECT_GE(quantile, value);
            EXPECT_LE(quantile, value + value / 16);
        }
    }
}

TEST(Durations, small_ones_are_exact) {
    Durations durations;
    for (int value = 0; value < 32; ++value) {
        durations.add(std::chrono::nanoseconds(value));
    }
    EXPECT_EQ(durations.quantile(0.5), 15ns);
    EXPECT_EQ(durations.quantile(1.0), 31ns);
    EXPECT_EQ(durations.quantile(0.0), 0ns);
}

TEST(Durations, quantiles_are_those_of_many) {
    Durations durations;
    for (int i = 1; i <= 1000; ++i) {
        durations.add(std::chrono::microseconds(i));
    }
    EXPECT_EQ(durations.count(), 1000U);
    EXPECT_NEAR(double(durations.quantile(0.5).count()), 500e3, 500e3 / 16);
    EXPECT_NEAR(double(durations.quantile(0.99).count()), 990e3, 990e3 / 16);
}

TEST(Durations, extremes_are_counted) {
    Durations durations;
    durations.add(-5ns);
    EXPECT_EQ(durations.quantile(0.5), 0ns);
    durations.add(std::chrono::nanoseconds::max());
    EXPECT_EQ(durations.quantile(1.0), std::chrono::nanoseconds::max());
}

} // namespace
