// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/dissect.h"

#include "program/capture.h"
#include "tests/bytes.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>

#include <random>

namespace {

using xinet::LinkType;
using xinet::test::bytes;
using xinet::test::Bytes;
using xinet::test::operator+;
using xinet::test::ethernet;
using xinet::test::ipv4;

std::string line(const Bytes& frame, LinkType type = LinkType::ethernet) {
    return xinet::summary_text(
        xinet::dissect(frame, type, static_cast<std::uint32_t>(frame.size())), false);
}

const Bytes echo = bytes({8, 0, 0, 0, 0, 9, 0, 1});
const Bytes syn = bytes({0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0});
const Bytes datagram = bytes({0, 53, 0x30, 0x39, 0, 10, 0, 0, 1, 2});
const Bytes ipv6_echo = bytes({0x60, 0, 0, 0, 0, 8, 58, 64}) +
                        bytes({0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) +
                        bytes({0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}) +
                        bytes({128, 0, 0, 0, 0, 9, 0, 3});
const Bytes arp_request =
    bytes({0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 77, 0, 1, 0, 0, 0, 0, 0, 0, 10, 77, 0, 2});

TEST(Dissect, reads_the_common_protocols) {
    EXPECT_EQ(line(ethernet(0x0800, ipv4(1, echo))),
              "IP 10.77.0.1 > 10.77.0.2: ICMP echo request, id 9, seq 1, length 8");
    EXPECT_EQ(line(ethernet(0x0800, ipv4(6, syn))),
              "IP 10.77.0.1.12345 > 10.77.0.2.80: Flags [S], seq 1, win 1024, length 0");
    EXPECT_EQ(line(ethernet(0x0800, ipv4(17, datagram))),
              "IP 10.77.0.1.53 > 10.77.0.2.12345: UDP, length 2");
    EXPECT_EQ(line(ethernet(0x86dd, ipv6_echo)),
              "IP6 fd00::1 > fd00::2: ICMP6, echo request, id 9, seq 3, length 8");
    EXPECT_EQ(line(ethernet(0x0806, arp_request)),
              "ARP, Request who-has 10.77.0.2 tell 10.77.0.1, length 28");
    EXPECT_EQ(line(ethernet(0x0800, ipv4(47, Bytes(4)))),
              "IP 10.77.0.1 > 10.77.0.2: ip-proto-47, length 4");
}

TEST(Dissect, ports_are_apart_from_addresses) {
    const auto summary = [](const Bytes& frame) {
        return xinet::dissect(frame, LinkType::ethernet, static_cast<std::uint32_t>(frame.size()));
    };
    const xinet::Summary with = summary(ethernet(0x0800, ipv4(6, syn)));
    EXPECT_EQ(with.source, "10.77.0.1");
    EXPECT_EQ(with.source_port, 12345);
    EXPECT_EQ(with.destination, "10.77.0.2");
    EXPECT_EQ(with.destination_port, 80);
    EXPECT_EQ(summary(ethernet(0x0800, ipv4(1, echo))).source_port, std::nullopt);
}

TEST(Dissect, json_always_has_addresses_ports_protocol_and_length) {
    const auto json = [](const Bytes& frame) {
        return xinet::packet_json({.data = frame, .original_length = 60, .timestamp = {}},
                                  LinkType::ethernet, "eth0");
    };
    const std::string with = json(ethernet(0x0800, ipv4(17, datagram)));
    for (const char* part : {R"("time":"0.000000000")", R"("interface":"eth0")", R"("length":60)",
                             R"("protocol":"UDP")", R"("source":"10.77.0.1","source_port":53)",
                             R"("destination":"10.77.0.2","destination_port":12345)"}) {
        EXPECT_NE(with.find(part), std::string::npos) << part << " in " << with;
    }
    const std::string without = json(ethernet(0x0806, arp_request));
    EXPECT_NE(without.find(R"("source_port":null)"), std::string::npos) << without;
}

TEST(Dissect, reads_behind_vlan_tags_and_without_ethernet) {
    const Bytes tagged = ethernet(0x8100, bytes({0, 100, 8, 0}) + ipv4(1, echo));
    EXPECT_EQ(line(tagged), line(ethernet(0x0800, ipv4(1, echo))));
    EXPECT_EQ(line(ipv4(1, echo), LinkType::raw_ip), line(ethernet(0x0800, ipv4(1, echo))));
    const Bytes cooked = bytes({8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0});
    EXPECT_EQ(line(cooked + ipv4(1, echo), LinkType::linux_sll2),
              line(ethernet(0x0800, ipv4(1, echo))));
}

TEST(Dissect, unknown_and_malformed_are_shown_in_hex) {
    EXPECT_EQ(line(ethernet(0x88cc, bytes({1, 2, 0xab}))), "ethertype 0x88cc, length 17: 01 02 ab");
    EXPECT_EQ(line(bytes({1, 2, 3})), "[|ether], length 3: 01 02 03");
    EXPECT_EQ(line(ethernet(0x0800, bytes({0x44, 0}))), "IP [|ip], length 16: 44 00");
    EXPECT_EQ(line({}), "[|ether], length 0: ");
}

TEST(Dissect, packet_cut_in_the_transport_header_keeps_its_addresses) {
    Bytes frame = ethernet(0x0800, ipv4(6, syn));
    frame.resize(14 + 20 + 8);
    EXPECT_EQ(line(frame), "IP 10.77.0.1 > 10.77.0.2: [|tcp], length 42");
}

// What an option says, or whether it is one, is nothing that the line needs.
TEST(Dissect, bad_options_hide_nothing) {
    const Bytes header = ipv4(17, datagram);
    Bytes packet(header.begin(), header.begin() + 20);
    packet = packet + bytes({0x44, 0xff, 5, 0}) + datagram;
    packet[0] = std::byte{0x46};
    packet[3] = std::byte(packet.size());
    EXPECT_EQ(line(ethernet(0x0800, packet)), "IP 10.77.0.1.53 > 10.77.0.2.12345: UDP, length 2");
    Bytes segment = syn + bytes({8, 1, 0, 0});
    segment[12] = std::byte{0x60};
    EXPECT_EQ(line(ethernet(0x0800, ipv4(6, segment))),
              "IP 10.77.0.1.12345 > 10.77.0.2.80: Flags [S], seq 1, win 1024, length 0");
}

TEST(Dissect, trailing_padding_is_not_payload) {
    EXPECT_EQ(line(ethernet(0x0800, ipv4(1, echo) + Bytes(18))),
              line(ethernet(0x0800, ipv4(1, echo))));
}

TEST(Dissect, nesting_without_end_is_cut) {
    Bytes nested = echo;
    for (int i = 0; i < 1000; ++i) {
        nested = ipv4(4, nested);
    }
    EXPECT_NE(line(nested, LinkType::raw_ip).find("ip-proto-4"), std::string::npos);
    Bytes tags;
    for (int i = 0; i < 16000; ++i) {
        tags = tags + bytes({0, 1, 0x81, 0});
    }
    const xinet::Summary summary =
        xinet::dissect(ethernet(0x8100, tags), LinkType::ethernet, 64014);
    EXPECT_NE(summary.info.find("[|vlan]"), std::string::npos);
    EXPECT_LT(summary.link.size(), 200U);
}

TEST(Dissect, every_cut_and_garbled_frame_is_survived) {
    std::mt19937 random(7);
    const std::vector<Bytes> wholes{ethernet(0x0800, ipv4(6, syn)),
                                    ethernet(0x0800, ipv4(17, datagram)),
                                    ethernet(0x0800, ipv4(1, echo)),
                                    ethernet(0x86dd, ipv6_echo),
                                    ethernet(0x0806, arp_request),
                                    ethernet(0x8100, bytes({0, 9, 8, 0}) + ipv4(6, syn)),
                                    ethernet(0x0800, ipv4(4, ipv4(6, syn)))};
    for (const Bytes& whole : wholes) {
        for (std::size_t length = 0; length <= whole.size(); ++length) {
            Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
            EXPECT_FALSE(line(cut).empty());
            for (int i = 0; i < 100 && length > 0; ++i) {
                Bytes garbled = cut;
                garbled[random() % length] = static_cast<std::byte>(random());
                garbled[random() % length] = static_cast<std::byte>(random());
                for (const LinkType type :
                     {LinkType::ethernet, LinkType::raw_ip, LinkType::linux_sll2}) {
                    EXPECT_FALSE(line(garbled, type).empty());
                }
            }
        }
    }
}

TEST(PacketLine, names_the_interface_and_the_direction_on_any) {
    const Bytes frame = ipv4(1, echo);
    const xinet::CapturedPacket packet{.data = frame,
                                       .original_length = 28,
                                       .timestamp = xinet::Timestamp{},
                                       .interface_index = 2,
                                       .packet_type = PACKET_OUTGOING};
    const std::string text = xinet::packet_text(packet, LinkType::raw_ip, "eth0", false);
    EXPECT_NE(text.find(".000000 eth0 Out IP 10.77.0.1"), std::string::npos) << text;
}

TEST(PacketLine, json_has_the_time_in_nanoseconds) {
    const Bytes frame = ipv4(1, echo);
    const xinet::CapturedPacket packet{
        .data = frame,
        .original_length = 1500,
        .timestamp = xinet::Timestamp(std::chrono::nanoseconds(5'000'000'007)),
        .interface_index = 2,
        .packet_type = PACKET_HOST};
    const std::string text = xinet::packet_json(packet, LinkType::raw_ip, "eth0");
    EXPECT_NE(text.find(R"("time":"5.000000007")"), std::string::npos) << text;
    EXPECT_NE(text.find(R"("length":1500,"captured":28)"), std::string::npos) << text;
}

} // namespace
