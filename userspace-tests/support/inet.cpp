// SPDX-License-Identifier: GPL-2.0-or-later
#include "inet.h"

#include <sys/socket.h>

#include <fstream>

#include "link.h"
#include "sys.h"
#include "wire.h"

namespace xt {

std::string to_string(Transport transport) {
    switch (transport) {
    case Transport::stream:
        return "stream";
    case Transport::datagram:
        return "datagram";
    case Transport::ping:
        return "ping";
    }
    return "unknown";
}

int family_of(Side side) {
    return side == Side::sibling || self_check() ? PF_INET : xinet_family();
}

int try_socket(Side side, Transport transport, int flags) {
    const int type = transport == Transport::stream ? SOCK_STREAM : SOCK_DGRAM;
    return ::socket(family_of(side), type | flags,
                    transport == Transport::ping ? int(IPPROTO_ICMP) : 0);
}

Fd open_socket(Side side, Transport transport, int flags) {
    return Fd(checked(try_socket(side, transport, flags), "socket"));
}

sockaddr_in name_of(const Fd& socket) {
    sockaddr_in name{};
    socklen_t length = sizeof(name);
    checked(sys::getsockname(socket.get(), &name, &length), "getsockname");
    return name;
}

void connect_to(const Fd& socket, const sockaddr_in& address) {
    checked(sys::connect(socket.get(), &address, sizeof(address)), "connect");
}

Fd open_listener(Side side, uint16_t port, int flags) {
    Fd socket = open_socket(side, Transport::stream, flags);
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    bind_to(socket, ipv4_address(loopback_address, port));
    checked(::listen(socket.get(), 16), "listen");
    return socket;
}

Fd accept_from(const Fd& listener) {
    return Fd(checked(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
}

Connection connect_streams(Side client, Side server) {
    const Fd listener = open_listener(server);
    Connection connection;
    connection.client = open_socket(client, Transport::stream);
    connect_to(connection.client, name_of(listener));
    connection.server = accept_from(listener);
    return connection;
}

void allow_ping() {
    set_sysctl("ping_group_range", "0 2147483647");
}

PingAllowed::PingAllowed() {
    std::ifstream file("/proc/sys/net/ipv4/ping_group_range");
    std::getline(file, before_);
    allow_ping();
}

PingAllowed::~PingAllowed() {
    set_sysctl("ping_group_range", before_);
}

NetNs create_loopback_namespace() {
    NetNs ns = NetNs::create();
    ns.run([] {
        link::set_up(link::index("lo"), true);
        allow_ping();
    });
    return ns;
}

Fd udp_at(const char* address, uint16_t port) {
    Fd socket(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    bind_to(socket, ipv4_address(address, port));
    return socket;
}

uint64_t netns_cookie_of(const Fd& socket) {
    uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    checked(::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length),
            "SO_NETNS_COOKIE");
    return cookie;
}

} // namespace xt
