// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the sockets of the family, by sock_diag.
#pragma once

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <linux/xinet.h>
#include <linux/xinet_diag.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

struct mnl_socket;

#pragma GCC visibility push(default)
namespace xinet {

/// One socket, see <linux/xinet_diag.h>. An optional value is set if the query asked for it, this
/// kind of socket has it, and the caller may see it.
struct SocketRecord {
    xinet_diag_msg base{};
    std::uint64_t drops = 0;   ///< packets
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
    std::vector<std::uint64_t> drop_reasons; ///< lost packets by xinet_drop_reason; or empty
    std::optional<std::uint32_t> fanout;     ///< as getsockopt() of PACKET_FANOUT returns it
    std::uint32_t membership_count = 0;
    std::vector<xinet_diag_membership> memberships; ///< at most the first 1024

    /// The value of SO_COOKIE.
    std::uint64_t cookie() const { return std::uint64_t{base.cookie[1]} << 32 | base.cookie[0]; }
};

/// What /proc/net/xinet/snmp calls a reason; "?" for one of a newer kernel.
std::string_view drop_reason_name(std::size_t reason);

/// Which sockets to list, and with which of the optional values.
struct SocketQuery {
    std::uint16_t kinds = 0;  ///< 1 << enum xinet_diag_kind; 0: all
    std::uint32_t states = 0; ///< 1 << TCP_*; 0: all
    std::uint32_t show = 0;   ///< XINET_DIAG_SHOW_*
};

/// Lists the sockets of the network namespace that it was created in.
class SocketLister {
public:
    /// Throws Error.
    SocketLister();

    /// Calls @p receiver for each socket. Throws Error, with ENOENT if the module is not loaded,
    /// and what @p receiver throws.
    void list(const SocketQuery& query,
              const std::function<void(const SocketRecord&)>& receiver) const;

private:
    struct Closer {
        void operator()(mnl_socket* socket) const;
    };
    std::unique_ptr<mnl_socket, Closer> socket_;
};

} // namespace xinet
#pragma GCC visibility pop
