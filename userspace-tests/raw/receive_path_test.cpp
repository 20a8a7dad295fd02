// SPDX-License-Identifier: GPL-2.0-or-later
// The paths of a packet to a raw socket: through a VLAN, a bridge, a VRF, merged by GRO, for
// another host; and what changes meanwhile: addresses, rules, source validation. Everything happens
// in a namespace of the test's own, once over PF_INET and once over PF_XINET, with equal results.
//
//   xtout, where frames are injected  <------------>  xtin, which receives them
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>

#include <cstdlib>
#include <fstream>

#include "support/compare.h"
#include "support/netns.h"
#include "support/sys.h"
#include "support/vnet.h"
#include "support/wire.h"

namespace xt {
namespace {

// A pair of sockets for every device, and one for none, that tell all there is to tell.
std::vector<Pair> open_pairs(const std::vector<std::string>& devices,
                             const std::vector<std::string>& expected,
                             int protocol = experimental_protocol) {
    std::vector<Pair> pairs;
    std::vector<std::string> all{""};
    all.insert(all.end(), devices.begin(), devices.end());
    for (const auto& device : all) {
        Pair pair{"device \"" + device + "\"", open_raw(Side::sibling, protocol),
                  open_raw(Side::xinet, protocol),
                  device.empty() ? expected : std::vector<std::string>{}};
        for (const Fd* socket : {&pair.sibling, &pair.xinet}) {
            for (const int option : {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVOPTS})
                set_option(*socket, SOL_IP, option, 1);
            checked(sys::setsockopt(socket->get(), SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                                    socklen_t(device.size())),
                    "SO_BINDTODEVICE");
        }
        pairs.push_back(std::move(pair));
    }
    return pairs;
}

Bytes packet(const char* mark) {
    return Ipv4{}.packet(repeated(mark, 64));
}

std::vector<Bytes> pieces(const char* mark, uint16_t id) {
    return fragments({.id = id}, repeated(mark, 1000), 400);
}

template<typename F>
void in_own_netns(F function) {
    NetNs::create().run(function);
}

TEST(RawReceivePath, through_a_vlan) {
    in_own_netns([] {
        const Wire wire;
        ip("link add link xtin name xtin.5 type vlan id 5", "link set xtin.5 up",
           "addr add 10.77.0.1/24 dev xtin.5");
        auto pairs = open_pairs({"xtin", "xtin.5"}, {"xt-vlan5", "xt-piece", "xt-plain"});
        const Mac to = link::mac("xtin");
        wire.in(vlan_ethernet(to, 5, ETH_P_IP, packet("xt-vlan5")));
        for (const auto& piece : pieces("xt-piece", 1))
            wire.in(vlan_ethernet(to, 5, ETH_P_IP, piece));
        wire.in(vlan_ethernet(to, 6, ETH_P_IP, packet("xt-vlan6")));
        wire.in(vlan_ethernet(to, 0, ETH_P_IP, packet("xt-prior")));
        wire.in(vlan_ethernet(nobodys_mac, 5, ETH_P_IP, packet("xt-other")));
        wire.in(ethernet(to, ETH_P_IP, packet("xt-plain")));
        wire.fence();
        expect_equal_captures(pairs);
    });
}

TEST(RawReceivePath, through_a_bridge) {
    in_own_netns([] {
        const Wire wire;
        ip("link add xtbr type bridge", "link set xtbr address 02:78:69:6e:65:01",
           "link set xtin master xtbr", "link set xtbr up", "addr add 10.77.0.1/24 dev xtbr");
        auto pairs = open_pairs({"xtin", "xtbr"}, {"xt-bridg", "xt-piece", "xt-bcast"});
        const Mac to = link::mac("xtbr");
        wire.in(ethernet(to, ETH_P_IP, packet("xt-bridg")));
        for (const auto& piece : pieces("xt-piece", 1))
            wire.in(ethernet(to, ETH_P_IP, piece));
        wire.in(ethernet(broadcast_mac, ETH_P_IP, packet("xt-bcast")));
        wire.in(ethernet(nobodys_mac, ETH_P_IP, packet("xt-other")));
        wire.in(ethernet(link::mac("xtin"), ETH_P_IP, packet("xt-port-")));
        // a frame of no protocol passes the bridge behind all of them
        const Fd monitor = open_socket(Side::sibling, Kind::packet, 0);
        bind_to(monitor, link_address(experimental_ethertype, link::index("xtbr")));
        wire.in(ethernet(to, experimental_ethertype, repeated("xt-fence", 64)));
        receive_marked(monitor.get(), "xt-fence");
        expect_equal_captures(pairs);
    });
}

TEST(RawReceivePath, through_a_vrf) {
    in_own_netns([] {
        // a device that is up is set down and up again by its VRF
        const Wire wire({"link add xtvrf type vrf table 77", "link set xtvrf up",
                         "link set xtin master xtvrf"});
        ip("addr add 10.77.0.1/24 dev xtin");
        const Mac to = link::mac("xtin");
        for (const char* accept : {"1", "0"}) {
            SCOPED_TRACE(std::string("raw_l3mdev_accept ") + accept);
            set_sysctl("raw_l3mdev_accept", accept);
            const auto expected = *accept == '1' ? std::vector<std::string>{"xt-in-it", "xt-piece"}
                                                 : std::vector<std::string>{};
            auto pairs = open_pairs({"xtin", "xtvrf", "lo"}, expected);
            wire.in(ethernet(to, ETH_P_IP, packet("xt-in-it")));
            for (const auto& piece : pieces("xt-piece", uint16_t(*accept)))
                wire.in(ethernet(to, ETH_P_IP, piece));
            wire.in(ethernet(broadcast_mac, ETH_P_IP,
                             Ipv4{.to = "10.77.0.255"}.packet(repeated("xt-bcast", 64))));
            wire.fence();
            expect_equal_captures(pairs);
        }
    });
}

TEST(RawReceivePath, for_another_host) {
    in_own_netns([] {
        const Wire wire;
        ip("addr add 10.77.0.1/24 dev xtin", "link set xtin promisc on");
        auto pairs = open_pairs({"xtin"}, {"xt-bcast", "xt-plain"});
        wire.in(ethernet(nobodys_mac, ETH_P_IP, packet("xt-other")));
        for (const auto& piece : pieces("xt-piece", 1))
            wire.in(ethernet(nobodys_mac, ETH_P_IP, piece));
        wire.in(ethernet(broadcast_mac, ETH_P_IP, packet("xt-bcast")));
        wire.in(ethernet(multicast_mac, ETH_P_IP, packet("xt-mcast")));
        wire.in(ethernet(link::mac("xtin"), ETH_P_IP, packet("xt-plain")));
        wire.fence();
        expect_equal_captures(pairs);
    });
}

// RFC 1122, section 3.3.6: what says unicast in a frame that says it is for many.
TEST(RawReceivePath, unicast_in_a_frame_for_many) {
    in_own_netns([] {
        const Wire wire;
        ip("addr add 10.77.0.1/24 dev xtin");
        for (const char* drop : {"0", "1"}) {
            SCOPED_TRACE(std::string("drop_unicast_in_l2_multicast ") + drop);
            set_sysctl("conf/all/drop_unicast_in_l2_multicast", drop);
            const bool dropped = *drop == '1';
            auto pairs = open_pairs(
                {"xtin"}, dropped ? std::vector<std::string>{"xt-plain"}
                                  : std::vector<std::string>{"xt-plain", "xt-bcast", "xt-mcast"});
            wire.in(ethernet(broadcast_mac, ETH_P_IP, packet("xt-bcast")));
            wire.in(ethernet(multicast_mac, ETH_P_IP, packet("xt-mcast")));
            for (const auto& piece : pieces("xt-piece", uint16_t(*drop)))
                wire.in(ethernet(broadcast_mac, ETH_P_IP, piece));
            wire.in(ethernet(broadcast_mac, ETH_P_IP,
                             Ipv4{.to = "10.77.0.255"}.packet(repeated("xt-toall", 64))));
            wire.in(ethernet(link::mac("xtin"), ETH_P_IP, packet("xt-plain")));
            wire.fence();
            expect_equal_captures(pairs);
        }
    });
}

// A TCP segment as GRO makes it of several: one packet, longer than the MTU, with a segment size.
TEST(RawReceivePath, merged_by_gro) {
    in_own_netns([] {
        const Wire wire;
        ip("addr add 10.77.0.1/24 dev xtin");
        auto pairs = open_pairs({"xtin"}, {"xt-merge"}, IPPROTO_TCP);
        constexpr size_t tcp_header = 20, payload = 6000;
        const Ipv4 header{.protocol = IPPROTO_TCP};
        Bytes segment = tcp_syn(header, 7, 8);
        segment.resize(tcp_header);
        segment[12] = 5 << 4; // no options
        segment[13] = 0x10;   // ACK
        const VnetHeader vnet{.flags = vnet_needs_csum,
                              .gso_type = vnet_gso_tcpv4,
                              .hdr_len = ETH_HLEN + sizeof(iphdr) + tcp_header,
                              .gso_size = 1400,
                              .csum_start = ETH_HLEN + sizeof(iphdr),
                              .csum_offset = 16};
        ask_for_vnet(wire.sender(), sizeof(VnetHeader));
        wire.in(vnet_bytes(vnet) +
                ethernet(link::mac("xtin"), ETH_P_IP,
                         header.packet(segment + repeated("xt-merge", payload))));
        ask_for_vnet(wire.sender(), 0);
        wire.fence();
        EXPECT_EQ(receive(pairs[0].sibling.get(), any_size, MSG_PEEK).result,
                  long(sizeof(iphdr) + tcp_header + payload));
        expect_equal_captures(pairs);
    });
}

// What decides whether a packet is for this host changes, while packets of one flow come: nobody
// may remember what was.
TEST(RawReceivePath, that_changes_is_noticed_at_once) {
    struct Change {
        const char* name;
        std::function<void()> make;
    };
    const auto by_ip = [](const char* words) { return Change{words, [=] { ip(words); }}; };
    const auto by_sysctl = [](const char* name, const char* value) {
        return Change{name, [=] { set_sysctl(name, value); }};
    };
    const Change changes[] = {
        by_ip("addr add 10.77.0.1/24 dev xtin"),
        by_ip("addr del 10.77.0.1/24 dev xtin"),
        by_ip("addr add 10.77.0.1/24 dev xtin"),
        by_ip("rule add pref 10 lookup local"),
        by_ip("rule del pref 0"),
        by_ip("rule add pref 5 from 10.77.0.2 prohibit"),
        by_ip("rule del pref 5"),
        by_ip("rule add pref 0 lookup local"),
        by_ip("rule del pref 10"),
        by_ip("route add 10.77.0.2 dev xtalt"),
        by_sysctl("conf/xtin/rp_filter", "1"),
        by_sysctl("conf/xtin/rp_filter", "2"),
        by_sysctl("conf/xtin/rp_filter", "1"),
        by_ip("route del 10.77.0.2 dev xtalt"),
        by_sysctl("conf/xtin/rp_filter", "0"),
        by_ip("addr add 10.77.0.2/24 dev xtalt"),
        by_sysctl("conf/xtin/accept_local", "1"),
        by_sysctl("conf/xtin/accept_local", "0"),
        by_ip("addr del 10.77.0.2/24 dev xtalt"),
        by_ip("route add blackhole 10.77.0.2"),
        by_sysctl("conf/all/rp_filter", "1"),
        by_sysctl("conf/all/rp_filter", "0"),
        by_ip("route flush table local"),
    };
    in_own_netns([&] {
        const Wire wire;
        ip("link add xtalt type dummy", "link set xtalt up");
        set_sysctl("conf/all/rp_filter", "0");
        set_sysctl("conf/xtin/rp_filter", "0");
        const Mac to = link::mac("xtin");
        const Fd sibling = open_raw(Side::sibling, experimental_protocol);
        const Fd xinet = open_raw(Side::xinet, experimental_protocol);
        bool came = false, stayed_out = false;
        for (const auto& change : changes) {
            change.make();
            for (int i = 0; i < 3; i++) {
                wire.in(ethernet(to, ETH_P_IP, packet("xt-still")));
                wire.fence();
                const auto theirs = receive_now(sibling.get());
                const auto ours = receive_now(xinet.get());
                EXPECT_EQ(theirs, ours) << "after " << change.name;
                (theirs ? came : stayed_out) = true;
            }
        }
        EXPECT_TRUE(came && stayed_out);
    });
}

// The memory of a route must not hold what the route goes through.
TEST(RawReceivePath, that_is_gone_holds_no_device) {
    in_own_netns([] {
        for (int round = 0; round < 2; round++) {
            const Wire wire;
            ip("addr add 10.77.0.1/24 dev xtin");
            const Fd socket = open_raw(Side::xinet, experimental_protocol);
            for (int i = 0; i < 4; i++)
                wire.in(ethernet(link::mac("xtin"), ETH_P_IP, packet("xt-still")));
            receive_marked(socket.get(), "xt-still");
            ip("link del xtin"); // waits until nobody holds it
        }
    });
}

} // namespace
} // namespace xt
