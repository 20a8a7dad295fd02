// SPDX-License-Identifier: GPL-2.0-or-later
// The proof for packet sockets: the same traffic, captured through PF_PACKET and PF_XINET at once,
// is the same. Every kind of traffic passes every kind of socket, two by two:
//
//   traffic                          sockets
//   incoming: sizes, broadcast,      with and without link-level header
//     group, for others, VLAN,       everything, one ethertype, IP
//     fragments, from the stack      one device, any
//   outgoing: frames, from the       without filter, with one that shortens and rejects
//     stack, fragmented
//   loopback
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>

#include "support/compare.h"
#include "support/netns.h"
#include "support/sys.h"

namespace xt {
namespace {

constexpr uint16_t port = 7691;
constexpr size_t mtu = 1500;

class CompareCapture : public testing::Test {
protected:
    void SetUp() override {
        bind_to(monitor_, link_address(ETH_P_ALL, ifindex_));
        receive_everything(monitor_, ifindex_, peer_wire_);
    }

    Fd make(Side side, Kind kind, uint16_t ethertype, int ifindex, bool filtered) const {
        Fd socket = open_socket(side, kind, 0);
        set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
        set_option(socket, SOL_PACKET, PACKET_AUXDATA, 1);
        if (filtered)
            filter(socket);
        bind_to(socket, link_address(ethertype, ifindex));
        return socket;
    }

    // Rejects what is for others, shortens IP to 100 bytes, passes the rest.
    static void filter(const Fd& socket) {
        sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_B | BPF_ABS, uint32_t(SKF_AD_OFF + SKF_AD_PKTTYPE)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OTHERHOST, 4, 0),
            BPF_STMT(BPF_LD | BPF_H | BPF_ABS, uint32_t(SKF_AD_OFF + SKF_AD_PROTOCOL)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, 100),
            BPF_STMT(BPF_RET | BPF_K, 0x40000),
            BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const sock_fprog program{.len = std::size(code), .filter = code};
        checked(
            sys::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
            "SO_ATTACH_FILTER");
    }

    [[nodiscard]] std::vector<Pair> all_pairs() const {
        std::vector<Pair> pairs;
        for (const Kind kind : packet_kinds)
            for (const uint16_t ethertype :
                 {uint16_t(ETH_P_ALL), experimental_ethertype, uint16_t(ETH_P_IP)})
                for (const int ifindex : {ifindex_, 0})
                    for (const bool filtered : {false, true})
                        pairs.push_back({to_string(kind) + ", ethertype " +
                                             std::to_string(ethertype) +
                                             (ifindex ? ", one device" : ", any device") +
                                             (filtered ? ", filter" : ""),
                                         make(Side::sibling, kind, ethertype, ifindex, filtered),
                                         make(Side::xinet, kind, ethertype, ifindex, filtered),
                                         {}});
        return pairs;
    }

    void in(const Bytes& frame) const { peer_wire_.send(frame); }
    void out(const Bytes& frame) const { wire_.send(frame); }
    static Bytes payload(const std::string& mark, size_t size) { return repeated(mark, size); }

    // What was sent before has reached every socket when this returns: frames pass one by one.
    void fence() const {
        in(ethernet(here_mac_, experimental_ethertype, payload("xt-fence", 64)));
        receive_marked(monitor_.get(), "xt-fence");
    }

    // The second fence is for the first, which some sockets may get later than the monitor.
    void run(const std::vector<Step>& steps) const {
        for (const auto& step : steps) {
            step.send(step.mark);
            fence();
        }
        fence_all();
    }

    void fence_all() const {
        in(ethernet(here_mac_, ETH_P_IP, payload("xt-last-", 64)));
        fence();
        // seen by the monitor, but by the sockets after it only when the next one is
        in(ethernet(nobodys_mac, ETH_P_802_EX1 + 1, repeated("no mark!", 64)));
        receive_marked(monitor_.get(), "no mark!");
    }

    [[nodiscard]] std::vector<Step> incoming() const;
    [[nodiscard]] std::vector<Step> outgoing() const;

    OnOneCpu one_cpu_;
    int ifindex_ = link::index(here_device);
    Mac here_mac_ = here_mac();
    Mac peer_mac_ = peer_mac();
    Injector wire_ = Injector::here();
    Injector peer_wire_ = Injector::at_peer();
    Fd monitor_ = open_socket(Side::sibling, Kind::packet, 0);
    Fd udp_ = udp_socket(port);
    Fd peer_udp_ = udp_socket_at_peer(port);
};

std::vector<Step> CompareCapture::incoming() const {
    const auto frame_to = [this](const Mac& to) {
        return [=, this](const std::string& mark) {
            in(ethernet(to, experimental_ethertype, payload(mark, 100)));
        };
    };
    return {
        {"xt-sizes",
         [this](const std::string& mark) {
             for (const size_t size : {1, 2, 45, 46, 47, 60, 512, 1499, 1500})
                 in(ethernet(here_mac_, experimental_ethertype, payload(mark, size)));
         }},
        {"xt-bcast", frame_to(broadcast_mac)},
        {"xt-group", frame_to(multicast_mac)},
        {"xt-other", frame_to(nobodys_mac)},
        {"xt-vlan-",
         [this](const std::string& mark) {
             for (const size_t size : {size_t(46), mtu - 4})
                 for (const uint16_t tag : {uint16_t(0), uint16_t(0x6007)})
                     in(vlan_ethernet(here_mac_, tag, experimental_ethertype, payload(mark, size)));
             in(ethernet(here_mac_, ETH_P_8021AD, payload(mark, 64)));
             // two tags
             in(vlan_ethernet(here_mac_, 5, ETH_P_8021Q,
                              Bytes{0, 6, 0x88, 0xb5} + payload(mark, 64)));
         }},
        {"xt-802.3",
         [this](const std::string& mark) {
             // a length instead of an ethertype
             in(ethernet(here_mac_, 64, payload(mark, 64)));
             in(ethernet(here_mac_, 64, Bytes{0xaa, 0xaa, 3} + payload(mark, 61)));
         }},
        {"xt-frags",
         [this](const std::string& mark) {
             const Ipv4 header{.protocol = IPPROTO_UDP};
             for (const auto& part : fragments(header, udp(port, port, payload(mark, 3000)), 1024))
                 in(ethernet(here_mac_, ETH_P_IP, part));
         }},
        {"xt-bogus",
         [this](const std::string& mark) {
             // not an IP packet, to the taps all the same one
             in(ethernet(here_mac_, ETH_P_IP, payload(mark, 100)));
         }},
        {"xt-stack",
         [this](const std::string& mark) {
             for (const char* to : {here_address, wire_broadcast})
                 checked(send_to(peer_udp_.get(), payload(mark, 300), ipv4_address(to, port)),
                         "send");
         }},
    };
}

std::vector<Step> CompareCapture::outgoing() const {
    const auto udp_of = [this](const char* to, size_t size) {
        return [=, this](const std::string& mark) {
            checked(send_to(udp_.get(), payload(mark, size), ipv4_address(to, port)), "send");
        };
    };
    return {
        {"xt-frame",
         [this](const std::string& mark) {
             for (const size_t size : {46UL, 512UL, mtu})
                 out(ethernet(peer_mac_, experimental_ethertype, payload(mark, size)));
             out(vlan_ethernet(peer_mac_, 9, experimental_ethertype, payload(mark, 64)));
         }},
        {"xt-udpo-", udp_of(peer_address, 300)},
        {"xt-broad", udp_of(wire_broadcast, 300)},
        {"xt-large", udp_of(peer_address, 5000)},
        {"xt-loop-", udp_of("127.0.0.1", 300)},
        {"xt-self-", udp_of(here_address, 300)},
    };
}

TEST_F(CompareCapture, all_traffic_is_the_same_through_all_kinds_of_sockets) {
    auto steps = incoming();
    for (auto& step : outgoing())
        steps.push_back(step);
    auto pairs = all_pairs();
    for (auto& pair : pairs)
        if (pair.name.find("any device") != std::string::npos &&
            pair.name.find("filter") == std::string::npos &&
            pair.name.find("ethertype 3,") != std::string::npos)
            for (const auto& step : steps)
                pair.expected.push_back(step.mark);

    run(steps);
    expect_equal_captures(pairs);
}

TEST_F(CompareCapture, sockets_that_come_and_go_disturb_no_capture) {
    std::vector<Pair> pairs;
    pairs.push_back({"steady",
                     make(Side::sibling, Kind::packet, ETH_P_ALL, ifindex_, false),
                     make(Side::xinet, Kind::packet, ETH_P_ALL, ifindex_, false),
                     {"xt-many-"}});
    for (int i = 0; i < 30; i++) {
        const Fd guest = make(Side::xinet, i % 2 ? Kind::packet : Kind::cooked,
                              i % 3 ? uint16_t(ETH_P_ALL) : experimental_ethertype,
                              i % 5 ? ifindex_ : 0, i % 7 == 0);
        in(ethernet(here_mac_, experimental_ethertype, payload("xt-many-", size_t(50 + i))));
        receive_marked(monitor_.get(), "xt-many-");
    }
    fence_all();
    expect_equal_captures(pairs);
}

} // namespace
} // namespace xt
