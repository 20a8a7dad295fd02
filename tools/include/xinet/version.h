// SPDX-License-Identifier: GPL-2.0-or-later
// The version of the library.
#pragma once

#include <string_view>

#pragma GCC visibility push(default)
namespace xinet {

/// The version of the library that the program runs with, such as "0.1.0"; XINET_VERSION of
/// <linux/xinet.h> is the one that the program was compiled with.
std::string_view library_version() noexcept;

} // namespace xinet
#pragma GCC visibility pop
