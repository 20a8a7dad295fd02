// SPDX-License-Identifier: GPL-2.0-or-later
// A campaign: runs on every kind of socket, each in a process and a namespace of its own.
#pragma once

#include "run.h"

namespace xt::fuzz {

// Rounds until the time or the calls are used up, or one fails. Prints each, and the sum.
// Returns how many there were; a negative number when the last one failed.
int run_rounds(const Options& options);

} // namespace xt::fuzz
