// SPDX-License-Identifier: GPL-2.0-or-later
// One readable line from the bytes of a packet, whatever they are.
#pragma once

#include "xinet/link_type.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace xinet {

/// "IP 10.0.0.1 > 10.0.0.2: ICMP echo request, ..." in its parts.
struct Summary {
    std::string link;                         ///< the link-level header, for those who ask for it
    std::string network;                      ///< "IP", "IP6", "ARP", or empty
    std::string protocol;                     ///< "TCP", "UDP", "ICMP", or empty
    std::string source;                       ///< address; empty where there is none
    std::string destination;                  ///< likewise
    std::optional<std::uint16_t> source_port; ///< TCP, UDP
    std::optional<std::uint16_t> destination_port;
    std::string info;
};

/// Never throws for what @p frame holds; what cannot be read is shown in hex.
Summary dissect(std::span<const std::byte> frame, LinkType type, std::uint32_t original_length);

std::string summary_text(const Summary& summary, bool link_header);

} // namespace xinet
