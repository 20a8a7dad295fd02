// SPDX-License-Identifier: GPL-2.0-or-later
// Network devices of the calling thread's namespace, through rtnetlink.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace xt {

using Mac = std::array<uint8_t, 6>;

namespace link {

int index(const std::string& name);
Mac mac(const std::string& name);
// How many users ask for promiscuous, and for all-multicast, reception.
unsigned promiscuity(int ifindex);
unsigned all_multicast(int ifindex);
// Until the kernel has noticed the carrier, a device that is up drops what it is to send.
bool transmits(int ifindex);
// Whether a link-layer multicast address is in the device's list (/proc/net/dev_mcast).
bool listens_to(const std::string& name, const Mac& address);

// `ifindex` 0: the kernel chooses.
void add_dummy(const std::string& name, const Mac& address, int ifindex = 0);
// A device of any kind: `lower` is the one it stands on (0: none), `data` its kind's attributes.
void add(const std::string& kind, const std::string& name, int ifindex, int lower = 0,
         const std::vector<uint8_t>& data = {});
// Two ends of a wire.
void add_veth(const std::string& name, int ifindex, const std::string& peer, int peer_ifindex);
void set_master(int ifindex, int master); // 0: none
void set_mac(int ifindex, const Mac& address);
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
