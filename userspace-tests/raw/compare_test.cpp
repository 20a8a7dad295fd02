// SPDX-License-Identifier: GPL-2.0-or-later
// The proof for raw sockets: the same packets, received through PF_INET and PF_XINET at once, are
// the same: source address, header, payload, control messages, and what is not received at all.
#include <gtest/gtest.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>

#include "support/compare.h"
#include "support/netns.h"
#include "support/sys.h"

namespace xt {
namespace {

constexpr uint16_t port = 7692;
constexpr uint8_t monitored = 252;
// IPPROTO_RAW is not among them: there the families differ, see recv_test.cpp.
constexpr int protocols[] = {IPPROTO_ICMP, IPPROTO_UDP, IPPROTO_TCP, experimental_protocol};

struct Setting {
    const char* name;
    std::function<void(const Fd&)> apply;
};

const Setting settings[] = {
    {"plain", [](const Fd&) {}},
    {"control messages",
     [](const Fd& socket) {
         for (const int option : {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVOPTS, IP_RETOPTS})
             set_option(socket, SOL_IP, option, 1);
     }},
    {"bound", [](const Fd& socket) { bind_to(socket, ipv4_address(here_address)); }},
    {"bound to the group", [](const Fd& socket) { bind_to(socket, ipv4_address(group_address)); }},
    {"bound to the broadcast address",
     [](const Fd& socket) { bind_to(socket, ipv4_address(wire_broadcast)); }},
    {"connected",
     [](const Fd& socket) {
         const auto peer = ipv4_address(peer_address);
         checked(sys::connect(socket.get(), &peer, sizeof(peer)), "connect");
     }},
    {"device",
     [](const Fd& socket) {
         checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, here_device, 4),
                 "SO_BINDTODEVICE");
     }},
    {"member",
     [](const Fd& socket) {
         const ip_mreq request{ipv4_address(group_address).sin_addr,
                               ipv4_address(here_address).sin_addr};
         checked(
             sys::setsockopt(socket.get(), SOL_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)),
             "IP_ADD_MEMBERSHIP");
     }},
    {"members only", [](const Fd& socket) { set_option(socket, SOL_IP, IP_MULTICAST_ALL, 0); }},
};

class CompareRaw : public testing::Test {
protected:
    static Bytes payload(const std::string& mark, size_t size = 64) { return repeated(mark, size); }
    void in(const Bytes& packet, const Mac& to) const {
        wire_.send(ethernet(to, ETH_P_IP, packet));
    }
    void in(const Bytes& packet) const { in(packet, here_mac_); }

    // The payload of an IP packet that is valid in its protocol.
    static Bytes body(int protocol, const Bytes& data) {
        if (protocol == IPPROTO_ICMP)
            return icmp(ICMP_ECHOREPLY, 0, 1, 1, data);
        if (protocol == IPPROTO_UDP)
            return udp(port, port, data);
        if (protocol == IPPROTO_TCP)
            return tcp_syn({}, port, port) + data; // its checksum is wrong, which TCP may say
        return data;
    }

    // What was sent before has reached every socket when this returns: packets pass one by one.
    void fence(const char* mark = "xt-fence") const {
        in(Ipv4{.protocol = monitored}.packet(payload(mark)));
        receive_marked(monitor_.get(), mark);
    }

    [[nodiscard]] Mac mac_of(std::string_view address) const {
        return address == wire_broadcast  ? broadcast_mac
               : address == group_address ? multicast_mac
                                          : here_mac_;
    }

    [[nodiscard]] std::vector<Step> steps() const;

    OnOneCpu one_cpu_;
    Mac here_mac_ = here_mac();
    Injector wire_ = Injector::at_peer();
    Fd udp_ = udp_socket(port);
    Fd monitor_ = open_raw(Side::sibling, monitored);
};

std::vector<Step> CompareRaw::steps() const {
    const auto each_protocol = [this](const Ipv4& header) {
        return [=, this](const std::string& mark) {
            for (const int protocol : protocols) {
                Ipv4 own = header;
                own.protocol = uint8_t(protocol);
                in(own.packet(body(protocol, payload(mark))), mac_of(header.to));
            }
        };
    };
    const auto fragmented = [this](size_t size, size_t each, bool backwards) {
        return [=, this](const std::string& mark) {
            for (const int protocol : protocols) {
                Ipv4 header{.protocol = uint8_t(protocol), .id = uint16_t(0x4000 + size + each)};
                auto parts = fragments(header, body(protocol, payload(mark, size)), each);
                if (backwards)
                    std::reverse(parts.begin(), parts.end());
                for (size_t i = 0; i < parts.size(); i++) {
                    if (i % longest_burst == 0)
                        fence();
                    in(parts[i]);
                }
            }
        };
    };
    const auto altered = [this](const std::function<void(Bytes&)>& alter) {
        return [=, this](const std::string& mark) {
            Bytes packet = Ipv4{}.packet(payload(mark));
            alter(packet);
            in(packet);
        };
    };
    return {
        {"xt-plain", each_protocol({})},
        {"xt-field", each_protocol({.ttl = 1, .tos = 0xb8, .id = 0, .fragment = IP_DF})},
        {"xt-optns", each_protocol({.options = {7, 7, 4, 0, 0, 0, 0, 0}})},
        {"xt-route", each_protocol({.options = {0x83, 7, 8, 10, 77, 0, 1, 0}})},
        {"xt-bcast", each_protocol({.to = wire_broadcast})},
        {"xt-group", each_protocol({.to = group_address})},
        {"xt-3rd--", each_protocol({.from = "10.77.0.3"})},
        {"xt-frag1", fragmented(3000, 1024, false)},
        {"xt-frag2", fragmented(2000, 600, true)},
        {"xt-frag3", fragmented(20000, 1400, false)},
        {"xt-echo-",
         [this](const std::string& mark) {
             in(Ipv4{.protocol = IPPROTO_ICMP}.packet(icmp(ICMP_ECHO, 0, 7, 1, payload(mark))));
         }},
        {"xt-short",
         [this](const std::string& mark) {
             // the frame is padded, the packet is not
             in(Ipv4{}.packet(payload(mark, 8)) + Bytes(40));
         }},
        {"xt-local",
         [](const std::string& mark) {
             const Fd sender = open_raw(Side::sibling, experimental_protocol);
             for (const char* to : {"127.0.0.1", here_address})
                 checked(send_to(sender.get(), payload(mark), ipv4_address(to)), "send");
         }},
        // from here on what is not to be received, or only sometimes
        {"xt-chksm", altered([](Bytes& packet) { packet[10] ^= 1; })},
        {"xt-versn", altered([](Bytes& packet) { packet[0] = 0x55; })},
        {"xt-hdlen", altered([](Bytes& packet) { packet[0] = 0x44; })},
        {"xt-hdln2", altered([](Bytes& packet) { packet[0] = 0x4f; })},
        {"xt-totln", altered([](Bytes& packet) { packet[2] = 0x7f; })},
        {"xt-trunc", altered([](Bytes& packet) { packet.resize(19); })},
        {"xt-other",
         [this](const std::string& mark) { in(Ipv4{}.packet(payload(mark)), nobodys_mac); }},
        {"xt-notus", each_protocol({.to = "192.0.2.1"})},
        {"xt-marti", each_protocol({.from = "127.0.0.1"})},
        {"xt-self-", each_protocol({.from = here_address})},
        {"xt-frmbc", each_protocol({.from = "255.255.255.255"})},
        {"xt-frmmc", each_protocol({.from = group_address})},
        {"xt-zero-", each_protocol({.from = "0.0.0.0"})},
        {"xt-lobrd", each_protocol({.to = "255.255.255.255"})},
        {"xt-ucbrd",
         [this](const std::string& mark) {
             in(Ipv4{.to = here_address}.packet(payload(mark)), broadcast_mac);
         }},
        {"xt-ttl-0", each_protocol({.ttl = 0})},
    };
}

TEST_F(CompareRaw, all_packets_are_the_same_through_all_kinds_of_sockets) {
    std::vector<Pair> pairs;
    const auto wanted = [&](const Setting& setting) {
        return std::string(setting.name) != "plain"
                   ? std::vector<std::string>{}
                   : std::vector<std::string>{"xt-plain", "xt-field", "xt-optns", "xt-bcast",
                                              "xt-3rd--", "xt-frag1", "xt-frag2", "xt-frag3"};
    };
    for (const int protocol : protocols)
        for (const auto& setting : settings) {
            Pair pair{"protocol " + std::to_string(protocol) + ", " + setting.name,
                      open_raw(Side::sibling, protocol), open_raw(Side::xinet, protocol),
                      wanted(setting)};
            for (const Fd* socket : {&pair.sibling, &pair.xinet}) {
                set_option(*socket, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
                setting.apply(*socket);
            }
            pairs.push_back(std::move(pair));
        }

    for (const auto& step : steps()) {
        step.send(step.mark);
        fence();
    }
    fence("no mark!");
    expect_equal_captures(pairs);
}

} // namespace
} // namespace xt
