// SPDX-License-Identifier: GPL-2.0-or-later
// From what a device calls itself (ARPHRD_*) to what a capture file calls its
// packets (LINKTYPE_*, and the DLT_* of the filter compiler).
#pragma once

#include <cstdint>
#include <string_view>

namespace xinet {

/// LINKTYPE_ values, see https://www.tcpdump.org/linktypes.html
enum class LinkType : std::uint16_t {
    ethernet = 1,
    raw_ip = 101,
    ieee80211 = 105,
    ieee80211_radiotap = 127,
    linux_sll2 = 276,
};

/// linux_sll2, whose header we build from the sockaddr_ll, stands for every
/// device whose link-level header we have no name for.
LinkType link_type_of(unsigned short hardware_type);

/// The DLT_ number, which differs from the LINKTYPE_ for raw IP only.
int filter_link_type(LinkType type);

std::string_view link_type_name(LinkType type);

} // namespace xinet
