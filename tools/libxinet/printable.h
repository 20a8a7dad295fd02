// SPDX-License-Identifier: GPL-2.0-or-later
// Names that somebody else has chosen, for terminals and files.
#pragma once

#include <string>
#include <string_view>

namespace xinet {

/// What is not printable ASCII becomes '?': the name of a device or a namespace may hold escape
/// sequences, and need not be UTF-8.
inline std::string printable(std::string_view name) {
    std::string result(name);
    for (char& letter : result) {
        if (letter < ' ' || letter > '~') {
            letter = '?';
        }
    }
    return result;
}

} // namespace xinet
