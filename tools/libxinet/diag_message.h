// SPDX-License-Identifier: GPL-2.0-or-later
// Decodes the answers of sock_diag.
#pragma once

#include "xinet/diag.h"

#include <cstddef>
#include <span>

namespace xinet {

/// Decodes one netlink message, its header included. Throws Error if it does not
/// describe a socket, or is truncated.
SocketRecord parse_socket(std::span<const std::byte> message);

} // namespace xinet
