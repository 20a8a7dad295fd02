// SPDX-License-Identifier: GPL-2.0-or-later
// The command `xinet run`, and what it checks before it starts a program.
#pragma once

#include "program/options.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace xinet {

/// `xinet run`; does not return when the program starts, throws Error.
int run_program(const RunOptions& options);

/// The file that execvp() would run for @p name, given the value of PATH.
std::optional<std::string> find_program(const std::string& name, const std::string& path);

/// Why the dynamic linker would not load our library into @p file, or empty.
/// @param user whose effective id the program is started with
std::string reason_not_redirectable(const std::string& file, unsigned user, unsigned group);

/// The value of LD_PRELOAD with @p library first. Throws Error if its path cannot be there.
std::string preload_value(const std::string& library, const char* present);

} // namespace xinet
