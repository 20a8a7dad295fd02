// SPDX-License-Identifier: GPL-2.0-or-later
// From argv to what is to be done.
#pragma once

#include "program/options.h"

#include <string>
#include <variant>
#include <vector>

namespace xinet {

/// Nothing is left to do but to say this and exit.
struct Answer {
    int exit_status = 0;
    std::string output;
    std::string error;
};

using Command =
    std::variant<Answer, PingOptions, CaptureOptions, TraceOptions, SsOptions, RunOptions>;

/// @param arguments without the program's name
/// @param privileged whether intervals below 2 ms are allowed
Command parse_command_line(const std::vector<std::string>& arguments, bool privileged);

/// "xinet 0.1.0"
std::string version_text();

} // namespace xinet
