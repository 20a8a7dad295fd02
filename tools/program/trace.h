// SPDX-License-Identifier: GPL-2.0-or-later
// The command `xinet trace`.
#pragma once

#include "program/options.h"

namespace xinet {

/// `xinet trace`; returns the exit status, throws Error.
int run_trace(const TraceOptions& options);

} // namespace xinet
