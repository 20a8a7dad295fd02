// SPDX-License-Identifier: GPL-2.0-or-later
// Where captured packets come from: all that the capture program knows of
// sockets, be it from a ring or from a receive queue.
#pragma once

#include "libxinet/link_type.h"
#include "libxinet/socket_io.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace xinet {

struct CapturedPacket {
    std::span<const std::byte> data;   ///< as CaptureSource::link_type() lays it out
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

/// Who is handed packets.
class PacketSink {
public:
    PacketSink() = default;
    PacketSink(const PacketSink&) = delete;
    PacketSink& operator=(const PacketSink&) = delete;
    PacketSink(PacketSink&&) = delete;
    PacketSink& operator=(PacketSink&&) = delete;
    virtual ~PacketSink() = default;

    /// @p packet is valid until this returns. False: no more of them, please.
    virtual bool take(const CapturedPacket& packet) = 0;
};

class CaptureSource {
public:
    CaptureSource() = default;
    CaptureSource(const CaptureSource&) = delete;
    CaptureSource& operator=(const CaptureSource&) = delete;
    CaptureSource(CaptureSource&&) = delete;
    CaptureSource& operator=(CaptureSource&&) = delete;
    virtual ~CaptureSource() = default;

    virtual LinkType link_type() const = 0;

    /// Readable when hand_over() has something to say.
    virtual int descriptor() const = 0;

    /// Hands over the packets that are there now, without waiting.
    /// Throws Error with ENETDOWN when the interface went down or away.
    virtual void hand_over(PacketSink& sink) = 0;

    /// Makes what is there readable, if the source waits for more of it.
    virtual void flush() = 0;

    virtual CaptureStatistics statistics() = 0;
};

} // namespace xinet
