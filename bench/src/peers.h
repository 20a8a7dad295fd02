// SPDX-License-Identifier: GPL-2.0-or-later
// What people use today to learn what XINET_PACKET_OWNER and XINET_PACKET_DROPS tell.
#pragma once

#include "xinet/file_descriptor.h"

#include <cstddef>
#include <cstdint>
#include <memory>

struct mnl_socket;
struct ring_buffer;

namespace bench {

/// An eBPF program at the ingress of tc that copies the first bytes of each packet, with a
/// time stamp, into a BPF ring buffer. Wakes nobody.
class TcCapture {
public:
    /// @param look_up finds the socket of UDP as well, by the helper for that
    TcCapture(unsigned interface_index, std::uint64_t packets, bool look_up);
    TcCapture(const TcCapture&) = delete;
    TcCapture& operator=(const TcCapture&) = delete;
    ~TcCapture();

    /// Packets since the start or the last call.
    std::uint64_t packets();

private:
    unsigned interface_index_;
    xinet::FileDescriptor ring_;
    xinet::FileDescriptor program_;
    std::uint64_t count_ = 0;
    std::unique_ptr<ring_buffer, void (*)(ring_buffer*)> reader_;
};

/// NET_DM, the netlink service of drop_monitor, in its mode for packets.
class DropMonitor {
public:
    explicit DropMonitor(std::uint64_t packets);
    DropMonitor(const DropMonitor&) = delete;
    DropMonitor& operator=(const DropMonitor&) = delete;
    ~DropMonitor();

    /// Dropped packets read since the start or the last call. Does not wait.
    std::uint64_t packets();

private:
    std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> control_;
    std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> events_;
    std::uint16_t family_ = 0;
};

} // namespace bench
