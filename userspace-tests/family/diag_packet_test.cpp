// SPDX-License-Identifier: GPL-2.0-or-later
// sock_diag of packet sockets: lanes, programs, the same sockets in /proc, and dumps while sockets
// with all that they can have come and go.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/xinet.h>
#include <sys/syscall.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/compare.h"
#include "support/diag.h"
#include "support/fanout.h"
#include "support/lanes.h"
#include "support/outcome.h"
#include "support/program.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr uid_t somebody = 4711;

class SockDiagPacket : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
    }
};

tpacket_stats statistics(const Fd& socket) {
    tpacket_stats result{};
    socklen_t length = sizeof(result);
    checked(::getsockopt(socket.get(), SOL_PACKET, PACKET_STATISTICS, &result, &length),
            "PACKET_STATISTICS");
    return result;
}

TEST_F(SockDiagPacket, lanes_are_told_of_every_reader) {
    if (lanes_are_refused)
        GTEST_SKIP() << "32-bit programs get no lanes";
    auto request = lanes_request(2 * smallest_lane, XINET_RX_RING_OVERWRITE);
    request.snaplen = 96;
    request.wake_usec = 500;
    Fd maker = open_socket(Side::xinet, Kind::packet, 0);
    EXPECT_FALSE(find_socket(maker)->has(XINET_DIAG_RX_LANES));
    checked(set_lanes(maker.get(), request), "XINET_RX_RING");
    const Fd reader = open_socket(Side::xinet, Kind::packet, 0);
    checked(attach_lanes(reader.get(), maker.get()), "XINET_RX_RING_ATTACH");

    for (const Fd* socket : std::initializer_list<const Fd*>{&maker, &reader}) {
        const auto info = lanes_info(socket->get());
        const auto found = find_socket(*socket);
        ASSERT_TRUE(found && found->has(XINET_DIAG_RX_LANES));
        const auto lanes = found->get<xinet_diag_lanes>(XINET_DIAG_RX_LANES);
        EXPECT_EQ(lanes.lane_size, info.req.lane_size);
        EXPECT_EQ(lanes.lanes, info.nr_lanes);
        EXPECT_EQ(lanes.flags, info.req.flags);
        EXPECT_EQ(lanes.snaplen, info.req.snaplen);
        EXPECT_EQ(lanes.wake_packets, info.req.wake_packets);
        EXPECT_EQ(lanes.wake_usec, info.req.wake_usec);
        EXPECT_EQ(lanes.reader, info.reader);
        EXPECT_EQ(lanes.readers, 2U);
    }
    Program ss({in_tree("tools/build/xinet"), "ss", "-0", "-e"});
    const auto text = ss.output();
    EXPECT_EQ(ss.wait(), 0);
    EXPECT_NE(text.find("lane-size:131072,reader:1,readers:2,overwrite,snaplen:96,"),
              std::string::npos)
        << text;

    maker.close();
    const auto left = find_socket(reader)->get<xinet_diag_lanes>(XINET_DIAG_RX_LANES);
    EXPECT_EQ(left.readers, 1U);
    EXPECT_EQ(left.reader, 1U);
}

// More than a lane takes, so that there are drops; the counts are those of PACKET_STATISTICS, which
// only that resets.
TEST_F(SockDiagPacket, counts_of_lanes_are_those_of_packet_statistics) {
    if (lanes_are_refused)
        GTEST_SKIP() << "32-bit programs get no lanes";
    const OnOneCpu one_cpu;
    constexpr size_t frames = 100;
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    checked(set_lanes(socket.get(), lanes_request()), "XINET_RX_RING");
    bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
    const Fd last = open_socket(Side::sibling, Kind::packet, experimental_ethertype + 1);
    const Injector wire = Injector::at_peer();
    const auto fence = [&] {
        wire.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("the end ", 64)));
        receive(last.get());
    };
    for (size_t i = 0; i < frames; i++) {
        if (i % longest_burst == 0)
            fence();
        wire.send(ethernet(here_mac(), experimental_ethertype, repeated("lane ", 1000)));
    }
    fence();

    for (int round = 0; round < 2; round++) {
        const auto found = find_socket(socket);
        const auto told = found->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO);
        EXPECT_EQ(told.packets, frames);
        EXPECT_GT(told.drops, 0U);
        EXPECT_EQ(found->get<uint64_t>(XINET_DIAG_DROPS), told.drops);
    }
    const auto drops = find_socket(socket)->get<uint64_t>(XINET_DIAG_DROPS);
    const auto counts = statistics(socket);
    EXPECT_EQ(counts.tp_packets, frames);
    EXPECT_EQ(counts.tp_drops, drops);
    const auto after = find_socket(socket);
    EXPECT_EQ(after->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO).packets, 0U);
    EXPECT_EQ(after->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO).drops, 0U);
    EXPECT_EQ(after->get<uint64_t>(XINET_DIAG_DROPS), drops) << "never reset";
}

// Two frames of a ring, and nobody who reads: the other packets are dropped, whatever
// PACKET_STATISTICS has said of them in between.
TEST_F(SockDiagPacket, drops_of_a_ring_count_as_long_as_the_socket_is_open) {
    for (const int version : {TPACKET_V2, TPACKET_V3}) {
        const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        const TpacketRing ring(socket, version, ring_request(1, 4096, 2048));
        bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
        const Fd last = open_socket(Side::sibling, Kind::packet, experimental_ethertype + 1);
        const Injector wire = Injector::at_peer();
        uint64_t before = 0;
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < 8; i++)
                wire.send(ethernet(here_mac(), experimental_ethertype, repeated("ring ", 1500)));
            wire.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("the end ", 64)));
            receive(last.get());

            const auto drops = find_socket(socket)->get<uint64_t>(XINET_DIAG_DROPS);
            const auto counts = statistics(socket);
            EXPECT_GT(counts.tp_drops, 0U);
            EXPECT_EQ(drops, before + counts.tp_drops);
            EXPECT_EQ(find_socket(socket)->get<uint64_t>(XINET_DIAG_DROPS), drops) << "never reset";
            before = drops;
        }
    }
}

TEST_F(SockDiagPacket, attached_ebpf_program_is_told_by_its_number) {
    const Fd program = load_length_program();
    bpf_prog_info info{};
    bpf_attr attributes{};
    attributes.info.bpf_fd = uint32_t(program.get());
    attributes.info.info_len = sizeof(info);
    attributes.info.info = reinterpret_cast<uintptr_t>(&info);
    checked(syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes)), "bpf info");
    for (const Kind kind : {Kind::packet, Kind::raw}) {
        const Fd socket = open_socket(Side::xinet, kind, kind == Kind::raw ? IPPROTO_RAW : 0);
        EXPECT_FALSE(find_socket(socket)->has(XINET_DIAG_FILTER_PROG_ID));
        set_option(socket, SOL_SOCKET, SO_ATTACH_BPF, program.get());
        EXPECT_EQ(find_socket(socket)->get<uint32_t>(XINET_DIAG_FILTER_PROG_ID), info.id);
    }
}

// The line with the inode as one of its words, by words.
std::vector<std::string> words_in_proc(const std::string& file, uint32_t inode) {
    std::ifstream stream("/proc/thread-self/net/xinet/" + file);
    for (std::string line; std::getline(stream, line);) {
        std::istringstream text(line);
        std::vector<std::string> words;
        for (std::string word; text >> word;)
            words.push_back(word);
        if (std::find(words.begin(), words.end(), std::to_string(inode)) != words.end())
            return words;
    }
    throw std::runtime_error(file + " does not list it");
}

unsigned long number(const std::string& word, int base = 10) {
    return std::stoul(word, nullptr, base);
}

TEST_F(SockDiagPacket, dump_and_proc_say_the_same_of_packet_sockets) {
    const Fd bound = open_socket(Side::xinet, Kind::packet, 0);
    bind_to(bound, link_address(experimental_ethertype, link::index(here_device)));
    const Fd cooked = open_socket(Side::xinet, Kind::cooked, ETH_P_ARP);
    const Fd closed = open_socket(Side::xinet, Kind::packet, 0);
    checked(::fchown(cooked.get(), somebody, 0), "fchown");
    Injector::at_peer().send(ethernet(here_mac(), experimental_ethertype, repeated("queued ", 64)));
    ASSERT_TRUE(wait_readable(bound.get()));
    for (const Fd* socket : {&bound, &cooked, &closed}) {
        const auto told = find_socket(*socket);
        ASSERT_TRUE(told);
        const auto words = words_in_proc("packet", inode_of(*socket));
        ASSERT_EQ(words.size(), 9U);
        EXPECT_EQ(number(words[2]), told->base.type);
        EXPECT_EQ(number(words[3], 16), told->base.protocol);
        EXPECT_EQ(number(words[4]), unsigned(told->base.ifindex));
        EXPECT_EQ(number(words[5]), told->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO).flags &
                                        XINET_DIAG_PACKET_RUNNING);
        EXPECT_EQ(number(words[6]), told->base.rqueue);
        EXPECT_EQ(number(words[7]), told->base.uid);
    }
    EXPECT_EQ(find_socket(cooked)->base.uid, somebody);
}

TEST_F(SockDiagPacket, dump_and_proc_say_the_same_of_raw_sockets) {
    const Fd bound = open_raw(Side::xinet, experimental_protocol);
    bind_to(bound, ipv4_address(here_address));
    const Fd connected = open_raw(Side::xinet, experimental_protocol);
    const auto peer = ipv4_address(peer_address);
    checked(::connect(connected.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)),
            "connect");
    set_option(bound, SOL_SOCKET, SO_RCVBUF, 1);
    Ipv4 header;
    const Injector wire = Injector::at_peer();
    for (int i = 0; i < 20; i++)
        wire.send(ethernet(here_mac(), ETH_P_IP, header.packet(repeated("queued ", 1000))));
    const Fd last = open_socket(Side::sibling, Kind::packet, experimental_ethertype);
    wire.send(ethernet(here_mac(), experimental_ethertype, repeated("the end ", 64)));
    receive(last.get());
    for (const Fd* socket : {&bound, &connected}) {
        const auto told = find_socket(*socket);
        ASSERT_TRUE(told);
        const auto words = words_in_proc("raw", inode_of(*socket));
        ASSERT_EQ(words.size(), 13U);
        EXPECT_EQ(number(words[1], 16), told->base.src);
        EXPECT_EQ(number(words[2], 16), told->base.dst);
        EXPECT_EQ(number(words[1].substr(9), 16), told->base.protocol);
        EXPECT_EQ(number(words[3], 16), told->base.state);
        EXPECT_EQ(number(words[4], 16), told->base.wqueue);
        EXPECT_EQ(number(words[4].substr(9), 16), told->base.rqueue);
        EXPECT_EQ(number(words[7]), told->base.uid);
        EXPECT_EQ(number(words[12]), told->get<uint64_t>(XINET_DIAG_DROPS));
    }
    EXPECT_GT(find_socket(bound)->get<uint64_t>(XINET_DIAG_DROPS), 0U);
}

// A socket of its own for each: with lanes and a reader of them, with rings in a group, with a
// membership and a program.
std::vector<Fd> sockets_with_everything(int ifindex) {
    std::vector<Fd> sockets;
    for (int i = 0; i < 4; i++)
        sockets.push_back(open_socket(Side::xinet, Kind::packet, experimental_ethertype));
    if (!lanes_are_refused) {
        checked(set_lanes(sockets[0].get(), lanes_request()), "XINET_RX_RING");
        checked(attach_lanes(sockets[1].get(), sockets[0].get()), "XINET_RX_RING_ATTACH");
    }
    for (const int option : {PACKET_RX_RING, PACKET_TX_RING})
        checked(set_ring(sockets[2].get(), TPACKET_V1, ring_request(2, 4096, 2048), option),
                "ring");
    checked(join_fanout(sockets[2].get(), 0x5afe, PACKET_FANOUT_LB), "PACKET_FANOUT");
    packet_mreq member{};
    member.mr_ifindex = ifindex;
    member.mr_type = PACKET_MR_PROMISC;
    checked(
        ::setsockopt(sockets[3].get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof(member)),
        "PACKET_ADD_MEMBERSHIP");
    sock_filter accept = BPF_STMT(BPF_RET | BPF_K, 64);
    const sock_fprog filter{.len = 1, .filter = &accept};
    checked(::setsockopt(sockets[3].get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)),
            "SO_ATTACH_FILTER");
    return sockets;
}

std::string output_of_ss(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {in_tree("tools/build/xinet"), "ss"});
    Program ss(std::move(arguments));
    std::string text = ss.output();
    EXPECT_EQ(ss.wait(), 0);
    return text;
}

TEST_F(SockDiagPacket, xinet_ss_shows_all_that_packet_sockets_have) {
    const auto sockets = sockets_with_everything(link::index(here_device));
    const auto text = output_of_ss({"-0", "-n", "-e", "-b"});
    std::vector<const char*> parts{"0x88b5:*",
                                   "rx-ring:(block-size:4096,blocks:2,frame-size:2048,frames:4)",
                                   "tx-ring:(block-size:4096,blocks:2,frame-size:2048,frames:4)",
                                   "fanout:(id:23294,mode:lb)",
                                   "membership:(type:promiscuous,interface:eth0,",
                                   "bpf filter (1): 0x06 0 0 64",
                                   "packet:(running"};
    if (!lanes_are_refused)
        parts.insert(parts.end(), {"rx-lanes:(", ",readers:2", ",reader:1,readers:2"});
    for (const char* part : parts)
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST_F(SockDiagPacket, xinet_ss_picks_by_kind_and_address) {
    const Fd here = open_raw(Side::xinet, experimental_protocol);
    bind_to(here, ipv4_address(here_address));
    const Fd loopback = open_raw(Side::xinet, experimental_protocol);
    bind_to(loopback, ipv4_address("127.0.0.1"));
    const Fd packet = open_socket(Side::xinet, Kind::packet, 0);
    const auto shown = [&](std::vector<std::string> arguments) {
        const auto text = output_of_ss(std::move(arguments));
        std::string result;
        for (const auto& [socket, name] :
             {std::pair(&here, 'h'), std::pair(&loopback, 'l'), std::pair(&packet, 'p')})
            if (text.find("\"inode\":" + std::to_string(inode_of(*socket)) + ",") !=
                std::string::npos)
                result += name;
        return result;
    };
    EXPECT_EQ(shown({"-a", "--json"}), "hlp");
    EXPECT_EQ(shown({"-a", "--json", "-w"}), "hl");
    EXPECT_EQ(shown({"-a", "--json", "-0"}), "p");
    EXPECT_EQ(shown({"-a", "--json", "src", "10.77.0.0/24"}), "h");
    EXPECT_EQ(shown({"-a", "--json", "-w", "not", "src", "10.77.0.1"}), "l");
}

TEST_F(SockDiagPacket, dumps_run_while_sockets_with_everything_come_and_go) {
    constexpr int rounds = 40;
    const int ifindex = link::index(here_device);
    const Fd lasting = open_socket(Side::xinet, Kind::packet, 0);
    std::atomic<int> opened = 0;
    std::atomic<bool> stop = false;
    std::jthread others([&] {
        while (!stop) {
            sockets_with_everything(ifindex);
            opened++;
        }
    });
    // As many of either as it takes for both to have run that often.
    for (int round = 0; round < rounds || opened < rounds; round++)
        EXPECT_TRUE(find_socket(lasting));
    stop = true;
}

} // namespace
} // namespace xt
