// SPDX-License-Identifier: GPL-2.0-or-later
// The command `xinet capture`, and the line it prints for a packet.
#pragma once

#include "program/options.h"
#include "program/owner_lookup.h"
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
/// @param details of the owner, here and below
std::string packet_text(const CapturedPacket& packet, LinkType type,
                        std::string_view interface_name, bool link_header,
                        const OwnerDetails& details = {});
/// @param namespace_name of a packet with netns; empty: the program's own
std::string packet_json(const CapturedPacket& packet, LinkType type,
                        std::string_view interface_name, std::string_view namespace_name = {},
                        const OwnerDetails& details = {});

} // namespace xinet
