// SPDX-License-Identifier: GPL-2.0-or-later
// The differential table of raw sockets: one test case for each call, made on a fresh socket of
// either family. What it returns, its errno and everything that can be asked of the socket
// afterwards must be equal. Rows that start with what a program may get wrong (size, value,
// privilege, address) are made by the generators below from one list of options and of addresses.
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <linux/xinet.h>
#include <sys/ioctl.h>

#include <cstring>
#include <sstream>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

template<typename T>
Bytes bytes_of(const T& value) {
    const auto* begin = reinterpret_cast<const uint8_t*>(&value);
    return {begin, begin + sizeof(value)};
}

Bytes operator""_i(unsigned long long value) {
    return bytes_of(int(value));
}

Bytes minus(int value) {
    return bytes_of(-value);
}

// What an option is for decides which socket it is tried on.
enum class Of { any, icmp, igmp };

struct Option {
    const char* name;
    int level;
    int number;
    std::vector<Bytes> values; // set one by one; the first is a right one
    Of of = Of::any;
    bool shown = true; // whether its value belongs to what the two sockets must agree in
};

in_addr address(const char* text) {
    return ipv4_address(text).sin_addr;
}

Bytes name_of_device(const char* name) {
    return {name, name + std::strlen(name)};
}

ip_mreq membership(const char* group, const char* interface) {
    return {address(group), address(interface)};
}

ip_mreq_source source_membership(const char* group, const char* interface, const char* source) {
    return {address(group), address(interface), address(source)};
}

ip_mreqn membership_by_index(const char* group, int index) {
    return {address(group), address("0.0.0.0"), index};
}

sockaddr_storage storage(const char* text) {
    sockaddr_storage result{};
    const auto in = ipv4_address(text);
    std::memcpy(&result, &in, sizeof(in));
    return result;
}

group_req protocol_independent(const char* group, uint32_t index) {
    return {.gr_interface = index, .gr_group = storage(group)};
}

group_source_req with_source(const char* group, uint32_t index, const char* source) {
    return {.gsr_interface = index, .gsr_group = storage(group), .gsr_source = storage(source)};
}

// struct ip_msfilter and what follows it.
Bytes source_filter(const char* group, uint32_t mode, const std::vector<const char*>& sources,
                    uint32_t count) {
    Bytes result = bytes_of(address(group)) + bytes_of(address(here_address)) + bytes_of(mode) +
                   bytes_of(count);
    for (const char* source : sources)
        result = result + bytes_of(address(source));
    return result;
}

// Options that <netinet/in.h> of the oldest supported system may not name.
constexpr int ip_recverr_rfc4884 = 26, ip_local_port_range = 51, ip_protocol = 52;
// <linux/mroute.h> and <netinet/in.h> cannot be included together.
constexpr int mrt_init = 200, mrt_version = 206, mrt_table = 209;
constexpr unsigned long get_vif_count = SIOCPROTOPRIVATE, get_group_count = SIOCPROTOPRIVATE + 1;
constexpr int msg_probe = 0x10;
constexpr int so_buf_lock = 72, so_reserve_mem = 73, so_txrehash = 74, so_rcvmark = 75,
              so_passpidfd = 76, so_rcvpriority = 82;

const std::vector<Option>& options() {
    static sock_filter reject[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    static sock_filter loop[] = {BPF_JUMP(BPF_JMP | BPF_JA, 7, 0, 0)};
    static const std::vector<Option> list{
        {"IP_HDRINCL", SOL_IP, IP_HDRINCL, {1_i, 0_i, 2_i, minus(1)}},
        {"IP_OPTIONS",
         SOL_IP,
         IP_OPTIONS,
         {{7, 7, 4, 0, 0, 0, 0, 0},
          {1},
          {0x83, 7, 4, 10, 77, 0, 2, 0},
          {7, 3, 4},
          {7, 7, 3, 0, 0, 0, 0, 0},
          {0x44, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0},
          Bytes(40, 1),
          Bytes(41, 1)}},
        {"IP_TOS", SOL_IP, IP_TOS, {0x10_i, 0_i, 0xff_i, 0x100_i, minus(1), {0x28}}},
        {"IP_TTL", SOL_IP, IP_TTL, {7_i, 0_i, 1_i, 255_i, 256_i, minus(1), minus(2), {9}}},
        {"IP_ROUTER_ALERT", SOL_IP, IP_ROUTER_ALERT, {1_i, 0_i}},
        {"IP_RECVOPTS", SOL_IP, IP_RECVOPTS, {1_i, 0_i}},
        {"IP_RETOPTS", SOL_IP, IP_RETOPTS, {1_i, 0_i}},
        {"IP_PKTINFO", SOL_IP, IP_PKTINFO, {1_i, 0_i, 2_i}},
        {"IP_PKTOPTIONS", SOL_IP, IP_PKTOPTIONS, {1_i}},
        {"IP_MTU_DISCOVER", SOL_IP, IP_MTU_DISCOVER, {2_i, 0_i, 1_i, 3_i, 4_i, 5_i, 6_i, minus(1)}},
        {"IP_RECVERR", SOL_IP, IP_RECVERR, {1_i, 0_i, 2_i}},
        {"IP_RECVERR_RFC4884", SOL_IP, ip_recverr_rfc4884, {1_i, 0_i, 2_i}},
        {"IP_RECVTTL", SOL_IP, IP_RECVTTL, {1_i, 0_i}},
        {"IP_RECVTOS", SOL_IP, IP_RECVTOS, {1_i, 0_i}},
        {"IP_RECVORIGDSTADDR", SOL_IP, IP_RECVORIGDSTADDR, {1_i, 0_i}},
        {"IP_RECVFRAGSIZE", SOL_IP, IP_RECVFRAGSIZE, {1_i, 0_i}},
        {"IP_CHECKSUM", SOL_IP, IP_CHECKSUM, {1_i, 0_i}},
        {"IP_PASSSEC", SOL_IP, IP_PASSSEC, {1_i, 0_i}},
        {"IP_MTU", SOL_IP, IP_MTU, {1500_i}},
        {"IP_FREEBIND", SOL_IP, IP_FREEBIND, {1_i, 0_i}},
        {"IP_TRANSPARENT", SOL_IP, IP_TRANSPARENT, {1_i, 0_i}},
        {"IP_MINTTL", SOL_IP, IP_MINTTL, {5_i, 0_i, 255_i, 256_i, minus(1)}},
        {"IP_NODEFRAG", SOL_IP, IP_NODEFRAG, {1_i, 0_i}},
        {"IP_BIND_ADDRESS_NO_PORT", SOL_IP, IP_BIND_ADDRESS_NO_PORT, {1_i, 0_i}},
        {"IP_UNICAST_IF",
         SOL_IP,
         IP_UNICAST_IF,
         {bytes_of(htonl(1)), 0_i, bytes_of(htonl(9999)), 1_i}},
        {"IP_LOCAL_PORT_RANGE", SOL_IP, ip_local_port_range, {0_i, bytes_of(60000 << 16 | 40000)}},
        {"IP_PROTOCOL", SOL_IP, ip_protocol, {7_i}},
        {"IP_IPSEC_POLICY", SOL_IP, IP_IPSEC_POLICY, {Bytes(16)}, Of::any, false},
        {"IP_XFRM_POLICY", SOL_IP, IP_XFRM_POLICY, {Bytes(16)}, Of::any, false},
        {"IP_MULTICAST_TTL", SOL_IP, IP_MULTICAST_TTL, {5_i, minus(1), 256_i, minus(2), {3}}},
        {"IP_MULTICAST_LOOP", SOL_IP, IP_MULTICAST_LOOP, {0_i, 1_i, 2_i, {0}}},
        {"IP_MULTICAST_ALL", SOL_IP, IP_MULTICAST_ALL, {0_i, 1_i, 2_i}},
        {"IP_MULTICAST_IF",
         SOL_IP,
         IP_MULTICAST_IF,
         {bytes_of(address(here_address)), bytes_of(address("192.0.2.1")),
          bytes_of(membership("0.0.0.0", here_address)),
          bytes_of(membership_by_index("0.0.0.0", 1)),
          bytes_of(membership_by_index("0.0.0.0", 9999))}},
        {"IP_ADD_MEMBERSHIP",
         SOL_IP,
         IP_ADD_MEMBERSHIP,
         {bytes_of(membership(group_address, here_address)),
          bytes_of(membership(here_address, here_address)),
          bytes_of(membership(group_address, "192.0.2.1")),
          bytes_of(membership_by_index(group_address, 1)),
          bytes_of(membership_by_index(group_address, 9999))},
         Of::any,
         false},
        {"IP_DROP_MEMBERSHIP",
         SOL_IP,
         IP_DROP_MEMBERSHIP,
         {bytes_of(membership(group_address, here_address)),
          bytes_of(membership_by_index(group_address, 9999))},
         Of::any,
         false},
        {"IP_ADD_SOURCE_MEMBERSHIP",
         SOL_IP,
         IP_ADD_SOURCE_MEMBERSHIP,
         {bytes_of(source_membership(group_address, here_address, peer_address)),
          bytes_of(source_membership(here_address, here_address, peer_address))},
         Of::any,
         false},
        {"IP_DROP_SOURCE_MEMBERSHIP",
         SOL_IP,
         IP_DROP_SOURCE_MEMBERSHIP,
         {bytes_of(source_membership(group_address, here_address, peer_address))},
         Of::any,
         false},
        {"IP_BLOCK_SOURCE",
         SOL_IP,
         IP_BLOCK_SOURCE,
         {bytes_of(source_membership(group_address, here_address, peer_address))},
         Of::any,
         false},
        {"IP_UNBLOCK_SOURCE",
         SOL_IP,
         IP_UNBLOCK_SOURCE,
         {bytes_of(source_membership(group_address, here_address, peer_address))},
         Of::any,
         false},
        {"IP_MSFILTER",
         SOL_IP,
         IP_MSFILTER,
         {source_filter(group_address, MCAST_INCLUDE, {peer_address}, 1),
          source_filter(group_address, MCAST_EXCLUDE, {}, 0),
          source_filter(group_address, 7, {peer_address}, 1),
          source_filter(group_address, MCAST_INCLUDE, {peer_address}, 2),
          source_filter(here_address, MCAST_INCLUDE, {peer_address}, 1)},
         Of::any,
         false},
        {"MCAST_JOIN_GROUP",
         SOL_IP,
         MCAST_JOIN_GROUP,
         {bytes_of(protocol_independent(group_address, 1)),
          bytes_of(protocol_independent(here_address, 1)),
          bytes_of(protocol_independent(group_address, 9999))},
         Of::any,
         false},
        {"MCAST_LEAVE_GROUP",
         SOL_IP,
         MCAST_LEAVE_GROUP,
         {bytes_of(protocol_independent(group_address, 1))},
         Of::any,
         false},
        {"MCAST_JOIN_SOURCE_GROUP",
         SOL_IP,
         MCAST_JOIN_SOURCE_GROUP,
         {bytes_of(with_source(group_address, 1, peer_address))},
         Of::any,
         false},
        {"MCAST_BLOCK_SOURCE",
         SOL_IP,
         MCAST_BLOCK_SOURCE,
         {bytes_of(with_source(group_address, 1, peer_address))},
         Of::any,
         false},
        {"MRT_INIT", SOL_IP, mrt_init, {2_i}, Of::any, false},
        {"MRT_TABLE", SOL_IP, mrt_table, {7_i}, Of::any, false},
        {"MRT_VERSION", SOL_IP, mrt_version, {7_i}, Of::any, false},
        {"unknown_of_SOL_IP", SOL_IP, 222, {1_i}},
        {"ICMP_FILTER", SOL_RAW, ICMP_FILTER, {bytes_of(~1U), 0_i, {1, 2}, {}}, Of::icmp},
        {"unknown_of_SOL_RAW", SOL_RAW, 99, {1_i}},
        {"unknown_level", 4321, 1, {1_i}},
        {"SOL_UDP", IPPROTO_UDP, 1, {1_i}},
        {"SO_DEBUG", SOL_SOCKET, SO_DEBUG, {1_i, 0_i}},
        {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, {0_i, 1_i}},
        {"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, {1_i, 0_i}},
        {"SO_TYPE", SOL_SOCKET, SO_TYPE, {1_i}},
        {"SO_ERROR", SOL_SOCKET, SO_ERROR, {1_i}},
        {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, {1_i, 0_i}},
        {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, {1_i, 0_i}},
        {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, {20000_i, 0_i, minus(1), bytes_of(1 << 30)}},
        {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, {20000_i, 0_i, minus(1), bytes_of(1 << 30)}},
        {"SO_SNDBUFFORCE", SOL_SOCKET, SO_SNDBUFFORCE, {bytes_of(1 << 24)}},
        {"SO_RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE, {bytes_of(1 << 24)}},
        {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, {1_i, 0_i}},
        {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, {1_i, 0_i}},
        {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, {6_i, 0_i, 7_i, minus(1)}},
        {"SO_LINGER", SOL_SOCKET, SO_LINGER, {bytes_of(linger{1, 5}), bytes_of(linger{0, 0})}},
        {"SO_PASSCRED", SOL_SOCKET, SO_PASSCRED, {1_i, 0_i}},
        {"SO_PASSSEC", SOL_SOCKET, SO_PASSSEC, {1_i, 0_i}},
        {"SO_PASSPIDFD", SOL_SOCKET, so_passpidfd, {1_i}},
        {"SO_PEERCRED", SOL_SOCKET, SO_PEERCRED, {1_i}},
        {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, {100_i, 0_i, minus(1)}},
        {"SO_SNDLOWAT", SOL_SOCKET, SO_SNDLOWAT, {100_i}},
        {"SO_RCVTIMEO",
         SOL_SOCKET,
         SO_RCVTIMEO,
         {bytes_of(timeval{1, 500000}), bytes_of(timeval{0, 0}), bytes_of(timeval{0, 1000000}),
          bytes_of(timeval{-1, 0})}},
        {"SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, {bytes_of(timeval{1, 500000})}},
        {"SO_BINDTODEVICE",
         SOL_SOCKET,
         SO_BINDTODEVICE,
         {name_of_device(here_device), {}, {0}, name_of_device("nosuchdev")}},
        {"SO_BINDTOIFINDEX", SOL_SOCKET, SO_BINDTOIFINDEX, {1_i, 0_i, minus(1), 9999_i}},
        {"SO_ATTACH_FILTER",
         SOL_SOCKET,
         SO_ATTACH_FILTER,
         {bytes_of(sock_fprog{1, reject}), bytes_of(sock_fprog{1, loop}),
          bytes_of(sock_fprog{0, reject}), bytes_of(sock_fprog{1, nullptr})}},
        {"SO_ATTACH_BPF", SOL_SOCKET, SO_ATTACH_BPF, {minus(1), 0_i}, Of::any, false},
        {"SO_ATTACH_REUSEPORT_CBPF",
         SOL_SOCKET,
         SO_ATTACH_REUSEPORT_CBPF,
         {bytes_of(sock_fprog{1, reject})},
         Of::any,
         false},
        {"SO_DETACH_FILTER", SOL_SOCKET, SO_DETACH_FILTER, {0_i}, Of::any, false},
        {"SO_LOCK_FILTER", SOL_SOCKET, SO_LOCK_FILTER, {1_i, 0_i}},
        {"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, {1_i, 0_i}},
        {"SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS, {1_i, 0_i}},
        {"SO_TIMESTAMPING",
         SOL_SOCKET,
         SO_TIMESTAMPING,
         {bytes_of(SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE),
          bytes_of(SOF_TIMESTAMPING_OPT_ID), bytes_of(1 << 30), 0_i}},
        {"SO_MARK", SOL_SOCKET, SO_MARK, {7_i, 0_i}},
        {"SO_RCVMARK", SOL_SOCKET, so_rcvmark, {1_i}},
        {"SO_RCVPRIORITY", SOL_SOCKET, so_rcvpriority, {1_i}},
        {"SO_RXQ_OVFL", SOL_SOCKET, SO_RXQ_OVFL, {1_i, 0_i}},
        {"SO_WIFI_STATUS", SOL_SOCKET, SO_WIFI_STATUS, {1_i}},
        {"SO_NOFCS", SOL_SOCKET, SO_NOFCS, {1_i}},
        {"SO_PEEK_OFF", SOL_SOCKET, SO_PEEK_OFF, {0_i, 5_i, minus(1)}},
        {"SO_SELECT_ERR_QUEUE", SOL_SOCKET, SO_SELECT_ERR_QUEUE, {1_i, 0_i}},
        {"SO_BUSY_POLL", SOL_SOCKET, SO_BUSY_POLL, {50_i, minus(1)}},
        {"SO_PREFER_BUSY_POLL", SOL_SOCKET, SO_PREFER_BUSY_POLL, {1_i}},
        {"SO_MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE, {100000_i, minus(1)}},
        {"SO_CNX_ADVICE", SOL_SOCKET, SO_CNX_ADVICE, {1_i}},
        {"SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY, {1_i, 0_i}},
        {"SO_TXTIME",
         SOL_SOCKET,
         SO_TXTIME,
         {bytes_of(sock_txtime{.clockid = CLOCK_MONOTONIC, .flags = 0}),
          bytes_of(sock_txtime{.clockid = CLOCK_TAI, .flags = SOF_TXTIME_REPORT_ERRORS}),
          bytes_of(sock_txtime{.clockid = 99, .flags = 0}),
          bytes_of(sock_txtime{.clockid = CLOCK_MONOTONIC, .flags = 0xf0})}},
        {"SO_BUF_LOCK", SOL_SOCKET, so_buf_lock, {3_i, 4_i}},
        {"SO_RESERVE_MEM", SOL_SOCKET, so_reserve_mem, {4096_i}},
        {"SO_TXREHASH", SOL_SOCKET, so_txrehash, {1_i, 0_i, 2_i}},
        {"SO_DOMAIN", SOL_SOCKET, SO_DOMAIN, {1_i}},
        {"SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL, {1_i}},
        {"SO_ACCEPTCONN", SOL_SOCKET, SO_ACCEPTCONN, {1_i}},
        {"SO_BPF_EXTENSIONS", SOL_SOCKET, SO_BPF_EXTENSIONS, {1_i}},
        {"unknown_of_SOL_SOCKET", SOL_SOCKET, 999, {1_i}},
    };
    return list;
}

int protocol_for(Of of) {
    return of == Of::icmp ? IPPROTO_ICMP : of == Of::igmp ? IPPROTO_IGMP : experimental_protocol;
}

// A result, its errno, and the bytes that came with it.
std::string told(long result, const void* data, socklen_t length, size_t room) {
    std::ostringstream out;
    if (result < 0)
        out << strerrorname_np(errno);
    else
        out << length << ":" << hex(data, std::min<size_t>(length, room));
    return out.str();
}

std::string value_of(int fd, const Option& option, socklen_t length) {
    uint8_t value[256] = {};
    const long result = sys::getsockopt(fd, option.level, option.number, value, &length);
    return told(result, value, length, sizeof(value));
}

// Everything that can be asked of a raw socket.
std::string all_of(int fd) {
    std::ostringstream out;
    const auto note_address = [&](const char* name, auto call) {
        sockaddr_storage where{};
        socklen_t length = sizeof(where);
        const long result = call(fd, &where, &length);
        out << name << "=" << told(result, &where, length, sizeof(where)) << " ";
    };
    note_address("name", sys::getsockname);
    note_address("peer", sys::getpeername);
    for (const auto& option : options())
        if (option.shown)
            out << option.name << "=" << value_of(fd, option, 256) << " ";
    return out.str();
}

struct Call {
    std::string name;
    int protocol = experimental_protocol;
    std::function<long(int fd)> call;
    Prepare prepare = {};
    bool privileged = true;
};

// Names of test cases are letters, digits and underscores.
std::string test_name(const testing::TestParamInfo<Call>& info) {
    std::string result;
    for (const char c : info.param.name)
        result += std::isalnum(uint8_t(c)) ? c : '_';
    return result;
}

// The peer answers what has been sent to it when it can, and as often as its rate limit allows:
// raw_error_test compares that.
void forget_the_answer(Outcome& outcome) {
    const size_t start = outcome.state.find("SO_ERROR=");
    if (outcome.result > 0 && start != std::string::npos)
        outcome.state.erase(start, outcome.state.find(' ', start) - start);
}

class RawTable : public testing::TestWithParam<Call> {};

TEST_P(RawTable, is_as_in_pf_inet) {
    const auto& row = GetParam();
    Outcome outcomes[2];
    for (const Side side : both_sides) {
        const Fd socket = open_raw(side, row.protocol);
        if (row.prepare)
            row.prepare(socket);
        const auto make = [&] { return outcome_of([&] { return row.call(socket.get()); }); };
        Outcome& outcome = outcomes[side == Side::xinet];
        outcome = row.privileged ? make() : without_capabilities(make);
        outcome.state = all_of(socket.get());
        forget_the_answer(outcome);
    }
    EXPECT_EQ(outcomes[0], outcomes[1]) << "above: the sibling, below: PF_XINET";
}

Call set(const std::string& name, const Option& option, const Bytes& value, size_t length,
         bool privileged = true) {
    return {name,
            protocol_for(option.of),
            [&option, value, length](int fd) {
                Bytes room(std::max<size_t>({value.size(), length, 1}));
                std::copy(value.begin(), value.end(), room.begin());
                return sys::setsockopt(fd, option.level, option.number, room.data(), long(length));
            },
            {},
            privileged};
}

// setsockopt(): each value, each wrong size, a bad pointer, without privilege.
std::vector<Call> setting() {
    std::vector<Call> calls;
    for (const auto& option : options()) {
        const std::string name = option.name;
        int number = 0;
        for (const auto& value : option.values)
            calls.push_back(
                set(name + "_value_" + std::to_string(number++), option, value, value.size()));
        const auto& right = option.values.front();
        for (const size_t length : {size_t(0), size_t(1), right.size() - 1, right.size() + 1})
            calls.push_back(set(name + "_of_" + std::to_string(length) + "_bytes_for_" +
                                    std::to_string(right.size()),
                                option, right, length));
        calls.push_back(set(name + "_unprivileged", option, right, right.size(), false));
        calls.push_back({name + "_bad_pointer", protocol_for(option.of), [&option](int fd) {
                             return sys::setsockopt(fd, option.level, option.number,
                                                    reinterpret_cast<void*>(8), 16);
                         }});
    }
    // The same length twice has the same name.
    std::vector<Call> unique;
    for (auto& call : calls)
        if (std::none_of(unique.begin(), unique.end(),
                         [&](const Call& other) { return other.name == call.name; }))
            unique.push_back(std::move(call));
    return unique;
}

// getsockopt(): room of every kind, a bad pointer.
std::vector<Call> getting() {
    std::vector<Call> calls;
    for (const auto& option : options()) {
        for (const int length : {0, 1, 3, 4, 256, -1}) {
            const std::string room = length < 0 ? "minus_1" : std::to_string(length);
            calls.push_back({std::string(option.name) + "_room_" + room, protocol_for(option.of),
                             [&option, length](int fd) {
                                 uint8_t value[256] = {};
                                 socklen_t now = socklen_t(length);
                                 const long result =
                                     sys::getsockopt(fd, option.level, option.number, value, &now);
                                 // The length and the first bytes are part of what came back.
                                 return result < 0 ? result
                                                   : long(now) << 16 | value[0] << 8 | value[1];
                             }});
        }
        calls.push_back(
            {std::string(option.name) + "_bad_pointer", protocol_for(option.of), [&option](int fd) {
                 socklen_t length = 4;
                 return sys::getsockopt(fd, option.level, option.number, reinterpret_cast<void*>(8),
                                        &length);
             }});
    }
    return calls;
}

struct Form {
    const char* name;
    Bytes address;
};

// Every form of an address that a program may hand over.
std::vector<Form> forms() {
    const auto in = [](const char* text, uint16_t port = 0, sa_family_t family = AF_INET) {
        auto result = ipv4_address(text, port);
        result.sin_family = family;
        return bytes_of(result);
    };
    const auto cut = [&](size_t size) {
        auto result = in(here_address);
        result.resize(size);
        return result;
    };
    return {{"any", in("0.0.0.0")},
            {"local", in(here_address)},
            {"local_with_a_port", in(here_address, 4711)},
            {"loopback", in("127.0.0.1")},
            {"other_loopback", in("127.9.9.9")},
            {"peer", in(peer_address)},
            {"peer_with_a_port", in(peer_address, 4711)},
            {"no_route", in("192.0.2.1")},
            {"zero_network", in("0.1.2.3")},
            {"network", in("10.77.0.0")},
            {"group", in(group_address)},
            {"all_hosts", in("224.0.0.1")},
            {"reserved", in("240.0.0.1")},
            {"broadcast", in("255.255.255.255")},
            {"broadcast_of_the_wire", in(wire_broadcast)},
            {"no_family", in(here_address, 0, AF_UNSPEC)},
            {"no_family_no_address", in("0.0.0.0", 0, AF_UNSPEC)},
            {"no_family_peer", in(peer_address, 0, AF_UNSPEC)},
            {"inet6_family", in(here_address, 0, AF_INET6)},
            {"packet_family", in(here_address, 0, AF_PACKET)},
            {"unknown_family", in(here_address, 0, 250)},
            {"nothing", {}},
            {"one_byte", cut(1)},
            {"only_a_family", cut(2)},
            {"without_an_address", cut(4)},
            {"without_padding", cut(8)},
            {"one_byte_short", cut(15)},
            {"one_byte_long", cut(17)},
            {"sockaddr_in6", cut(28)},
            {"sockaddr_storage", cut(128)}};
}

struct State {
    const char* name;
    Prepare prepare;
};

std::vector<State> states() {
    return {
        {"fresh", {}},
        {"bound", [](const Fd& socket) { bind_to(socket, ipv4_address(here_address)); }},
        {"connected",
         [](const Fd& socket) {
             const auto peer = ipv4_address(peer_address, 7);
             checked(sys::connect(socket.get(), &peer, sizeof(peer)), "connect");
         }},
        {"of_a_device",
         [](const Fd& socket) {
             checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, here_device, 4),
                     "SO_BINDTODEVICE");
         }},
        {"free_to_bind", [](const Fd& socket) { set_option(socket, SOL_IP, IP_FREEBIND, 1); }},
        {"transparent", [](const Fd& socket) { set_option(socket, SOL_IP, IP_TRANSPARENT, 1); }},
        {"broadcasting",
         [](const Fd& socket) { set_option(socket, SOL_SOCKET, SO_BROADCAST, 1); }}};
}

std::vector<Call> addressed(const char* verb,
                            const std::function<long(int, const void*, long)>& call) {
    std::vector<Call> calls;
    for (const auto& state : states())
        for (const auto& form : forms())
            calls.push_back({std::string(verb) + "_" + form.name + "_" + state.name,
                             experimental_protocol,
                             [bytes = form.address, call](int fd) {
                                 Bytes room = bytes;
                                 room.resize(std::max<size_t>(bytes.size(), 1));
                                 return call(fd, room.data(), long(bytes.size()));
                             },
                             state.prepare});
    for (const long length : {-1L, 129L, 1L << 30})
        calls.push_back({std::string(verb) + "_length_" + std::to_string(calls.size()),
                         experimental_protocol, [call, length](int fd) {
                             const auto room = Bytes(256);
                             return call(fd, room.data(), length);
                         }});
    calls.push_back({std::string(verb) + "_bad_pointer", experimental_protocol, [call](int fd) {
                         return call(fd, reinterpret_cast<void*>(8), sizeof(sockaddr_in));
                     }});
    return calls;
}

long send_payload(int fd, const void* where, long length) {
    const Bytes payload(16, 'p');
    return sys::sendto(fd, payload.data(), payload.size(), MSG_DONTWAIT, where, length);
}

// Calls that are none of the above.
std::vector<Call> others() {
    const auto numbered = [](const char* name, unsigned long number, int preset) {
        return Call{name, experimental_protocol, [=](int fd) {
                        int value[16] = {preset};
                        const long result = ::ioctl(fd, number, value);
                        return result < 0 ? result : value[0];
                    }};
    };
    const auto sending = [](const char* name, size_t size, int flags) {
        return Call{name, experimental_protocol, [=](int fd) {
                        return send_to(fd, Bytes(size, 'p'), ipv4_address(peer_address), flags);
                    }};
    };
    const auto shutting = [](const char* name, int how, const State& state) {
        return Call{std::string(name) + "_" + state.name, experimental_protocol,
                    [=](int fd) { return ::shutdown(fd, how); }, state.prepare};
    };
    std::vector<Call> calls{
        {"listen", experimental_protocol, [](int fd) { return ::listen(fd, 5); }},
        {"accept", experimental_protocol, [](int fd) { return ::accept(fd, nullptr, nullptr); }},
        {"recv_of_nothing", experimental_protocol,
         [](int fd) { return ::recv(fd, nullptr, 0, MSG_DONTWAIT); }},
        {"recv_out_of_band", experimental_protocol,
         [](int fd) { return ::recv(fd, nullptr, 0, MSG_OOB | MSG_DONTWAIT); }},
        {"recv_of_no_error", experimental_protocol,
         [](int fd) { return ::recv(fd, nullptr, 0, MSG_ERRQUEUE | MSG_DONTWAIT); }},
        sending("send_out_of_band", 16, MSG_OOB),
        sending("send_a_probe", 16, msg_probe),
        sending("send_a_confirmation", 16, MSG_CONFIRM),
        sending("send_a_confirmation_of_nothing", 0, MSG_CONFIRM | msg_probe),
        sending("send_past_the_router", 16, MSG_DONTROUTE),
        sending("send_without_copying", 16, MSG_ZEROCOPY),
        sending("send_with_more_to_come", 16, MSG_MORE),
        sending("send_nothing", 0, 0),
        sending("send_too_much", 65516, 0),
        sending("send_far_too_much", 65536, 0),
        numbered("SIOCOUTQ", SIOCOUTQ, 7),
        numbered("SIOCINQ", SIOCINQ, 7),
        numbered("SIOCATMARK", SIOCATMARK, 7),
        numbered("SIOCGSTAMP", SIOCGSTAMP, 7),
        numbered("SIOCGETVIFCNT", get_vif_count, 0),
        numbered("SIOCGETSGCNT", get_group_count, 0),
        numbered("SIOCADDRT", SIOCADDRT, 0),
        numbered("unknown_ioctl", 0x12345678, 0),
    };
    for (const auto& state : states()) {
        calls.push_back(shutting("shutdown_reading", SHUT_RD, state));
        calls.push_back(shutting("shutdown_writing", SHUT_WR, state));
        calls.push_back(shutting("shutdown_both", SHUT_RDWR, state));
        calls.push_back(shutting("shutdown_unknown", 3, state));
    }
    return calls;
}

INSTANTIATE_TEST_SUITE_P(Set, RawTable, testing::ValuesIn(setting()), test_name);
INSTANTIATE_TEST_SUITE_P(Get, RawTable, testing::ValuesIn(getting()), test_name);
INSTANTIATE_TEST_SUITE_P(Bind, RawTable, testing::ValuesIn(addressed("bind", sys::bind)),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Connect, RawTable, testing::ValuesIn(addressed("connect", sys::connect)),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Send, RawTable, testing::ValuesIn(addressed("send", send_payload)),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Other, RawTable, testing::ValuesIn(others()), test_name);

} // namespace
} // namespace xt
