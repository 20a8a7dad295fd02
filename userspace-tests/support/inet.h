// SPDX-License-Identifier: GPL-2.0-or-later
// Streams, datagrams and pings: the sockets over the kernel's own engines, of both families.
#pragma once

#include <netinet/in.h>

#include <string>

#include "family.h"
#include "fd.h"
#include "netns.h"

namespace xt {

enum class Transport { stream, datagram, ping };

inline constexpr Transport all_transports[] = {Transport::stream, Transport::datagram,
                                               Transport::ping};
inline constexpr const char* loopback_address = "127.0.0.1";

std::string to_string(Transport transport);

// The family number that socket() takes for a side.
int family_of(Side side);

int try_socket(Side side, Transport transport, int flags = 0);
// Throws std::system_error.
Fd open_socket(Side side, Transport transport, int flags = 0);

sockaddr_in name_of(const Fd& socket);
void connect_to(const Fd& socket, const sockaddr_in& address);
// A listening stream socket bound to a loopback port of the kernel's choice, or to `port`.
Fd open_listener(Side side, uint16_t port = 0, int flags = 0);
Fd accept_from(const Fd& listener);

// Two ends of one connection.
struct Connection {
    Fd client;
    Fd server;
};
Connection connect_streams(Side client, Side server);

// A namespace of its own with a loopback device that is up, in which everybody may ping.
NetNs create_loopback_namespace();

// Lets every group of the calling thread's namespace open ping sockets.
void allow_ping();
// The same for as long as it exists: without the right to a ping socket ping(8) takes a raw one.
class PingAllowed {
public:
    PingAllowed();
    ~PingAllowed();
    PingAllowed(const PingAllowed&) = delete;
    PingAllowed& operator=(const PingAllowed&) = delete;

private:
    std::string before_;
};

// A datagram socket of PF_INET.
Fd udp_at(const char* address, uint16_t port);
uint64_t netns_cookie_of(const Fd& socket); // SO_NETNS_COOKIE

} // namespace xt
