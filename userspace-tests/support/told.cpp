// SPDX-License-Identifier: GPL-2.0-or-later
#include "told.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>

#include "compare.h"
#include "link.h"

namespace xt {
namespace {

template<typename T>
void put(std::optional<T>& place, const Bytes& bytes) {
    EXPECT_EQ(bytes.size(), sizeof(T));
    EXPECT_FALSE(place) << "told twice";
    place = read_as<T>(bytes);
}

// Takes the extension `which` from the front of `bytes`, if `extensions` says that it is there.
template<typename T>
void take_extension(std::optional<T>& place, uint32_t extensions, uint32_t which, Bytes& bytes) {
    if ((extensions & which) == 0)
        return;
    ASSERT_GE(bytes.size(), sizeof(T));
    const auto end = bytes.begin() + long(sizeof(T));
    put(place, Bytes(bytes.begin(), end));
    bytes.erase(bytes.begin(), end);
}

// Leaves in `bytes` what is behind them.
Told take_told(uint32_t extensions, Bytes& bytes) {
    Told told;
    take_extension(told.owner, extensions, XINET_RX_OWNER, bytes);
    take_extension(told.dropped, extensions, XINET_RX_DROPPED, bytes);
    take_extension(told.netns, extensions, XINET_RX_NETNS, bytes);
    take_extension(told.original, extensions, XINET_RX_ORIGINAL, bytes);
    take_extension(told.point, extensions, XINET_RX_POINT, bytes);
    take_extension(told.queue, extensions, XINET_RX_QUEUE, bytes);
    return told;
}

} // namespace

Told told_of(const Message& message) {
    Told told;
    for (const auto& control : message.controls) {
        if (control.level != SOL_XINET)
            continue;
        if (control.type == XINET_OWNER)
            put(told.owner, control.value);
        else if (control.type == XINET_DROPPED)
            put(told.dropped, control.value);
        else if (control.type == XINET_NETNS)
            put(told.netns, control.value);
        else if (control.type == XINET_ORIGINAL)
            put(told.original, control.value);
        else if (control.type == XINET_POINT)
            put(told.point, control.value);
        else if (control.type == XINET_QUEUE)
            put(told.queue, control.value);
        else
            ADD_FAILURE() << "control message " << control.type;
    }
    return told;
}

Told told_of(const LanePacket& packet) {
    Bytes left = packet.extensions;
    const Told told = take_told(packet.record.extensions, left);
    EXPECT_TRUE(left.empty()) << packet.record.extensions;
    return told;
}

Told told_of(const RingFrame& frame) {
    if (frame.gap.size() < sizeof(xinet_frame_told)) {
        ADD_FAILURE() << "no room: " << frame.gap.size();
        return {};
    }
    const auto head = read_as<xinet_frame_told>(
        Bytes(frame.gap.begin(), frame.gap.begin() + long(sizeof(xinet_frame_told))));
    EXPECT_EQ(head.reserved, 0U);
    EXPECT_LT(head.extensions, 2U * XINET_RX_QUEUE);
    Bytes left(frame.gap.begin() + long(sizeof(head)), frame.gap.end());
    return take_told(head.extensions, left);
}

bool is_realtime() {
    return std::ifstream("/sys/kernel/realtime").good();
}

bool drops_are_refused() {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    const int flags = XINET_DROPS_ONLY;
    return is_realtime() &&
           ::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_DROPS, &flags, sizeof(flags)) < 0 &&
           errno == EOPNOTSUPP;
}

unsigned ToldCapture::Options::told_size() const {
    return (owner ? sizeof(xinet_owner) : 0) + (drops != 0 ? sizeof(xinet_dropped) : 0) +
           (all_netns ? sizeof(xinet_netns) : 0) + (original ? sizeof(xinet_original) : 0) +
           (points != 0 ? sizeof(xinet_point) : 0) + (queue ? sizeof(xinet_queue) : 0);
}

void ToldCapture::Options::ask(const Fd& socket) const {
    if (drops != 0)
        set_option(socket, SOL_XINET, XINET_PACKET_DROPS, drops);
    if (owner)
        set_option(socket, SOL_XINET, XINET_PACKET_OWNER, 1);
    if (all_netns)
        set_option(socket, SOL_XINET, XINET_PACKET_ALL_NETNS, 1);
    if (original)
        set_option(socket, SOL_XINET, XINET_PACKET_ORIGINAL, 1);
    if (points != 0)
        set_option(socket, SOL_XINET, XINET_PACKET_POINT, points);
    if (queue)
        set_option(socket, SOL_XINET, XINET_PACKET_QUEUE, 1);
    if (ignore_outgoing)
        set_option(socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
}

ToldCapture::ToldCapture(const Options& options)
    : socket_(open_socket(Side::xinet, options.cooked ? Kind::cooked : Kind::packet, 0)) {
    constexpr unsigned page = 4096;
    constexpr unsigned retire_ms = 20;
    options.ask(socket_);
    if (options.lanes) {
        checked(set_lanes(socket_.get(), lanes_request(options.lane_size)), "XINET_RX_RING");
        reader_.emplace(socket_.get());
    } else if (options.v3_blocks != 0) {
        set_option(socket_, SOL_PACKET, PACKET_RESERVE,
                   int(XINET_TOLD_RESERVE(options.told_size())));
        ring_.emplace(socket_, TPACKET_V3, ring_request(options.v3_blocks, page, page, retire_ms));
    } else {
        set_option(socket_, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22);
    }
    bind_to(socket_, link_address(options.protocol,
                                  options.device.empty() ? 0 : link::index(options.device)));
}

std::vector<ToldPacket> ToldCapture::take_from_lanes() {
    std::vector<ToldPacket> all;
    checked(command_lanes(socket_.get(), XINET_RX_RING_FLUSH, 1), "XINET_RX_RING_FLUSH");
    auto packets = reader_->take();
    // lane by lane so far; the frames of one packet have one time
    std::ranges::stable_sort(packets, {},
                             [](const LanePacket& packet) { return packet.record.tstamp; });
    all.reserve(packets.size());
    for (const auto& packet : packets)
        all.push_back({told_of(packet), packet.data, int(packet.record.ifindex),
                       packet.record.pkttype, packet.record.tstamp, packet.record.status});
    return all;
}

std::vector<ToldPacket> ToldCapture::take_from_ring() {
    std::vector<ToldPacket> all;
    for (const auto& frame : ring_->take()) {
        const auto from = frame.address();
        all.push_back({told_of(frame), frame.data, from.sll_ifindex, from.sll_pkttype,
                       uint64_t(frame.nanoseconds), frame.status});
    }
    return all;
}

std::vector<ToldPacket> ToldCapture::take_from_queue() const {
    std::vector<ToldPacket> all;
    // a sender may be faster
    constexpr size_t most = 10'000;
    while (all.size() < most) {
        const auto message = receive_now(socket_.get());
        if (!message)
            break;
        const auto from = message->from_as<sockaddr_ll>();
        all.push_back({told_of(*message), message->data, from.sll_ifindex, from.sll_pkttype});
    }
    return all;
}

std::vector<ToldPacket> ToldCapture::take() {
    if (reader_)
        return take_from_lanes();
    return ring_ ? take_from_ring() : take_from_queue();
}

std::vector<ToldPacket> ToldCapture::take_marked(std::string_view mark, size_t count) {
    std::vector<ToldPacket> found;
    const auto add = [&] {
        for (const ToldPacket& seen : take())
            if (contains(seen.data, mark))
                found.push_back(seen);
    };
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (found.size() < count && std::chrono::steady_clock::now() < end)
        add();
    std::this_thread::sleep_for(std::chrono::milliseconds(30)); // some ticks
    add();
    return found;
}

} // namespace xt
