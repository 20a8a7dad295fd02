// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets of libmnl that close themselves.
#pragma once

#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include <memory>

namespace xinet {

struct CloseNetlinkSocket {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using NetlinkSocket = std::unique_ptr<mnl_socket, CloseNetlinkSocket>;

/// A bound socket of @p bus (NETLINK_*); none, with errno, if there is no such.
inline NetlinkSocket open_netlink_socket(int bus) {
    NetlinkSocket socket(mnl_socket_open2(bus, SOCK_CLOEXEC));
    if (socket && mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        socket.reset();
    }
    return socket;
}

} // namespace xinet
