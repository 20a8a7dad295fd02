// SPDX-License-Identifier: GPL-2.0-or-later
// What a program says beside its output.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace xinet {

/// To standard error. Nothing is lost with it that was asked for, so it never fails, as
/// fmt::print() does where that cannot be written.
template<class... Values>
void print_error(fmt::format_string<Values...> format, Values&&... values) {
    std::fputs(fmt::format(format, std::forward<Values>(values)...).c_str(), stderr);
}

} // namespace xinet
