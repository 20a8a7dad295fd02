// SPDX-License-Identifier: GPL-2.0-or-later
// JSON, for output one object per line.
#pragma once

#include <nlohmann/json.hpp>

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

/// Its text. What is no UTF-8, as names that others have chosen may be, becomes U+FFFD.
inline std::string json_text(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The same with the end of a line.
inline std::string json_line(const Json& value) {
    return json_text(value) + "\n";
}

} // namespace xinet
