// SPDX-License-Identifier: GPL-2.0-or-later
// The reader of XINET_RX_RING over a file in memory, which is written to as the
// kernel writes to a ring.
#include "xinet/rx_ring.h"

#include "xinet/file_descriptor.h"
#include "xinet/mapping.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace {

constexpr std::uint32_t small_lane = 4096;
constexpr std::uint64_t page = 4096;
constexpr std::uint32_t alignment = 8;

xinet_rx_ring_info shape(std::uint32_t lanes, std::uint32_t lane_size) {
    xinet_rx_ring_info info{};
    info.req.lane_size = lane_size;
    info.nr_lanes = lanes;
    info.data_offset = page;
    info.length = page + std::uint64_t{lanes} * lane_size;
    info.positions_length = page;
    return info;
}

xinet::FileDescriptor memory_file() {
    xinet::FileDescriptor file(::memfd_create("ring", MFD_CLOEXEC));
    if (::ftruncate(file.get(), XINET_RX_RING_POSITIONS + page) != 0) {
        throw std::runtime_error("no file in memory");
    }
    return file;
}

/// The kernel's side, with a lane that is written over when it is full.
class Ring {
public:
    explicit Ring(std::uint32_t lanes, std::uint32_t lane_size = small_lane)
        : info_(shape(lanes, lane_size)), file_(memory_file()),
          memory_(file_.get(), 0, info_.length, PROT_READ | PROT_WRITE),
          positions_(file_.get(), XINET_RX_RING_POSITIONS, page, PROT_READ) {}

    xinet::RxRing reader() const { return {file_.get(), info_}; }

    /// Every byte of the packet is that of @p time, so that a mixture shows.
    void write(std::uint32_t number, std::uint64_t time, std::uint32_t size = 8) const {
        xinet_rx_lane& state = lane(number);
        xinet_rx_record record{};
        record.len =
            (static_cast<std::uint32_t>(sizeof(record)) + size + alignment - 1) & ~(alignment - 1);
        record.type = XINET_RX_PACKET;
        record.mac = sizeof(record);
        record.seq = state.packets;
        record.tstamp = time;
        record.pkt_len = record.snaplen = size;

        const std::uint32_t left = lane_size() - state.head % lane_size();
        const std::uint32_t pad = left < record.len ? left : 0;
        make_room(number, pad + record.len);
        std::uint64_t head = state.head;
        if (pad != 0) {
            xinet_rx_record filler{};
            filler.len = pad;
            filler.type = XINET_RX_PAD;
            std::memcpy(place(number, head), &filler, alignment);
            head += pad;
        }
        std::memcpy(place(number, head), &record, sizeof(record));
        std::memset(place(number, head) + sizeof(record), static_cast<int>(time & 0xff), size);
        state.packets++;
        __atomic_store_n(&state.head, head + record.len, __ATOMIC_RELEASE);
    }

    std::uint64_t position(std::uint32_t number) const {
        return reinterpret_cast<const __u64*>(positions_.at(0))[number];
    }
    std::uint64_t head(std::uint32_t number) const { return lane(number).head; }
    std::uint64_t packets(std::uint32_t number) const { return lane(number).packets; }

private:
    std::uint32_t lane_size() const { return info_.req.lane_size; }
    xinet_rx_lane& lane(std::uint32_t number) const {
        return reinterpret_cast<xinet_rx_lane*>(memory_.at(0))[number];
    }
    std::byte* place(std::uint32_t number, std::uint64_t position) const {
        return memory_.at(info_.data_offset + std::uint64_t{number} * lane_size() +
                          position % lane_size());
    }
    void make_room(std::uint32_t number, std::uint32_t bytes) const {
        xinet_rx_lane& state = lane(number);
        std::uint64_t tail = state.tail;
        while (state.head + bytes - tail > lane_size()) {
            std::uint32_t length = 0;
            std::memcpy(&length, place(number, tail), sizeof(length));
            tail += length;
        }
        __atomic_store_n(&state.tail, tail, __ATOMIC_RELAXED);
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }

    xinet_rx_ring_info info_;
    xinet::FileDescriptor file_;
    xinet::Mapping memory_;
    xinet::Mapping positions_;
};

std::uint64_t time_of(const xinet::ReceivedPacket& packet) {
    return static_cast<std::uint64_t>(packet.timestamp.time_since_epoch().count());
}

std::vector<std::uint64_t> times(std::span<const xinet::ReceivedPacket> packets) {
    std::vector<std::uint64_t> result;
    for (const xinet::ReceivedPacket& packet : packets) {
        result.push_back(time_of(packet));
    }
    return result;
}

bool is_whole(const xinet::ReceivedPacket& packet) {
    const auto expected = static_cast<std::byte>(time_of(packet) & 0xff);
    return std::ranges::all_of(packet.data, [=](std::byte byte) { return byte == expected; });
}

using Times = std::vector<std::uint64_t>;

/// Visits what is there, up to @p most packets, each of which is whole.
Times visited(xinet::RxRing& reader, std::size_t most = 1'000'000) {
    Times result;
    reader.visit([&](const xinet_rx_record& record, std::span<const std::byte> data) {
        const auto expected = static_cast<std::byte>(record.tstamp & 0xff);
        EXPECT_EQ(data.size(), record.snaplen);
        EXPECT_TRUE(std::ranges::all_of(data, [=](std::byte byte) { return byte == expected; }));
        result.push_back(record.tstamp);
        return result.size() < most;
    });
    return result;
}

/// Six packets, in time between each other, in the first and the last of three lanes.
void write_by_turns(const Ring& ring) {
    for (const std::uint64_t time : {1, 5, 6}) {
        ring.write(0, time);
    }
    for (const std::uint64_t time : {2, 3, 7}) {
        ring.write(2, time);
    }
}

TEST(RxRing, lanes_are_merged_by_time) {
    const Ring ring(3);
    xinet::RxRing reader = ring.reader();
    write_by_turns(ring);
    EXPECT_EQ(times(reader.receive(0)), (Times{1, 2, 3, 5, 6, 7}));
    EXPECT_TRUE(reader.receive(0).empty());
    EXPECT_EQ(reader.lost(), 0U);
}

TEST(RxRing, lane_whose_clock_goes_back_keeps_its_order) {
    const Ring ring(2);
    xinet::RxRing reader = ring.reader();
    for (const std::uint64_t time : {5, 1, 4}) {
        ring.write(0, time);
    }
    ring.write(1, 3);
    EXPECT_EQ(times(reader.receive(0)), (Times{3, 5, 1, 4}));
}

TEST(RxRing, late_packet_of_another_lane_comes_with_the_next_call) {
    const Ring ring(2);
    xinet::RxRing reader = ring.reader();
    ring.write(0, 10);
    EXPECT_EQ(times(reader.receive(0)), Times{10});
    ring.write(1, 9);
    ring.write(0, 11);
    EXPECT_EQ(times(reader.receive(0)), (Times{9, 11}));
}

TEST(RxRing, packets_are_whole_around_the_end_of_a_lane) {
    const Ring ring(1);
    xinet::RxRing reader = ring.reader();
    // 64 bytes of record and a length of packet leave any remainder there is
    for (std::uint32_t i = 0; i < 1000; ++i) {
        const std::uint32_t size = 1 + i % 300;
        ring.write(0, i, size);
        const auto packets = reader.receive(16);
        ASSERT_EQ(times(packets), Times{i});
        ASSERT_EQ(packets[0].data.size(), size);
        ASSERT_TRUE(is_whole(packets[0]));
        ASSERT_EQ(ring.position(0), ring.head(0)) << "told to the kernel";
    }
    EXPECT_EQ(reader.lost(), 0U);
}

TEST(RxRing, empty_packet_is_one_as_any_other) {
    const Ring ring(1);
    xinet::RxRing reader = ring.reader();
    ring.write(0, 1, 0);
    ring.write(0, 2);
    ring.write(0, 3, 0);
    EXPECT_EQ(times(reader.receive(0)), (Times{1, 2, 3}));
    ring.write(0, 4, 0);
    EXPECT_EQ(visited(reader), Times{4});
}

TEST(RxRing, reader_that_is_behind_goes_on_at_the_oldest_and_knows_what_it_lost) {
    const Ring ring(2);
    xinet::RxRing reader = ring.reader();
    ring.write(0, 0);
    ASSERT_EQ(reader.receive(0).size(), 1U);
    ring.write(1, 150);
    for (std::uint64_t time = 1; time <= 200; ++time) {
        ring.write(0, time);
    }
    const Times got = times(reader.receive(0));
    EXPECT_TRUE(std::ranges::is_sorted(got));
    EXPECT_EQ(got.back(), 200U);
    EXPECT_EQ(reader.lost() + got.size(), 200U + 1) << "of lane 0, and the one of lane 1";
    EXPECT_LE(got.size(), small_lane / sizeof(xinet_rx_record) + 1);
}

TEST(RxRing, what_is_gone_before_the_first_look_is_lost) {
    const Ring ring(1);
    xinet::RxRing reader = ring.reader();
    for (std::uint64_t time = 1; time <= 200; ++time) {
        ring.write(0, time);
    }
    const std::size_t got = reader.receive(0).size();
    EXPECT_LT(got, 200U);
    EXPECT_EQ(reader.lost() + got, 200U);
}

TEST(RxRing, packet_that_is_written_over_between_its_header_and_its_data_is_not_given_out) {
    // a batch ends before a packet whose header has been read already
    constexpr std::uint32_t size = 300'000;
    const Ring ring(1, 1U << 22);
    xinet::RxRing reader = ring.reader();
    for (std::uint64_t time = 0; time < 4; ++time) {
        ring.write(0, time, size);
    }
    ASSERT_EQ(times(reader.receive(0)), (Times{0, 1, 2}));
    for (std::uint64_t time = 4; time < 24; ++time) {
        ring.write(0, time, size);
    }
    Times got;
    for (auto packets = reader.receive(0); !packets.empty(); packets = reader.receive(0)) {
        for (const xinet::ReceivedPacket& packet : packets) {
            EXPECT_TRUE(is_whole(packet)) << time_of(packet);
            got.push_back(time_of(packet));
        }
    }
    EXPECT_GT(got.front(), 3U);
    EXPECT_EQ(got.back(), 23U);
    EXPECT_EQ(3 + got.size() + reader.lost(), 24U);
}

TEST(RxRing, packet_that_is_written_over_while_it_is_read_is_not_given_out) {
    constexpr std::uint64_t enough = 200'000;
    const Ring ring(1);
    xinet::RxRing reader = ring.reader();
    ring.write(0, 0);
    std::uint64_t got = reader.receive(0).size();
    std::atomic<bool> done = false;
    // without a barrier between this thread and the other but the ring's own
    const std::jthread writer([&] {
        for (std::uint64_t time = 1; time < enough; ++time) {
            ring.write(0, time, 1 + time % 500);
        }
        done = true;
    });
    std::uint64_t last = 0;
    for (bool was_done = false; !was_done;) {
        was_done = done;
        for (const xinet::ReceivedPacket& packet : reader.receive(0)) {
            ASSERT_TRUE(is_whole(packet)) << time_of(packet);
            ASSERT_EQ(packet.data.size(), 1 + time_of(packet) % 500);
            ASSERT_GT(time_of(packet), last);
            last = time_of(packet);
            ++got;
        }
    }
    EXPECT_EQ(last, enough - 1);
    EXPECT_EQ(got + reader.lost(), enough);
    EXPECT_EQ(ring.packets(0), enough);
}

TEST(RxRing, visit_merges_lanes_by_time) {
    const Ring ring(3);
    xinet::RxRing reader = ring.reader();
    write_by_turns(ring);
    EXPECT_EQ(visited(reader, 2), (Times{1, 2}));
    EXPECT_EQ(ring.position(0), ring.head(0) / 3) << "told to the kernel";
    EXPECT_EQ(times(reader.receive(0)), (Times{3, 5, 6, 7}));
    EXPECT_EQ(visited(reader), Times{});
    ring.write(1, 4);
    EXPECT_EQ(visited(reader), Times{4});
    EXPECT_EQ(ring.position(1), ring.head(1));
}

TEST(RxRing, visit_sees_whole_packets_around_the_end_of_a_lane) {
    const Ring ring(1);
    xinet::RxRing reader = ring.reader();
    for (std::uint32_t i = 0; i < 1000; ++i) {
        ring.write(0, i, 1 + i % 300);
        ASSERT_EQ(visited(reader), Times{i});
        ASSERT_EQ(ring.position(0), ring.head(0));
    }
}

TEST(RxRing, room_is_given_back_during_a_long_visit) {
    const Ring ring(1, 1U << 20);
    xinet::RxRing reader = ring.reader();
    for (std::uint64_t time = 0; time < 2000; ++time) {
        ring.write(0, time, 400);
    }
    std::uint64_t seen = 0;
    reader.visit([&](const xinet_rx_record& record, std::span<const std::byte>) {
        EXPECT_LE(ring.position(0), seen);
        EXPECT_LE(seen - ring.position(0), 1U << 16);
        seen += record.len;
        return true;
    });
    EXPECT_EQ(seen, ring.head(0));
}

} // namespace
