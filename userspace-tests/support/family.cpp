// SPDX-License-Identifier: GPL-2.0-or-later
#include "family.h"

#include <arpa/inet.h>
#include <linux/xinet.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace xt {

std::string to_string(Side side) {
    return side == Side::sibling ? "sibling" : "xinet";
}

std::string to_string(Kind kind) {
    switch (kind) {
    case Kind::raw:
        return "raw";
    case Kind::packet:
        return "packet";
    case Kind::cooked:
        return "cooked";
    }
    return "unknown";
}

bool self_check() {
    const char* value = std::getenv("XINET_TESTS_SELF");
    return value && std::strcmp(value, "1") == 0;
}

int xinet_family() {
    std::ifstream file("/sys/module/xinet/parameters/family");
    int number = 0;
    return file >> number ? number : PF_XINET;
}

int try_socket(Side side, Kind kind, int protocol, int flags) {
    const bool ours = side == Side::xinet && !self_check();

    if (kind == Kind::raw)
        return ::socket(ours ? xinet_family() : PF_INET, SOCK_RAW | flags, protocol);
    if (ours)
        return ::socket(xinet_family(), SOCK_PACKET | flags, htons(uint16_t(protocol)));
    return ::socket(PF_PACKET, (kind == Kind::cooked ? SOCK_DGRAM : SOCK_RAW) | flags,
                    htons(uint16_t(protocol)));
}

Fd open_socket(Side side, Kind kind, int protocol, int flags) {
    const bool to_cook = kind == Kind::cooked && side == Side::xinet && !self_check();

    if (!to_cook)
        return Fd(checked(try_socket(side, kind, protocol, flags), "socket"));
    // Cooking comes before the first packet is asked for, so the ethertype comes with bind().
    Fd socket(checked(try_socket(side, kind, 0, flags), "socket"));
    set_option(socket, SOL_XINET, XINET_PACKET_COOKED, 1);
    if (protocol)
        bind_to(socket, link_address(uint16_t(protocol), 0));
    return socket;
}

sockaddr_in ipv4_address(const char* address, uint16_t port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    if (inet_pton(AF_INET, address, &result.sin_addr) != 1)
        throw std::invalid_argument(address);
    return result;
}

sockaddr_ll link_address(uint16_t ethertype, int ifindex) {
    sockaddr_ll result{};
    result.sll_family = AF_PACKET;
    result.sll_protocol = htons(ethertype);
    result.sll_ifindex = ifindex;
    return result;
}

void bind_to(const Fd& socket, const sockaddr_in& address) {
    checked(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            "bind");
}

void bind_to(const Fd& socket, const sockaddr_ll& address) {
    checked(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            "bind");
}

void set_option(const Fd& socket, int level, int name, int value) {
    checked(::setsockopt(socket.get(), level, name, &value, sizeof(value)), "setsockopt");
}

int get_option(const Fd& socket, int level, int name) {
    int value = 0;
    socklen_t length = sizeof(value);
    checked(::getsockopt(socket.get(), level, name, &value, &length), "getsockopt");
    return value;
}

} // namespace xt
