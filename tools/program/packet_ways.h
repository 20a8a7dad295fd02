// SPDX-License-Identifier: GPL-2.0-or-later
// The ways of packets through the host, put together of their records (XINET_PACKET_POINT).
#pragma once

#include "xinet/captured_packet.h"

#include <linux/xinet.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace xinet {

/// Where a packet was seen.
struct Step {
    std::uint32_t point = 0; ///< XINET_POINT_*
    bool outgoing = false;
    unsigned interface_index = 0;
    Timestamp time;
};

/// All that was seen of a packet, in the order of time.
struct PacketWay {
    std::uint64_t number = 0; ///< 0: its only record had none
    std::string head;         ///< what the first record that matches was shown as; none: empty
    Timestamp head_time;      ///< of that
    std::vector<Step> steps;
    std::optional<xinet_owner> sender;
    std::optional<xinet_owner> receiver;
    std::optional<xinet_dropped> dropped;
    Timestamp dropped_at;
    unsigned dropped_by = 0; ///< index of the interface, 0: none

    /// Whether one of its records is of the interface.
    bool comes_by(unsigned interface_index) const;
};

/// How a way ended, as far as it was seen.
enum class WayEnd {
    dropped,
    delivered, ///< a program has read it
    reached,   ///< this host has taken it: it is in the queue of a socket, or was for the kernel
    sent,      ///< given to a device
    unseen     ///< not seen any more
};

WayEnd end_of(const PacketWay& way);

/// Records come in the order of time for each CPU alone, so a way is over some time after its
/// last record: after a short one if that is its end.
class PacketWays {
public:
    using Clock = std::chrono::steady_clock;
    using Take = std::function<void(const PacketWay& way)>;

    /// @param patience after the last record of a way
    /// @param most ways at once; with one more, the oldest is over
    PacketWays(Take take, std::chrono::nanoseconds patience, std::size_t most = 65536);

    /// @param head called if it may be the first record of its packet that matches
    void add(const CapturedPacket& packet, bool matches, const std::function<std::string()>& head,
             Clock::time_point now);

    /// Hands over what is over by now.
    ///
    /// @param now not later than what add() got for records that are read since
    void settle(Clock::time_point now);

    /// Ways that were over because there were too many.
    std::uint64_t cut_short() const { return cut_short_; }

    /// Hands over all.
    void finish();

private:
    struct Open {
        PacketWay way;
        Clock::time_point last;
        bool ended = false;
    };
    using Ways = std::list<Open>;

    Ways::iterator find(std::uint64_t number);
    void settle(Ways& ways, Clock::time_point before);
    void hand_over(Ways& ways);

    Take take_;
    std::chrono::nanoseconds patience_;
    std::size_t most_;
    std::uint64_t cut_short_ = 0;
    Ways open_;  ///< the one with the oldest last record first, here and below
    Ways ended_; ///< those that have their end
    std::unordered_map<std::uint64_t, Ways::iterator> by_number_;
};

} // namespace xinet
