// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/way_report.h"

#include "libxinet/printable.h"
#include "program/told.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace xinet {

namespace {

std::string stage_name(const Step& step) {
    if (step.point != XINET_POINT_TAP) {
        return std::string(point_name(step.point));
    }
    return step.outgoing ? "tap out" : "tap in";
}

/// As people read it: three digits, and a unit that fits.
std::string duration_text(std::chrono::nanoseconds duration) {
    // the clock may have been set back
    const auto nanoseconds = static_cast<double>(std::max<std::int64_t>(duration.count(), 0));
    const auto text = [](double value, const char* unit) {
        return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit);
    };
    if (nanoseconds < 1e3) {
        return fmt::format("{:.0f} ns", nanoseconds);
    }
    if (nanoseconds < 999.5e3) {
        return text(nanoseconds / 1e3, "us");
    }
    return nanoseconds < 999.5e6 ? text(nanoseconds / 1e6, "ms") : text(nanoseconds / 1e9, "s");
}

std::string_view end_name(WayEnd end) {
    switch (end) {
    case WayEnd::dropped:
        return "dropped";
    case WayEnd::delivered:
        return "delivered";
    case WayEnd::reached:
        return "reached";
    case WayEnd::sent:
        return "sent";
    case WayEnd::unseen:
        break;
    }
    return "unseen";
}

/// The times between two points in a row, that of the drop included.
template<class Function>
void for_each_stage(const PacketWay& way, Function function) {
    for (std::size_t i = 1; i < way.steps.size(); ++i) {
        function(stage_name(way.steps[i - 1]), stage_name(way.steps[i]),
                 way.steps[i].time - way.steps[i - 1].time);
    }
    if (way.dropped && !way.steps.empty()) {
        function(stage_name(way.steps.back()), "dropped", way.dropped_at - way.steps.back().time);
    }
}

} // namespace

WayReport::WayReport(InterfaceName interface_name, OwnerLookup& owners)
    : interface_name_(std::move(interface_name)), owners_(owners) {}

void WayReport::add(const PacketWay& way) {
    for_each_stage(way, [this](std::string from, std::string to, auto duration) {
        stages_[{std::move(from), std::move(to)}].add(duration);
    });
    const auto [end, fresh] = ends_.try_emplace(end_text(way, false));
    if (fresh) {
        end->second.object = end_object(way);
    }
    ++end->second.packets;
}

Json WayReport::end_object(const PacketWay& way) {
    Json object{{"type", "end"}, {"end", end_name(end_of(way))}};
    switch (end_of(way)) {
    case WayEnd::dropped:
        object["reason"] = reason_text(*way.dropped);
        break;
    case WayEnd::sent:
        object["interface"] = interface_name_(way.steps.back().interface_index);
        break;
    case WayEnd::unseen:
        object["stage"] = stage_name(way.steps.back());
        break;
    case WayEnd::delivered:
    case WayEnd::reached:
        break;
    }
    return object;
}

std::string WayReport::owner(const xinet_owner& owner) {
    const std::string text = owner_text(owner, owners_.find(owner));
    return text.empty() ? "" : " " + text;
}

/// Without owners it is the same for many packets.
std::string WayReport::end_text(const PacketWay& way, bool with_owner) {
    switch (end_of(way)) {
    case WayEnd::dropped:
        return "dropped: " + reason_text(*way.dropped);
    case WayEnd::delivered:
        return "delivered" + (with_owner && way.receiver ? owner(*way.receiver) : "");
    case WayEnd::reached:
        return "reached this host" + (with_owner && way.receiver ? owner(*way.receiver) : "");
    case WayEnd::sent:
        return "sent by " + printable(interface_name_(way.steps.back().interface_index));
    case WayEnd::unseen:
        break;
    }
    return "last seen at " + stage_name(way.steps.back());
}

std::string WayReport::text(const PacketWay& way) {
    std::string text = way.head + "\n  ";
    unsigned interface = 0;
    Timestamp last;
    for (const Step& step : way.steps) {
        if (&step != way.steps.data()) {
            text += fmt::format(", +{} ", duration_text(step.time - last));
        }
        text += stage_name(step);
        if (step.interface_index != interface) {
            text += " " + printable(interface_name_(step.interface_index));
        }
        interface = step.interface_index;
        last = step.time;
    }
    if (way.dropped) {
        if (!way.steps.empty()) {
            text += fmt::format(", +{}", duration_text(way.dropped_at - last));
        }
        const std::string_view place = way.dropped->place;
        text += fmt::format("{}dropped: {}{}{}", way.steps.empty() ? "" : " ",
                            reason_text(*way.dropped), place.empty() ? "" : " at ", place);
    } else {
        text += ": " + end_text(way, true);
    }
    if (way.sender) {
        text += "; from" + owner(*way.sender);
    }
    return text + "\n";
}

std::string WayReport::json(const PacketWay& way) {
    Json object = Json::parse(way.head);
    object["packet"] = way.number == 0 ? Json() : Json(way.number);
    Json& steps = object["steps"] = Json::array();
    for (const Step& step : way.steps) {
        steps.push_back({{"point", point_name(step.point)},
                         {"direction", step.outgoing ? "out" : "in"},
                         {"interface", interface_name_(step.interface_index)},
                         {"nanoseconds", (step.time - way.steps.front().time).count()}});
    }
    object["end"] = end_name(end_of(way));
    if (way.dropped) {
        object["drop"] = dropped_json(*way.dropped);
    }
    if (way.dropped && !way.steps.empty()) {
        object["dropped_after"] = (way.dropped_at - way.steps.front().time).count();
    }
    if (way.sender) {
        object["sender"] = owner_json(*way.sender, owners_.find(*way.sender));
    }
    if (way.receiver) {
        object["receiver"] = owner_json(*way.receiver, owners_.find(*way.receiver));
    }
    return json_line(object);
}

std::string WayReport::summary_text() const {
    std::string text =
        fmt::format("{:<32} {:>10} {:>10} {:>10}\n", "from - to", "packets", "p50", "p99");
    for (const auto& [stage, durations] : stages_) {
        text += fmt::format("{:<32} {:>10} {:>10} {:>10}\n", stage.first + " - " + stage.second,
                            durations.count(), duration_text(durations.quantile(0.5)),
                            duration_text(durations.quantile(0.99)));
    }
    text += fmt::format("\n{:<32} {:>10}\n", "end", "packets");
    for (const auto& [text_of_end, end] : ends_) {
        text += fmt::format("{:<32} {:>10}\n", text_of_end, end.packets);
    }
    return text;
}

std::string WayReport::summary_json() const {
    std::string text;
    for (const auto& [stage, durations] : stages_) {
        text += json_line({{"type", "stage"},
                           {"from", stage.first},
                           {"to", stage.second},
                           {"packets", durations.count()},
                           {"p50", durations.quantile(0.5).count()},
                           {"p99", durations.quantile(0.99).count()}});
    }
    for (const auto& [text_of_end, end] : ends_) {
        Json object = end.object;
        object["packets"] = end.packets;
        text += json_line(object);
    }
    return text;
}

} // namespace xinet
