// SPDX-License-Identifier: GPL-2.0-or-later
// JSON objects, for output one per line.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace xinet {

/// Quoted and escaped; bytes outside ASCII are read as Latin-1, so that the
/// result is valid whatever came in.
std::string json_string(std::string_view text);

class JsonObject {
public:
    JsonObject& add(std::string_view key, std::string_view value) {
        return raw(key, json_string(value));
    }

    template<class Number>
    requires std::is_arithmetic_v<Number> JsonObject& add(std::string_view key, Number value) {
        return raw(key, fmt::format("{}", value));
    }

    /// null if there is none.
    template<class Number>
    JsonObject& add(std::string_view key, const std::optional<Number>& value) {
        return value ? add(key, *value) : add_null(key);
    }

    JsonObject& add_null(std::string_view key) { return raw(key, "null"); }

    /// @param value a JSON value, written already
    JsonObject& nest(std::string_view key, std::string_view value) { return raw(key, value); }

    std::string text() const { return "{" + body_ + "}"; }

private:
    JsonObject& raw(std::string_view key, std::string_view value) {
        body_ += fmt::format("{}{}:{}", body_.empty() ? "" : ",", json_string(key), value);
        return *this;
    }

    std::string body_;
};

/// "[1,2]"; each element is a JSON value, written already.
std::string json_array(const std::vector<std::string>& elements);

} // namespace xinet
