// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_POINT: where on its way through the host a packet is seen.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/compare.h"
#include "support/control.h"
#include "support/diag.h"
#include "support/firewall.h"
#include "support/inet.h"
#include "support/link.h"
#include "support/on_wire.h"
#include "support/points.h"
#include "support/sys.h"
#include "support/told.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr uint16_t port = point_port;

uint16_t to_port(const ToldPacket& record) {
    return uint16_t(record.data.at(ETH_HLEN + 22) << 8 | record.data.at(ETH_HLEN + 23));
}
class Point : public PointTest {};

TEST_P(Point, received_packet_comes_by_three_points_with_one_number) {
    here_.run([this] {
        ToldCapture all({.lanes = GetParam(), .owner = true, .points = everywhere});
        const Fd owner = udp_at("10.66.0.1", port);
        in(to_here.packet(marked("xt-in")));
        const auto records = take(all, "xt-in", 3);
        ASSERT_EQ(way_of(records),
                  (Way{XINET_POINT_TAP, XINET_POINT_PRE_ROUTING, XINET_POINT_LOCAL_IN}));
        expect_one_number(records);
        for (const auto& record : records) {
            EXPECT_EQ(record.data, records[0].data);
            EXPECT_EQ(record.pkttype, PACKET_HOST);
            EXPECT_EQ(record.ifindex, link::index("xtin"));
            EXPECT_EQ(record.point->in, unsigned(link::index("xtin")));
            EXPECT_EQ(record.point->out, 0U);
            EXPECT_EQ(record.point->flags, 0U);
            ASSERT_TRUE(record.owner);
            EXPECT_EQ(record.owner->cookie, cookie_of(owner));
        }
    });
}

TEST_P(Point, sent_packet_comes_by_three_points_with_its_sender) {
    here_.run([] {
        ToldCapture all({.lanes = GetParam(), .owner = true, .points = everywhere});
        const Fd sender = udp_at("10.66.0.1", port);
        send_to(sender.get(), repeated("xt-out", 64), ipv4_address("10.66.0.2", port));
        const auto records = take(all, "xt-out", 3);
        ASSERT_EQ(way_of(records),
                  (Way{XINET_POINT_LOCAL_OUT, XINET_POINT_POST_ROUTING, XINET_POINT_TAP}));
        expect_one_number(records);
        const Bytes& frame = records[2].data;
        for (const auto& record : records) {
            EXPECT_EQ(record.pkttype, PACKET_OUTGOING);
            EXPECT_EQ(record.point->in, 0U);
            EXPECT_EQ(record.point->out, unsigned(link::index("xtin")));
            ASSERT_TRUE(record.owner);
            EXPECT_EQ(record.owner->cookie, cookie_of(sender));
            const bool bare = record.point->point != XINET_POINT_TAP;
            EXPECT_EQ(record.point->flags, bare ? XINET_POINT_FLAG_NO_LINK_HEADER : 0U);
            ASSERT_EQ(record.data.size(), frame.size());
            const Bytes link(record.data.begin(), record.data.begin() + ETH_HLEN);
            EXPECT_EQ(link == (Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0}), bare);
            EXPECT_TRUE(std::equal(record.data.begin() + ETH_HLEN, record.data.end(),
                                   frame.begin() + ETH_HLEN));
        }
    });
}

TEST_P(Point, forwarded_packets_are_told_apart) {
    here_.run([this] {
        route();
        ToldCapture all = capture(everywhere);
        const Way way{XINET_POINT_TAP, XINET_POINT_PRE_ROUTING, XINET_POINT_FORWARD,
                      XINET_POINT_POST_ROUTING, XINET_POINT_TAP};
        constexpr size_t count = 100;
        for (size_t i = 0; i < count; i++) // all the same
            in_for("10.99.0.1", marked("xt-on"));
        const auto records = take(all, "xt-on", count * way.size());
        std::map<uint64_t, std::vector<ToldPacket>> packets;
        for (const auto& record : records) {
            ASSERT_TRUE(record.point);
            packets[record.point->packet].push_back(record);
        }
        EXPECT_EQ(packets.size(), count);
        const unsigned in = link::index("xtin");
        const unsigned out = link::index("xtfar");
        for (const auto& [number, seen] : packets) {
            EXPECT_NE(number, 0U);
            ASSERT_EQ(way_of(seen), way);
            EXPECT_EQ(seen[2].point->in, in);
            EXPECT_EQ(seen[2].point->out, out);
            EXPECT_EQ(seen[2].ifindex, int(in));
            EXPECT_EQ(seen[3].ifindex, int(out));
            EXPECT_EQ(seen[2].data.at(ETH_HLEN + 8), seen[0].data.at(ETH_HLEN + 8) - 1); // TTL
        }
    });
}

// What is put together of several is none of them, though it is in the buffer of the last.
TEST_P(Point, reassembled_packet_has_a_number_of_its_own) {
    here_.run([this] {
        ToldCapture all = capture(of_netfilter);
        const Fd owner = udp_at("10.66.0.1", port);
        for (const Bytes& fragment : fragments(to_here, marked("xt-frag "), 64))
            in(fragment);
        const auto records = take(all, "xt-frag ", 3);
        ASSERT_GE(records.size(), 3U);
        std::set<uint64_t> numbers;
        for (const auto& record : records)
            numbers.insert(record.point->packet);
        EXPECT_EQ(numbers.size(), records.size());
        EXPECT_EQ(records.back().point->point, uint32_t{XINET_POINT_LOCAL_IN});
    });
}

// Our hooks are none of NAT, of which another namespace has some.
TEST_P(Point, owners_are_told_beside_the_hooks) {
    const NetNs other = NetNs::create();
    other.run([this] {
        const Firewall nat("type nat hook prerouting priority -100", {"udp dport 1 drop"});
        here_.run([this] {
            ToldCapture points = capture(of_netfilter);
            ToldCapture tap({.lanes = GetParam(), .owner = true, .device = "xtin"});
            const Fd owner = udp_at("10.66.0.1", port);
            in(to_here.packet(marked("xt-own")));
            const auto records = tap.take_marked("xt-own");
            ASSERT_EQ(records.size(), 1U);
            EXPECT_EQ(records[0].owner->cookie, cookie_of(owner));
            EXPECT_EQ(take(points, "xt-own", 2).size(), 2U);
        });
    });
}

// The kernel goes on with the packet as it was.
TEST_P(Point, packet_is_left_as_it_was) {
    here_.run([this] {
        ip("link add xttun type ipip remote 10.66.0.2 local 10.66.0.1",
           "addr add 10.55.0.1/24 dev xttun", "link set xttun up");
        ToldCapture all = capture(of_netfilter);
        // by a device without link-level header, and by the wire
        for (const bool tunnel : {false, true}) {
            const Fd owner = udp_at(tunnel ? "10.55.0.1" : "10.66.0.1", port);
            const std::string mark = tunnel ? "xt-left1" : "xt-left0";
            const Ipv4 inner{.from = tunnel ? "10.55.0.2" : "10.66.0.2",
                             .to = tunnel ? "10.55.0.1" : "10.66.0.1",
                             .protocol = IPPROTO_UDP};
            const Bytes packet = inner.packet(marked(mark));
            Ipv4 outer = to_here;
            outer.protocol = IPPROTO_IPIP;
            const Fd tap = open_socket(Side::sibling, Kind::packet, 0);
            set_option(tap, SOL_SOCKET, SO_TIMESTAMPNS, 1);
            set_option(owner, SOL_SOCKET, SO_TIMESTAMPNS, 1);
            // the kernel begins to stamp somewhat later
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
            bind_to(tap, link_address(ETH_P_ALL, link::index(tunnel ? "xttun" : "xtin")));
            in(tunnel ? outer.packet(packet) : packet);
            // stamped once, when it came in
            const auto got = receive_marked(owner.get(), mark);
            EXPECT_EQ(got.data, repeated(mark, 64));
            const auto seen = receive_marked(tap.get(), mark);
            EXPECT_EQ(got.controls, seen.controls);
            EXPECT_EQ(got.controls.size(), 1U);
            const auto records = take(all, mark, tunnel ? 4 : 2);
            ASSERT_EQ(records.size(), tunnel ? 4U : 2U);
            EXPECT_EQ(records.back().data, seen.data);
        }
    });
}

// In a namespace that had no hooks: the points between are none that are asked for.
TEST_P(Point, records_are_joined_across_points_that_are_not_asked_for) {
    here_.run([this] {
        route();
        ToldCapture ends = capture(XINET_POINT_PRE_ROUTING | XINET_POINT_POST_ROUTING);
        in_for("10.99.0.1", marked("xt-ends"));
        const auto records = take(ends, "xt-ends", 2);
        ASSERT_EQ(way_of(records), (Way{XINET_POINT_PRE_ROUTING, XINET_POINT_POST_ROUTING}));
        expect_one_number(records);
    });
    const NetNs other = NetNs::create();
    other.run([] {
        ip("link add xtd type dummy", "addr add 10.44.0.1/24 dev xtd", "link set xtd up");
        ToldCapture ends = capture(XINET_POINT_TAP | XINET_POINT_LOCAL_OUT);
        const Fd sender = udp_at("10.44.0.1", port);
        send_to(sender.get(), repeated("xt-sent", 64), ipv4_address("10.44.0.2", port));
        const auto records = ends.take_marked("xt-sent", 2);
        ASSERT_EQ(way_of(records), (Way{XINET_POINT_LOCAL_OUT, XINET_POINT_TAP}));
        expect_one_number(records);
    });
}

// A destination that netfilter changes at LOCAL_OUT has another route.
TEST_P(Point, packet_that_is_routed_anew_is_of_the_device_that_it_leaves_by) {
    here_.run([] {
        const Firewall nat("type nat hook output priority -100",
                           {"udp dport 4482 dnat to 10.66.0.2"});
        if (!nat.installed())
            GTEST_SKIP() << "this kernel has no NAT";
        ToldCapture out = capture(XINET_POINT_LOCAL_OUT);
        const Fd sender = udp_at("10.66.0.1", 0);
        send_to(sender.get(), repeated("xt-anew", 64), ipv4_address("10.66.0.1", port));
        const auto records = out.take_marked("xt-anew");
        ASSERT_EQ(records.size(), 1U);
        EXPECT_EQ(records[0].point->out, unsigned(link::index("xtin")));
        EXPECT_EQ(records[0].ifindex, link::index("xtin"));
    });
}

TEST_P(Point, nat_is_between_the_tap_and_the_points) {
    here_.run([this] {
        const Firewall nat("type nat hook prerouting priority -100",
                           {"udp dport 4482 dnat to 10.66.0.1:4483"});
        if (!nat.installed())
            GTEST_SKIP() << "this kernel has no NAT";
        ToldCapture all = capture(everywhere);
        const Fd owner = udp_at("10.66.0.1", port + 1);
        in(to_here.packet(marked("xt-nat")));
        const auto records = take(all, "xt-nat", 3);
        ASSERT_EQ(way_of(records),
                  (Way{XINET_POINT_TAP, XINET_POINT_PRE_ROUTING, XINET_POINT_LOCAL_IN}));
        expect_one_number(records);
        EXPECT_EQ(to_port(records[0]), port);
        EXPECT_EQ(to_port(records[1]), port + 1);
        EXPECT_EQ(to_port(records[2]), port + 1);
    });
}

TEST_P(Point, source_is_translated_before_the_last_point) {
    here_.run([] {
        const Firewall nat("type nat hook postrouting priority 100",
                           {"udp dport 4482 snat to 10.66.0.9"});
        if (!nat.installed())
            GTEST_SKIP() << "this kernel has no NAT";
        ToldCapture all = capture(everywhere);
        const Fd sender = udp_at("10.66.0.1", port);
        send_to(sender.get(), repeated("xt-snat", 64), ipv4_address("10.66.0.2", port));
        const auto records = take(all, "xt-snat", 3);
        ASSERT_EQ(way_of(records),
                  (Way{XINET_POINT_LOCAL_OUT, XINET_POINT_POST_ROUTING, XINET_POINT_TAP}));
        expect_one_number(records);
        const auto last_of_source = [](const ToldPacket& record) {
            return record.data.at(ETH_HLEN + 15);
        };
        EXPECT_EQ(last_of_source(records[0]), 1);
        EXPECT_EQ(last_of_source(records[1]), 9);
        EXPECT_EQ(last_of_source(records[2]), 9);
    });
}

TEST_P(Point, packet_that_the_firewall_drops_ends_before_the_point) {
    if (drops_are_refused())
        GTEST_SKIP() << "this kernel cannot copy what it drops";
    here_.run([this] {
        route();
        const Firewall firewall("type filter hook forward priority 0", {"udp dport 4482 drop"});
        if (!firewall.installed())
            GTEST_SKIP() << "this kernel has no nftables";
        ToldCapture all({.drops = XINET_DROPS_BESIDE, .lanes = GetParam(), .points = everywhere});
        in_for("10.99.0.1", marked("xt-fw"));
        const auto records = take(all, "xt-fw", 3);
        ASSERT_EQ(way_of(records), (Way{XINET_POINT_TAP, XINET_POINT_PRE_ROUTING, 0}));
        EXPECT_EQ(records[2].reason(), "NETFILTER_DROP");
        EXPECT_EQ(records[1].reason(), "(passed)");
        expect_one_number(records);
    });
}

TEST_P(Point, only_the_points_that_are_asked_for_are_told) {
    here_.run([this] {
        ToldCapture last = capture(XINET_POINT_LOCAL_IN);
        ToldCapture two = capture(XINET_POINT_PRE_ROUTING | XINET_POINT_POST_ROUTING);
        const Fd owner = udp_at("10.66.0.1", port);
        in(to_here.packet(marked("xt-some")));
        EXPECT_EQ(way_of(last.take_marked("xt-some")), Way{XINET_POINT_LOCAL_IN});
        send_to(owner.get(), repeated("xt-some", 64), ipv4_address("10.66.0.2", port));
        const auto records = take(two, "xt-some", 2);
        EXPECT_EQ(way_of(records), (Way{XINET_POINT_PRE_ROUTING, XINET_POINT_POST_ROUTING}));
        EXPECT_NE(records.at(0).point->packet, records.at(1).point->packet);
        EXPECT_TRUE(last.take().empty());
    });
}

TEST_P(Point, protocol_device_filter_and_direction_select) {
    here_.run([this] {
        ip("link add xtother type dummy", "link set xtother up");
        const auto with = [](const ToldCapture::Options& other) {
            ToldCapture::Options options = other;
            options.lanes = GetParam();
            options.points = everywhere;
            return ToldCapture(options);
        };
        ToldCapture ipv6 = with({.protocol = ETH_P_IPV6});
        ToldCapture elsewhere = with({.device = "xtother"});
        ToldCapture filtered = with({});
        // the port at its place behind an Ethernet header
        sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ETH_HLEN + 22),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port + 1, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, 0xffff),
            BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const sock_fprog program{.len = uint16_t(std::size(code)), .filter = code};
        checked(::setsockopt(filtered.socket().get(), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                             sizeof(program)),
                "SO_ATTACH_FILTER");
        ToldCapture received = with({.ignore_outgoing = true});
        ToldCapture device = with({.device = "xtin"});
        const Fd owner = udp_at("10.66.0.1", port);
        in(to_here.packet(marked("xt-which")));
        send_to(owner.get(), repeated("xt-which", 64), ipv4_address("10.66.0.2", port + 1));
        EXPECT_EQ(take(device, "xt-which", 6).size(), 6U);
        EXPECT_EQ(take(received, "xt-which", 3).size(), 3U);
        EXPECT_EQ(way_of(take(filtered, "xt-which", 3)),
                  (Way{XINET_POINT_LOCAL_OUT, XINET_POINT_POST_ROUTING, XINET_POINT_TAP}));
        for (ToldCapture* other : {&ipv6, &elsewhere})
            for (const auto& record : other->take())
                EXPECT_FALSE(contains(record.data, "xt-which"));
    });
}

// The kernel calls the tap of a protocol before its own handler, or after it.
TEST_P(Point, tap_of_one_protocol_has_no_number) {
    here_.run([this] {
        for (const char* device : {"", "xtin"}) {
            ToldCapture all({.lanes = GetParam(),
                             .points = everywhere,
                             .protocol = ETH_P_IP,
                             .device = device});
            const Fd owner = udp_at("10.66.0.1", port);
            in(to_here.packet(marked("xt-one")));
            const auto records = take(all, "xt-one", 3);
            EXPECT_EQ(records.size(), 3U);
            for (const auto& record : records)
                EXPECT_EQ(record.point->packet == 0, record.point->point == XINET_POINT_TAP);
        }
    });
}

TEST_P(Point, cooked_socket_gets_the_packet_from_its_network_header_on) {
    here_.run([this] {
        ToldCapture all({.lanes = GetParam(), .cooked = true, .points = of_netfilter});
        const Fd owner = udp_at("10.66.0.1", port);
        const Bytes packet = to_here.packet(marked("xt-cooked"));
        in(packet);
        const auto received = take(all, "xt-cooked", 2);
        EXPECT_EQ(received.size(), 2U);
        for (const auto& record : received)
            EXPECT_EQ(record.data, packet);
        send_to(owner.get(), repeated("xt-cooked", 64), ipv4_address("10.66.0.2", port));
        const auto sent = take(all, "xt-cooked", 2);
        ASSERT_EQ(sent.size(), 2U);
        EXPECT_EQ(sent[0].data.at(0), 0x45);
        EXPECT_EQ(sent[0].data, sent[1].data);
    });
}

TEST_P(Point, packet_of_a_device_without_link_header_is_bare) {
    here_.run([] {
        ip("link add xttun type ipip remote 10.66.0.2 local 10.66.0.1",
           "addr add 10.55.0.1/24 dev xttun", "link set xttun up");
        ToldCapture all({.lanes = GetParam(), .points = of_netfilter, .device = "xttun"});
        const Fd sender = udp_at("10.55.0.1", port);
        send_to(sender.get(), repeated("xt-bare", 64), ipv4_address("10.55.0.2", port));
        const auto records = take(all, "xt-bare", 2);
        ASSERT_EQ(way_of(records), (Way{XINET_POINT_LOCAL_OUT, XINET_POINT_POST_ROUTING}));
        for (const auto& record : records) {
            EXPECT_EQ(record.data.at(0), 0x45);
            EXPECT_EQ(record.point->flags, 0U);
        }
    });
}

TEST_P(Point, ipv6_is_seen_as_well) {
    here_.run([this] {
        ip("addr add fd66::1/64 dev xtin nodad");
        ToldCapture all = capture(everywhere);
        const Ipv6 header{.from = "fd66::2", .to = "fd66::1"};
        in(header.packet(udp6(header, 9, port, repeated("xt-six", 64))), ETH_P_IPV6);
        const auto records = take(all, "xt-six", 3);
        ASSERT_GE(records.size(), 3U); // and the error that quotes it
        const std::vector<ToldPacket> first(records.begin(), records.begin() + 3);
        ASSERT_EQ(way_of(first),
                  (Way{XINET_POINT_TAP, XINET_POINT_PRE_ROUTING, XINET_POINT_LOCAL_IN}));
        expect_one_number(first);
    });
}

TEST_P(Point, other_namespaces_are_not_seen) {
    ToldCapture outside = capture(everywhere);
    here_.run([this] {
        ToldCapture all = capture(everywhere);
        const Fd owner = udp_at("10.66.0.1", port);
        in(to_here.packet(marked("xt-apart")));
        EXPECT_EQ(take(all, "xt-apart", 3).size(), 3U);
    });
    for (const auto& record : outside.take())
        EXPECT_FALSE(contains(record.data, "xt-apart"));
}

class PointTime : public OnWire {};

// Its own time is that when it may leave, of another clock. Only lanes say what a time is of.
TEST_F(PointTime, packet_that_is_to_be_sent_later_has_the_time_of_the_point) {
    if (lanes_are_refused || drops_are_refused())
        GTEST_SKIP() << "there are no lanes, or no drops";
    here_.run([] {
        const Firewall firewall("type filter hook postrouting priority 0", {"udp dport 4483 drop"});
        if (!firewall.installed())
            GTEST_SKIP() << "this kernel has no nftables";
        ToldCapture all({.drops = XINET_DROPS_BESIDE,
                         .lanes = true,
                         .points = XINET_POINT_LOCAL_OUT | XINET_POINT_POST_ROUTING});
        const Fd sender = udp_at("10.66.0.1", port);
        ask_for_txtime(sender, CLOCK_MONOTONIC);
        const auto nanoseconds = [](clockid_t clock) {
            timespec now{};
            checked(::clock_gettime(clock, &now), "clock_gettime");
            return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
        };
        const uint64_t before = nanoseconds(CLOCK_REALTIME);
        for (const uint16_t to : {port, uint16_t(port + 1)})
            send_with_control(sender.get(), ipv4_address("10.66.0.2", to), SOL_SOCKET, SCM_TXTIME,
                              nanoseconds(CLOCK_MONOTONIC));
        auto records = all.take_marked("payload", 4);
        // the other end of the wire, too, may drop what is not for it
        std::erase_if(records, [](const auto& record) {
            return record.dropped && record.reason() != "NETFILTER_DROP";
        });
        const uint64_t after = nanoseconds(CLOCK_REALTIME);
        ASSERT_EQ(way_of(records),
                  (Way{XINET_POINT_LOCAL_OUT, XINET_POINT_POST_ROUTING, XINET_POINT_LOCAL_OUT, 0}));
        for (const auto& record : records) {
            EXPECT_TRUE(record.status & TP_STATUS_TS_SOFTWARE) << record.reason();
            EXPECT_GE(record.time, before) << record.reason();
            EXPECT_LE(record.time, after) << record.reason();
        }
    });
}

INSTANTIATE_TEST_SUITE_P(Receivers, Point, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
