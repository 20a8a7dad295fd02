// SPDX-License-Identifier: GPL-2.0-or-later
// bind() of packet sockets: what it accepts, what it reports, what it selects.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/xinet.h>

#include <thread>

#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr int no_device = 9999;

Row bind_row(const char* name, uint16_t ethertype, int ifindex) {
    return {name, [=](int fd) {
                const auto to = link_address(ethertype, ifindex);
                return sys::bind(fd, &to, sizeof(to));
            }};
}

std::vector<Row> bind_rows() {
    const int here = link::index(here_device);
    return {bind_row("everything everywhere", ETH_P_ALL, 0),
            bind_row("everything of a device", ETH_P_ALL, here),
            bind_row("IP of a device", ETH_P_IP, here),
            bind_row("no protocol, a device", 0, here),
            bind_row("nothing at all", 0, 0),
            bind_row("no such device", ETH_P_ALL, no_device),
            bind_row("negative device", ETH_P_ALL, -1)};
}

class PacketBind : public OfEachKind {};

TEST_P(PacketBind, each_address_is_accepted_or_refused_as_by_pf_packet) {
    expect_equal_outcomes(kind(), 0, bind_rows());
    expect_equal_outcomes(kind(), ETH_P_ARP, bind_rows());
}

TEST_P(PacketBind, second_bind_is_as_in_pf_packet) {
    const int here = link::index(here_device);
    expect_equal_outcomes(kind(), 0, bind_rows(), [=](const Fd& socket) {
        bind_to(socket, link_address(experimental_ethertype, here));
    });
}

INSTANTIATE_TEST_SUITE_P(Kinds, PacketBind, testing::ValuesIn(packet_kinds), parameter_name<Kind>);

TEST(PacketBind, af_xinet_is_accepted_and_af_packet_comes_back) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    auto address = link_address(ETH_P_ALL, link::index(here_device));
    if (!self_check())
        address.sll_family = uint16_t(xinet_family());
    bind_to(socket, address);
    sockaddr_ll name{};
    socklen_t length = sizeof(name);
    ASSERT_EQ(sys::getsockname(socket.get(), &name, &length), 0);
    EXPECT_EQ(name.sll_family, AF_PACKET);
    EXPECT_EQ(name.sll_ifindex, address.sll_ifindex);
    EXPECT_EQ(name.sll_protocol, address.sll_protocol);
}

TEST(PacketBind, cooked_is_decided_before_bind) {
    if (self_check())
        GTEST_SKIP() << "PF_PACKET knows no such option";
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    const auto set = [&](int value, long length) {
        return outcome_of([&] {
            return sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_COOKED, &value, length);
        });
    };
    EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_COOKED), 0);
    EXPECT_EQ(get_option(socket, SOL_SOCKET, SO_TYPE), SOCK_RAW);
    EXPECT_EQ(set(2, sizeof(int)).error, EINVAL);
    EXPECT_EQ(set(-1, sizeof(int)).error, EINVAL);
    EXPECT_EQ(set(1, 3).error, EINVAL);
    EXPECT_EQ(set(1, 0).error, EINVAL);
    EXPECT_EQ(set(1, sizeof(int)).result, 0);
    EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_COOKED), 1);
    EXPECT_EQ(get_option(socket, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    EXPECT_EQ(set(0, sizeof(int)).result, 0);
    EXPECT_EQ(get_option(socket, SOL_SOCKET, SO_TYPE), SOCK_RAW);
    bind_to(socket, link_address(ETH_P_ALL, 0));
    EXPECT_EQ(set(1, sizeof(int)).error, EBUSY);
    EXPECT_EQ(get_option(socket, SOL_SOCKET, SO_TYPE), SOCK_RAW);
}

TEST(PacketBind, turned_socket_takes_no_frame_of_the_other_mode) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, experimental_ethertype);
    const Injector wire = Injector::at_peer();
    const Bytes frame = ethernet(here_mac(), experimental_ethertype, repeated("payload ", 64));
    const std::jthread sender([&](const std::stop_token& stop) {
        while (!stop.stop_requested())
            wire.send(frame);
    });
    for (int round = 0; round < 100; round++) {
        const bool cooked = round % 2 != 0;
        set_option(socket, SOL_XINET, XINET_PACKET_COOKED, cooked);
        for (int i = 0; i < 3; i++)
            ASSERT_EQ(receive(socket.get()).result, cooked ? 64 : 64 + ETH_HLEN) << round;
    }
}

TEST(PacketBind, cooked_is_unknown_to_raw_sockets) {
    const Fd socket = open_raw(Side::xinet, IPPROTO_ICMP);
    const int on = 1;
    EXPECT_EQ(sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_COOKED, &on, sizeof(on)), -1);
    EXPECT_EQ(errno, ENOPROTOOPT);
}

class PacketBound : public OnEachSide {};

TEST_P(PacketBound, ethertype_selects) {
    const Fd socket = packet(0);
    bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
    const Injector wire = Injector::at_peer();
    wire.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("unwanted", 64)));
    wire.send(ethernet(here_mac(), experimental_ethertype, repeated("wanted! ", 64)));
    EXPECT_TRUE(contains(receive(socket.get()).data, "wanted! "));
}

TEST_P(PacketBound, device_selects) {
    const Fd monitor = open_socket(Side::sibling, Kind::packet, experimental_ethertype);
    const Fd socket = packet(0);
    bind_to(socket, link_address(experimental_ethertype, link::index("lo")));
    Injector::at_peer().send(
        ethernet(here_mac(), experimental_ethertype, repeated("unwanted", 64)));
    receive_marked(monitor.get(), "unwanted");
    const Fd local = open_socket(Side::sibling, Kind::packet, 0);
    ASSERT_GT(send_to(local.get(),
                      ethernet(Mac{}, experimental_ethertype, repeated("wanted! ", 64)),
                      link_address(experimental_ethertype, link::index("lo"))),
              0);
    EXPECT_TRUE(contains(receive(socket.get()).data, "wanted! "));
}

TEST_P(PacketBound, socket_without_protocol_gets_nothing) {
    const Fd monitor = open_socket(Side::sibling, Kind::packet, experimental_ethertype);
    const Fd socket = packet(0);
    bind_to(socket, link_address(0, link::index(here_device)));
    const Injector wire = Injector::at_peer();
    for (const char* text : {"unwanted", "the end "})
        wire.send(ethernet(here_mac(), experimental_ethertype, repeated(text, 64)));
    receive_marked(monitor.get(), "the end ");
    EXPECT_FALSE(receive_now(socket.get()));
}

TEST_P(PacketBound, rebinding_selects_anew) {
    const int here = link::index(here_device);
    const Fd socket = packet(experimental_ethertype);
    const Injector wire = Injector::at_peer();
    for (int round = 0; round < 3; round++) {
        bind_to(socket, link_address(ETH_P_802_EX1 + 1, here));
        wire.send(ethernet(here_mac(), experimental_ethertype, repeated("unwanted", 64)));
        wire.send(ethernet(here_mac(), ETH_P_802_EX1 + 1, repeated("wanted! ", 64)));
        EXPECT_TRUE(contains(receive(socket.get()).data, "wanted! "));
        bind_to(socket, link_address(experimental_ethertype, round % 2 ? here : 0));
        wire.send(ethernet(here_mac(), experimental_ethertype, repeated("wanted! ", 64)));
        EXPECT_TRUE(contains(receive(socket.get()).data, "wanted! "));
    }
}

INSTANTIATE_TEST_SUITE_P(Sides, PacketBound, testing::ValuesIn(both_sides), parameter_name<Side>);

} // namespace
} // namespace xt
