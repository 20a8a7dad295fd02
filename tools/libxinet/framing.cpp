// SPDX-License-Identifier: GPL-2.0-or-later
#include "libxinet/framing.h"

#include <net/ethernet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace xinet {

namespace {

constexpr std::size_t ethernet_addresses = 12;

void store_u16(std::span<std::byte> at, std::uint16_t value) {
    at[0] = static_cast<std::byte>(value >> 8);
    at[1] = static_cast<std::byte>(value & 0xff);
}

void store_u32(std::span<std::byte> at, std::uint32_t value) {
    store_u16(at, static_cast<std::uint16_t>(value >> 16));
    store_u16(at.subspan(2), static_cast<std::uint16_t>(value & 0xffff));
}

std::uint16_t from_network(std::uint16_t value) {
    if constexpr (std::endian::native == std::endian::little) {
        return static_cast<std::uint16_t>(value << 8 | value >> 8);
    }
    return value;
}

std::span<std::byte> widen(std::span<std::byte> data, std::size_t before) {
    return {data.data() - before, data.size() + before};
}

} // namespace

std::span<std::byte> prepend_sll2(const ReceivedPacket& packet) {
    std::uint16_t protocol = from_network(packet.address.sll_protocol);
    std::span<std::byte> frame = packet.data;
    if (packet.vlan) {
        frame = widen(frame, vlan_tag_length);
        store_u16(frame, packet.vlan->control);
        store_u16(frame.subspan(2), protocol);
        protocol = packet.vlan->protocol;
    }
    frame = widen(frame, sll2_header_length);

    constexpr std::size_t address_room = 8;
    const auto address_length = std::min<std::size_t>(packet.address.sll_halen, address_room);
    std::ranges::fill(frame.first(sll2_header_length), std::byte{0});
    store_u16(frame, protocol);
    store_u32(frame.subspan(4), static_cast<std::uint32_t>(packet.address.sll_ifindex));
    store_u16(frame.subspan(8), packet.address.sll_hatype);
    frame[10] = std::byte{packet.address.sll_pkttype};
    frame[11] = static_cast<std::byte>(address_length);
    std::memcpy(&frame[12], packet.address.sll_addr, address_length);
    return frame;
}

std::span<std::byte> restore_vlan_tag(const ReceivedPacket& packet) {
    if (!packet.vlan || packet.data.size() < ethernet_addresses) {
        return packet.data;
    }
    const auto frame = widen(packet.data, vlan_tag_length);
    std::memmove(frame.data(), packet.data.data(), ethernet_addresses);
    store_u16(frame.subspan(ethernet_addresses), packet.vlan->protocol);
    store_u16(frame.subspan(ethernet_addresses + 2), packet.vlan->control);
    return frame;
}

} // namespace xinet
