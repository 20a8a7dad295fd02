// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/rx_ring.h"

#include "libxinet/socket_io.h"
#include "xinet/error.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace xinet {

namespace {

/// Copied out of the ring at a time, unless one packet is longer.
constexpr std::size_t batch_bytes = 1 << 20;
constexpr std::size_t packet_alignment = 8;

// std::atomic_ref takes no const objects before C++26.
std::uint64_t load_acquire(const __u64& value) {
    return __atomic_load_n(&value, __ATOMIC_ACQUIRE);
}

template<class Value>
bool try_command(int descriptor, int name, const Value& value) {
    return ::setsockopt(descriptor, SOL_XINET, name, &value, sizeof(value)) == 0;
}

xinet_rx_ring_info info_of(int descriptor) {
    xinet_rx_ring_info info{};
    socklen_t length = sizeof(info);
    if (::getsockopt(descriptor, SOL_XINET, XINET_RX_RING, &info, &length) != 0) {
        throw Error("read socket option", "XINET_RX_RING", errno);
    }
    return info;
}

} // namespace

ReceivedPacket received_packet(const xinet_rx_record& record, std::span<std::byte> data) {
    ReceivedPacket packet;
    packet.data = data;
    packet.original_length = record.pkt_len;
    packet.address.sll_family = AF_PACKET;
    packet.address.sll_protocol = record.protocol;
    packet.address.sll_ifindex = static_cast<int>(record.ifindex);
    packet.address.sll_hatype = record.hatype;
    packet.address.sll_pkttype = record.pkttype;
    packet.address.sll_halen = record.halen;
    std::memcpy(packet.address.sll_addr, record.addr, sizeof(packet.address.sll_addr));
    packet.timestamp = Timestamp(std::chrono::nanoseconds(record.tstamp));
    packet.status = record.status;
    if ((record.status & TP_STATUS_VLAN_VALID) != 0) {
        packet.vlan = VlanTag{.control = record.vlan_tci, .protocol = record.vlan_tpid};
    }
    return packet;
}

RxRing::RxRing(int descriptor, const xinet_rx_ring_info& info)
    : descriptor_(descriptor), info_(info), ring_(descriptor_, 0, info_.length, PROT_READ),
      positions_(descriptor_, XINET_RX_RING_POSITIONS, info_.positions_length,
                 PROT_READ | PROT_WRITE),
      lanes_(info_.nr_lanes), room_(0) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        const std::size_t data = info_.data_offset + i * info_.req.lane_size;
        lanes_[i].state = reinterpret_cast<const xinet_rx_lane*>(ring_.at(0)) + i;
        lanes_[i].data = ring_.at(data);
    }
}

std::optional<RxRing> RxRing::make(const PacketSocket& socket, const RxRingOptions& options) {
    xinet_rx_ring_req request{};
    request.lane_size = options.lane_bytes;
    request.flags = options.overwrite ? XINET_RX_RING_OVERWRITE : 0;
    request.snaplen = options.snapshot_length;
    request.wake_packets = options.wake_packets;
    request.wake_usec = static_cast<std::uint32_t>(options.wake_after.count());
    if (try_command(socket.descriptor(), XINET_RX_RING, request)) {
        return RxRing(socket.descriptor(), info_of(socket.descriptor()));
    }
    if (errno == ENOMEM || errno == ENOPROTOOPT || errno == EOPNOTSUPP) {
        return std::nullopt;
    }
    throw Error("set socket option", "XINET_RX_RING", errno);
}

RxRing RxRing::attach(const PacketSocket& reader, const PacketSocket& owner) {
    if (!try_command(reader.descriptor(), XINET_RX_RING_ATTACH, owner.descriptor())) {
        throw Error("set socket option", "XINET_RX_RING_ATTACH", errno);
    }
    RxRing ring(reader.descriptor(), info_of(reader.descriptor()));
    for (Lane& lane : ring.lanes_) {
        lane.position = load_acquire(lane.state->head);
        lane.sequence.reset();
        ring.advance(lane);
    }
    return ring;
}

void RxRing::flush() const {
    if (!try_command(descriptor_, XINET_RX_RING_FLUSH, 1)) {
        throw Error("set socket option", "XINET_RX_RING_FLUSH", errno);
    }
}

void RxRing::freeze(bool frozen) const {
    if (!try_command(descriptor_, XINET_RX_RING_FREEZE, frozen ? 1 : 0)) {
        throw Error("set socket option", "XINET_RX_RING_FREEZE", errno);
    }
}

void RxRing::rewind() {
    for (Lane& lane : lanes_) {
        lane.position = load_acquire(lane.state->tail);
        lane.sequence.reset();
        lane.record.reset();
        advance(lane);
    }
}

/// Whether what has just been read at the position had not been written over.
bool RxRing::is_whole(const Lane& lane) const {
    std::atomic_thread_fence(std::memory_order_acquire);
    return load_acquire(lane.state->tail) <= lane.position;
}

/// The records at the position are gone: on to the oldest one. What was lost is
/// told by its number.
void RxRing::catch_up(Lane& lane) {
    lane.position = load_acquire(lane.state->tail);
    lane.head = std::max(lane.head, lane.position);
    lane.record.reset();
}

/// Tells the kernel that what comes before the position has been read.
void RxRing::advance(Lane& lane) {
    const auto index = static_cast<std::size_t>(&lane - lanes_.data());
    auto* position = reinterpret_cast<__u64*>(positions_.at(index * sizeof(__u64)));
    __atomic_store_n(position, lane.position, __ATOMIC_RELEASE);
}

/// Finds what has come since.
void RxRing::look_again() {
    for (Lane& lane : lanes_) {
        lane.head = load_acquire(lane.state->head);
        lane.record.reset();
        lane.next = seek(lane, lane.position);
    }
}

/// Finds the next packet of the lane, if there is one.
void RxRing::peek(Lane& lane) {
    while (!lane.record && lane.position < lane.head) {
        const std::size_t offset = lane.position & (info_.req.lane_size - 1);
        xinet_rx_record& record = lane.record.emplace();
        const std::size_t left = info_.req.lane_size - offset;
        if (left >= sizeof(record)) {
            std::memcpy(&record, lane.data + offset, sizeof(record));
        } else { // A pad may be shorter than a record, at the end of the lane.
            std::memcpy(&record, lane.data + offset, left);
        }
        if (!is_whole(lane)) {
            catch_up(lane);
        } else if (record.type != XINET_RX_PACKET) {
            lane.position += record.len;
            lane.record.reset();
        }
    }
}

/// Room for a packet in this batch; none when it is full.
std::span<std::byte> RxRing::reserve(std::size_t bytes) {
    if (!memory_ || used_ + bytes > room_) {
        if (!packets_.empty()) {
            return {};
        }
        room_ = std::max(bytes, batch_bytes);
        // NOLINTNEXTLINE(modernize-avoid-c-arrays)
        memory_ = std::make_unique_for_overwrite<std::byte[]>(room_);
    }
    const std::span<std::byte> place(memory_.get() + used_, bytes);
    used_ += (bytes + packet_alignment - 1) / packet_alignment * packet_alignment;
    return place;
}

/// Copies the packet that peek() found; false when the batch is full.
bool RxRing::take(Lane& lane, std::size_t headroom) {
    const xinet_rx_record& record = *lane.record;
    const std::size_t offset = lane.position & (info_.req.lane_size - 1);
    const std::span<std::byte> place = reserve(headroom + record.snaplen);
    if (place.data() == nullptr) {
        return false;
    }
    const std::span<std::byte> data = place.subspan(headroom);
    std::memcpy(data.data(), lane.data + offset + record.mac, data.size());
    if (!is_whole(lane)) {
        catch_up(lane);
        return true;
    }
    packets_.push_back(received_packet(record, data));
    lost_ += record.seq - lane.sequence.value_or(record.seq);
    lane.sequence = record.seq + 1;
    lane.position += record.len;
    lane.record.reset();
    return true;
}

std::span<const ReceivedPacket> RxRing::receive(std::size_t headroom) {
    packets_.clear();
    used_ = 0;
    for (Lane& lane : lanes_) {
        lane.head = load_acquire(lane.state->head);
    }
    for (;;) {
        Lane* oldest = nullptr;
        for (Lane& lane : lanes_) {
            peek(lane);
            if (lane.record &&
                (oldest == nullptr || lane.record->tstamp < oldest->record->tstamp)) {
                oldest = &lane;
            }
        }
        if (oldest == nullptr || !take(*oldest, headroom)) {
            break;
        }
    }
    for (Lane& lane : lanes_) {
        advance(lane);
    }
    return packets_;
}

} // namespace xinet
