// SPDX-License-Identifier: GPL-2.0-or-later
// How long after the set time a lone packet in a V3 block reaches its reader.
#include "injector.h"
#include "pair.h"
#include "system.h"
#include "taps.h"

#include "xinet/error.h"

#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <poll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <thread>

namespace bench {
namespace {

constexpr const char* interface_name = "bench0";
constexpr int rounds = 100;
constexpr unsigned block_bytes = 1U << 16;
constexpr unsigned blocks = 4;

/// The least that each can be asked for in time: AF_PACKET counts milliseconds.
constexpr std::chrono::microseconds our_time{200};
constexpr std::chrono::microseconds peers_time{1000};

/// Longer than anything that is measured.
constexpr int patience = 5000; // milliseconds
/// So that the block before is handed over, and its timer rests.
constexpr std::chrono::milliseconds rest{5};

using Clock = std::chrono::system_clock; // that of the packets' stamps

Nanoseconds median_of(std::vector<Nanoseconds> values) {
    std::ranges::nth_element(values, values.begin() + values.size() / 2);
    return values[values.size() / 2];
}

void wait_readable(int descriptor) {
    pollfd wanted{.fd = descriptor, .events = POLLIN, .revents = 0};
    if (::poll(&wanted, 1, patience) != 1) {
        throw xinet::Error("wait for", "a packet", errno);
    }
}

/// A V3 ring whose blocks are read one by one.
class Ring {
public:
    Ring(xinet::Engine engine, unsigned interface_index)
        : socket_(open_packet_socket(engine)), memory_(setup(engine)) {
        bind_packet_socket(socket_.get(), interface_index, ETH_P_ALL);
    }

    /// From the stamp of the first packet in the next block to the reader's return.
    Nanoseconds next() {
        wait_readable(socket_.get());
        const auto now = Clock::now();
        auto& block = *reinterpret_cast<tpacket_block_desc*>(memory_.data() + at_ * block_bytes);
        const auto& packet = *reinterpret_cast<const tpacket3_hdr*>(
            reinterpret_cast<const std::byte*>(&block) + block.hdr.bh1.offset_to_first_pkt);
        const Clock::time_point stamp(std::chrono::duration_cast<Clock::duration>(
            std::chrono::seconds(packet.tp_sec) + std::chrono::nanoseconds(packet.tp_nsec)));
        __atomic_store_n(&block.hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        at_ = (at_ + 1) % blocks;
        return Nanoseconds(now - stamp);
    }

private:
    Mapping setup(xinet::Engine engine) const {
        const int descriptor = socket_.get();
        set_option(descriptor, SOL_PACKET, PACKET_VERSION, int{TPACKET_V3}, "PACKET_VERSION");
        if (engine == xinet::Engine::xinet) {
            set_option(descriptor, SOL_XINET, XINET_PACKET_FLUSH_USEC,
                       static_cast<int>(our_time.count()), "XINET_PACKET_FLUSH_USEC");
        }
        tpacket_req3 request{};
        request.tp_block_size = block_bytes;
        request.tp_block_nr = blocks;
        request.tp_frame_size = 2048;
        request.tp_frame_nr = blocks * (block_bytes / request.tp_frame_size);
        request.tp_retire_blk_tov = peers_time / std::chrono::milliseconds(1);
        set_option(descriptor, SOL_PACKET, PACKET_RX_RING, request, "PACKET_RX_RING");
        return {descriptor, std::size_t{blocks} * block_bytes};
    }

    xinet::FileDescriptor socket_;
    Mapping memory_;
    unsigned at_ = 0;
};

double lateness(xinet::Engine engine) {
    const auto set = engine == xinet::Engine::xinet ? our_time : peers_time;
    const DummyInterface interface(interface_name);
    Ring ring(engine, interface.index());
    // one for both, and of no other effect: the interface drops what it sends
    const xinet::FileDescriptor sender = open_packet_socket(xinet::Engine::sibling);
    bind_packet_socket(sender.get(), interface.index(), 0);
    const std::array<std::byte, 60> frame{};
    std::vector<Nanoseconds> late;

    for (int i = 0; i < rounds; ++i) {
        std::this_thread::sleep_for(rest);
        if (::send(sender.get(), frame.data(), frame.size(), 0) < 0) {
            throw xinet::Error("send", "a packet", errno);
        }
        late.push_back(ring.next() - Nanoseconds(set));
    }
    return median_of(late).count();
}

/// How late a reader is who only waits for a timer.
double timer_lateness() {
    const xinet::FileDescriptor timer(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC));
    std::vector<Nanoseconds> late;

    for (int i = 0; i < rounds; ++i) {
        const auto due = Clock::now() + rest;
        const auto since = due.time_since_epoch();
        const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
        itimerspec when{};
        when.it_value.tv_sec = seconds.count();
        when.it_value.tv_nsec = std::chrono::nanoseconds(since - seconds).count();
        if (::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &when, nullptr) < 0) {
            throw xinet::Error("set", "a timer", errno);
        }
        wait_readable(timer.get());
        late.push_back(Nanoseconds(Clock::now() - due));
    }
    return median_of(late).count();
}

} // namespace

std::vector<Pair> latency_pairs() {
    return {{.name = "a lone packet in a V3 block, beyond the set time",
             .group = "latency",
             .unit = "late, at the median",
             .peer_name = "AF_PACKET",
             .cost = lateness,
             .floor = timer_lateness,
             .quick = false}};
}

} // namespace bench
