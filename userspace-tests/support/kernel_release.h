// SPDX-License-Identifier: GPL-2.0-or-later
// What kernel the guest runs.
#pragma once

namespace xt {

// A kernel of Debian, as opposed to one that was built for these tests, with all that looks for
// faults.
bool is_stock_kernel();

// An emulator does not bear that one CPU patches the code that another one runs: its kernel takes a
// breakpoint for none of its own. Stock kernels patch tracepoints into their code. Where this is
// true, those that the tests need are kept from before the first test to the end of the last one.
bool patching_is_dangerous();

} // namespace xt
