// SPDX-License-Identifier: GPL-2.0-or-later
// The two sides of every comparison: PF_XINET and the family it stands beside.
#pragma once

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cpus.h"
#include "fd.h"

namespace xt {

enum class Side { sibling, xinet };
// raw: PF_INET SOCK_RAW; packet: PF_PACKET SOCK_RAW; cooked: PF_PACKET SOCK_DGRAM
enum class Kind { raw, packet, cooked };

inline constexpr Side both_sides[] = {Side::sibling, Side::xinet};
inline constexpr Kind packet_kinds[] = {Kind::packet, Kind::cooked};
inline constexpr Kind all_kinds[] = {Kind::raw, Kind::packet, Kind::cooked};

// "Local experimental ethertype 1": no stack on the wire answers to it.
inline constexpr uint16_t experimental_ethertype = 0x88b5;
// RFC 3692: no stack on the wire answers to it except with "protocol unreachable".
inline constexpr int experimental_protocol = 253;

std::string to_string(Side side);
std::string to_string(Kind kind);

// With XINET_TESTS_SELF=1 the sibling plays both parts. No comparison may fail then: a run in this
// mode shows that the tests themselves hang on no timing, and needs no module.
bool self_check();

// The live number of the family: /sys/module/xinet/parameters/family.
int xinet_family();

// socket() with no opinion on the result.
int try_socket(Side side, Kind kind, int protocol, int flags = 0);

// A socket of one kind. `protocol` is an IP protocol or an ethertype, both in host byte order.
// Throws std::system_error.
Fd open_socket(Side side, Kind kind, int protocol, int flags = 0);
inline Fd open_raw(Side side, int protocol, int flags = 0) {
    return open_socket(side, Kind::raw, protocol, flags);
}

sockaddr_in ipv4_address(const char* address, uint16_t port = 0);
sockaddr_ll link_address(uint16_t ethertype, int ifindex);
void bind_to(const Fd& socket, const sockaddr_in& address);
void bind_to(const Fd& socket, const sockaddr_ll& address);
void set_option(const Fd& socket, int level, int name, int value);
int get_option(const Fd& socket, int level, int name);

// Tests that make a promise of each side on its own: INSTANTIATE_TEST_SUITE_P(, X, each_side(), ..)
class OnEachSide : public testing::TestWithParam<Side> {
protected:
    OnEachSide() { await_deliveries(); }
    [[nodiscard]] Side side() const { return GetParam(); }
    [[nodiscard]] Fd raw(int protocol) const { return open_raw(side(), protocol); }
    [[nodiscard]] Fd packet(int ethertype) const {
        return open_socket(side(), Kind::packet, ethertype);
    }
    [[nodiscard]] Fd cooked(int ethertype) const {
        return open_socket(side(), Kind::cooked, ethertype);
    }
};

// Tests that compare the two sides, once for each kind of socket.
class OfEachKind : public testing::TestWithParam<Kind> {
protected:
    [[nodiscard]] Kind kind() const { return GetParam(); }
    [[nodiscard]] bool is_raw() const { return kind() == Kind::raw; }
};

template<typename T>
std::string parameter_name(const testing::TestParamInfo<T>& info) {
    return to_string(info.param);
}

} // namespace xt
