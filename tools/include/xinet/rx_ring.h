// SPDX-License-Identifier: GPL-2.0-or-later
// A reader of XINET_RX_RING, the receive ring with a lane per CPU.
#pragma once

#include "xinet/mapping.h"
#include "xinet/packet_socket.h"

#include <linux/xinet.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#pragma GCC visibility push(default)
namespace xinet {

struct RxRingOptions {
    std::uint32_t lane_bytes = 4U << 20; ///< memory for each CPU; a power of two
    bool overwrite = false;              ///< overwrite the oldest packets when a lane is full
    std::uint32_t snapshot_length = 0;   ///< in bytes; 0: whole packets
    /// The descriptor becomes readable after so many packets, or after this time.
    std::uint32_t wake_packets = 128;
    std::chrono::microseconds wake_after{10'000};
};

/// Merges the packets of all lanes by their time stamps. The protocol between kernel and reader is
/// described in Documentation/rx-ring.md of the source tree. The socket must exist as long as the
/// object; its descriptor becomes readable when there are packets.
class RxRing {
public:
    /// Creates a ring for the socket. Empty if there is not enough memory, the family of the socket
    /// has no such rings, or the program has 32 bits. Throws Error: EINVAL for options that the
    /// kernel does not accept.
    static std::optional<RxRing> make(const PacketSocket& socket, const RxRingOptions& options);

    /// Lets the socket read the ring of @p owner too, from the packets on that come next. Throws
    /// Error.
    static RxRing attach(const PacketSocket& reader, const PacketSocket& owner);

    /// Reads a ring whose layout is known. Throws Error if it cannot be mapped.
    ///
    /// @param descriptor a socket with a ring, or a file with the same contents
    RxRing(int descriptor, const xinet_rx_ring_info& info);

    /// Copies the packets that are in the ring, sorted by time, with @p headroom writable bytes
    /// before each packet. Valid until the next call.
    std::span<const ReceivedPacket> receive(std::size_t headroom);

    /// The same without copying: calls @p take for each packet until it returns false. Only for a
    /// ring without RxRingOptions::overwrite.
    ///
    /// @param take bool(const xinet_rx_record&, std::span<const std::byte>): the record, and the
    ///             bytes of the packet, both valid until it returns
    template<class Take>
    void visit(Take take);

    /// Continues with the oldest packets that are in the ring.
    void rewind();

    /// How many packets were overwritten before this reader read them.
    std::uint64_t lost() const noexcept { return lost_; }

    /// Wakes all readers if there are packets. Throws Error.
    void flush() const;

    /// While @p frozen is set, the kernel adds no packet and overwrites none. For the ring of
    /// make(). Throws Error.
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
        const xinet_rx_record* next = nullptr; ///< the same while visit() runs
    };
    /// Packets of one lane that are older than those of all others.
    struct Run {
        Lane* lane;          ///< none: there are no packets
        std::uint64_t until; ///< time of the oldest one of another lane
    };

    void look_again();
    const xinet_rx_record* seek(const Lane& lane, std::uint64_t& position) const;
    Run oldest();
    template<class Take>
    bool visit_run(const Run& run, Take& take);
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

/// What of XINET_RX_* @p which lies behind @p record; none if it does not.
inline const std::byte* extension_of(const xinet_rx_record& record, std::uint32_t which) {
    if ((record.extensions & which) == 0) {
        return nullptr;
    }
    // In the order of the bits.
    const auto* at = reinterpret_cast<const std::byte*>(&record + 1);
    const std::uint32_t before = record.extensions & (which - 1);
    at += (before & XINET_RX_OWNER) != 0 ? sizeof(xinet_owner) : 0;
    at += (before & XINET_RX_DROPPED) != 0 ? sizeof(xinet_dropped) : 0;
    at += (before & XINET_RX_NETNS) != 0 ? sizeof(xinet_netns) : 0;
    at += (before & XINET_RX_ORIGINAL) != 0 ? sizeof(xinet_original) : 0;
    at += (before & XINET_RX_POINT) != 0 ? sizeof(xinet_point) : 0;
    return at;
}

/// Whose packet it is, if the socket that made the ring had asked; valid as long as the record.
inline const xinet_owner* owner_of(const xinet_rx_record& record) {
    return reinterpret_cast<const xinet_owner*>(extension_of(record, XINET_RX_OWNER));
}

/// Why and where the kernel dropped the packet, if it did and the socket that made the ring had
/// asked; valid as long as the record.
inline const xinet_dropped* dropped_of(const xinet_rx_record& record) {
    return reinterpret_cast<const xinet_dropped*>(extension_of(record, XINET_RX_DROPPED));
}

/// Where the packet was seen, if the ring is one of all namespaces; valid as long as the record.
inline const xinet_netns* netns_of(const xinet_rx_record& record) {
    return reinterpret_cast<const xinet_netns*>(extension_of(record, XINET_RX_NETNS));
}

/// What was done to show the packet as on the wire, if the socket that made the ring had asked;
/// valid as long as the record.
inline const xinet_original* original_of(const xinet_rx_record& record) {
    return reinterpret_cast<const xinet_original*>(extension_of(record, XINET_RX_ORIGINAL));
}

/// Where on its way through the host the packet was seen, if the socket that made the ring had
/// asked; valid as long as the record.
inline const xinet_point* point_of(const xinet_rx_record& record) {
    return reinterpret_cast<const xinet_point*>(extension_of(record, XINET_RX_POINT));
}

/// By which queue of the interface the packet came or goes, if that is known and the socket that
/// made the ring had asked; valid as long as the record.
inline const xinet_queue* queue_of(const xinet_rx_record& record) {
    return reinterpret_cast<const xinet_queue*>(extension_of(record, XINET_RX_QUEUE));
}

/// The packet that @p record describes and whose bytes are @p data.
ReceivedPacket received_packet(const xinet_rx_record& record, std::span<std::byte> data);

/// The next packet of the lane, if there is one; @p position goes to it.
inline const xinet_rx_record* RxRing::seek(const Lane& lane, std::uint64_t& position) const {
    while (position < lane.head) {
        const std::size_t offset = position & (info_.req.lane_size - 1);
        // A pad may be shorter than a record, but not than what is read of it here.
        const auto* record = reinterpret_cast<const xinet_rx_record*>(lane.data + offset);
        if (record->type == XINET_RX_PACKET) {
            return record;
        }
        position += record->len;
    }
    return nullptr;
}

inline RxRing::Run RxRing::oldest() {
    Run run{.lane = nullptr, .until = std::numeric_limits<std::uint64_t>::max()};
    for (Lane& lane : lanes_) {
        if (lane.next == nullptr) {
            continue;
        }
        if (run.lane == nullptr) {
            run.lane = &lane;
        } else if (lane.next->tstamp < run.lane->next->tstamp) {
            run = {.lane = &lane, .until = run.lane->next->tstamp};
        } else {
            run.until = std::min<std::uint64_t>(run.until, lane.next->tstamp);
        }
    }
    return run;
}

/// Visits the run; false when no more are wanted.
template<class Take>
bool RxRing::visit_run(const Run& run, Take& take) {
    // The kernel gets room back while a long visit goes on.
    constexpr std::uint64_t advance_after = 1 << 16;

    Lane& lane = *run.lane;
    const xinet_rx_record* next = lane.next;
    std::uint64_t position = lane.position;
    std::uint64_t last = 0;
    bool more = true;
    do {
        const xinet_rx_record& record = *next;
        const auto* bytes = reinterpret_cast<const std::byte*>(next) + record.mac;
        const std::uint64_t before = position;
        more = take(record, std::span(bytes, record.snaplen));
        last = record.seq;
        position += record.len;
        next = seek(lane, position);
        if (before / advance_after != position / advance_after) {
            lane.position = position;
            advance(lane);
        }
    } while (more && next != nullptr && next->tstamp <= run.until);
    lane.next = next;
    lane.position = position;
    lane.sequence = last + 1;
    return more;
}

template<class Take>
void RxRing::visit(Take take) {
    look_again();
    bool more = true;
    while (more) {
        const Run run = oldest();
        more = run.lane != nullptr && visit_run(run, take);
    }
    for (Lane& lane : lanes_) {
        advance(lane);
    }
}

} // namespace xinet
#pragma GCC visibility pop
