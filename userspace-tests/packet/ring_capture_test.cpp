// SPDX-License-Identifier: GPL-2.0-or-later
// The proof for receive rings: the same traffic in rings of PF_PACKET and PF_XINET is the same,
// byte by byte and field by field, in each version and mode.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <time.h>

#include <algorithm>

#include "support/capture_traffic.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"

namespace xt {
namespace {

constexpr int64_t second = 1'000'000'000;

// How the rings of a pair are made.
struct Geometry {
    std::string name = {};
    Kind kind = Kind::packet;
    int version = TPACKET_V2;
    unsigned frame_size = 2048;
    unsigned reserve = 0;
    size_t vnet_size = 0;
    bool any_device = false;
    bool filtered = false;
    bool copies = false;
    bool hash = false;
    unsigned private_size = 0;
};

struct RingPair {
    Geometry geometry;
    Fd sockets[2];
    std::vector<TpacketRing> rings;
};

bool is_ours(const RingFrame& frame) {
    const auto from = frame.address();
    return contains(frame.data, "xt-") ||
           (std::equal(crafted_mac.begin(), crafted_mac.end(), from.sll_addr) &&
            !contains(frame.data, "filler--"));
}

void leave_ours(std::vector<RingFrame>& frames) {
    std::erase_if(frames, [](const RingFrame& frame) { return !is_ours(frame); });
}

int64_t now() {
    timespec ts{};
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * second + ts.tv_nsec;
}

class PacketRingCapture : public CaptureTraffic {
protected:
    // Packets carry a time of their own, so both rings must tell the same.
    void stamp_packets(bool on) const { set_option(monitor_, SOL_SOCKET, SO_TIMESTAMPNS, int(on)); }

    Fd make(Side side, const Geometry& g) const {
        Fd socket = open_socket(side, g.kind, 0);
        set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
        if (g.filtered)
            attach_cutting_filter(socket);
        set_option(socket, SOL_PACKET, PACKET_VERSION, g.version);
        set_option(socket, SOL_PACKET, PACKET_RESERVE, int(g.reserve));
        if (g.copies)
            set_option(socket, SOL_PACKET, PACKET_COPY_THRESH, 1);
        if (g.vnet_size)
            ask_for_vnet(socket, g.vnet_size);
        return socket;
    }

    RingPair make_pair(const Geometry& g) const {
        constexpr unsigned block_size = 1 << 16;
        constexpr unsigned blocks = 16;
        // however slow the machine, no block of V3 is handed over before it is full
        constexpr unsigned never_ms = 3'600'000;
        const auto request =
            ring_request(blocks, block_size, g.frame_size, g.version == TPACKET_V3 ? never_ms : 0,
                         g.private_size, g.hash ? TP_FT_REQ_FILL_RXHASH : 0);
        RingPair pair{g, {make(Side::sibling, g), make(Side::xinet, g)}, {}};
        for (const Fd& socket : pair.sockets) {
            TpacketRing& ring = pair.rings.emplace_back(socket, g.version, request);
            if (g.vnet_size)
                ring.expect_vnet_headers();
        }
        for (const Fd& socket : pair.sockets)
            bind_to(socket, link_address(ETH_P_ALL, g.any_device ? 0 : ifindex_));
        return pair;
    }

    // Fills the block that has the last of the traffic.
    void fill_blocks() const {
        constexpr size_t frames = 60;
        for (size_t i = 0; i < frames; i++) {
            if (i % longest_burst == 0)
                fence();
            in(ethernet(here_mac_, experimental_ethertype, repeated("filler--", 1400)));
        }
        fence_all();
    }

    // What passes is the same in both rings of each pair.
    void expect_same(const std::vector<Geometry>& geometries) const;

    static std::vector<Geometry> geometries();
    static void compare(RingPair& pair, const std::vector<Step>& steps, int64_t began);
    static void compare_times(const std::vector<RingFrame>& theirs,
                              const std::vector<RingFrame>& ours, int64_t began);
    static void compare_copies(RingPair& pair);
};

std::vector<Geometry> PacketRingCapture::geometries() {
    std::vector<Geometry> result;
    for (const int version : ring_versions)
        for (const Kind kind : packet_kinds) {
            const auto add = [&](const std::string& what, Geometry g) {
                g.name = to_string(kind) + " " + version_name(version) + what;
                g.kind = kind;
                g.version = version;
                result.push_back(g);
            };
            add("", {});
            add(", any device, filter", {.any_device = true, .filtered = true});
            add(", reserve", {.reserve = 100});
            if (kind == Kind::packet)
                add(", vnet header",
                    {.reserve = 6, .vnet_size = sizeof(VnetHeader), .any_device = true});
            if (kind == Kind::packet && sibling_has_vnet_sizes())
                add(", long vnet header", {.vnet_size = long_vnet_size});
            if (version == TPACKET_V3)
                add(", hash, private area", {.hash = true, .private_size = 13});
            else
                add(", frames too short, copies", {.frame_size = 256, .copies = true});
        }
    return result;
}

void PacketRingCapture::compare_times(const std::vector<RingFrame>& theirs,
                                      const std::vector<RingFrame>& ours, int64_t began) {
    const int64_t ended = now();
    // of what comes in and of what goes out, which may be set apart
    int64_t last[2] = {};
    for (size_t i = 0; i < ours.size(); i++) {
        EXPECT_EQ(theirs[i].time_source, ours[i].time_source) << describe(ours[i]);
        if (ours[i].time_source == TP_STATUS_TS_SOFTWARE) {
            EXPECT_EQ(theirs[i].nanoseconds, ours[i].nanoseconds) << describe(ours[i]);
            continue;
        }
        EXPECT_GE(ours[i].nanoseconds, began - 1000) << describe(ours[i]);
        EXPECT_LE(ours[i].nanoseconds, ended) << describe(ours[i]);
        int64_t& before = last[ours[i].address().sll_pkttype == PACKET_OUTGOING];
        EXPECT_GE(ours[i].nanoseconds, before) << describe(ours[i]);
        before = ours[i].nanoseconds;
    }
}

// What was too long for its frame waits in one piece in the receive queue.
void PacketRingCapture::compare_copies(RingPair& pair) {
    std::vector<Message> copies[2];
    for (size_t i = 0; i < 2; i++)
        while (auto message = receive_now(pair.sockets[i].get()))
            if (contains(message->data, "xt-"))
                copies[i].push_back(std::move(*message));
    for (auto& messages : copies)
        set_ways_apart(messages, [](const Message& message) {
            return message.from_as<sockaddr_ll>().sll_pkttype == PACKET_OUTGOING;
        });
    EXPECT_EQ(copies[0], copies[1]) << "copies: the sibling, then PF_XINET";
    EXPECT_EQ(copies[0].empty(), !pair.geometry.copies);
}

void PacketRingCapture::compare(RingPair& pair, const std::vector<Step>& steps, int64_t began) {
    SCOPED_TRACE(pair.geometry.name);
    auto theirs = pair.rings[0].take_through("xt-last-");
    auto ours = pair.rings[1].take_through("xt-last-");
    for (auto* frames : {&theirs, &ours}) {
        leave_ours(*frames);
        set_ways_apart(*frames, [](const RingFrame& frame) {
            return frame.address().sll_pkttype == PACKET_OUTGOING;
        });
    }
    ASSERT_EQ(theirs.size(), ours.size());
    for (size_t i = 0; i < ours.size(); i++)
        EXPECT_EQ(theirs[i], ours[i]) << "frame " << i << ": the sibling, then PF_XINET";
    compare_times(theirs, ours, began);
    compare_copies(pair);

    if (pair.geometry.filtered || !pair.geometry.any_device)
        return;
    for (const auto& step : steps)
        EXPECT_TRUE(
            std::any_of(ours.begin(), ours.end(),
                        [&](const RingFrame& frame) { return contains(frame.data, step.mark); }))
            << "nothing of " << step.mark;
    if (wire_is_software()) {
        EXPECT_TRUE(std::any_of(ours.begin(), ours.end(), [&](const RingFrame& frame) {
            return contains(frame.data, "xt-gro--") && frame.length > ETH_HLEN + mtu;
        })) << "nothing was merged";
    }
}

void PacketRingCapture::expect_same(const std::vector<Geometry>& geometries) const {
    const auto steps = all_steps();
    const int64_t began = now();
    std::vector<RingPair> pairs;
    for (const auto& geometry : geometries)
        pairs.push_back(make_pair(geometry));

    run(steps);
    fill_blocks();
    std::vector<Fd> used;
    for (auto& pair : pairs) {
        compare(pair, steps, began);
        for (Fd& socket : pair.sockets)
            used.push_back(std::move(socket));
    }
    pairs.clear();
    close_together(used);
}

TEST_F(PacketRingCapture, all_traffic_is_the_same_in_all_kinds_of_rings) {
    stamp_packets(true);
    expect_same(geometries());
}

// A ring that is the only one of its family gets its packets by a shorter way.
TEST_F(PacketRingCapture, traffic_is_the_same_in_a_ring_that_is_alone) {
    for (const bool stamped : {false, true}) {
        SCOPED_TRACE(stamped ? "stamped" : "not stamped");
        stamp_packets(stamped);
        for (const int version : {TPACKET_V2, TPACKET_V3})
            expect_same({{.name = version_name(version), .version = version}});
    }
}

} // namespace
} // namespace xt
