// SPDX-License-Identifier: GPL-2.0-or-later
// Raw IPv4 sockets over PF_XINET (or PF_INET beside it).
#pragma once

#include "xinet/family.h"
#include "xinet/file_descriptor.h"
#include "xinet/timestamp.h"

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace xinet {

/// One received datagram; data begins with the IPv4 header and lies in the
/// buffer given to receive().
struct RawDatagram {
    std::span<const std::byte> data;
    in_addr source{};
    Timestamp timestamp;
};

/// Where on the way of a packet a socket of PF_XINET receives: as it comes in,
/// or where PF_INET's raw sockets do, behind the firewall.
enum class RawPoint { wire, host };

class RawSocket {
public:
    /// @param protocol IPPROTO_*
    RawSocket(Engine engine, int protocol);

    int descriptor() const noexcept { return socket_.get(); }

    /// @param blocked bit n set: messages of ICMP type n are not queued
    void set_icmp_filter(std::uint32_t blocked);
    void set_ttl(int ttl);
    /// Only a socket of PF_XINET has a choice.
    void set_point(RawPoint point);
    void bind_address(in_addr source);
    void bind_device(const std::string& name);

    /// Fixes the remote address, after which only it is heard.
    void connect(in_addr destination);
    in_addr local_address() const;

    /// 0, or the errno of the send: a caller such as ping goes on after it.
    int send(std::span<const std::byte> payload, in_addr destination);

    /// The next datagram, or nothing when none is queued.
    std::optional<RawDatagram> receive(std::span<std::byte> buffer);

private:
    FileDescriptor socket_;
};

} // namespace xinet
