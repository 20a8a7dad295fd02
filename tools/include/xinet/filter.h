// SPDX-License-Identifier: GPL-2.0-or-later
// Filter expressions, and filters for the direction of a packet.
#pragma once

#include "xinet/link_type.h"

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct bpf_program;

#pragma GCC visibility push(default)
namespace xinet {

/// The direction of a packet, seen from this host.
enum class Direction { in, out, both };

/// An expression, compiled by libpcap.
class FilterProgram {
public:
    /// For packets as they are in a file. Throws Error, whose hint is the message of the compiler.
    ///
    /// @param expression see pcap-filter(7); an empty one accepts everything
    /// @param type the header that the packets begin with
    /// @param snapshot_length in bytes; accepted packets are cut to it
    FilterProgram(const std::string& expression, LinkType type, std::uint32_t snapshot_length);

    /// For packets as the kernel has them, on the interface of this name: an expression may ask for
    /// what is beside them there, such as "inbound" or the tag of "vlan". libpcap compiles it for a
    /// PF_PACKET socket that it has for this time; where it gets none, as for packets in a file.
    /// Throws Error.
    FilterProgram(const std::string& expression, LinkType type, std::uint32_t snapshot_length,
                  const std::string& interface_name);

    /// The program for the kernel, see PacketSocket::attach_filter(). With LinkType::linux_sll2, a
    /// header that packets do not have there, it is one for a socket that is PacketMode::cooked;
    /// empty if the expression is about a part of the header that the kernel does not know, or too
    /// long for it. Empty, too, if it was compiled as for a file, and may be about VLAN tags.
    ///
    /// @param prefix instructions that run first, and reject the packet or continue with the
    ///               instruction behind them, such as those of direction_prefix()
    std::optional<std::vector<sock_filter>> instructions(std::span<const sock_filter> prefix) const;

    /// Runs a program for packets as they are in a file on @p frame. Returns the number of bytes to
    /// keep, 0 if the packet is rejected.
    ///
    /// @param original_length in bytes, before the frame was cut
    std::uint32_t evaluate(std::span<const std::byte> frame, std::uint32_t original_length) const;

private:
    struct Deleter {
        void operator()(bpf_program* program) const;
    };
    using Program = std::unique_ptr<bpf_program, Deleter>;

    LinkType type_;
    bool has_tags_in_frames_ = false; ///< it was compiled for a file, and is to run in the kernel
    Program program_;
};

/// Instructions that reject packets of the other direction, and one of the two copies of a loopback
/// packet: the outgoing one, unless @p wanted is out.
///
/// @param loopback_index the index of the loopback interface, or 0 if the socket does not receive
///                       from it
std::vector<sock_filter> direction_prefix(Direction wanted, unsigned loopback_index);

/// A program that accepts every packet and cuts it to @p length bytes.
std::vector<sock_filter> accept_all(std::uint32_t length);

} // namespace xinet
#pragma GCC visibility pop
