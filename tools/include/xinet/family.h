// SPDX-License-Identifier: GPL-2.0-or-later
// Which number PF_XINET has on this machine, and how its sockets are opened.
#pragma once

#include "xinet/file_descriptor.h"

#include <string>
#include <string_view>

namespace xinet {

/// Whose sockets a program works over: ours, or the family beside ours
/// (PF_INET for raw sockets, PF_PACKET for packet sockets).
enum class Engine { xinet, sibling };

/// The live number from the loaded module's parameter, by sysfs or where that is
/// not mounted by generic netlink; or the default of the ABI when no module is
/// loaded (the kernel may then autoload it).
int family_number();

/// True when the xinet module shows its number, in the same two ways.
bool module_is_loaded();

/// What to do about a socket() call of PF_XINET that failed with @p code.
std::string socket_hint(int code, Engine engine);

/// socket() with CLOEXEC; throws Error, whose text names @p kind.
FileDescriptor open_socket(int family, int type, int protocol, Engine engine,
                           std::string_view kind);

} // namespace xinet
