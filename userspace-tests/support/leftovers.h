// SPDX-License-Identifier: GPL-2.0-or-later
// What closed sockets must not leave behind.
#pragma once

#include <string>
#include <vector>

#include "family.h"

namespace xt {

// How many packet sockets of a side there are, in every namespace: /proc/net/protocols.
long packet_sockets(Side side);
// Waits until there are no more packet sockets of PF_XINET than so many: their memory goes back
// after a grace period.
bool packet_sockets_fall_to(long count);
bool all_packet_sockets_gone();
// The devices of the thread's namespace that are promiscuous or receive all multicasts.
std::vector<std::string> devices_that_listen_to_all();

} // namespace xt
