// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/packet_ways.h"

#include <linux/if_packet.h>

#include <algorithm>
#include <utility>

namespace xinet {

namespace {

/// For records of other CPUs that are before the end.
constexpr std::chrono::milliseconds after_end(50);

constexpr std::uint32_t points_of_sender =
    XINET_POINT_LOCAL_OUT | XINET_POINT_POST_ROUTING | XINET_POINT_QDISC | XINET_POINT_START_XMIT;

bool has_point(const PacketWay& way, std::uint32_t point) {
    return std::ranges::any_of(way.steps,
                               [point](const Step& step) { return step.point == point; });
}

bool is_end(const PacketWay& way) {
    return way.dropped || has_point(way, XINET_POINT_DELIVERED) ||
           has_point(way, XINET_POINT_START_XMIT);
}

void note_owner(PacketWay& way, const CapturedPacket& packet, const Step& step) {
    if (packet.owner == nullptr || packet.owner->flags == 0) {
        return;
    }
    // records of two CPUs come in any order
    if (step.point == XINET_POINT_DELIVERED ||
        (step.point == XINET_POINT_LOCAL_IN && !has_point(way, XINET_POINT_DELIVERED))) {
        way.receiver = *packet.owner;
    } else if ((step.point & points_of_sender) != 0) {
        // the first one to know the process is the one that knows best
        const bool known = way.sender && (way.sender->flags & XINET_OWNER_PROCESS) != 0;
        way.sender = known ? *way.sender : *packet.owner;
    }
}

void put(std::vector<Step>& steps, const Step& step) {
    const auto behind = std::ranges::upper_bound(steps, step.time, {}, &Step::time);
    steps.insert(behind, step);
}

} // namespace

WayEnd end_of(const PacketWay& way) {
    if (way.dropped) {
        return WayEnd::dropped;
    }
    if (has_point(way, XINET_POINT_DELIVERED)) {
        return WayEnd::delivered;
    }
    if (has_point(way, XINET_POINT_LOCAL_IN)) {
        return WayEnd::reached;
    }
    const bool left = std::ranges::any_of(way.steps, [](const Step& step) {
        return step.point == XINET_POINT_START_XMIT ||
               (step.point == XINET_POINT_TAP && step.outgoing);
    });
    return left ? WayEnd::sent : WayEnd::unseen;
}

bool PacketWay::comes_by(unsigned interface_index) const {
    return (dropped && dropped_by == interface_index) ||
           std::ranges::any_of(steps, [interface_index](const Step& step) {
               return step.interface_index == interface_index;
           });
}

PacketWays::PacketWays(Take take, std::chrono::nanoseconds patience, std::size_t most)
    : take_(std::move(take)), patience_(patience), most_(most) {}

PacketWays::Ways::iterator PacketWays::find(std::uint64_t number) {
    const auto known = by_number_.find(number);
    if (number != 0 && known != by_number_.end()) {
        return known->second;
    }
    if (open_.size() + ended_.size() >= most_) {
        cut_short_ += ended_.empty() ? 1 : 0;
        hand_over(ended_.empty() ? open_ : ended_);
    }
    const auto fresh = open_.emplace(open_.end());
    fresh->way.number = number;
    if (number != 0) {
        by_number_[number] = fresh;
    }
    return fresh;
}

void PacketWays::add(const CapturedPacket& packet, bool matches,
                     const std::function<std::string()>& head, Clock::time_point now) {
    const std::uint64_t number = packet.point == nullptr ? 0 : packet.point->packet;
    if (number == 0 && packet.dropped == nullptr) {
        return;
    }
    const auto found = find(number);
    PacketWay& way = found->way;
    if (matches && (way.head.empty() || packet.timestamp < way.head_time)) {
        way.head = head();
        way.head_time = packet.timestamp;
    }
    if (packet.dropped != nullptr) {
        way.dropped = *packet.dropped;
        way.dropped_at = packet.timestamp;
        way.dropped_by = packet.interface_index;
    } else {
        const Step step{.point = packet.point->point,
                        .outgoing = packet.packet_type == PACKET_OUTGOING,
                        .interface_index = packet.interface_index,
                        .time = packet.timestamp};
        note_owner(way, packet, step);
        put(way.steps, step);
    }
    Ways& from = found->ended ? ended_ : open_;
    found->last = now;
    found->ended = is_end(way);
    Ways& to = found->ended ? ended_ : open_;
    to.splice(to.end(), from, found);
}

void PacketWays::hand_over(Ways& ways) {
    PacketWay way = std::move(ways.front().way);
    ways.pop_front();
    by_number_.erase(way.number);
    take_(way);
}

void PacketWays::settle(Ways& ways, Clock::time_point before) {
    while (!ways.empty() && ways.front().last <= before) {
        hand_over(ways);
    }
}

void PacketWays::settle(Clock::time_point now) {
    settle(ended_, now - after_end);
    settle(open_, now - patience_);
}

void PacketWays::finish() {
    settle(ended_, Clock::time_point::max());
    settle(open_, Clock::time_point::max());
}

} // namespace xinet
