// SPDX-License-Identifier: GPL-2.0-or-later
// The network interfaces of the current network namespace.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace xinet {

struct Interface {
    std::string name;
    unsigned index = 0;
    unsigned short hardware_type = 0; ///< ARPHRD_* of <linux/if_arp.h>
    bool up = false;
    bool loopback = false;
};

/// All interfaces, sorted by index. Throws Error.
std::vector<Interface> list_interfaces();

/// "eth0"; "any" for index 0, and "#7" if there is no interface with index 7.
std::string interface_name(unsigned index);

/// The interface that has this name, or this alternative name. Throws Error with ENODEV, whose hint
/// lists the interfaces that exist.
Interface find_interface(std::string_view name);

/// The first of @p interfaces that is up and not loopback. Throws Error with ENODEV if there is
/// none.
Interface default_interface(std::span<const Interface> interfaces);

} // namespace xinet
#pragma GCC visibility pop
