// SPDX-License-Identifier: GPL-2.0-or-later
// The network interfaces of the current network namespace.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xinet {

struct Interface {
    std::string name;
    unsigned index = 0;
    unsigned short hardware_type = 0; ///< ARPHRD_*
    bool up = false;
    bool loopback = false;
};

/// All interfaces, by index.
std::vector<Interface> list_interfaces();

/// "eth0", "any" for 0, or "#7" for an index that is gone.
std::string interface_name(unsigned index);

/// The interface called @p name; throws Error that lists those that exist.
Interface find_interface(std::string_view name);

/// The first interface of @p interfaces that is up and not loopback; throws
/// Error when there is none.
Interface default_interface(std::span<const Interface> interfaces);

} // namespace xinet
