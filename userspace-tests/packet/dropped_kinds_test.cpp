// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_DROPS: what the kernel drops between device and socket, and on the way out; the rest
// is in dropped_test.cpp.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/bpf.h"
#include "support/compare.h"
#include "support/inet.h"
#include "support/kernel_release.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/on_wire.h"
#include "support/sys.h"
#include "support/told.h"
#include "support/tpacket_v1.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr uint16_t port = 4490; // nobody has it
constexpr uint16_t open_port = 4491;

void run(const std::string& words) {
    if (std::system(words.c_str()) != 0)
        throw std::runtime_error(words);
}

void drop_by_tc(const std::string& words) {
    run("tc filter add dev " + words + " matchall action drop");
}

// User Mode Linux of the lanes has neither act_gact nor VLAN filters; every stock kernel has both.
// With two CPUs an emulated guest is left out: some of these patch the code that the other one
// runs, which QEMU does not bear.
bool is_stock_with_one_cpu() {
    return is_stock_kernel() && get_nprocs() == 1;
}

// Kernels name more reasons than the one before; one that does not know says NOT_SPECIFIED.
struct Provocation {
    const char* mark;
    std::vector<std::string> reasons;
    std::function<void(const std::string& mark)> act;
};

// It quotes the packet that it answers, and whoever is at the other end drops it.
bool is_icmp_error(const Bytes& frame) {
    constexpr size_t protocol_at = ETH_HLEN + offsetof(iphdr, protocol);
    constexpr size_t type_at = ETH_HLEN + sizeof(iphdr);
    constexpr size_t next_header_at = ETH_HLEN + 6; // of IPv6
    constexpr size_t type6_at = ETH_HLEN + 40;
    if (frame.size() <= type6_at)
        return false;
    const uint8_t type = frame.at(type_at);
    if (frame.at(12) == 0x86 && frame.at(13) == 0xdd)
        return frame.at(next_header_at) == IPPROTO_ICMPV6 && frame.at(type6_at) < 128;
    return frame.at(12) == 0x08 && frame.at(13) == 0x00 && frame.at(protocol_at) == IPPROTO_ICMP &&
           (type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB);
}

class DroppedKinds : public OnWire, public testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        if (GetParam() && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
        if (!self_check() && drops_are_refused())
            GTEST_SKIP() << "this kernel cannot copy what it drops";
        OnWire::SetUp();
    }

    // Each once, whatever device it is of.
    static void expect_told(const std::vector<Provocation>& kinds) {
        ToldCapture capture({.drops = XINET_DROPS_ONLY, .lanes = GetParam()});
        for (const auto& [mark, reasons, act] : kinds) {
            SCOPED_TRACE(mark);
            act(mark);
            auto found = capture.take_marked(mark);
            std::erase_if(found, [](const auto& packet) { return is_icmp_error(packet.data); });
            ASSERT_EQ(found.size(), 1U);
            EXPECT_NE(std::ranges::find(reasons, found[0].reason()), reasons.end())
                << found[0].reason() << " at " << found[0].dropped->place;
            EXPECT_NE(std::string(found[0].dropped->place), "");
        }
    }

    static Bytes datagram(const std::string& mark, uint16_t to = port) {
        return udp(9, to, repeated(mark, 64));
    }
    // Its checksum is not that of what is in it.
    static Bytes broken(Bytes payload, size_t checksum_at) {
        payload.at(checksum_at) ^= 0x55;
        return payload;
    }
    void in_for(Ipv4 header, const char* to, const Bytes& payload) const {
        header.to = to;
        in(header.packet(payload));
    }
    void in_by(const Mac& mac, const Bytes& packet) const {
        wire_->in(ethernet(mac, ETH_P_IP, packet));
    }
};

TEST_P(DroppedKinds, of_a_host_that_receives) {
    here_.run([this] {
        set_sysctl("conf/xtin/drop_unicast_in_l2_multicast", "1");
        Ipv4 tcp = to_here;
        tcp.protocol = IPPROTO_TCP;
        Ipv4 icmp_header = to_here;
        icmp_header.protocol = IPPROTO_ICMP;
        const auto reply = [](uint8_t type, const std::string& mark) {
            return icmp(type, 0, 1, 1, repeated(mark, 64));
        };
        expect_told({
            {"xt-tcpport",
             {"NO_SOCKET"},
             [&](const auto& mark) { in(tcp.packet(tcp_data(tcp, 9, port, repeated(mark, 64)))); }},
            {"xt-tcpsum",
             {"TCP_CSUM"},
             [&](const auto& mark) {
                 in(tcp.packet(broken(tcp_data(tcp, 9, port, repeated(mark, 64)), 16)));
             }},
            {"xt-icmpsum",
             {"ICMP_CSUM"},
             [&](const auto& mark) { in(icmp_header.packet(broken(reply(0, mark), 2))); }},
            {"xt-icmptype",
             {"UNHANDLED_PROTO"},
             [&](const auto& mark) { in(icmp_header.packet(reply(200, mark))); }},
            {"xt-udplength",
             {"PKT_TOO_SMALL"},
             [&](const auto& mark) {
                 Bytes payload = datagram(mark);
                 payload.at(4) = 0x70;
                 in(to_here.packet(payload));
             }},
            {"xt-other",
             {"OTHERHOST"},
             [&](const auto& mark) { in_by(nobodys_mac, to_here.packet(datagram(mark))); }},
            {"xt-vlan",
             {"OTHERHOST"},
             [&](const auto& mark) {
                 wire_->in(
                     vlan_ethernet(link::mac("xtin"), 5, ETH_P_IP, to_here.packet(datagram(mark))));
             }},
            {"xt-l2mcast",
             {"UNICAST_IN_L2_MULTICAST"},
             [&](const auto& mark) { in_by(multicast_mac, to_here.packet(datagram(mark))); }},
            {"xt-option",
             {"IP_INHDR", "NOT_SPECIFIED"},
             [&](const auto& mark) {
                 Ipv4 header = to_here;
                 header.options = {0x83, 0x02, 0, 0}; // a source route without room for a pointer
                 in(header.packet(datagram(mark)));
             }},
            {"xt-duplicate",
             {"DUP_FRAG", "NOT_SPECIFIED"},
             [&](const auto& mark) {
                 Ipv4 header = to_here;
                 header.fragment = IP_MF;
                 for (int i = 0; i < 2; i++)
                     in(header.packet(datagram(mark)));
             }},
        });
    });
}

TEST_P(DroppedKinds, of_ipv6) {
    here_.run([this] {
        ip("addr add fd66::1/64 dev xtin nodad");
        const Ipv6 header{.from = "fd66::2", .to = "fd66::1"};
        const auto in6 = [this](const Bytes& packet) { in(packet, ETH_P_IPV6); };
        expect_told({
            {"xt-port6",
             {"NO_SOCKET"},
             [&](const auto& mark) {
                 in6(header.packet(udp6(header, 9, port, repeated(mark, 64))));
             }},
            {"xt-sum6",
             {"UDP_CSUM"},
             [&](const auto& mark) {
                 in6(header.packet(broken(udp6(header, 9, port, repeated(mark, 64)), 6)));
             }},
            {"xt-version6",
             {"IP_INHDR", "UNHANDLED_PROTO", "NOT_SPECIFIED"},
             [&](const auto& mark) {
                 Bytes packet = header.packet(udp6(header, 9, port, repeated(mark, 64)));
                 packet.at(0) = 0x50;
                 in6(packet);
             }},
            {"xt-loopback6",
             {"IP_INHDR", "IPV6_INVALID_SOURCE", "INVALID_SOURCE", "NOT_SPECIFIED"},
             [&](const auto& mark) {
                 const Ipv6 forged{.from = "::1", .to = "fd66::1"};
                 in6(forged.packet(udp6(forged, 9, port, repeated(mark, 64))));
             }},
        });
    });
}

TEST_P(DroppedKinds, of_a_router_and_of_what_is_sent) {
    here_.run([this] {
        set_sysctl("ip_forward", "1");
        set_sysctl("neigh/xtin/mcast_solicit", "0");
        set_sysctl("neigh/xtin/app_solicit", "0");
        ip("link add xtfar mtu 576 type dummy", "link set xtfar up",
           "route add 10.99.0.0/16 dev xtfar", "link add xttc type dummy", "link set xttc up",
           "route add 10.98.0.0/16 dev xttc", "link add xtq type dummy", "link set xtq up",
           "route add 10.97.0.0/16 dev xtq");
        run("tc qdisc add dev xttc clsact");
        run("tc qdisc add dev xtq root tbf rate 8bit burst 10 limit 10");
        const Fd receiver = udp_at("10.66.0.1", open_port);
        const Fd sender = open_socket(Side::sibling, Transport::datagram);
        std::vector<Provocation> kinds{
            {"xt-ttl",
             {"IP_INHDR", "NOT_SPECIFIED"},
             [&](const auto& mark) {
                 Ipv4 header = to_here;
                 header.ttl = 1;
                 in_for(header, "10.99.0.1", datagram(mark));
             }},
            {"xt-mtu",
             {"PKT_TOO_BIG"},
             [&](const auto& mark) {
                 Ipv4 header = to_here;
                 header.fragment = IP_DF;
                 in_for(header, "10.99.0.1", udp(9, port, repeated(mark, 1000)));
             }},
            {"xt-qdisc",
             {"QDISC_DROP", "QDISC_OVERLIMIT"},
             [&](const auto& mark) { in_for(to_here, "10.97.0.1", datagram(mark)); }},
            {"xt-neighbour",
             {"NEIGH_FAILED"},
             [&](const auto& mark) {
                 send_to(sender.get(), repeated(mark, 64), ipv4_address("10.66.0.77", port));
             }},
            {"xt-rpfilter",
             {"IP_RPFILTER"},
             [&](const auto& mark) {
                 set_sysctl("conf/xtin/rp_filter", "1");
                 Ipv4 header = to_here;
                 header.from = "10.99.0.2";
                 in(header.packet(datagram(mark, open_port)));
                 wire_->fence();
                 set_sysctl("conf/xtin/rp_filter", "0");
             }},
        };
        // of a 32-bit program Debian's kernels of 64 bits take no policy
        if (!kernel_words_are_longer()) {
            ip("xfrm policy add src 10.96.0.0/16 dst 10.66.0.1 dir in action block");
            kinds.push_back({"xt-policy", {"XFRM_POLICY"}, [&](const auto& mark) {
                                 Ipv4 header = to_here;
                                 header.from = "10.96.0.1";
                                 in(header.packet(datagram(mark, open_port)));
                             }});
        }
        if (is_stock_with_one_cpu()) {
            drop_by_tc("xttc egress");
            kinds.push_back({"xt-egress", {"TC_EGRESS"}, [&](const auto& mark) {
                                 in_for(to_here, "10.98.0.1", datagram(mark));
                             }});
        }
        expect_told(kinds);
    });
}

TEST_P(DroppedKinds, before_the_network_layer) {
    here_.run([this] {
        ip("link add xtbr type bridge", "link add xtp0 type veth peer name xtp1",
           "link set xtp0 master xtbr", "link set xtbr up", "link set xtp0 up", "link set xtp1 up");
        const Fd outside = open_socket(Side::sibling, Kind::packet, 0);
        bind_to(outside, link_address(0, link::index("xtp1")));
        run("tc qdisc add dev xtin clsact");
        std::vector<Provocation> kinds;
        if (is_stock_with_one_cpu()) {
            drop_by_tc("xtin ingress protocol 0x88b8");
            kinds.push_back({"xt-ingress", {"TC_INGRESS"}, [&](const auto& mark) {
                                 in(repeated(mark, 64), 0x88b8);
                             }});
        }
        const auto to_bridge = [&](const std::string& mark) {
            const Bytes frame = ethernet(broadcast_mac, 0x88b7, repeated(mark, 64));
            checked(sys::sendto(outside.get(), frame.data(), frame.size(), 0, nullptr, 0), "send");
        };
        if (is_stock_with_one_cpu()) {
            run("ip link set xtbr type bridge vlan_filtering 1");
            run("bridge vlan del dev xtp0 vid 1");
            kinds.push_back({"xt-vlans", {"NOT_SPECIFIED", "VLAN_FILTER"}, to_bridge});
        }
        kinds.push_back(
            {"xt-bridge", {"BRIDGE_INGRESS_STP_STATE", "NOT_SPECIFIED"}, [&](const auto& mark) {
                 run("bridge link set dev xtp0 state 0");
                 to_bridge(mark);
             }});
        const Fd program = load_answer(BPF_PROG_TYPE_XDP, XDP_DROP);
        Fd attached;
        if (get_nprocs() == 1)
            kinds.push_back({"xt-xdp", {"XDP", "NOT_SPECIFIED"}, [&](const auto& mark) {
                                 bpf_attr attributes{};
                                 attributes.link_create.prog_fd = uint32_t(program.get());
                                 attributes.link_create.target_ifindex = link::index("xtin");
                                 attributes.link_create.attach_type = BPF_XDP;
                                 attributes.link_create.flags = XDP_FLAGS_SKB_MODE;
                                 attached =
                                     Fd(int(checked(bpf(BPF_LINK_CREATE, attributes), "XDP")));
                                 in(to_here.packet(datagram(mark)));
                             }});
        expect_told(kinds);
    });
}

INSTANTIATE_TEST_SUITE_P(Receivers, DroppedKinds, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
