// SPDX-License-Identifier: GPL-2.0-or-later
// Many messages by one call, what a full queue tells, and the rules of routing and firewall that a
// sender meets.
#include <gtest/gtest.h>
#include <netinet/ip.h>

#include <sstream>

#include "support/compare.h"
#include "support/netns.h"
#include "support/sys.h"
#include "support/traffic.h"
#include "support/wire.h"

namespace xt {
namespace {

class RawBatch : public OnEachSide {
protected:
    OnOneCpu one_cpu_;
};

TEST_P(RawBatch, many_messages_go_and_come_by_one_call) {
    constexpr unsigned count = 4;
    const Fd receiver = raw(experimental_protocol);
    const Fd sender = raw(experimental_protocol);
    auto to = ipv4_address("127.0.0.1");
    Bytes payloads[count];
    iovec parts[count];
    mmsghdr messages[count]{};
    for (unsigned i = 0; i < count; i++) {
        payloads[i] = repeated("batch " + std::to_string(10 + i), 64);
        parts[i] = {payloads[i].data(), payloads[i].size()};
        messages[i].msg_hdr.msg_name = &to;
        messages[i].msg_hdr.msg_namelen = sizeof(to);
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    ASSERT_EQ(::sendmmsg(sender.get(), messages, count, 0), int(count));
    for (const auto& message : messages)
        EXPECT_EQ(message.msg_len, 64U);

    Bytes rooms[count];
    mmsghdr received[count]{};
    for (unsigned i = 0; i < count; i++) {
        rooms[i].resize(256);
        parts[i] = {rooms[i].data(), rooms[i].size()};
        received[i].msg_hdr.msg_iov = &parts[i];
        received[i].msg_hdr.msg_iovlen = 1;
    }
    // waits for as many as there are rooms
    ASSERT_EQ(::recvmmsg(receiver.get(), received, count, 0, nullptr), int(count));
    for (unsigned i = 0; i < count; i++) {
        EXPECT_EQ(received[i].msg_len, sizeof(iphdr) + 64);
        EXPECT_TRUE(contains(rooms[i], "batch " + std::to_string(10 + i)));
    }
}

INSTANTIATE_TEST_SUITE_P(Sides, RawBatch, testing::ValuesIn(both_sides), parameter_name<Side>);

// What one socket of each side says of the same traffic, in a namespace of their own: loopback
// delivers within the sender's call.
TEST(RawQueue, drops_are_told_with_the_next_packet_as_in_pf_inet) {
    NetNs::create().run([] {
        const OnOneCpu one_cpu;
        link::set_up(link::index("lo"), true);
        const Fd fence = open_raw(Side::sibling, experimental_protocol + 1);
        const Fd sender = open_raw(Side::sibling, experimental_protocol);
        Fd sockets[] = {open_raw(Side::sibling, experimental_protocol),
                        open_raw(Side::xinet, experimental_protocol)};
        for (const Fd& socket : sockets) {
            set_option(socket, SOL_SOCKET, SO_RCVBUF, 8192);
            set_option(socket, SOL_SOCKET, SO_RXQ_OVFL, 1);
        }
        const auto send = [&](int packets) {
            for (int i = 0; i < packets; i++)
                checked(send_to(sender.get(), Bytes(500), ipv4_address("127.0.0.1")), "send");
        };
        std::vector<Message> received[2];
        for (int round = 0; round < 3; round++) {
            send(60); // more than fit
            // what was sent before has arrived when this has: packets pass one by one
            checked(send_to(fence.get(), repeated("xt-fence", 64), ipv4_address("127.0.0.1")),
                    "send");
            receive_marked(fence.get(), "xt-fence");
            for (int side = 0; side < 2; side++) {
                received[side].push_back(receive(sockets[side].get()));
                while (auto message = receive_now(sockets[side].get()))
                    received[side].push_back(std::move(*message));
            }
        }
        EXPECT_EQ(received[0].size(), received[1].size());
        ASSERT_FALSE(received[0].back().controls.empty()) << "nothing was dropped";
        EXPECT_EQ(received[0].back().controls, received[1].back().controls);
    });
}

TEST(RawRules, of_the_routing_refuse_a_sender_as_in_pf_inet) {
    NetNs::create().run([] {
        link::set_up(link::index("lo"), true);
        ip("addr add 10.77.0.1/24 dev lo");
        const auto story = [](Side side) {
            const Fd socket = open_raw(side, experimental_protocol);
            std::ostringstream out;
            for (const int mark : {0, 7}) {
                set_option(socket, SOL_SOCKET, SO_MARK, mark);
                const long result = send_to(socket.get(), Bytes(8), ipv4_address("192.0.2.1"));
                out << result << " " << (result < 0 ? strerrorname_np(errno) : "ok") << "\n";
            }
            return out.str();
        };
        std::string before = story(Side::sibling);
        for (const char* rule : {"prohibit", "unreachable", "blackhole"}) {
            ip(std::string("rule add pref 5 fwmark 7 ") + rule);
            const std::string theirs = story(Side::sibling);
            EXPECT_EQ(theirs, story(Side::xinet)) << rule;
            EXPECT_NE(theirs, before) << rule;
            before = theirs;
            ip("rule del pref 5");
        }
        ip("route add 192.0.2.0/24 dev lo");
        EXPECT_EQ(story(Side::sibling), "8 ok\n8 ok\n");
        EXPECT_EQ(story(Side::xinet), "8 ok\n8 ok\n");
    });
}

// The OUTPUT chain drops by protocol and rewrites by mark; what comes is what it has left.
TEST(RawRules, of_the_firewall_hold_for_what_is_sent) {
    NetNs::create().run([] {
        link::set_up(link::index("lo"), true);
        nft("table ip ours { chain out { type filter hook output priority 0;"
            " meta mark 7 drop; meta mark 8 ip dscp set cs1; }; }");
        const auto story = [](Side side) {
            const Fd receiver = open_raw(Side::sibling, experimental_protocol);
            std::ostringstream out;
            for (const bool own_header : {false, true})
                for (const int mark : {0, 7, 8}) {
                    const Fd socket = open_raw(side, experimental_protocol);
                    set_option(socket, SOL_IP, IP_HDRINCL, own_header);
                    set_option(socket, SOL_SOCKET, SO_MARK, mark);
                    const Bytes payload = repeated("a packet", 64);
                    const Bytes data =
                        own_header ? Ipv4{.from = "127.0.0.1", .to = "127.0.0.1"}.packet(payload)
                                   : payload;
                    const long result = send_to(socket.get(), data, ipv4_address("127.0.0.1"));
                    out << mark << ": " << result << " "
                        << (result < 0 ? strerrorname_np(errno) : "ok");
                    if (result >= 0)
                        out << ", came with TOS " << int(receive(receiver.get()).data.at(1));
                    out << "\n";
                }
            return out.str();
        };
        const std::string theirs = story(Side::sibling);
        EXPECT_EQ(theirs, story(Side::xinet));
        EXPECT_NE(theirs.find("7: -1 EPERM\n"), std::string::npos) << theirs;
        EXPECT_NE(theirs.find("ok, came with TOS 32\n"), std::string::npos) << theirs;
    });
}

} // namespace
} // namespace xt
