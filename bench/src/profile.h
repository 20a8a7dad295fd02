// SPDX-License-Identifier: GPL-2.0-or-later
// Where the instructions of one packet go. The guest says when the stretch of
// interest begins and ends; bench/profile has the emulator log it, instruction
// by instruction; the log is then counted by function.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace bench {

/// From now on stretches are announced by files in @p directory, which the host
/// sees, and are short, for each instruction of them is logged.
void enable_profile(const std::filesystem::path& directory);

bool profiling();

/// @p wanted, or fewer when profiling.
std::uint64_t packets_to_measure(std::uint64_t wanted);

/// While it lives the emulator logs; does nothing unless profiling.
class ProfiledStretch {
public:
    /// @param packets that it is about
    explicit ProfiledStretch(std::uint64_t packets);
    ProfiledStretch(const ProfiledStretch&) = delete;
    ProfiledStretch& operator=(const ProfiledStretch&) = delete;
    ~ProfiledStretch();
};

/// Functions by instructions per packet, the most expensive first.
/// @param directory holds "trace" of the emulator, "kallsyms" and "packets" of the guest
std::string count_by_function(const std::filesystem::path& directory);

} // namespace bench
