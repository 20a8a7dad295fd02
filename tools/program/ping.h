// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "program/options.h"

namespace xinet {

/// `xinet ping`; returns the exit status, throws Error.
int run_ping(const PingOptions& options);

} // namespace xinet
