// SPDX-License-Identifier: GPL-2.0-or-later
// The traffic that captures are compared by: all that can pass a device, step by step.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "compare.h"
#include "link.h"
#include "netns.h"
#include "traffic.h"
#include "vnet.h"

namespace xt {

class CaptureTraffic : public testing::Test {
protected:
    static constexpr uint16_t port = 7691;
    static constexpr size_t mtu = 1500;

    void SetUp() override;

    void in(const Bytes& frame) const { peer_wire_.send(frame); }
    void out(const Bytes& frame) const { wire_.send(frame); }
    static Bytes payload(const std::string& mark, size_t size) { return repeated(mark, size); }

    // What was sent before has reached every socket when this returns: frames pass one by one.
    void fence() const;
    // The second fence is for the first, which some sockets may get later than the monitor.
    void run(const std::vector<Step>& steps) const;
    void fence_all() const;

    [[nodiscard]] std::vector<Step> incoming() const;
    [[nodiscard]] std::vector<Step> outgoing() const;
    // With work left to the device: segments to be cut, a checksum to be filled in; and what a
    // receiver has put together again (GRO), which only the link of software does for certain.
    [[nodiscard]] std::vector<Step> offloaded() const;
    // Longer than an ordinary MTU, on the link of software only.
    [[nodiscard]] std::vector<Step> jumbo() const;
    // Incoming first, then outgoing, then the rest.
    [[nodiscard]] std::vector<Step> all_steps() const;

    // A frame whose device has to do what the header says; with a socket at that end.
    [[nodiscard]] static Fd offloader(const char* device);
    void offload_in(const VnetHeader& todo, const Bytes& frame) const;
    void offload_out(const VnetHeader& todo, const Bytes& frame) const;
    void merged_in(const VnetHeader& todo, const Bytes& frame) const;
    // Waits until frames pass both ways again.
    void set_mtus(unsigned size) const;

    OnOneCpu one_cpu_;
    int ifindex_ = link::index(here_device);
    Mac here_mac_ = here_mac();
    Mac peer_mac_ = peer_mac();
    Injector wire_ = Injector::here();
    Injector peer_wire_ = Injector::at_peer();
    Fd monitor_ = open_socket(Side::sibling, Kind::packet, 0);
    Fd udp_ = udp_socket(port);
    Fd peer_udp_ = udp_socket_at_peer(port);
    Fd offloader_ = offloader(here_device);
    Fd peer_offloader_ = in_peer([] { return offloader(peer_device); });
};

// Whether frames arrive as they were sent, through a pair of software devices.
bool wire_is_software();

// What goes out and what comes in may pass the sockets on two CPUs at once: then each socket has an
// order of its own, and the two ways are compared one after the other.
template<typename Captured, typename Outgoing>
void set_ways_apart(std::vector<Captured>& all, Outgoing is_outgoing) {
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        std::stable_partition(all.begin(), all.end(), is_outgoing);
}

// Rejects what is for others, shortens IP to 100 bytes, passes the rest.
void attach_cutting_filter(const Fd& socket);

} // namespace xt
