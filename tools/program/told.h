// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel told of a packet besides the packet, for people and for programs.
#pragma once

#include "program/json.h"
#include "program/owner_lookup.h"
#include "xinet/captured_packet.h"

#include <linux/xinet.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xinet {

/// "[sk:1f netns:4026531840 uid:0 cgroup:/a.service pid:77 comm:"curl"] (dropped: UDP_CSUM at
/// udp_rcv+0x1)"; empty if there is nothing to say. Documentation/pcapng.md describes it: it is the
/// comment of a packet in a file, too.
///
/// @param details of the packet's owner, here and below
std::string told_text(const CapturedPacket& packet, const OwnerDetails& details);

/// Parts of it, and of what add_told() adds.
std::string owner_text(const xinet_owner& owner, const OwnerDetails& details);
Json owner_json(const xinet_owner& owner, const OwnerDetails& details);
std::string reason_text(const xinet_dropped& dropped);
Json dropped_json(const xinet_dropped& dropped);

/// " (LaneFull 12, LaneBusy 1)", by enum xinet_drop_reason; empty if nothing is known.
std::string loss_text(const std::vector<std::uint64_t>& reasons);

/// The same for programs; reasons of a newer kernel by their numbers.
Json drop_reasons_json(const std::vector<std::uint64_t>& reasons);

/// XINET_POINT_* of "tap", "pre-routing", ..., or of "all"; 0 for another name.
std::uint32_t point_named(std::string_view name);

/// Those of them that a kernel with PREEMPT_RT before 7.2, or without tracepoints, does not have.
constexpr std::uint32_t points_of_tracepoints =
    XINET_POINT_QDISC | XINET_POINT_START_XMIT | XINET_POINT_DELIVERED;

/// The names of the points, in a list.
std::string point_names();

/// Of one point.
std::string_view point_name(std::uint32_t point);

/// Adds owner, drop, original, point, queue, netns: those that were asked for.
///
/// @param namespace_name of a packet with netns
void add_told(Json& object, const CapturedPacket& packet, std::string_view namespace_name,
              const OwnerDetails& details);

} // namespace xinet
