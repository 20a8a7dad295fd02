// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/told.h"

#include "libxinet/printable.h"
#include "xinet/diag.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace xinet {

namespace {

/// What ends it cannot be in it.
std::string in_quotes(std::string_view name) {
    std::string text = printable(name);
    std::ranges::replace(text, '"', '?');
    return fmt::format("\"{}\"", text);
}

/// Without what ends a word, or the text of an owner, or begins another one: whoever makes a
/// control group chooses its name.
std::string word(std::string_view name) {
    std::string text = printable(name);
    constexpr std::string_view marks = " \"[]()";
    std::ranges::replace_if(
        text, [&](char letter) { return marks.find(letter) != std::string_view::npos; }, '?');
    return text;
}

std::string cgroup_text(const xinet_owner& owner, const Cgroup* cgroup) {
    if (cgroup == nullptr) {
        return fmt::format(" cgroup:{}", owner.cgroup);
    }
    std::string text = fmt::format(" cgroup:{}", word(cgroup->path));
    if (cgroup->container) {
        text += fmt::format(" container:{}", word(cgroup->container->text()));
    }
    return text;
}

void add_cgroup(Json& object, const Cgroup* cgroup) {
    object["cgroup_path"] = cgroup == nullptr ? Json() : Json(cgroup->path);
    object["container"] =
        cgroup == nullptr || !cgroup->container
            ? Json()
            : Json{{"runtime", cgroup->container->runtime}, {"name", cgroup->container->name}};
}

void add_process(Json& object, const SocketProcess* process) {
    object["pid"] = process == nullptr ? Json() : Json(process->process);
    object["comm"] = process == nullptr || process->name.empty() ? Json() : Json(process->name);
}

} // namespace

/// What is known of it, as ss(8) would write it; empty if it is nobody's.
std::string owner_text(const xinet_owner& owner, const OwnerDetails& details) {
    const SocketProcess* process = details.process;
    std::string text;
    if ((owner.flags & XINET_OWNER_SOCKET) != 0) {
        text += fmt::format(" sk:{:x} netns:{}", owner.cookie, owner.netns);
    }
    if ((owner.flags & XINET_OWNER_CREDENTIALS) != 0) {
        text += fmt::format(" uid:{}", owner.uid) + cgroup_text(owner, details.cgroup);
    }
    if (process != nullptr) {
        text += fmt::format(" pid:{}", process->process);
    }
    if (process != nullptr && !process->name.empty()) {
        text += fmt::format(" comm:{}", in_quotes(process->name));
    }
    if ((owner.flags & XINET_OWNER_KERNEL) != 0) {
        text += " kernel";
    }
    if ((owner.flags & XINET_OWNER_SEVERAL) != 0) {
        text += " several";
    }
    return text.empty() ? "" : fmt::format("[{}]", text.substr(1));
}

Json owner_json(const xinet_owner& owner, const OwnerDetails& details) {
    Json object = Json::object();
    if ((owner.flags & XINET_OWNER_SOCKET) != 0) {
        object["cookie"] = owner.cookie;
        object["netns"] = owner.netns;
        object["netns_cookie"] = owner.netns_cookie;
    }
    if ((owner.flags & XINET_OWNER_CREDENTIALS) != 0) {
        object["cgroup"] = owner.cgroup;
        object["uid"] = owner.uid;
    }
    add_cgroup(object, details.cgroup);
    add_process(object, details.process);
    object["kernel"] = (owner.flags & XINET_OWNER_KERNEL) != 0;
    object["several"] = (owner.flags & XINET_OWNER_SEVERAL) != 0;
    return object;
}

/// Number and subsystem, where this kernel has no name for it.
std::string reason_text(const xinet_dropped& dropped) {
    const std::string_view name = dropped.name;
    return name.empty() ? fmt::format("{:#x}", dropped.reason) : std::string(name);
}

namespace {

std::string dropped_text(const xinet_dropped& dropped) {
    const std::string_view place = dropped.place;
    return fmt::format("(dropped: {}{}{})", reason_text(dropped), place.empty() ? "" : " at ",
                       place);
}

} // namespace

Json dropped_json(const xinet_dropped& dropped) {
    const std::string_view place = dropped.place;
    return {{"reason", reason_text(dropped)},
            {"number", dropped.reason},
            {"symbol", place.empty() ? Json() : Json(place)},
            {"netns", dropped.netns},
            {"netns_cookie", dropped.netns_cookie},
            {"link_header", (dropped.flags & XINET_DROPPED_NO_LINK_HEADER) == 0}};
}

namespace {

/// Empty for a packet that was so on the wire.
std::string original_text(const xinet_original& original) {
    std::string text;
    if ((original.done & XINET_ORIGINAL_SEGMENTED) != 0) {
        text += fmt::format(", {} of {}", original.segment + 1, original.segments);
    }
    if ((original.done & XINET_ORIGINAL_CHECKSUM) != 0) {
        text += ", checksum filled in";
    }
    if ((original.done & XINET_ORIGINAL_VLAN) != 0) {
        text += ", tag put in";
    }
    if ((original.done & XINET_ORIGINAL_FAILED) != 0) {
        text += ", could not be restored";
    }
    return text.empty() ? "" : fmt::format("(frame: {})", text.substr(2));
}

Json original_json(const xinet_original& original) {
    return {{"segmented", (original.done & XINET_ORIGINAL_SEGMENTED) != 0},
            {"checksum", (original.done & XINET_ORIGINAL_CHECKSUM) != 0},
            {"vlan", (original.done & XINET_ORIGINAL_VLAN) != 0},
            {"failed", (original.done & XINET_ORIGINAL_FAILED) != 0},
            {"segment", original.segment},
            {"segments", original.segments}};
}

struct PointName {
    std::uint32_t point;
    std::string_view name;
};

constexpr std::array points{
    PointName{XINET_POINT_TAP, "tap"},
    PointName{XINET_POINT_PRE_ROUTING, "pre-routing"},
    PointName{XINET_POINT_LOCAL_IN, "local-in"},
    PointName{XINET_POINT_FORWARD, "forward"},
    PointName{XINET_POINT_LOCAL_OUT, "local-out"},
    PointName{XINET_POINT_POST_ROUTING, "post-routing"},
    PointName{XINET_POINT_QDISC, "qdisc"},
    PointName{XINET_POINT_START_XMIT, "start-xmit"},
    PointName{XINET_POINT_DELIVERED, "delivered"},
};

/// Of a packet that was dropped there is the number alone.
std::string point_text(const xinet_point& point) {
    if (point.point == 0) {
        return point.packet == 0 ? "" : fmt::format("(packet {})", point.packet);
    }
    std::string text = fmt::format("(point: {}", point_name(point.point));
    if (point.packet != 0) {
        text += fmt::format(", packet {}", point.packet);
    }
    return text + ")";
}

void add_point(Json& object, const xinet_point& point) {
    object["point"] = point.point == 0 ? Json() : Json(point_name(point.point));
    object["packet"] = point.packet == 0 ? Json() : Json(point.packet);
    object["in_index"] = point.in;
    object["out_index"] = point.out;
}

void append(std::string& text, const std::string& part) {
    text += (text.empty() || part.empty() ? "" : " ") + part;
}

} // namespace

Json drop_reasons_json(const std::vector<std::uint64_t>& reasons) {
    Json object = Json::object();
    for (std::size_t reason = 0; reason < reasons.size(); ++reason) {
        if (reasons[reason] != 0) {
            const std::string_view name = drop_reason_name(reason);
            object[name == "?" ? fmt::format("{}", reason) : std::string(name)] = reasons[reason];
        }
    }
    return object;
}

std::string loss_text(const std::vector<std::uint64_t>& reasons) {
    const Json lost = drop_reasons_json(reasons);
    std::string text;
    for (const auto& [name, count] : lost.items()) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count.dump());
    }
    return text.empty() ? "" : fmt::format(" ({})", text);
}

std::uint32_t point_named(std::string_view name) {
    std::uint32_t all = 0;
    for (const PointName& known : points) {
        if (known.name == name) {
            return known.point;
        }
        all |= known.point;
    }
    return name == "all" ? all : 0;
}

std::string point_names() {
    std::string text;
    for (const PointName& known : points) {
        text += fmt::format("{}{}", text.empty() ? "" : ", ", known.name);
    }
    return text;
}

std::string_view point_name(std::uint32_t point) {
    const auto* const found = std::ranges::find(points, point, &PointName::point);
    return found == points.end() ? "unknown" : found->name;
}

std::string told_text(const CapturedPacket& packet, const OwnerDetails& details) {
    std::string text;
    if (packet.owner != nullptr) {
        append(text, owner_text(*packet.owner, details));
    }
    if (packet.dropped != nullptr) {
        append(text, dropped_text(*packet.dropped));
    }
    if (packet.original != nullptr) {
        append(text, original_text(*packet.original));
    }
    if (packet.point != nullptr) {
        append(text, point_text(*packet.point));
    }
    return text;
}

void add_told(Json& object, const CapturedPacket& packet, std::string_view namespace_name,
              const OwnerDetails& details) {
    if (packet.owner != nullptr) {
        object["owner"] = packet.owner->flags == 0 ? Json() : owner_json(*packet.owner, details);
    }
    if (packet.dropped != nullptr) {
        object["drop"] = dropped_json(*packet.dropped);
    }
    if (packet.original != nullptr) {
        object["original"] = original_json(*packet.original);
    }
    if (packet.point != nullptr) {
        add_point(object, *packet.point);
    }
    if (packet.queue != nullptr) {
        object["queue"] = packet.queue->queue;
    }
    if (packet.netns != nullptr) {
        object["netns"] = packet.netns->netns;
        object["netns_cookie"] = packet.netns->cookie;
        object["netns_name"] = namespace_name;
    }
}

} // namespace xinet
