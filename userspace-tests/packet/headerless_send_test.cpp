// SPDX-License-Identifier: GPL-2.0-or-later
// Sending through devices whose frames have no link-level header, or one of unusual length, in
// every way there is: what the device is given, what the call returns and what a ring says
// afterwards is as over PF_PACKET.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>

#include <fstream>
#include <sstream>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"
#include "support/tun.h"
#include "support/tx_ring.h"
#include "support/vnet.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr const char* device = "xtbare";

struct Bare {
    const char* name;
    const char* make; // ip(8)'s words; nullptr: a tun
    // It writes new headers into memory that it shares with a capture of what it was given, unless
    // that lies in pages of the sender's.
    bool rewrites = false;
    // It finds no header in pages, where PF_PACKET has the data of a ring.
    bool reads_no_pages = false;
};

void PrintTo(const Bare& bare, std::ostream* out) {
    *out << bare.name;
}

constexpr Bare bare_devices[] = {
    {"tun", nullptr},
    {"ipvlan_l3", "link add link xtin name xtbare type ipvlan mode l3", true},
    {"ip6tnl", "link add xtbare type ip6tnl mode any local ::1 remote ::1"},
    {"wireguard", "link add xtbare type wireguard", false, true},
    {"ipip", "link add xtbare type ipip local 127.0.0.1 remote 127.0.0.1"},
    {"gre", "link add xtbare type gre local 127.0.0.1 remote 127.0.0.1"},
    {"vlan", "link add link xtin name xtbare type vlan id 5 reorder_hdr off"},
};

class PacketHeaderlessSend : public testing::TestWithParam<Bare> {
protected:
    // False: this kernel has none.
    bool make() {
        const Bare& bare = GetParam();
        if (!bare.make) {
            tun_ = open_tun(device, IFF_TUN | IFF_NO_PI);
            if (!tun_)
                return false;
        } else if (!try_ip(bare.make)) {
            return false;
        }
        // nothing of the stack's own
        std::ofstream("/proc/sys/net/ipv6/conf/xtbare/disable_ipv6") << "1";
        link::set_up(link::index(device), true);
        monitor_ = open_socket(Side::sibling, Kind::packet, 0);
        bind_to(monitor_, link_address(ETH_P_ALL, link::index(device)));
        return true;
    }
    template<typename F>
    void with_device(F body) {
        NetNs::create().run([&] {
            const Wire wire;
            if (!make())
                GTEST_SKIP() << "no such device here";
            body();
        });
    }
    // What the device was given.
    std::string sent(bool with_protocol = true) const {
        std::ostringstream out;
        while (auto message = receive_now(monitor_.get()))
            if (message->from_as<sockaddr_ll>().sll_pkttype == PACKET_OUTGOING) {
                if (GetParam().rewrites)
                    forget_rewritten(message->data);
                out << " [" << (with_protocol ? message->from_as<sockaddr_ll>().sll_protocol : 0)
                    << " " << hex(message->data.data(), message->data.size()) << "]";
            }
        return out.str();
    }
    // The addresses, and length and checksum of IPv4.
    static void forget_rewritten(Bytes& frame) {
        for (const auto& [begin, end] : {std::pair<size_t, size_t>{0, 12}, {16, 18}, {24, 26}})
            for (size_t i = begin; i < std::min(end, frame.size()); i++)
                frame[i] = 0;
    }
    // Older PF_PACKET does not say where a frame begins that passes by the qdisc; ipvlan then takes
    // the frame for an IP packet.
    static bool is_guessed(Kind kind, bool bypass) {
        return GetParam().rewrites && kind == Kind::packet && bypass;
    }
    static std::string told(const Outcome& outcome) {
        return std::to_string(outcome.result) + "/" + std::to_string(outcome.error);
    }
    // Runs `story` for each side, and requires the same.
    static void expect_equal(const std::string& what,
                             const std::function<std::string(Side)>& story) {
        EXPECT_EQ(story(Side::sibling), story(Side::xinet)) << what;
    }
    static sockaddr_ll to(uint16_t ethertype) {
        auto address = link_address(ethertype, link::index(device));
        address.sll_halen = 6;
        return address;
    }
    // An IPv4 packet, or the beginning of one.
    static Bytes bytes(size_t size) {
        Bytes result = Ipv4{}.packet(repeated("payload ", 2000));
        result.resize(size);
        return result;
    }

    Fd tun_;
    Fd monitor_;
};

constexpr size_t lengths[] = {0, 1, 3, 4, 13, 14, 19, 20, 60, 1400, 1500, 1518, 1600};

TEST_P(PacketHeaderlessSend, messages_are_sent_or_refused_as_by_pf_packet) {
    with_device([&] {
        for (const Kind kind : packet_kinds)
            for (const bool bypass : {false, true})
                for (const bool vnet : {false, true}) {
                    if ((vnet && kind == Kind::cooked) || is_guessed(kind, bypass))
                        continue;
                    Fd sockets[2];
                    for (const Side side : both_sides) {
                        Fd& socket = sockets[side == Side::xinet];
                        socket = open_socket(side, kind, 0);
                        set_option(socket, SOL_PACKET, PACKET_QDISC_BYPASS, bypass);
                        if (vnet)
                            ask_for_vnet(socket, sizeof(VnetHeader));
                    }
                    for (const uint16_t ethertype : {0, ETH_P_IP, ETH_P_ALL})
                        for (const size_t size : lengths) {
                            std::ostringstream what;
                            what << to_string(kind) << ", " << size << " bytes of " << ethertype
                                 << (bypass ? ", past the qdisc" : "")
                                 << (vnet ? ", virtio-net header" : "");
                            expect_equal(what.str(), [&](Side side) {
                                const int fd = sockets[side == Side::xinet].get();
                                const Bytes data =
                                    vnet ? vnet_bytes(VnetHeader{}) + bytes(size) : bytes(size);
                                const auto outcome =
                                    outcome_of([&] { return send_to(fd, data, to(ethertype)); });
                                // ETH_P_ALL is no protocol; older kernels tell the device so
                                return told(outcome) +
                                       sent(kind == Kind::packet || ethertype != ETH_P_ALL);
                            });
                        }
                }
    });
}

TEST_P(PacketHeaderlessSend, rings_are_sent_or_refused_as_by_pf_packet) {
    if (GetParam().reads_no_pages)
        GTEST_SKIP() << "would take other frames than from PF_PACKET";
    constexpr size_t most_open = 64;
    std::vector<Fd> used;
    with_device([&] {
        for (const Kind kind : packet_kinds)
            for (const bool bypass : {false, true})
                for (const int loss : {0, 1})
                    for (const size_t size : lengths) {
                        // older PF_PACKET gives devices frames of nothing
                        if (size == 0 || is_guessed(kind, bypass))
                            continue;
                        std::ostringstream what;
                        what << to_string(kind) << ", " << size << " bytes, PACKET_LOSS " << loss
                             << (bypass ? ", past the qdisc" : "");
                        expect_equal(what.str(), [&](Side side) {
                            if (used.size() >= most_open)
                                close_together(used);
                            const Fd& socket = used.emplace_back(open_socket(side, kind, 0));
                            set_option(socket, SOL_PACKET, PACKET_QDISC_BYPASS, bypass);
                            set_option(socket, SOL_PACKET, PACKET_LOSS, loss);
                            const TxRing ring(socket.get(), TPACKET_V2);
                            ring.put(0, {.data = bytes(size)});
                            ring.put(1, {.data = bytes(60)});
                            const auto address = to(ETH_P_IP);
                            const auto outcome = outcome_of([&] {
                                return sys::sendto(socket.get(), nullptr, 0, 0, &address,
                                                   sizeof(address));
                            });
                            ring.settle();
                            return told(outcome) + ": " + ring.statuses() + sent();
                        });
                    }
        close_together(used);
    });
}

INSTANTIATE_TEST_SUITE_P(Devices, PacketHeaderlessSend, testing::ValuesIn(bare_devices),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace xt
