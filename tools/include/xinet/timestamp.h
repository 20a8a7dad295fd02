// SPDX-License-Identifier: GPL-2.0-or-later
// The type of the time stamps of packets.
#pragma once

#include <chrono>

#pragma GCC visibility push(default)
namespace xinet {

/// Nanoseconds since 1970-01-01 00:00 UTC, by the system clock.
using Timestamp = std::chrono::sys_time<std::chrono::nanoseconds>;

/// The present time, by the same clock.
inline Timestamp now() {
    return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

} // namespace xinet
#pragma GCC visibility pop
