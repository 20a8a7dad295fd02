// SPDX-License-Identifier: GPL-2.0-or-later
// The proof for packet sockets: the same traffic, captured through PF_PACKET and PF_XINET at once,
// is the same. Every kind of traffic passes every kind of socket, two by two:
//
//   traffic                          sockets
//   incoming: sizes, broadcast,      with and without link-level header
//     group, for others, VLAN,       everything, one ethertype, IP
//     fragments, from the stack      one device, any
//   outgoing: frames, from the       without filter, with one that shortens and rejects
//     stack, fragmented              with and without virtio-net header
//   loopback
//   segments and checksums left to
//     do, merged segments, jumbo
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "support/capture_traffic.h"
#include "support/compare.h"

namespace xt {
namespace {

class CompareCapture : public CaptureTraffic {
protected:
    Fd make(Side side, Kind kind, uint16_t ethertype, int ifindex, bool filtered) const {
        Fd socket = open_socket(side, kind, 0);
        set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
        set_option(socket, SOL_PACKET, PACKET_AUXDATA, 1);
        if (filtered)
            attach_cutting_filter(socket);
        bind_to(socket, link_address(ethertype, ifindex));
        return socket;
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
        pairs.push_back({"vnet header", with_vnet(Side::sibling), with_vnet(Side::xinet), {}});
        return pairs;
    }
    [[nodiscard]] Fd with_vnet(Side side) const {
        Fd socket = make(side, Kind::packet, ETH_P_ALL, 0, false);
        ask_for_vnet(socket, sizeof(VnetHeader));
        return socket;
    }
};

TEST_F(CompareCapture, all_traffic_is_the_same_through_all_kinds_of_sockets) {
    const auto steps = all_steps();
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
