// SPDX-License-Identifier: GPL-2.0-or-later
// What it costs to capture: pktgen's frames, with and without packet sockets.
#include "injector.h"
#include "pair.h"
#include "profile.h"
#include "taps.h"

#include "xinet/error.h"
#include "xinet/filter.h"

#include <fmt/format.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bench {
namespace {

constexpr const char* interface_name = "bench0";

/// What a set of taps adds to the reception of one packet.
struct TapRun {
    TapPlan plan = {};
    std::uint64_t packets = 20000;
    int interfaces = 1;     ///< a CPU receives through each
    bool elsewhere = false; ///< the taps are on another interface
    bool fanout = false;    ///< a packet goes to one socket, not to all
    bool any = false;       ///< bound to no interface
    bool rejected = false;  ///< no packet goes anywhere
    PacketGenerator::Flows flows = PacketGenerator::Flows::one;
};

/// bench0 and so on; a CPU receives through each.
class Interfaces {
public:
    explicit Interfaces(int count) {
        for (int i = 0; i < count; ++i) {
            names_.push_back(fmt::format("bench{}", i));
            interfaces_.push_back(std::make_unique<DummyInterface>(names_.back()));
        }
    }

    const std::vector<std::string>& names() const { return names_; }
    unsigned first_index() const { return interfaces_.front()->index(); }

private:
    std::vector<std::string> names_;
    std::vector<std::unique_ptr<DummyInterface>> interfaces_;
};

double tap_cost(xinet::Engine engine, TapRun run) {
    run.packets = packets_to_measure(run.packets);
    const Interfaces interfaces(run.interfaces);
    const DummyInterface other("quiet0");
    PacketGenerator generator(interfaces.names(), run.plan.frame_bytes, run.flows);

    generator.receive(run.packets); // the first one warms caches and code
    const Nanoseconds without = generator.receive(run.packets);

    if (run.interfaces == 1 && !run.any) {
        run.plan.interface_index = run.elsewhere ? other.index() : interfaces.first_index();
    }
    run.plan.frames = run.packets * static_cast<std::uint64_t>(run.interfaces);
    Taps taps(engine, run.plan);
    taps.packets();
    const Nanoseconds with = [&] {
        const ProfiledStretch stretch(run.packets);
        return generator.receive(run.packets);
    }();

    std::uint64_t expected = run.rejected ? 0 : run.plan.frames;
    if (!run.fanout) {
        expected *= static_cast<std::uint64_t>(run.plan.sockets);
    }
    if (const std::uint64_t got = taps.packets(); got != expected) {
        throw xinet::Error("measure", "a tap", 0,
                           fmt::format("{} packets came instead of {}", got, expected));
    }
    return (with - without).count();
}

/// The hook of xinet_floor.ko in place of sockets.
struct FloorRun {
    int copies = 0;   ///< stamps each packet, and copies it so often
    int programs = 0; ///< or runs so many filters of odd_shape() on it
    std::size_t frame_bytes = 60;
    std::uint64_t packets = 20000;
    int interfaces = 1; ///< a CPU receives through each
};

double floor_cost(const FloorRun& floor) {
    const Interfaces interfaces(floor.interfaces);
    PacketGenerator generator(interfaces.names(), floor.frame_bytes);

    generator.receive(floor.packets);
    const Nanoseconds without = generator.receive(floor.packets);
    std::vector<std::string> command{"modprobe", "xinet_floor",
                                     fmt::format("copies={}", floor.copies),
                                     fmt::format("programs={}", floor.programs)};
    if (floor.interfaces == 1) {
        command.push_back(fmt::format("dev={}", interfaces.names().front()));
    }
    run(command);
    const Nanoseconds with = generator.receive(floor.packets);
    run({"rmmod", "xinet_floor"});
    return (with - without).count();
}

std::function<double()> floor_of(const FloorRun& floor) {
    return [=] { return floor_cost(floor); };
}

std::vector<sock_filter> compiled(const std::string& expression) {
    return xinet::FilterProgram(expression, xinet::LinkType::ethernet, 65535)
        .instructions({})
        .value();
}

/// Rejects every frame of the generator by arithmetic on it, which no index
/// over filters can see through: the sum of two words is never this odd.
std::vector<sock_filter> odd_shape(int number) {
    const auto n = static_cast<std::uint32_t>(number);
    return {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 3 + n),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 26),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xdead0000 + n, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 65535),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
}

/// Hosts, ports and protocols that the generator's frames do not have.
std::vector<sock_filter> libpcap_shape(int number) {
    switch (number % 4) {
    case 0:
        return compiled(fmt::format("host 10.99.0.{}", number + 1));
    case 1:
        return compiled(fmt::format("tcp port {}", 1000 + number));
    case 2:
        return compiled(fmt::format("udp dst port {}", 20000 + number));
    default:
        return compiled(fmt::format("ip proto {}", 100 + number));
    }
}

Pair tap_pair(std::string name, std::string group, TapRun run, std::function<double()> floor = {}) {
    return {.name = std::move(name),
            .group = std::move(group),
            .unit = "per packet",
            .peer_name = "AF_PACKET",
            .cost = [run](xinet::Engine engine) { return tap_cost(engine, run); },
            .floor = std::move(floor),
            .min_cpus = run.interfaces};
}

Pair on_axis(Pair pair, std::string axis, double x, bool quick) {
    pair.axis = std::move(axis);
    pair.x = x;
    pair.quick = quick;
    return pair;
}

std::vector<Pair> one_socket() {
    std::vector<Pair> pairs;

    for (const std::size_t bytes : {60, 256, 512, 1024, 1500}) {
        pairs.push_back(on_axis(tap_pair(fmt::format("one socket, TPACKET_V3, {} bytes", bytes),
                                         "frame size", {.plan = {.frame_bytes = bytes}},
                                         floor_of({.copies = 1, .frame_bytes = bytes})),
                                "bytes", static_cast<double>(bytes), bytes == 60 || bytes == 1500));
    }
    pairs.push_back(tap_pair("one socket, TPACKET_V2, 60 bytes", "one socket",
                             {.plan = {.receiver = Receiver::ring_v2}}, floor_of({.copies = 1})));
    pairs.push_back(tap_pair("one socket, recvmsg queue, 60 bytes", "one socket",
                             {.plan = {.receiver = Receiver::queue}}, floor_of({})));
    for (const std::size_t bytes : {60, 1500}) {
        pairs.push_back(
            tap_pair(fmt::format("one reader, XINET_RX_RING against TPACKET_V3, {} bytes", bytes),
                     "one socket", {.plan = {.receiver = Receiver::lanes, .frame_bytes = bytes}},
                     floor_of({.copies = 1, .frame_bytes = bytes})));
    }
    pairs.push_back({.name = "eight readers of an XINET_RX_RING against one, 60 bytes",
                     .group = "one socket",
                     .unit = "per packet",
                     .peer_name = "one reader",
                     .cost =
                         [](xinet::Engine engine) {
                             const int readers = engine == xinet::Engine::xinet ? 8 : 1;
                             return tap_cost(
                                 xinet::Engine::xinet,
                                 {.plan = {.receiver = Receiver::lanes, .readers = readers}});
                         },
                     .floor = {}});
    pairs.push_back({.name = "XINET_PACKET_ALL_NETNS against all interfaces of one, 60 bytes",
                     .group = "one socket",
                     .unit = "per packet",
                     .peer_name = "one namespace",
                     .cost =
                         [](xinet::Engine engine) {
                             return tap_cost(xinet::Engine::xinet,
                                             {.plan = {.receiver = Receiver::lanes,
                                                       .all_netns = engine == xinet::Engine::xinet},
                                              .any = true});
                         },
                     .floor = {}});
    return pairs;
}

std::vector<Pair> many_sockets() {
    const auto rejecting = [](std::function<std::vector<sock_filter>(int)> filter, int sockets) {
        return TapRun{
            .plan = {.sockets = sockets, .receiver = Receiver::queue, .filter = std::move(filter)},
            .packets = 4000,
            .rejected = true};
    };
    const auto shared = [](int) { return compiled("host 10.99.0.1"); };
    std::vector<Pair> pairs;

    for (const int sockets : {1, 4, 16, 64}) {
        const bool quick = sockets == 64;
        const auto add = [&](const char* what, const char* group,
                             std::function<std::vector<sock_filter>(int)> filter,
                             std::function<double()> floor = {}) {
            pairs.push_back(
                on_axis(tap_pair(fmt::format("{} sockets, {}", sockets, what), group,
                                 rejecting(std::move(filter), sockets), std::move(floor)),
                        "sockets", sockets, quick));
        };
        add("one shared rejecting filter", "shared filter", shared);
        add("distinct rejecting filters of any shape", "distinct filters", odd_shape,
            floor_of({.programs = sockets, .packets = 4000}));
        add("distinct rejecting filters of libpcap", "libpcap filters", libpcap_shape);
    }
    pairs.push_back(
        tap_pair("64 sockets on another ethertype", "elsewhere",
                 {.plan = {.sockets = 64, .receiver = Receiver::queue, .ethertype = ETH_P_ARP},
                  .rejected = true}));
    pairs.push_back(tap_pair("64 sockets on another interface", "elsewhere",
                             {.plan = {.sockets = 64, .receiver = Receiver::queue},
                              .elsewhere = true,
                              .rejected = true}));
    for (const int sockets : {2, 4, 16}) {
        pairs.push_back(
            on_axis(tap_pair(fmt::format("{} sockets, all accepting, TPACKET_V3", sockets),
                             "all accepting", {.plan = {.sockets = sockets}, .packets = 5000},
                             floor_of({.copies = sockets, .packets = 5000})),
                    "sockets", sockets, sockets == 16));
    }
    for (const auto flows : {PacketGenerator::Flows::one, PacketGenerator::Flows::many}) {
        const bool one = flows == PacketGenerator::Flows::one;
        pairs.push_back(tap_pair(
            fmt::format("fanout of 4, hash, TPACKET_V3{}", one ? "" : ", all flows new"), "fanout",
            {.plan = {.sockets = 4, .fanout_mode = PACKET_FANOUT_HASH},
             .fanout = true,
             .flows = flows},
            floor_of({.copies = 1})));
    }
    return pairs;
}

/// Time per packet with two CPUs, as a multiple of that with one.
double two_cpu_cost(xinet::Engine engine) {
    const TapRun one{.packets = 100000};
    TapRun two = one;
    two.interfaces = 2;
    return tap_cost(engine, two) / tap_cost(engine, one);
}

/// The same of two CPUs that have nothing in common.
double two_cpu_floor() {
    const FloorRun one{.copies = 1, .packets = 100000};
    FloorRun two = one;
    two.interfaces = 2;
    return floor_cost(two) / floor_cost(one);
}

Nanoseconds open_bind_close(xinet::Engine engine) {
    constexpr int rounds = 30;
    const DummyInterface interface(interface_name);
    PacketGenerator generator({interface_name}, 60);
    const BackgroundTraffic traffic(generator);

    const auto start = now();
    for (int i = 0; i < rounds; ++i) {
        const xinet::FileDescriptor socket = open_packet_socket(engine);
        bind_packet_socket(socket.get(), interface.index(), ETH_P_ALL);
    }
    return Nanoseconds(now() - start) / rounds;
}

} // namespace

std::vector<Pair> packet_receive_pairs() {
    std::vector<Pair> pairs = one_socket();
    std::vector<Pair> more = many_sockets();
    pairs.insert(pairs.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));

    pairs.push_back({.name = "two CPUs into one TPACKET_V3 ring, against one CPU",
                     .group = "CPUs",
                     .unit = "times",
                     .peer_name = "AF_PACKET",
                     .cost = two_cpu_cost,
                     .floor = two_cpu_floor,
                     .min_cpus = 2});
    pairs.push_back({.name = "open, bind and close under traffic",
                     .group = "life",
                     .unit = "per socket",
                     .peer_name = "AF_PACKET",
                     .cost = [](xinet::Engine engine) { return open_bind_close(engine).count(); },
                     .floor = {},
                     .min_cpus = 2});
    return pairs;
}

} // namespace bench
