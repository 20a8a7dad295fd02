// SPDX-License-Identifier: GPL-2.0-or-later
// A packet of a capture, and the counts of a capture.
#pragma once

#include "xinet/timestamp.h"

#include <linux/xinet.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace xinet {

struct CapturedPacket {
    std::span<const std::byte> data{}; ///< with the header that the link type names
    std::uint32_t original_length = 0; ///< in bytes, before it was cut
    Timestamp timestamp{};             ///< when the kernel received or sent it
    unsigned interface_index = 0;
    std::uint8_t packet_type = 0; ///< PACKET_HOST, PACKET_OUTGOING, ... of <linux/if_packet.h>
    std::uint32_t status = 0;     ///< TP_STATUS_* of <linux/if_packet.h>: of checksum and GSO
    /// Whose it is, if that was asked for; none: it was not.
    const xinet_owner* owner = nullptr;
    /// Why and where the kernel dropped it; none: it did not, as far as is known.
    const xinet_dropped* dropped = nullptr;
    /// Where it was seen, of a capture of all namespaces; else none.
    const xinet_netns* netns = nullptr;
    /// What was done to show it as on the wire, if that was asked for; else none.
    const xinet_original* original = nullptr;
    /// Where on its way through the host it was seen, if that was asked for; else none.
    const xinet_point* point = nullptr; ///< its point is 0 if the packet was dropped
    /// By which queue of the interface it came or goes, if that was asked for and is known; else
    /// none.
    const xinet_queue* queue = nullptr;
    /// How a file names the interface; empty: as the capture.
    std::string_view interface_name = {};
    /// What a file says of it in words; empty: nothing.
    std::string_view comment = {};
    /// Number of a process that has the socket open that has sent it, if that is known; else 0.
    std::uint32_t process = 0;
};

/// Counts since the capture began.
struct CaptureStatistics {
    std::uint64_t received = 0;           ///< accepted by the filter
    std::uint64_t dropped = 0;            ///< by the kernel, which could not deliver them
    std::vector<std::uint64_t> reasons{}; ///< of dropped ones, by xinet_drop_reason; or empty
};

} // namespace xinet
#pragma GCC visibility pop
