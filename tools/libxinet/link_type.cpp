// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/link_type.h"

#include <net/if_arp.h>
#include <pcap/dlt.h>

namespace xinet {

namespace {
/// From <linux/if_arp.h>, which cannot be included beside <net/if_arp.h>.
constexpr unsigned short arphrd_rawip = 519;
} // namespace

LinkType link_type_of(unsigned short hardware_type) {
    switch (hardware_type) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
        return LinkType::ethernet;
    case ARPHRD_NONE:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case arphrd_rawip:
        return LinkType::raw_ip;
    case ARPHRD_IEEE80211:
        return LinkType::ieee80211;
    case ARPHRD_IEEE80211_RADIOTAP:
        return LinkType::ieee80211_radiotap;
    default:
        return LinkType::linux_sll2;
    }
}

int filter_link_type(LinkType type) {
    return type == LinkType::raw_ip ? DLT_RAW : static_cast<int>(type);
}

std::string_view link_type_name(LinkType type) {
    switch (type) {
    case LinkType::ethernet:
        return "EN10MB (Ethernet)";
    case LinkType::raw_ip:
        return "RAW (raw IP)";
    case LinkType::ieee80211:
        return "IEEE802_11 (802.11)";
    case LinkType::ieee80211_radiotap:
        return "IEEE802_11_RADIO (802.11 with radiotap)";
    case LinkType::linux_sll2:
        return "LINUX_SLL2 (Linux cooked v2)";
    }
    return "unknown";
}

} // namespace xinet
