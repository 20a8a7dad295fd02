// SPDX-License-Identifier: GPL-2.0-or-later
// JSON, for output one object per line.
#pragma once

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace xinet {

/// Keys stay in the order in which they were added.
using Json = nlohmann::ordered_json;

/// null if there is none.
template<class Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json();
}

/// Its text. What is no UTF-8, as names that others have chosen may be, becomes U+FFFD; what a
/// terminal may take for an order is escaped.
inline std::string json_text(const Json& value) {
    constexpr char delete_character = 0x7f;
    constexpr char first_of_c1 = '\xc2';
    const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == delete_character) {
            result += "\\u007f";
        } else if (text[i] == first_of_c1 && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
            result += fmt::format("\\u{:04x}", static_cast<unsigned char>(text[++i]));
        } else {
            result += text[i];
        }
    }
    return result;
}

/// The same with the end of a line.
inline std::string json_line(const Json& value) {
    return json_text(value) + "\n";
}

} // namespace xinet
