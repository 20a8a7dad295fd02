// SPDX-License-Identifier: GPL-2.0-or-later
// What numbers are called.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace xinet {

/// Looks each name up once.
class SocketNames {
public:
    /// @param numeric ports and protocols stay numbers
    explicit SocketNames(bool numeric) : numeric_(numeric) {}

    /// @param transport "tcp" or "udp"
    std::string port(std::uint16_t port, const char* transport);
    std::string protocol(std::uint32_t number);
    std::string ethertype(std::uint32_t number) const;
    /// "*" for 0, "gone" for -1.
    std::string interface(std::int32_t index);

private:
    bool numeric_;
    std::unordered_map<std::string, std::string> known_;
};

/// "tcp", "raw", ...: the column Netid.
std::string_view kind_name(unsigned kind);
/// "ESTAB", "UNCONN", ...: as ss(8) writes them.
std::string_view state_name(unsigned state);

} // namespace xinet
