// SPDX-License-Identifier: GPL-2.0-or-later
// Fanout groups of packet sockets, as linux/if_packet.h has them.
#pragma once

#include <linux/if_packet.h>

#include <cstdint>
#include <vector>

#include "family.h"

namespace xt {

// In the header since Linux 6.10.
inline constexpr uint16_t fanout_flag_ignore_outgoing = 0x4000;

inline constexpr int fanout_value(uint16_t id, uint16_t mode_and_flags) {
    return int(uint32_t(mode_and_flags) << 16 | id);
}

// setsockopt(PACKET_FANOUT) with no opinion on the result.
long join_fanout(int fd, uint16_t id, uint16_t mode_and_flags, uint32_t most_members = 0);

// A socket of each kind, bound to a device and in a group, in this order.
std::vector<Fd> open_fanout(Side side, const std::vector<Kind>& kinds, const sockaddr_ll& place,
                            uint16_t id, uint16_t mode_and_flags);

// Loads an eBPF socket filter that returns the length of the packet.
Fd load_length_program();

} // namespace xt
