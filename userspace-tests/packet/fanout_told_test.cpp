// SPDX-License-Identifier: GPL-2.0-or-later
// Fanout groups whose members are told owners, namespaces, or what was done to a frame: each packet
// goes to one member, with all of it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "support/diag.h"
#include "support/fanout.h"
#include "support/inet.h"
#include "support/on_wire.h"
#include "support/told.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr uint16_t group_id = 77;
constexpr unsigned count = 8;

// Read through the receive queue, and through lanes.
class FanoutTold : public OnWire, public testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        if (GetParam() && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
        OnWire::SetUp();
    }

    // Two members that take turns, in the namespace of the caller.
    static std::vector<ToldCapture> group(ToldCapture::Options options, uint16_t flags = 0) {
        options.lanes = GetParam();
        std::vector<ToldCapture> members;
        for (int i = 0; i < 2; i++) {
            members.emplace_back(options);
            checked(join_fanout(members.back().socket().get(), group_id,
                                uint16_t(PACKET_FANOUT_LB | flags)),
                    "PACKET_FANOUT");
        }
        return members;
    }

    // Those of all members that carry `mark`; each member has some.
    static std::vector<ToldPacket> take(std::vector<ToldCapture>& members,
                                        const std::string& mark) {
        std::vector<ToldPacket> all;
        for (ToldCapture& member : members) {
            const auto found = member.take_marked(mark);
            EXPECT_FALSE(found.empty());
            all.insert(all.end(), found.begin(), found.end());
        }
        return all;
    }

    static void expect_owner(const ToldPacket& packet, const Fd& socket) {
        ASSERT_TRUE(packet.owner);
        EXPECT_EQ(packet.owner->flags & XINET_OWNER_SOCKET, uint32_t{XINET_OWNER_SOCKET});
        EXPECT_EQ(packet.owner->cookie, cookie_of(socket));
    }
};

TEST_P(FanoutTold, received_datagrams_have_their_owner) {
    here_.run([this] {
        const Fd taker = udp_at("10.66.0.1", 4450);
        auto members = group({.owner = true, .device = "xtin"});
        for (unsigned i = 0; i < count; i++)
            in(to_here.packet(udp(9, 4450, repeated("xt-in", 64))));
        const auto all = take(members, "xt-in");
        EXPECT_EQ(all.size(), count);
        for (const ToldPacket& packet : all)
            expect_owner(packet, taker);
    });
}

TEST_P(FanoutTold, sent_datagrams_have_their_owner) {
    here_.run([] {
        auto members = group({.owner = true, .device = "xtin"});
        const Fd sender = udp_at("10.66.0.1", 4451);
        for (unsigned i = 0; i < count; i++)
            send_to(sender.get(), repeated("xt-out", 64), ipv4_address("10.66.0.2", 9));
        const auto all = take(members, "xt-out");
        EXPECT_EQ(all.size(), count);
        for (const ToldPacket& packet : all)
            expect_owner(packet, sender);
    });
}

TEST_P(FanoutTold, fragments_that_the_group_joins_have_their_owner) {
    here_.run([this] {
        const Fd taker = udp_at("10.66.0.1", 4452);
        auto members = group({.owner = true, .device = "xtin"}, PACKET_FANOUT_FLAG_DEFRAG);
        for (unsigned i = 0; i < count; i++) {
            Ipv4 header = to_here;
            header.id = uint16_t(100 + i);
            for (const Bytes& part : fragments(header, udp(9, 4452, repeated("xt-part", 640)), 200))
                in(part);
        }
        const auto all = take(members, "xt-part");
        EXPECT_EQ(all.size(), count);
        for (const ToldPacket& packet : all) {
            EXPECT_GT(packet.data.size(), 640U);
            expect_owner(packet, taker);
        }
    });
}

TEST_P(FanoutTold, frames_are_as_on_the_wire) {
    here_.run([] {
        auto members = group({.original = true, .device = "lo"});
        const Fd sender = udp_at("127.0.0.1", 4453);
        for (unsigned i = 0; i < count; i++)
            send_to(sender.get(), repeated("xt-whole", 64), ipv4_address("127.0.0.1", 4453));
        const auto all = take(members, "xt-whole");
        EXPECT_EQ(all.size(), 2 * count); // out, and in
        for (const ToldPacket& packet : all) {
            ASSERT_TRUE(packet.original);
            EXPECT_EQ(packet.original->segments, 1U);
            EXPECT_TRUE(packet.pkttype != PACKET_OUTGOING ||
                        packet.original->done & XINET_ORIGINAL_CHECKSUM);
        }
    });
}

TEST_P(FanoutTold, packets_of_all_namespaces_are_told_with_theirs) {
    auto members = group({.all_netns = true});
    const Fd taker = here_.run([] { return udp_at("10.66.0.1", 4454); }); // no ICMP errors
    here_.run([this] {
        for (unsigned i = 0; i < count; i++)
            in(to_here.packet(udp(9, 4454, repeated("xt-near", 64))));
    });
    const auto all = take(members, "xt-near");
    const auto nr = std::ranges::count_if(
        all, [](const ToldPacket& packet) { return packet.pkttype != PACKET_OUTGOING; });
    EXPECT_EQ(nr, count);
    for (const ToldPacket& packet : all) {
        ASSERT_TRUE(packet.netns);
        EXPECT_EQ(packet.netns->cookie, netns_cookie_of(taker));
    }
}

// Both put the fragments together in the namespace of the device, each for itself.
TEST_P(FanoutTold, groups_of_the_same_number_in_two_namespaces_get_whole_datagrams) {
    // without what the other end of the wire sends, which would be put together with it
    auto everywhere =
        group({.all_netns = true}, PACKET_FANOUT_FLAG_DEFRAG | fanout_flag_ignore_outgoing);
    here_.run([&] {
        const Fd taker = udp_at("10.66.0.1", 4455); // no ICMP errors
        auto near = group({.device = "xtin"}, PACKET_FANOUT_FLAG_DEFRAG);
        for (unsigned i = 0; i < count; i++) {
            Ipv4 header = to_here;
            header.id = uint16_t(200 + i);
            for (const Bytes& part : fragments(header, udp(9, 4455, repeated("xt-part", 640)), 200))
                in(part);
        }
        for (auto* members : {&near, &everywhere}) {
            const auto all = take(*members, "xt-part");
            EXPECT_EQ(all.size(), count);
            for (const ToldPacket& packet : all)
                EXPECT_GT(packet.data.size(), 640U);
        }
    });
}

// A frame as on the wire, or with its queue, is one that was not put together.
TEST_P(FanoutTold, what_is_told_of_single_frames_excludes_defragmentation) {
    here_.run([] {
        for (const ToldCapture::Options& options :
             {ToldCapture::Options{.lanes = GetParam(), .original = true, .device = "xtin"},
              ToldCapture::Options{.lanes = GetParam(), .queue = true, .device = "xtin"}}) {
            const ToldCapture capture(options);
            EXPECT_LT(join_fanout(capture.socket().get(), group_id,
                                  PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_DEFRAG),
                      0);
            EXPECT_EQ(errno, EINVAL);
        }
    });
}

TEST_P(FanoutTold, member_that_asks_is_told_the_queue) {
    here_.run([] {
        auto members = group({.queue = true, .device = "xtin"});
        members.emplace_back(ToldCapture::Options{.lanes = GetParam(), .device = "xtin"});
        checked(join_fanout(members.back().socket().get(), group_id, PACKET_FANOUT_LB),
                "PACKET_FANOUT");
        const Fd sender = udp_at("10.66.0.1", 4456);
        for (unsigned i = 0; i < count; i++)
            send_to(sender.get(), repeated("xt-queue", 64), ipv4_address("10.66.0.2", 9));
        for (ToldCapture& member : members) {
            const auto found = member.take_marked("xt-queue");
            EXPECT_FALSE(found.empty());
            for (const ToldPacket& packet : found)
                EXPECT_EQ(packet.queue.has_value(), &member != &members.back());
        }
    });
}

TEST_P(FanoutTold, members_ask_for_the_same) {
    here_.run([] {
        const std::vector<ToldCapture::Options> kinds{
            {.device = "xtin"},
            {.owner = true, .device = "xtin"},
            {.original = true, .device = "xtin"},
            {.all_netns = true},
        };
        for (size_t first = 0; first < kinds.size(); first++) {
            for (size_t second = 0; second < kinds.size(); second++) {
                const ToldCapture one(kinds[first]);
                const ToldCapture other(kinds[second]);
                ASSERT_EQ(join_fanout(one.socket().get(), group_id, PACKET_FANOUT_LB), 0);
                const long joined = join_fanout(other.socket().get(), group_id, PACKET_FANOUT_LB);
                EXPECT_EQ(joined < 0 ? errno : 0, first == second ? 0 : EINVAL)
                    << first << " and " << second;
            }
        }
    });
}

INSTANTIATE_TEST_SUITE_P(Receivers, FanoutTold, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
