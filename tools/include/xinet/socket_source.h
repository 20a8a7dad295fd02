// SPDX-License-Identifier: GPL-2.0-or-later
// A capture of the packets of one network interface, or of all.
#pragma once

#include "xinet/captured_packet.h"
#include "xinet/error.h"
#include "xinet/filter.h"
#include "xinet/interface.h"
#include "xinet/link_type.h"
#include "xinet/packet_socket.h"
#include "xinet/rx_ring.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#pragma GCC visibility push(default)
namespace xinet {

struct SocketSourceOptions {
    Engine engine = Engine::xinet;
    std::optional<Interface> interface = std::nullopt; ///< empty: all, with LinkType::linux_sll2
    std::uint32_t snapshot_length = 262'144;           ///< in bytes; longer packets are cut
    bool promiscuous = true;                           ///< not for all interfaces
    Direction direction = Direction::both;
    std::string expression{};  ///< see pcap-filter(7); empty: every packet
    bool owners = false;       ///< ask whose each packet is; not with Engine::sibling
    Drops drops = Drops::none; ///< what the kernel drops; not with Engine::sibling
    /// In all network namespaces, of all interfaces; not with Engine::sibling.
    bool all_namespaces = false;
    bool original = false; ///< frames as on the wire; not with Engine::sibling
    /// XINET_POINT_* of <linux/xinet.h>, 0: where packet sockets receive; not with Engine::sibling
    /// or all_namespaces. With others, packets that leave by the interface or come by it are of
    /// several devices, and LinkType::linux_sll2 is that of all.
    std::uint32_t points = 0;
    bool queues = false; ///< ask by which queue each packet comes; not with Engine::sibling
};

/// Reads from a ring (RxRing) with PF_XINET, and from the receive queue with PF_PACKET, or if there
/// is no memory for a ring, or the program has 32 bits.
///
/// The filter runs in the kernel, if there is a program for it, see FilterProgram::instructions(),
/// and with LinkType::linux_sll2 if the kernel takes it. Else the kernel passes every packet of the
/// direction, and the filter runs in hand_over(), on the packet as a file will contain it.
class SocketSource {
public:
    /// Begins to capture. Throws Error: EAFNOSUPPORT if the module is not loaded, EPERM without
    /// CAP_NET_RAW, code 0 for an expression that does not compile, ENODEV or ENETDOWN if the
    /// interface is gone or down.
    explicit SocketSource(const SocketSourceOptions& options);

    /// The header that the packets begin with.
    LinkType link_type() const { return link_type_; }

    /// Becomes readable when hand_over() has packets, or would throw. Remains owned by the object.
    int descriptor() const { return socket_.descriptor(); }

    /// Calls @p take for each packet that has arrived, until it returns false; does not wait.
    /// Throws Error with ENETDOWN if the interface went down or was removed, and what @p take
    /// throws.
    ///
    /// @param take bool(const CapturedPacket&): the packet is valid until it returns
    template<class Take>
    void hand_over(Take take);

    /// Makes the descriptor readable if packets have arrived; otherwise the ring may wait for more.
    /// Throws Error.
    void flush();

    /// Throws Error. Asks sock_diag in the calling thread's network namespace for the reasons.
    CaptureStatistics statistics();

private:
    void attach_filter(const SocketSourceOptions& options);
    std::uint32_t bytes_to_read() const;
    std::optional<CapturedPacket> prepare(const ReceivedPacket& packet);
    std::optional<CapturedPacket> prepare(const xinet_rx_record& record,
                                          std::span<const std::byte> data);
    template<class Take>
    void hand_over_ring(Take& take);
    template<class Take>
    void hand_over_queue(Take& take);
    std::vector<std::uint64_t> drop_reasons() const;
    static bool is_gone(const Error& error);
    Error gone() const;

    Engine engine_;
    std::string name_;
    LinkType link_type_;
    std::uint32_t snapshot_length_;
    PacketSocket socket_; ///< first of what may fail: it tells what is missing
    FilterProgram filter_;
    std::optional<std::vector<sock_filter>> program_; ///< in the kernel; none: the filter runs here
    std::optional<RxRing> ring_;
    PacketBatch batch_;           ///< without a ring
    std::vector<std::byte> copy_; ///< of a packet in the ring that needs more than cutting
    CaptureStatistics totals_;
};

template<class Take>
void SocketSource::hand_over(Take take) {
    try {
        if (ring_) {
            hand_over_ring(take);
        } else {
            hand_over_queue(take);
        }
    } catch (const Error& error) {
        if (!is_gone(error)) {
            throw;
        }
        throw gone();
    }
}

template<class Take>
void SocketSource::hand_over_ring(Take& take) {
    const bool is_as_in_file = program_ && link_type_ != LinkType::linux_sll2;
    const std::size_t most = snapshot_length_;
    bool any = false;
    ring_->visit([&](const xinet_rx_record& record, std::span<const std::byte> data) {
        any = true;
        // but for its length
        if (is_as_in_file && (record.status & TP_STATUS_VLAN_VALID) == 0) [[likely]] {
            return take({.data = data.first(std::min(most, data.size())),
                         .original_length = record.pkt_len,
                         .timestamp = Timestamp(std::chrono::nanoseconds(record.tstamp)),
                         .interface_index = record.ifindex,
                         .packet_type = record.pkttype,
                         .status = record.status,
                         .owner = owner_of(record),
                         .dropped = dropped_of(record),
                         .netns = netns_of(record),
                         .original = original_of(record),
                         .point = point_of(record),
                         .queue = queue_of(record)});
        }
        const auto captured = prepare(record, data);
        return !captured || take(*captured);
    });
    if (!any) {
        socket_.throw_pending_error();
    }
}

template<class Take>
void SocketSource::hand_over_queue(Take& take) {
    for (const ReceivedPacket& packet : socket_.receive(batch_)) {
        const auto captured = prepare(packet);
        if (captured && !take(*captured)) {
            return;
        }
    }
}

} // namespace xinet
#pragma GCC visibility pop
