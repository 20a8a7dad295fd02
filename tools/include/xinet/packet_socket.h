// SPDX-License-Identifier: GPL-2.0-or-later
// Packet sockets of PF_XINET, or of PF_PACKET.
#pragma once

#include "xinet/family.h"
#include "xinet/file_descriptor.h"
#include "xinet/timestamp.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#pragma GCC visibility push(default)
namespace xinet {

/// Whether packets begin with their link-level header, or behind it.
enum class PacketMode { link_level, cooked };

/// Whether packets that the kernel drops come as well, or alone.
enum class Drops { none, beside, only };

/// A VLAN tag that the device or the kernel removed from the frame.
struct VlanTag {
    std::uint16_t control = 0;  ///< priority, drop indicator, VLAN id; host byte order
    std::uint16_t protocol = 0; ///< its EtherType; host byte order
};

/// What PacketSocket::receive() returns. Of a ring, RxRing::visit() tells the last five.
struct ReceivedPacket {
    std::span<std::byte> data;         ///< in the buffer that was given to receive()
    std::uint32_t original_length = 0; ///< in bytes, before filter or buffer cut it
    sockaddr_ll address{};             ///< see packet(7); the protocol is in network byte order
    Timestamp timestamp;               ///< when the kernel received or sent it
    std::uint32_t status = 0;          ///< TP_STATUS_* of <linux/if_packet.h>
    std::optional<VlanTag> vlan;
    std::optional<xinet_owner> owner;       ///< with PacketSocket::request_owners()
    std::optional<xinet_dropped> dropped;   ///< with PacketSocket::request_drops()
    std::optional<xinet_netns> netns;       ///< with PacketSocket::request_all_namespaces()
    std::optional<xinet_original> original; ///< with PacketSocket::request_original()
    std::optional<xinet_point> point;       ///< with PacketSocket::request_points()
    std::optional<xinet_queue> queue;       ///< with PacketSocket::request_queues()
};

/// Packets since the statistics were read before.
struct PacketStatistics {
    std::uint64_t received = 0; ///< accepted by the filter, dropped ones included
    std::uint64_t dropped = 0;  ///< because queue or ring were full
};

/// Buffers for many packets, which one call of PacketSocket::receive() fills.
class PacketBatch {
public:
    /// @param packets how many packets one call receives at most
    /// @param headroom bytes before each packet that the caller may write to
    /// @param room bytes for each packet, which is cut if it is longer
    PacketBatch(std::size_t packets, std::size_t headroom, std::size_t room);

    /// In packets.
    std::size_t capacity() const noexcept { return slots_.size(); }
    /// In bytes.
    std::size_t headroom() const noexcept { return headroom_; }

private:
    friend class PacketSocket;

    struct Slot {
        sockaddr_ll address;
        iovec vector;
        alignas(cmsghdr) std::array<std::byte, 512> control;
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

/// A socket that receives nothing before bind(): a filter that is attached before bind() is applied
/// to every packet. No call waits for a packet; descriptor() becomes readable when there is one.
class PacketSocket {
public:
    /// Throws Error: EAFNOSUPPORT if the module is not loaded, EPERM without CAP_NET_RAW.
    PacketSocket(Engine engine, PacketMode mode);

    /// Remains owned by the object.
    int descriptor() const noexcept { return socket_.get(); }

    /// Asks for the timestamp, the original length and the VLAN tag of each packet that receive()
    /// returns. A ring has them always. Throws Error.
    void request_details();

    /// Asks for the owner of each packet, in the queue and in a ring that is made later. Throws
    /// Error: ENOPROTOOPT for PF_PACKET.
    void request_owners();

    /// Asks for the packets that the kernel drops in the socket's network namespace, in the queue
    /// and in a ring that is made later; once. Throws Error: ENOPROTOOPT for PF_PACKET, EPERM
    /// without CAP_NET_ADMIN, ENOSPC if XINET_DROPS_SOCKETS sockets have asked.
    ///
    /// @param host those of all network namespaces; CAP_NET_ADMIN in the initial user namespace
    void request_drops(Drops drops, bool host = false);

    /// Asks for the packets of all network namespaces, each with its own; bind() is to all
    /// interfaces then. Throws Error: ENOPROTOOPT for PF_PACKET, EPERM without CAP_NET_ADMIN and
    /// CAP_NET_RAW in the initial user namespace and, in another network namespace than the initial
    /// one, CAP_SYS_ADMIN.
    void request_all_namespaces();

    /// Asks for frames as on the wire: not merged, not to be cut up, with checksums and VLAN tags.
    /// Throws Error: ENOPROTOOPT for PF_PACKET.
    void request_original();

    /// Asks for the queue of the interface by which each packet came or goes, where the kernel
    /// knows it, in the queue and in a ring that is made later. Throws Error: ENOPROTOOPT for
    /// PF_PACKET.
    void request_queues();

    /// Asks for packets where they come by on their way through the host, in the queue and in a
    /// ring that is made later; once. Throws Error: ENOPROTOOPT for PF_PACKET, EPERM without
    /// CAP_NET_ADMIN, ENOSPC if XINET_POINT_SOCKETS sockets have asked, EOPNOTSUPP with
    /// request_all_namespaces().
    ///
    /// @param points XINET_POINT_* of <linux/xinet.h>
    void request_points(std::uint32_t points);

    /// Sets the size of the receive queue to @p bytes; without CAP_NET_ADMIN the system limits it
    /// (net.core.rmem_max). Throws Error.
    void request_buffer(int bytes);

    /// Replaces the filter of the socket. Throws Error: E2BIG for a program that is too long,
    /// EINVAL for one that the kernel does not accept.
    void attach_filter(std::span<const sock_filter> program);

    /// Begins to receive. Throws Error: ENODEV if there is no such interface, ENETDOWN if it is
    /// down.
    ///
    /// @param interface_index 0 for all interfaces
    /// @param ethertype ETH_P_* of <linux/if_ether.h>, in host byte order
    void bind(unsigned interface_index, std::uint16_t ethertype);

    /// Makes the interface promiscuous until the socket is closed. Throws Error.
    void join_promiscuous(unsigned interface_index);

    /// The next packet; empty if none is queued. The packet is cut to the size of @p buffer. Throws
    /// Error with ENETDOWN if the interface went down.
    std::optional<ReceivedPacket> receive(std::span<std::byte> buffer);

    /// The packets that are queued, as many as fit into @p batch; valid until the next call with @p
    /// batch. Throws Error with ENETDOWN if the interface went down.
    std::span<const ReceivedPacket> receive(PacketBatch& batch);

    /// Throws Error as receive() would, for a socket that is read through a ring.
    void throw_pending_error();

    /// Reads and resets the counts of the kernel. Throws Error.
    PacketStatistics statistics();

private:
    FileDescriptor socket_;
};

} // namespace xinet
#pragma GCC visibility pop
