// SPDX-License-Identifier: GPL-2.0-or-later
// What a packet socket says of a packet beside the frame: the interface that it came by or counts
// for, and how many packets were dropped before it. On a wire of the test's own.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <set>

#include "support/netns.h"
#include "support/tpacket_ring.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr uint16_t ethertype = experimental_ethertype + 2;

Bytes frame_to(const Mac& to, const char* mark) {
    return ethernet(to, ethertype, repeated(mark, 100));
}

// Interfaces told by the frames of a ring.
std::set<int> interfaces(const std::vector<RingFrame>& frames) {
    std::set<int> result;
    for (const RingFrame& frame : frames)
        result.insert(frame.address().sll_ifindex);
    return result;
}

// What comes through a VLAN comes by one interface and counts for another.
TEST(PacketInterface, is_the_one_it_counts_for_or_the_one_it_came_by) {
    NetNs::create().run([] {
        const Wire wire({"link add link xtin name xtin.5 type vlan id 5"});
        ip("link set xtin.5 up");
        const Mac to = link::mac("xtin");
        const auto send = [&](const char* mark) {
            wire.in(frame_to(to, mark));
            wire.in(vlan_ethernet(to, 5, ethertype, repeated(mark, 100)));
            wire.in(vlan_ethernet(to, 6, ethertype, repeated(mark, 100)));
            wire.in(frame_to(broadcast_mac, mark));
            wire.fence();
        };
        for (const Kind kind : packet_kinds)
            for (const int version : ring_versions) {
                SCOPED_TRACE(to_string(kind) + " " + version_name(version));
                std::set<int> told[2];
                for (const int origdev : {0, 1}) {
                    const unsigned timeout_ms = version == TPACKET_V3 ? 1 : 0;
                    // a block for every packet, should each come late
                    const auto request = ring_request(64, 1 << 14, 2048, timeout_ms);
                    Fd sockets[2];
                    std::vector<TpacketRing> rings;
                    for (const Side side : both_sides) {
                        Fd& socket = sockets[side == Side::xinet];
                        socket = open_socket(side, kind, 0);
                        set_option(socket, SOL_PACKET, PACKET_ORIGDEV, origdev);
                        EXPECT_EQ(get_option(socket, SOL_PACKET, PACKET_ORIGDEV), origdev);
                        set_option(socket, SOL_PACKET, PACKET_VERSION, version);
                        rings.emplace_back(socket, version, request);
                    }
                    for (const Fd& socket : sockets)
                        bind_to(socket, link_address(ETH_P_ALL, 0));
                    send("xt-ways-");
                    send("xt-last-");
                    const auto theirs = rings[0].take_through("xt-last-");
                    const auto ours = rings[1].take_through("xt-last-");
                    // the ring of V3 hands over by time: what is there may differ after the mark
                    const auto until_last = [](const std::vector<RingFrame>& all) {
                        std::vector<RingFrame> result;
                        for (const RingFrame& frame : all)
                            if (contains(frame.data, "xt-ways-"))
                                result.push_back(frame);
                        return result;
                    };
                    EXPECT_EQ(until_last(theirs), until_last(ours));
                    told[origdev] = interfaces(until_last(ours));
                }
                EXPECT_NE(told[0], told[1]) << "it makes no difference";
            }
    });
}

TEST(PacketDrops, are_told_with_the_next_packet) {
    NetNs::create().run([] {
        const Wire wire;
        const Mac to = link::mac("xtin");
        for (const Kind kind : packet_kinds) {
            SCOPED_TRACE(to_string(kind));
            Fd sockets[] = {open_socket(Side::sibling, kind, 0), open_socket(Side::xinet, kind, 0)};
            for (const Fd& socket : sockets) {
                set_option(socket, SOL_SOCKET, SO_RCVBUF, 8192);
                set_option(socket, SOL_SOCKET, SO_RXQ_OVFL, 1);
                bind_to(socket, link_address(ethertype, link::index("xtin")));
            }
            std::vector<Message> received[2];
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 60; i++) // more than fit
                    wire.in(frame_to(to, "payload "));
                wire.fence();
                for (int side = 0; side < 2; side++)
                    while (auto message = receive_now(sockets[side].get()))
                        received[side].push_back(std::move(*message));
            }
            EXPECT_EQ(received[0].size(), received[1].size());
            ASSERT_FALSE(received[0].empty());
            ASSERT_FALSE(received[0].back().controls.empty()) << "nothing was dropped";
            EXPECT_EQ(received[0].back().controls, received[1].back().controls);
        }
    });
}

} // namespace
} // namespace xt
