// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_FLUSH_USEC and XINET_PACKET_WATERMARK: when a block of a V3 ring is handed over. Not
// how soon, which is measured by bench/.
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <poll.h>

#include <limits>

#include "support/family.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr unsigned page = 4096;
constexpr unsigned never_ms = 600'000;
constexpr int never_usec = 600'000'000;
constexpr int soon_usec = 300;

Outcome set(const Fd& socket, int option, int value, socklen_t length = sizeof(int)) {
    return outcome_of(
        [&] { return sys::setsockopt(socket.get(), SOL_XINET, option, &value, length); });
}

class PacketLatency : public testing::Test {
protected:
    static Fd open(int flush_usec, int watermark) {
        Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        EXPECT_EQ(set(socket, XINET_PACKET_FLUSH_USEC, flush_usec).result, 0);
        EXPECT_EQ(set(socket, XINET_PACKET_WATERMARK, watermark).result, 0);
        return socket;
    }
    static TpacketRing ring_of(const Fd& socket, int version = TPACKET_V3) {
        TpacketRing ring(socket, version, ring_request(4, page, 2048, never_ms));
        bind_here(socket);
        return ring;
    }
    static void bind_here(const Fd& socket) {
        bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
    }
    // Returns when the last frame has passed every socket, see PacketStatistics.
    void send(size_t frames) const {
        const Fd monitor = open_socket(Side::sibling, Kind::packet, experimental_ethertype + 1);
        for (size_t i = 0; i < frames; i++)
            wire_.send(ethernet(here_mac(), experimental_ethertype, repeated("payload ", 64)));
        wire_.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("the end ", 64)));
        receive(monitor.get());
    }
    Injector wire_ = Injector::at_peer();
};

TEST_F(PacketLatency, options_are_set_before_the_ring_and_read_back) {
    for (const int option : {XINET_PACKET_FLUSH_USEC, XINET_PACKET_WATERMARK}) {
        SCOPED_TRACE(option);
        const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        EXPECT_EQ(get_option(socket, SOL_XINET, option), 0);
        EXPECT_EQ(set(socket, option, -1).error, EINVAL);
        EXPECT_EQ(set(socket, option, 1, 3).error, EINVAL);
        EXPECT_EQ(set(socket, option, 1, 0).error, EINVAL);
        EXPECT_EQ(sys::setsockopt(socket.get(), SOL_XINET, option, nullptr, sizeof(int)), -1);
        EXPECT_EQ(errno, EFAULT);
        EXPECT_EQ(get_option(socket, SOL_XINET, option), 0);
        EXPECT_EQ(set(socket, option, std::numeric_limits<int>::max()).result, 0);
        EXPECT_EQ(get_option(socket, SOL_XINET, option), std::numeric_limits<int>::max());

        ASSERT_EQ(set_ring(socket.get(), TPACKET_V3, ring_request(2, page, 2048)), 0);
        EXPECT_EQ(set(socket, option, 7).error, EBUSY);
        EXPECT_EQ(get_option(socket, SOL_XINET, option), std::numeric_limits<int>::max());
        ASSERT_EQ(set_ring(socket.get(), TPACKET_V3, tpacket_req3{}), 0);
        EXPECT_EQ(set(socket, option, 7).result, 0);
    }
}

TEST_F(PacketLatency, watermark_hands_the_block_over) {
    const Fd socket = open(0, 3);
    TpacketRing ring = ring_of(socket);
    send(2);
    EXPECT_EQ(poll_now(socket.get(), POLLIN), 0);
    send(1);
    ASSERT_TRUE(wait_readable(socket.get()));
    const auto block = ring.take_block();
    ASSERT_TRUE(block);
    EXPECT_EQ(block->packets, 3U);
    EXPECT_EQ(block->status, unsigned(TP_STATUS_USER)) << "as a full one";
    EXPECT_EQ(poll_now(socket.get(), POLLIN), 0);
}

TEST_F(PacketLatency, flush_time_hands_the_block_over) {
    const Fd socket = open(soon_usec, 100);
    TpacketRing ring = ring_of(socket);
    for (int i = 0; i < 3; i++) {
        send(1);
        ASSERT_TRUE(wait_readable(socket.get())) << "long before the timeout of the ring";
        const auto block = ring.take_block();
        ASSERT_TRUE(block);
        EXPECT_EQ(block->packets, 1U);
        EXPECT_TRUE(block->status & TP_STATUS_BLK_TMO);
    }
}

TEST_F(PacketLatency, watermark_comes_before_a_long_flush_time) {
    const Fd socket = open(never_usec, 1);
    TpacketRing ring = ring_of(socket);
    for (int i = 0; i < 3; i++) {
        send(1);
        ASSERT_TRUE(wait_readable(socket.get()));
        EXPECT_EQ(ring.take().size(), 1U);
    }
}

TEST_F(PacketLatency, timeout_of_the_ring_stays_when_it_is_sooner) {
    const Fd socket = open(never_usec, 0);
    TpacketRing ring(socket, TPACKET_V3, ring_request(4, page, 2048, 5));
    bind_here(socket);
    send(1);
    ASSERT_TRUE(wait_readable(socket.get()));
    EXPECT_EQ(ring.take().size(), 1U);
}

TEST_F(PacketLatency, frames_of_other_versions_wait_for_nothing) {
    for (const int version : {TPACKET_V1, TPACKET_V2}) {
        SCOPED_TRACE(version_name(version));
        const Fd socket = open(never_usec, 100);
        TpacketRing ring(socket, version, ring_request(4, page, 2048));
        bind_here(socket);
        send(1);
        ASSERT_TRUE(wait_readable(socket.get()));
        EXPECT_EQ(ring.take().size(), 1U);
    }
}

// What the debug kernels look for: a timer that outlives its ring.
TEST_F(PacketLatency, ring_goes_while_its_clock_runs) {
    for (int i = 0; i < 40; i++) {
        const Fd socket = open(soon_usec, 0);
        ASSERT_EQ(set_ring(socket.get(), TPACKET_V3, ring_request(4, page, 2048, never_ms)), 0);
        bind_here(socket);
        if (i % 2 == 0) {
            const int group = 1;
            ASSERT_EQ(
                sys::setsockopt(socket.get(), SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)), 0);
        }
        send(1);
        if (i % 4 == 1)
            bind_to(socket, link_address(experimental_ethertype, link::index("lo")));
        if (i % 4 == 3) {
            EXPECT_EQ(set_ring(socket.get(), TPACKET_V3, tpacket_req3{}), 0);
        }
    }
}

} // namespace
} // namespace xt
