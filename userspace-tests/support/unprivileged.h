// SPDX-License-Identifier: GPL-2.0-or-later
// What an unprivileged user may do.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

namespace xt {

inline constexpr uid_t nobody = 65534;

// Runs `function` in a child process, as a user without any capability; its result is an errno, or
// another small number.
int as_nobody(const std::function<int()>& function);

// The same, as root of a user namespace and a network namespace of its own; 254 if there are none.
int as_root_of_own_namespaces(const std::function<int()>& function);

// Takes capabilities, 1 << CAP_*, from the calling thread for good; throws std::system_error.
void drop_capabilities(uint64_t which);

} // namespace xt
