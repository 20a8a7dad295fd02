// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_POINT of a socket of all network namespaces.
#include <gtest/gtest.h>
#include <linux/xinet.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "support/cpus.h"
#include "support/diag.h"
#include "support/inet.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/points.h"
#include "support/told.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr uint16_t port = point_port;

class PointNetns : public PointTest {
protected:
    static ToldCapture::Options of_all(int points) {
        return {.lanes = GetParam(), .all_netns = true, .points = points};
    }

    // A namespace in which everything is sent to itself.
    static NetNs made() {
        NetNs netns = NetNs::create();
        netns.run([] { ip("link set lo up"); });
        return netns;
    }

    static Fd send(const NetNs& from, const std::string& mark) {
        return from.run([&] {
            Fd socket = udp_at("127.0.0.1", port);
            send_to(socket.get(), repeated(mark, 64), ipv4_address("127.0.0.1", port));
            return socket;
        });
    }

    static void expect_is_of(const std::vector<ToldPacket>& records, const NetNs& netns) {
        for (const ToldPacket& record : records) {
            ASSERT_TRUE(record.netns);
            EXPECT_EQ(record.netns->cookie, netns.cookie());
            EXPECT_EQ(record.netns->netns, netns.inode());
        }
    }
};

constexpr int of_loopback = XINET_POINT_LOCAL_OUT | XINET_POINT_POST_ROUTING |
                            XINET_POINT_PRE_ROUTING | XINET_POINT_LOCAL_IN;

TEST_P(PointNetns, packet_of_each_namespace_comes_by_its_points) {
    const NetNs first = made();
    ToldCapture all(of_all(of_loopback));
    const NetNs later = made();
    for (const NetNs* netns : {&first, &later}) {
        const Fd sender = send(*netns, "xt-wide");
        const auto records = all.take_marked("xt-wide", 4);
        EXPECT_EQ(way_of(records), (Way{XINET_POINT_LOCAL_OUT, XINET_POINT_POST_ROUTING,
                                        XINET_POINT_PRE_ROUTING, XINET_POINT_LOCAL_IN}));
        expect_is_of(records, *netns);
        for (const ToldPacket& record : records)
            EXPECT_STREQ(record.netns->device, "lo");
    }
}

TEST_P(PointNetns, socket_of_one_namespace_sees_its_own_beside) {
    const NetNs other = made();
    ToldCapture all(of_all(of_loopback));
    std::optional<ToldCapture> near;
    here_.run([&] {
        ip("link set lo up");
        near.emplace(capture(of_loopback));
    });
    const Fd one = send(here_, "xt-here");
    const Fd two = send(other, "xt-there");
    EXPECT_EQ(near->take_marked("xt-here", 4).size(), 4U);
    EXPECT_EQ(near->take_marked("xt-there", 0).size(), 0U);
    EXPECT_EQ(all.take_marked("xt-here", 4).size(), 4U);
}

TEST_P(PointNetns, sent_packet_is_seen_at_queue_and_driver_of_its_namespace) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    ToldCapture all(of_all(XINET_POINT_QDISC | XINET_POINT_START_XMIT));
    const Fd sender = here_.run([] {
        Fd socket = udp_at("10.66.0.1", port);
        send_to(socket.get(), repeated("xt-sent", 64), ipv4_address("10.66.0.2", port));
        return socket;
    });
    const auto records = all.take_marked("xt-sent", 2);
    EXPECT_EQ(way_of(records), (Way{XINET_POINT_QDISC, XINET_POINT_START_XMIT}));
    expect_one_number(records);
    expect_is_of(records, here_);
}

TEST_P(PointNetns, segments_are_seen_when_they_are_read_in_their_namespace) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    const NetNs netns = made();
    auto options = of_all(XINET_POINT_LOCAL_IN | XINET_POINT_DELIVERED);
    options.owner = true;
    ToldCapture all(options);
    const Connection streams =
        netns.run([] { return connect_streams(Side::sibling, Side::sibling); });
    const Bytes sent = repeated("xt-stream", 64);
    Bytes read(sent.size());
    ASSERT_EQ(::send(streams.client.get(), sent.data(), sent.size(), 0), ssize_t(sent.size()));
    // in the namespace of the test, which is another one
    ASSERT_EQ(::recv(streams.server.get(), read.data(), read.size(), MSG_WAITALL),
              ssize_t(read.size()));
    const auto records = all.take_marked("xt-stream", 2);
    ASSERT_EQ(way_of(records), (Way{XINET_POINT_LOCAL_IN, XINET_POINT_DELIVERED}));
    expect_one_number(records);
    expect_is_of(records, netns);
    for (const ToldPacket& record : records) {
        ASSERT_TRUE(record.owner);
        EXPECT_EQ(record.owner->cookie, cookie_of(streams.server));
    }
}

TEST_P(PointNetns, drops_of_each_namespace_have_the_numbers_of_their_packets) {
    if (drops_are_refused())
        GTEST_SKIP() << "this kernel cannot copy what it drops";
    auto options = of_all(of_loopback);
    options.drops = XINET_DROPS_BESIDE | XINET_DROPS_HOST;
    ToldCapture all(options);
    const NetNs netns = made();
    netns.run([] {
        const Fd socket = udp_at("127.0.0.1", port);
        send_to(socket.get(), repeated("xt-dropped", 64), ipv4_address("127.0.0.1", port + 1));
    });
    auto records = all.take_marked("xt-dropped", 5);
    // the error of ICMP quotes it
    std::erase_if(records, [](const ToldPacket& record) { return record.data.size() > 110; });
    ASSERT_EQ(way_of(records), (Way{XINET_POINT_LOCAL_OUT, XINET_POINT_POST_ROUTING,
                                    XINET_POINT_PRE_ROUTING, XINET_POINT_LOCAL_IN, 0}));
    EXPECT_EQ(records[4].point->packet, records[3].point->packet);
    EXPECT_NE(records[4].point->packet, 0U);
}

// The kernel puts a device of its own, which is in another namespace, in the route's place.
TEST_P(PointNetns, packet_whose_device_has_gone_is_told_with_its_namespace) {
    ToldCapture all(of_all(XINET_POINT_LOCAL_OUT | XINET_POINT_POST_ROUTING));
    here_.run([] {
        ip("link add xtgone type dummy", "addr add 10.9.0.1/24 dev xtgone", "link set xtgone up");
        const Fd socket = udp_at("10.9.0.1", port);
        send_to(socket.get(), repeated("xt-gone", 64), ipv4_address("10.9.0.2", port), MSG_MORE);
        ip("link del xtgone");
        await_deliveries();
        send_to(socket.get(), repeated("xt-gone", 64), ipv4_address("10.9.0.2", port));
    });
    expect_is_of(all.take_marked("xt-gone", 1), here_);
}

// Namespaces get hooks while somebody watches all of them; the others are made up for.
TEST_P(PointNetns, namespace_of_any_time_is_seen) {
    { const ToldCapture before(of_all(of_loopback)); }
    const NetNs between = made();
    ToldCapture all(of_all(of_loopback));
    { const ToldCapture beside(of_all(of_loopback)); }
    const NetNs later = made();
    for (const NetNs* netns : {&between, &later}) {
        const Fd sender = send(*netns, "xt-always");
        EXPECT_EQ(all.take_marked("xt-always", 4).size(), 4U);
    }
}

TEST_P(PointNetns, namespaces_come_and_go) {
    constexpr unsigned rounds = 30;
    ToldCapture all(of_all(of_loopback));
    for (unsigned i = 0; i < rounds; i++)
        send(made(), "xt-fleeting");
    auto records = all.take_marked("xt-fleeting", size_t{4} * rounds);
    // the errors of ICMP quote it, if the socket was closed before
    std::erase_if(records, [](const ToldPacket& record) { return record.data.size() > 110; });
    EXPECT_EQ(records.size(), size_t{4} * rounds);
}

INSTANTIATE_TEST_SUITE_P(Receivers, PointNetns, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
