// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ss_names.h"

#include "xinet/interface.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/xinet_diag.h>
#include <netdb.h>

#include <array>
#include <utility>

namespace xinet {

namespace {

constexpr std::array<std::pair<std::uint32_t, std::string_view>, 12> ethertypes{{
    {0, "none"},
    {ETH_P_ALL, "*"},
    {ETH_P_IP, "ip"},
    {ETH_P_ARP, "arp"},
    {ETH_P_RARP, "rarp"},
    {ETH_P_8021Q, "802.1Q"},
    {ETH_P_8021AD, "802.1ad"},
    {ETH_P_IPV6, "ipv6"},
    {ETH_P_PAE, "eapol"},
    {ETH_P_LLDP, "lldp"},
    {ETH_P_1588, "ptp"},
    {ETH_P_802_2, "802.2"},
}};

constexpr std::array<std::string_view, __XINET_DIAG_KINDS> kinds{"raw", "pkt",  "tcp",
                                                                 "udp", "ping", "other"};

/// By TCP_*.
constexpr std::array<std::string_view, 13> states{
    "UNKNOWN", "ESTAB",      "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
    "UNCONN",  "CLOSE-WAIT", "LAST-ACK", "LISTEN",   "CLOSING",    "SYN-RECV"};

} // namespace

std::string SocketNames::port(std::uint16_t port, const char* transport) {
    if (port == 0) {
        return "*";
    }
    if (numeric_) {
        return std::to_string(port);
    }
    std::string& name = known_[fmt::format("port {} {}", port, transport)];
    if (name.empty()) {
        const servent* service = ::getservbyport(htons(port), transport);
        name = service != nullptr ? service->s_name : std::to_string(port);
    }
    return name;
}

std::string SocketNames::protocol(std::uint32_t number) {
    if (numeric_) {
        return std::to_string(number);
    }
    std::string& name = known_[fmt::format("protocol {}", number)];
    if (name.empty()) {
        const protoent* entry = ::getprotobynumber(static_cast<int>(number));
        name = entry != nullptr ? entry->p_name : std::to_string(number);
    }
    return name;
}

std::string SocketNames::ethertype(std::uint32_t number) const {
    for (const auto& [known, name] : ethertypes) {
        if (known == number && (!numeric_ || number == 0 || number == ETH_P_ALL)) {
            return std::string(name);
        }
    }
    return fmt::format("0x{:04x}", number);
}

std::string SocketNames::interface(std::int32_t index) {
    if (index == 0) {
        return "*";
    }
    if (index < 0) {
        return "gone";
    }
    std::string& name = known_[fmt::format("interface {}", index)];
    if (name.empty()) {
        name = interface_name(static_cast<unsigned>(index));
    }
    return name;
}

std::string_view kind_name(unsigned kind) {
    return kind < kinds.size() ? kinds.at(kind) : "other";
}

std::string_view state_name(unsigned state) {
    return state < states.size() ? states.at(state) : states.front();
}

} // namespace xinet
