// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_POINT: the ends of a way, where the kernel has tracepoints: the device, the program
// that reads, the drop; and the process that is told.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/bulk.h"
#include "support/compare.h"
#include "support/diag.h"
#include "support/firewall.h"
#include "support/inet.h"
#include "support/link.h"
#include "support/points.h"
#include "support/told.h"
#include "support/traffic.h"
#include "support/unprivileged.h"

namespace xt {
namespace {

constexpr uint16_t port = point_port;

class PointTracepoints : public PointTest {};

// Equal packets, each of which ends: its last record has its number.
TEST_P(PointTracepoints, dropped_packets_keep_their_numbers) {
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

TEST_P(PointTracepoints, sent_packet_is_seen_at_the_queue_and_at_the_driver) {
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

TEST_P(PointTracepoints, read_packet_is_seen_with_its_reader) {
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

// One socket has the datagram, the other a clone, which is another packet.
TEST_P(PointTracepoints, datagram_of_a_group_is_seen_when_its_socket_reads) {
    if (tracepoints_are_refused() || reading_of_datagrams_is_unseen())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([this] {
        const auto listen = [] {
            Fd socket(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
            set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
            const sockaddr_in name = ipv4_address("239.9.9.9", port);
            checked(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)),
                    "bind");
            ip_mreqn group{};
            group.imr_multiaddr = name.sin_addr;
            group.imr_ifindex = link::index("xtin");
            checked(
                ::setsockopt(socket.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)),
                "IP_ADD_MEMBERSHIP");
            return socket;
        };
        const Fd one = listen();
        const Fd other = listen();
        ToldCapture all({.lanes = GetParam(), .points = everywhere | of_tracepoints});
        // one of these orders has the clone in a queue when the datagram is read
        for (const auto& [first, second] : {std::pair(&one, &other), std::pair(&other, &one)}) {
            Ipv4 header = to_here;
            header.to = "239.9.9.9";
            in(header.packet(marked("xt-group")));
            const auto came = take(all, "xt-group", 3);
            ASSERT_EQ(came.size(), 3U);
            receive_marked(first->get(), "xt-group");
            receive_marked(second->get(), "xt-group");
            const auto read = take(all, "xt-group", 1);
            ASSERT_EQ(way_of(read), Way{XINET_POINT_DELIVERED});
            EXPECT_EQ(read[0].point->packet, came[0].point->packet);
        }
    });
}

TEST_P(PointTracepoints, stream_is_seen_when_it_is_read) {
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
TEST_P(PointTracepoints, captures_that_are_late_hide_no_reading) {
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

TEST_P(PointTracepoints, other_protocols_are_seen_at_the_device_without_a_number) {
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
TEST_P(PointTracepoints, process_is_not_told_where_packets_may_wait) {
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
TEST_P(PointTracepoints, process_that_hands_on_is_not_told) {
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

// Each segment is shown at every point before it goes on: with what is shown to be changed for
// that.
TEST_P(PointTracepoints, bulk_transfer_loses_nothing_under_a_capture_everywhere) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    const BulkBridge bridge;
    bridge.add_vlan("802.1q");
    std::optional<ToldCapture> capture;
    bridge.a().run([&] {
        capture.emplace(
            ToldCapture::Options{.lanes = GetParam(), .points = everywhere | of_tracepoints});
    });
    for (const char* to : {"10.67.0.2", "10.68.0.2"}) {
        const Connection connection = bridge.send_bulk(size_t{1} << 20, to);
        tcp_info info{};
        socklen_t length = sizeof(info);
        checked(::getsockopt(connection.client.get(), IPPROTO_TCP, TCP_INFO, &info, &length),
                "TCP_INFO");
        EXPECT_EQ(info.tcpi_total_retrans, 0U) << to;
    }
}

INSTANTIATE_TEST_SUITE_P(Receivers, PointTracepoints, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
