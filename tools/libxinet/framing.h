// SPDX-License-Identifier: GPL-2.0-or-later
// From what a packet socket delivers to what a capture file holds.
#pragma once

#include "xinet/packet_socket.h"

#include <linux/if_packet.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace xinet {

/// https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
inline constexpr std::size_t sll2_header_length = 20;
inline constexpr std::size_t vlan_tag_length = 4;

/// What frame builders below may write before the packet.
inline constexpr std::size_t framing_headroom = sll2_header_length + vlan_tag_length;

/// The packet with an SLL2 header before it; @p packet must lie behind
/// framing_headroom writable bytes. A VLAN tag goes between the two.
std::span<std::byte> prepend_sll2(const ReceivedPacket& packet);

/// The Ethernet frame with its tag back where it stood on the wire; without a
/// tag, or in a frame cut before it, the frame as it is.
std::span<std::byte> restore_vlan_tag(const ReceivedPacket& packet);

} // namespace xinet
