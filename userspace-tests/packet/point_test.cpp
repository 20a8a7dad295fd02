// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_POINT: where on its way through the host a packet is seen.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/compare.h"
#include "support/diag.h"
#include "support/fanout.h"
#include "support/firewall.h"
#include "support/inet.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/nfqueue.h"
#include "support/on_wire.h"
#include "support/program.h"
#include "support/sys.h"
#include "support/told.h"
#include "support/traffic.h"
#include "support/unprivileged.h"

namespace xt {
namespace {

constexpr uint16_t port = 4482;
constexpr int of_netfilter = XINET_POINT_PRE_ROUTING | XINET_POINT_LOCAL_IN | XINET_POINT_FORWARD |
                             XINET_POINT_LOCAL_OUT | XINET_POINT_POST_ROUTING;
constexpr int everywhere = XINET_POINT_TAP | of_netfilter;
constexpr int of_tracepoints = XINET_POINT_QDISC | XINET_POINT_START_XMIT | XINET_POINT_DELIVERED;

// With PREEMPT_RT before 7.2 a tracepoint may not take the locks that it takes to show a packet.
bool tracepoints_are_refused() {
    return drops_are_refused();
}

// From Linux 6.18 on, UDP leaves it to another CPU to give a datagram back.
bool reading_of_datagrams_is_unseen() {
    utsname name{};
    checked(::uname(&name), "uname");
    int major = 0;
    int minor = 0;
    std::sscanf(name.release, "%d.%d", &major, &minor);
    return std::pair(major, minor) >= std::pair(6, 18);
}

using Way = std::vector<uint32_t>;

Way way_of(const std::vector<ToldPacket>& records) {
    Way way;
    for (const auto& record : records)
        way.push_back(record.point ? record.point->point : 0);
    return way;
}

void expect_one_number(const std::vector<ToldPacket>& records) {
    for (const auto& record : records) {
        ASSERT_TRUE(record.point);
        EXPECT_NE(record.point->packet, 0U);
        EXPECT_EQ(record.point->packet, records.front().point->packet) << record.point->point;
    }
}

uint16_t to_port(const ToldPacket& record) {
    return uint16_t(record.data.at(ETH_HLEN + 22) << 8 | record.data.at(ETH_HLEN + 23));
}

class Point : public OnWire, public testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        if (GetParam() && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
        OnWire::SetUp();
    }

    static ToldCapture capture(int points) {
        return ToldCapture({.lanes = GetParam(), .points = points});
    }

    // Without what the other end of the wire sees, which is in the same namespace.
    static std::vector<ToldPacket> take(ToldCapture& capture, const std::string& mark,
                                        size_t count) {
        const int outside = link::index("xtout");
        std::vector<ToldPacket> found;
        std::vector<ToldPacket> more;
        do {
            more = capture.take_marked(mark);
            found.insert(found.end(), more.begin(), more.end());
            std::erase_if(found, [&](const auto& record) { return record.ifindex == outside; });
        } while (found.size() < count && !more.empty());
        return found;
    }

    static Bytes marked(const std::string& mark, uint16_t to = port) {
        return udp(9, to, repeated(mark, 64));
    }

    // What comes for 10.99.0.0/16 leaves by the device xtfar.
    static void route() {
        set_sysctl("ip_forward", "1");
        ip("link add xtfar type dummy", "link set xtfar up", "route add 10.99.0.0/16 dev xtfar");
    }
    void in_for(const char* to, const Bytes& payload) const {
        Ipv4 header = to_here;
        header.to = to;
        in(header.packet(payload));
    }
};

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

// Equal packets, each of which ends: its last record has its number.
TEST_P(Point, dropped_packets_keep_their_numbers) {
    if (drops_are_refused())
        GTEST_SKIP() << "this kernel cannot copy what it drops";
    here_.run([this] {
        ToldCapture all({.drops = XINET_DROPS_BESIDE, .lanes = GetParam(), .points = everywhere});
        constexpr size_t count = 50;
        for (size_t i = 0; i < count; i++)
            in(to_here.packet(marked("xt-end")));
        std::map<uint64_t, Way> packets;
        size_t drops = 0;
        for (auto records = take(all, "xt-end", 1); !records.empty() && drops < count;
             records = take(all, "xt-end", 1)) {
            for (const auto& record : records) {
                ASSERT_TRUE(record.point);
                // what is dropped is quoted to its sender
                if (record.data.at(ETH_HLEN + 9) != IPPROTO_UDP)
                    continue;
                packets[record.point->packet].push_back(record.point->point);
                EXPECT_EQ(record.reason(), record.point->point ? "(passed)" : "NO_SOCKET");
                drops += record.point->point ? 0 : 1;
            }
        }
        EXPECT_EQ(drops, count);
        EXPECT_EQ(packets.size(), count);
        for (const auto& [number, way] : packets) {
            EXPECT_NE(number, 0U);
            EXPECT_EQ(way,
                      (Way{XINET_POINT_TAP, XINET_POINT_PRE_ROUTING, XINET_POINT_LOCAL_IN, 0}));
        }
    });
}

TEST_P(Point, sent_packet_is_seen_at_the_queue_and_at_the_driver) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([this] {
        ToldCapture all(
            {.lanes = GetParam(), .owner = true, .points = everywhere | of_tracepoints});
        const Fd sender = udp_at("10.66.0.1", port);
        send_to(sender.get(), repeated("xt-drv", 64), ipv4_address("10.66.0.2", port));
        const auto records = take(all, "xt-drv", 5);
        ASSERT_EQ(way_of(records),
                  (Way{XINET_POINT_LOCAL_OUT, XINET_POINT_POST_ROUTING, XINET_POINT_QDISC,
                       XINET_POINT_TAP, XINET_POINT_START_XMIT}));
        expect_one_number(records);
        for (const auto& record : records) {
            EXPECT_EQ(record.pkttype, PACKET_OUTGOING);
            EXPECT_EQ(record.point->out, unsigned(link::index("xtin")));
            ASSERT_TRUE(record.owner);
            EXPECT_EQ(record.owner->cookie, cookie_of(sender));
            // further on, another process may be the one that hands it on
            const bool own =
                record.point->point & (XINET_POINT_LOCAL_OUT | XINET_POINT_POST_ROUTING);
            EXPECT_EQ(bool(record.owner->flags & XINET_OWNER_PROCESS), own) << record.point->point;
            EXPECT_EQ(record.owner->pid, own ? uint32_t(getpid()) : 0U) << record.point->point;
        }
        for (const size_t i : {2, 4}) {
            EXPECT_EQ(records[i].data, records[3].data);
            EXPECT_EQ(records[i].point->flags, 0U);
        }
    });
}

TEST_P(Point, read_packet_is_seen_with_its_reader) {
    if (tracepoints_are_refused() || reading_of_datagrams_is_unseen())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([this] {
        ToldCapture all(
            {.lanes = GetParam(), .owner = true, .points = everywhere | of_tracepoints});
        const Fd owner = udp_at("10.66.0.1", port);
        in(to_here.packet(marked("xt-read")));
        const auto came = take(all, "xt-read", 3);
        ASSERT_EQ(came.size(), 3U);
        EXPECT_EQ(receive_marked(owner.get(), "xt-read").data, repeated("xt-read", 64));
        const auto read = take(all, "xt-read", 1);
        ASSERT_EQ(way_of(read), Way{XINET_POINT_DELIVERED});
        EXPECT_EQ(read[0].point->packet, came[0].point->packet);
        EXPECT_NE(read[0].point->packet, 0U);
        EXPECT_EQ(read[0].point->in, unsigned(link::index("xtin")));
        EXPECT_EQ(read[0].data, came[0].data);
        ASSERT_TRUE(read[0].owner);
        EXPECT_EQ(read[0].owner->flags,
                  uint32_t{XINET_OWNER_PROCESS}); // the socket has left no trace
        EXPECT_EQ(read[0].owner->pid, uint32_t(getpid()));
    });
}

TEST_P(Point, stream_is_seen_when_it_is_read) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([this] {
        ip("link set lo up");
        // alone, too: where packets have been before is known
        ToldCapture read({.lanes = GetParam(), .owner = true, .points = XINET_POINT_DELIVERED});
        const auto [client, server] = connect_streams(Side::sibling, Side::sibling);
        for (int i = 0; i < 3; i++) {
            const Bytes data = repeated("xt-flow", 700);
            ASSERT_EQ(send(client.get(), data.data(), data.size(), 0), 700);
            Bytes got(700);
            ASSERT_EQ(recv(server.get(), got.data(), got.size(), MSG_WAITALL), 700);
        }
        const auto records = read.take_marked("xt-flow", 3);
        ASSERT_EQ(way_of(records),
                  (Way{XINET_POINT_DELIVERED, XINET_POINT_DELIVERED, XINET_POINT_DELIVERED}));
        std::set<uint64_t> numbers;
        for (const auto& record : records) {
            numbers.insert(record.point->packet);
            // the link-level header of the loopback device, headers, data
            EXPECT_EQ(record.data.size(), size_t(ETH_HLEN + 20 + 32 + 700));
            ASSERT_TRUE(record.owner);
            EXPECT_EQ(record.owner->cookie, cookie_of(server));
            EXPECT_EQ(record.owner->pid, uint32_t(getpid()));
        }
        EXPECT_EQ(numbers.size(), 3U);
    });
}

// What they have not read yet are clones of the very packet.
TEST_P(Point, captures_that_are_late_hide_no_reading) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([] {
        ip("link set lo up");
        ToldCapture first = capture(XINET_POINT_LOCAL_IN | XINET_POINT_DELIVERED);
        ToldCapture second = capture(XINET_POINT_LOCAL_IN | XINET_POINT_DELIVERED);
        const auto [client, server] = connect_streams(Side::sibling, Side::sibling);
        const Bytes data = repeated("xt-late", 700);
        ASSERT_EQ(send(client.get(), data.data(), data.size(), 0), 700);
        Bytes got(700);
        ASSERT_EQ(recv(server.get(), got.data(), got.size(), MSG_WAITALL), 700);
        for (ToldCapture* late : {&first, &second}) {
            const auto records = late->take_marked("xt-late", 2);
            ASSERT_EQ(way_of(records), (Way{XINET_POINT_LOCAL_IN, XINET_POINT_DELIVERED}));
            expect_one_number(records);
        }
    });
}

TEST_P(Point, other_protocols_are_seen_at_the_device_without_a_number) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([] {
        ToldCapture all = capture(of_tracepoints);
        const Fd sender = udp_at("10.66.0.1", port);
        send_to(sender.get(), repeated("xt-arp", 64), ipv4_address("10.66.0.77", port));
        std::vector<ToldPacket> records;
        for (int i = 0; i < 100 && records.size() < 2; i++) {
            for (auto& record : all.take()) {
                if (record.data.at(12) == 8 && record.data.at(13) == 6)
                    records.push_back(record);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        ASSERT_GE(records.size(), 2U);
        EXPECT_EQ(records[0].point->point, uint32_t{XINET_POINT_QDISC});
        EXPECT_EQ(records[1].point->point, uint32_t{XINET_POINT_START_XMIT});
        EXPECT_EQ(records[0].point->packet, 0U);
        EXPECT_EQ(records[0].data, records[1].data);
    });
}

// A program could give back what another one has sent.
TEST_P(Point, process_is_not_told_where_packets_may_wait) {
    here_.run([this] {
        const auto sent_with = [this](const std::string& mark) {
            ToldCapture out(
                {.lanes = GetParam(), .owner = true, .points = XINET_POINT_TAP | of_netfilter});
            const Fd sender = udp_at("10.66.0.1", port);
            send_to(sender.get(), repeated(mark, 64), ipv4_address("10.66.0.2", port));
            auto records = take(out, mark, 3);
            EXPECT_EQ(records.size(), 3U);
            std::erase_if(records, [](const auto& record) { return !record.owner; });
            EXPECT_EQ(records.size(), 3U);
            return records;
        };
        const auto expect_sender_at_netfilter = [](const std::vector<ToldPacket>& records) {
            for (const auto& record : records)
                EXPECT_EQ(record.owner->pid,
                          record.point->point == XINET_POINT_TAP ? 0U : uint32_t(getpid()));
        };
        expect_sender_at_netfilter(sent_with("xt-proc"));
        {
            const Firewall firewall("type filter hook output priority 0", {"udp dport 1 drop"});
            if (!firewall.installed())
                GTEST_SKIP() << "this kernel has no nftables";
            for (const auto& record : sent_with("xt-nobody")) {
                EXPECT_EQ(record.owner->pid, 0U);
                EXPECT_FALSE(record.owner->flags & XINET_OWNER_PROCESS);
            }
        }
        expect_sender_at_netfilter(sent_with("xt-again"));
    });
}

// A datagram that waited for a neighbour is sent on by who says where that is.
TEST_P(Point, process_that_hands_on_is_not_told) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([this] {
        ToldCapture all(
            {.lanes = GetParam(), .owner = true, .points = everywhere | of_tracepoints});
        const Fd sender = udp_at("10.66.0.1", port);
        const int status = as_nobody([&] {
            send_to(sender.get(), repeated("xt-neigh", 64), ipv4_address("10.66.0.77", port));
            return 0;
        });
        EXPECT_EQ(status, 0);
        EXPECT_EQ(take(all, "xt-neigh", 2).size(), 2U);
        ip("neigh replace 10.66.0.77 lladdr 02:00:00:00:00:77 dev xtin nud permanent");
        const auto records = take(all, "xt-neigh", 3);
        EXPECT_EQ(way_of(records),
                  (Way{XINET_POINT_QDISC, XINET_POINT_TAP, XINET_POINT_START_XMIT}));
        for (const auto& record : records) {
            ASSERT_TRUE(record.owner);
            EXPECT_EQ(record.owner->cookie, cookie_of(sender));
            EXPECT_EQ(record.owner->pid, 0U);
        }
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

INSTANTIATE_TEST_SUITE_P(Receivers, Point, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

class PointOptions : public OnWire {
protected:
    static int error_of(const Fd& socket, int points, socklen_t length = sizeof(int)) {
        return sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_POINT, &points, length) < 0
                   ? errno
                   : 0;
    }
    static Fd fresh() { return open_socket(Side::xinet, Kind::packet, 0); }
    static Bytes marked_for(uint16_t to) { return udp(9, to, repeated("xt-trace", 64)); }
};

TEST_F(PointOptions, values_and_states_are_checked) {
    here_.run([] {
        const Fd socket = fresh();
        EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_POINT), XINET_POINT_TAP);
        for (const int value : {0, 0x200, -1, everywhere | 0x200})
            EXPECT_EQ(error_of(socket, value), EINVAL) << value;
        EXPECT_EQ(error_of(socket, everywhere, 1), EINVAL);
        EXPECT_EQ(error_of(socket, XINET_POINT_TAP), 0);
        EXPECT_EQ(error_of(socket, everywhere), 0);
        EXPECT_EQ(error_of(socket, everywhere), 0);
        EXPECT_EQ(error_of(socket, of_netfilter), EBUSY);
        EXPECT_EQ(error_of(socket, XINET_POINT_TAP), EBUSY);
        EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_POINT), everywhere);
        const auto found = find_socket(socket);
        ASSERT_TRUE(found);
        EXPECT_TRUE(found->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO).flags &
                    XINET_DIAG_PACKET_POINT);
        const Fd bound = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
        EXPECT_EQ(error_of(bound, everywhere), EBUSY);
        EXPECT_EQ(error_of(open_raw(Side::xinet, IPPROTO_ICMP), everywhere), ENOPROTOOPT);
    });
}

TEST_F(PointOptions, what_cannot_be_told_together_is_refused) {
    const Fd socket = fresh();
    EXPECT_EQ(error_of(socket, of_netfilter), 0);
    const int on = 1;
    EXPECT_LT(sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_ALL_NETNS, &on, sizeof(on)), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
    const Fd wide = fresh();
    set_option(wide, SOL_XINET, XINET_PACKET_ALL_NETNS, 1);
    EXPECT_EQ(error_of(wide, of_netfilter), EOPNOTSUPP);
    bind_to(socket, link_address(ETH_P_ALL, 0));
    EXPECT_LT(join_fanout(socket.get(), 77, PACKET_FANOUT_HASH), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(PointOptions, right_is_that_of_the_namespace) {
    const Fd socket = fresh();
    EXPECT_EQ(as_nobody([&] { return error_of(socket, everywhere); }), EPERM);
    const int error = as_root_of_own_namespaces([&] { return error_of(socket, everywhere); });
    EXPECT_TRUE(error == EPERM || error == 254) << error; // 254: no user namespaces
    EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_POINT), XINET_POINT_TAP);
}

TEST_F(PointOptions, sockets_of_a_namespace_are_limited) {
    here_.run([] {
        std::vector<Fd> sockets;
        for (int i = 0; i < XINET_POINT_SOCKETS; i++) {
            sockets.push_back(fresh());
            ASSERT_EQ(error_of(sockets.back(), XINET_POINT_LOCAL_IN), 0) << i;
        }
        EXPECT_EQ(error_of(fresh(), XINET_POINT_LOCAL_IN), ENOSPC);
        sockets.pop_back();
        EXPECT_EQ(error_of(fresh(), XINET_POINT_LOCAL_IN), 0);
    });
}

TEST_F(PointOptions, capture_shows_the_points) {
    here_.run([this] {
        Program capture({in_tree("tools/build/xinet"), "capture", "--points",
                         "tap,pre-routing,local-in", "--json", "-i", "xtin", "-c", "3",
                         "udp dst port 4482"});
        EXPECT_NE(capture.error_line().find("listening on xtin"), std::string::npos);
        const Fd owner = udp_at("10.66.0.1", port);
        in(to_here.packet(udp(9, port, repeated("xt-json", 64))));
        const auto text = capture.output();
        EXPECT_EQ(capture.wait(), 0);
        for (const char* point : {"tap", "pre-routing", "local-in"})
            EXPECT_NE(text.find("\"point\":\"" + std::string(point) + "\",\"packet\":"),
                      std::string::npos)
                << text;
        // of another device than the capture is bound to, and as it goes out of the loopback one
        ip("link set lo up");
        Program local({in_tree("tools/build/xinet"), "capture", "--points", "local-out,local-in",
                       "-i", "lo", "-c", "2", "udp dst port 4482"});
        EXPECT_NE(local.error_line().find("LINUX_SLL2"), std::string::npos);
        send_to(owner.get(), repeated("xt-self", 64), ipv4_address("10.66.0.1", port));
        const auto lines = local.output();
        EXPECT_EQ(local.wait(), 0);
        EXPECT_NE(lines.find(" lo Out IP "), std::string::npos) << lines;
        EXPECT_NE(lines.find("(point: local-out, packet "), std::string::npos) << lines;
        EXPECT_NE(lines.find("(point: local-in, packet "), std::string::npos) << lines;
        Program alone({in_tree("tools/build/xinet"), "capture", "--points", "all", "--drops-only"});
        EXPECT_NE(alone.error_line().find("--drops-only"), std::string::npos);
        EXPECT_EQ(alone.wait(), 2);
        Program wrong({in_tree("tools/build/xinet"), "capture", "--points", "tap,nowhere"});
        EXPECT_NE(wrong.error_line().find("no such point: nowhere"), std::string::npos);
        EXPECT_EQ(wrong.wait(), 2);
        Program sibling({in_tree("tools/build/xinet"), "capture", "--points", "forward", "-i", "lo",
                         "--family", "packet"});
        EXPECT_NE(sibling.error_line().find("only PF_XINET"), std::string::npos);
        EXPECT_EQ(sibling.wait(), 2);
    });
}

// Of the interface where it came, also its points at the other one.
TEST_F(PointOptions, trace_of_an_interface_is_whole) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([this] {
        set_sysctl("ip_forward", "1");
        ip("link add xtfar type dummy", "link set xtfar up", "route add 10.99.0.0/16 dev xtfar");
        Program trace({in_tree("tools/build/xinet"), "trace", "-c", "1", "-i", "xtin", "udp"});
        EXPECT_NE(trace.error_line().find("tracing"), std::string::npos);
        Ipv4 header = to_here;
        header.to = "10.99.0.1";
        in(header.packet(marked_for(port)));
        const auto lines = trace.output();
        EXPECT_EQ(trace.wait(), 0);
        EXPECT_NE(lines.find("  tap in xtin, +"), std::string::npos) << lines;
        EXPECT_NE(lines.find(" start-xmit: sent by xtfar\n"), std::string::npos) << lines;
    });
}

TEST_F(PointOptions, trace_puts_the_ways_together) {
    here_.run([this] {
        const bool whole = !tracepoints_are_refused();
        const auto trace = [whole](std::vector<std::string> more) {
            // all that is traced has its end, if that is shown
            std::vector<std::string> words{in_tree("tools/build/xinet"), "trace", "-W",
                                           whole && !reading_of_datagrams_is_unseen() ? "20"
                                                                                      : "0.5"};
            words.insert(words.end(), more.begin(), more.end());
            return words;
        };
        const auto error_of_start = [whole](Program& program) {
            if (!whole) {
                EXPECT_NE(program.error_line().find("this kernel shows neither drops"),
                          std::string::npos);
            }
            return program.error_line();
        };
        const Fd owner = udp_at("10.66.0.1", port);
        const auto read_drop_and_send = [&] {
            in(to_here.packet(marked_for(port)));
            receive_marked(owner.get(), "xt-trace");
            in(to_here.packet(marked_for(4499)));
            send_to(owner.get(), repeated("xt-trace", 64), ipv4_address("10.66.0.2", port));
        };
        // one after the other: a drop is told as a packet's to one of them
        Program text(trace({"-c", "3", "-i", "xtin", "udp and (port 4482 or port 4499)"}));
        EXPECT_NE(error_of_start(text).find("tracing packets on xtin"), std::string::npos);
        read_drop_and_send();
        const auto lines = text.output();
        EXPECT_EQ(text.wait(), 0);
        const std::vector<std::string> wanted =
            whole ? std::vector<std::string>{reading_of_datagrams_is_unseen()
                                                 ? " local-in: reached this host [sk:"
                                                 : " delivered: delivered [pid:",
                                             "local-in, +",
                                             " dropped: NO_SOCKET at ",
                                             " local-out",
                                             " qdisc, +",
                                             " start-xmit: sent by xtin; from [sk:",
                                             "pid:" + std::to_string(getpid()) + " comm:",
                                             "tap in - pre-routing ",
                                             "local-in - dropped ",
                                             "\ndropped: NO_SOCKET  "}
                  : std::vector<std::string>{" local-in: reached this host [sk:", "sent by xtin"};
        for (const std::string& part : wanted)
            EXPECT_NE(lines.find(part), std::string::npos) << part << "\n" << lines;
        Program json(
            trace({"-c", "3", "-i", "xtin", "--json", "udp and (port 4482 or port 4499)"}));
        error_of_start(json);
        read_drop_and_send();
        const auto objects = json.output();
        EXPECT_EQ(json.wait(), 0);
        std::istringstream each(objects);
        for (std::string line; std::getline(each, line);) {
            EXPECT_TRUE(line.starts_with("{\"type\":\"") && line.ends_with("}")) << line;
            EXPECT_EQ(std::ranges::count(line, '{'), std::ranges::count(line, '}')) << line;
        }
        for (const std::string part : {"\"steps\":[{\"point\":\"tap\",\"direction\":\"in\"",
                                       "\"sender\":{\"cookie\":", "\"receiver\":{\"",
                                       "\"type\":\"stage\"", "\"type\":\"end\""})
            EXPECT_NE(objects.find(part), std::string::npos) << part << "\n" << objects;
    });
}

// Of a hook that is unregistered the kernel drops what waits in any queue.
TEST_F(PointOptions, packet_that_waits_for_a_program_stays) {
    if (!has_nfqueue())
        GTEST_SKIP() << "this kernel has no NFQUEUE";
    here_.run([this] {
        constexpr uint16_t number = 9;
        queue_input(0, number);
        Nfqueue queue(number);
        Ipv4 header = to_here;
        header.protocol = experimental_protocol;
        in(header.packet(repeated("xt-waits", 64)));
        const uint32_t packet = queue.await("xt-waits");
        { const ToldCapture goes({.points = everywhere}); }
        ToldCapture all({.points = everywhere});
        EXPECT_EQ(queue.accept(packet), 0);
        // behind it, the answer that quotes it
        const auto records = all.take_marked("xt-waits");
        ASSERT_FALSE(records.empty());
        EXPECT_EQ(records[0].point->point, uint32_t{XINET_POINT_LOCAL_IN});
    });
}

TEST_F(PointOptions, drops_alone_do_not_go_with_points) {
    if (drops_are_refused())
        GTEST_SKIP() << "this kernel cannot copy what it drops";
    const Fd points = fresh();
    EXPECT_EQ(error_of(points, everywhere), 0);
    const int only = XINET_DROPS_ONLY;
    EXPECT_LT(sys::setsockopt(points.get(), SOL_XINET, XINET_PACKET_DROPS, &only, sizeof(only)), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
    const Fd drops = fresh();
    set_option(drops, SOL_XINET, XINET_PACKET_DROPS, XINET_DROPS_ONLY);
    EXPECT_EQ(error_of(drops, everywhere), EOPNOTSUPP);
}

TEST_F(PointOptions, namespace_ends_while_packets_come) {
    here_.run([] {
        const std::jthread traffic([](const std::stop_token& stop) {
            const Fd sender = open_socket(Side::sibling, Transport::datagram);
            for (; !stop.stop_requested();
                 std::this_thread::sleep_for(std::chrono::microseconds(50)))
                send_to(sender.get(), repeated("xt-load", 64), ipv4_address("10.44.0.2", port));
        });
        for (int round = 0; round < 5; round++) {
            const NetNs gone = NetNs::create();
            const auto end = "xtend" + std::to_string(round);
            ip("link add " + end + " type veth peer name xtgone",
               "addr add 10.44.0.1/24 dev " + end, "link set " + end + " up");
            link::move(link::index("xtgone"), gone.get());
            gone.run([&] {
                ip("addr add 10.44.0.2/24 dev xtgone", "link set xtgone up");
                ToldCapture all({.owner = true, .points = everywhere});
                EXPECT_FALSE(all.take_marked("xt-load").empty());
            });
        }
    });
}

// Sockets come and go while packets pass.
TEST_F(PointOptions, nothing_is_left_when_sockets_go_meanwhile) {
    here_.run([this] {
        std::jthread traffic([this](const std::stop_token& stop) {
            const Bytes packet = to_here.packet(udp(9, port, repeated("xt-load", 64)));
            for (; !stop.stop_requested();
                 std::this_thread::sleep_for(std::chrono::microseconds(50)))
                in(packet);
        });
        for (int round = 0; round < 200; round++) {
            ToldCapture all({.drops = drops_are_refused() ? 0 : XINET_DROPS_BESIDE,
                             .lanes = !lanes_are_refused && round % 2 == 0,
                             .owner = true,
                             .points = round % 3 == 0 ? of_netfilter : everywhere});
            if (round % 10 == 0) {
                EXPECT_FALSE(all.take_marked("xt-load").empty());
            }
        }
    });
}

} // namespace
} // namespace xt
