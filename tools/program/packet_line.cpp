// SPDX-License-Identifier: GPL-2.0-or-later
#include "libxinet/printable.h"
#include "program/capture.h"
#include "program/dissect.h"
#include "program/json.h"
#include "program/told.h"

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
                        std::string_view interface_name, bool link_header,
                        const OwnerDetails& details) {
    std::string text = clock_text(packet.timestamp) + " ";
    if (!interface_name.empty()) {
        text += fmt::format("{} {:<3} ", printable(interface_name),
                            short_direction(packet.packet_type));
    }
    const Summary summary = dissect(packet.data, type, packet.original_length);
    const std::string told = told_text(packet, details);
    return text + summary_text(summary, link_header) + (told.empty() ? "" : " ") + told + "\n";
}

std::string packet_json(const CapturedPacket& packet, LinkType type,
                        std::string_view interface_name, std::string_view namespace_name,
                        const OwnerDetails& details) {
    const Summary summary = dissect(packet.data, type, packet.original_length);
    const auto since_epoch = packet.timestamp.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    Json object{{"type", "packet"},
                {"time", fmt::format("{}.{:09}", seconds.count(), (since_epoch - seconds).count())},
                {"interface", interface_name},
                {"direction", direction_name(packet.packet_type)},
                {"length", packet.original_length},
                {"captured", packet.data.size()},
                {"network", summary.network},
                {"protocol", summary.protocol},
                {"source", summary.source},
                {"source_port", or_null(summary.source_port)},
                {"destination", summary.destination},
                {"destination_port", or_null(summary.destination_port)},
                {"info", summary.info}};
    add_told(object, packet, namespace_name, details);
    return json_line(object);
}

} // namespace xinet
