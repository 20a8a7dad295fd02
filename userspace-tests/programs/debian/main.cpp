// SPDX-License-Identifier: GPL-2.0-or-later
// Needs the guest of scripts/run-in with the module loaded; scripts/test-programs starts it.
#include <gtest/gtest.h>

#include "support/watchdog.h"

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    xt::watch_tests();
    return RUN_ALL_TESTS();
}
