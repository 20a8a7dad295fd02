// SPDX-License-Identifier: GPL-2.0-or-later
// The virtio-net header of packet sockets (PACKET_VNET_HDR, PACKET_VNET_HDR_SZ): what is sent and
// received with it, and what is refused, as over PF_PACKET.
#include <gtest/gtest.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>

#include <cstring>

#include "support/compare.h"
#include "support/netns.h"
#include "support/send_compare.h"
#include "support/sys.h"
#include "support/vnet.h"

namespace xt {
namespace {

class PacketVnet : public SendComparison {
protected:
    void SetUp() override {
        SendComparison::SetUp();
        to_ = peer_mac();
        from_ = here_mac();
    }
    static Prepare with_header(size_t size) {
        return [=](const Fd& socket) { ask_for_vnet(socket, size); };
    }
    [[nodiscard]] Bytes tcp(size_t payload) const {
        return tcp_for_device(to_, payload, sent_mark, from_);
    }
    [[nodiscard]] Bytes udp(size_t payload) const {
        return udp_for_device(to_, payload, sent_mark, from_);
    }
    Row row(const std::string& name, const VnetHeader& header, const Bytes& bytes,
            uint16_t ethertype = ETH_P_IP) {
        return frame(name, vnet_bytes(header) + bytes, to_peer(ethertype));
    }

    Mac to_;
    Mac from_;
};

TEST_F(PacketVnet, options_are_set_and_read_as_in_pf_packet) {
    const auto set = [](int option, int value, socklen_t length = sizeof(int)) {
        return [=](int fd) {
            const long values[2] = {value, 0};
            const long result = sys::setsockopt(fd, SOL_PACKET, option, values, length);
            // what it is afterwards, as part of the result
            int now = -1;
            socklen_t size = sizeof(now);
            const int error = errno;
            checked(sys::getsockopt(fd, SOL_PACKET, option, &now, &size), "getsockopt");
            errno = error;
            return result < 0 ? result : now;
        };
    };
    std::vector<int> options{PACKET_VNET_HDR};
    if (sibling_has_vnet_sizes())
        options.push_back(packet_vnet_hdr_sz);
    std::vector<Row> rows;
    for (const int option : options) {
        for (const int value : {0, 1, 2, 9, 10, 11, 12, 13, 20, -1, INT_MIN, INT_MAX})
            rows.push_back({"value " + std::to_string(value), set(option, value)});
        for (const socklen_t length : {0, 1, 3, 5, 8, 16})
            rows.push_back({"length " + std::to_string(length), set(option, 10, length)});
        rows.push_back({"no value", [=](int fd) {
                            return sys::setsockopt(fd, SOL_PACKET, option, nullptr, 4);
                        }});
    }
    for (const Kind kind : packet_kinds)
        expect_equal_outcomes(kind, 0, rows);
}

TEST_F(PacketVnet, sizes_are_offered_whatever_pf_packet_has) {
    if (self_check())
        GTEST_SKIP() << "a promise of PF_XINET alone";
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    for (const int size : {12, 10, 0}) {
        set_option(socket, SOL_PACKET, packet_vnet_hdr_sz, size);
        EXPECT_EQ(get_option(socket, SOL_PACKET, packet_vnet_hdr_sz), size);
        EXPECT_EQ(get_option(socket, SOL_PACKET, PACKET_VNET_HDR), size != 0);
    }
    set_option(socket, SOL_PACKET, PACKET_VNET_HDR, 1);
    EXPECT_EQ(get_option(socket, SOL_PACKET, packet_vnet_hdr_sz), 10);
    const int wrong = 11;
    EXPECT_EQ(sys::setsockopt(socket.get(), SOL_PACKET, packet_vnet_hdr_sz, &wrong, sizeof(wrong)),
              -1);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(PacketVnet, cooked_mode_and_header_exclude_each_other) {
    if (self_check())
        GTEST_SKIP() << "PF_PACKET cannot change its mode";
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    ask_for_vnet(socket, sizeof(VnetHeader));
    const int on = 1;
    EXPECT_EQ(sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_COOKED, &on, sizeof(on)), -1);
    EXPECT_EQ(errno, EINVAL);
    ask_for_vnet(socket, 0);
    set_option(socket, SOL_XINET, XINET_PACKET_COOKED, 1);
    EXPECT_EQ(sys::setsockopt(socket.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), -1);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(PacketVnet, checksum_is_filled_in) {
    EXPECT_EQ(expect_equal(Kind::packet,
                           {row("nothing asked for", {}, frame_to_peer(64), ETH_P_ALL),
                            row("UDP", checksummed(udp_check), udp(64)),
                            row("UDP, protocol 0", checksummed(udp_check), udp(64), 0),
                            row("TCP", checksummed(tcp_check), tcp(64)),
                            row("TCP, MTU", checksummed(tcp_check), tcp(1460))},
                           with_header(sizeof(VnetHeader))),
              5U);
}

// Whether a receiver puts the segments together again would depend on when they come.
class PeerWithoutMerging {
public:
    PeerWithoutMerging()
        : before_(in_peer([] { return link::offload(peer_device, ETHTOOL_GGRO); })) {
        set(false);
    }
    ~PeerWithoutMerging() { set(before_); }
    PeerWithoutMerging(const PeerWithoutMerging&) = delete;
    PeerWithoutMerging& operator=(const PeerWithoutMerging&) = delete;

private:
    static void set(bool on) {
        in_peer([=] { link::set_offload(peer_device, ETHTOOL_SGRO, on); });
    }
    bool before_;
};

TEST_F(PacketVnet, frame_longer_than_the_mtu_is_segmented) {
    const PeerWithoutMerging one_by_one;
    const auto size = sizeof(VnetHeader);
    // A card that is sent the segments one by one may have no room for so many at the other end.
    const bool card_cuts = link::offload(here_device, ETHTOOL_GTSO);
    const size_t longest = card_cuts ? 65000 : longest_burst * 1460;
    EXPECT_GE(
        expect_equal(Kind::packet,
                     {row("TCP of 4 segments", segmented(vnet_gso_tcpv4, 1000), tcp(4000)),
                      row("protocol 0", segmented(vnet_gso_tcpv4, 1000), tcp(4000), 0),
                      row("the longest", segmented(vnet_gso_tcpv4, 1460), tcp(longest)),
                      row("one segment", segmented(vnet_gso_tcpv4, 1000), tcp(1000)),
                      row("with ECN", segmented(vnet_gso_tcpv4 | vnet_gso_ecn, 1000), tcp(3000))},
                     with_header(size)),
        5U);
}

TEST_F(PacketVnet, header_that_does_not_fit_the_frame_is_refused) {
    const auto with = [](auto change, VnetHeader header = checksummed(udp_check)) {
        change(header);
        return header;
    };
    const Bytes bytes = udp(64);
    std::vector<Row> rows;
    for (const size_t length : {0U, 1U, 9U, 10U, 11U, 12U, 23U, 24U})
        rows.push_back(frame(std::to_string(length) + " bytes", Bytes(length), to_peer()));
    for (const unsigned start : {0U, 14U, 33U, 35U, 90U, 104U, 105U, 106U, 107U, 4000U, 65535U})
        rows.push_back(row("checksum from " + std::to_string(start),
                           with([&](auto& h) { h.csum_start = uint16_t(start); }), bytes));
    for (const unsigned offset : {0U, 7U, 70U, 71U, 72U, 73U, 4000U, 65500U, 65535U})
        rows.push_back(row("checksum at " + std::to_string(offset),
                           with([&](auto& h) { h.csum_offset = uint16_t(offset); }), bytes));
    for (const size_t length :
         {size_t(1), size_t(41), size_t(42), bytes.size(), bytes.size() + 1, size_t(65535)})
        rows.push_back(row("headers of " + std::to_string(length),
                           with([&](auto& h) { h.hdr_len = uint16_t(length); }), bytes));
    for (unsigned type = 1; type < 256; type += type < 16 ? 1 : 15)
        rows.push_back(
            row("type " + std::to_string(type), segmented(uint8_t(type), 1000, udp_check), bytes));
    for (const unsigned size : {0U, 1U, 7U, 8U, 65535U})
        rows.push_back(row("segments of " + std::to_string(size),
                           segmented(vnet_gso_tcpv4, uint16_t(size)), tcp(64)));
    rows.push_back(row("IPv6 it is not", segmented(vnet_gso_tcpv6, 100), tcp(64)));
    rows.push_back(row("no checksum",
                       with([](auto& h) { h.flags = 0; }, segmented(vnet_gso_tcpv4, 1000)),
                       tcp(64)));
    rows.push_back(row("longer than the MTU", checksummed(udp_check), udp(1600)));
    rows.push_back(row("every bit", with([](auto& h) { memset(&h, 0xff, sizeof(h)); }), bytes));
    EXPECT_GE(expect_equal(Kind::packet, rows, with_header(sizeof(VnetHeader))), 5U);
}

TEST_F(PacketVnet, longer_header_is_skipped) {
    const Side side = sibling_has_vnet_sizes() ? Side::sibling : Side::xinet;
    for (const Side sender : {side, Side::xinet}) {
        const auto sent =
            send(sender, Kind::packet,
                 frame("12 bytes of header", vnet_bytes(checksummed(udp_check), 12, 0xab) + udp(64),
                       to_peer(ETH_P_IP)),
                 self_check() && !sibling_has_vnet_sizes() ? Prepare() : with_header(12));
        EXPECT_EQ(sent.outcome.result, long(12 + udp(64).size()));
        ASSERT_EQ(sent.frames.size(), 1U);
        EXPECT_EQ(sent.frames[0].data.size(), udp(64).size());
    }
}

// What arrives at eth0, sent at the peer by PF_PACKET with a header of its own.
class PacketVnetReceived : public testing::Test {
protected:
    void SetUp() override {
        to_ = here_mac();
        in_peer([&] {
            sender_ = open_socket(Side::sibling, Kind::packet, 0);
            bind_to(sender_, link_address(0, link::index(peer_device)));
            sender_address_ = link_address(ETH_P_IP, link::index(peer_device));
        });
        ask_for_vnet(sender_, sizeof(VnetHeader));
    }
    void inject(const VnetHeader& header, const Bytes& bytes) const {
        checked(send_to(sender_.get(), vnet_bytes(header) + bytes, sender_address_), "inject");
    }
    static Fd receiver(Side side, size_t size) {
        Fd socket = open_socket(side, Kind::packet, 0);
        ask_for_vnet(socket, size);
        bind_to(socket, link_address(ETH_P_ALL, link::index(here_device)));
        return socket;
    }
    [[nodiscard]] Bytes tcp(size_t payload, const std::string& mark) const {
        return tcp_for_device(to_, payload, mark, crafted_mac);
    }
    [[nodiscard]] Bytes udp(size_t payload, const std::string& mark) const {
        return udp_for_device(to_, payload, mark, crafted_mac);
    }

    Mac to_;
    Fd sender_;
    sockaddr_ll sender_address_{};
};

TEST_F(PacketVnetReceived, header_says_what_it_says_over_pf_packet) {
    const OnOneCpu in_order;
    // the first socket of a device is the last to be handed a frame
    const Fd fence = receiver(Side::sibling, 0);
    std::vector<Pair> pairs;
    const auto add = [&](size_t size) {
        auto& pair = pairs.emplace_back();
        pair.name = std::to_string(size) + " bytes of header";
        pair.sibling = receiver(Side::sibling, size);
        pair.xinet = receiver(Side::xinet, size);
        pair.expected = {"xt-plain", "xt-sums!", "xt-gso!!", "xt-out!!"};
    };
    add(sizeof(VnetHeader));
    if (sibling_has_vnet_sizes())
        add(long_vnet_size);
    inject({}, udp(64, "xt-plain"));
    inject(checksummed(udp_check), udp(64, "xt-sums!"));
    inject(segmented(vnet_gso_tcpv4, 1000), tcp(4000, "xt-gso!!"));
    inject(segmented(vnet_gso_tcpv4 | vnet_gso_ecn, 1000), tcp(4000, "xt-ecn!!"));
    const Fd here = open_socket(Side::sibling, Kind::packet, 0);
    ask_for_vnet(here, sizeof(VnetHeader));
    const Bytes out = vnet_bytes(segmented(vnet_gso_tcpv4, 1000)) +
                      tcp_for_device(peer_mac(), 4000, "xt-out!!", crafted_mac);
    checked(send_to(here.get(), out, to_peer(ETH_P_IP)), "send");
    inject({}, udp(64, "xt-last!"));
    receive_marked(fence.get(), "xt-last!");
    expect_equal_captures(pairs);
}

TEST_F(PacketVnetReceived, room_of_each_size_is_filled_or_refused) {
    std::vector<Row> rows;
    for (const size_t room : {0, 1, 9, 10, 11, 12, 23, 24, 200})
        for (const int flags : {0, int(MSG_TRUNC), int(MSG_PEEK)})
            rows.push_back(
                {std::to_string(room) + " bytes, flags " + std::to_string(flags), [=](int fd) {
                     Bytes bytes(room);
                     const long result = sys::recvfrom(fd, bytes.data(), room, flags | MSG_DONTWAIT,
                                                       nullptr, nullptr);
                     // whether the packet is still there
                     const int error = errno;
                     const long left =
                         sys::recvfrom(fd, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
                     errno = error;
                     return result < 0 ? result : result + (left == 0 ? 1000 : 0);
                 }});
    expect_equal_outcomes(Kind::packet, 0, rows, [&](const Fd& socket) {
        ask_for_vnet(socket, sizeof(VnetHeader));
        bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
        Injector::at_peer().send(ethernet(to_, experimental_ethertype, repeated("payload ", 64)));
        ASSERT_TRUE(wait_readable(socket.get()));
    });
}

} // namespace
} // namespace xt
