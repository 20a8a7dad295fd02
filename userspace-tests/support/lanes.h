// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_RX_RING as a program sees it: the lanes, and what is in them. A reader of its own, which
// shares no line with that of libxinet.
#pragma once

#include <linux/xinet.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

#include "fd.h"
#include "frame.h"
#include "tpacket_ring.h"

namespace xt {

inline constexpr uint32_t smallest_lane = XINET_RX_RING_LANE_MIN;

// The words of a lane are 64 bits, which a program of 32 reads in halves: it is refused.
inline constexpr bool lanes_are_refused = sizeof(void*) < sizeof(uint64_t);

// Wakes readers for each packet.
xinet_rx_ring_req lanes_request(uint32_t lane_size = smallest_lane, uint32_t flags = 0);
long set_lanes(int fd, const xinet_rx_ring_req& request);
long attach_lanes(int fd, int from);
long command_lanes(int fd, int option, int value);
xinet_rx_ring_info lanes_info(int fd); // throws std::system_error

// A piece of memory that unmaps itself; throws std::system_error.
class LaneMapping {
public:
    LaneMapping(int fd, uint64_t offset, size_t size, int protection);
    ~LaneMapping();
    LaneMapping(LaneMapping&& other) noexcept;
    LaneMapping& operator=(LaneMapping&&) = delete;
    LaneMapping(const LaneMapping&) = delete;
    LaneMapping& operator=(const LaneMapping&) = delete;
    [[nodiscard]] uint8_t* at(size_t offset) const { return begin_ + offset; }

private:
    uint8_t* begin_;
    size_t size_;
};

struct LanePacket {
    xinet_rx_record record;
    Bytes extensions = {};
    Bytes data = {};
    // In the terms of a V3 ring, to be compared with one.
    [[nodiscard]] RingFrame as_frame() const;
};

class LaneReader {
public:
    explicit LaneReader(int fd);

    // What is there, lane by lane; tells the kernel that it has been read. Throws std::logic_error
    // if that is not a row of records.
    std::vector<LanePacket> take();
    // Waits until poll() says so before each look, until there are `count`.
    std::vector<LanePacket> take_at_least(size_t count);
    // As far as the numbers of the records tell.
    [[nodiscard]] uint64_t lost() const { return lost_; }
    [[nodiscard]] uint64_t drops() const;
    [[nodiscard]] uint64_t packets() const;
    [[nodiscard]] uint64_t frozen() const;
    // Where the next look begins.
    void set_positions(uint64_t position);
    [[nodiscard]] const xinet_rx_ring_info& info() const { return info_; }
    // That of the CPU on which the packets came.
    [[nodiscard]] const xinet_rx_lane& used_lane() const;

private:
    [[nodiscard]] const xinet_rx_lane& lane(size_t index) const;
    [[nodiscard]] std::vector<LanePacket> take_lane(size_t index);
    [[nodiscard]] uint64_t& position(size_t index) const;

    int fd_;
    xinet_rx_ring_info info_;
    LaneMapping ring_;
    LaneMapping positions_;
    std::vector<uint64_t> next_sequence_;
    uint64_t lost_ = 0;
};

} // namespace xt
