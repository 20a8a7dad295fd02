// SPDX-License-Identifier: GPL-2.0-or-later
// Packet sockets over PF_XINET (or PF_PACKET beside it).
//
// Nothing is received before bind(): the socket is opened for no ethertype, so
// that a filter attached first sees every packet the caller will ever see.
#pragma once

#include "xinet/family.h"
#include "xinet/file_descriptor.h"
#include "xinet/timestamp.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace xinet {

enum class PacketMode { link_level, cooked };

/// A tag that the device or the kernel took out of the frame.
struct VlanTag {
    std::uint16_t control = 0;  ///< priority, drop indicator and VLAN id; host order
    std::uint16_t protocol = 0; ///< the ethertype that introduces it; host order
};

struct ReceivedPacket {
    std::span<std::byte> data;         ///< in the buffer of the caller
    std::uint32_t original_length = 0; ///< before a filter or the buffer cut it
    sockaddr_ll address{};
    Timestamp timestamp;
    std::optional<VlanTag> vlan;
};

/// Since the previous reading, as the kernel counts them.
struct PacketStatistics {
    std::uint64_t received = 0; ///< accepted by the filter, dropped ones included
    std::uint64_t dropped = 0;  ///< for want of room in the queue
};

/// Buffers and headers for many packets of one recvmmsg().
class PacketBatch {
public:
    /// @param headroom bytes before each packet that the owner may write to
    PacketBatch(std::size_t packets, std::size_t headroom, std::size_t room);

    std::size_t capacity() const noexcept { return slots_.size(); }
    std::size_t headroom() const noexcept { return headroom_; }

private:
    friend class PacketSocket;

    struct Slot {
        sockaddr_ll address;
        iovec vector;
        alignas(cmsghdr) std::array<std::byte, 256> control;
    };

    void rearm();

    std::size_t headroom_;
    std::size_t room_;
    // A vector would touch every page, most of which no packet ever will.
    std::unique_ptr<std::byte[]> memory_; // NOLINT(modernize-avoid-c-arrays)
    std::vector<Slot> slots_;
    std::vector<mmsghdr> headers_;
    std::vector<ReceivedPacket> packets_;
};

class PacketSocket {
public:
    PacketSocket(Engine engine, PacketMode mode);

    int descriptor() const noexcept { return socket_.get(); }

    /// Has the queue tell when each packet came, how long it was, and its tag. A
    /// ring does so unasked.
    void request_details();

    /// As much receive queue as the caller's privilege allows.
    void request_buffer(int bytes);

    void attach_filter(std::span<const sock_filter> program);

    /// @param interface_index 0 for all
    /// @param ethertype ETH_P_*, host order
    void bind(unsigned interface_index, std::uint16_t ethertype);

    /// Until the socket closes.
    void join_promiscuous(unsigned interface_index);

    /// The next packet, or nothing when none is queued. Throws Error with
    /// ENETDOWN when the interface went down.
    std::optional<ReceivedPacket> receive(std::span<std::byte> buffer);

    /// As many as are queued and fit; valid until the next call on @p batch.
    std::span<const ReceivedPacket> receive(PacketBatch& batch);

    /// What a receiving call would throw, for those that read from a ring.
    void throw_pending_error();

    PacketStatistics statistics();

private:
    FileDescriptor socket_;
};

} // namespace xinet
