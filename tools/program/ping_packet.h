// SPDX-License-Identifier: GPL-2.0-or-later
// ICMP echo messages: building ours, and finding ours among what arrives.
#pragma once

#include "xinet/timestamp.h"

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace xinet {

inline constexpr std::size_t icmp_header_length = 8;

/// Seconds and microseconds, 64 bits each, in host order: as ping of iputils
/// stores it, so that analysers know it.
inline constexpr std::size_t stamp_length = 16;

/// RFC 1071 over @p data; 0 when @p data holds its own correct checksum.
std::uint16_t internet_checksum(std::span<const std::byte> data);

/// A whole ICMP message (RFC 792) with @p payload_bytes behind its header: the
/// time if it fits, then a counting pattern.
std::vector<std::byte> build_echo_request(std::uint16_t identifier, std::uint16_t sequence,
                                          std::size_t payload_bytes, Timestamp time);

struct EchoReply {
    std::uint16_t sequence = 0;
    std::size_t icmp_bytes = 0;
    int ttl = 0;
    bool checksum_ok = true;
    std::optional<Timestamp> sent; ///< if the payload had room for it
};

struct EchoError {
    std::uint16_t sequence = 0;
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    std::uint32_t rest = 0; ///< the second word of the ICMP header; host order
};

/// Whose messages are ours.
struct EchoIdentity {
    std::uint16_t identifier = 0;
    in_addr target{};
    bool any_source = false; ///< of replies: the target is a multicast group
};

using EchoEvent = std::variant<std::monostate, EchoReply, EchoError>;

/// @param datagram from its IPv4 header on; of any length and content
/// @return nothing when it is not about a request of @p identity
EchoEvent parse_echo_event(std::span<const std::byte> datagram, in_addr source,
                           const EchoIdentity& identity);

/// "Destination Host Unreachable", as ping of iputils words it.
std::string describe_icmp_error(const EchoError& error);

/// Errors say that a request is lost; redirects and source quenches do not.
bool means_loss(const EchoError& error);

} // namespace xinet
