// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture_traffic.h"

#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "sys.h"

namespace xt {
bool wire_is_software() {
    return ::access((std::string("/sys/class/net/") + here_device + "/device").c_str(), F_OK) != 0;
}

void CaptureTraffic::SetUp() {
    bind_to(monitor_, link_address(ETH_P_ALL, ifindex_));
    receive_everything(monitor_, ifindex_, peer_wire_);
}

void CaptureTraffic::fence() const {
    in(ethernet(here_mac_, experimental_ethertype, payload("xt-fence", 64)));
    receive_marked(monitor_.get(), "xt-fence");
}

void CaptureTraffic::run(const std::vector<Step>& steps) const {
    for (const auto& step : steps) {
        step.send(step.mark);
        fence();
    }
    fence_all();
}

void CaptureTraffic::fence_all() const {
    in(ethernet(here_mac_, ETH_P_IP, payload("xt-last-", 64)));
    fence();
    // seen by the monitor, but by the sockets after it only when the next one is
    in(ethernet(nobodys_mac, ETH_P_802_EX1 + 1, repeated("no mark!", 64)));
    receive_marked(monitor_.get(), "no mark!");
}

std::vector<Step> CaptureTraffic::incoming() const {
    const auto frame_to = [this](const Mac& to) {
        return [=, this](const std::string& mark) {
            in(ethernet(to, experimental_ethertype, payload(mark, 100)));
        };
    };
    return {
        {"xt-sizes",
         [this](const std::string& mark) {
             for (const size_t size : {0, 1, 2, 45, 46, 47, 60, 512, 1499, 1500})
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
             // QinQ: a tag of 802.1Q within one of 802.1ad
             in(ethernet(here_mac_, ETH_P_8021AD,
                         Bytes{0, 5, 0x81, 0, 0, 6, 0x88, 0xb5} + payload(mark, 64)));
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

std::vector<Step> CaptureTraffic::outgoing() const {
    const auto udp_of = [this](const char* to, size_t size) {
        return [=, this](const std::string& mark) {
            checked(send_to(udp_.get(), payload(mark, size), ipv4_address(to, port)), "send");
        };
    };
    return {
        {"xt-frame",
         [this](const std::string& mark) {
             for (const size_t size : {size_t{46}, size_t{512}, mtu})
                 out(ethernet(peer_mac_, experimental_ethertype, payload(mark, size)));
             out(vlan_ethernet(peer_mac_, 9, experimental_ethertype, payload(mark, 64)));
             for (const Mac& to : {broadcast_mac, multicast_mac, nobodys_mac})
                 out(ethernet(to, experimental_ethertype, payload(mark, 100)));
         }},
        {"xt-udpo-", udp_of(peer_address, 300)},
        {"xt-broad", udp_of(wire_broadcast, 300)},
        {"xt-large", udp_of(peer_address, 5000)},
        {"xt-loop-", udp_of("127.0.0.1", 300)},
        {"xt-self-", udp_of(here_address, 300)},
    };
}

Fd CaptureTraffic::offloader(const char* device) {
    Fd socket = open_socket(Side::sibling, Kind::packet, 0);
    ask_for_vnet(socket, sizeof(VnetHeader));
    bind_to(socket, link_address(0, link::index(device)));
    return socket;
}

void CaptureTraffic::offload_in(const VnetHeader& todo, const Bytes& frame) const {
    const Bytes all = vnet_bytes(todo) + frame;
    checked(::send(peer_offloader_.get(), all.data(), all.size(), 0), "offload");
}

void CaptureTraffic::offload_out(const VnetHeader& todo, const Bytes& frame) const {
    const Bytes all = vnet_bytes(todo) + frame;
    checked(::send(offloader_.get(), all.data(), all.size(), 0), "offload");
}

// A veth pair hands over what it is given, so it is told to cut at one end and to merge at the
// other. What is cut of one frame arrives in one go, and is merged.
void CaptureTraffic::merged_in(const VnetHeader& todo, const Bytes& frame) const {
    const auto merging = [](bool on) {
        in_peer([=] { link::set_offload(peer_device, ETHTOOL_STSO, !on); });
        link::set_offload(here_device, ETHTOOL_SGRO, on);
    };
    if (wire_is_software())
        merging(true);
    offload_in(todo, frame);
    fence();
    if (wire_is_software())
        merging(false);
}

std::vector<Step> CaptureTraffic::offloaded() const {
    constexpr size_t size = 4000;
    constexpr uint16_t segment = 1400;
    return {
        {"xt-csum-",
         [this](const std::string& mark) {
             const auto todo = checksummed(udp_check);
             offload_in(todo, udp_for_device(here_mac_, 200, mark, crafted_mac));
             fence();
             offload_out(todo, udp_for_device(peer_mac_, 200, mark, crafted_mac));
         }},
        {"xt-gso--",
         [this](const std::string& mark) {
             const auto todo = segmented(vnet_gso_tcpv4, segment);
             offload_in(todo, tcp_for_device(here_mac_, size, mark, crafted_mac));
             fence();
             offload_out(todo, tcp_for_device(peer_mac_, size, mark, crafted_mac));
         }},
        {"xt-gro--",
         [this](const std::string& mark) {
             merged_in(segmented(vnet_gso_tcpv4, segment),
                       tcp_for_device(here_mac_, size, mark, crafted_mac));
         }},
    };
}

void CaptureTraffic::set_mtus(unsigned size) const {
    constexpr std::chrono::milliseconds moment{50};
    link::set_mtu(ifindex_, size);
    in_peer([=] { link::set_mtu(link::index(peer_device), size); });
    const auto await = [&](const char* mark, const auto& send) {
        for (auto patience = deadline; patience > moment; patience -= moment) {
            send(ethernet(nobodys_mac, experimental_ethertype, payload(mark, 64)));
            wait_for(monitor_.get(), POLLIN, moment);
            while (const auto message = receive_now(monitor_.get()))
                if (contains(message->data, mark))
                    return;
        }
        throw std::system_error(ETIMEDOUT, std::generic_category(), "another MTU");
    };
    await("xt-in---", [this](const Bytes& frame) { in(frame); });
    fence();
    await("xt-out--", [this](const Bytes& frame) { out(frame); });
}

std::vector<Step> CaptureTraffic::jumbo() const {
    constexpr unsigned jumbo_mtu = 9000;
    // NICs start anew with another MTU, and some lose frames for a while after that
    if (!wire_is_software())
        return {};
    return {{"xt-jumbo", [this](const std::string& mark) {
                 set_mtus(jumbo_mtu);
                 for (const size_t size : {mtu + 1, size_t(3000), size_t(jumbo_mtu)})
                     in(ethernet(here_mac_, experimental_ethertype, payload(mark, size)));
                 fence();
                 out(ethernet(peer_mac_, experimental_ethertype, payload(mark, jumbo_mtu)));
                 fence();
                 set_mtus(mtu);
             }}};
}

std::vector<Step> CaptureTraffic::all_steps() const {
    auto steps = incoming();
    for (const auto& more : {outgoing(), offloaded(), jumbo()})
        steps.insert(steps.end(), more.begin(), more.end());
    return steps;
}

void attach_cutting_filter(const Fd& socket) {
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
    checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
            "SO_ATTACH_FILTER");
}

} // namespace xt
