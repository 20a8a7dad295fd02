// SPDX-License-Identifier: GPL-2.0-or-later
// Network devices of the calling thread's namespace, through rtnetlink.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace xt {

using Mac = std::array<uint8_t, 6>;

namespace link {

int index(const std::string& name);
Mac mac(const std::string& name);
// How many users ask for promiscuous, and for all-multicast, reception.
unsigned promiscuity(int ifindex);
unsigned all_multicast(int ifindex);
// Whether a link-layer multicast address is in the device's list (/proc/net/dev_mcast).
bool listens_to(const std::string& name, const Mac& address);

// `ifindex` 0: the kernel chooses.
void add_dummy(const std::string& name, const Mac& address, int ifindex = 0);
void remove(int ifindex);
void set_up(int ifindex, bool up);
// To the namespace of a descriptor, where it is down.
void move(int ifindex, int netns);
void set_mtu(int ifindex, unsigned mtu);
unsigned max_mtu(int ifindex); // 0: any
// An offload that the old ethtool commands switch (ETHTOOL_SGRO, ETHTOOL_STSO, ...).
void set_offload(const std::string& name, uint32_t command, bool on);
bool offload(const std::string& name, uint32_t command); // ETHTOOL_GGRO, ...
// Whether the driver stamps what it sends (SOF_TIMESTAMPING_TX_SOFTWARE).
bool stamps_what_it_sends(const std::string& name);

} // namespace link
} // namespace xt
