// SPDX-License-Identifier: GPL-2.0-or-later
// The version and the family number of the loaded module.
#pragma once

#include <optional>
#include <string>

#pragma GCC visibility push(default)
namespace xinet {

struct ModuleInfo {
    int family = 0;      ///< number of PF_XINET
    std::string version; ///< such as "0.1.0"
};

/// Asks the module over generic netlink, in any network namespace and without privilege. Empty if
/// the module is not loaded; the request may load it, as socket() does. Throws nothing but
/// std::bad_alloc.
std::optional<ModuleInfo> query_module_info();

} // namespace xinet
#pragma GCC visibility pop
