// SPDX-License-Identifier: GPL-2.0-or-later
// The types of link-level headers, as capture files and filters number them.
#pragma once

#include <cstdint>
#include <string_view>

#pragma GCC visibility push(default)
namespace xinet {

/// LINKTYPE_ values, see https://www.tcpdump.org/linktypes.html
enum class LinkType : std::uint16_t {
    ethernet = 1,
    raw_ip = 101,
    ieee80211 = 105,
    ieee80211_radiotap = 127,
    linux_sll2 = 276,
};

/// The type for devices of @p hardware_type (ARPHRD_*). linux_sll2, a header that SocketSource
/// builds from the sockaddr_ll, if the type of the device is not listed.
LinkType link_type_of(unsigned short hardware_type);

/// The DLT_ number of libpcap, which differs from LINKTYPE_ for raw IP only.
int filter_link_type(LinkType type);

/// A name and a description, such as "EN10MB (Ethernet)".
std::string_view link_type_name(LinkType type);

} // namespace xinet
#pragma GCC visibility pop
