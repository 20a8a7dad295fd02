// SPDX-License-Identifier: GPL-2.0-or-later
// A reader of XINET_RX_RING: the packets of all lanes, in the order of their
// time stamps. How kernel and reader agree is told in Documentation/rx-ring.md.
#pragma once

#include "libxinet/mapping.h"
#include "libxinet/packet_socket.h"

#include <linux/xinet.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace xinet {

struct RxRingOptions {
    std::uint32_t lane_bytes = 4U << 20;          ///< for each CPU; a power of two
    bool overwrite = false;                       ///< keep the newest packets, read or not
    std::uint32_t snapshot_length = 0;            ///< 0: whole packets
    std::uint32_t wake_packets = 128;             ///< wake the reader after so many, or
    std::chrono::microseconds wake_after{10'000}; ///< after so long
};

class RxRing {
public:
    /// Gives the socket a ring; nothing when there is no memory for it, or the
    /// kernel module does not know of rings.
    static std::optional<RxRing> make(const PacketSocket& socket, const RxRingOptions& options);

    /// Lets the socket read the ring that @p owner has; packets from now on.
    static RxRing attach(const PacketSocket& reader, const PacketSocket& owner);

    /// Reads a ring whose shape is known. @p descriptor is mapped as a socket
    /// with a ring is; it may be something else that holds the same.
    RxRing(int descriptor, const xinet_rx_ring_info& info);

    /// What is there now, ordered by time as far as it has arrived, with
    /// @p headroom writable bytes before each packet; valid until the next call.
    std::span<const ReceivedPacket> receive(std::size_t headroom);

    /// From the oldest packets that the ring still has.
    void rewind();

    /// Packets that were written over before this reader came to them.
    std::uint64_t lost() const noexcept { return lost_; }

    /// Wakes all readers for what there is.
    void flush() const;

    /// While @p frozen the ring keeps what it has and takes nothing.
    void freeze(bool frozen) const;

private:
    struct Lane {
        const xinet_rx_lane* state;
        const std::byte* data;
        std::uint64_t position = 0;
        std::uint64_t head = 0; ///< when receive() was called
        /// Of the record expected next; of none for one who came later.
        std::optional<std::uint64_t> sequence = 0;
        std::optional<xinet_rx_record> record; ///< at the position, when it is a packet
    };

    bool is_whole(const Lane& lane) const;
    void catch_up(Lane& lane);
    void peek(Lane& lane);
    bool take(Lane& lane, std::size_t headroom);
    void advance(Lane& lane);
    std::span<std::byte> reserve(std::size_t bytes);

    int descriptor_;
    xinet_rx_ring_info info_;
    Mapping ring_;
    Mapping positions_;
    std::vector<Lane> lanes_;
    std::uint64_t lost_ = 0;
    // A vector would clear what is about to be written.
    std::unique_ptr<std::byte[]> memory_; // NOLINT(modernize-avoid-c-arrays)
    std::size_t room_;
    std::size_t used_ = 0;
    std::vector<ReceivedPacket> packets_;
};

} // namespace xinet
