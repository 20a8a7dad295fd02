// SPDX-License-Identifier: GPL-2.0-or-later
// The command `xinet ping`.
#pragma once

#include "program/options.h"

namespace xinet {

/// `xinet ping`; returns the exit status, throws Error.
int run_ping(const PingOptions& options);

} // namespace xinet
