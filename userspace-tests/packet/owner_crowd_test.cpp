// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_OWNER: short connections of many processes, users and control groups in namespaces
// that have the same addresses and ports, against what the processes themselves have noted.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/cgroup.h"
#include "support/family.h"
#include "support/firewall.h"
#include "support/inet.h"
#include "support/kernel_release.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/shared.h"
#include "support/sys.h"
#include "support/sysctl.h"
#include "support/told.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr size_t links = 8; // each with a client and a server
constexpr uint16_t first_port = 20000;
constexpr uint16_t server_port = 5000;
constexpr uint16_t translated_port = 5001; // where a server with DNAT listens
constexpr uint16_t closed_port = 5999;
constexpr size_t most_turns = 1250;

enum End : size_t { client, server, ends };

bool translates_destination(size_t link) {
    return link % 4 == 1;
}
bool translates_source(size_t link) {
    return link % 4 == 2;
}
// Every fifth is to a port that nobody has.
bool is_in_vain(size_t turn) {
    return turn % 5 == 4;
}
bool is_tcp(size_t turn) {
    return turn % 2 == 0;
}
uid_t user_of(size_t link, End end) {
    return uid_t(1000 + 2 * link + end);
}

// What the processes note of their sockets, by their own system calls.
struct Notes {
    std::array<std::array<std::array<uint64_t, most_turns>, ends>, links> sockets;
    std::array<uint64_t, links> listeners;
    std::array<uint64_t, links> datagrams;
};

using SharedNotes = Shared<Notes>;

uint64_t noted_cookie(const Fd& socket) {
    uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    checked(::getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length), "SO_COOKIE");
    return cookie;
}

bool answers(const Fd& socket, int milliseconds) {
    pollfd poll{.fd = socket.get(), .events = POLLIN, .revents = 0};
    return checked(::poll(&poll, 1, milliseconds), "poll") == 1;
}

Fd bound_socket(int type, const char* address, uint16_t port) {
    Fd socket(checked(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket"));
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    bind_to(socket, ipv4_address(address, port));
    return socket;
}

// Eight bytes there and back; an error from a port that nobody has, unless the kernel has sent too
// many of them.
void take_turn(const Fd& socket, size_t turn) {
    const uint16_t port = is_in_vain(turn) ? closed_port : server_port;
    const sockaddr_in to = ipv4_address("10.9.0.1", port);
    char text[8] = {};
    const int status = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    if (is_in_vain(turn) && is_tcp(turn)) {
        if (status == 0 || errno != ECONNREFUSED)
            throw std::runtime_error("a port that nobody has");
        return;
    }
    checked(status, "connect");
    checked(::send(socket.get(), text, sizeof(text), 0), "send");
    if (!answers(socket, is_in_vain(turn) ? 100 : 60000)) {
        if (is_in_vain(turn))
            return;
        throw std::runtime_error("nobody answers");
    }
    const auto got = ::recv(socket.get(), text, sizeof(text), MSG_WAITALL);
    if (is_in_vain(turn) ? got != -1 || errno != ECONNREFUSED : got != sizeof(text))
        throw std::runtime_error("no answer, or one from nobody");
    // the other end closes first
    if (is_tcp(turn) && ::recv(socket.get(), text, sizeof(text), 0) != 0)
        throw std::runtime_error("more than an answer");
}

void be_client(size_t link, size_t turns, const SharedNotes& notes) {
    const char* const address = translates_source(link) ? "10.8.0.2" : "10.9.0.2";
    for (size_t turn = 0; turn < turns; turn++) {
        const Fd socket = bound_socket(is_tcp(turn) ? SOCK_STREAM : SOCK_DGRAM, address,
                                       uint16_t(first_port + turn));
        notes->sockets.at(link)[client].at(turn) = noted_cookie(socket);
        take_turn(socket, turn);
    }
}

// Ready once its listener is noted; serves until it is killed.
[[noreturn]] void be_server(size_t link, const SharedNotes& notes) {
    const uint16_t port = translates_destination(link) ? translated_port : server_port;
    const Fd datagrams = bound_socket(SOCK_DGRAM, "0.0.0.0", port);
    const Fd listener = bound_socket(SOCK_STREAM, "0.0.0.0", port);
    checked(::listen(listener.get(), 64), "listen");
    notes->datagrams.at(link) = noted_cookie(datagrams);
    notes->listeners.at(link) = noted_cookie(listener);
    for (;;) {
        std::array<pollfd, 2> polls{pollfd{datagrams.get(), POLLIN, 0},
                                    pollfd{listener.get(), POLLIN, 0}};
        checked(::poll(polls.data(), polls.size(), -1), "poll");
        sockaddr_in from{};
        socklen_t length = sizeof(from);
        char text[8];
        if (polls[0].revents != 0) {
            checked(::recvfrom(datagrams.get(), text, sizeof(text), 0,
                               reinterpret_cast<sockaddr*>(&from), &length),
                    "recvfrom");
            checked(::sendto(datagrams.get(), text, sizeof(text), 0,
                             reinterpret_cast<const sockaddr*>(&from), length),
                    "sendto");
        }
        if (polls[1].revents != 0) {
            const Fd socket(checked(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&from),
                                              &length, SOCK_CLOEXEC),
                                    "accept"));
            notes->sockets.at(link)[server].at(ntohs(from.sin_port) - first_port) =
                noted_cookie(socket);
            checked(::recv(socket.get(), text, sizeof(text), MSG_WAITALL), "recv");
            checked(::send(socket.get(), text, sizeof(text), 0), "send");
        }
    }
}

// A process in a namespace and a control group, as a user of its own.
template<class Function>
pid_t start(const NetNs& netns, const ControlGroup& group, uid_t user, Function function) {
    const pid_t child = checked(::fork(), "fork");
    if (child != 0)
        return child;
    try {
        group.enter();
        checked(::setns(netns.get(), CLONE_NEWNET), "setns");
        checked(::setresuid(user, user, user), "setresuid");
        function();
        ::_exit(0);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(1);
    }
}

// A packet of TCP, UDP or ICMP, as far as it counts.
struct Record {
    uint64_t netns;
    bool outgoing;
    uint8_t protocol;
    uint16_t source;
    uint16_t destination;
    bool of_connection; // of TCP, neither a SYN nor data: a connection that is closed may answer it
    xinet_owner owner;
};

std::optional<Record> record_of(const ToldPacket& packet) {
    constexpr size_t ip_at = 14;
    const Bytes& data = packet.data;
    if (!packet.owner || !packet.netns || data.size() < ip_at + 28 || data[12] != 8 ||
        data[13] != 0)
        return std::nullopt;
    const auto word = [&data](size_t at) { return uint16_t(data[at] << 8 | data[at + 1]); };
    const size_t tcp_at = ip_at + 20;
    const size_t ip_length = word(ip_at + 2);
    const bool tcp = data[ip_at + 9] == IPPROTO_TCP && data.size() >= tcp_at + 20;
    const bool bare = tcp && ip_length == 20 + size_t(data[tcp_at + 12] >> 4) * 4;
    return Record{.netns = packet.netns->cookie,
                  .outgoing = packet.pkttype == PACKET_OUTGOING,
                  .protocol = data[ip_at + 9],
                  .source = word(ip_at + 20),
                  .destination = word(ip_at + 22),
                  .of_connection = bare && (data[tcp_at + 13] & 2) == 0,
                  .owner = *packet.owner};
}

class OwnerCrowd : public testing::Test {
protected:
    void SetUp() override {
        if (self_check() || lanes_are_refused)
            GTEST_SKIP() << "it needs the family, and lanes";
        for (size_t link = 0; link < links; link++)
            make_link(link);
    }

    void make_link(size_t link) {
        auto& [near, far] = namespaces_.at(link);
        near.run([&] {
            ip("link set lo up", "link add xtc type veth peer name xts");
            link::move(link::index("xts"), far.get());
            ip("addr add 10.9.0.2/24 dev xtc", "addr add 10.8.0.2/32 dev lo", "link set xtc up");
            if (translates_source(link))
                nat_.push_back(
                    std::make_unique<Firewall>("type nat hook postrouting priority 100",
                                               std::vector<std::string>{"oifname xtc masquerade"}));
            cookies_[own_netns_cookie()] = {link, client};
        });
        far.run([&] {
            ip("link set lo up", "addr add 10.9.0.1/24 dev xts", "link set xts up");
            set_sysctl("icmp_ratelimit", "0");
            if (translates_destination(link))
                nat_.push_back(std::make_unique<Firewall>(
                    "type nat hook prerouting priority -100",
                    std::vector<std::string>{"tcp dport 5000 dnat to 10.9.0.1:5001",
                                             "udp dport 5000 dnat to 10.9.0.1:5001"}));
            cookies_[own_netns_cookie()] = {link, server};
        });
    }

    static uint64_t own_netns_cookie() {
        return netns_cookie_of(
            Fd(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")));
    }

    [[nodiscard]] bool has_nat() const {
        return std::ranges::all_of(nat_, [](const auto& each) { return each->installed(); });
    }

    // Whether `owner` is the socket `cookie` of an end of a link.
    void expect_owner(const xinet_owner& owner, const std::vector<uint64_t>& cookies, size_t link,
                      End end, uint64_t netns) {
        EXPECT_NE(std::ranges::find(cookies, owner.cookie), cookies.end())
            << link << (end == client ? " client" : " server");
        EXPECT_EQ(owner.netns_cookie, netns);
        EXPECT_FALSE(owner.flags & (XINET_OWNER_SEVERAL | XINET_OWNER_KERNEL));
        if (owner.flags & XINET_OWNER_CREDENTIALS) {
            EXPECT_EQ(owner.uid, user_of(link, end));
            EXPECT_EQ(owner.cgroup, groups_.at((link + end) % groups_.size()).id);
        }
    }

    void check(const Record& record);

    struct Group {
        ControlGroup group;
        uint64_t id = inode_of(group);
        static uint64_t inode_of(const ControlGroup& group) {
            struct stat status {};
            checked(::fstat(group.descriptor().get(), &status), "fstat");
            return status.st_ino;
        }
    };

    std::array<std::pair<NetNs, NetNs>, links> namespaces_{
        std::pair{NetNs::create(), NetNs::create()}, {NetNs::create(), NetNs::create()},
        {NetNs::create(), NetNs::create()},          {NetNs::create(), NetNs::create()},
        {NetNs::create(), NetNs::create()},          {NetNs::create(), NetNs::create()},
        {NetNs::create(), NetNs::create()},          {NetNs::create(), NetNs::create()}};
    std::map<uint64_t, std::pair<size_t, End>> cookies_; // of the namespaces
    std::vector<std::unique_ptr<Firewall>> nat_;
    std::array<Group, 3> groups_;
    SharedNotes notes_;
    size_t known_ = 0;
    size_t of_nobody_ = 0;
    size_t behind_nat_ = 0; // not known before connection tracking knows the connection
    size_t of_closed_ = 0;  // what comes late, and its answers
    std::map<std::tuple<size_t, End, size_t>, size_t> seen_;
};

void OwnerCrowd::check(const Record& record) {
    const auto [link, end] = cookies_.at(record.netns);
    if (record.protocol == IPPROTO_ICMP) {
        EXPECT_EQ(record.owner.flags, 0U);
        of_nobody_++;
        return;
    }
    const uint16_t local = record.outgoing ? record.source : record.destination;
    const uint16_t remote = record.outgoing ? record.destination : record.source;
    const size_t turn = size_t(end == client ? local : remote) - first_port;
    ASSERT_LT(turn, most_turns);
    seen_[{link, end, turn}]++;
    if (end == server && is_in_vain(turn)) {
        EXPECT_EQ(record.owner.flags, 0U);
        of_nobody_++;
        return;
    }
    if (record.owner.flags == 0 && end == server && translates_destination(link) &&
        !record.outgoing) {
        behind_nat_++;
        return;
    }
    if (record.owner.flags == 0 && record.of_connection) {
        of_closed_++;
        return;
    }
    known_++;
    EXPECT_TRUE(record.owner.flags & XINET_OWNER_SOCKET)
        << link << (end == client ? " client" : " server") << " turn " << turn
        << (record.outgoing ? " out" : " in");
    std::vector<uint64_t> cookies{notes_->sockets.at(link).at(end).at(turn)};
    if (end == server && is_tcp(turn))
        cookies.push_back(notes_->listeners.at(link));
    else if (end == server)
        cookies = {notes_->datagrams.at(link)};
    expect_owner(record.owner, cookies, link, end, record.netns);
}

TEST_F(OwnerCrowd, every_packet_has_the_right_owner_or_none) {
    if (!has_nat())
        GTEST_SKIP() << "this kernel has no NAT";
    const size_t turns =
        is_stock_kernel() ? most_turns : most_turns / 10; // 10,000 connections in all
    ToldCapture capture({.lanes = true, .owner = true, .all_netns = true, .lane_size = 16U << 20});
    std::vector<pid_t> servers;
    std::vector<pid_t> clients;
    for (size_t link = 0; link < links; link++) {
        servers.push_back(start(namespaces_.at(link).second, groups_.at((link + 1) % 3).group,
                                user_of(link, server), [&] { be_server(link, notes_); }));
        while (std::atomic_ref(notes_->listeners.at(link)).load() == 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (size_t link = 0; link < links; link++)
        clients.push_back(start(namespaces_.at(link).first, groups_.at(link % 3).group,
                                user_of(link, client), [&] { be_client(link, turns, notes_); }));
    std::vector<Record> records;
    const auto take = [&] {
        for (const auto& packet : capture.take())
            if (const auto record = record_of(packet); record && cookies_.contains(record->netns))
                records.push_back(*record);
    };
    for (const pid_t process : clients) {
        int status = 0;
        while (checked(::waitpid(process, &status, WNOHANG), "waitpid") == 0) {
            take();
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        EXPECT_EQ(status, 0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    take();
    for (const pid_t process : servers) {
        ::kill(process, SIGKILL);
        ::waitpid(process, nullptr, 0);
    }
    for (const Record& record : records)
        check(record);
    EXPECT_EQ(seen_.size(), links * ends * turns);
    for (const auto& [which, packets] : seen_) {
        const size_t turn = std::get<2>(which);
        EXPECT_GE(packets, is_in_vain(turn) ? (is_tcp(turn) ? 2U : 1U) : is_tcp(turn) ? 8U : 2U);
    }
    EXPECT_GT(known_, records.size() / 2);
    EXPECT_LT(of_closed_, records.size() / 100);
    EXPECT_GT(of_nobody_, links * turns / 5);
    EXPECT_GT(behind_nat_, 0U);
    RecordProperty("packets", std::to_string(records.size()));
    RecordProperty("with_owner", std::to_string(known_));
}

} // namespace
} // namespace xt
