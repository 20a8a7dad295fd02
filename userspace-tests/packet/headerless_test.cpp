// SPDX-License-Identifier: GPL-2.0-or-later
// Devices without a link-level header (tun, tunnels, ipvlan): what comes in and what goes out is
// captured as by PF_PACKET, in the receive queue and in every kind of ring.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>

#include <optional>

#include "support/lanes.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"
#include "support/tun.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr unsigned soon_ms = 1;
constexpr const char* device = "xtbare";

// How packets come in through a device.
enum class Arrival {
    written, // by this program: a tun
    looped,  // what is sent through a tunnel that ends at its own beginning
    carried, // in frames for the device below
};

struct Bare {
    const char* name;
    Arrival arrival;
    const char* make; // ip(8)'s words
};

void PrintTo(const Bare& bare, std::ostream* out) {
    *out << bare.name;
}

constexpr Bare bare_devices[] = {
    {"tun", Arrival::written, nullptr},
    {"ipip", Arrival::looped, "link add xtbare type ipip local 127.0.0.1 remote 127.0.0.1"},
    {"gre", Arrival::looped, "link add xtbare type gre local 127.0.0.1 remote 127.0.0.1"},
    {"ip6tnl", Arrival::looped,
     "link add xtbare type ip6tnl mode any local fd00::1 remote fd00::1 allow-localremote"},
    {"ipvlan_l3", Arrival::carried, "link add link xtin name xtbare type ipvlan mode l3"},
};

Bytes datagram(const std::string& mark, size_t size) {
    return Ipv4{.from = "10.78.0.2", .to = "10.78.0.1", .protocol = IPPROTO_UDP}.packet(
        udp(7, 7, repeated(mark, size)));
}

// A device of a kind, in the namespace of the thread.
class Device {
public:
    // False: this kernel has none.
    bool make(const Bare& bare) {
        arrival_ = bare.arrival;
        if (arrival_ == Arrival::written) {
            tun_ = open_tun(device, IFF_TUN | IFF_NO_PI);
            if (!tun_)
                return false;
        } else {
            if (arrival_ == Arrival::carried)
                wire_.emplace();
            if (!try_ip(bare.make))
                return false;
        }
        std::vector<std::string> commands{"link set lo up"};
        if (arrival_ == Arrival::looped)
            commands.push_back("addr add fd00::1/128 dev lo nodad");
        commands.push_back(std::string("addr add 10.78.0.1/24 dev ") + device);
        commands.push_back(std::string("link set ") + device + " up");
        ip_batch(commands);
        if (arrival_ == Arrival::looped) {
            monitor_ = open_socket(Side::sibling, Kind::packet, 0);
            bind_to(monitor_, link_address(ETH_P_IP, index()));
        }
        return true;
    }
    // Both ways, several sizes: four packets each. Returns when all have come.
    void traffic(const std::string& mark) const {
        for (const size_t size : {8, 20, 100, 1400}) {
            arrive(datagram(mark, size));
            send(mark, size);
        }
        if (wire_)
            wire_->fence();
        if (!monitor_)
            return;
        send("xt-fence", 8);
        while (!contains(receive(monitor_.get()).data, "xt-fence")) {
        }
    }
    [[nodiscard]] int index() const { return link::index(device); }

private:
    void send(const std::string& mark, size_t size) const {
        checked(send_to(sender_.get(), repeated(mark, size), ipv4_address("10.78.0.2", 9)), "send");
    }
    void arrive(const Bytes& packet) const {
        if (arrival_ == Arrival::written)
            checked(::write(tun_.get(), packet.data(), packet.size()), "write");
        if (arrival_ == Arrival::carried)
            wire_->in(ethernet(link::mac("xtin"), ETH_P_IP, packet));
    }

    OnOneCpu one_cpu_;
    Arrival arrival_ = Arrival::written;
    std::optional<Wire> wire_;
    // swallows what comes in, which would be answered with an error that carries it too
    Fd receiver_ = udp_socket(7);
    Fd tun_;
    Fd monitor_; // of what comes in from a tunnel
    Fd sender_ = Fd(checked(::socket(AF_INET, SOCK_DGRAM, 0), "socket"));
};

class PacketHeaderless : public testing::TestWithParam<std::tuple<Bare, Kind>> {
protected:
    static Kind kind() { return std::get<Kind>(GetParam()); }
    template<typename F>
    static void with_device(F body) {
        NetNs::create().run([&] {
            Device bare;
            if (!bare.make(std::get<Bare>(GetParam())))
                GTEST_SKIP() << "no such device here";
            body(bare);
        });
    }
};

std::vector<Message> marked(const Fd& socket, const std::string& mark) {
    std::vector<Message> result;
    while (auto message = receive_now(socket.get()))
        if (contains(message->data, mark))
            result.push_back(std::move(*message));
    return result;
}

TEST_P(PacketHeaderless, queue_gets_what_that_of_pf_packet_gets) {
    with_device([](const Device& bare) {
        for (const int index : {bare.index(), 0})
            for (const int ethertype : {ETH_P_ALL, ETH_P_IP}) {
                Fd sockets[2];
                for (const Side side : both_sides) {
                    Fd& socket = sockets[side == Side::xinet];
                    socket = open_socket(side, kind(), 0);
                    set_option(socket, SOL_PACKET, PACKET_AUXDATA, 1);
                    bind_to(socket, link_address(uint16_t(ethertype), index));
                }
                bare.traffic("xt-bare-");
                const auto theirs = marked(sockets[0], "xt-bare-");
                EXPECT_GE(theirs.size(), 4U);
                EXPECT_EQ(theirs, marked(sockets[1], "xt-bare-"));
            }
    });
}

TEST_P(PacketHeaderless, rings_get_what_those_of_pf_packet_get) {
    with_device([](const Device& bare) {
        for (const int version : ring_versions) {
            SCOPED_TRACE(version_name(version));
            Fd sockets[2];
            std::vector<TpacketRing> rings;
            for (const Side side : both_sides) {
                Fd& socket = sockets[side == Side::xinet];
                socket = open_socket(side, kind(), 0);
                set_option(socket, SOL_PACKET, PACKET_VERSION, version);
                rings.emplace_back(
                    socket, version,
                    ring_request(64, 1 << 14, 2048, version == TPACKET_V3 ? soon_ms : 0));
                bind_to(socket, link_address(ETH_P_ALL, bare.index()));
            }
            bare.traffic("xt-bare-");
            bare.traffic("xt-last-");
            const auto of_interest = [](std::vector<RingFrame> frames) {
                std::erase_if(frames, [](const RingFrame& frame) {
                    return !contains(frame.data, "xt-bare-");
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
    if (lanes_are_refused)
        GTEST_SKIP() << "32-bit programs get no lanes";
    with_device([](const Device& bare) {
        const Fd sibling = open_socket(Side::sibling, kind(), 0);
        const Fd xinet = open_socket(Side::xinet, kind(), 0);
        set_option(sibling, SOL_PACKET, PACKET_VERSION, TPACKET_V3);
        TpacketRing ring(sibling, TPACKET_V3, ring_request(64, 1 << 14, 2048, soon_ms));
        checked(set_lanes(xinet.get(), lanes_request(1 << 18)), "XINET_RX_RING");
        LaneReader lanes(xinet.get());
        for (const Fd* socket : {&sibling, &xinet})
            bind_to(*socket, link_address(ETH_P_ALL, bare.index()));
        bare.traffic("xt-bare-");
        bare.traffic("xt-last-");
        std::vector<RingFrame> theirs = ring.take_through("xt-last-");
        std::vector<RingFrame> ours;
        for (const LanePacket& packet : lanes.take_at_least(16))
            ours.push_back(packet.as_frame());
        for (auto* frames : {&theirs, &ours})
            std::erase_if(*frames,
                          [](const RingFrame& frame) { return !contains(frame.data, "xt-bare-"); });
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

INSTANTIATE_TEST_SUITE_P(Devices, PacketHeaderless,
                         testing::Combine(testing::ValuesIn(bare_devices),
                                          testing::ValuesIn(packet_kinds)),
                         [](const auto& info) {
                             return std::string(std::get<Bare>(info.param).name) + "_" +
                                    to_string(std::get<Kind>(info.param));
                         });

} // namespace
} // namespace xt
