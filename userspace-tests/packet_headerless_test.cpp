// SPDX-License-Identifier: GPL-2.0-or-later
// Devices without a link-level header (tun; IP in IP, where the kernel has it): what comes in and
// what goes out is captured as by PF_PACKET, in the receive queue and in every kind of ring.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "support/lanes.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/ring.h"
#include "support/sys.h"
#include "support/traffic.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr unsigned soon_ms = 1;

// A device whose other end is this program: what is written comes in.
Fd open_tun(const char* name) {
    Fd tun(checked(::open("/dev/net/tun", O_RDWR | O_NONBLOCK), "/dev/net/tun"));
    ifreq request{};
    std::copy_n(name, std::char_traits<char>::length(name), request.ifr_name);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    checked(::ioctl(tun.get(), TUNSETIFF, &request), "TUNSETIFF");
    return tun;
}

Bytes datagram(const std::string& mark, size_t size) {
    return Ipv4{.from = "10.78.0.2", .to = "10.78.0.1", .protocol = IPPROTO_UDP}.packet(
        udp(7, 7, repeated(mark, size)));
}

class Tun {
public:
    Tun() {
        ip("addr add 10.78.0.1/24 dev xttun");
        ip("link set xttun up");
    }
    // Both ways, several sizes; a packet that is no IP has no protocol to be told.
    void traffic(const std::string& mark) const {
        for (const size_t size : {8, 20, 100, 1400}) {
            const Bytes packet = datagram(mark, size);
            checked(::write(tun_.get(), packet.data(), packet.size()), "write");
            const Bytes data = repeated(mark, size);
            checked(send_to(sender_.get(), data, ipv4_address("10.78.0.2", 9)), "send");
        }
    }
    [[nodiscard]] int index() const { return link::index("xttun"); }

private:
    OnOneCpu one_cpu_;
    // swallows what comes in, which would be answered with an error that carries it too
    Fd receiver_ = udp_socket(7);
    Fd tun_ = open_tun("xttun");
    Fd sender_ = Fd(checked(::socket(AF_INET, SOCK_DGRAM, 0), "socket"));
};

bool has_tun() {
    return ::access("/dev/net/tun", R_OK) == 0;
}

template<typename F>
void with_tun(F function) {
    NetNs::create().run([&] { function(Tun()); });
}

class PacketHeaderless : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        if (!has_tun())
            GTEST_SKIP() << "no tun devices here";
    }
    static Kind kind() { return GetParam(); }
};

std::vector<Message> marked(const Fd& socket, const std::string& mark) {
    std::vector<Message> result;
    while (auto message = receive_now(socket.get()))
        if (contains(message->data, mark))
            result.push_back(std::move(*message));
    return result;
}

TEST_P(PacketHeaderless, queue_gets_what_that_of_pf_packet_gets) {
    with_tun([](const Tun& tun) {
        for (const int index : {tun.index(), 0})
            for (const int ethertype : {ETH_P_ALL, ETH_P_IP}) {
                Fd sockets[2];
                for (const Side side : both_sides) {
                    Fd& socket = sockets[side == Side::xinet];
                    socket = open_socket(side, kind(), 0);
                    set_option(socket, SOL_PACKET, PACKET_AUXDATA, 1);
                    bind_to(socket, link_address(uint16_t(ethertype), index));
                }
                tun.traffic("xt-tun--");
                const auto theirs = marked(sockets[0], "xt-tun--");
                EXPECT_GE(theirs.size(), 4U);
                EXPECT_EQ(theirs, marked(sockets[1], "xt-tun--"));
            }
    });
}

TEST_P(PacketHeaderless, rings_get_what_those_of_pf_packet_get) {
    with_tun([](const Tun& tun) {
        for (const int version : ring_versions) {
            SCOPED_TRACE(version_name(version));
            Fd sockets[2];
            std::vector<RxRing> rings;
            for (const Side side : both_sides) {
                Fd& socket = sockets[side == Side::xinet];
                socket = open_socket(side, kind(), 0);
                set_option(socket, SOL_PACKET, PACKET_VERSION, version);
                rings.emplace_back(
                    socket, version,
                    ring_request(64, 1 << 14, 2048, version == TPACKET_V3 ? soon_ms : 0));
                bind_to(socket, link_address(ETH_P_ALL, tun.index()));
            }
            tun.traffic("xt-tun--");
            tun.traffic("xt-last-");
            const auto of_interest = [](std::vector<RingFrame> frames) {
                std::erase_if(frames, [](const RingFrame& frame) {
                    return !contains(frame.data, "xt-tun--");
                });
                return frames;
            };
            const auto theirs = of_interest(rings[0].take_through("xt-last-"));
            EXPECT_EQ(theirs.size(), 8U);
            EXPECT_EQ(theirs, of_interest(rings[1].take_through("xt-last-")));
        }
    });
}

// Against a V3 ring, whose records tell as much.
TEST_P(PacketHeaderless, lanes_get_what_a_ring_gets) {
    if (self_check())
        GTEST_SKIP() << "PF_PACKET has nothing like it";
    with_tun([](const Tun& tun) {
        const Fd sibling = open_socket(Side::sibling, kind(), 0);
        const Fd xinet = open_socket(Side::xinet, kind(), 0);
        set_option(sibling, SOL_PACKET, PACKET_VERSION, TPACKET_V3);
        RxRing ring(sibling, TPACKET_V3, ring_request(64, 1 << 14, 2048, soon_ms));
        checked(set_lanes(xinet.get(), lanes_request(1 << 18)), "XINET_RX_RING");
        LaneReader lanes(xinet.get());
        for (const Fd* socket : {&sibling, &xinet})
            bind_to(*socket, link_address(ETH_P_ALL, tun.index()));
        tun.traffic("xt-tun--");
        tun.traffic("xt-last-");
        std::vector<RingFrame> theirs = ring.take_through("xt-last-");
        std::vector<RingFrame> ours;
        for (const LanePacket& packet : lanes.take_at_least(16))
            ours.push_back(packet.as_frame());
        for (auto* frames : {&theirs, &ours})
            std::erase_if(*frames,
                          [](const RingFrame& frame) { return !contains(frame.data, "xt-tun--"); });
        ASSERT_EQ(theirs.size(), 8U);
        ASSERT_EQ(ours.size(), theirs.size());
        for (size_t i = 0; i < ours.size(); i++) {
            EXPECT_EQ(theirs[i].data, ours[i].data) << i;
            EXPECT_EQ(theirs[i].length, ours[i].length) << i;
            EXPECT_EQ(theirs[i].from, ours[i].from) << i;
            EXPECT_EQ(theirs[i].net - theirs[i].mac, ours[i].net - ours[i].mac) << i;
        }
    });
}

INSTANTIATE_TEST_SUITE_P(Kinds, PacketHeaderless, testing::ValuesIn(packet_kinds),
                         parameter_name<Kind>);

} // namespace
} // namespace xt
