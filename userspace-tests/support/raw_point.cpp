// SPDX-License-Identifier: GPL-2.0-or-later
#include "raw_point.h"

#include <linux/icmp.h>
#include <unistd.h>

namespace xt {

std::string path_of(const NetNs& netns) {
    return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(netns.get());
}

Fd open_raw_at(int point, int protocol) {
    Fd socket = open_raw(Side::xinet, protocol);
    if (!self_check())
        set_option(socket, SOL_XINET, XINET_RAW_POINT, point);
    return socket;
}

Ears::Ears(int protocol)
    : sibling(open_raw(Side::sibling, protocol)), host(open_raw_at(XINET_RAW_POINT_HOST, protocol)),
      wire(open_raw_at(XINET_RAW_POINT_WIRE, protocol)),
      monitor(open_raw(Side::sibling, protocol)) {
    for (const Fd* socket : {&sibling, &host, &wire})
        for (const int option : {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVOPTS})
            set_option(*socket, SOL_IP, option, 1);
}

void Ears::await(const std::string& mark) const {
    receive_marked(monitor.get(), mark);
    await_deliveries();
}

void Ears::expect_equal(const std::vector<std::string>& expected) {
    std::vector<Pair> pairs;
    pairs.push_back(
        {"PF_INET and XINET_RAW_POINT_HOST", std::move(sibling), std::move(host), expected});
    expect_equal_captures(pairs);
}

std::vector<std::string> marks_of(const Fd& socket) {
    constexpr size_t length = 8;
    std::vector<std::string> marks;
    while (const auto message = receive_now(socket.get())) {
        const std::string text(message->data.begin(), message->data.end());
        const size_t begin = text.find("xt-");
        if (begin != std::string::npos)
            marks.push_back(text.substr(begin, length));
    }
    return marks;
}

Bytes echo_request(const std::string& mark, uint16_t identifier) {
    return icmp(ICMP_ECHO, 0, identifier, 1, repeated(mark, 64));
}

void ping(const Fd& socket, const std::string& mark, const char* to) {
    checked(send_to(socket.get(), echo_request(mark), ipv4_address(to)), "send");
}

} // namespace xt
