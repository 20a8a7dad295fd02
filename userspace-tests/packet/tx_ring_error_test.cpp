// SPDX-License-Identifier: GPL-2.0-or-later
// PACKET_TX_RING after an error: a frame that is refused, a device that is not there or goes down.
// What each call returns and leaves in the ring is as over PF_PACKET, and the ring goes on.
#include <gtest/gtest.h>
#include <linux/if_packet.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/tx_ring.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr uint16_t ethertype = experimental_ethertype + 2;

Bytes frame_to(const Mac& to, const char* mark) {
    return ethernet(to, ethertype, repeated(mark, 100));
}

// Errors of a send() from a ring, one after the other: what each call says and leaves in the ring,
// and that a ring full of good frames is sent behind it.
std::string story_of_errors(Side side, int version, int loss) {
    constexpr TxShape shape{.frame_size = 2048, .block_size = 4096, .blocks = 2};
    const int ifindex = link::index("xtout");
    const Bytes good = frame_to(link::mac("xtin"), "xt-good-");
    const Fd socket = open_socket(side, Kind::packet, 0);
    bind_to(socket, link_address(ethertype, ifindex));
    set_option(socket, SOL_PACKET, PACKET_LOSS, loss);
    set_option(socket, SOL_PACKET, PACKET_TX_HAS_OFF, 1);
    const TxRing ring(socket.get(), version, shape);
    const auto offset = uint16_t(ring.data_offset());
    const auto put = [&](size_t index, TxFrame frame) {
        if (!frame.mac)
            frame.mac = frame.net = offset;
        ring.put(index, frame);
    };
    const auto call = [&](int to) {
        const auto address = link_address(ethertype, to);
        return outcome_of([&] {
            return sys::sendto(socket.get(), nullptr, 0, MSG_DONTWAIT, &address, sizeof(address));
        });
    };
    std::ostringstream story;
    const auto after = [&](const char* what, const Outcome& outcome) {
        ring.settle();
        story << what << " " << outcome.result << "/" << outcome.error << " " << ring.statuses();
        for (size_t i = 0; i < ring.frames(); i++)
            put(i, {.data = good});
        EXPECT_EQ(call(ifindex).result, long(ring.frames() * good.size())) << what;
        ring.settle();
        for (size_t i = 0; i < ring.frames(); i++)
            EXPECT_EQ(ring.status(i), uint32_t(TP_STATUS_AVAILABLE)) << what;
    };
    // the head moves on: each error meets another frame of the ring
    for (int round = 0; round < 3; round++) {
        const std::pair<const char*, TxFrame> bad[] = {
            {"too long", {.data = Bytes(1600)}},
            {"length beyond the frame", {.data = good, .length = 4000}},
            {"no complete header", {.data = Bytes(13)}},
            {"nothing", {.data = {}}},
            {"offset in the header", {.data = good, .mac = 1, .net = 1}},
            {"offset beyond the frame", {.data = good, .mac = 2040, .net = 2040}},
        };
        for (const auto& [what, frame] : bad) {
            for (size_t i = 0; i < ring.frames(); i++)
                put(i, i == 1 ? frame : TxFrame{.data = good});
            after(what, call(ifindex));
        }
        for (size_t i = 0; i < ring.frames(); i++)
            put(i, {.data = good});
        after("no such device", call(9999));
        // one frame alone, so that the head stands elsewhere the next time
        for (size_t i = 0; i < ring.frames(); i++)
            put(i, {.data = good,
                    .status = i == size_t(round) ? uint32_t(TP_STATUS_SEND_REQUEST) : 0});
        story << call(ifindex).result;
        ring.settle();
        story << " " << ring.statuses();
    }
    return story.str();
}

TEST(PacketTxRingError, ring_goes_on_behind_every_error) {
    NetNs::create().run([] {
        const Wire wire;
        for (const int version : ring_versions)
            for (const int loss : {0, 1}) {
                SCOPED_TRACE(std::string(version_name(version)) + ", PACKET_LOSS " +
                             std::to_string(loss));
                EXPECT_EQ(story_of_errors(Side::sibling, version, loss),
                          story_of_errors(Side::xinet, version, loss));
            }
    });
}

void tc(const std::string& words) {
    if (std::system(("tc qdisc " + words).c_str()) != 0)
        throw std::runtime_error("tc qdisc " + words);
}

// The device goes down while its queue holds frames of a ring and a call waits for them; a call
// while it is down; it comes up, and the ring is filled anew for each of two calls: of the first
// the error of the socket may be told.
std::string story_of_going_down(Side side, int version) {
    const Bytes frame = ethernet(link::mac("xtin"), ethertype, repeated("xt-down-", 1400));
    const Fd socket = open_socket(side, Kind::packet, 0);
    bind_to(socket, link_address(ethertype, link::index("xtout")));
    const TxRing ring(socket.get(), version);
    const size_t last = ring.frames() - 1;
    const auto call = [&](int flags) {
        return outcome_of([&] { return sys::sendto(socket.get(), nullptr, 0, flags, nullptr, 0); });
    };
    std::ostringstream story;
    const auto tell = [&](const char* what, const Outcome& outcome) {
        ring.settle();
        story << what << " " << outcome.result << "/" << outcome.error << " " << ring.statuses();
    };
    const auto fill = [&] {
        for (size_t i = 0; i <= last; i++)
            ring.put(i, {.data = frame});
    };

    // one frame passes, the others are kept
    tc("add dev xtout root tbf rate 8bit burst 2000 limit 100000");
    fill();
    Outcome waited;
    {
        const std::jthread waiter([&] { waited = call(0); });
        constexpr std::chrono::milliseconds moment{1};
        auto patience = deadline;
        for (; ring.status(last) != TP_STATUS_SENDING && patience.count() > 0; patience -= moment)
            std::this_thread::sleep_for(moment);
        EXPECT_GT(patience.count(), 0);
        link::set_up(link::index("xtout"), false);
    }
    tell("held", waited);
    fill();
    tell("down", call(MSG_DONTWAIT));
    tc("del dev xtout root");
    link::set_up(link::index("xtout"), true);
    for (int i = 0; i < 2; i++) {
        fill();
        tell("up", call(MSG_DONTWAIT));
    }
    return story.str();
}

TEST(PacketTxRingError, ring_goes_on_after_its_device_was_down) {
    NetNs::create().run([] {
        const Wire wire;
        for (const int version : ring_versions) {
            SCOPED_TRACE(version_name(version));
            const std::string theirs = story_of_going_down(Side::sibling, version);
            EXPECT_EQ(theirs, story_of_going_down(Side::xinet, version));
            EXPECT_TRUE(theirs.ends_with("/0 0 0 0 0 ")) << theirs;
        }
    });
}

} // namespace
} // namespace xt
