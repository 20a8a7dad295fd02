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
std::string quoted(std::string_view name) {
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

void add_cgroup(JsonObject& object, const Cgroup* cgroup) {
    if (cgroup == nullptr) {
        object.add_null("cgroup_path");
    } else {
        object.add("cgroup_path", cgroup->path);
    }
    if (cgroup == nullptr || !cgroup->container) {
        object.add_null("container");
        return;
    }
    object.nest("container", JsonObject()
                                 .add("runtime", cgroup->container->runtime)
                                 .add("name", cgroup->container->name)
                                 .text());
}

void add_process(JsonObject& object, const SocketProcess* process) {
    if (process == nullptr) {
        object.add_null("pid");
    } else {
        object.add("pid", process->process);
    }
    if (process == nullptr || process->name.empty()) {
        object.add_null("comm");
    } else {
        object.add("comm", process->name);
    }
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
        text += fmt::format(" comm:{}", quoted(process->name));
    }
    if ((owner.flags & XINET_OWNER_KERNEL) != 0) {
        text += " kernel";
    }
    if ((owner.flags & XINET_OWNER_SEVERAL) != 0) {
        text += " several";
    }
    return text.empty() ? "" : fmt::format("[{}]", text.substr(1));
}

std::string owner_json(const xinet_owner& owner, const OwnerDetails& details) {
    JsonObject object;
    if ((owner.flags & XINET_OWNER_SOCKET) != 0) {
        object.add("cookie", owner.cookie).add("netns", owner.netns);
        object.add("netns_cookie", owner.netns_cookie);
    }
    if ((owner.flags & XINET_OWNER_CREDENTIALS) != 0) {
        object.add("cgroup", owner.cgroup).add("uid", owner.uid);
    }
    add_cgroup(object, details.cgroup);
    add_process(object, details.process);
    object.add("kernel", (owner.flags & XINET_OWNER_KERNEL) != 0);
    object.add("several", (owner.flags & XINET_OWNER_SEVERAL) != 0);
    return object.text();
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

void add_point(JsonObject& object, const xinet_point& point) {
    if (point.point == 0) {
        object.add_null("point");
    } else {
        object.add("point", point_name(point.point));
    }
    if (point.packet == 0) {
        object.add_null("packet");
    } else {
        object.add("packet", point.packet);
    }
    object.add("in_index", point.in).add("out_index", point.out);
}

void append(std::string& text, const std::string& part) {
    text += (text.empty() || part.empty() ? "" : " ") + part;
}

} // namespace

std::string loss_text(const std::vector<std::uint64_t>& reasons) {
    std::string text;
    for (std::size_t reason = 0; reason < reasons.size(); ++reason) {
        if (reasons[reason] != 0) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", drop_reason_name(reason),
                                reasons[reason]);
        }
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

void add_told(JsonObject& object, const CapturedPacket& packet, std::string_view namespace_name,
              const OwnerDetails& details) {
    if (packet.owner != nullptr && packet.owner->flags == 0) {
        object.add_null("owner");
    } else if (packet.owner != nullptr) {
        object.nest("owner", owner_json(*packet.owner, details));
    }
    if (packet.dropped != nullptr) {
        object.nest("drop", dropped_json(*packet.dropped));
    }
    if (packet.original != nullptr) {
        object.nest("original", original_json(*packet.original));
    }
    if (packet.point != nullptr) {
        add_point(object, *packet.point);
    }
    if (packet.queue != nullptr) {
        object.add("queue", packet.queue->queue);
    }
    if (packet.netns != nullptr) {
        object.add("netns", packet.netns->netns).add("netns_cookie", packet.netns->cookie);
        object.add("netns_name", namespace_name);
    }
}

} // namespace xinet
