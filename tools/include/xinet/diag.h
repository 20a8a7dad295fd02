// SPDX-License-Identifier: GPL-2.0-or-later
// The sockets of the family as sock_diag tells of them: <linux/xinet_diag.h>.
#pragma once

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <linux/xinet_diag.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

struct mnl_socket;

namespace xinet {

/// One socket. What is optional is there when it was asked for, the kind of
/// socket has it, and the kernel lets us see it.
struct SocketRecord {
    xinet_diag_msg base{};
    std::uint64_t drops = 0;
    std::uint8_t shutdown = 0; ///< RCV_SHUTDOWN 1, SEND_SHUTDOWN 2
    std::optional<std::uint32_t> mark;
    std::optional<std::array<std::uint32_t, SK_MEMINFO_VARS>> memory;
    std::vector<sock_filter> filter; ///< instructions of a classic program
    std::optional<std::uint32_t> filter_program_id;
    std::optional<std::uint32_t> icmp_filter;
    std::optional<xinet_diag_packet> packet;
    std::optional<xinet_diag_ring> receive_ring;
    std::optional<xinet_diag_ring> send_ring;
    std::optional<xinet_diag_lanes> receive_lanes;
    std::optional<std::uint32_t> fanout; ///< as PACKET_FANOUT answers
    std::uint32_t membership_count = 0;
    std::vector<xinet_diag_membership> memberships; ///< the first of them

    std::uint64_t cookie() const { return std::uint64_t{base.cookie[1]} << 32 | base.cookie[0]; }
};

/// Which sockets, and what of them.
struct SocketQuery {
    std::uint16_t kinds = 0;  ///< 1 << enum xinet_diag_kind; 0: all
    std::uint32_t states = 0; ///< 1 << TCP_*; 0: all
    std::uint32_t show = 0;   ///< XINET_DIAG_SHOW_*
};

/// Asks the kernel for the sockets of the current network namespace.
class SocketLister {
public:
    SocketLister();

    /// Calls @p receiver for each; throws Error.
    void list(const SocketQuery& query,
              const std::function<void(const SocketRecord&)>& receiver) const;

private:
    struct Closer {
        void operator()(mnl_socket* socket) const;
    };
    std::unique_ptr<mnl_socket, Closer> socket_;
};

} // namespace xinet
