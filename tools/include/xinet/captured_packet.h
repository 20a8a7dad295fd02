// SPDX-License-Identifier: GPL-2.0-or-later
// What a capture hands on, from a socket to a file or to the screen.
#pragma once

#include "xinet/timestamp.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace xinet {

struct CapturedPacket {
    std::span<const std::byte> data;   ///< as the link type of its source lays it out
    std::uint32_t original_length = 0; ///< on the wire
    Timestamp timestamp;
    unsigned interface_index = 0;
    std::uint8_t packet_type = 0; ///< PACKET_HOST, PACKET_OUTGOING, ... of <linux/if_packet.h>
};

/// Since the source was opened.
struct CaptureStatistics {
    std::uint64_t received = 0; ///< accepted by the filter
    std::uint64_t dropped = 0;  ///< by the kernel, for want of room
};

} // namespace xinet
