// SPDX-License-Identifier: GPL-2.0-or-later
// The command `xinet ss`.
#pragma once

#include "program/options.h"
#include "program/ss_filter.h"
#include "xinet/diag.h"

namespace xinet {

/// `xinet ss`; throws Error.
int run_ss(const SsOptions& options);

/// Whether a socket is among those that -a, -l, the states of the filter or
/// none of these ask for.
bool is_wanted_state(const SocketRecord& socket, const SsOptions& options,
                     const SocketFilter& filter);

} // namespace xinet
