// SPDX-License-Identifier: GPL-2.0-or-later
// Capture from a packet socket, many packets a call: from a ring (XINET_RX_RING)
// over PF_XINET, from the receive queue over PF_PACKET, or for want of memory.
//
// The filter runs in the kernel, on the frame, where it can. Where it cannot,
// the kernel hands up everything (of the wanted direction) and the filter runs
// here, on the frame as the capture file will hold it:
//  - on "any" and on devices whose header we have no name for, where the
//    expression is compiled for SLL2, a header the kernel never has;
//  - when the expression speaks of VLANs, whose tags the kernel keeps beside
//    the frame.
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

namespace xinet {

struct SocketSourceOptions {
    Engine engine = Engine::xinet;
    std::optional<Interface> interface; ///< none: all, cooked
    std::uint32_t snapshot_length = 0;
    bool promiscuous = true;
    Direction direction = Direction::both;
    std::string expression;
};

class SocketSource {
public:
    explicit SocketSource(const SocketSourceOptions& options);

    LinkType link_type() const { return link_type_; }

    /// Readable when hand_over() has something to say.
    int descriptor() const { return socket_.descriptor(); }

    /// Hands the packets that are there now over, without waiting: calls @p take with
    /// each CapturedPacket, which is valid until it returns, and until it returns
    /// false. Throws Error with ENETDOWN when the interface went down or away.
    template<class Take>
    void hand_over(Take take);

    /// Makes what is there readable, if the source waits for more of it.
    void flush();

    CaptureStatistics statistics();

private:
    std::vector<sock_filter> kernel_filter(const SocketSourceOptions& options) const;
    std::optional<CapturedPacket> prepare(const ReceivedPacket& packet);
    std::optional<CapturedPacket> prepare(const xinet_rx_record& record,
                                          std::span<const std::byte> data);
    template<class Take>
    void hand_over_ring(Take& take);
    template<class Take>
    void hand_over_queue(Take& take);
    static bool is_gone(const Error& error);
    Error gone() const;

    std::string name_;
    LinkType link_type_;
    bool filter_here_;
    std::uint32_t snapshot_length_;
    FilterProgram filter_;
    PacketSocket socket_;
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
    const bool filter_here = filter_here_;
    const std::size_t most = snapshot_length_;
    bool any = false;
    ring_->visit([&](const xinet_rx_record& record, std::span<const std::byte> data) {
        any = true;
        // The file will hold it as the ring does, but for its length.
        if (!filter_here && (record.status & TP_STATUS_VLAN_VALID) == 0) [[likely]] {
            return take({.data = data.first(std::min(most, data.size())),
                         .original_length = record.pkt_len,
                         .timestamp = Timestamp(std::chrono::nanoseconds(record.tstamp)),
                         .interface_index = record.ifindex,
                         .packet_type = record.pkttype});
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
