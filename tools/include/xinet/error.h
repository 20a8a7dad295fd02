// SPDX-License-Identifier: GPL-2.0-or-later
// The one exception of libxinet: what failed, on what, why, and what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace xinet {

class Error : public std::runtime_error {
public:
    /// @param action what was attempted, in the infinitive ("bind to interface")
    /// @param object what it was attempted on ("eth0"); may be empty
    /// @param code the errno, or 0 when no system call refused
    /// @param hint what the reader can do about it; may be empty
    Error(std::string action, std::string object, int code, std::string hint = {});

    const std::string& action() const noexcept { return action_; }
    const std::string& object() const noexcept { return object_; }
    const std::string& hint() const noexcept { return hint_; }
    int code() const noexcept { return code_; }

private:
    std::string action_;
    std::string object_;
    std::string hint_;
    int code_;
};

/// The text of an errno value, as the C library words it.
std::string errno_text(int code);

} // namespace xinet
