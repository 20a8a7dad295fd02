// SPDX-License-Identifier: GPL-2.0-or-later
// The command `xinet capture`, and the line it prints for a packet.
#pragma once

#include "program/options.h"
#include "program/socket_processes.h"
#include "xinet/captured_packet.h"
#include "xinet/link_type.h"

#include <string>
#include <string_view>

namespace xinet {

/// `xinet capture`; returns the exit status, throws Error.
int run_capture(const CaptureOptions& options);

/// "12:34:56.789012", local time.
std::string clock_text(Timestamp time);

/// The line of one packet, newline included.
/// @param interface_name shown when it is not empty
/// @param process of the owner, here and below; none: not known
std::string packet_text(const CapturedPacket& packet, LinkType type,
                        std::string_view interface_name, bool link_header,
                        const SocketProcess* process = nullptr);
/// @param namespace_name of a packet with netns; empty: the program's own
std::string packet_json(const CapturedPacket& packet, LinkType type,
                        std::string_view interface_name, std::string_view namespace_name = {},
                        const SocketProcess* process = nullptr);

} // namespace xinet
