// SPDX-License-Identifier: GPL-2.0-or-later
// As whom the calls are made.
#pragma once

#include <stdexcept>
#include <string_view>

namespace xt::fuzz {

enum class User {
    root,   // of the machine
    owner,  // nobody, who is root of a user namespace of his own; for userns=1
    nobody, // without any capability, on sockets that root has opened too
};

// Throws std::invalid_argument.
User user_named(std::string_view name);

// The process becomes the owner of a user namespace and a network namespace in it. To be called
// before there is a second thread.
void become_owner();

// The calling thread alone becomes nobody.
void become_nobody();

} // namespace xt::fuzz
