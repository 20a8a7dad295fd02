// SPDX-License-Identifier: GPL-2.0-or-later
// What a packet socket puts on the wire: seen at the peer, equal to what PF_PACKET puts there.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "support/send_compare.h"
#include "support/sys.h"

namespace xt {
namespace {

constexpr size_t mtu = 1500;

class PacketSend : public SendComparison {};

TEST_F(PacketSend, frame_of_each_size_is_sent_or_refused) {
    std::vector<Row> rows;
    for (const size_t size : {8, 46, 64, 500, 1500, 1501, 1504, 1505, 4000, 70000})
        rows.push_back(frame(std::to_string(size) + " bytes", frame_to_peer(size), to_peer()));
    rows.push_back(frame("nothing", {}, to_peer()));
    rows.push_back(frame("half a header", Bytes(7), to_peer()));
    rows.push_back(frame("a byte less than a header", Bytes(13), to_peer()));
    EXPECT_GE(expect_equal(Kind::packet, rows), 4U);
}

TEST_F(PacketSend, cooked_payload_of_each_size_is_sent_or_refused) {
    std::vector<Row> rows;
    for (const size_t size : {0, 8, 46, 500, 1500, 1501, 4000, 70000})
        rows.push_back(
            frame(std::to_string(size) + " bytes", repeated("payload ", size), to_peer()));
    EXPECT_GE(expect_equal(Kind::cooked, rows), 4U);
}

TEST_F(PacketSend, vlan_frame_may_be_four_bytes_longer_than_the_mtu) {
    const auto tagged = [](size_t size) {
        return vlan_ethernet(peer_mac(), 7, experimental_ethertype, repeated("payload ", size));
    };
    EXPECT_GE(expect_equal(Kind::packet, {frame("small", tagged(64), to_peer(ETH_P_8021Q)),
                                          frame("MTU", tagged(mtu), to_peer(ETH_P_8021Q)),
                                          frame("MTU + 1", tagged(mtu + 1), to_peer())}),
              2U);
}

TEST_F(PacketSend, destinations_are_accepted_or_refused_as_by_pf_packet) {
    const Bytes payload = repeated("payload ", 64);
    auto no_device = to_peer();
    no_device.sll_ifindex = 9999;
    auto device_zero = to_peer();
    device_zero.sll_ifindex = 0;
    auto long_address = to_peer();
    long_address.sll_halen = 9;
    auto no_address = to_peer();
    no_address.sll_halen = 0;
    auto other_family = to_peer();
    other_family.sll_family = AF_INET;
    for (const Kind kind : packet_kinds) {
        const Bytes bytes = kind == Kind::packet ? frame_to_peer(64) : payload;
        const std::vector<Row> rows{
            frame("peer", bytes, to_peer()),
            frame("protocol 0", bytes, to_peer(0)),
            frame("protocol IP", bytes, to_peer(ETH_P_IP)),
            frame("no such device", bytes, no_device),
            frame("device 0", bytes, device_zero),
            frame("halen 9", bytes, long_address),
            frame("halen 0", bytes, no_address),
            frame("AF_INET", bytes, other_family),
            {"no address", [=](int fd) { return ::send(fd, bytes.data(), bytes.size(), 0); }}};
        EXPECT_GE(expect_equal(kind, rows), 2U);
        EXPECT_GE(expect_equal(kind, rows, bind_here), 3U);
    }
}

TEST_F(PacketSend, device_that_is_down_is_refused) {
    struct Dummy {
        Dummy() { link::add_dummy("xtdown", nobodys_mac); }
        ~Dummy() { link::remove(link::index("xtdown")); }
    };
    if (self_check())
        GTEST_SKIP() << "the host may have no dummy devices";
    const Dummy dummy;
    auto to = to_peer();
    to.sll_ifindex = link::index("xtdown");
    for (const Kind kind : packet_kinds)
        expect_equal(kind, {frame("down", frame_to_peer(64), to)});
}

TEST_F(PacketSend, many_parts_make_one_frame) {
    EXPECT_EQ(expect_equal(Kind::packet, {{"sendmsg of three parts",
                                           [](int fd) {
                                               auto to = to_peer();
                                               Bytes bytes = frame_to_peer(64);
                                               iovec parts[] = {
                                                   {bytes.data(), 5},
                                                   {nullptr, 0},
                                                   {bytes.data() + 5, bytes.size() - 5}};
                                               msghdr message{};
                                               message.msg_name = &to;
                                               message.msg_namelen = sizeof(to);
                                               message.msg_iov = parts;
                                               message.msg_iovlen = std::size(parts);
                                               return sys::sendmsg(fd, &message, 0);
                                           }}}),
              1U);
}

class PacketSent : public OnEachSide {};

TEST_P(PacketSent, own_frame_is_not_received_by_its_sender_but_by_others) {
    const Fd others = packet(ETH_P_ALL);
    const Fd socket = packet(0);
    bind_to(socket, link_address(ETH_P_ALL, link::index(here_device)));
    ASSERT_GT(send_to(socket.get(), frame_to_peer(64), to_peer()), 0);
    const auto message = receive_marked(others.get(), "payload ");
    EXPECT_EQ(message.from_as<sockaddr_ll>().sll_pkttype, PACKET_OUTGOING);
    while (const auto own = receive_now(socket.get()))
        EXPECT_FALSE(contains(own->data, "payload "));
}

INSTANTIATE_TEST_SUITE_P(Sides, PacketSent, testing::ValuesIn(both_sides), parameter_name<Side>);

TEST(PacketSendAfXinet, af_xinet_is_accepted_as_destination) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    auto to = to_peer();
    if (!self_check())
        to.sll_family = uint16_t(xinet_family());
    EXPECT_EQ(send_to(socket.get(), frame_to_peer(64), to), 64 + ETH_HLEN);
}

} // namespace
} // namespace xt
