// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the parameter file of the module.
#pragma once

#include <optional>
#include <string_view>

namespace xinet {

/// The number in the text of a family parameter file, if it is one.
std::optional<int> parse_family_number(std::string_view text);

} // namespace xinet
