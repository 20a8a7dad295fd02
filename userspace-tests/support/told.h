// SPDX-License-Identifier: GPL-2.0-or-later
// What sockets of PF_XINET are told about a packet beyond what AF_PACKET tells, and a capture whose
// packets come with it.
#pragma once

#include <linux/if_ether.h>
#include <linux/xinet.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fd.h"
#include "frame.h"
#include "lanes.h"
#include "tpacket_ring.h"
#include "traffic.h"

namespace xt {

struct Told {
    std::optional<xinet_owner> owner;
    std::optional<xinet_dropped> dropped;
    std::optional<xinet_netns> netns;
    std::optional<xinet_original> original;
    std::optional<xinet_point> point;
    std::optional<xinet_queue> queue;
};

// These fail the test if there is anything else, or of another size.
Told told_of(const Message& message);
Told told_of(const LanePacket& packet);
Told told_of(const RingFrame& frame); // of a ring with a reserve for it

// Whether this kernel has PREEMPT_RT.
bool is_realtime();

// Whether this kernel, with PREEMPT_RT, refuses XINET_PACKET_DROPS.
bool drops_are_refused();

// A packet of a capture. Of dropped packets the name of the reason, else "(passed)".
struct ToldPacket : Told {
    Bytes data;
    int ifindex = 0;
    uint8_t pkttype = 0;
    uint64_t time = 0;   // nanoseconds; none from the queue
    uint32_t status = 0; // TP_STATUS_*; the same
    [[nodiscard]] std::string reason() const {
        return dropped ? std::string(dropped->name) : "(passed)";
    }
};

// A packet socket that asks to be told, read through its queue, lanes or a ring of TPACKET_V3.
class ToldCapture {
public:
    struct Options {
        int drops = 0; // XINET_DROPS_*
        bool lanes = false;
        unsigned v3_blocks = 0; // of a ring, each of a page
        bool cooked = false;
        bool owner = false;
        bool all_netns = false;
        bool original = false;
        int points = 0; // XINET_POINT_*
        bool queue = false;
        bool ignore_outgoing = false;
        uint16_t protocol = ETH_P_ALL;
        std::string device = {}; // empty: all
        uint32_t lane_size = 1U << 20;

        // Bytes of the structs that may come with a packet.
        [[nodiscard]] unsigned told_size() const;
        // Sets the options of the socket that say what it is told.
        void ask(const Fd& socket) const;
    };

    explicit ToldCapture(const Options& options);

    // What has come since the last call.
    std::vector<ToldPacket> take();
    // Those that carry `mark`: waits for `count`, and a moment for one too many.
    std::vector<ToldPacket> take_marked(std::string_view mark, size_t count = 1);

    [[nodiscard]] const Fd& socket() const { return socket_; }

private:
    [[nodiscard]] std::vector<ToldPacket> take_from_queue() const;
    std::vector<ToldPacket> take_from_lanes();
    std::vector<ToldPacket> take_from_ring();

    Fd socket_;
    std::optional<LaneReader> reader_;
    std::optional<TpacketRing> ring_;
};

} // namespace xt
