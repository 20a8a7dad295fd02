// SPDX-License-Identifier: GPL-2.0-or-later
// bind() and connect() of raw sockets: what they accept, what they report, what they filter.
#include <gtest/gtest.h>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr int protocol = experimental_protocol;
constexpr const char* loopback = "127.0.0.1";

// A raw socket that keeps the kernel from answering "protocol unreachable", and sends to `here`.
Fd sender_at_peer() {
    return in_peer([] { return open_raw(Side::sibling, protocol); });
}

Row bind_row(const char* name, const char* address, uint16_t port = 0) {
    return {name, [=](int fd) {
                const auto to = ipv4_address(address, port);
                return sys::bind(fd, &to, sizeof(to));
            }};
}

Row connect_row(const char* name, const char* address, uint16_t port = 0) {
    return {name, [=](int fd) {
                const auto to = ipv4_address(address, port);
                return sys::connect(fd, &to, sizeof(to));
            }};
}

TEST(RawBind, each_address_is_accepted_or_refused_as_by_pf_inet) {
    expect_equal_outcomes(Kind::raw, protocol,
                          {bind_row("any", "0.0.0.0"), bind_row("local", here_address),
                           bind_row("local with a port", here_address, 4711),
                           bind_row("loopback", loopback), bind_row("not ours", peer_address),
                           bind_row("nowhere", "192.0.2.1"), bind_row("group", group_address),
                           bind_row("broadcast", "255.255.255.255"),
                           bind_row("broadcast of the wire", wire_broadcast)});
}

TEST(RawBind, each_peer_is_accepted_or_refused_as_by_pf_inet) {
    expect_equal_outcomes(
        Kind::raw, protocol,
        {connect_row("any", "0.0.0.0"), connect_row("local", here_address),
         connect_row("peer", peer_address), connect_row("peer with a port", peer_address, 4711),
         connect_row("no route", "192.0.2.1"), connect_row("group", group_address),
         connect_row("broadcast without leave", wire_broadcast)});
}

TEST(RawBind, second_bind_and_connect_are_as_in_pf_inet) {
    const std::vector<Row> rows{bind_row("bind to any", "0.0.0.0"),
                                bind_row("bind to loopback", loopback),
                                bind_row("bind to what is not ours", peer_address),
                                connect_row("connect to the peer", peer_address),
                                connect_row("connect to loopback", loopback)};
    expect_equal_outcomes(Kind::raw, protocol, rows,
                          [](const Fd& socket) { bind_to(socket, ipv4_address(here_address)); });
    expect_equal_outcomes(Kind::raw, protocol, rows, [](const Fd& socket) {
        const auto peer = ipv4_address(peer_address);
        checked(sys::connect(socket.get(), &peer, sizeof(peer)), "connect");
    });
}

TEST(RawBind, connect_to_unspec_disconnects_as_in_pf_inet) {
    const std::vector<Row> rows{{"AF_UNSPEC",
                                 [](int fd) {
                                     const sockaddr nothing{};
                                     return sys::connect(fd, &nothing, sizeof(nothing));
                                 }},
                                {"AF_UNSPEC, two bytes", [](int fd) {
                                     const sa_family_t nothing = AF_UNSPEC;
                                     return sys::connect(fd, &nothing, sizeof(nothing));
                                 }}};
    expect_equal_outcomes(Kind::raw, protocol, rows);
    expect_equal_outcomes(Kind::raw, protocol, rows, [](const Fd& socket) {
        const auto peer = ipv4_address(peer_address);
        checked(sys::connect(socket.get(), &peer, sizeof(peer)), "connect");
    });
}

TEST(RawBind, af_xinet_in_an_address_is_refused) {
    if (self_check())
        GTEST_SKIP() << "a difference needs two families";
    const Fd socket = open_raw(Side::xinet, protocol);
    auto address = ipv4_address(here_address);
    address.sin_family = sa_family_t(xinet_family());
    EXPECT_EQ(sys::bind(socket.get(), &address, sizeof(address)), -1);
    EXPECT_EQ(errno, EAFNOSUPPORT);
    sockaddr_in name{};
    socklen_t length = sizeof(name);
    ASSERT_EQ(sys::getsockname(socket.get(), &name, &length), 0);
    EXPECT_EQ(name.sin_addr.s_addr, INADDR_ANY);

    auto peer = ipv4_address(peer_address);
    peer.sin_family = sa_family_t(xinet_family());
    EXPECT_EQ(sys::connect(socket.get(), &peer, sizeof(peer)), -1);
    EXPECT_EQ(errno, EAFNOSUPPORT);
}

class RawBound : public OnEachSide {
protected:
    // The first message that a socket gets of three: to its neighbour address, then to it, fenced.
    Message first_of(const Fd& socket, const Bytes& unwanted, const Bytes& wanted) {
        const Injector wire = Injector::at_peer();
        wire.send(ethernet(here_mac(), 0x0800, unwanted));
        wire.send(ethernet(here_mac(), 0x0800, wanted));
        return receive(socket.get());
    }
    static Bytes packet(const char* from, const char* to, const char* text) {
        return Ipv4{.from = from, .to = to, .protocol = protocol}.packet(repeated(text, 64));
    }
};

TEST_P(RawBound, bound_socket_gets_only_what_is_for_its_address) {
    const Fd other = open_raw(Side::sibling, protocol); // no "protocol unreachable"
    const Fd socket = raw(protocol);
    bind_to(socket, ipv4_address(here_address));
    const auto first = first_of(socket, packet(peer_address, wire_broadcast, "unwanted"),
                                packet(peer_address, here_address, "wanted! "));
    EXPECT_TRUE(contains(first.data, "wanted! "));
    EXPECT_TRUE(contains(receive(other.get()).data, "unwanted"));
}

TEST_P(RawBound, connected_socket_gets_only_what_its_peer_sends) {
    const Fd other = open_raw(Side::sibling, protocol);
    const Fd socket = raw(protocol);
    const auto peer = ipv4_address(peer_address);
    ASSERT_EQ(sys::connect(socket.get(), &peer, sizeof(peer)), 0);
    const auto first = first_of(socket, packet("10.77.0.3", here_address, "unwanted"),
                                packet(peer_address, here_address, "wanted! "));
    EXPECT_TRUE(contains(first.data, "wanted! "));
    EXPECT_TRUE(contains(receive(other.get()).data, "unwanted"));
}

// A meant difference (Documentation/differences.md): PF_INET takes a socket that disconnects out
// of its table for good.
TEST(RawBind, disconnected_socket_goes_on_receiving_unlike_pf_inet_s) {
    if (self_check())
        GTEST_SKIP() << "a difference needs two families";
    const Fd monitor = open_raw(Side::sibling, protocol);
    const Fd sockets[] = {open_raw(Side::sibling, protocol), open_raw(Side::xinet, protocol)};
    for (const Fd& socket : sockets) {
        const auto peer = ipv4_address(peer_address);
        const sockaddr nothing{};
        ASSERT_EQ(sys::connect(socket.get(), &peer, sizeof(peer)), 0);
        ASSERT_EQ(sys::connect(socket.get(), &nothing, sizeof(nothing)), 0);
    }
    const Fd sender = sender_at_peer();
    for (const char* text : {"subject ", "the end "})
        send_to(sender.get(), repeated(text, 64), ipv4_address(here_address));
    receive_marked(monitor.get(), "the end ");
    EXPECT_FALSE(receive_now(sockets[0].get()));
    EXPECT_TRUE(contains(receive(sockets[1].get()).data, "subject "));
}

TEST_P(RawBound, socket_bound_to_a_device_gets_only_its_packets) {
    const Fd other = open_raw(Side::sibling, protocol);
    const Fd socket = raw(protocol);
    ASSERT_EQ(sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, here_device, 4), 0);
    const Fd local = open_raw(Side::sibling, protocol);
    ASSERT_GT(send_to(local.get(), repeated("unwanted", 64), ipv4_address(loopback)), 0);
    receive_marked(other.get(), "unwanted");
    Injector::at_peer().send(
        ethernet(here_mac(), 0x0800, packet(peer_address, here_address, "wanted! ")));
    EXPECT_TRUE(contains(receive(socket.get()).data, "wanted! "));
}

TEST_P(RawBound, socket_keeps_the_kernel_from_answering_protocol_unreachable) {
    const Fd icmp_at_peer = in_peer([] { return open_raw(Side::sibling, IPPROTO_ICMP); });
    const Fd socket = raw(protocol);
    const Injector wire = Injector::at_peer();
    wire.send(ethernet(here_mac(), 0x0800, packet(peer_address, here_address, "for raw ")));
    receive_marked(socket.get(), "for raw ");
    // The echo reply is the fence: it leaves after the error that must not be.
    const auto echo = icmp(8, 0, 7, 7, repeated("the echo", 32));
    wire.send(ethernet(here_mac(), 0x0800, Ipv4{.protocol = IPPROTO_ICMP}.packet(echo)));
    EXPECT_TRUE(contains(receive(icmp_at_peer.get()).data, "the echo"));
}

TEST_P(RawBound, sockets_of_one_protocol_each_get_the_packet) {
    std::vector<Fd> sockets;
    for (int i = 0; i < 5; i++)
        sockets.push_back(raw(protocol));
    const Fd sender = sender_at_peer();
    ASSERT_GT(send_to(sender.get(), repeated("for each", 64), ipv4_address(here_address)), 0);
    const auto first = receive(sockets[0].get());
    for (size_t i = 1; i < sockets.size(); i++)
        EXPECT_EQ(first, receive(sockets[i].get()));
}

INSTANTIATE_TEST_SUITE_P(Sides, RawBound, testing::ValuesIn(both_sides), parameter_name<Side>);

} // namespace
} // namespace xt
