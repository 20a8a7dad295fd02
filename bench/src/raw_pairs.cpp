// SPDX-License-Identifier: GPL-2.0-or-later
// What raw IPv4 sockets cost: one, a crowd that waits for echo replies of
// others, and sending.
#include "injector.h"
#include "pair.h"
#include "profile.h"

#include "xinet/error.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/xinet.h>

namespace bench {
namespace {

constexpr std::uint16_t traffic_id = 0xbeef; ///< no socket of a crowd waits for it

std::uint16_t checksum(std::span<const std::byte> data) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < data.size(); i += 2) {
        sum += std::to_integer<std::uint32_t>(data[i]) << 8 |
               std::to_integer<std::uint32_t>(data[i + 1]);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return htons(static_cast<std::uint16_t>(~sum));
}

/// An echo reply for this host from a neighbour on the tun interface.
std::vector<std::byte> echo_reply() {
    std::vector<std::byte> packet(84);
    iphdr ip{};
    ip.version = 4;
    ip.ihl = 5;
    ip.tot_len = htons(static_cast<std::uint16_t>(packet.size()));
    ip.ttl = 64;
    ip.protocol = IPPROTO_ICMP;
    ip.saddr = inet_addr("10.89.0.2");
    ip.daddr = inet_addr("10.89.0.1");
    std::memcpy(packet.data(), &ip, sizeof(ip));
    ip.check = checksum(std::span(packet).first(sizeof(ip)));
    std::memcpy(packet.data(), &ip, sizeof(ip));

    icmphdr icmp{};
    icmp.type = ICMP_ECHOREPLY;
    icmp.un.echo.id = htons(traffic_id);
    std::memcpy(packet.data() + sizeof(ip), &icmp, sizeof(icmp));
    icmp.checksum = checksum(std::span(packet).subspan(sizeof(ip)));
    std::memcpy(packet.data() + sizeof(ip), &icmp, sizeof(icmp));
    return packet;
}

xinet::FileDescriptor open_raw(xinet::Engine engine, int protocol) {
    return xinet::open_socket(engine == xinet::Engine::xinet ? xinet::family_number() : PF_INET,
                              SOCK_RAW, protocol, engine, "raw");
}

template<class Value>
void set_option(int descriptor, int level, int option, const Value& value, const char* name) {
    if (::setsockopt(descriptor, level, option, &value, sizeof(value)) < 0) {
        throw xinet::Error("set", name, errno);
    }
}

/// Accepts echo replies to @p id only.
void attach_id_filter(int descriptor, std::uint16_t id) {
    sock_filter code[] = {
        // NOLINT(modernize-avoid-c-arrays): of sock_fprog
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_ECHOREPLY, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 65535),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const sock_fprog program{std::size(code), code};
    set_option(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, program, "SO_ATTACH_FILTER");
}

void allow_descriptors(rlim_t count) {
    const rlimit limit{count, count};
    if (::setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        throw xinet::Error("raise", "RLIMIT_NOFILE", errno);
    }
}

enum class Crowd {
    accepting, ///< takes every packet
    rejecting, ///< each waits for an identifier of its own, by filter
    by_id,     ///< the same by XINET_RAW_ICMP_ID, over PF_INET by filter
};

/// What the sockets add to the reception of one echo reply.
double receive_cost(xinet::Engine engine, Crowd crowd, int sockets, std::uint64_t packets) {
    packets = packets_to_measure(packets);
    allow_descriptors(static_cast<rlim_t>(sockets) + 64);
    TunInterface tun("bench0", "10.89.0.1/24");
    const std::vector<std::byte> packet = echo_reply();
    tun.receive(packet, packets);
    const Nanoseconds without = tun.receive(packet, packets);

    std::vector<xinet::FileDescriptor> opened;
    for (int i = 0; i < sockets; ++i) {
        opened.push_back(open_raw(engine, IPPROTO_ICMP));
        const int descriptor = opened.back().get();
        const auto id = static_cast<std::uint16_t>(i + 1);
        if (crowd == Crowd::accepting) {
            set_option(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, int{1} << 29, "SO_RCVBUFFORCE");
        } else if (crowd == Crowd::by_id && engine == xinet::Engine::xinet) {
            set_option(descriptor, SOL_XINET, XINET_RAW_ICMP_ID, int{id}, "XINET_RAW_ICMP_ID");
        } else {
            attach_id_filter(descriptor, id);
        }
    }
    const ProfiledStretch stretch(packets);
    const Nanoseconds with = tun.receive(packet, packets);
    return (with - without).count();
}

double send_cost(xinet::Engine engine) {
    const auto packets = static_cast<int>(packets_to_measure(10000));
    const DummyInterface interface("bench0", "10.90.0.1/24");
    const xinet::FileDescriptor socket = open_raw(engine, 253);
    sockaddr_in destination{};
    destination.sin_family = AF_INET;
    destination.sin_addr.s_addr = inet_addr("10.90.0.2");
    const std::array<std::byte, 64> payload{};

    const auto send_all = [&](int count) {
        for (int i = 0; i < count; ++i) {
            if (::sendto(socket.get(), payload.data(), payload.size(), 0,
                         reinterpret_cast<const sockaddr*>(&destination),
                         sizeof(destination)) < 0) {
                throw xinet::Error("send through", interface.name(), errno);
            }
        }
    };
    send_all(packets / 10);
    const ProfiledStretch stretch(static_cast<std::uint64_t>(packets));
    const auto start = now();
    send_all(packets);
    return (Nanoseconds(now() - start) / packets).count();
}

Pair crowd_pair(std::string name, Crowd crowd, int sockets, std::uint64_t packets) {
    return {
        .name = std::move(name),
        .group = "raw",
        .unit = "per packet",
        .peer_name = "AF_INET",
        .cost = [=](xinet::Engine engine) { return receive_cost(engine, crowd, sockets, packets); },
        .floor = {}};
}

} // namespace

std::vector<Pair> raw_pairs() {
    return {
        crowd_pair("raw, one socket receiving", Crowd::accepting, 1, 10000),
        crowd_pair("raw, one socket rejecting", Crowd::rejecting, 1, 10000),
        crowd_pair("raw, 1000 ICMP sockets, a filter each", Crowd::rejecting, 1000, 200),
        crowd_pair("raw, 1000 ICMP sockets, XINET_RAW_ICMP_ID", Crowd::by_id, 1000, 200),
        {.name = "raw, sendto(), 64 bytes",
         .group = "raw",
         .unit = "per packet",
         .peer_name = "AF_INET",
         .cost = send_cost,
         .floor = {}},
    };
}

} // namespace bench
