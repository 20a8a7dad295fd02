// SPDX-License-Identifier: GPL-2.0-or-later
// Where the packets come from, and how long the kernel takes over one.
#pragma once

#include "system.h"

#include "xinet/file_descriptor.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace bench {

/// A dummy interface, up, without an address of its own unless one is given;
/// deleted with the object.
class DummyInterface {
public:
    explicit DummyInterface(std::string name, const std::string& address = {});
    DummyInterface(const DummyInterface&) = delete;
    DummyInterface& operator=(const DummyInterface&) = delete;
    ~DummyInterface();

    const std::string& name() const noexcept { return name_; }
    unsigned index() const noexcept { return index_; }

private:
    std::string name_;
    unsigned index_ = 0;
};

/// The kernel's pktgen in xmit_mode netif_receive: UDP packets for another
/// host's link-level address come in through interfaces, one CPU for each.
class PacketGenerator {
public:
    /// Of how many flows the packets are: with many, next to all of another one.
    enum class Flows { one, many };

    /// @param frame_bytes without the checksum of the link level
    PacketGenerator(std::vector<std::string> interfaces, std::size_t frame_bytes,
                    Flows flows = Flows::one);
    PacketGenerator(const PacketGenerator&) = delete;
    PacketGenerator& operator=(const PacketGenerator&) = delete;
    ~PacketGenerator();

    /// From now on the packets are for this host: from an address of the link to its own on the
    /// interface and @p port.
    void address_to(const std::string& interface, const std::string& from,
                    const std::string& address, int port);

    /// Time per packet of the slowest CPU, @p packets through each interface.
    Nanoseconds receive(std::uint64_t packets);

private:
    friend class BackgroundTraffic;
    void set(const std::string& interface, const std::string& command);

    std::vector<std::string> interfaces_;
};

/// Packets without end, on the CPU of the generator's first interface.
class BackgroundTraffic {
public:
    explicit BackgroundTraffic(PacketGenerator& generator);
    BackgroundTraffic(const BackgroundTraffic&) = delete;
    BackgroundTraffic& operator=(const BackgroundTraffic&) = delete;
    ~BackgroundTraffic();

private:
    PacketGenerator& generator_;
    std::thread starter_;
};

/// A tun interface through which this process hands packets to the host; each is
/// received within the write().
class TunInterface {
public:
    /// IPv4, behind a struct virtio_net_hdr, and perhaps long, with offloads; or frames of
    /// Ethernet for the address 02:00:00:00:00:01.
    enum class Frames { ip, ip_with_offloads, ethernet };

    /// @param address of the host on it, with prefix length
    TunInterface(std::string name, const std::string& address, Frames frames = Frames::ip);

    Nanoseconds receive(std::span<const std::byte> packet, std::uint64_t packets);

private:
    std::string name_;
    xinet::FileDescriptor device_;
};

} // namespace bench
