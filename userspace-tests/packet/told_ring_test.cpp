// SPDX-License-Identifier: GPL-2.0-or-later
// What is told about a packet, in the frames of PACKET_RX_RING: behind the address, in the reserve.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "support/compare.h"
#include "support/diag.h"
#include "support/family.h"
#include "support/inet.h"
#include "support/link.h"
#include "support/on_wire.h"
#include "support/told.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr uint16_t port = 4480;
constexpr unsigned block = 1U << 14;

unsigned header_length(int version) {
    switch (version) {
    case TPACKET_V1:
        return TPACKET_HDRLEN;
    case TPACKET_V2:
        return TPACKET2_HDRLEN;
    default:
        return TPACKET3_HDRLEN;
    }
}

class ToldRing : public OnWire, public testing::WithParamInterface<int> {
protected:
    using Asks = ToldCapture::Options;

    // Told what it asks for, with a reserve for it and so many bytes more.
    static Fd socket(const Asks& asks, int more = 0, Kind kind = Kind::packet) {
        Fd fd = open_socket(Side::xinet, kind, 0);
        asks.ask(fd);
        set_option(fd, SOL_PACKET, PACKET_RESERVE,
                   int(XINET_TOLD_RESERVE(asks.told_size())) + more);
        set_option(fd, SOL_PACKET, PACKET_VERSION, GetParam());
        set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
        return fd;
    }

    static long set_ring_of(const Fd& fd) {
        return set_ring(fd.get(), GetParam(), ring_request(4, block, 2048, 20));
    }

    static void listen(const Fd& fd, const std::string& device = {}) {
        bind_to(fd, link_address(ETH_P_IP, device.empty() ? 0 : link::index(device)));
    }

    static std::vector<RingFrame> take_marked(TpacketRing& ring, std::string_view mark,
                                              size_t count) {
        std::vector<RingFrame> found;
        const auto end = std::chrono::steady_clock::now() + deadline;
        while (found.size() < count && std::chrono::steady_clock::now() < end)
            for (const auto& frame : ring.take())
                if (contains(frame.data, mark))
                    found.push_back(frame);
        EXPECT_EQ(found.size(), count) << mark;
        return found;
    }

    // Its checksum is wrong: it passes the capture, and UDP drops it.
    void in_broken(const std::string& mark) const {
        Bytes payload = udp(9, port, repeated(mark, 64));
        payload.at(6) = 0x12;
        in(to_here.packet(payload));
    }
};

TEST_P(ToldRing, frame_tells_owner_drop_and_namespace_before_the_packet) {
    if (drops_are_refused())
        GTEST_SKIP() << "this kernel cannot copy what it drops";
    here_.run([this] {
        const Fd fd = socket({.drops = XINET_DROPS_BESIDE, .owner = true, .all_netns = true});
        TpacketRing ring(fd, GetParam(), ring_request(4, block, 2048, 20));
        listen(fd);
        const Fd owner = udp_at("10.66.0.1", port);
        in_broken("xt-told");
        const auto frames = take_marked(ring, "xt-told", 2);
        ASSERT_EQ(frames.size(), 2U);
        const Told passed = told_of(frames[0]);
        ASSERT_TRUE(passed.owner && passed.netns);
        EXPECT_FALSE(passed.dropped);
        EXPECT_EQ(passed.owner->cookie, cookie_of(owner));
        EXPECT_EQ(passed.netns->cookie, netns_cookie_of(owner));
        EXPECT_STREQ(passed.netns->device, "xtin");
        const Told dropped = told_of(frames[1]);
        ASSERT_TRUE(dropped.owner && dropped.dropped && dropped.netns);
        EXPECT_EQ(dropped.owner->flags, 0U);
        EXPECT_STREQ(dropped.dropped->name, "UDP_CSUM");
        EXPECT_STREQ(dropped.netns->device, "xtin");
        EXPECT_EQ(frames[0].data, frames[1].data);
        EXPECT_EQ(frames[0].address().sll_ifindex, int(link::index("xtin")));
    });
}

// What a frame told before is not told again of the packet that it has next.
TEST_P(ToldRing, frame_is_told_anew_each_time) {
    if (drops_are_refused())
        GTEST_SKIP() << "this kernel cannot copy what it drops";
    here_.run([this] {
        const Fd fd = socket({.drops = XINET_DROPS_BESIDE});
        if (GetParam() == TPACKET_V3) // a packet a block
            set_option(fd, SOL_XINET, XINET_PACKET_WATERMARK, 1);
        TpacketRing ring(fd, GetParam(), ring_request(2, block, block, 20));
        listen(fd, "xtin");
        const Fd owner = udp_at("10.66.0.1", port);
        for (int round = 0; round < 4; round++) {
            const auto mark = "xt-round" + std::to_string(round);
            in_broken(mark);
            const auto frames = take_marked(ring, mark, 2);
            ASSERT_EQ(frames.size(), 2U);
            EXPECT_FALSE(told_of(frames[0]).dropped);
            EXPECT_TRUE(told_of(frames[1]).dropped);
            // one more, so that the next round begins at the other frame
            in(to_here.packet(udp(9, port, repeated("xt-odd", 64))));
            const auto odd = take_marked(ring, "xt-odd", 1);
            ASSERT_EQ(odd.size(), 1U);
            EXPECT_FALSE(told_of(odd[0]).dropped);
        }
    });
}

TEST_P(ToldRing, reserve_must_hold_what_may_be_told) {
    here_.run([] {
        std::vector<Asks> all{{.owner = true},
                              {.all_netns = true},
                              {.points = XINET_POINT_LOCAL_IN},
                              {.queue = true},
                              {.owner = true, .all_netns = true, .original = true}};
        if (!drops_are_refused())
            all.push_back({.drops = XINET_DROPS_ONLY});
        for (const Asks& asks : all) {
            EXPECT_LT(set_ring_of(socket(asks, -1)), 0);
            EXPECT_EQ(errno, EINVAL);
            EXPECT_EQ(set_ring_of(socket(asks)), 0);
            EXPECT_EQ(set_ring_of(socket(asks, 1000)), 0);
        }
        const Fd original = socket({.original = true});
        set_option(original, SOL_PACKET, PACKET_RESERVE, 0);
        EXPECT_EQ(set_ring_of(original), 0);
        const Fd sends = socket({.owner = true}, -1);
        EXPECT_EQ(set_ring(sends.get(), GetParam(), ring_request(1, block, 2048), PACKET_TX_RING),
                  0);
    });
}

// What is told fills the frame, and nothing of it is in the next one, or in the next block.
TEST_P(ToldRing, smallest_frame_holds_what_is_told) {
    here_.run([this] {
        const Asks asks{.owner = true};
        const Fd fd = socket(asks);
        const unsigned size =
            TPACKET_ALIGN(header_length(GetParam()) + XINET_TOLD_RESERVE(asks.told_size()));
        constexpr unsigned page = 4096;
        const bool v3 = GetParam() == TPACKET_V3;
        // of V3 the block is what limits a frame
        const unsigned area = page - sizeof(tpacket_block_desc) - (size - size % 8);
        TpacketRing ring(fd, GetParam(),
                         v3 ? ring_request(2, page, size, 20, area) : ring_request(1, page, size));
        const unsigned next = v3 ? page + sizeof(tpacket_block_desc) : size + 16;
        const Bytes pattern(size - 16, 0xa5);
        std::ranges::copy(pattern, ring.memory().at(next));
        const Fd owner = udp_at("10.66.0.1", port);
        listen(fd, "xtin");
        in(to_here.packet(udp(9, port, repeated("xt-small", 64))));
        std::vector<RingFrame> frames;
        const auto end = std::chrono::steady_clock::now() + deadline;
        while (frames.empty() && std::chrono::steady_clock::now() < end)
            frames = ring.take();
        ASSERT_EQ(frames.size(), 1U);
        const Told told = told_of(frames[0]);
        ASSERT_TRUE(told.owner);
        EXPECT_EQ(told.owner->cookie, cookie_of(owner));
        EXPECT_EQ(frames[0].address().sll_halen, ETH_ALEN);
        EXPECT_EQ(frames[0].address().sll_ifindex, int(link::index("xtin")));
        EXPECT_TRUE(std::ranges::equal(pattern, std::span(ring.memory().at(next), pattern.size())));
    });
}

TEST_P(ToldRing, it_is_told_beside_a_virtio_net_header_and_of_a_cooked_packet) {
    here_.run([this] {
        const Fd cooked = socket({.owner = true}, 0, Kind::cooked);
        const Fd vnet = socket({.owner = true});
        const Fd plain = socket({});
        const auto request = ring_request(4, block, 2048, 20);
        for (const Fd* fd : {&vnet, &plain})
            set_option(*fd, SOL_PACKET, PACKET_VNET_HDR, 1);
        TpacketRing cooked_ring(cooked, GetParam(), request);
        TpacketRing vnet_ring(vnet, GetParam(), request);
        TpacketRing plain_ring(plain, GetParam(), request);
        for (TpacketRing* ring : {&vnet_ring, &plain_ring})
            ring->expect_vnet_headers();
        for (const Fd* fd : {&cooked, &vnet, &plain})
            listen(*fd, "xtin");
        const Fd owner = udp_at("10.66.0.1", port);
        const Bytes packet = to_here.packet(udp(9, port, repeated("xt-both", 64)));
        in(packet);
        const auto reference = take_marked(plain_ring, "xt-both", 1);
        ASSERT_EQ(reference.size(), 1U);
        for (TpacketRing* ring : {&cooked_ring, &vnet_ring}) {
            const auto frames = take_marked(*ring, "xt-both", 1);
            ASSERT_EQ(frames.size(), 1U);
            const Told told = told_of(frames[0]);
            ASSERT_TRUE(told.owner);
            EXPECT_EQ(told.owner->cookie, cookie_of(owner));
            if (ring == &vnet_ring) {
                EXPECT_EQ(frames[0].vnet, reference[0].vnet);
                EXPECT_EQ(frames[0].data, reference[0].data);
            } else {
                EXPECT_EQ(frames[0].data, packet);
            }
        }
    });
}

TEST_P(ToldRing, frame_as_on_the_wire_says_what_was_done) {
    here_.run([] {
        const Fd fd = socket({.original = true});
        TpacketRing ring(fd, GetParam(), ring_request(4, block, 2048, 20));
        listen(fd, "lo");
        const Fd reader = udp_at("127.0.0.1", port);
        send_to(reader.get(), repeated("xt-summed", 64), ipv4_address("127.0.0.1", port));
        const auto frames = take_marked(ring, "xt-summed", 1);
        ASSERT_EQ(frames.size(), 1U);
        const Told told = told_of(frames[0]);
        ASSERT_TRUE(told.original);
        EXPECT_EQ(told.original->done, uint32_t{XINET_ORIGINAL_CHECKSUM});
    });
}

TEST_P(ToldRing, frame_tells_the_point) {
    here_.run([this] {
        const Fd fd = socket({.points = XINET_POINT_TAP | XINET_POINT_LOCAL_IN});
        TpacketRing ring(fd, GetParam(), ring_request(4, block, 2048, 20));
        bind_to(fd, link_address(ETH_P_ALL, link::index("xtin")));
        const Fd owner = udp_at("10.66.0.1", port);
        in(to_here.packet(udp(9, port, repeated("xt-point", 64))));
        const auto frames = take_marked(ring, "xt-point", 2);
        ASSERT_EQ(frames.size(), 2U);
        const Told tap = told_of(frames[0]);
        const Told delivered = told_of(frames[1]);
        ASSERT_TRUE(tap.point && delivered.point);
        EXPECT_EQ(tap.point->point, uint32_t{XINET_POINT_TAP});
        EXPECT_EQ(delivered.point->point, uint32_t{XINET_POINT_LOCAL_IN});
        EXPECT_NE(tap.point->packet, 0U);
        EXPECT_EQ(tap.point->packet, delivered.point->packet);
        EXPECT_EQ(frames[0].data, frames[1].data);
    });
}

TEST_P(ToldRing, frame_tells_the_queue) {
    here_.run([] {
        const Fd fd = socket({.queue = true});
        set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 0);
        TpacketRing ring(fd, GetParam(), ring_request(4, block, 2048, 20));
        bind_to(fd, link_address(ETH_P_ALL, link::index("lo")));
        const Fd reader = udp_at("127.0.0.1", port);
        send_to(reader.get(), repeated("xt-queue", 64), ipv4_address("127.0.0.1", port));
        const auto frames = take_marked(ring, "xt-queue", 2);
        ASSERT_EQ(frames.size(), 2U);
        const Told sent = told_of(frames[0]);
        ASSERT_TRUE(sent.queue);
        EXPECT_EQ(sent.queue->queue, 0U);
        EXPECT_EQ(sent.queue->reserved, 0U);
        EXPECT_FALSE(told_of(frames[1]).queue) << "loopback records none";
    });
}

INSTANTIATE_TEST_SUITE_P(Versions, ToldRing, testing::ValuesIn(ring_versions),
                         [](const auto& info) { return version_name(info.param); });

} // namespace
} // namespace xt
