// SPDX-License-Identifier: GPL-2.0-or-later
#include "outcome.h"

#include <linux/capability.h>
#include <linux/icmp.h>
#include <linux/if_packet.h>
#include <sys/syscall.h>

#include <algorithm>
#include <future>
#include <sstream>
#include <thread>

#include "frame.h"
#include "sys.h"

namespace xt {
namespace {

struct Option {
    const char* name;
    int level;
    int number;
};

constexpr Option socket_options[] = {
    {"SO_TYPE", SOL_SOCKET, SO_TYPE},           {"SO_DOMAIN", SOL_SOCKET, SO_DOMAIN},
    {"SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL},   {"SO_ERROR", SOL_SOCKET, SO_ERROR},
    {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST}, {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF},
    {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF},       {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY},
};
constexpr Option raw_options[] = {
    {"IP_HDRINCL", SOL_IP, IP_HDRINCL},
    {"IP_TTL", SOL_IP, IP_TTL},
    {"IP_TOS", SOL_IP, IP_TOS},
    {"IP_MTU_DISCOVER", SOL_IP, IP_MTU_DISCOVER},
    {"IP_RECVERR", SOL_IP, IP_RECVERR},
    {"IP_PKTINFO", SOL_IP, IP_PKTINFO},
    {"IP_OPTIONS", SOL_IP, IP_OPTIONS},
    {"IP_MULTICAST_TTL", SOL_IP, IP_MULTICAST_TTL},
    {"ICMP_FILTER", SOL_RAW, ICMP_FILTER},
    {"IP_MULTICAST_IF", SOL_IP, IP_MULTICAST_IF},
    {"IP_MULTICAST_LOOP", SOL_IP, IP_MULTICAST_LOOP},
};

void note(std::ostream& out, const char* name, long result, const void* data, socklen_t length) {
    out << name << "=";
    if (result < 0)
        out << strerrorname_np(errno);
    else
        out << length << ":" << hex(data, std::min<size_t>(length, 256));
    out << " ";
}

void note_option(std::ostream& out, int fd, const Option& option) {
    uint8_t value[256] = {};
    socklen_t length = sizeof(value);
    const long result = sys::getsockopt(fd, option.level, option.number, value, &length);
    note(out, option.name, result, value, length);
}

void drop_capabilities() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct nothing[2] = {};
    checked(syscall(SYS_capset, &header, nothing), "capset");
}

} // namespace

void PrintTo(const Outcome& outcome, std::ostream* out) {
    *out << "returned " << outcome.result << " ("
         << (outcome.error ? strerrorname_np(outcome.error) : "no error") << ")";
    if (!outcome.state.empty())
        *out << "\n    " << outcome.state;
}

Outcome outcome_of(const std::function<long()>& call) {
    errno = 0;
    const long result = call();
    return {result, result < 0 ? errno : 0, ""};
}

std::string state_of(int fd, Kind kind) {
    std::ostringstream out;
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    long result = sys::getsockname(fd, &address, &length);
    note(out, "name", result, &address, length);
    address = {};
    length = sizeof(address);
    result = sys::getpeername(fd, &address, &length);
    note(out, "peer", result, &address, length);
    for (const auto& option : socket_options)
        note_option(out, fd, option);
    if (kind == Kind::raw)
        for (const auto& option : raw_options)
            note_option(out, fd, option);
    return out.str();
}

Outcome without_capabilities(const std::function<Outcome()>& function) {
    return std::async(std::launch::async,
                      [&] {
                          drop_capabilities();
                          return function();
                      })
        .get();
}

void close_together(std::vector<Fd>& sockets) {
    constexpr size_t most_threads = 32;
    std::vector<std::jthread> threads;
    const size_t count = std::min(sockets.size(), most_threads);
    for (size_t first = 0; first < count; first++)
        threads.emplace_back([&sockets, first, count] {
            for (size_t i = first; i < sockets.size(); i += count)
                sockets[i].close();
        });
    threads.clear();
    sockets.clear();
}

void expect_equal_outcomes(Kind kind, int protocol, const std::vector<Row>& rows,
                           const Prepare& prepare) {
    constexpr size_t most_open = 128;
    std::vector<Fd> used;
    for (const auto& row : rows) {
        SCOPED_TRACE(to_string(kind) + ": " + row.name);
        Outcome outcomes[2];
        for (const Side side : both_sides) {
            const Fd& socket = used.emplace_back(open_socket(side, kind, protocol));
            if (prepare)
                prepare(socket);
            Outcome& outcome = outcomes[side == Side::xinet];
            outcome = outcome_of([&] { return row.call(socket.get()); });
            outcome.state = state_of(socket.get(), kind);
        }
        EXPECT_EQ(outcomes[0], outcomes[1]) << "above: the sibling, below: PF_XINET";
        if (used.size() >= most_open)
            close_together(used);
    }
    close_together(used);
}

} // namespace xt
