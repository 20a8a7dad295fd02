// SPDX-License-Identifier: GPL-2.0-or-later
// sock_diag: the same socket through inet_diag or packet_diag and through ours, who may see what,
// and dumps that are larger than a buffer.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/inet_diag.h>
#include <linux/net_tstamp.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/xinet.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/diag.h"
#include "support/family.h"
#include "support/fanout.h"
#include "support/inet.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/program.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"

namespace xt {
namespace {

using Memory = std::array<uint32_t, SK_MEMINFO_VARS>;

class SockDiag : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
    }
};

DiagMessage<inet_diag_msg> find_inet_raw(const Fd& socket) {
    inet_diag_req_v2 request{};
    request.sdiag_family = AF_INET;
    request.sdiag_protocol = IPPROTO_RAW;
    request.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
    request.idiag_states = ~0U;
    for (const auto& message : Diag().list<inet_diag_msg>(request))
        if (message.base.idiag_inode == inode_of(socket))
            return message;
    throw std::runtime_error("inet_diag does not list it");
}

DiagMessage<packet_diag_msg> find_packet(const Fd& socket) {
    packet_diag_req request{};
    request.sdiag_family = AF_PACKET;
    request.pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG |
                         PACKET_SHOW_FANOUT | PACKET_SHOW_MEMINFO | PACKET_SHOW_FILTER;
    for (const auto& message : Diag().list<packet_diag_msg>(request))
        if (message.base.pdiag_ino == inode_of(socket))
            return message;
    throw std::runtime_error("packet_diag does not list it");
}

void attach(const Fd& socket, std::vector<sock_filter> program) {
    const sock_fprog filter{.len = uint16_t(program.size()), .filter = program.data()};
    checked(::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)),
            "SO_ATTACH_FILTER");
}

// Limits, and all that is in use in a socket nothing has happened to.
Memory idle_memory(Memory memory) {
    memory[SK_MEMINFO_DROPS] = 0;
    return memory;
}

TEST_F(SockDiag, raw_socket_is_what_inet_diag_says_of_its_sibling) {
    const auto prepared = [](Side side) {
        Fd socket = open_raw(side, experimental_protocol);
        bind_to(socket, ipv4_address(here_address));
        const auto peer = ipv4_address(peer_address);
        checked(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)),
                "connect");
        set_option(socket, SOL_SOCKET, SO_MARK, 0x77);
        set_option(socket, SOL_SOCKET, SO_RCVBUF, 50'000);
        checked(::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, here_device, 5), "bind");
        ::shutdown(socket.get(), SHUT_WR);
        return socket;
    };
    const Fd sibling = prepared(Side::sibling);
    const Fd xinet = prepared(Side::xinet);
    const auto theirs = find_inet_raw(sibling);
    const auto found = find_socket(xinet);
    ASSERT_TRUE(found);
    const auto& ours = *found;

    EXPECT_EQ(ours.base.kind, XINET_DIAG_RAW);
    EXPECT_EQ(ours.base.type, SOCK_RAW);
    EXPECT_EQ(ours.base.family, theirs.base.idiag_family);
    EXPECT_EQ(ours.base.state, theirs.base.idiag_state);
    EXPECT_EQ(ours.base.src, theirs.base.id.idiag_src[0]);
    EXPECT_EQ(ours.base.dst, theirs.base.id.idiag_dst[0]);
    EXPECT_EQ(uint32_t(ours.base.ifindex), theirs.base.id.idiag_if);
    EXPECT_EQ(ours.base.uid, theirs.base.idiag_uid);
    EXPECT_EQ(ours.base.rqueue, theirs.base.idiag_rqueue);
    EXPECT_EQ(ours.base.wqueue, theirs.base.idiag_wqueue);
    EXPECT_EQ(ours.base.protocol, theirs.get<uint8_t>(INET_DIAG_PROTOCOL));
    EXPECT_EQ(ours.get<uint8_t>(XINET_DIAG_SHUTDOWN), theirs.get<uint8_t>(INET_DIAG_SHUTDOWN));
    EXPECT_EQ(ours.get<uint32_t>(XINET_DIAG_MARK), theirs.get<uint32_t>(INET_DIAG_MARK));
    EXPECT_EQ(idle_memory(ours.get<Memory>(XINET_DIAG_MEMINFO)),
              idle_memory(theirs.get<Memory>(INET_DIAG_SKMEMINFO)));
    EXPECT_EQ(cookie_of(ours.base), cookie_of(xinet));
}

TEST_F(SockDiag, packet_socket_is_what_packet_diag_says_of_its_sibling) {
    const int ifindex = link::index(here_device);
    const auto prepared = [&](Side side) {
        Fd socket = open_socket(side, Kind::packet, 0);
        attach(socket, {BPF_STMT(BPF_RET | BPF_K, 0)});
        set_option(socket, SOL_PACKET, PACKET_AUXDATA, 1);
        set_option(socket, SOL_PACKET, PACKET_ORIGDEV, 1);
        packet_mreq member{};
        member.mr_ifindex = ifindex;
        member.mr_type = PACKET_MR_MULTICAST;
        member.mr_alen = 6;
        std::copy(multicast_mac.begin(), multicast_mac.end(), member.mr_address);
        for (int i = 0; i < 3; i++)
            checked(::setsockopt(socket.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member,
                                 sizeof(member)),
                    "PACKET_ADD_MEMBERSHIP");
        bind_to(socket, link_address(experimental_ethertype, ifindex));
        return socket;
    };
    const Fd sibling = prepared(Side::sibling);
    const Fd xinet = prepared(Side::xinet);
    const auto theirs = find_packet(sibling);
    const auto found = find_socket(xinet);
    ASSERT_TRUE(found);
    const auto& ours = *found;

    EXPECT_EQ(ours.base.kind, XINET_DIAG_PACKET);
    EXPECT_EQ(ours.base.family, theirs.base.pdiag_family);
    EXPECT_EQ(ours.base.type, theirs.base.pdiag_type);
    EXPECT_EQ(ours.base.protocol, theirs.base.pdiag_num);
    const auto info = theirs.get<packet_diag_info>(PACKET_DIAG_INFO);
    EXPECT_EQ(uint32_t(ours.base.ifindex), info.pdi_index);
    EXPECT_EQ(info.pdi_flags, unsigned(PDI_RUNNING | PDI_AUXDATA | PDI_ORIGDEV));
    EXPECT_EQ(ours.get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO).flags,
              unsigned(XINET_DIAG_PACKET_RUNNING | XINET_DIAG_PACKET_AUXDATA |
                       XINET_DIAG_PACKET_ORIGDEV));
    EXPECT_EQ(ours.base.uid, theirs.get<uint32_t>(PACKET_DIAG_UID));
    EXPECT_EQ(idle_memory(ours.get<Memory>(XINET_DIAG_MEMINFO)),
              idle_memory(theirs.get<Memory>(PACKET_DIAG_MEMINFO)));
    ASSERT_TRUE(ours.has(XINET_DIAG_FILTER));
    EXPECT_EQ(ours.attributes.find(XINET_DIAG_FILTER)->second,
              theirs.attributes.find(PACKET_DIAG_FILTER)->second);
    EXPECT_EQ(ours.get<uint32_t>(XINET_DIAG_MEMBERSHIPS), 1U);
    // same layout, index and count first
    EXPECT_EQ(ours.attributes.find(XINET_DIAG_MEMBERSHIP)->second,
              theirs.attributes.find(PACKET_DIAG_MCLIST)->second);
}

TEST_F(SockDiag, ring_and_group_are_what_packet_diag_says_of_the_siblings) {
    constexpr unsigned block = 8192, frame = 2048, timeout_ms = 60, private_size = 64;
    const auto prepared = [&](Side side, int version) {
        Fd socket = open_socket(side, Kind::cooked, 0);
        set_option(socket, SOL_PACKET, PACKET_VERSION, version);
        set_option(socket, SOL_PACKET, PACKET_RESERVE, 32);
        set_option(socket, SOL_PACKET, PACKET_LOSS, 1);
        set_option(socket, SOL_PACKET, PACKET_COPY_THRESH, 900);
        set_option(socket, SOL_PACKET, PACKET_TIMESTAMP, SOF_TIMESTAMPING_RAW_HARDWARE);
        const auto request =
            version == TPACKET_V3
                ? ring_request(4, block, frame, timeout_ms, private_size, TP_FT_REQ_FILL_RXHASH)
                : ring_request(4, block, frame);
        EXPECT_EQ(set_ring(socket.get(), version, request), 0);
        const auto send_request = ring_request(2, block, frame / 2);
        EXPECT_EQ(set_ring(socket.get(), version, send_request, PACKET_TX_RING), 0);
        bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
        EXPECT_EQ(join_fanout(socket.get(), uint16_t(0x5a00 + version),
                              PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_DEFRAG),
                  0);
        return socket;
    };
    for (const int version : ring_versions) {
        SCOPED_TRACE(version_name(version));
        const Fd sibling = prepared(Side::sibling, version);
        const Fd xinet = prepared(Side::xinet, version);
        const auto theirs = find_packet(sibling);
        const auto ours = find_socket(xinet);
        ASSERT_TRUE(ours);
        for (const auto& [our_type, their_type] :
             {std::pair(XINET_DIAG_RX_RING, PACKET_DIAG_RX_RING),
              std::pair(XINET_DIAG_TX_RING, PACKET_DIAG_TX_RING)}) {
            ASSERT_TRUE(ours->has(our_type) && theirs.has(their_type)) << our_type;
            // same layout
            EXPECT_EQ(ours->attributes.find(our_type)->second,
                      theirs.attributes.find(their_type)->second);
        }
        // packet_diag leaves the flags of the group out
        EXPECT_EQ(ours->get<uint32_t>(XINET_DIAG_FANOUT) & 0x00ffffff,
                  theirs.get<uint32_t>(PACKET_DIAG_FANOUT));
        EXPECT_EQ(ours->get<uint32_t>(XINET_DIAG_FANOUT),
                  uint32_t(get_option(xinet, SOL_PACKET, PACKET_FANOUT)));
        const auto info = ours->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO);
        const auto their_info = theirs.get<packet_diag_info>(PACKET_DIAG_INFO);
        EXPECT_EQ(info.version, their_info.pdi_version);
        EXPECT_EQ(info.reserve, their_info.pdi_reserve);
        EXPECT_EQ(info.copy_thresh, their_info.pdi_copy_thresh);
        EXPECT_EQ(info.timestamp, their_info.pdi_tstamp);
        EXPECT_TRUE(their_info.pdi_flags & PDI_LOSS);
        EXPECT_TRUE(info.flags & XINET_DIAG_PACKET_LOSS);
    }
}

// The engines' own sock_diag lists these sockets, too: they are in the engines' tables.
void expect_as_inet_diag_says(const Fd& socket, uint8_t protocol, xinet_diag_kind kind) {
    const auto found = find_socket(socket);
    ASSERT_TRUE(found);
    const auto& ours = found->base;
    EXPECT_EQ(ours.kind, kind);
    EXPECT_EQ(ours.protocol, protocol);

    inet_diag_req_v2 request{};
    request.sdiag_family = AF_INET;
    request.sdiag_protocol = protocol;
    request.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
    request.idiag_states = ~0U;
    for (const auto& message : Diag().list<inet_diag_msg>(request)) {
        const auto& theirs = message.base;
        if (theirs.idiag_inode != ours.ino)
            continue;
        EXPECT_EQ(ours.family, theirs.idiag_family);
        EXPECT_EQ(ours.state, theirs.idiag_state);
        EXPECT_EQ(ours.src, theirs.id.idiag_src[0]);
        EXPECT_EQ(ours.dst, theirs.id.idiag_dst[0]);
        EXPECT_EQ(ours.sport, theirs.id.idiag_sport);
        EXPECT_EQ(ours.dport, theirs.id.idiag_dport);
        EXPECT_EQ(ours.rqueue, theirs.idiag_rqueue);
        EXPECT_EQ(ours.wqueue, theirs.idiag_wqueue);
        EXPECT_EQ(ours.uid, theirs.idiag_uid);
        EXPECT_EQ(ours.cookie[0], theirs.id.idiag_cookie[0]);
        EXPECT_EQ(ours.cookie[1], theirs.id.idiag_cookie[1]);
        EXPECT_EQ(found->get<uint8_t>(XINET_DIAG_SHUTDOWN),
                  message.get<uint8_t>(INET_DIAG_SHUTDOWN));
        EXPECT_EQ(found->get<Memory>(XINET_DIAG_MEMINFO), message.get<Memory>(INET_DIAG_SKMEMINFO));
        return;
    }
    ADD_FAILURE() << "inet_diag does not list it";
}

TEST_F(SockDiag, stream_sockets_are_what_inet_diag_says_of_them) {
    const Fd listener = open_listener(Side::xinet);
    const Fd client = open_socket(Side::xinet, Transport::stream);
    connect_to(client, name_of(listener));
    const Fd accepted = accept_from(listener);
    const Fd waiting = open_socket(Side::xinet, Transport::stream);
    connect_to(waiting, name_of(listener));
    ASSERT_EQ(::send(client.get(), "four", 4, 0), 4);
    ASSERT_TRUE(wait_readable(listener.get()));
    ASSERT_TRUE(wait_readable(accepted.get()));

    for (const Fd* socket : {&listener, &client, &waiting, &accepted})
        expect_as_inet_diag_says(*socket, IPPROTO_TCP, XINET_DIAG_TCP);
    EXPECT_EQ(find_socket(listener)->base.state, TCP_LISTEN);
    EXPECT_EQ(find_socket(listener)->base.rqueue, 1U) << "connections that wait";
    EXPECT_EQ(find_socket(listener)->base.wqueue, 16U) << "the backlog asked for";
    EXPECT_EQ(find_socket(accepted)->base.rqueue, 4U) << "bytes that wait";
}

TEST_F(SockDiag, datagram_sockets_are_what_inet_diag_says_of_them) {
    const Fd socket = open_socket(Side::xinet, Transport::datagram);
    bind_to(socket, ipv4_address(loopback_address));
    const Fd sender = open_socket(Side::xinet, Transport::datagram);
    connect_to(sender, name_of(socket));
    ASSERT_EQ(::send(sender.get(), "four", 4, 0), 4);
    ASSERT_TRUE(wait_readable(socket.get()));
    for (const Fd* each : {&socket, &sender})
        expect_as_inet_diag_says(*each, IPPROTO_UDP, XINET_DIAG_UDP);
    EXPECT_GT(find_socket(socket)->base.rqueue, 0U);
    EXPECT_EQ(find_socket(sender)->base.state, TCP_ESTABLISHED);
}

// inet_diag sees neither of these: they are in no table.
TEST_F(SockDiag, ping_sockets_and_fresh_ones_are_listed) {
    const PingAllowed allowed;
    const Fd ping = open_socket(Side::xinet, Transport::ping);
    const Fd stream = open_socket(Side::xinet, Transport::stream);
    ASSERT_TRUE(find_socket(ping) && find_socket(stream));
    EXPECT_EQ(find_socket(ping)->base.kind, XINET_DIAG_PING);
    EXPECT_EQ(find_socket(stream)->base.kind, XINET_DIAG_TCP);
    EXPECT_EQ(find_socket(stream)->base.state, TCP_CLOSE);
}

TEST_F(SockDiag, closed_connections_that_tcp_finishes_are_ours_no_more) {
    Connection connection = connect_streams(Side::xinet, Side::xinet);
    const uint64_t cookie = cookie_of(connection.client);
    connection.client.close();
    for (const auto& message : all_sockets())
        EXPECT_NE(cookie_of(message.base), cookie);
}

TEST_F(SockDiag, modes_and_flags_of_packet_sockets_are_told) {
    const Fd socket = open_socket(Side::xinet, Kind::cooked, 0);
    set_option(socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    set_option(socket, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    const auto found = find_socket(socket);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->base.type, SOCK_DGRAM);
    EXPECT_EQ(found->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO).flags,
              unsigned(XINET_DIAG_PACKET_COOKED | XINET_DIAG_PACKET_IGNORE_OUTGOING |
                       XINET_DIAG_PACKET_QDISC_BYPASS));
    EXPECT_FALSE(found->has(XINET_DIAG_MEMBERSHIPS));
    EXPECT_FALSE(found->has(XINET_DIAG_FILTER));
}

TEST_F(SockDiag, queues_drops_and_statistics_count_and_are_not_reset) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, experimental_ethertype);
    set_option(socket, SOL_SOCKET, SO_RCVBUF, 1);
    const Injector wire = Injector::at_peer();
    for (int i = 0; i < 20; i++)
        wire.send(ethernet(here_mac(), experimental_ethertype, repeated("diagdrop", 1000)));
    ASSERT_TRUE(wait_readable(socket.get()));
    // the others are still on their way
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (find_socket(socket)->get<uint64_t>(XINET_DIAG_DROPS) == 0)
        ASSERT_LT(std::chrono::steady_clock::now(), end);
    uint32_t packets = 0;
    for (int round = 0; round < 2; round++) {
        const auto found = find_socket(socket);
        ASSERT_TRUE(found);
        const auto info = found->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO);
        EXPECT_GT(found->base.rqueue, 0U);
        EXPECT_GE(info.packets, std::max(packets, 1U));
        packets = info.packets;
        EXPECT_EQ(found->get<Memory>(XINET_DIAG_MEMINFO)[SK_MEMINFO_DROPS],
                  found->get<uint64_t>(XINET_DIAG_DROPS));
    }
    tpacket_stats stats{};
    socklen_t length = sizeof(stats);
    checked(::getsockopt(socket.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &length), "stats");
    EXPECT_GE(stats.tp_packets, packets);
    EXPECT_GT(stats.tp_drops, 0U);
}

TEST_F(SockDiag, icmp_filter_is_told) {
    const Fd socket = open_raw(Side::xinet, IPPROTO_ICMP);
    const icmp_filter filter{.data = 0x1234};
    checked(::setsockopt(socket.get(), SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)), "filter");
    const auto found = find_socket(socket);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->get<uint32_t>(XINET_DIAG_ICMP_FILTER), 0x1234U);
}

TEST_F(SockDiag, extensions_come_on_demand_only) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    attach(socket, {BPF_STMT(BPF_RET | BPF_K, 0)});
    const auto plain = find_socket(socket, 0);
    ASSERT_TRUE(plain);
    for (const int type : {XINET_DIAG_MEMINFO, XINET_DIAG_FILTER, XINET_DIAG_PACKET_INFO})
        EXPECT_FALSE(plain->has(type)) << type;
    EXPECT_TRUE(plain->has(XINET_DIAG_DROPS) && plain->has(XINET_DIAG_SHUTDOWN));
    EXPECT_TRUE(find_socket(socket, XINET_DIAG_SHOW_MEMINFO)->has(XINET_DIAG_MEMINFO));
    EXPECT_FALSE(find_socket(socket, XINET_DIAG_SHOW_MEMINFO)->has(XINET_DIAG_FILTER));
}

TEST_F(SockDiag, requests_select_by_kind_state_and_protocol) {
    const Fd raw = open_raw(Side::xinet, experimental_protocol);
    const Fd packet = open_socket(Side::xinet, Kind::packet, experimental_protocol);
    const auto selected = [&](const xinet_diag_req& request) {
        std::string result;
        for (const auto& message : Diag().list<xinet_diag_msg>(request))
            for (const auto& [socket, name] : {std::pair(&raw, "r"), std::pair(&packet, "p")})
                if (message.base.ino == inode_of(*socket))
                    result += name;
        std::ranges::sort(result); // they come in no order
        return result;
    };
    auto request = xinet_request();
    EXPECT_EQ(selected(request), "pr");
    request.kinds = 1 << XINET_DIAG_PACKET;
    EXPECT_EQ(selected(request), "p");
    request.kinds = 1 << XINET_DIAG_RAW | 1 << XINET_DIAG_TCP;
    EXPECT_EQ(selected(request), "r");
    request.kinds = 0;
    request.states = 1 << TCP_ESTABLISHED;
    EXPECT_EQ(selected(request), "");
    request.states = 1 << TCP_CLOSE;
    EXPECT_EQ(selected(request), "pr");
    request.sdiag_protocol = experimental_protocol;
    EXPECT_EQ(selected(request), "r");
    request.sdiag_protocol = IPPROTO_ICMP;
    EXPECT_EQ(selected(request), "");
}

// 0, or the errno that the kernel answers with.
int error_of(const void* request, size_t size, bool dump) {
    try {
        return Diag().ask(request, size, dump).empty() ? ENODATA : 0;
    } catch (const std::system_error& error) {
        return error.code().value();
    }
}

TEST_F(SockDiag, one_socket_is_found_by_its_cookie) {
    Fd socket = open_raw(Side::xinet, experimental_protocol);
    const Fd other = open_raw(Side::xinet, experimental_protocol);
    auto request = xinet_request(show_everything);
    const uint64_t cookie = cookie_of(socket);
    request.cookie[0] = uint32_t(cookie);
    request.cookie[1] = uint32_t(cookie >> 32);
    const auto found = Diag().list<xinet_diag_msg>(request, false);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].base.ino, inode_of(socket));
    EXPECT_TRUE(found[0].has(XINET_DIAG_MEMINFO));

    request.cookie[1] ^= 1;
    EXPECT_EQ(error_of(&request, sizeof(request), false), ENOENT);
    request.cookie[1] ^= 1;
    socket.close();
    EXPECT_EQ(error_of(&request, sizeof(request), false), ENOENT);
}

TEST_F(SockDiag, wrong_requests_are_refused) {
    auto request = xinet_request();
    EXPECT_EQ(error_of(&request, sizeof(request) - 1, true), EINVAL);
    EXPECT_EQ(error_of(&request, sizeof(sock_diag_req), false), EINVAL);
    EXPECT_EQ(error_of(&request, sizeof(request), false), ENOENT) << "cookie 0 is nobody's";
    request.cookie[0] = request.cookie[1] = ~0U;
    EXPECT_EQ(error_of(&request, sizeof(request), false), EINVAL);
}

TEST_F(SockDiag, filter_and_mark_are_for_the_privileged) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    attach(socket, {BPF_STMT(BPF_RET | BPF_K, 0)});
    set_option(socket, SOL_SOCKET, SO_MARK, 5);
    const auto seen = [&] {
        const auto found = find_socket(socket);
        return outcome_of([&]() -> long {
            if (!found)
                return -1;
            const auto filter = found->attributes.find(XINET_DIAG_FILTER);
            const bool told = filter != found->attributes.end() && !filter->second.empty();
            return (told ? 1 : 0) + (found->has(XINET_DIAG_MARK) ? 2 : 0);
        });
    };
    EXPECT_EQ(seen().result, 3);
    EXPECT_EQ(without_capabilities(seen).result, 0) << "the socket is seen, but not these";
}

TEST_F(SockDiag, namespaces_see_their_own_sockets_only) {
    const Fd here = open_raw(Side::xinet, experimental_protocol);
    const NetNs elsewhere = NetNs::create();
    const Fd there = elsewhere.run([] { return open_raw(Side::xinet, experimental_protocol); });
    EXPECT_TRUE(find_socket(here));
    EXPECT_FALSE(find_socket(there));

    const auto seen = elsewhere.run([] { return all_sockets(); });
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].base.ino, inode_of(there));

    auto request = xinet_request();
    request.cookie[0] = uint32_t(cookie_of(there));
    request.cookie[1] = uint32_t(cookie_of(there) >> 32);
    EXPECT_EQ(error_of(&request, sizeof(request), false), ENOENT);
}

TEST_F(SockDiag, closed_sockets_are_not_listed) {
    Fd socket = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
    const uint32_t inode = inode_of(socket);
    EXPECT_TRUE(find_socket(socket));
    socket.close();
    for (const auto& message : all_sockets())
        EXPECT_NE(message.base.ino, inode);
}

TEST_F(SockDiag, bound_device_that_goes_is_told) {
    link::add_dummy("xtdiag", nobodys_mac);
    const int ifindex = link::index("xtdiag");
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    bind_to(socket, link_address(experimental_ethertype, ifindex));
    EXPECT_EQ(find_socket(socket)->base.ifindex, ifindex);
    link::remove(ifindex);
    EXPECT_EQ(find_socket(socket)->base.ifindex, -1);
}

// Some kernels let a socket have a filter of that length only when the limit is raised.
class RoomForFilters {
public:
    RoomForFilters() {
        std::ifstream(path) >> saved_;
        std::ofstream(path) << 1'000'000 << std::endl;
    }
    ~RoomForFilters() { std::ofstream(path) << saved_ << std::endl; }
    RoomForFilters(const RoomForFilters&) = delete;
    RoomForFilters& operator=(const RoomForFilters&) = delete;

private:
    static constexpr const char* path = "/proc/sys/net/core/optmem_max";
    std::string saved_;
};

TEST_F(SockDiag, longest_filter_comes_whole_and_hides_no_other_socket) {
    const RoomForFilters room;
    const Fd first = open_raw(Side::xinet, experimental_protocol);
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    const Fd last = open_raw(Side::xinet, experimental_protocol);
    attach(socket, std::vector<sock_filter>(BPF_MAXINSNS, BPF_STMT(BPF_RET | BPF_K, 0)));
    for (const Fd* each : {&first, &socket, &last})
        EXPECT_TRUE(find_socket(*each));
    EXPECT_EQ(find_socket(socket)->attributes.find(XINET_DIAG_FILTER)->second.size(),
              BPF_MAXINSNS * sizeof(sock_filter));

    auto request = xinet_request(show_everything);
    request.cookie[0] = uint32_t(cookie_of(socket));
    request.cookie[1] = uint32_t(cookie_of(socket) >> 32);
    EXPECT_EQ(Diag().list<xinet_diag_msg>(request, false).size(), 1U);
}

TEST_F(SockDiag, memberships_are_counted_beyond_those_that_are_told) {
    constexpr uint32_t more_than_are_told = XINET_DIAG_MEMBERSHIPS_MAX + 10;
    link::add_dummy("xtdiag", nobodys_mac);
    const int ifindex = link::index("xtdiag");
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    packet_mreq member{};
    member.mr_ifindex = ifindex;
    member.mr_type = PACKET_MR_MULTICAST;
    member.mr_alen = 6;
    member.mr_address[0] = 1;
    for (uint32_t i = 0; i < more_than_are_told; i++) {
        member.mr_address[4] = uint8_t(i >> 8);
        member.mr_address[5] = uint8_t(i);
        checked(
            ::setsockopt(socket.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof(member)),
            "PACKET_ADD_MEMBERSHIP");
    }
    const auto found = find_socket(socket);
    link::remove(ifindex);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->get<uint32_t>(XINET_DIAG_MEMBERSHIPS), more_than_are_told);
    EXPECT_EQ(found->attributes.count(XINET_DIAG_MEMBERSHIP), size_t(XINET_DIAG_MEMBERSHIPS_MAX));
}

TEST_F(SockDiag, dump_in_many_pieces_finds_each_socket_once_while_others_come_and_go) {
    constexpr size_t sockets = 600, little_room = 4096, rounds = 20;
    std::vector<Fd> lasting;
    std::multiset<uint32_t> expected;
    for (size_t i = 0; i < sockets; i++) {
        lasting.push_back(i % 2 ? open_raw(Side::xinet, IPPROTO_RAW)
                                : open_socket(Side::xinet, Kind::packet, 0));
        expected.insert(inode_of(lasting.back()));
    }

    std::atomic<bool> stop = false;
    std::jthread others([&] {
        while (!stop) {
            std::vector<Fd> passing;
            for (int i = 0; i < 50; i++)
                passing.push_back(open_raw(Side::xinet, IPPROTO_RAW));
        }
    });
    for (size_t round = 0; round < rounds; round++) {
        std::multiset<uint32_t> seen;
        for (const auto& message : all_sockets(XINET_DIAG_SHOW_MEMINFO, little_room))
            if (expected.contains(message.base.ino))
                seen.insert(message.base.ino);
        EXPECT_EQ(seen, expected) << "round " << round;
    }
    stop = true;
}

TEST_F(SockDiag, xinet_ss_lists_sockets_with_their_processes) {
    const Fd raw = open_raw(Side::xinet, experimental_protocol);
    const Fd packet = open_socket(Side::xinet, Kind::packet, experimental_ethertype);
    Program ss({in_tree("tools/build/xinet"), "ss", "-a", "-n", "-p", "-e", "-m"});
    const auto text = ss.output();
    EXPECT_EQ(ss.wait(), 0);
    EXPECT_NE(text.find("0.0.0.0:253"), std::string::npos) << text;
    EXPECT_NE(text.find("0x88b5:*"), std::string::npos) << text;
    for (const Fd* socket : {&raw, &packet}) {
        EXPECT_NE(text.find("ino:" + std::to_string(inode_of(*socket)) + " "), std::string::npos);
        EXPECT_NE(text.find("pid=" + std::to_string(getpid()) +
                            ",fd=" + std::to_string(socket->get()) + ")"),
                  std::string::npos)
            << text;
    }
    EXPECT_NE(text.find("skmem:(r0,rb"), std::string::npos);
}

} // namespace
} // namespace xt
