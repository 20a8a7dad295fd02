// SPDX-License-Identifier: GPL-2.0-or-later
// What it costs to be told more of a packet than its bytes, beyond its capture: owners, points,
// drops, frames as on the wire. Beside it, what people use for that today.
#include "injector.h"
#include "pair.h"
#include "peers.h"
#include "profile.h"
#include "taps.h"

#include "xinet/error.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/xinet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bench {
namespace {

constexpr const char* interface_name = "bench0";
constexpr const char* host = "10.89.0.1";
constexpr const char* host_with_prefix = "10.89.0.1/24";
constexpr const char* other_host = "10.89.0.2";
constexpr std::uint16_t port = 5000;

sockaddr_in place(const char* address, std::uint16_t at) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(at);
    ::inet_pton(AF_INET, address, &name.sin_addr);
    return name;
}

xinet::FileDescriptor open_bound(int type, const char* address) {
    xinet::FileDescriptor socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    const sockaddr_in name = place(address, port);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) < 0) {
        throw xinet::Error("bind", "a socket", errno);
    }
    return socket;
}

/// The packets of a set of taps, or of what stands in for one.
using Count = std::function<std::uint64_t()>;

/// What @p capture adds to a packet of @p traffic. The better of two, because the kernel cleans up
/// after measurements before, seconds later.
double cost_beside(std::uint64_t packets, const std::function<Nanoseconds()>& traffic,
                   const std::function<Count()>& capture) {
    traffic(); // warms caches and code
    const Nanoseconds once = traffic();
    const Nanoseconds without = std::min(once, traffic());
    const Count count = capture();
    count();
    const Nanoseconds first = [&] {
        const ProfiledStretch stretch(packets);
        return traffic();
    }();
    const Nanoseconds with = std::min(first, traffic());
    if (const std::uint64_t got = count(); got != 2 * packets) {
        throw xinet::Error("measure", "packets of a host", 0,
                           fmt::format("{} came instead of {}", got, 2 * packets));
    }
    return (with - without).count();
}

Count taps_of(TapPlan plan, unsigned interface_index, std::uint64_t packets) {
    plan.receiver = Receiver::lanes;
    plan.interface_index = interface_index;
    plan.frames = 2 * packets;
    auto taps = std::make_shared<Taps>(xinet::Engine::xinet, plan);
    return [taps] { return taps->packets(); };
}

Count tc_capture(unsigned interface_index, std::uint64_t packets, bool look_up) {
    auto capture = std::make_shared<TcCapture>(interface_index, 2 * packets, look_up);
    return [capture] { return capture->packets(); };
}

/// Datagrams for a socket of this host. Its receive buffer is soon full.
double receive_cost(const std::function<Count(unsigned, std::uint64_t)>& capture) {
    const std::uint64_t packets = packets_to_measure(20000);
    const DummyInterface interface(interface_name, host_with_prefix);
    const xinet::FileDescriptor receiver = open_bound(SOCK_DGRAM, "0.0.0.0");
    PacketGenerator generator({interface.name()}, 60);
    generator.address_to(interface.name(), other_host, host, port);
    return cost_beside(
        packets, [&] { return generator.receive(packets); },
        [&] { return capture(interface.index(), packets); });
}

double receive_cost(const TapPlan& plan) {
    return receive_cost(
        [&](unsigned index, std::uint64_t packets) { return taps_of(plan, index, packets); });
}

/// Datagrams that a socket of this host sends.
double send_cost(const TapPlan& plan) {
    const std::uint64_t packets = packets_to_measure(20000);
    const DummyInterface interface(interface_name, host_with_prefix);
    const xinet::FileDescriptor sender = open_bound(SOCK_DGRAM, host);
    const sockaddr_in to = place(other_host, port);
    const std::vector<std::byte> payload(18); // 60 bytes with the headers
    const auto traffic = [&] {
        const auto start = now();
        for (std::uint64_t i = 0; i < packets; ++i) {
            if (::sendto(sender.get(), payload.data(), payload.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof(to)) < 0) {
                throw xinet::Error("send", "a datagram", errno);
            }
        }
        return Nanoseconds(now() - start) / static_cast<double>(packets);
    };
    return cost_beside(packets, traffic, [&] { return taps_of(plan, interface.index(), packets); });
}

/// A connection that exists without the other end having said anything.
xinet::FileDescriptor open_connection() {
    xinet::FileDescriptor socket = open_bound(SOCK_STREAM, host);
    const sockaddr_in to = place(other_host, port);
    set_option(socket.get(), IPPROTO_TCP, TCP_REPAIR, int{TCP_REPAIR_ON}, "TCP_REPAIR");
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) < 0) {
        throw xinet::Error("connect", "a socket", errno);
    }
    return socket;
}

/// Datagrams that the host drops for the checksum of their header: beside a capture when they come,
/// or because they are dropped. Those may arrive later, so the clock runs until all have. (pktgen
/// keeps a reference to what it sends, and only the last one drops a packet.)
double drop_cost(const std::function<Count(unsigned, std::uint64_t)>& capture) {
    const std::uint64_t packets = packets_to_measure(50000); // the last tick counts for little
    constexpr auto patience = std::chrono::seconds(10);
    TunInterface tun(interface_name, host_with_prefix);
    std::vector<std::byte> datagram(60);
    datagram[0] = std::byte{0x45};
    datagram[3] = std::byte{60};
    const auto elapsed = [&](const Count& count) {
        const auto start = now();
        tun.receive(datagram, packets);
        for (std::uint64_t got = 0; count && (got += count()) < packets;) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1)); // leaves the CPU to it
            if (now() - start > patience) {
                throw xinet::Error("measure", "drops", 0,
                                   fmt::format("{} came of {}", got, packets));
            }
        }
        return Nanoseconds(now() - start) / static_cast<double>(packets);
    };
    elapsed({}); // warms caches and code
    const Nanoseconds without = elapsed({});
    const Count count = capture(::if_nametoindex(interface_name), packets);
    count();
    elapsed(count); // has the place looked up
    const Nanoseconds with = [&] {
        const ProfiledStretch stretch(packets);
        return elapsed(count);
    }();
    return (with - without).count();
}

double drop_cost(int drops) {
    return drop_cost([=](unsigned index, std::uint64_t packets) {
        return taps_of({.ethertype = ETH_P_IP, .drops = drops}, index, packets);
    });
}

Count drop_monitor(std::uint64_t packets) {
    auto monitor = std::make_shared<DropMonitor>(packets);
    return [monitor] { return monitor->packets(); };
}

/// A TCP packet without checksum in its header, for which the host throws it away, behind a struct
/// virtio_net_hdr, with `segments` times what fits into a frame.
std::vector<std::byte> tcp_packet(std::size_t segments) {
    constexpr std::size_t headers = 40;
    constexpr std::size_t segment_bytes = 1460;
    const std::size_t length = headers + segments * segment_bytes;
    std::vector<std::byte> packet(10 + length);
    const auto put = [&packet](std::size_t at, std::initializer_list<int> values) {
        std::ranges::transform(values, packet.begin() + static_cast<std::ptrdiff_t>(at),
                               [](int value) { return static_cast<std::byte>(value); });
    };
    const auto low = [](std::size_t value) { return static_cast<int>(value & 0xff); };
    if (segments > 1) { // VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4
        put(0, {1, 1, low(headers), 0, low(segment_bytes), segment_bytes >> 8, 20, 0, 16, 0});
    }
    put(10, {0x45, 0, static_cast<int>(length >> 8), low(length), 0, 0, 0x40, 0, 64, IPPROTO_TCP});
    put(22, {10, 89, 0, 2, 10, 89, 0, 77});
    put(30, {0x10, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10});
    return packet;
}

/// Segments for a connection of this host.
double segment_cost(const TapPlan& plan) {
    const std::uint64_t packets = packets_to_measure(20000);
    TunInterface tap(interface_name, host_with_prefix, TunInterface::Frames::ethernet);
    const xinet::FileDescriptor connection = open_connection();
    std::vector<std::byte> frame(60);
    const auto put = [&frame](std::size_t at, std::initializer_list<int> values) {
        std::ranges::transform(values, frame.begin() + static_cast<std::ptrdiff_t>(at),
                               [](int value) { return static_cast<std::byte>(value); });
    };
    put(0, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0});
    put(14,
        {0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, IPPROTO_TCP, 0x26, 0xc6, 10, 89, 0, 2, 10, 89, 0, 1});
    put(34, {port >> 8, port & 0xff, port >> 8, port & 0xff, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10});
    return cost_beside(
        packets, [&] { return tap.receive(frame, packets); },
        [&] { return taps_of(plan, ::if_nametoindex(interface_name), packets); });
}

/// Frames of TCP in a ring: from packets of 16 that are cut up, or one by one.
double original_cost(bool merged) {
    const std::uint64_t segments = merged ? 16 : 1;
    const std::uint64_t packets = packets_to_measure(16000) / segments;
    TunInterface tun(interface_name, host_with_prefix, TunInterface::Frames::ip_with_offloads);
    const std::vector<std::byte> packet = tcp_packet(segments);
    tun.receive(packet, packets); // warms caches and code
    const Nanoseconds without = tun.receive(packet, packets);
    Taps taps(xinet::Engine::xinet, {.receiver = Receiver::lanes,
                                     .interface_index = ::if_nametoindex(interface_name),
                                     .ethertype = ETH_P_IP,
                                     .frames = packets * segments,
                                     .frame_bytes = 1500,
                                     .original = merged});
    taps.packets();
    const Nanoseconds with = [&] {
        const ProfiledStretch stretch(packets * segments);
        return tun.receive(packet, packets);
    }();
    if (const std::uint64_t got = taps.packets(); got != packets * segments) {
        throw xinet::Error("measure", "frames as on the wire", 0,
                           fmt::format("{} came of {}", got, packets * segments));
    }
    return (with - without).count() / static_cast<double>(segments);
}

/// What the option of a plan costs beyond the same capture without.
Pair beyond_capture(std::string name, std::string peer, double (*cost)(const TapPlan&),
                    const TapPlan& plan) {
    return {.name = std::move(name),
            .group = "one socket",
            .unit = "per packet",
            .peer_name = std::move(peer),
            .cost =
                [=](xinet::Engine engine) {
                    return cost(engine == xinet::Engine::xinet ? plan : TapPlan{});
                },
            .floor = {}};
}

std::vector<Pair> owners() {
    const auto pair = [](const char* of, double (*cost)(const TapPlan&)) {
        return beyond_capture(fmt::format("XINET_PACKET_OWNER of {} against none, 60 bytes", of),
                              "without owners", cost, {.owners = true});
    };
    const auto beside_tc = [](std::string name, bool owner) {
        return Pair{.name = std::move(name),
                    .group = "one socket",
                    .unit = "per packet",
                    .peer_name = "tc eBPF, ring buffer",
                    .cost =
                        [=](xinet::Engine engine) {
                            if (engine == xinet::Engine::xinet) {
                                return receive_cost(TapPlan{.owners = owner});
                            }
                            return receive_cost([=](unsigned index, std::uint64_t packets) {
                                return tc_capture(index, packets, owner);
                            });
                        },
                    .floor = {}};
    };
    return {
        pair("received UDP", receive_cost),
        pair("received TCP", segment_cost),
        pair("sent UDP", send_cost),
        beside_tc("XINET_RX_RING against eBPF of tc into a ring buffer, 60 bytes", false),
        beside_tc("XINET_PACKET_OWNER against eBPF of tc with its socket look-up, 60 bytes", true),
    };
}

std::vector<Pair> points() {
    const auto pair = [](const char* name, int point, double (*cost)(const TapPlan&)) {
        return beyond_capture(
            fmt::format("XINET_PACKET_POINT at {} against the tap, 60 bytes", name), "at the tap",
            cost, {.points = point});
    };
    return {
        pair("PRE_ROUTING", XINET_POINT_PRE_ROUTING, receive_cost),
        pair("LOCAL_IN", XINET_POINT_LOCAL_IN, receive_cost),
        pair("LOCAL_OUT", XINET_POINT_LOCAL_OUT, send_cost),
        pair("POST_ROUTING", XINET_POINT_POST_ROUTING, send_cost),
        pair("QDISC", XINET_POINT_QDISC, send_cost),
        pair("START_XMIT", XINET_POINT_START_XMIT, send_cost),
    };
}

std::vector<Pair> drops() {
    return {
        {.name = "XINET_PACKET_DROPS of a dropped packet against its capture, 60 bytes",
         .group = "one socket",
         .unit = "per packet",
         .peer_name = "captured when it came",
         .cost =
             [](xinet::Engine engine) {
                 return drop_cost(engine == xinet::Engine::xinet ? XINET_DROPS_ONLY : 0);
             },
         .floor = {}},
        {.name = "XINET_PACKET_DROPS of a dropped packet against NET_DM, 60 bytes",
         .group = "one socket",
         .unit = "per packet",
         .peer_name = "NET_DM, read",
         .cost =
             [](xinet::Engine engine) {
                 if (engine == xinet::Engine::xinet) {
                     return drop_cost(XINET_DROPS_ONLY);
                 }
                 return drop_cost([](unsigned /*index*/, std::uint64_t packets) {
                     return drop_monitor(2 * packets);
                 });
             },
         .floor = {}},
    };
}

} // namespace

std::vector<Pair> told_pairs() {
    std::vector<Pair> pairs = owners();
    for (std::vector<Pair>& more : std::vector{points(), drops()}) {
        std::ranges::move(more, std::back_inserter(pairs));
    }
    pairs.push_back(
        {.name = "XINET_PACKET_ORIGINAL of packets of 16 segments against single ones, 1500 bytes",
         .group = "one socket",
         .unit = "per frame",
         .peer_name = "single frames",
         .cost = [](xinet::Engine engine) { return original_cost(engine == xinet::Engine::xinet); },
         .floor = {}});
    return pairs;
}

} // namespace bench
