// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ss.h"

#include "program/ss_names.h"
#include "program/ss_processes.h"
#include "program/ss_report.h"
#include "tests/temporary_directory.h"
#include "xinet/error.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace {

using Words = std::vector<std::string>;
using xinet::SocketRecord;

std::uint32_t address(const char* text) {
    in_addr result{};
    EXPECT_EQ(::inet_pton(AF_INET, text, &result), 1);
    return result.s_addr;
}

SocketRecord socket_of(xinet_diag_kind kind, int state, const char* local, std::uint16_t sport,
                       const char* peer, std::uint16_t dport) {
    SocketRecord socket;
    socket.base.family = kind == XINET_DIAG_PACKET ? AF_PACKET : AF_INET;
    socket.base.kind = static_cast<std::uint8_t>(kind);
    socket.base.state = static_cast<std::uint8_t>(state);
    socket.base.src = address(local);
    socket.base.dst = address(peer);
    socket.base.sport = htons(sport);
    socket.base.dport = htons(dport);
    return socket;
}

SocketRecord tcp() {
    SocketRecord socket =
        socket_of(XINET_DIAG_TCP, TCP_ESTABLISHED, "10.77.0.1", 40000, "10.77.0.2", 80);
    socket.base.protocol = IPPROTO_TCP;
    socket.base.ino = 77;
    return socket;
}

SocketRecord raw() {
    SocketRecord socket = socket_of(XINET_DIAG_RAW, TCP_CLOSE, "10.77.0.1", 0, "0.0.0.0", 0);
    socket.base.protocol = IPPROTO_ICMP;
    return socket;
}

SocketRecord packet() {
    SocketRecord socket = socket_of(XINET_DIAG_PACKET, TCP_CLOSE, "0.0.0.0", 0, "0.0.0.0", 0);
    socket.base.protocol = ETH_P_ARP;
    return socket;
}

bool accepts(const Words& words, const SocketRecord& socket) {
    return xinet::parse_socket_filter(words).accepts(socket);
}

struct FilterCase {
    Words words;
    bool tcp;
    bool raw;
    bool packet;
};

class SocketFilterLanguage : public testing::TestWithParam<FilterCase> {};

TEST_P(SocketFilterLanguage, accepts_what_it_says) {
    EXPECT_EQ(accepts(GetParam().words, tcp()), GetParam().tcp);
    EXPECT_EQ(accepts(GetParam().words, raw()), GetParam().raw);
    EXPECT_EQ(accepts(GetParam().words, packet()), GetParam().packet);
}

INSTANTIATE_TEST_SUITE_P(
    Ss, SocketFilterLanguage,
    testing::Values(
        FilterCase{{}, true, true, true}, FilterCase{{"src", "10.77.0.1"}, true, true, false},
        FilterCase{{"src", "10.77.0.2"}, false, false, false},
        FilterCase{{"src", "10.77.0.0/16"}, true, true, false},
        FilterCase{{"dst", "0.0.0.0/0"}, true, true, false},
        FilterCase{{"dst", "10.77.0.2/31"}, true, false, false},
        FilterCase{{"src", "10.77.0.1:40000"}, true, false, false},
        FilterCase{{"src", "10.77.0.1:40001"}, false, false, false},
        FilterCase{{"src", ":40000"}, true, false, false},
        FilterCase{{"src", "10.77.0.1:*"}, true, true, false},
        FilterCase{{"src", "*"}, true, true, true},
        FilterCase{{"src", "!=", "10.77.0.1"}, false, false, true},
        FilterCase{{"dport", "80"}, true, false, false},
        FilterCase{{"dport", "=", ":80"}, true, false, false},
        FilterCase{{"dport=:80"}, true, false, false},
        FilterCase{{"dport", "!=", "80"}, false, false, false},
        FilterCase{{"sport", "ge", "40000"}, true, false, false},
        FilterCase{{"sport", ">", "40000"}, false, false, false},
        FilterCase{{"sport", "<", "40001"}, true, false, false},
        FilterCase{{"sport", "<=", "39999"}, false, false, false},
        FilterCase{{"not", "src", "10.77.0.1"}, false, false, true},
        FilterCase{{"!", "sport", "40000"}, false, true, true},
        FilterCase{{"src", "10.77.0.1", "and", "dport", "80"}, true, false, false},
        FilterCase{{"src", "10.77.0.1", "dport", "81"}, false, false, false},
        FilterCase{{"dport", "81", "or", "src", "10.77.0.1"}, true, true, false},
        FilterCase{
            {"dport", "81", "or", "src", "10.77.0.1", "and", "dport", "80"}, true, false, false},
        FilterCase{{"not (dport = 81 or src 10.77.0.1)"}, false, false, true},
        FilterCase{{"( dport 81 || dport 80 ) && src 10.77.0.1"}, true, false, false}));

class SocketFilterErrors : public testing::TestWithParam<Words> {};

TEST_P(SocketFilterErrors, name_what_is_not_understood) {
    try {
        xinet::parse_socket_filter(GetParam());
        FAIL() << "accepted";
    } catch (const xinet::Error& error) {
        EXPECT_NE(std::string(error.what()).find("filter"), std::string::npos);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Ss, SocketFilterErrors,
    testing::Values(Words{"src"}, Words{"src", "10.77.0"}, Words{"src", "10.77.0.1/33"},
                    Words{"src", "10.77.0.1/"}, Words{"src", "::1"}, Words{"src", ">", "10.0.0.1"},
                    Words{"sport"}, Words{"sport", "65536"}, Words{"sport", "-1"},
                    Words{"sport", "no-such-service"}, Words{"sport", "=<", "1"}, Words{"dev"},
                    Words{"state"}, Words{"state", "asleep"}, Words{"("}, Words{"(", "src", "*"},
                    Words{"src", "*", ")"}, Words{"and"}, Words{"src", "*", "or"}, Words{"not"},
                    Words{"frob"}, Words{"src", "*", "state", "all"}));

TEST(SocketFilter, interface_that_is_not_there_is_named) {
    try {
        xinet::parse_socket_filter({"dev", "no-such-interface"});
        FAIL() << "accepted";
    } catch (const xinet::Error& error) {
        EXPECT_EQ(error.object(), "no-such-interface");
    }
}

TEST(SocketFilter, states_add_up_and_are_excluded) {
    EXPECT_FALSE(xinet::parse_socket_filter({"src", "*"}).states);
    EXPECT_EQ(xinet::parse_socket_filter({"state", "established", "state", "listening"}).states,
              1U << TCP_ESTABLISHED | 1U << TCP_LISTEN);
    const auto rest = xinet::parse_socket_filter({"exclude", "listening"}).states;
    ASSERT_TRUE(rest);
    EXPECT_EQ(*rest >> TCP_LISTEN & 1U, 0U);
    EXPECT_EQ(*rest >> TCP_CLOSE & 1U, 1U);
}

TEST(WantedStates, are_those_of_ss) {
    const xinet::SocketFilter none = xinet::parse_socket_filter({});
    SocketRecord listener = tcp();
    listener.base.state = TCP_LISTEN;
    SocketRecord fresh = tcp();
    fresh.base.state = TCP_CLOSE;
    const auto wanted = [&](const SocketRecord& socket, const xinet::SsOptions& options) {
        return xinet::is_wanted_state(socket, options, none);
    };
    xinet::SsOptions plain;
    EXPECT_TRUE(wanted(tcp(), plain) && wanted(packet(), plain));
    EXPECT_FALSE(wanted(listener, plain) || wanted(raw(), plain) || wanted(fresh, plain));
    xinet::SsOptions listening{.listening = true};
    EXPECT_TRUE(wanted(listener, listening) && wanted(raw(), listening));
    EXPECT_FALSE(wanted(tcp(), listening) || wanted(fresh, listening));
    xinet::SsOptions all{.all = true};
    for (const auto& socket : {tcp(), raw(), packet(), listener, fresh}) {
        EXPECT_TRUE(wanted(socket, all));
    }
    EXPECT_FALSE(
        xinet::is_wanted_state(tcp(), all, xinet::parse_socket_filter({"state", "closed"})));
}

std::string table(const std::vector<SocketRecord>& sockets, const xinet::SsOptions& options,
                  const xinet::SocketUsers& users = {}) {
    xinet::SocketNames names(true);
    return xinet::sockets_text(sockets, users, options, names);
}

TEST(SocketTable, columns_are_aligned) {
    SocketRecord busy = tcp();
    busy.base.rqueue = 123456789;
    EXPECT_EQ(table({busy, raw(), packet()}, {}),
              "Netid State     Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
              "tcp   ESTAB  123456789      0 10.77.0.1:40000    10.77.0.2:80\n"
              "raw   UNCONN         0      0 10.77.0.1:1        0.0.0.0:*\n"
              "pkt   UNCONN         0      0 0x0806:*           *\n");
}

TEST(SocketTable, header_can_be_left_out) {
    EXPECT_EQ(table({}, {.header = false}), "");
    EXPECT_EQ(table({packet()}, {.header = false}), "pkt UNCONN 0 0 0x0806:* *\n");
}

TEST(SocketTable, details_are_shown_on_demand) {
    SocketRecord socket = packet();
    socket.base.uid = 1000;
    socket.base.ino = 5;
    socket.base.cookie[0] = 0xab;
    socket.base.ifindex = -1;
    socket.mark = 0x10;
    socket.drops = 3;
    socket.memory = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    socket.filter = {{0x06, 0, 0, 0}};
    socket.packet.emplace();
    socket.packet->flags = XINET_DIAG_PACKET_RUNNING | XINET_DIAG_PACKET_COOKED;
    socket.packet->packets = 7;
    socket.packet->drops = 2;
    socket.packet->freezes = 4;
    socket.packet->copy_thresh = 9;
    socket.packet->timestamp = 0x40;
    socket.fanout = 0x80000000 | PACKET_FANOUT_RND << 16 | 11;
    socket.receive_ring = {4096, 2, 2048, 4, 60, 0, 1};
    socket.receive_lanes = {.lane_size = 65536,
                            .lanes = 2,
                            .flags = XINET_RX_RING_OVERWRITE,
                            .snaplen = 96,
                            .wake_packets = 8,
                            .wake_usec = 500,
                            .reader = 1,
                            .readers = 3};
    xinet_diag_membership membership{};
    membership.type = PACKET_MR_MULTICAST;
    membership.alen = 6;
    membership.addr[0] = 0x01;
    membership.count = 2;
    socket.memberships = {membership};
    socket.membership_count = 4;
    EXPECT_EQ(
        table(
            {socket},
            {.processes = true, .extended = true, .memory = true, .filters = true, .header = false},
            {{5, {{"nc", 12, 3}, {"nc", 13, 3}}}}),
        "pkt UNCONN 0 0 0x0806:gone * users:((\"nc\",pid=12,fd=3),(\"nc\",pid=13,fd=3)) "
        "uid:1000 ino:5 sk:ab fwmark:0x10 drops:3 "
        "packet:(running,cooked,packets:7,drops:2,version:1,"
        "freezes:4,copy-thresh:9,timestamp:64)\n"
        "\t skmem:(r1,rb2,t3,tb4,f5,w6,o7,bl8,d9)\n"
        "\t bpf filter (1): 0x06 0 0 0\n"
        "\t rx-ring:(block-size:4096,blocks:2,frame-size:2048,frames:4,timeout-ms:60,features:1)\n"
        "\t "
        "rx-lanes:(lanes:2,lane-size:65536,reader:1,readers:3,overwrite,snaplen:96,wake-packets:8,"
        "wake-usec:500)\n"
        "\t fanout:(id:11,mode:rnd,defrag)\n"
        "\t membership:(type:multicast,interface:*,address:01:00:00:00:00:00,count:2)\n"
        "\t and 3 memberships more\n");
}

TEST(SocketTable, info_has_the_reasons_that_are_not_zero) {
    SocketRecord socket = packet();
    EXPECT_EQ(table({socket}, {.info = true, .header = false}).find("drops:("), std::string::npos);
    socket.drop_reasons.resize(__XINET_DROP_REASONS + 1);
    socket.drop_reasons.at(XINET_DROP_RCVBUF) = 7;
    socket.drop_reasons.back() = 8; // of a newer kernel
    const std::string text = table({socket}, {.info = true, .header = false});
    EXPECT_NE(text.find("\t drops:(RcvBuf:7," + std::to_string(__XINET_DROP_REASONS) + ":8)\n"),
              std::string::npos)
        << text;
}

TEST(SocketTable, an_address_longer_than_the_kernel_has_is_cut) {
    SocketRecord socket = packet();
    xinet_diag_membership membership{};
    membership.alen = 0xffff;
    socket.memberships = {membership};
    socket.membership_count = 1;
    EXPECT_LT(table({socket}, {.extended = true}).size(), 400U);
}

TEST(SocketJson, has_every_field) {
    SocketRecord socket = tcp();
    socket.mark = 1;
    xinet::SocketNames names(true);
    EXPECT_EQ(xinet::json_text(
                  xinet::socket_json(socket, {{77, {{"a\"b", 1, 2}}}}, {.processes = true}, names)),
              R"({"kind":"tcp","state":"ESTAB","local":"10.77.0.1","local_port":40000,)"
              R"("peer":"10.77.0.2","peer_port":80,"protocol":6,"interface":"*","ifindex":0,)"
              R"("recv_q":0,"send_q":0,"uid":0,"inode":77,"cookie":0,"drops":0,)"
              R"("shutdown_read":false,"shutdown_write":false,"mark":1,)"
              R"("processes":[{"name":"a\"b","pid":1,"fd":2}]})");
}

TEST(SocketJson, packet_sockets_have_their_own) {
    SocketRecord socket = packet();
    socket.filter = {{0x06, 1, 2, 3}};
    socket.packet.emplace();
    socket.packet->flags = XINET_DIAG_PACKET_AUXDATA;
    socket.packet->version = 2;
    socket.send_ring = {4096, 2, 2048, 4, 0, 0, 0};
    socket.receive_lanes.emplace();
    socket.receive_lanes->lane_size = 65536;
    socket.receive_lanes->lanes = 2;
    socket.receive_lanes->readers = 1;
    socket.fanout = PACKET_FANOUT_FLAG_ROLLOVER << 16 | PACKET_FANOUT_LB << 16 | 7;
    xinet::SocketNames names(true);
    const std::string text = xinet::json_text(xinet::socket_json(socket, {}, {}, names));
    EXPECT_NE(text.find(R"("filter":[{"code":6,"jt":1,"jf":2,"k":3}])"), std::string::npos) << text;
    EXPECT_NE(text.find(R"("running":false,"cooked":false,"auxdata":true)"), std::string::npos);
    EXPECT_NE(text.find(R"("membership_count":0,"memberships":[])"), std::string::npos);
    EXPECT_NE(text.find(R"("version":3)"), std::string::npos);
    EXPECT_NE(text.find(R"("tx_ring":{"block_size":4096,"blocks":2,"frame_size":2048,"frames":4,)"),
              std::string::npos);
    EXPECT_NE(text.find(R"("fanout":{"id":7,"mode":"lb","rollover":true,"unique_id":false,)"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"("rx_lanes":{"lanes":2,"lane_size":65536,"reader":0,"readers":1,)"
                        R"("overwrite":false,)"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("rx_ring"), std::string::npos);
    EXPECT_EQ(text.find("local"), std::string::npos);
}

TEST(DropReasons, each_has_a_name_of_its_own) {
    std::set<std::string_view> names;
    for (std::size_t reason = 0; reason < __XINET_DROP_REASONS; ++reason) {
        EXPECT_NE(xinet::drop_reason_name(reason), "") << reason;
        names.insert(xinet::drop_reason_name(reason));
    }
    EXPECT_EQ(names.size(), std::size_t{__XINET_DROP_REASONS});
    EXPECT_EQ(xinet::drop_reason_name(__XINET_DROP_REASONS), "?");
}

TEST(SocketUsers, are_found_by_inode) {
    const xinet::test::TemporaryDirectory proc;
    namespace fs = std::filesystem;
    fs::create_directories(proc.file("12/fd"));
    fs::create_directories(proc.file("13"));
    fs::create_directories(proc.file("self/fd"));
    std::ofstream(proc.file("12/comm")) << "some prog\n";
    fs::create_symlink("socket:[500]", proc.file("12/fd/3"));
    fs::create_symlink("socket:[500]", proc.file("12/fd/4"));
    fs::create_symlink("pipe:[501]", proc.file("12/fd/5"));
    fs::create_symlink("socket:[x]", proc.file("12/fd/6"));
    fs::create_symlink("socket:[502]", proc.file("self/fd/7"));
    auto users = xinet::find_socket_users(proc.file(""));
    ASSERT_EQ(users.size(), 1U);
    auto& found = users.at(500);
    std::ranges::sort(found, {}, &xinet::SocketUser::descriptor);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found.at(0).name, "some prog");
    EXPECT_EQ(found.at(0).process, 12);
    EXPECT_EQ(found.at(1).descriptor, 4);
    EXPECT_THROW(xinet::find_socket_users(proc.file("absent")), xinet::Error);
}

TEST(SocketUsers, this_process_finds_its_own) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const auto users = xinet::find_socket_users();
    const auto mine = std::ranges::count_if(users, [&](const auto& entry) {
        return std::ranges::any_of(entry.second, [&](const xinet::SocketUser& user) {
            return user.process == ::getpid() &&
                   (user.descriptor == pair[0] || user.descriptor == pair[1]);
        });
    });
    EXPECT_EQ(mine, 2);
    ::close(pair[0]);
    ::close(pair[1]);
}

TEST(SocketNames, numbers_stay_numbers_on_demand) {
    xinet::SocketNames numeric(true);
    EXPECT_EQ(numeric.port(22, "tcp"), "22");
    EXPECT_EQ(numeric.port(0, "tcp"), "*");
    EXPECT_EQ(numeric.protocol(1), "1");
    EXPECT_EQ(numeric.ethertype(ETH_P_IP), "0x0800");
    EXPECT_EQ(numeric.ethertype(ETH_P_ALL), "*");
    const xinet::SocketNames named(false);
    EXPECT_EQ(named.ethertype(ETH_P_IP), "ip");
    EXPECT_EQ(named.ethertype(0x88b5), "0x88b5");
    EXPECT_EQ(xinet::kind_name(200), "other");
    EXPECT_EQ(xinet::state_name(200), "UNKNOWN");
}

} // namespace
