// SPDX-License-Identifier: GPL-2.0-or-later
#include "libxinet/framing.h"

#include "tests/bytes.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace {

using xinet::test::bytes;
using xinet::test::Bytes;
using xinet::test::operator+;

/// A packet behind the headroom it needs.
struct Room {
    explicit Room(const Bytes& data) : memory(xinet::framing_headroom) {
        memory.insert(memory.end(), data.begin(), data.end());
        packet.data = std::span(memory).subspan(xinet::framing_headroom);
        packet.address.sll_protocol = htons(0x0800);
        packet.address.sll_ifindex = 3;
        packet.address.sll_hatype = 1;
        packet.address.sll_pkttype = PACKET_OUTGOING;
        packet.address.sll_halen = 6;
        std::ranges::copy(std::array<unsigned char, 6>{2, 0, 0, 0, 0, 9}, packet.address.sll_addr);
    }

    Bytes memory;
    xinet::ReceivedPacket packet;
};

Bytes copy(std::span<const std::byte> data) {
    return {data.begin(), data.end()};
}

TEST(Framing, sll2_header_is_as_documented) {
    const Room room(bytes({0x45, 0xaa}));
    EXPECT_EQ(copy(xinet::prepend_sll2(room.packet)),
              bytes({8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0x45, 0xaa}));
}

TEST(Framing, sll2_keeps_a_vlan_tag_before_the_payload) {
    Room room(bytes({0x45}));
    room.packet.vlan = xinet::VlanTag{.control = 0x2064, .protocol = 0x8100};
    const Bytes frame = copy(xinet::prepend_sll2(room.packet));
    EXPECT_EQ(frame[0], std::byte{0x81});
    EXPECT_EQ(Bytes(frame.begin() + 20, frame.end()), bytes({0x20, 0x64, 8, 0, 0x45}));
}

TEST(Framing, sll2_bounds_a_long_hardware_address) {
    Room room(bytes({1}));
    room.packet.address.sll_halen = 20;
    EXPECT_EQ(copy(xinet::prepend_sll2(room.packet))[11], std::byte{8});
}

TEST(Framing, vlan_tag_returns_to_its_place) {
    Room room(bytes({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0, 0x45}));
    room.packet.vlan = xinet::VlanTag{.control = 100, .protocol = 0x88a8};
    EXPECT_EQ(copy(xinet::restore_vlan_tag(room.packet)),
              bytes({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x88, 0xa8, 0, 100, 8, 0, 0x45}));
}

TEST(Framing, frame_without_tag_or_cut_before_it_stays) {
    Room room(bytes({1, 2, 3}));
    EXPECT_EQ(copy(xinet::restore_vlan_tag(room.packet)), bytes({1, 2, 3}));
    room.packet.vlan = xinet::VlanTag{.control = 100, .protocol = 0x8100};
    EXPECT_EQ(copy(xinet::restore_vlan_tag(room.packet)), bytes({1, 2, 3}));
}

} // namespace
