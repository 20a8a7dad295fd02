// SPDX-License-Identifier: GPL-2.0-or-later
// Ends a program whose test hangs, and says where.
#pragma once

namespace xt {

// To be called before RUN_ALL_TESTS(). A test that takes longer than any should, minutes, fails and
// is the last one; what every thread of the program waits for is printed, with the kernel's stack
// where the user may see it. Takes SIGALRM.
void watch_tests();

} // namespace xt
