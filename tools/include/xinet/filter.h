// SPDX-License-Identifier: GPL-2.0-or-later
// Filter expressions, compiled by libpcap (as a compiler only: it opens nothing).
#pragma once

#include "xinet/link_type.h"

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct bpf_program;

namespace xinet {

/// Which way a packet went, seen from this host.
enum class Direction { in, out, both };

class FilterProgram {
public:
    /// @param expression pcap-filter(7); empty accepts everything
    /// @param snapshot_length what an accepted packet is cut to
    FilterProgram(const std::string& expression, LinkType type, std::uint32_t snapshot_length);

    /// For the kernel: @p prefix runs first and may only reject or fall through.
    std::vector<sock_filter> instructions(std::span<const sock_filter> prefix) const;

    /// Evaluated here: the length to keep, 0 when the packet is rejected.
    std::uint32_t evaluate(std::span<const std::byte> frame, std::uint32_t original_length) const;

private:
    struct Deleter {
        void operator()(bpf_program* program) const;
    };
    std::unique_ptr<bpf_program, Deleter> program_;
};

/// True when the kernel sees a frame that lacks what the expression asks for:
/// VLAN tags travel beside the frame, not in it.
bool asks_for_vlan(std::string_view expression);

/// Instructions that reject what went the other way, and the second sight of
/// each loopback packet (it goes out and comes in; unless @p wanted is out, the
/// coming in is the one kept). @p loopback_index is 0 when no interface
/// captured from is loopback.
std::vector<sock_filter> direction_prefix(Direction wanted, unsigned loopback_index);

/// The program of one instruction that accepts @p length bytes of everything.
std::vector<sock_filter> accept_all(std::uint32_t length);

} // namespace xinet
