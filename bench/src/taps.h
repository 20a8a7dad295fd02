// SPDX-License-Identifier: GPL-2.0-or-later
// Packet sockets of either family, as many as a measurement asks for.
#pragma once

#include "xinet/error.h"
#include "xinet/family.h"
#include "xinet/file_descriptor.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace bench {

/// `lanes`, a ring of XINET_RX_RING, is ring_v3 over the peer, which has none.
enum class Receiver { queue, ring_v2, ring_v3, lanes };

struct TapPlan {
    int sockets = 1;
    Receiver receiver = Receiver::ring_v3;
    int readers = 1; ///< of each ring of lanes
    unsigned interface_index = 0;
    std::uint16_t ethertype = ETH_P_ALL;
    /// Room for so many frames of that size in each socket.
    std::uint64_t frames = 0;
    std::size_t frame_bytes = 60;
    /// The filter of the n-th socket; none: accepts everything.
    std::function<std::vector<sock_filter>(int)> filter = {};
    std::optional<int> fanout_mode = {}; ///< PACKET_FANOUT_*
    bool owners = false;                 ///< XINET_PACKET_OWNER
    int drops = 0;                       ///< XINET_PACKET_DROPS
    bool all_netns = false;              ///< XINET_PACKET_ALL_NETNS
    bool original = false;               ///< XINET_PACKET_ORIGINAL
    int points = 0;                      ///< XINET_PACKET_POINT
};

/// A mapping that unmaps itself.
class Mapping {
public:
    Mapping(int descriptor, std::size_t length);
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&&) = delete;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    std::byte* data() const noexcept { return data_; }

private:
    std::byte* data_;
    std::size_t length_;
};

/// In link-level mode; receives nothing before it is bound.
xinet::FileDescriptor open_packet_socket(xinet::Engine engine);
void bind_packet_socket(int descriptor, unsigned interface_index, std::uint16_t ethertype);

template<class Value>
void set_option(int descriptor, int level, int option, const Value& value, const char* name) {
    if (::setsockopt(descriptor, level, option, &value, sizeof(value)) < 0) {
        throw xinet::Error("set", name, errno);
    }
}

class Taps {
public:
    Taps(xinet::Engine engine, const TapPlan& plan);

    /// Packets that all sockets were given since the start or the last call.
    /// Throws when one was dropped: then the figure would be wrong.
    std::uint64_t packets();

private:
    void open(xinet::Engine engine, const TapPlan& plan, int number);

    bool v3_;
    std::vector<xinet::FileDescriptor> sockets_;
    std::vector<xinet::FileDescriptor> readers_; ///< beside the sockets themselves
    std::vector<Mapping> rings_;
};

} // namespace bench
