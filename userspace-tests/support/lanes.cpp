// SPDX-License-Identifier: GPL-2.0-or-later
#include "lanes.h"

#include <linux/if_packet.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "outcome.h"
#include "sys.h"
#include "traffic.h"

namespace xt {

xinet_rx_ring_req lanes_request(uint32_t lane_size, uint32_t flags) {
    xinet_rx_ring_req request{};
    request.lane_size = lane_size;
    request.flags = flags;
    request.wake_packets = 1;
    return request;
}

long set_lanes(int fd, const xinet_rx_ring_req& request) {
    return sys::setsockopt(fd, SOL_XINET, XINET_RX_RING, &request, sizeof(request));
}

long command_lanes(int fd, int option, int value) {
    return sys::setsockopt(fd, SOL_XINET, option, &value, sizeof(value));
}

long attach_lanes(int fd, int from) {
    return command_lanes(fd, XINET_RX_RING_ATTACH, from);
}

xinet_rx_ring_info lanes_info(int fd) {
    xinet_rx_ring_info info{};
    socklen_t length = sizeof(info);
    if (sys::getsockopt(fd, SOL_XINET, XINET_RX_RING, &info, &length) < 0)
        throw std::system_error(errno, std::generic_category(), "XINET_RX_RING");
    return info;
}

LaneMapping::LaneMapping(int fd, uint64_t offset, size_t size, int protection) : size_(size) {
    void* begin = mmap(nullptr, size, protection, MAP_SHARED, fd, off_t(offset));
    if (begin == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap");
    begin_ = static_cast<uint8_t*>(begin);
}

LaneMapping::LaneMapping(LaneMapping&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)), size_(other.size_) {}

LaneMapping::~LaneMapping() {
    if (begin_)
        munmap(begin_, size_);
}

RingFrame LanePacket::as_frame() const {
    constexpr uint32_t sources = TP_STATUS_TS_SOFTWARE | TP_STATUS_TS_RAW_HARDWARE;
    RingFrame frame;
    sockaddr_ll from{};

    from.sll_family = AF_PACKET;
    from.sll_protocol = record.protocol;
    from.sll_ifindex = int(record.ifindex);
    from.sll_hatype = record.hatype;
    from.sll_pkttype = record.pkttype;
    from.sll_halen = record.halen;
    std::copy_n(record.addr, sizeof(record.addr), from.sll_addr);
    frame.from.resize(sizeof(from));
    std::memcpy(frame.from.data(), &from, sizeof(from));
    frame.status = record.status & ~sources;
    frame.time_source = record.status & sources;
    frame.length = record.pkt_len;
    frame.snaplen = record.snaplen;
    frame.mac = record.mac;
    frame.net = record.net;
    frame.vlan_tci = record.vlan_tci;
    frame.vlan_tpid = record.vlan_tpid;
    frame.nanoseconds = int64_t(record.tstamp);
    frame.data = data;
    return frame;
}

// Whether it lies within its lane, and its packet within it.
static bool is_possible(const xinet_rx_record& record, uint32_t lane_size) {
    if (record.len == 0 || record.len > lane_size)
        return false;
    return record.type == XINET_RX_PAD ||
           (record.type == XINET_RX_PACKET && record.snaplen <= record.len &&
            record.mac >= sizeof(record) && record.mac <= record.len - record.snaplen);
}

LaneReader::LaneReader(int fd)
    : fd_(fd), info_(lanes_info(fd)), ring_(fd, 0, info_.length, PROT_READ),
      positions_(fd, XINET_RX_RING_POSITIONS, info_.positions_length, PROT_READ | PROT_WRITE),
      next_sequence_(info_.nr_lanes) {}

const xinet_rx_lane& LaneReader::lane(size_t index) const {
    return reinterpret_cast<const xinet_rx_lane*>(ring_.at(0))[index];
}

const xinet_rx_lane& LaneReader::used_lane() const {
    size_t used = 0;
    for (size_t i = 1; i < info_.nr_lanes; i++)
        if (lane(i).packets > lane(used).packets)
            used = i;
    return lane(used);
}

uint64_t& LaneReader::position(size_t index) const {
    return reinterpret_cast<uint64_t*>(positions_.at(0))[index];
}

void LaneReader::set_positions(uint64_t value) {
    for (size_t i = 0; i < info_.nr_lanes; i++)
        __atomic_store_n(&position(i), value, __ATOMIC_RELEASE);
}

uint64_t LaneReader::drops() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < info_.nr_lanes; i++)
        sum += __atomic_load_n(&lane(i).drops, __ATOMIC_RELAXED);
    return sum;
}

uint64_t LaneReader::packets() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < info_.nr_lanes; i++)
        sum += __atomic_load_n(&lane(i).packets, __ATOMIC_RELAXED);
    return sum;
}

uint64_t LaneReader::frozen() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < info_.nr_lanes; i++)
        sum += __atomic_load_n(&lane(i).frozen, __ATOMIC_RELAXED);
    return sum;
}

std::vector<LanePacket> LaneReader::take_lane(size_t index) {
    const uint32_t size = info_.req.lane_size;
    const uint8_t* data = ring_.at(info_.data_offset + index * size);
    const uint64_t head = __atomic_load_n(&lane(index).head, __ATOMIC_ACQUIRE);
    std::vector<LanePacket> packets;

    for (uint64_t at = position(index); at < head;) {
        const uint8_t* place = data + at % size;
        // What has been written over is neither a length nor data: to the oldest record.
        const auto is_gone = [&] {
            std::atomic_thread_fence(std::memory_order_acquire);
            const uint64_t tail = __atomic_load_n(&lane(index).tail, __ATOMIC_ACQUIRE);
            const bool gone = tail > at;
            if (gone) {
                at = tail;
                __atomic_store_n(&position(index), at, __ATOMIC_RELEASE);
            }
            return gone;
        };
        LanePacket packet{};
        std::memcpy(&packet.record, place,
                    std::min<size_t>(sizeof(packet.record), size - at % size));
        if (is_gone())
            continue;
        if (!is_possible(packet.record, size))
            throw std::logic_error("a lane has something else where a record begins");
        if (packet.record.type == XINET_RX_PACKET) {
            packet.extensions.assign(place + sizeof(packet.record), place + packet.record.mac);
            packet.data.assign(place + packet.record.mac,
                               place + packet.record.mac + packet.record.snaplen);
            if (is_gone())
                continue;
        }
        at += packet.record.len;
        __atomic_store_n(&position(index), at, __ATOMIC_RELEASE);
        if (packet.record.type != XINET_RX_PACKET)
            continue;
        lost_ += packet.record.seq - next_sequence_[index];
        next_sequence_[index] = packet.record.seq + 1;
        packets.push_back(std::move(packet));
    }
    return packets;
}

std::vector<LanePacket> LaneReader::take() {
    std::vector<LanePacket> packets;
    for (size_t i = 0; i < info_.nr_lanes; i++)
        for (auto& packet : take_lane(i))
            packets.push_back(std::move(packet));
    return packets;
}

std::vector<LanePacket> LaneReader::take_at_least(size_t count) {
    std::vector<LanePacket> packets;
    while (packets.size() < count) {
        if (!wait_readable(fd_))
            throw std::system_error(ETIMEDOUT, std::generic_category(), "packets in a ring");
        for (auto& packet : take())
            packets.push_back(std::move(packet));
    }
    return packets;
}

} // namespace xt
