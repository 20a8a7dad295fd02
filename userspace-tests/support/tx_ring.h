// SPDX-License-Identifier: GPL-2.0-or-later
// A send ring of a packet socket (PACKET_TX_RING), and what a test writes into it.
#pragma once

#include <linux/if_packet.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "family.h"
#include "frame.h"
#include "sys.h"
#include "tpacket_v1.h"
#include "traffic.h"

namespace xt {

// One frame as userspace leaves it. What is not set is what a sane program writes.
struct TxFrame {
    Bytes data;
    std::optional<uint32_t> length = {};
    size_t offset = 0; // of the data, from where they begin without PACKET_TX_HAS_OFF
    uint16_t mac = 0;
    uint16_t net = 0;
    uint32_t next = 0;
    uint32_t status = TP_STATUS_SEND_REQUEST;
};

struct TxShape {
    uint32_t frame_size = 2048;
    uint32_t block_size = 4096;
    uint32_t blocks = 2;
};

class TxRing {
public:
    TxRing(int fd, int version, const TxShape& shape = {})
        : fd_(fd), version_(version), shape_(shape) {
        checked(sys::setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)),
                "PACKET_VERSION");
        checked(request(shape.blocks), "PACKET_TX_RING");
        void* map = mmap(nullptr, size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            throw std::system_error(errno, std::generic_category(), "mmap of a ring");
        memory_ = static_cast<uint8_t*>(map);
    }
    // One that is there and mapped already, at `memory`, which belongs to somebody else.
    TxRing(int fd, int version, uint8_t* memory, const TxShape& shape)
        : fd_(fd), version_(version), shape_(shape), memory_(memory), owned_(false) {}
    ~TxRing() { unmap(); }
    TxRing(const TxRing&) = delete;
    TxRing& operator=(const TxRing&) = delete;

    void unmap() {
        if (memory_ && owned_)
            munmap(memory_, size());
        memory_ = nullptr;
    }
    // PACKET_TX_RING with that many blocks; 0 takes the ring away.
    long request(uint32_t blocks) const {
        tpacket_req3 request{};
        request.tp_block_size = blocks ? shape_.block_size : 0;
        request.tp_block_nr = blocks;
        request.tp_frame_size = blocks ? shape_.frame_size : 0;
        request.tp_frame_nr = blocks * (shape_.block_size / shape_.frame_size);
        return sys::setsockopt(fd_, SOL_PACKET, PACKET_TX_RING, &request,
                               version_ == TPACKET_V3 ? sizeof(tpacket_req3) : sizeof(tpacket_req));
    }
    [[nodiscard]] size_t frames() const {
        return size_t(shape_.blocks) * (shape_.block_size / shape_.frame_size);
    }
    [[nodiscard]] uint8_t* frame(size_t index) const {
        const size_t per_block = shape_.block_size / shape_.frame_size;
        return memory_ + index / per_block * shape_.block_size +
               index % per_block * shape_.frame_size;
    }
    // Where data begin without PACKET_TX_HAS_OFF.
    [[nodiscard]] size_t data_offset() const {
        switch (version_) {
        case TPACKET_V1:
            return TPACKET_HDRLEN - sizeof(sockaddr_ll);
        case TPACKET_V2:
            return TPACKET2_HDRLEN - sizeof(sockaddr_ll);
        default:
            return TPACKET3_HDRLEN - sizeof(sockaddr_ll);
        }
    }

    void put(size_t index, const TxFrame& what) const {
        uint8_t* at = frame(index);
        const size_t begin = data_offset() + what.offset;
        if (begin < shape_.frame_size)
            memcpy(at + begin, what.data.data(),
                   std::min(what.data.size(), shape_.frame_size - begin));
        const auto length = what.length.value_or(uint32_t(what.data.size()));
        switch (version_) {
        case TPACKET_V1:
            with_v1_header(at, [&](auto* header) { fill(header, length, what); });
            break;
        case TPACKET_V2:
            fill(reinterpret_cast<tpacket2_hdr*>(at), length, what);
            break;
        default:
            reinterpret_cast<tpacket3_hdr*>(at)->tp_next_offset = what.next;
            fill(reinterpret_cast<tpacket3_hdr*>(at), length, what);
            break;
        }
        set_status(index, what.status);
    }
    void set_status(size_t index, uint32_t status) const {
        if (version_ == TPACKET_V1)
            std::atomic_ref(*v1_status(index)).store(status);
        else
            std::atomic_ref(*status_word(index)).store(status);
    }
    [[nodiscard]] uint32_t status(size_t index) const {
        return version_ == TPACKET_V1 ? uint32_t(std::atomic_ref(*v1_status(index)).load())
                                      : std::atomic_ref(*status_word(index)).load();
    }
    // When the frame was sent, as the kernel wrote it.
    [[nodiscard]] uint32_t seconds(size_t index) const {
        const uint8_t* at = frame(index);
        switch (version_) {
        case TPACKET_V1:
            return with_v1_header(at, [](const auto* header) { return header->tp_sec; });
        case TPACKET_V2:
            return reinterpret_cast<const tpacket2_hdr*>(at)->tp_sec;
        default:
            return reinterpret_cast<const tpacket3_hdr*>(at)->tp_sec;
        }
    }
    // Waits until no frame is on its way: it may be a while after the call that sent it.
    void settle() const {
        constexpr std::chrono::milliseconds moment{1};
        for (size_t i = 0; i < frames(); i++)
            for (auto left = deadline; status(i) == TP_STATUS_SENDING && left.count() > 0;
                 left -= moment)
                std::this_thread::sleep_for(moment);
    }
    // Statuses of all frames, to be compared.
    [[nodiscard]] std::string statuses() const {
        std::ostringstream out;
        for (size_t i = 0; i < frames(); i++)
            out << std::hex << status(i) << " ";
        return out.str();
    }

private:
    [[nodiscard]] size_t size() const { return size_t(shape_.blocks) * shape_.block_size; }
    [[nodiscard]] unsigned long* v1_status(size_t index) const {
        return reinterpret_cast<unsigned long*>(frame(index));
    }
    [[nodiscard]] uint32_t* status_word(size_t index) const {
        const size_t offset = version_ == TPACKET_V3 ? offsetof(tpacket3_hdr, tp_status) : 0;
        return reinterpret_cast<uint32_t*>(frame(index) + offset);
    }
    template<typename Header>
    static void fill(Header* header, uint32_t length, const TxFrame& what) {
        header->tp_len = length;
        header->tp_mac = what.mac;
        header->tp_net = what.net;
        header->tp_sec = 0;
    }

    int fd_;
    int version_;
    TxShape shape_;
    uint8_t* memory_ = nullptr;
    bool owned_ = true;
};

} // namespace xt
