// SPDX-License-Identifier: GPL-2.0-or-later
// Receive rings (PACKET_RX_RING) as a program sees them: the mapping, and what is in it.
#pragma once

#include <linux/if_packet.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "fd.h"
#include "frame.h"

namespace xt {

inline constexpr int ring_versions[] = {TPACKET_V1, TPACKET_V2, TPACKET_V3};
std::string version_name(int version); // "V1"

// A request of `blocks` blocks whose frames are `frame_size` bytes. Of V1 and V2 the kernel reads
// the first fields only.
tpacket_req3 ring_request(unsigned blocks, unsigned block_size, unsigned frame_size,
                          unsigned timeout_ms = 0, unsigned private_size = 0,
                          unsigned features = 0);
// setsockopt(PACKET_RX_RING) as of a version: its result.
long set_ring(int fd, int version, const tpacket_req3& request, int option = PACKET_RX_RING);

// A piece of memory that unmaps itself.
class Mapping {
public:
    Mapping(int fd, size_t size); // throws std::system_error
    ~Mapping();
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&&) = delete;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    [[nodiscard]] uint8_t* at(size_t offset) const { return begin_ + offset; }
    [[nodiscard]] size_t size() const { return size_; }

private:
    uint8_t* begin_;
    size_t size_;
};

// A frame of a ring, copied out. `status` is without TP_STATUS_USER, LOSING, and the time's source.
struct RingFrame {
    uint32_t status = 0;
    uint32_t length = 0;
    uint32_t snaplen = 0;
    uint16_t mac = 0;
    uint16_t net = 0;
    uint16_t vlan_tci = 0;
    uint16_t vlan_tpid = 0;
    uint32_t rxhash = 0;
    Bytes padding = {};
    Bytes from = {}; // sockaddr_ll
    Bytes vnet = {}; // 12 bytes in front of the packet, when asked for
    Bytes gap = {};  // from the first aligned byte behind the sockaddr_ll up to the packet
    Bytes data = {};
    uint32_t time_source = 0; // TP_STATUS_TS_*
    int64_t nanoseconds = 0;
    bool losing = false;

    // All but the time, the losses and the gap, which are the socket's own.
    bool operator==(const RingFrame& other) const;
    [[nodiscard]] sockaddr_ll address() const;
};
std::string describe(const RingFrame& frame);
void PrintTo(const RingFrame& frame, std::ostream* out);

// What a V3 block says of itself.
struct RingBlock {
    uint32_t version, private_offset, status, packets, first, length;
    uint64_t number;
    int64_t first_ns, last_ns;
    Bytes private_area;
    std::vector<RingFrame> frames;
};

// A receive ring that is mapped and read in order.
class TpacketRing {
public:
    // Throws std::system_error.
    TpacketRing(const Fd& socket, int version, const tpacket_req3& request);

    // V1 and V2: the next frame, given back to the kernel, if there is one.
    std::optional<RingFrame> take_frame();
    // V3: the next block, given back to the kernel, if there is one.
    std::optional<RingBlock> take_block();
    // The next block without giving it back, and giving that one back.
    [[nodiscard]] std::optional<RingBlock> look_at_block() const;
    void give_block_back();
    // All frames that are there, whatever the version.
    std::vector<RingFrame> take();
    // Waits for the frame that carries `mark`: all up to and including it.
    std::vector<RingFrame> take_through(const std::string& mark);

    void expect_vnet_headers() { vnet_ = true; }
    [[nodiscard]] const Mapping& memory() const { return memory_; }
    [[nodiscard]] int fd() const { return fd_; }

private:
    [[nodiscard]] RingFrame frame_v1(const uint8_t* base) const;
    [[nodiscard]] RingFrame frame_v2(const uint8_t* base) const;
    [[nodiscard]] RingFrame frame_v3(const uint8_t* base) const;
    void finish(RingFrame& frame, const uint8_t* base, uint32_t status, size_t header) const;
    [[nodiscard]] uint8_t* block() const;

    int fd_;
    int version_;
    tpacket_req3 request_;
    Mapping memory_;
    size_t head_ = 0;
    bool vnet_ = false;
};

} // namespace xt
