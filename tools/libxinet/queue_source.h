// SPDX-License-Identifier: GPL-2.0-or-later
// Capture from the receive queue of a packet socket, many packets a call.
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

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xinet {

struct QueueSourceOptions {
    Engine engine = Engine::xinet;
    std::optional<Interface> interface; ///< none: all, cooked
    std::uint32_t snapshot_length = 0;
    bool promiscuous = true;
    Direction direction = Direction::both;
    std::string expression;
};

class QueueSource final : public CaptureSource {
public:
    explicit QueueSource(const QueueSourceOptions& options);

    LinkType link_type() const override { return link_type_; }
    int descriptor() const override { return socket_.descriptor(); }
    std::span<const CapturedPacket> next_batch() override;
    CaptureStatistics statistics() override;

private:
    std::vector<sock_filter> kernel_filter(const QueueSourceOptions& options) const;
    std::optional<CapturedPacket> prepare(const ReceivedPacket& packet) const;

    std::string name_;
    LinkType link_type_;
    bool filter_here_;
    std::uint32_t snapshot_length_;
    FilterProgram filter_;
    PacketSocket socket_;
    PacketBatch batch_;
    std::vector<CapturedPacket> ready_;
    CaptureStatistics totals_;
};

} // namespace xinet
