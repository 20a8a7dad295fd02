// SPDX-License-Identifier: GPL-2.0-or-later
// Receiving on packet sockets: the promises of recvmsg(), each kept by both families.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "support/family.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

class PacketRecv : public OnEachSide {
protected:
    void SetUp() override {
        ifindex_ = link::index(here_device);
        frame_ = ethernet(here_mac(), experimental_ethertype, repeated("payload ", 64));
        subject_ = bound(Kind::packet);
    }
    [[nodiscard]] Fd bound(Kind kind) const {
        Fd socket = open_socket(side(), kind, 0);
        bind_to(socket, link_address(experimental_ethertype, ifindex_));
        return socket;
    }
    [[nodiscard]] int fd() const { return subject_.get(); }
    void send() const { wire_.send(frame_); }

    int ifindex_ = 0;
    Bytes frame_;
    OnOneCpu one_cpu_;
    Fd subject_;
    Injector wire_ = Injector::at_peer();
};

TEST_P(PacketRecv, frame_comes_with_its_header_and_its_source) {
    send();
    const auto message = receive(fd());
    EXPECT_EQ(message.data, frame_);
    EXPECT_EQ(message.result, long(frame_.size()));
    EXPECT_EQ(message.flags, 0);
    const auto from = message.from_as<sockaddr_ll>();
    EXPECT_EQ(message.from.size(), sizeof(from));
    EXPECT_EQ(from.sll_family, AF_PACKET);
    EXPECT_EQ(ntohs(from.sll_protocol), experimental_ethertype);
    EXPECT_EQ(from.sll_ifindex, ifindex_);
    EXPECT_EQ(from.sll_hatype, ARPHRD_ETHER);
    EXPECT_EQ(from.sll_pkttype, PACKET_HOST);
    EXPECT_EQ(from.sll_halen, crafted_mac.size());
    EXPECT_TRUE(std::equal(crafted_mac.begin(), crafted_mac.end(), from.sll_addr));
}

TEST_P(PacketRecv, cooked_frame_comes_without_its_header) {
    const Fd socket = bound(Kind::cooked);
    send();
    const auto message = receive(socket.get());
    EXPECT_EQ(message.data, repeated("payload ", 64));
    const auto from = message.from_as<sockaddr_ll>();
    EXPECT_TRUE(std::equal(crafted_mac.begin(), crafted_mac.end(), from.sll_addr));
    EXPECT_EQ(ntohs(from.sll_protocol), experimental_ethertype);
}

TEST_P(PacketRecv, packet_type_says_for_whom_the_frame_is) {
    const auto type_of = [&](const Mac& to) {
        wire_.send(ethernet(to, experimental_ethertype, repeated("payload ", 64)));
        return receive_marked(fd(), "payload ").from_as<sockaddr_ll>().sll_pkttype;
    };
    EXPECT_EQ(type_of(here_mac()), PACKET_HOST);
    EXPECT_EQ(type_of(broadcast_mac), PACKET_BROADCAST);
    receive_everything(subject_, ifindex_, wire_);
    EXPECT_EQ(type_of(multicast_mac), PACKET_MULTICAST);
    EXPECT_EQ(type_of(nobodys_mac), PACKET_OTHERHOST);
}

TEST_P(PacketRecv, outgoing_frames_are_seen_by_who_asks_for_everything) {
    const Fd socket = packet(0);
    bind_to(socket, link_address(ETH_P_ALL, ifindex_));
    Injector::here().send(ethernet(peer_mac(), experimental_ethertype, repeated("outgoing", 64)));
    const auto message = receive_marked(socket.get(), "outgoing");
    EXPECT_EQ(message.from_as<sockaddr_ll>().sll_pkttype, PACKET_OUTGOING);
    EXPECT_EQ(ntohs(message.from_as<sockaddr_ll>().sll_protocol), experimental_ethertype);
    EXPECT_FALSE(receive_now(fd())) << "not by who asks for its ethertype";
}

TEST_P(PacketRecv, peek_leaves_the_frame_where_it_is) {
    send();
    const auto peeked = receive(fd(), any_size, MSG_PEEK);
    EXPECT_EQ(peeked, receive(fd(), any_size, MSG_PEEK));
    EXPECT_EQ(peeked, receive(fd()));
    EXPECT_FALSE(receive_now(fd()));
}

TEST_P(PacketRecv, small_buffer_takes_the_beginning_and_says_so) {
    send();
    send();
    const auto part = receive(fd(), 20);
    EXPECT_EQ(part.result, 20);
    EXPECT_EQ(part.flags, MSG_TRUNC);
    EXPECT_EQ(part.data, Bytes(frame_.begin(), frame_.begin() + 20));
    const auto told = receive(fd(), 20, MSG_TRUNC);
    EXPECT_EQ(told.result, long(frame_.size()));
    EXPECT_EQ(told.flags, MSG_TRUNC);
    EXPECT_FALSE(receive_now(fd()));
}

TEST_P(PacketRecv, name_buffer_may_be_short) {
    send();
    sockaddr_storage from{};
    socklen_t length = 4;
    Bytes data(any_size);
    ASSERT_TRUE(wait_readable(fd()));
    ASSERT_EQ(sys::recvfrom(fd(), data.data(), data.size(), 0, &from, &length),
              long(frame_.size()));
    EXPECT_EQ(length, sizeof(sockaddr_ll)) << "the real length is told";
    EXPECT_EQ(reinterpret_cast<sockaddr_ll*>(&from)->sll_ifindex, 0) << "nothing beyond";
}

TEST_P(PacketRecv, readiness_follows_the_queue) {
    EXPECT_EQ(poll_now(fd(), POLLIN | POLLOUT), POLLOUT);
    send();
    EXPECT_TRUE(wait_readable(fd()));
    receive(fd());
    EXPECT_EQ(poll_now(fd(), POLLIN), 0);
}

TEST_P(PacketRecv, ioctls_of_queue_and_device_work) {
    send();
    ASSERT_TRUE(wait_readable(fd()));
    int size = -1;
    ASSERT_EQ(ioctl(fd(), FIONREAD, &size), 0);
    EXPECT_EQ(size, int(frame_.size()));
    ifreq request{};
    std::string(here_device).copy(request.ifr_name, IFNAMSIZ - 1);
    ASSERT_EQ(ioctl(fd(), SIOCGIFHWADDR, &request), 0);
    EXPECT_EQ(request.ifr_hwaddr.sa_family, ARPHRD_ETHER);
}

TEST_P(PacketRecv, unbinding_stops_what_comes) {
    const Fd monitor = open_socket(Side::sibling, Kind::packet, experimental_ethertype);
    send();
    receive(fd());
    bind_to(subject_, link_address(ETH_P_802_EX1 + 1, ifindex_));
    send();
    receive(monitor.get());
    receive(monitor.get());
    EXPECT_FALSE(receive_now(fd()));
}

INSTANTIATE_TEST_SUITE_P(Sides, PacketRecv, testing::ValuesIn(both_sides), parameter_name<Side>);

} // namespace
} // namespace xt
