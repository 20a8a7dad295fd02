// SPDX-License-Identifier: GPL-2.0-or-later
// Frames and packets, built byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "link.h"

namespace xt {

using Bytes = std::vector<uint8_t>;

inline constexpr Mac broadcast_mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
inline constexpr Mac multicast_mac{0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}; // 239.1.2.3
inline constexpr Mac nobodys_mac{0x02, 0x6e, 0x6f, 0x6f, 0x6e, 0x65};
// Source address of every crafted frame: tells it from the stack's own chatter.
inline constexpr Mac crafted_mac{0x02, 0x78, 0x69, 0x6e, 0x65, 0x74};

Bytes operator+(const Bytes& a, const Bytes& b);
// `text` over and over, so that every fragment of it is recognised.
Bytes repeated(std::string_view text, size_t size);
bool contains(const Bytes& bytes, std::string_view text);
std::string hex(const void* data, size_t size);

uint16_t internet_checksum(const Bytes& bytes); // RFC 1071; big-endian value

Bytes ethernet(const Mac& to, uint16_t ethertype, const Bytes& payload,
               const Mac& from = crafted_mac);
// 802.1Q: payload is that of the inner ethertype.
Bytes vlan_ethernet(const Mac& to, uint16_t tag, uint16_t ethertype, const Bytes& payload);

struct Ipv4 {
    std::string_view from = "10.77.0.2";
    std::string_view to = "10.77.0.1";
    uint8_t protocol = 253;
    uint8_t ttl = 64;
    uint8_t tos = 0;
    uint16_t id = 0x7869;
    uint16_t fragment = 0; // flags and offset / 8
    Bytes options = {};

    [[nodiscard]] Bytes packet(const Bytes& payload) const;
};

// Cuts a payload into IPv4 fragments of `size` bytes each (a multiple of 8).
std::vector<Bytes> fragments(Ipv4 header, const Bytes& payload, size_t size);

Bytes icmp(uint8_t type, uint8_t code, uint16_t id, uint16_t sequence, const Bytes& payload);
Bytes udp(uint16_t from, uint16_t to, const Bytes& payload); // no checksum
Bytes tcp_syn(const Ipv4& header, uint16_t from, uint16_t to);
// A segment of no connection, with ACK.
Bytes tcp_data(const Ipv4& header, uint16_t from, uint16_t to, const Bytes& payload);

struct Ipv6 {
    std::string_view from;
    std::string_view to;
    uint8_t next = 17;
    uint8_t hops = 64;

    [[nodiscard]] Bytes packet(const Bytes& payload) const;
};

// With a checksum, which IPv6 asks for.
Bytes udp6(const Ipv6& header, uint16_t from, uint16_t to, const Bytes& payload);

} // namespace xt
