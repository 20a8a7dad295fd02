// SPDX-License-Identifier: GPL-2.0-or-later
// The exception that libxinet throws.
#pragma once

#include <stdexcept>
#include <string>

#pragma GCC visibility push(default)
namespace xinet {

/// what() says what failed, on which object, why, and what the user can do.
class Error : public std::runtime_error {
public:
    /// @param action what was attempted, in the infinitive ("bind to interface")
    /// @param object the object of the action ("eth0"); may be empty
    /// @param code the errno value, or 0 if no system call failed
    /// @param hint what the user can do about it; may be empty
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

/// The C library's text for the errno value @p code.
std::string errno_text(int code);

} // namespace xinet
#pragma GCC visibility pop
