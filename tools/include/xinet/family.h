// SPDX-License-Identifier: GPL-2.0-or-later
// The number of PF_XINET on this machine, and its sockets.
#pragma once

#include "xinet/file_descriptor.h"

#include <string>
#include <string_view>

#pragma GCC visibility push(default)
namespace xinet {

/// The family of a socket: PF_XINET, or the one beside it (PF_INET for raw sockets, PF_PACKET for
/// packet sockets).
enum class Engine { xinet, sibling };

/// The number of the loaded module, from sysfs, or from generic netlink if sysfs is not mounted.
/// AF_XINET if no module is loaded: socket() may then load it.
int family_number();

/// Whether the module is loaded, by the same two sources.
bool module_is_loaded();

/// What the user can do about a socket() call that failed with the errno value @p code; empty if
/// nothing is known.
std::string socket_hint(int code, Engine engine);

/// Calls socket(2) with SOCK_CLOEXEC. Throws Error with its errno: EAFNOSUPPORT if the module is
/// not loaded, EPERM without CAP_NET_RAW.
///
/// @param family a number such as that of family_number(), or PF_INET, PF_PACKET
/// @param protocol IPPROTO_* for an IP socket; for a packet socket the EtherType (ETH_P_*) in
///                 network byte order
/// @param engine the one that @p family belongs to, for the hint of the error
/// @param kind what the error calls the socket, such as "PF_XINET raw socket"
FileDescriptor open_socket(int family, int type, int protocol, Engine engine,
                           std::string_view kind);

} // namespace xinet
#pragma GCC visibility pop
