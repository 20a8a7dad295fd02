// SPDX-License-Identifier: GPL-2.0-or-later
// The filter language of `xinet ss`, a subset of ss(8)'s.
#pragma once

#include "xinet/diag.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace xinet {

struct SocketFilter {
    std::optional<std::uint32_t> states; ///< 1 << TCP_*, when the words named any
    std::function<bool(const SocketRecord&)> accepts;
};

/// [state STATE]... [exclude STATE]... [EXPRESSION]; throws Error that names
/// the word it does not understand. No words accept every socket.
SocketFilter parse_socket_filter(const std::vector<std::string>& words);

/// "established", "listening", "all", ...: 1 << TCP_*, of every state named.
std::optional<std::uint32_t> states_called(const std::string& name);

} // namespace xinet
