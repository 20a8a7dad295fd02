// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/packet_ways.h"

#include "program/way_report.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using xinet::CapturedPacket;
using xinet::PacketWay;
using xinet::PacketWays;
using xinet::WayEnd;

constexpr std::chrono::milliseconds patience(1000);

/// What was handed over, and records that are made up.
class Ways {
public:
    explicit Ways(std::size_t most = 1000)
        : ways_([this](const PacketWay& way) { over.push_back(way); }, patience, most) {}

    void see(std::uint64_t number, std::uint32_t point, std::chrono::nanoseconds time,
             bool outgoing = false, const xinet_owner* owner = nullptr, bool matches = true) {
        const xinet_point at{.packet = number, .point = point, .flags = 0, .in = 0, .out = 0};
        add({.timestamp = xinet::Timestamp(time),
             .interface_index = outgoing ? 3U : 2U,
             .packet_type = std::uint8_t(outgoing ? PACKET_OUTGOING : PACKET_HOST),
             .owner = owner,
             .point = &at},
            matches);
    }

    void drop(std::uint64_t number, std::chrono::nanoseconds time) {
        xinet_dropped dropped{};
        std::ranges::copy(std::string("NO_SOCKET"), dropped.name);
        std::ranges::copy(std::string("udp_rcv+0x1/0x2"), dropped.place);
        const xinet_point at{.packet = number, .point = 0, .flags = 0, .in = 0, .out = 0};
        add({.timestamp = xinet::Timestamp(time),
             .interface_index = 5,
             .dropped = &dropped,
             .point = &at},
            true);
    }

    void pass(std::chrono::nanoseconds time) {
        now_ += std::chrono::duration_cast<PacketWays::Clock::duration>(time);
        ways_.settle(now_);
    }

    void finish() { ways_.finish(); }
    std::uint64_t cut_short() const { return ways_.cut_short(); }

    std::vector<PacketWay> over;

private:
    void add(const CapturedPacket& packet, bool matches) {
        ways_.add(
            packet, matches, [this] { return "head " + std::to_string(++heads_); }, now_);
    }

    PacketWays ways_;
    PacketWays::Clock::time_point now_{};
    int heads_ = 0;
};

std::vector<std::uint32_t> points_of(const PacketWay& way) {
    std::vector<std::uint32_t> points;
    std::ranges::transform(way.steps, std::back_inserter(points), &xinet::Step::point);
    return points;
}

xinet_owner owner_with_cookie(std::uint64_t cookie) {
    xinet_owner owner{};
    owner.flags = XINET_OWNER_SOCKET;
    owner.cookie = cookie;
    return owner;
}

TEST(PacketWays, records_of_one_number_are_one_way_in_the_order_of_time) {
    Ways ways;
    ways.see(7, XINET_POINT_FORWARD, 30ns);
    ways.see(8, XINET_POINT_TAP, 1ns);
    ways.see(7, XINET_POINT_TAP, 10ns);
    ways.see(7, XINET_POINT_PRE_ROUTING, 20ns);
    ways.pass(patience / 2);
    EXPECT_TRUE(ways.over.empty());
    ways.pass(patience);
    ASSERT_EQ(ways.over.size(), 2U);
    EXPECT_EQ(ways.over[0].number, 8U);
    EXPECT_EQ(points_of(ways.over[1]),
              (std::vector<std::uint32_t>{XINET_POINT_TAP, XINET_POINT_PRE_ROUTING,
                                          XINET_POINT_FORWARD}));
    EXPECT_EQ(ways.over[1].head, "head 3");
}

TEST(PacketWays, way_that_has_its_end_is_over_soon) {
    Ways ways;
    ways.see(1, XINET_POINT_LOCAL_IN, 1ns);
    ways.see(2, XINET_POINT_LOCAL_IN, 1ns);
    ways.see(2, XINET_POINT_DELIVERED, 2ns);
    ways.see(3, XINET_POINT_QDISC, 3ns, true);
    ways.see(3, XINET_POINT_START_XMIT, 4ns, true);
    ways.drop(4, 5ns);
    ways.see(4, XINET_POINT_TAP, 4ns); // of another CPU
    ways.pass(patience / 4);
    ASSERT_EQ(ways.over.size(), 3U);
    EXPECT_EQ(xinet::end_of(ways.over[0]), WayEnd::delivered);
    EXPECT_EQ(xinet::end_of(ways.over[1]), WayEnd::sent);
    EXPECT_EQ(xinet::end_of(ways.over[2]), WayEnd::dropped);
    EXPECT_EQ(ways.over[2].steps.size(), 1U);
    ways.finish();
    ASSERT_EQ(ways.over.size(), 4U);
    EXPECT_EQ(xinet::end_of(ways.over[3]), WayEnd::reached);
}

TEST(PacketWays, end_is_what_was_seen_last) {
    Ways ways;
    ways.see(1, XINET_POINT_FORWARD, 1ns);
    ways.see(2, XINET_POINT_TAP, 1ns);
    ways.see(3, XINET_POINT_POST_ROUTING, 1ns, true);
    ways.see(3, XINET_POINT_TAP, 2ns, true);
    ways.finish();
    EXPECT_EQ(xinet::end_of(ways.over[0]), WayEnd::unseen);
    EXPECT_EQ(xinet::end_of(ways.over[1]), WayEnd::unseen);
    EXPECT_EQ(xinet::end_of(ways.over[2]), WayEnd::sent);
}

TEST(PacketWays, packet_without_a_number_has_no_way_but_its_end) {
    Ways ways;
    ways.see(0, XINET_POINT_TAP, 1ns);
    ways.drop(0, 1ns);
    ways.drop(0, 2ns);
    ways.finish();
    ASSERT_EQ(ways.over.size(), 2U);
    EXPECT_TRUE(ways.over[0].steps.empty());
    EXPECT_EQ(ways.over[1].dropped_at, xinet::Timestamp(2ns));
}

TEST(PacketWays, one_record_that_matches_is_enough) {
    Ways ways;
    ways.see(1, XINET_POINT_TAP, 1ns, false, nullptr, false);
    ways.see(2, XINET_POINT_TAP, 1ns, false, nullptr, false);
    ways.see(2, XINET_POINT_PRE_ROUTING, 2ns, false, nullptr, true);
    ways.finish();
    EXPECT_EQ(ways.over[0].head, "");
    EXPECT_EQ(ways.over[1].head, "head 1");
}

TEST(PacketWays, head_is_that_of_the_first_record_in_time) {
    Ways ways;
    ways.see(1, XINET_POINT_FORWARD, 3ns);
    ways.see(1, XINET_POINT_TAP, 1ns);
    ways.see(1, XINET_POINT_PRE_ROUTING, 2ns);
    ways.finish();
    EXPECT_EQ(ways.over[0].head, "head 2");
}

TEST(PacketWays, interfaces_are_those_of_all_records) {
    Ways ways;
    ways.see(1, XINET_POINT_TAP, 1ns);
    ways.see(1, XINET_POINT_TAP, 2ns, true);
    ways.drop(2, 3ns);
    ways.finish();
    ASSERT_EQ(ways.over.size(), 2U);
    EXPECT_TRUE(ways.over[0].comes_by(5));
    EXPECT_FALSE(ways.over[0].comes_by(2));
    EXPECT_TRUE(ways.over[1].comes_by(2));
    EXPECT_TRUE(ways.over[1].comes_by(3));
    EXPECT_FALSE(ways.over[1].comes_by(4));
}

TEST(PacketWays, oldest_is_over_when_there_are_too_many) {
    Ways ways(2);
    ways.see(1, XINET_POINT_TAP, 1ns);
    ways.see(2, XINET_POINT_TAP, 1ns);
    ways.see(1, XINET_POINT_PRE_ROUTING, 2ns);
    ways.see(3, XINET_POINT_TAP, 1ns);
    ASSERT_EQ(ways.over.size(), 1U);
    EXPECT_EQ(ways.over[0].number, 2U);
    EXPECT_EQ(ways.cut_short(), 1U);
    ways.see(3, XINET_POINT_DELIVERED, 1ns);
    ways.see(2, XINET_POINT_LOCAL_IN, 1ns); // begins anew, in the place of one that has its end
    ASSERT_EQ(ways.over.size(), 2U);
    EXPECT_EQ(ways.over[1].number, 3U);
    EXPECT_EQ(ways.cut_short(), 1U);
    ways.finish();
    EXPECT_EQ(ways.over.size(), 4U);
}

TEST(PacketWays, sender_and_receiver_are_kept_apart) {
    const xinet_owner receiver = owner_with_cookie(5);
    xinet_owner process = owner_with_cookie(6);
    process.flags |= XINET_OWNER_PROCESS;
    process.pid = 7;
    const xinet_owner sender = owner_with_cookie(6);
    Ways ways;
    ways.see(1, XINET_POINT_LOCAL_OUT, 1ns, true, &process);
    ways.see(1, XINET_POINT_START_XMIT, 2ns, true, &sender);
    ways.see(2, XINET_POINT_DELIVERED, 2ns, false, &receiver);
    ways.see(2, XINET_POINT_LOCAL_IN, 1ns, false, &sender); // came later, from another CPU
    ways.finish();
    ASSERT_TRUE(ways.over[0].sender);
    EXPECT_EQ(ways.over[0].sender->pid, 7U);
    EXPECT_FALSE(ways.over[0].receiver);
    ASSERT_TRUE(ways.over[1].receiver);
    EXPECT_EQ(ways.over[1].receiver->cookie, 5U);
}

class WayReport : public testing::Test {
protected:
    static std::string name(unsigned index) { return "eth" + std::to_string(index); }

    PacketWay way(const std::function<void(Ways&)>& happens) {
        Ways ways;
        happens(ways);
        ways.finish();
        report_.add(ways.over.at(0));
        return ways.over.at(0);
    }

    xinet::OwnerLookup owners_{
        xinet::SocketProcesses(1, [](std::uint32_t) { return xinet::ProcessesByCookie{}; }),
        xinet::CgroupNames("")};
    xinet::WayReport report_{name, owners_};
};

TEST_F(WayReport, way_is_told_with_its_times_and_its_end) {
    const PacketWay forwarded = way([](Ways& ways) {
        ways.see(1, XINET_POINT_TAP, 0ns);
        ways.see(1, XINET_POINT_PRE_ROUTING, 1500ns);
        ways.see(1, XINET_POINT_TAP, 2001500ns, true);
    });
    EXPECT_EQ(report_.text(forwarded), "head 1\n  tap in eth2, +1.50 us pre-routing, "
                                       "+2.00 ms tap out eth3: sent by eth3\n");
    const PacketWay dropped = way([](Ways& ways) {
        ways.see(1, XINET_POINT_TAP, 0ns);
        ways.drop(1, 999ns);
    });
    EXPECT_EQ(report_.text(dropped),
              "head 1\n  tap in eth2, +999 ns dropped: NO_SOCKET at udp_rcv+0x1/0x2\n");
    const xinet_owner owner = owner_with_cookie(0x1f);
    const PacketWay read =
        way([&owner](Ways& ways) { ways.see(1, XINET_POINT_DELIVERED, 0ns, false, &owner); });
    EXPECT_EQ(report_.text(read), "head 1\n  delivered eth2: delivered [sk:1f netns:0]\n");
    EXPECT_EQ(report_.summary_text(),
              "from - to                           packets        p50        p99\n"
              "pre-routing - tap out                     1    2.03 ms    2.03 ms\n"
              "tap in - dropped                          1    1.02 us    1.02 us\n"
              "tap in - pre-routing                      1    1.53 us    1.53 us\n"
              "\n"
              "end                                 packets\n"
              "delivered                                 1\n"
              "dropped: NO_SOCKET                        1\n"
              "sent by eth3                              1\n");
}

TEST_F(WayReport, way_is_an_object_for_programs) {
    PacketWay dropped = way([](Ways& ways) {
        ways.see(9, XINET_POINT_TAP, 5ns);
        ways.see(9, XINET_POINT_LOCAL_IN, 7ns);
        ways.drop(9, 8ns);
    });
    dropped.head = R"({"head":1})";
    const std::string begin =
        R"({"head":1,"packet":9,"steps":[)"
        R"({"point":"tap","direction":"in","interface":"eth2","nanoseconds":0},)"
        R"({"point":"local-in","direction":"in","interface":"eth2","nanoseconds":2}],)"
        R"("end":"dropped","drop":{"reason":"NO_SOCKET","number":0,)";
    EXPECT_TRUE(report_.json(dropped).starts_with(begin)) << report_.json(dropped);
    EXPECT_TRUE(report_.json(dropped).ends_with(",\"dropped_after\":3}\n"));
    EXPECT_NE(
        report_.summary_json().find(
            R"({"type":"stage","from":"tap in","to":"local-in","packets":1,"p50":2,"p99":2})"),
        std::string::npos);
    EXPECT_NE(report_.summary_json().find(
                  R"({"type":"end","end":"dropped","reason":"NO_SOCKET","packets":1})"),
              std::string::npos);
}

} // namespace
