// SPDX-License-Identifier: GPL-2.0-or-later
// Network namespaces by the names that `ip netns` gives them.
#pragma once

#include <linux/xinet.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#pragma GCC visibility push(default)
namespace xinet {

/// Moves the calling thread, and those that it starts later, into a network namespace. Throws
/// Error.
///
/// @param name as of "ip netns", or a path such as /proc/1/ns/net
void enter_network_namespace(const std::string& name);

/// Names of the namespaces that packets were seen in, for people: what is not printable ASCII is
/// '?'. None is held: one that has ended when it is asked for the first time has no name. To find
/// names takes CAP_SYS_ADMIN.
class NetworkNamespaceNames {
public:
    NetworkNamespaceNames();

    /// "blue"; empty for the namespace that the object was made in; the inode number if it has no
    /// name that is known; "?" for none. Valid until the next call. Throws std::system_error if no
    /// thread can be started.
    const std::string& name(const xinet_netns& netns);

    /// "blue/eth0", or "eth0" in the namespace that the object was made in; "?" in place of a
    /// device that a packet has not. Throws as name().
    std::string device(const xinet_netns& netns);

private:
    std::optional<std::uint64_t> own_;
    std::unordered_map<std::uint64_t, std::string> names_; ///< by cookie, which is never used again
};

} // namespace xinet
#pragma GCC visibility pop
