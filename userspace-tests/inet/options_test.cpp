// SPDX-License-Identifier: GPL-2.0-or-later
// Every option of streams, datagrams and pings: read and set, with what it takes and what not.
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/time.h>

#include <cstring>

#include "support/frame.h"
#include "support/inet_case.h"
#include "support/sys.h"

namespace xt {
namespace {

template<typename T>
Bytes bytes_of(const T& value) {
    const auto* first = reinterpret_cast<const uint8_t*>(&value);
    return {first, first + sizeof(value)};
}

Bytes text(const char* value) {
    return {value, value + strlen(value)};
}

Bytes number(int value) {
    return bytes_of(value);
}

struct Option {
    const char* name;
    int level;
    int number;
    Bytes good;       // a value it takes; empty when it is only read
    Bytes wrong;      // one it might not take
    bool same = true; // two sockets have the same value
};

struct ip_mreqn group_request() {
    return {.imr_multiaddr = ipv4_address("239.1.2.3").sin_addr,
            .imr_address = ipv4_address(loopback_address).sin_addr,
            .imr_ifindex = 1};
}

const timeval moment{.tv_sec = 1, .tv_usec = 500'000};
const timeval no_moment{.tv_sec = 1, .tv_usec = 5'000'000};
const linger a_second{.l_onoff = 1, .l_linger = 1};
constexpr int newer_so_txrehash = 74;
constexpr int newer_so_reserve_mem = 73;

const std::vector<Option>& socket_options() {
    static const std::vector<Option> options{
        {"SO_DEBUG", SOL_SOCKET, SO_DEBUG, number(1), number(-1)},
        {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, number(1), number(-1)},
        {"SO_TYPE", SOL_SOCKET, SO_TYPE, {}, number(1)},
        {"SO_ERROR", SOL_SOCKET, SO_ERROR, {}, number(1)},
        {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, number(1), number(-1)},
        {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, number(1), number(-1)},
        {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, number(20'000), number(-1)},
        {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, number(20'000), number(-1)},
        {"SO_SNDBUFFORCE", SOL_SOCKET, SO_SNDBUFFORCE, number(1 << 21), number(-1)},
        {"SO_RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE, number(1 << 21), number(-1)},
        {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, number(1), number(-1)},
        {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, number(1), number(-1)},
        {"SO_NO_CHECK", SOL_SOCKET, SO_NO_CHECK, number(1), number(-1)},
        {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, number(6), number(7)},
        {"SO_LINGER", SOL_SOCKET, SO_LINGER, bytes_of(a_second), number(1)},
        {"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, number(1), number(-1)},
        {"SO_PASSCRED", SOL_SOCKET, SO_PASSCRED, number(1), number(-1)},
        {"SO_PEERCRED", SOL_SOCKET, SO_PEERCRED, {}, number(1)},
        {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, number(100), number(-1)},
        {"SO_SNDLOWAT", SOL_SOCKET, SO_SNDLOWAT, {}, number(1)},
        {"SO_RCVTIMEO", SOL_SOCKET, SO_RCVTIMEO, bytes_of(moment), bytes_of(no_moment)},
        {"SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, bytes_of(moment), bytes_of(no_moment)},
        {"SO_BINDTODEVICE", SOL_SOCKET, SO_BINDTODEVICE, text("lo"), text("nodevice")},
        {"SO_DETACH_FILTER", SOL_SOCKET, SO_DETACH_FILTER, {}, number(0)},
        {"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, number(1), number(-1)},
        {"SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS, number(1), number(-1)},
        {"SO_TIMESTAMPING", SOL_SOCKET, SO_TIMESTAMPING, number(SOF_TIMESTAMPING_SOFTWARE),
         number(-1)},
        {"SO_ACCEPTCONN", SOL_SOCKET, SO_ACCEPTCONN, {}, number(1)},
        {"SO_PEERSEC", SOL_SOCKET, SO_PEERSEC, {}, number(1)},
        {"SO_MARK", SOL_SOCKET, SO_MARK, number(7), number(-1)},
        {"SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL, {}, number(1)},
        {"SO_DOMAIN", SOL_SOCKET, SO_DOMAIN, {}, number(1)},
        {"SO_RXQ_OVFL", SOL_SOCKET, SO_RXQ_OVFL, number(1), number(-1)},
        {"SO_WIFI_STATUS", SOL_SOCKET, SO_WIFI_STATUS, number(1), number(-1)},
        {"SO_PEEK_OFF", SOL_SOCKET, SO_PEEK_OFF, number(3), number(-2)},
        {"SO_NOFCS", SOL_SOCKET, SO_NOFCS, number(1), number(-1)},
        {"SO_LOCK_FILTER", SOL_SOCKET, SO_LOCK_FILTER, number(1), number(0)},
        {"SO_SELECT_ERR_QUEUE", SOL_SOCKET, SO_SELECT_ERR_QUEUE, number(1), number(-1)},
        {"SO_BUSY_POLL", SOL_SOCKET, SO_BUSY_POLL, number(50), number(-1)},
        {"SO_MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE, number(1 << 20), number(-1)},
        {"SO_INCOMING_CPU", SOL_SOCKET, SO_INCOMING_CPU, number(0), number(-1), false},
        {"SO_ATTACH_BPF", SOL_SOCKET, SO_ATTACH_BPF, {}, number(-1)},
        {"SO_ATTACH_REUSEPORT_EBPF", SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, {}, number(-1)},
        {"SO_MEMINFO", SOL_SOCKET, SO_MEMINFO, {}, number(1)},
        {"SO_INCOMING_NAPI_ID", SOL_SOCKET, SO_INCOMING_NAPI_ID, {}, number(1), false},
        {"SO_COOKIE", SOL_SOCKET, SO_COOKIE, {}, number(1), false},
        {"SO_PEERGROUPS", SOL_SOCKET, SO_PEERGROUPS, {}, number(1)},
        {"SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY, number(1), number(2)},
        {"SO_TXTIME", SOL_SOCKET, SO_TXTIME, bytes_of(sock_txtime{.clockid = 1, .flags = 0}),
         bytes_of(sock_txtime{.clockid = 99, .flags = 99})},
        {"SO_BINDTOIFINDEX", SOL_SOCKET, SO_BINDTOIFINDEX, number(1), number(-1)},
        {"SO_NETNS_COOKIE", SOL_SOCKET, SO_NETNS_COOKIE, {}, number(1)},
        {"SO_RESERVE_MEM", SOL_SOCKET, newer_so_reserve_mem, number(4096), number(-1)},
        {"SO_TXREHASH", SOL_SOCKET, newer_so_txrehash, number(1), number(2)},
        {"number_9999", SOL_SOCKET, 9999, {}, number(1)},
    };
    return options;
}

const std::vector<Option>& ip_options() {
    static const std::vector<Option> options{
        {"IP_TOS", SOL_IP, IP_TOS, number(0x10), number(0x1000)},
        {"IP_TTL", SOL_IP, IP_TTL, number(9), number(256)},
        {"IP_HDRINCL", SOL_IP, IP_HDRINCL, number(1), number(-1)},
        {"IP_OPTIONS", SOL_IP, IP_OPTIONS, Bytes{1, 1, 1, 0}, Bytes(44, 1)},
        {"IP_ROUTER_ALERT", SOL_IP, IP_ROUTER_ALERT, number(1), number(-1)},
        {"IP_RECVOPTS", SOL_IP, IP_RECVOPTS, number(1), number(-1)},
        {"IP_RETOPTS", SOL_IP, IP_RETOPTS, number(1), number(-1)},
        {"IP_PKTINFO", SOL_IP, IP_PKTINFO, number(1), number(-1)},
        {"IP_MTU_DISCOVER", SOL_IP, IP_MTU_DISCOVER, number(IP_PMTUDISC_DO), number(99)},
        {"IP_RECVERR", SOL_IP, IP_RECVERR, number(1), number(-1)},
        {"IP_RECVTTL", SOL_IP, IP_RECVTTL, number(1), number(-1)},
        {"IP_RECVTOS", SOL_IP, IP_RECVTOS, number(1), number(-1)},
        {"IP_MTU", SOL_IP, IP_MTU, {}, number(1500)},
        {"IP_FREEBIND", SOL_IP, IP_FREEBIND, number(1), number(-1)},
        {"IP_XFRM_POLICY", SOL_IP, IP_XFRM_POLICY, {}, number(1)},
        {"IP_PASSSEC", SOL_IP, IP_PASSSEC, number(1), number(-1)},
        {"IP_TRANSPARENT", SOL_IP, IP_TRANSPARENT, number(1), number(-1)},
        {"IP_RECVORIGDSTADDR", SOL_IP, IP_RECVORIGDSTADDR, number(1), number(-1)},
        {"IP_MINTTL", SOL_IP, IP_MINTTL, number(5), number(256)},
        {"IP_NODEFRAG", SOL_IP, IP_NODEFRAG, number(1), number(-1)},
        {"IP_CHECKSUM", SOL_IP, IP_CHECKSUM, number(1), number(-1)},
        {"IP_BIND_ADDRESS_NO_PORT", SOL_IP, IP_BIND_ADDRESS_NO_PORT, number(1), number(-1)},
        {"IP_RECVFRAGSIZE", SOL_IP, IP_RECVFRAGSIZE, number(1), number(-1)},
        {"IP_RECVERR_RFC4884", SOL_IP, 26, number(1), number(-1)},
        {"IP_MULTICAST_IF", SOL_IP, IP_MULTICAST_IF, bytes_of(group_request()), number(7)},
        {"IP_MULTICAST_TTL", SOL_IP, IP_MULTICAST_TTL, number(4), number(256)},
        {"IP_MULTICAST_LOOP", SOL_IP, IP_MULTICAST_LOOP, number(0), number(-1)},
        {"IP_ADD_MEMBERSHIP", SOL_IP, IP_ADD_MEMBERSHIP, bytes_of(group_request()), number(7)},
        {"IP_DROP_MEMBERSHIP", SOL_IP, IP_DROP_MEMBERSHIP, {}, bytes_of(group_request())},
        {"IP_MULTICAST_ALL", SOL_IP, IP_MULTICAST_ALL, number(0), number(2)},
        {"IP_UNICAST_IF", SOL_IP, IP_UNICAST_IF, number(int(htonl(1))), number(99)},
        {"IP_LOCAL_PORT_RANGE", SOL_IP, 51, number(60'000 << 16 | 50'000),
         number(50'000 << 16 | 1)},
        {"IP_PROTOCOL", SOL_IP, 52, {}, number(1)},
        {"number_9999", SOL_IP, 9999, {}, number(1)},
    };
    return options;
}

const std::vector<Option>& tcp_options() {
    static const std::vector<Option> options{
        {"TCP_NODELAY", SOL_TCP, TCP_NODELAY, number(1), number(-1)},
        {"TCP_MAXSEG", SOL_TCP, TCP_MAXSEG, number(900), number(7)},
        {"TCP_CORK", SOL_TCP, TCP_CORK, number(1), number(-1)},
        {"TCP_KEEPIDLE", SOL_TCP, TCP_KEEPIDLE, number(20), number(99'999)},
        {"TCP_KEEPINTVL", SOL_TCP, TCP_KEEPINTVL, number(20), number(99'999)},
        {"TCP_KEEPCNT", SOL_TCP, TCP_KEEPCNT, number(3), number(999)},
        {"TCP_SYNCNT", SOL_TCP, TCP_SYNCNT, number(3), number(999)},
        {"TCP_LINGER2", SOL_TCP, TCP_LINGER2, number(5), number(-1)},
        {"TCP_DEFER_ACCEPT", SOL_TCP, TCP_DEFER_ACCEPT, number(5), number(-1)},
        {"TCP_WINDOW_CLAMP", SOL_TCP, TCP_WINDOW_CLAMP, number(20'000), number(0)},
        {"TCP_INFO", SOL_TCP, TCP_INFO, {}, number(1), false},
        {"TCP_QUICKACK", SOL_TCP, TCP_QUICKACK, number(0), number(-1)},
        {"TCP_CONGESTION", SOL_TCP, TCP_CONGESTION, text("reno"), text("none of these")},
        {"TCP_THIN_LINEAR_TIMEOUTS", SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS, number(1), number(2)},
        {"TCP_USER_TIMEOUT", SOL_TCP, TCP_USER_TIMEOUT, number(9000), number(-1)},
        {"TCP_REPAIR", SOL_TCP, TCP_REPAIR, number(1), number(99)},
        {"TCP_REPAIR_QUEUE", SOL_TCP, TCP_REPAIR_QUEUE, {}, number(1)},
        {"TCP_FASTOPEN", SOL_TCP, TCP_FASTOPEN, number(5), number(-1)},
        {"TCP_TIMESTAMP", SOL_TCP, TCP_TIMESTAMP, {}, number(1), false},
        {"TCP_NOTSENT_LOWAT", SOL_TCP, TCP_NOTSENT_LOWAT, number(9000), number(-1)},
        {"TCP_CC_INFO", SOL_TCP, TCP_CC_INFO, {}, number(1), false},
        {"TCP_SAVE_SYN", SOL_TCP, TCP_SAVE_SYN, number(1), number(9)},
        {"TCP_SAVED_SYN", SOL_TCP, TCP_SAVED_SYN, {}, number(1)},
        {"TCP_FASTOPEN_CONNECT", SOL_TCP, TCP_FASTOPEN_CONNECT, number(1), number(9)},
        {"TCP_ULP", SOL_TCP, TCP_ULP, text("tls"), text("nothing")},
        {"TCP_MD5SIG", SOL_TCP, TCP_MD5SIG, {}, Bytes(100, 0)},
        {"TCP_FASTOPEN_KEY", SOL_TCP, TCP_FASTOPEN_KEY, Bytes(16, 7), Bytes(5, 7), false},
        {"TCP_FASTOPEN_NO_COOKIE", SOL_TCP, TCP_FASTOPEN_NO_COOKIE, number(1), number(9)},
        {"TCP_ZEROCOPY_RECEIVE", SOL_TCP, TCP_ZEROCOPY_RECEIVE, {}, number(1)},
        {"TCP_INQ", SOL_TCP, TCP_INQ, number(1), number(9)},
        {"TCP_TX_DELAY", SOL_TCP, 37, number(0), number(-1)},
        {"number_9999", SOL_TCP, 9999, {}, number(1)},
    };
    return options;
}

const std::vector<Option>& udp_options() {
    static const std::vector<Option> options{
        {"UDP_CORK", SOL_UDP, UDP_CORK, number(1), number(-1)},
        {"UDP_ENCAP", SOL_UDP, UDP_ENCAP, number(UDP_ENCAP_ESPINUDP), number(99)},
        {"UDP_NO_CHECK6_TX", SOL_UDP, UDP_NO_CHECK6_TX, number(1), number(-1)},
        {"UDP_NO_CHECK6_RX", SOL_UDP, UDP_NO_CHECK6_RX, number(1), number(-1)},
        {"UDP_SEGMENT", SOL_UDP, UDP_SEGMENT, number(1200), number(99'999)},
        {"UDP_GRO", SOL_UDP, UDP_GRO, number(1), number(-1)},
        {"number_9999", SOL_UDP, 9999, {}, number(1)},
    };
    return options;
}

const std::vector<Option>& other_options() {
    static const std::vector<Option> options{
        {"SOL_TLS", SOL_TLS, 1, {}, number(1)},        {"SOL_RAW", SOL_RAW, 1, {}, number(1)},
        {"SOL_IPV6", SOL_IPV6, 26, {}, number(1)},     {"SOL_PACKET", SOL_PACKET, 1, {}, number(1)},
        {"SOL_XINET", 285, 1, {}, number(1)},          {"level_999", 999, 1, {}, number(1)},
        {"negative_level", -1, 1, {}, number(1)},      {"SOL_ICMP", IPPROTO_ICMP, 1, {}, number(1)},
        {"SOL_NETLINK", SOL_NETLINK, 1, {}, number(1)}};
    return options;
}

// Reads an option into a buffer of `size` bytes and notes what is in there afterwards.
long read_option(Scene& scene, const Option& option, int size) {
    uint8_t value[300];
    std::memset(value, 0xa5, sizeof(value));
    int length = size;
    const long result = sys::getsockopt(scene.fd(), option.level, option.number, value, &length);
    const int error = errno;
    scene.note += std::to_string(length);
    if (option.same)
        scene.note += ":" + hex(value, 64);
    errno = error;
    return result;
}

long set_bytes(Scene& scene, const Option& option, const Bytes& value, long length) {
    Bytes room = value;
    room.resize(std::max<size_t>(room.size(), 300));
    return sys::setsockopt(scene.fd(), option.level, option.number, room.data(), length);
}

using Rows = std::vector<InetCase>;

void add(Rows& rows, const Option& option, const char* form, Transport transport, State state,
         std::function<long(Scene&)> call, bool privileged = true) {
    const std::string level =
        option.number == 9999 ? "level_" + std::to_string(option.level) + "_" : std::string();
    rows.push_back(
        {form + ("_" + level) + option.name, transport, state, std::move(call), privileged});
}

// What every socket is asked: as it is, and after a value was set.
void add_common(Rows& rows, const Option& option, Transport transport, State state) {
    add(rows, option, "get", transport, state,
        [&option](Scene& scene) { return read_option(scene, option, 256); });
    if (!option.good.empty())
        add(rows, option, "set_and_get", transport, state, [&option](Scene& scene) {
            const long result = set_bytes(scene, option, option.good, long(option.good.size()));
            const int error = errno;
            read_option(scene, option, 256);
            errno = error;
            return result;
        });
    add(rows, option, "set_wrong", transport, state, [&option](Scene& scene) {
        return set_bytes(scene, option, option.wrong, long(option.wrong.size()));
    });
}

// The level's own code is asked about lengths; that of SOL_SOCKET never gets as far as a family.
void add_odd_lengths(Rows& rows, const Option& option, Transport transport) {
    const Bytes& value = option.good.empty() ? option.wrong : option.good;
    add(rows, option, "get_short", transport, State::fresh,
        [&option](Scene& scene) { return read_option(scene, option, 3); });
    add(rows, option, "get_negative", transport, State::fresh,
        [&option](Scene& scene) { return read_option(scene, option, -1); });
    add(rows, option, "set_short", transport, State::fresh,
        [&option, value](Scene& scene) { return set_bytes(scene, option, value, 3); });
    add(rows, option, "set_negative", transport, State::fresh,
        [&option, value](Scene& scene) { return set_bytes(scene, option, value, -1); });
    add(rows, option, "set_null", transport, State::fresh, [&option](Scene& scene) {
        return sys::setsockopt(scene.fd(), option.level, option.number, nullptr, 16);
    });
}

void add_unprivileged(Rows& rows, const Option& option, Transport transport) {
    const Bytes& value = option.good.empty() ? option.wrong : option.good;
    add(
        rows, option, "set_unprivileged", transport, State::fresh,
        [&option, value](Scene& scene) {
            return set_bytes(scene, option, value, long(value.size()));
        },
        false);
}

Rows option_rows() {
    Rows rows;
    for (const Transport transport : all_transports)
        for (const auto* options : {&socket_options(), &ip_options(), &other_options()})
            for (const Option& option : *options)
                add_common(rows, option, transport, State::fresh);
    for (const auto* options : {&tcp_options(), &udp_options()})
        for (const Option& option : *options) {
            add_common(rows, option, Transport::stream, State::fresh);
            add_common(rows, option, Transport::datagram, State::fresh);
        }
    for (const Option& option : tcp_options())
        add_common(rows, option, Transport::stream, State::connected);
    return rows;
}

Rows odd_rows() {
    Rows rows;
    for (const Option& option : socket_options())
        add_unprivileged(rows, option, Transport::datagram);
    for (const auto* options : {&ip_options(), &udp_options()})
        for (const Option& option : *options) {
            add_odd_lengths(rows, option, Transport::datagram);
            add_unprivileged(rows, option, Transport::datagram);
        }
    for (const Option& option : tcp_options()) {
        add_odd_lengths(rows, option, Transport::stream);
        add_unprivileged(rows, option, Transport::stream);
    }
    return rows;
}

class InetOption : public testing::TestWithParam<InetCase> {};

TEST_P(InetOption, does_what_it_does_in_pf_inet) {
    expect_same_on_both_sides(GetParam());
}

INSTANTIATE_TEST_SUITE_P(, InetOption, testing::ValuesIn(option_rows()), case_name);
INSTANTIATE_TEST_SUITE_P(OddLengths, InetOption, testing::ValuesIn(odd_rows()), case_name);

} // namespace
} // namespace xt
