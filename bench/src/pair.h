// SPDX-License-Identifier: GPL-2.0-or-later
// One thing that both families do, and what it costs in each.
#pragma once

#include "xinet/family.h"

#include <functional>
#include <string>
#include <vector>

namespace bench {

struct Pair {
    std::string name;      ///< unique, words: "one socket, TPACKET_V3, 60 bytes"
    std::string group;     ///< one plot each: "receive", "filters", ...
    std::string unit;      ///< of a cost, "per packet" and the like; the clock is the lane's
    std::string peer_name; ///< AF_PACKET, AF_INET
    /// The cost over the engine, above what the machine does anyway. Measures
    /// everything anew at each call.
    std::function<double(xinet::Engine)> cost;
    /// The least that any implementation must pay; empty where none is known.
    std::function<double()> floor;
    /// Some say nothing on one CPU, or nothing where CPUs take turns.
    int min_cpus = 1;
    bool needs_cpu_time = false; ///< says nothing where that comes in ticks
    bool quick = true;           ///< part of `make bench ARGS=quick`
    /// Where it stands on the plot of its group; empty: it has a bar of its own.
    std::string axis = {};
    double x = 0;
};

std::vector<Pair> packet_receive_pairs();
std::vector<Pair> told_pairs();
std::vector<Pair> packet_send_pairs();
std::vector<Pair> raw_pairs();
std::vector<Pair> inet_pairs();
std::vector<Pair> capture_pairs();
std::vector<Pair> latency_pairs();

} // namespace bench
