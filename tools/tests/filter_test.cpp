// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/filter.h"

#include "libxinet/family_number.h"
#include "tests/bytes.h"
#include "xinet/error.h"
#include "xinet/family.h"
#include "xinet/interface.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>

namespace {

using xinet::test::bytes;
using xinet::test::Bytes;
using xinet::test::operator+;

std::uint32_t run(const std::string& expression, const Bytes& frame,
                  xinet::LinkType type = xinet::LinkType::ethernet) {
    return xinet::FilterProgram(expression, type, 96)
        .evaluate(frame, static_cast<std::uint32_t>(frame.size()));
}

/// The instructions of a prefix, for one packet; -1 when it falls through.
int run_prefix(const std::vector<sock_filter>& program, std::uint32_t packet_type,
               std::uint32_t interface_index) {
    std::uint32_t accumulator = 0;
    for (std::size_t at = 0; at < program.size(); ++at) {
        const sock_filter& step = program[at];
        switch (BPF_CLASS(step.code)) {
        case BPF_LD:
            accumulator = step.k == static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)
                              ? packet_type
                              : interface_index;
            break;
        case BPF_JMP:
            at += accumulator == step.k ? step.jt : step.jf;
            break;
        default:
            return static_cast<int>(step.k);
        }
    }
    return -1;
}

TEST(Filter, accepted_packets_are_cut_to_the_snapshot_length) {
    EXPECT_EQ(run("icmp", xinet::test::ethernet(0x0800, xinet::test::ipv4(1, Bytes(8)))), 96U);
    EXPECT_EQ(run("tcp", xinet::test::ethernet(0x0800, xinet::test::ipv4(1, Bytes(8)))), 0U);
}

TEST(Filter, empty_expression_accepts_everything) {
    EXPECT_EQ(run("", bytes({1})), 96U);
}

TEST(Filter, sll2_expressions_read_the_sll2_header) {
    const Bytes frame = bytes({8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0}) +
                        xinet::test::ipv4(17, bytes({0, 53, 0, 54, 0, 8, 0, 0}));
    EXPECT_EQ(run("udp port 53", frame, xinet::LinkType::linux_sll2), 96U);
    EXPECT_EQ(run("udp port 80", frame, xinet::LinkType::linux_sll2), 0U);
}

TEST(Filter, error_names_the_expression) {
    try {
        run("frob nicate", {});
        FAIL() << "compiled";
    } catch (const xinet::Error& error) {
        EXPECT_EQ(error.object(), "'frob nicate'");
        EXPECT_FALSE(error.hint().empty());
    }
}

/// The loads of a program for packets without their SLL2 header, as "mode:size:offset"; "here" if
/// the kernel cannot run it.
std::string cooked_loads(const std::string& expression) {
    const xinet::FilterProgram program(expression, xinet::LinkType::linux_sll2, 96);
    const auto instructions = program.instructions({});
    if (!instructions) {
        return "here";
    }
    std::string text;
    for (const sock_filter& step : *instructions) {
        if (BPF_CLASS(step.code) == BPF_LD || BPF_CLASS(step.code) == BPF_LDX) {
            text += fmt::format("{:x}:{:x}:{} ", BPF_MODE(step.code), BPF_SIZE(step.code),
                                static_cast<std::int32_t>(step.k));
        }
    }
    return text;
}

TEST(Filter, sll2_header_is_what_the_kernel_has_beside_the_packet) {
    EXPECT_EQ(cooked_loads("icmp"), fmt::format("20:8:{} 20:10:9 ", SKF_AD_OFF + SKF_AD_PROTOCOL));
    EXPECT_EQ(cooked_loads("inbound"), fmt::format("20:10:{} ", SKF_AD_OFF + SKF_AD_PKTTYPE));
    EXPECT_EQ(cooked_loads("ifindex 3"), fmt::format("20:0:{} ", SKF_AD_OFF + SKF_AD_IFINDEX));
    EXPECT_NE(cooked_loads("udp port 53").find("a0:10:0 40:8:0 "), std::string::npos);
    EXPECT_EQ(cooked_loads(""), "");
}

TEST(Filter, sll2_header_that_the_kernel_does_not_know_is_looked_at_here) {
    // a part of a field, a field that the kernel has not, the length with the header
    for (const char* expression :
         {"link[0] = 8", "link[2:2] = 0", "link[12:4] = 1", "link[ip[8]] = 1", "greater 100"}) {
        EXPECT_EQ(cooked_loads(expression), "here") << expression;
    }
}

TEST(DirectionPrefix, in_rejects_what_goes_out) {
    const auto program = xinet::direction_prefix(xinet::Direction::in, 0);
    EXPECT_EQ(run_prefix(program, PACKET_OUTGOING, 2), 0);
    EXPECT_EQ(run_prefix(program, PACKET_HOST, 2), -1);
}

TEST(DirectionPrefix, out_rejects_what_comes_in) {
    const auto program = xinet::direction_prefix(xinet::Direction::out, 1);
    EXPECT_EQ(run_prefix(program, PACKET_OUTGOING, 1), -1);
    EXPECT_EQ(run_prefix(program, PACKET_HOST, 1), 0);
}

TEST(DirectionPrefix, both_shows_a_loopback_packet_once) {
    const auto program = xinet::direction_prefix(xinet::Direction::both, 1);
    EXPECT_EQ(run_prefix(program, PACKET_OUTGOING, 1), 0);
    EXPECT_EQ(run_prefix(program, PACKET_HOST, 1), -1);
    EXPECT_EQ(run_prefix(program, PACKET_OUTGOING, 2), -1);
    EXPECT_TRUE(xinet::direction_prefix(xinet::Direction::both, 0).empty());
}

TEST(LinkType, known_devices_keep_their_header_and_others_are_cooked) {
    EXPECT_EQ(xinet::link_type_of(ARPHRD_ETHER), xinet::LinkType::ethernet);
    EXPECT_EQ(xinet::link_type_of(ARPHRD_LOOPBACK), xinet::LinkType::ethernet);
    EXPECT_EQ(xinet::link_type_of(ARPHRD_NONE), xinet::LinkType::raw_ip);
    EXPECT_EQ(xinet::link_type_of(ARPHRD_PPP), xinet::LinkType::linux_sll2);
}

TEST(Family, number_is_read_strictly) {
    EXPECT_EQ(xinet::parse_family_number("18\n"), 18);
    EXPECT_EQ(xinet::parse_family_number("27"), 27);
    for (const char* bad : {"", "0", "-1", "x", "18x", "99999999999", "4096"}) {
        EXPECT_FALSE(xinet::parse_family_number(bad)) << bad;
    }
}

TEST(Family, hint_tells_how_to_load_the_module) {
    EXPECT_NE(xinet::socket_hint(EAFNOSUPPORT, xinet::Engine::xinet).find("modprobe xinet"),
              std::string::npos);
    EXPECT_NE(xinet::socket_hint(EPERM, xinet::Engine::sibling).find("CAP_NET_RAW"),
              std::string::npos);
    EXPECT_NE(xinet::socket_hint(EPERM, xinet::Engine::xinet).find("userns"), std::string::npos);
    EXPECT_EQ(xinet::socket_hint(EPERM, xinet::Engine::sibling).find("userns"), std::string::npos);
    EXPECT_TRUE(xinet::socket_hint(EAFNOSUPPORT, xinet::Engine::sibling).empty());
}

TEST(Interface, unknown_name_lists_those_that_exist) {
    try {
        xinet::find_interface("no-such-if");
        FAIL() << "found";
    } catch (const xinet::Error& error) {
        EXPECT_NE(error.hint().find("lo"), std::string::npos);
    }
}

TEST(Interface, default_is_the_first_that_is_up_and_not_loopback) {
    const std::vector<xinet::Interface> all{
        {.name = "lo", .index = 1, .up = true, .loopback = true},
        {.name = "eth0", .index = 2},
        {.name = "eth1", .index = 3, .up = true}};
    EXPECT_EQ(xinet::default_interface(all).name, "eth1");
    EXPECT_THROW(xinet::default_interface(std::span(all).first(2)), xinet::Error);
}

} // namespace
