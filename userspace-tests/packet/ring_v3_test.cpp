// SPDX-License-Identifier: GPL-2.0-or-later
// Blocks of TPACKET_V3 as a program sees them, and waiting for frames and blocks; on each side.
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <poll.h>

#include <thread>

#include "support/family.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr unsigned page = 4096;
constexpr unsigned never_ms = 600'000;
constexpr unsigned soon_ms = 5;
// with its header four of them fill a page and leave less than a fifth needs
constexpr size_t payload_size = 800;
constexpr size_t per_block = 4;
constexpr size_t descriptor_size = 48;

tpacket_stats_v3 statistics(const Fd& socket) {
    tpacket_stats_v3 result{};
    socklen_t length = sizeof(result);
    checked(sys::getsockopt(socket.get(), SOL_PACKET, PACKET_STATISTICS, &result, &length),
            "PACKET_STATISTICS");
    EXPECT_EQ(length, sizeof(result));
    return result;
}

class PacketRingV3 : public OnEachSide {
protected:
    TpacketRing open(unsigned blocks, unsigned timeout_ms, unsigned private_size = 0) {
        subject_ = packet(0);
        TpacketRing ring(subject_, TPACKET_V3,
                         ring_request(blocks, page, 2048, timeout_ms, private_size));
        bind_to(subject_, link_address(experimental_ethertype, link::index(here_device)));
        return ring;
    }
    // Returns when the last frame has passed every socket, see PacketStatistics.
    void send(size_t frames) const {
        for (size_t i = 0; i < frames; i++)
            wire_.send(
                ethernet(here_mac(), experimental_ethertype, repeated("payload ", payload_size)));
        const Fd monitor = open_socket(Side::sibling, Kind::packet, experimental_ethertype + 1);
        wire_.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("the end ", 64)));
        receive(monitor.get());
    }
    OnOneCpu one_cpu_;
    Fd subject_;
    Injector wire_ = Injector::at_peer();
};

TEST_P(PacketRingV3, full_blocks_are_handed_over_and_describe_themselves) {
    TpacketRing ring = open(4, never_ms, 13);
    send(2 * per_block + 1);
    for (uint64_t number = 1; number <= 2; number++) {
        const auto block = ring.take_block();
        ASSERT_TRUE(block);
        EXPECT_EQ(block->version, unsigned(TPACKET_V3));
        EXPECT_EQ(block->private_offset, descriptor_size);
        EXPECT_EQ(block->first, descriptor_size + 16) << "13 bytes, and alignment";
        EXPECT_EQ(block->status, unsigned(TP_STATUS_USER)) << "full, not timed out";
        EXPECT_EQ(block->packets, per_block);
        EXPECT_EQ(block->number, number);
        EXPECT_LE(block->first_ns, block->last_ns);
        EXPECT_EQ(block->frames.back().nanoseconds, block->last_ns);
        EXPECT_EQ(block->private_area, Bytes(13, 0));
    }
    EXPECT_FALSE(ring.take_block()) << "the open block is the kernel's";
}

TEST_P(PacketRingV3, private_area_keeps_what_the_program_writes_there) {
    TpacketRing ring = open(1, soon_ms, 8);
    const Bytes mine{1, 2, 3, 4, 5, 6, 7, 8};
    std::copy(mine.begin(), mine.end(), ring.memory().at(descriptor_size));
    for (int i = 0; i < 2; i++) {
        send(1);
        ASSERT_TRUE(wait_readable(subject_.get()));
        const auto block = ring.take_block();
        ASSERT_TRUE(block);
        EXPECT_EQ(block->private_area, mine);
    }
}

// PF_PACKET of older kernels keeps the size in 16 bits and writes packets into the rest.
TEST_P(PacketRingV3, private_area_may_be_longer_than_16_bits_can_say) {
    if (side() == Side::sibling)
        GTEST_SKIP() << "not right on every kernel";
    constexpr unsigned private_size = (1 << 16) + 8;
    constexpr unsigned block_size = 1 << 17;
    const Fd socket = packet(0);
    TpacketRing ring(socket, TPACKET_V3, ring_request(1, block_size, 2048, soon_ms, private_size));
    bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
    const Bytes mine(private_size, 0x5a);
    std::copy(mine.begin(), mine.end(), ring.memory().at(descriptor_size));
    send(1);
    ASSERT_TRUE(wait_readable(socket.get()));
    const auto block = ring.take_block();
    ASSERT_TRUE(block);
    EXPECT_EQ(block->first, descriptor_size + private_size);
    EXPECT_EQ(block->private_area, mine) << "a packet was written into it";
    ASSERT_EQ(block->frames.size(), 1U);
    EXPECT_TRUE(contains(block->frames[0].data, "payload "));
}

// The longest timeout must not wrap into one that has passed, and the ring must go all the same.
TEST_P(PacketRingV3, longest_timeout_hands_full_blocks_over_and_no_others) {
    for (const unsigned timeout_ms : {0x7fffffffU, 0xffffffffU}) {
        TpacketRing ring = open(2, timeout_ms);
        send(1);
        EXPECT_EQ(poll_now(subject_.get(), POLLIN), 0) << timeout_ms;
        send(per_block);
        const auto block = ring.take_block();
        ASSERT_TRUE(block) << timeout_ms;
        EXPECT_EQ(block->packets, per_block);
    }
}

TEST_P(PacketRingV3, lone_packet_comes_with_the_timeout) {
    TpacketRing ring = open(2, soon_ms);
    EXPECT_EQ(poll_now(subject_.get(), POLLIN), 0);
    send(1);
    ASSERT_TRUE(wait_readable(subject_.get()));
    const auto block = ring.take_block();
    ASSERT_TRUE(block);
    EXPECT_EQ(block->packets, 1U);
    EXPECT_TRUE(block->status & TP_STATUS_BLK_TMO);
    EXPECT_EQ(poll_now(subject_.get(), POLLIN), 0) << "given back";
}

TEST_P(PacketRingV3, default_timeout_hands_over_as_well) {
    TpacketRing ring = open(2, 0);
    send(1);
    ASSERT_TRUE(wait_readable(subject_.get()));
    EXPECT_TRUE(ring.take_block());
}

TEST_P(PacketRingV3, without_a_free_block_packets_are_dropped_and_the_freeze_is_counted) {
    TpacketRing ring = open(2, never_ms);
    send(2 * per_block + 3);
    const auto frozen = statistics(subject_);
    EXPECT_EQ(frozen.tp_packets, 2 * per_block + 3);
    EXPECT_EQ(frozen.tp_drops, 3U);
    EXPECT_EQ(frozen.tp_freeze_q_cnt, 1U);
    const auto reset = statistics(subject_);
    EXPECT_EQ(reset.tp_packets + reset.tp_drops + reset.tp_freeze_q_cnt, 0U);

    ASSERT_TRUE(ring.take_block());
    send(per_block + 1);
    const auto thawed = statistics(subject_);
    EXPECT_EQ(thawed.tp_packets, per_block + 1);
    EXPECT_EQ(thawed.tp_drops, 1U);
    EXPECT_EQ(thawed.tp_freeze_q_cnt, 1U) << "the other block is still with the program";
}

TEST_P(PacketRingV3, block_after_a_loss_says_so) {
    TpacketRing ring = open(1, never_ms);
    send(per_block + 1);
    const auto before = ring.take_block();
    ASSERT_TRUE(before);
    EXPECT_FALSE(before->status & TP_STATUS_LOSING);
    send(per_block + 1);
    const auto after = ring.take_block();
    ASSERT_TRUE(after);
    EXPECT_TRUE(after->status & TP_STATUS_LOSING);
    statistics(subject_);
    send(per_block + 1);
    const auto told = ring.take_block();
    ASSERT_TRUE(told);
    EXPECT_FALSE(told->status & TP_STATUS_LOSING) << "the program knows";
}

INSTANTIATE_TEST_SUITE_P(Sides, PacketRingV3, testing::ValuesIn(both_sides), parameter_name<Side>);

class PacketRingPoll : public OnEachSide {};

TEST_P(PacketRingPoll, waiting_program_wakes_up_in_each_version) {
    for (const int version : ring_versions) {
        SCOPED_TRACE(version_name(version));
        const Fd socket = packet(experimental_ethertype);
        TpacketRing ring(socket, version, ring_request(2, page, 2048, soon_ms));
        EXPECT_EQ(poll_now(socket.get(), POLLIN), 0);
        bool woken = false;
        std::jthread waiter([&] { woken = wait_readable(socket.get()); });
        Injector::at_peer().send(
            ethernet(here_mac(), experimental_ethertype, repeated("wake up!", 64)));
        waiter.join();
        EXPECT_TRUE(woken);
        EXPECT_EQ(ring.take().size(), 1U);
        EXPECT_EQ(poll_now(socket.get(), POLLIN), 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Sides, PacketRingPoll, testing::ValuesIn(both_sides),
                         parameter_name<Side>);

} // namespace
} // namespace xt
