// SPDX-License-Identifier: GPL-2.0-or-later
#include "libxinet/printable.h"
#include "program/capture.h"
#include "program/dissect.h"
#include "program/json.h"

#include <fmt/format.h>
#include <linux/if_packet.h>

#include <ctime>

namespace xinet {

namespace {

std::string_view direction_name(std::uint8_t packet_type) {
    switch (packet_type) {
    case PACKET_OUTGOING:
        return "out";
    case PACKET_BROADCAST:
        return "broadcast";
    case PACKET_MULTICAST:
        return "multicast";
    case PACKET_OTHERHOST:
        return "other";
    default:
        return "in";
    }
}

/// As tcpdump abbreviates it on "any".
std::string_view short_direction(std::uint8_t packet_type) {
    switch (packet_type) {
    case PACKET_OUTGOING:
        return "Out";
    case PACKET_BROADCAST:
        return "B";
    case PACKET_MULTICAST:
        return "M";
    case PACKET_OTHERHOST:
        return "P";
    default:
        return "In";
    }
}

/// What is known of it, as ss(8) would write it; empty if it is nobody's.
std::string owner_text(const xinet_owner& owner) {
    std::string text;
    if ((owner.flags & XINET_OWNER_SOCKET) != 0) {
        text += fmt::format(" sk:{:x} netns:{}", owner.cookie, owner.netns);
    }
    if ((owner.flags & XINET_OWNER_CREDENTIALS) != 0) {
        text += fmt::format(" uid:{} cgroup:{}", owner.uid, owner.cgroup);
    }
    if ((owner.flags & XINET_OWNER_KERNEL) != 0) {
        text += " kernel";
    }
    if ((owner.flags & XINET_OWNER_SEVERAL) != 0) {
        text += " several";
    }
    return text.empty() ? "" : fmt::format(" [{}]", text.substr(1));
}

std::string owner_json(const xinet_owner& owner) {
    JsonObject object;
    if ((owner.flags & XINET_OWNER_SOCKET) != 0) {
        object.add("cookie", owner.cookie).add("netns", owner.netns);
        object.add("netns_cookie", owner.netns_cookie);
    }
    if ((owner.flags & XINET_OWNER_CREDENTIALS) != 0) {
        object.add("cgroup", owner.cgroup).add("uid", owner.uid);
    }
    object.add("kernel", (owner.flags & XINET_OWNER_KERNEL) != 0);
    object.add("several", (owner.flags & XINET_OWNER_SEVERAL) != 0);
    return object.text();
}

/// Number and subsystem, where this kernel has no name for it.
std::string reason_text(const xinet_dropped& dropped) {
    const std::string_view name = dropped.name;
    return name.empty() ? fmt::format("{:#x}", dropped.reason) : std::string(name);
}

std::string dropped_text(const xinet_dropped& dropped) {
    const std::string_view place = dropped.place;
    return fmt::format(" (dropped: {}{}{})", reason_text(dropped), place.empty() ? "" : " at ",
                       place);
}

std::string dropped_json(const xinet_dropped& dropped) {
    JsonObject object;
    object.add("reason", reason_text(dropped)).add("number", dropped.reason);
    const std::string_view place = dropped.place;
    if (place.empty()) {
        object.add_null("symbol");
    } else {
        object.add("symbol", place);
    }
    object.add("netns", dropped.netns).add("netns_cookie", dropped.netns_cookie);
    object.add("link_header", (dropped.flags & XINET_DROPPED_NO_LINK_HEADER) == 0);
    return object.text();
}

std::string original_json(const xinet_original& original) {
    JsonObject object;
    object.add("segmented", (original.done & XINET_ORIGINAL_SEGMENTED) != 0)
        .add("checksum", (original.done & XINET_ORIGINAL_CHECKSUM) != 0)
        .add("vlan", (original.done & XINET_ORIGINAL_VLAN) != 0)
        .add("failed", (original.done & XINET_ORIGINAL_FAILED) != 0)
        .add("segment", original.segment)
        .add("segments", original.segments);
    return object.text();
}

} // namespace

std::string clock_text(Timestamp time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto micros = std::chrono::floor<std::chrono::microseconds>(time - seconds);
    const std::time_t whole = std::chrono::system_clock::to_time_t(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(seconds));
    std::tm local{};
    ::localtime_r(&whole, &local);
    return fmt::format("{:02}:{:02}:{:02}.{:06}", local.tm_hour, local.tm_min, local.tm_sec,
                       micros.count());
}

std::string packet_text(const CapturedPacket& packet, LinkType type,
                        std::string_view interface_name, bool link_header) {
    std::string text = clock_text(packet.timestamp) + " ";
    if (!interface_name.empty()) {
        text += fmt::format("{} {:<3} ", printable(interface_name),
                            short_direction(packet.packet_type));
    }
    const Summary summary = dissect(packet.data, type, packet.original_length);
    return text + summary_text(summary, link_header) +
           (packet.owner != nullptr ? owner_text(*packet.owner) : "") +
           (packet.dropped != nullptr ? dropped_text(*packet.dropped) : "") + "\n";
}

std::string packet_json(const CapturedPacket& packet, LinkType type,
                        std::string_view interface_name, std::string_view namespace_name) {
    const Summary summary = dissect(packet.data, type, packet.original_length);
    const auto since_epoch = packet.timestamp.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    JsonObject object;
    object.add("type", "packet")
        .add("time", fmt::format("{}.{:09}", seconds.count(), (since_epoch - seconds).count()))
        .add("interface", interface_name)
        .add("direction", direction_name(packet.packet_type))
        .add("length", packet.original_length)
        .add("captured", packet.data.size())
        .add("network", summary.network)
        .add("protocol", summary.protocol)
        .add("source", summary.source)
        .add("destination", summary.destination)
        .add("info", summary.info);
    if (packet.owner != nullptr && packet.owner->flags == 0) {
        object.add_null("owner");
    } else if (packet.owner != nullptr) {
        object.nest("owner", owner_json(*packet.owner));
    }
    if (packet.dropped != nullptr) {
        object.nest("drop", dropped_json(*packet.dropped));
    }
    if (packet.original != nullptr) {
        object.nest("original", original_json(*packet.original));
    }
    if (packet.netns != nullptr) {
        object.add("netns", packet.netns->netns).add("netns_cookie", packet.netns->cookie);
        object.add("netns_name", namespace_name);
    }
    return object.text() + "\n";
}

} // namespace xinet
