// SPDX-License-Identifier: GPL-2.0-or-later
// Raw IPv4 sockets of PF_XINET, or of PF_INET.
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

#pragma GCC visibility push(default)
namespace xinet {

/// One received datagram.
struct RawDatagram {
    std::span<const std::byte> data; ///< from the IPv4 header on, in the buffer of receive()
    in_addr source{};                ///< network byte order
    Timestamp timestamp;             ///< when the kernel received it
};

/// Where a socket of PF_XINET receives: before the firewall and NAT, or behind them like raw
/// sockets of PF_INET.
enum class RawPoint { wire, host };

/// No call waits for a datagram; descriptor() becomes readable when there is one.
class RawSocket {
public:
    /// Throws Error: EAFNOSUPPORT if the module is not loaded, EPERM without CAP_NET_RAW.
    ///
    /// @param protocol IPPROTO_* of <netinet/in.h>
    RawSocket(Engine engine, int protocol);

    /// Remains owned by the object.
    int descriptor() const noexcept { return socket_.get(); }

    /// Throws Error.
    ///
    /// @param blocked bit n set: messages of ICMP type n are not received; types from 32 on always
    ///                are
    void set_icmp_filter(std::uint32_t blocked);

    /// Sets the time to live of unicast and multicast datagrams. Throws Error.
    ///
    /// @param ttl 1 to 255
    void set_ttl(int ttl);

    /// For sockets of PF_XINET only. Throws Error.
    void set_point(RawPoint point);

    /// Sends from, and receives for, this local address. Throws Error with EADDRNOTAVAIL if it is
    /// not an address of this host.
    ///
    /// @param source network byte order
    void bind_address(in_addr source);

    /// Sends and receives on the interface called @p name only. Throws Error with ENODEV if there
    /// is none.
    void bind_device(const std::string& name);

    /// Receives datagrams of one remote address only. Throws Error: ENETUNREACH without a route,
    /// EACCES for a broadcast address.
    ///
    /// @param destination network byte order
    void connect(in_addr destination);

    /// The local address, in network byte order; 0.0.0.0 before bind_address() or connect(). Throws
    /// Error.
    in_addr local_address() const;

    /// Sends one datagram, whose IPv4 header the kernel adds. Returns 0, or the errno value if it
    /// was not sent; throws nothing.
    ///
    /// @param destination network byte order
    int send(std::span<const std::byte> payload, in_addr destination);

    /// The next datagram; empty if none is queued. The datagram is cut to the size of @p buffer.
    /// Throws Error, with the errno of an ICMP error for a connected socket.
    std::optional<RawDatagram> receive(std::span<std::byte> buffer);

private:
    FileDescriptor socket_;
};

} // namespace xinet
#pragma GCC visibility pop
