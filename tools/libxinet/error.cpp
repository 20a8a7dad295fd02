// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/error.h"

#include <system_error>
#include <utility>

namespace xinet {

namespace {

std::string compose(const std::string& action, const std::string& object, int code,
                    const std::string& hint) {
    std::string text = "cannot " + action;
    if (!object.empty()) {
        text += " " + object;
    }
    if (code != 0) {
        text += ": " + errno_text(code);
    }
    if (!hint.empty()) {
        text += "; " + hint;
    }
    return text;
}

} // namespace

std::string errno_text(int code) {
    return std::generic_category().message(code);
}

Error::Error(std::string action, std::string object, int code, std::string hint)
    : std::runtime_error(compose(action, object, code, hint)), action_(std::move(action)),
      object_(std::move(object)), hint_(std::move(hint)), code_(code) {}

} // namespace xinet
