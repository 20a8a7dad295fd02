// SPDX-License-Identifier: GPL-2.0-or-later
// What the loaded xinet module says of itself over generic netlink.
#pragma once

#include <optional>
#include <string>

namespace xinet {

struct ModuleInfo {
    int family = 0; // live number of PF_XINET
    std::string version;
};

/// Asks the module, in any network namespace and without privilege. Nothing
/// when it is not there; asking for it may load it, as socket() does.
std::optional<ModuleInfo> query_module_info();

} // namespace xinet
