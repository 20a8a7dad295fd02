// SPDX-License-Identifier: GPL-2.0-or-later
#include "tpacket_ring.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <sstream>

#include "family.h"
#include "sys.h"
#include "tpacket_v1.h"
#include "traffic.h"

namespace xt {
namespace {

constexpr uint32_t time_sources =
    TP_STATUS_TS_SOFTWARE | TP_STATUS_TS_SYS_HARDWARE | TP_STATUS_TS_RAW_HARDWARE;
constexpr int64_t second = 1'000'000'000;
// struct virtio_net_hdr_mrg_rxbuf, the longer of the headers
constexpr size_t vnet_size = 12;

template<typename T>
T load(const uint8_t* from) {
    T value;
    std::memcpy(&value, from, sizeof(value));
    return value;
}

// The status word of a frame or block; pairs with the kernel's release.
template<typename Word>
Word status_of(uint8_t* at) {
    return std::atomic_ref<Word>(*reinterpret_cast<Word*>(at)).load(std::memory_order_acquire);
}

template<typename Word>
void give_back(uint8_t* at) {
    std::atomic_ref<Word>(*reinterpret_cast<Word*>(at))
        .store(TP_STATUS_KERNEL, std::memory_order_release);
}

Bytes bytes_of(const uint8_t* from, size_t size) {
    return {from, from + size};
}

constexpr size_t block_status = offsetof(tpacket_block_desc, hdr.bh1.block_status);

} // namespace

std::string version_name(int version) {
    return "V" + std::to_string(version + 1);
}

tpacket_req3 ring_request(unsigned blocks, unsigned block_size, unsigned frame_size,
                          unsigned timeout_ms, unsigned private_size, unsigned features) {
    return {.tp_block_size = block_size,
            .tp_block_nr = blocks,
            .tp_frame_size = frame_size,
            .tp_frame_nr = frame_size ? block_size / frame_size * blocks : 0,
            .tp_retire_blk_tov = timeout_ms,
            .tp_sizeof_priv = private_size,
            .tp_feature_req_word = features};
}

long set_ring(int fd, int version, const tpacket_req3& request, int option) {
    const size_t size = version == TPACKET_V3 ? sizeof(tpacket_req3) : sizeof(tpacket_req);
    return sys::setsockopt(fd, SOL_PACKET, option, &request, long(size));
}

Mapping::Mapping(int fd, size_t size) : size_(size) {
    void* begin = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (begin == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap of a ring");
    begin_ = static_cast<uint8_t*>(begin);
}

Mapping::Mapping(Mapping&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)), size_(other.size_) {}

Mapping::~Mapping() {
    if (begin_)
        ::munmap(begin_, size_);
}

bool RingFrame::operator==(const RingFrame& other) const {
    return status == other.status && length == other.length && snaplen == other.snaplen &&
           mac == other.mac && net == other.net && vlan_tci == other.vlan_tci &&
           vlan_tpid == other.vlan_tpid && rxhash == other.rxhash && padding == other.padding &&
           from == other.from && vnet == other.vnet && data == other.data;
}

sockaddr_ll RingFrame::address() const {
    return load<sockaddr_ll>(from.data());
}

std::string describe(const RingFrame& frame) {
    std::ostringstream out;
    out << std::hex << "status " << frame.status << std::dec << ", " << frame.snaplen << " of "
        << frame.length << " bytes, mac " << frame.mac << ", net " << frame.net << ", vlan "
        << frame.vlan_tci << "/" << std::hex << frame.vlan_tpid << ", hash " << frame.rxhash
        << ", padding " << hex(frame.padding.data(), frame.padding.size()) << ", from "
        << hex(frame.from.data(), frame.from.size()) << ", vnet "
        << hex(frame.vnet.data(), frame.vnet.size()) << ": "
        << hex(frame.data.data(), std::min<size_t>(frame.data.size(), 96));
    return out.str();
}

void PrintTo(const RingFrame& frame, std::ostream* out) {
    *out << "\n    " << describe(frame);
}

TpacketRing::TpacketRing(const Fd& socket, int version, const tpacket_req3& request)
    : fd_(socket.get()), version_(version), request_(request), memory_([&] {
          set_option(socket, SOL_PACKET, PACKET_VERSION, version);
          checked(set_ring(socket.get(), version, request), "PACKET_RX_RING");
          return Mapping(socket.get(), size_t(request.tp_block_size) * request.tp_block_nr);
      }()) {}

void TpacketRing::finish(RingFrame& frame, const uint8_t* base, uint32_t status,
                         size_t header) const {
    frame.status = status & ~(TP_STATUS_USER | TP_STATUS_LOSING | time_sources);
    frame.time_source = status & time_sources;
    frame.losing = status & TP_STATUS_LOSING;
    frame.from = bytes_of(base + TPACKET_ALIGN(header), sizeof(sockaddr_ll));
    frame.data = bytes_of(base + frame.mac, frame.snaplen);
    const size_t gap = TPACKET_ALIGN(TPACKET_ALIGN(header) + sizeof(sockaddr_ll));
    // a frame that is cut may end before its packet would begin
    const size_t end = version_ == TPACKET_V3
                           ? frame.mac
                           : std::min(size_t{frame.mac}, size_t{request_.tp_frame_size});
    if (end > gap)
        frame.gap = bytes_of(base + gap, end - gap);
    if (vnet_)
        frame.vnet = bytes_of(base + frame.mac - vnet_size, vnet_size);
}

RingFrame TpacketRing::frame_v1(const uint8_t* base) const {
    return with_v1_header(base, [&](const auto* h) {
        RingFrame frame{
            .length = h->tp_len, .snaplen = h->tp_snaplen, .mac = h->tp_mac, .net = h->tp_net};
        frame.nanoseconds = h->tp_sec * second + h->tp_usec * 1000L;
        finish(frame, base, uint32_t(h->tp_status), sizeof(*h));
        return frame;
    });
}

RingFrame TpacketRing::frame_v2(const uint8_t* base) const {
    const auto h = load<tpacket2_hdr>(base);
    RingFrame frame{.length = h.tp_len,
                    .snaplen = h.tp_snaplen,
                    .mac = h.tp_mac,
                    .net = h.tp_net,
                    .vlan_tci = h.tp_vlan_tci,
                    .vlan_tpid = h.tp_vlan_tpid};
    frame.padding = bytes_of(h.tp_padding, sizeof(h.tp_padding));
    frame.nanoseconds = h.tp_sec * second + h.tp_nsec;
    finish(frame, base, h.tp_status, sizeof(h));
    return frame;
}

RingFrame TpacketRing::frame_v3(const uint8_t* base) const {
    const auto h = load<tpacket3_hdr>(base);
    RingFrame frame{.length = h.tp_len,
                    .snaplen = h.tp_snaplen,
                    .mac = h.tp_mac,
                    .net = h.tp_net,
                    .vlan_tci = uint16_t(h.hv1.tp_vlan_tci),
                    .vlan_tpid = h.hv1.tp_vlan_tpid,
                    .rxhash = h.hv1.tp_rxhash};
    frame.padding = bytes_of(h.tp_padding, sizeof(h.tp_padding));
    frame.padding.push_back(uint8_t(h.hv1.tp_padding));
    frame.nanoseconds = h.tp_sec * second + h.tp_nsec;
    finish(frame, base, h.tp_status, sizeof(h));
    return frame;
}

std::optional<RingFrame> TpacketRing::take_frame() {
    const size_t per_block = request_.tp_block_size / request_.tp_frame_size;
    uint8_t* base = memory_.at(head_ / per_block * request_.tp_block_size +
                               head_ % per_block * request_.tp_frame_size);
    RingFrame frame;
    if (version_ == TPACKET_V1) {
        if (!(status_of<unsigned long>(base) & TP_STATUS_USER))
            return std::nullopt;
        frame = frame_v1(base);
        give_back<unsigned long>(base);
    } else {
        if (!(status_of<uint32_t>(base) & TP_STATUS_USER))
            return std::nullopt;
        frame = frame_v2(base);
        give_back<uint32_t>(base);
    }
    head_ = (head_ + 1) % request_.tp_frame_nr;
    return frame;
}

uint8_t* TpacketRing::block() const {
    return memory_.at(head_ * request_.tp_block_size);
}

std::optional<RingBlock> TpacketRing::look_at_block() const {
    uint8_t* base = block();
    if (!(status_of<uint32_t>(base + block_status) & TP_STATUS_USER))
        return std::nullopt;

    const auto desc = load<tpacket_block_desc>(base);
    const auto& h = desc.hdr.bh1;
    RingBlock result{.version = desc.version,
                     .private_offset = desc.offset_to_priv,
                     .status = h.block_status,
                     .packets = h.num_pkts,
                     .first = h.offset_to_first_pkt,
                     .length = h.blk_len,
                     .number = h.seq_num,
                     .first_ns = h.ts_first_pkt.ts_sec * second + h.ts_first_pkt.ts_nsec,
                     .last_ns = h.ts_last_pkt.ts_sec * second + h.ts_last_pkt.ts_nsec,
                     .private_area = bytes_of(base + desc.offset_to_priv, request_.tp_sizeof_priv),
                     .frames = {}};
    size_t offset = result.first;
    for (uint32_t i = 0; i < result.packets; i++) {
        result.frames.push_back(frame_v3(base + offset));
        const auto& frame = result.frames.back();
        const uint32_t next = load<tpacket3_hdr>(base + offset).tp_next_offset;
        const uint32_t size = (frame.mac + frame.snaplen + 7U) & ~7U;
        EXPECT_EQ(next, i + 1 < result.packets ? size : 0) << "tp_next_offset of " << i;
        offset += size;
    }
    EXPECT_EQ(offset, result.length) << "blk_len";
    return result;
}

void TpacketRing::give_block_back() {
    give_back<uint32_t>(block() + block_status);
    head_ = (head_ + 1) % request_.tp_block_nr;
}

std::optional<RingBlock> TpacketRing::take_block() {
    auto result = look_at_block();
    if (result)
        give_block_back();
    return result;
}

std::vector<RingFrame> TpacketRing::take() {
    std::vector<RingFrame> result;
    if (version_ == TPACKET_V3) {
        while (auto next = take_block())
            result.insert(result.end(), next->frames.begin(), next->frames.end());
    } else {
        while (auto frame = take_frame())
            result.push_back(std::move(*frame));
    }
    return result;
}

std::vector<RingFrame> TpacketRing::take_through(const std::string& mark) {
    std::vector<RingFrame> result;
    for (;;) {
        auto more = take();
        bool seen = false;
        for (auto& frame : more) {
            seen |= contains(frame.data, mark);
            result.push_back(std::move(frame));
        }
        if (seen)
            return result;
        if (more.empty() && !wait_readable(fd_))
            throw std::system_error(ETIMEDOUT, std::generic_category(), "a ring's frames");
    }
}

} // namespace xt
