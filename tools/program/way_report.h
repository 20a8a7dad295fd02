// SPDX-License-Identifier: GPL-2.0-or-later
// What `xinet trace` prints: the way of each packet, and of all of them the time between points and
// where they ended.
#pragma once

#include "program/durations.h"
#include "program/json.h"
#include "program/owner_lookup.h"
#include "program/packet_ways.h"

#include <functional>
#include <map>
#include <string>
#include <utility>

namespace xinet {

/// The name of an interface by its index.
using InterfaceName = std::function<std::string(unsigned index)>;

class WayReport {
public:
    WayReport(InterfaceName interface_name, OwnerLookup& owners);

    /// Counts it, for the summary.
    void add(const PacketWay& way);

    /// Two lines: its head, and "  tap in eth0, +7 us pre-routing, ...: dropped, NETFILTER_DROP".
    std::string text(const PacketWay& way);
    /// One object, whose first members are those of the head, which is the text of one.
    std::string json(const PacketWay& way);

    /// Two tables.
    std::string summary_text() const;
    /// Objects, one a line.
    std::string summary_json() const;

private:
    /// Ways that ended alike.
    struct End {
        std::uint64_t packets = 0;
        Json object;
    };

    Json end_object(const PacketWay& way);
    std::string end_text(const PacketWay& way, bool with_owner);
    std::string owner(const xinet_owner& owner);

    InterfaceName interface_name_;
    OwnerLookup& owners_;
    std::map<std::pair<std::string, std::string>, Durations> stages_;
    std::map<std::string, End> ends_; ///< by their texts
};

} // namespace xinet
