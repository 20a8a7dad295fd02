// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/raw_socket.h"

#include "libxinet/socket_io.h"
#include "xinet/interface.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/xinet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace xinet {

namespace {

/// SOL_RAW of <linux/socket.h>, which libc does not export.
constexpr int sol_raw = 255;

sockaddr_in address_of(in_addr host) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr = host;
    return address;
}

std::string text_of(in_addr host) {
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &host, text.data(), text.size());
    return text.data();
}

} // namespace

RawSocket::RawSocket(Engine engine, int protocol)
    : socket_(open_socket(engine == Engine::xinet ? family_number() : AF_INET,
                          SOCK_RAW | SOCK_NONBLOCK, protocol, engine,
                          engine == Engine::xinet ? "PF_XINET raw socket" : "PF_INET raw socket")) {
    set_option(socket_, SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
}

void RawSocket::set_icmp_filter(std::uint32_t blocked) {
    const icmp_filter filter{.data = blocked};
    set_option(socket_, sol_raw, ICMP_FILTER, filter, "ICMP_FILTER");
}

void RawSocket::set_ttl(int ttl) {
    set_option(socket_, IPPROTO_IP, IP_TTL, ttl, "IP_TTL");
    set_option(socket_, IPPROTO_IP, IP_MULTICAST_TTL, ttl, "IP_MULTICAST_TTL");
}

void RawSocket::set_point(RawPoint point) {
    const int value = point == RawPoint::host ? XINET_RAW_POINT_HOST : XINET_RAW_POINT_WIRE;
    set_option(socket_, SOL_XINET, XINET_RAW_POINT, value, "XINET_RAW_POINT");
}

void RawSocket::bind_address(in_addr source) {
    const sockaddr_in address = address_of(source);
    if (::bind(socket_.get(), as_sockaddr(address), sizeof(address)) != 0) {
        const int code = errno;
        throw Error("bind to", text_of(source), code,
                    code == EADDRNOTAVAIL ? "it is not an address of this host: see 'ip address'"
                                          : "");
    }
}

void RawSocket::bind_device(const std::string& name) {
    const std::string device = find_interface(name).name;
    if (::setsockopt(socket_.get(), SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                     static_cast<socklen_t>(device.size())) != 0) {
        throw Error("bind to interface", name, errno);
    }
}

void RawSocket::connect(in_addr destination) {
    const sockaddr_in address = address_of(destination);
    if (::connect(socket_.get(), as_sockaddr(address), sizeof(address)) != 0) {
        const int code = errno;
        std::string hint;
        if (code == ENETUNREACH) {
            hint = "no route leads there: see 'ip route'";
        } else if (code == EACCES) {
            hint = "it is a broadcast address";
        }
        throw Error("reach", text_of(destination), code, hint);
    }
}

in_addr RawSocket::local_address() const {
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    if (::getsockname(socket_.get(), as_sockaddr(address), &length) != 0) {
        throw Error("read the local address of", "a raw socket", errno);
    }
    return address.sin_addr;
}

int RawSocket::send(std::span<const std::byte> payload, in_addr destination) {
    const sockaddr_in address = address_of(destination);
    const ssize_t sent = ::sendto(socket_.get(), payload.data(), payload.size(), 0,
                                  as_sockaddr(address), sizeof(address));
    return sent < 0 ? errno : 0;
}

std::optional<RawDatagram> RawSocket::receive(std::span<std::byte> buffer) {
    IncomingMessage<sockaddr_in> message(buffer);
    const ssize_t length = message.receive(socket_, MSG_DONTWAIT);
    if (length < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return std::nullopt;
        }
        throw Error("receive on", "a raw socket", errno);
    }
    const auto size = std::min(static_cast<std::size_t>(length), buffer.size());
    return RawDatagram{.data = buffer.first(size),
                       .source = message.sender.sin_addr,
                       .timestamp = receive_time(message.header)};
}

} // namespace xinet
