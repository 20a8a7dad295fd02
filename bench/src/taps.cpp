// SPDX-License-Identifier: GPL-2.0-or-later
#include "taps.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <sys/mman.h>

#include <algorithm>
#include <utility>

namespace bench {
namespace {

/// Blocks of V3 as tools choose them; frames of V2 lie in pages of the same.
constexpr std::size_t block_bytes = 1U << 18;

/// What stands before a frame, with its alignment: rounded up generously.
constexpr std::size_t frame_overhead = 128;

unsigned blocks_for(std::size_t slot_bytes, std::uint64_t frames) {
    const std::size_t in_block = block_bytes / slot_bytes;
    // the last block of V3 is never handed over by a full one behind it
    return static_cast<unsigned>(frames / in_block + 2);
}

std::size_t power_of_two(std::size_t at_least) {
    std::size_t size = 128;
    while (size < at_least) {
        size *= 2;
    }
    return size;
}

std::size_t make_ring_v3(int descriptor, const TapPlan& plan) {
    tpacket_req3 request{};
    request.tp_block_size = block_bytes;
    request.tp_block_nr = blocks_for(plan.frame_bytes + frame_overhead, plan.frames);
    request.tp_frame_size = static_cast<unsigned>(power_of_two(plan.frame_bytes + frame_overhead));
    request.tp_frame_nr = request.tp_block_nr * (block_bytes / request.tp_frame_size);
    request.tp_retire_blk_tov = 1000;
    set_option(descriptor, SOL_PACKET, PACKET_VERSION, int{TPACKET_V3}, "PACKET_VERSION");
    set_option(descriptor, SOL_PACKET, PACKET_RX_RING, request, "PACKET_RX_RING");
    return std::size_t{request.tp_block_size} * request.tp_block_nr;
}

std::size_t make_ring_v2(int descriptor, const TapPlan& plan) {
    tpacket_req request{};
    request.tp_frame_size = static_cast<unsigned>(power_of_two(plan.frame_bytes + frame_overhead));
    request.tp_block_size = block_bytes;
    request.tp_block_nr = blocks_for(request.tp_frame_size, plan.frames);
    request.tp_frame_nr = request.tp_block_nr * (block_bytes / request.tp_frame_size);
    set_option(descriptor, SOL_PACKET, PACKET_VERSION, int{TPACKET_V2}, "PACKET_VERSION");
    set_option(descriptor, SOL_PACKET, PACKET_RX_RING, request, "PACKET_RX_RING");
    return std::size_t{request.tp_block_size} * request.tp_block_nr;
}

/// Wakes about as often as full blocks of V3 do.
void make_lanes(int descriptor, const TapPlan& plan) {
    xinet_rx_ring_req request{};
    request.lane_size = XINET_RX_RING_LANE_MIN;
    while (request.lane_size < plan.frames * (plan.frame_bytes + frame_overhead)) {
        request.lane_size *= 2;
    }
    request.wake_packets = 1024;
    request.wake_usec = 1'000'000;
    set_option(descriptor, SOL_XINET, XINET_RX_RING, request, "XINET_RX_RING");
}

} // namespace

Mapping::Mapping(int descriptor, std::size_t length) : data_(nullptr), length_(length) {
    void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) {
        throw xinet::Error("map", "a packet ring", errno);
    }
    data_ = static_cast<std::byte*>(memory);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), length_(other.length_) {}

Mapping::~Mapping() {
    if (data_ != nullptr) {
        ::munmap(data_, length_);
    }
}

xinet::FileDescriptor open_packet_socket(xinet::Engine engine) {
    const bool ours = engine == xinet::Engine::xinet;
    return xinet::open_socket(ours ? xinet::family_number() : PF_PACKET,
                              ours ? SOCK_PACKET : SOCK_RAW, 0, engine, "packet");
}

void bind_packet_socket(int descriptor, unsigned interface_index, std::uint16_t ethertype) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ethertype);
    address.sll_ifindex = static_cast<int>(interface_index);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
        throw xinet::Error("bind", "a packet socket", errno);
    }
}

Taps::Taps(xinet::Engine engine, const TapPlan& plan) : v3_(plan.receiver >= Receiver::ring_v3) {
    for (int number = 0; number < plan.sockets; ++number) {
        open(engine, plan, number);
    }
}

void Taps::open(xinet::Engine engine, const TapPlan& plan, int number) {
    xinet::FileDescriptor socket = open_packet_socket(engine);

    if (plan.filter) {
        std::vector<sock_filter> code = plan.filter(number);
        const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
        set_option(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, program, "SO_ATTACH_FILTER");
    }
    if (plan.owners) {
        set_option(socket.get(), SOL_XINET, XINET_PACKET_OWNER, 1, "XINET_PACKET_OWNER");
    }
    if (plan.drops != 0) {
        set_option(socket.get(), SOL_XINET, XINET_PACKET_DROPS, plan.drops, "XINET_PACKET_DROPS");
    }
    if (plan.all_netns) {
        set_option(socket.get(), SOL_XINET, XINET_PACKET_ALL_NETNS, 1, "XINET_PACKET_ALL_NETNS");
    }
    if (plan.original) {
        set_option(socket.get(), SOL_XINET, XINET_PACKET_ORIGINAL, 1, "XINET_PACKET_ORIGINAL");
    }
    if (plan.points != 0) {
        set_option(socket.get(), SOL_XINET, XINET_PACKET_POINT, plan.points, "XINET_PACKET_POINT");
    }
    const bool has_lanes = engine == xinet::Engine::xinet;
    switch (plan.receiver == Receiver::lanes && !has_lanes ? Receiver::ring_v3 : plan.receiver) {
    case Receiver::queue:
        set_option(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, int{1} << 29, "SO_RCVBUFFORCE");
        break;
    case Receiver::ring_v2:
        rings_.emplace_back(socket.get(), make_ring_v2(socket.get(), plan));
        break;
    case Receiver::ring_v3:
        rings_.emplace_back(socket.get(), make_ring_v3(socket.get(), plan));
        break;
    case Receiver::lanes:
        make_lanes(socket.get(), plan);
        for (int reader = 1; reader < plan.readers; ++reader) {
            readers_.push_back(open_packet_socket(engine));
            set_option(readers_.back().get(), SOL_XINET, XINET_RX_RING_ATTACH, socket.get(),
                       "XINET_RX_RING_ATTACH");
        }
        break;
    }
    bind_packet_socket(socket.get(), plan.interface_index, plan.ethertype);
    if (plan.fanout_mode) {
        constexpr int group = 77;
        set_option(socket.get(), SOL_PACKET, PACKET_FANOUT, group | (*plan.fanout_mode << 16),
                   "PACKET_FANOUT");
    }
    sockets_.push_back(std::move(socket));
}

std::uint64_t Taps::packets() {
    std::uint64_t sum = 0;

    for (const xinet::FileDescriptor& socket : sockets_) {
        tpacket_stats_v3 statistics{};
        socklen_t length = v3_ ? sizeof(tpacket_stats_v3) : sizeof(tpacket_stats);
        if (::getsockopt(socket.get(), SOL_PACKET, PACKET_STATISTICS, &statistics, &length) < 0) {
            throw xinet::Error("read", "PACKET_STATISTICS", errno);
        }
        if (statistics.tp_drops != 0) {
            throw xinet::Error("measure", "a tap", 0, "it dropped packets");
        }
        sum += statistics.tp_packets;
    }
    return sum;
}

} // namespace bench
