// SPDX-License-Identifier: GPL-2.0-or-later
// What it costs to send frames: send() one by one, and through a TX ring, into
// an interface that throws them away.
#include "injector.h"
#include "pair.h"
#include "profile.h"
#include "taps.h"

#include "xinet/error.h"

#include <linux/if_packet.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

namespace bench {
namespace {

constexpr std::size_t frame_bytes = 60;
using Frame = std::array<std::byte, frame_bytes>;

/// Ethernet to nobody, with an ethertype for experiments.
Frame experimental_frame() {
    Frame frame{};
    frame[0] = std::byte{0x02};
    frame[6] = std::byte{0x02};
    frame[12] = std::byte{0x88};
    frame[13] = std::byte{0xb5};
    return frame;
}

double send_cost(xinet::Engine engine) {
    const auto packets = static_cast<int>(packets_to_measure(20000));
    const DummyInterface interface("bench0");
    const xinet::FileDescriptor socket = open_packet_socket(engine);
    bind_packet_socket(socket.get(), interface.index(), 0);
    const Frame frame = experimental_frame();

    const auto send_all = [&](int count) {
        for (int i = 0; i < count; ++i) {
            if (::send(socket.get(), frame.data(), frame.size(), 0) < 0) {
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

/// One TPACKET_V2 ring, filled again and again, each time sent with one call.
class TransmitRing {
public:
    explicit TransmitRing(int descriptor) : descriptor_(descriptor), mapping_(set_up(descriptor)) {}

    /// Puts @p frame into the next @p count slots and has the kernel send them.
    void send_all(const Frame& frame, unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            auto* header = reinterpret_cast<tpacket2_hdr*>(mapping_.data() + next_ * slot_bytes);
            std::memcpy(reinterpret_cast<std::byte*>(header) + data_offset, frame.data(),
                        frame.size());
            header->tp_len = frame_bytes;
            std::atomic_ref(header->tp_status).store(TP_STATUS_SEND_REQUEST);
            next_ = (next_ + 1) % slots;
        }
        const ssize_t sent = ::send(descriptor_, nullptr, 0, 0);
        if (sent != static_cast<ssize_t>(count * frame_bytes)) {
            throw xinet::Error("send", "a transmit ring", sent < 0 ? errno : 0);
        }
    }

    static constexpr unsigned slots = 1024;

private:
    static constexpr std::size_t slot_bytes = 256;
    static constexpr std::size_t data_offset = TPACKET2_HDRLEN - sizeof(sockaddr_ll);

    static Mapping set_up(int descriptor) {
        tpacket_req request{};
        request.tp_frame_size = slot_bytes;
        request.tp_frame_nr = slots;
        request.tp_block_size = 1U << 16;
        request.tp_block_nr = slots * slot_bytes / request.tp_block_size;
        set_option(descriptor, SOL_PACKET, PACKET_VERSION, int{TPACKET_V2}, "PACKET_VERSION");
        set_option(descriptor, SOL_PACKET, PACKET_TX_RING, request, "PACKET_TX_RING");
        return {descriptor, slots * slot_bytes};
    }

    int descriptor_;
    Mapping mapping_;
    unsigned next_ = 0;
};

double ring_send_cost(xinet::Engine engine) {
    constexpr std::uint64_t rounds = 20;
    const std::uint64_t packets = packets_to_measure(rounds * TransmitRing::slots);
    const auto each = static_cast<unsigned>(std::min<std::uint64_t>(packets, TransmitRing::slots));
    const DummyInterface interface("bench0");
    const xinet::FileDescriptor socket = open_packet_socket(engine);
    TransmitRing ring(socket.get());
    bind_packet_socket(socket.get(), interface.index(), 0);
    const Frame frame = experimental_frame();

    ring.send_all(frame, each);
    const ProfiledStretch stretch(packets);
    const auto start = now();
    for (std::uint64_t sent = 0; sent < packets; sent += each) {
        ring.send_all(frame, each);
    }
    return (Nanoseconds(now() - start) / packets).count();
}

} // namespace

std::vector<Pair> packet_send_pairs() {
    return {
        {.name = "send(), 60 bytes",
         .group = "send",
         .unit = "per packet",
         .peer_name = "AF_PACKET",
         .cost = send_cost,
         .floor = {}},
        {.name = "TX ring, TPACKET_V2, 60 bytes",
         .group = "send",
         .unit = "per packet",
         .peer_name = "AF_PACKET",
         .cost = ring_send_cost,
         .floor = {}},
    };
}

} // namespace bench
