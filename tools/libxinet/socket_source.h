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

#include "libxinet/capture_source.h"
#include "libxinet/filter.h"
#include "libxinet/interface.h"
#include "libxinet/packet_socket.h"
#include "libxinet/rx_ring.h"

#include <cstdint>
#include <optional>
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

class SocketSource final : public CaptureSource {
public:
    explicit SocketSource(const SocketSourceOptions& options);

    LinkType link_type() const override { return link_type_; }
    int descriptor() const override { return socket_.descriptor(); }
    void hand_over(PacketSink& sink) override;
    void flush() override;
    CaptureStatistics statistics() override;

private:
    std::vector<sock_filter> kernel_filter(const SocketSourceOptions& options) const;
    bool is_plain(const xinet_rx_record& record) const;
    std::optional<CapturedPacket> prepare(const ReceivedPacket& packet) const;
    bool hand_over(const ReceivedPacket& packet, PacketSink& sink);
    bool hand_over(const xinet_rx_record& record, std::span<const std::byte> data,
                   PacketSink& sink);
    void hand_over_ring(PacketSink& sink);
    void hand_over_queue(PacketSink& sink);

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

} // namespace xinet
