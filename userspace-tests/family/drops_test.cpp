// SPDX-License-Identifier: GPL-2.0-or-later
// Every packet that a socket should have got and did not has a reason: in sock_diag, in
// /proc/net/xinet/snmp and in the tracepoint.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/bpf.h"
#include "support/cgroup.h"
#include "support/compare.h"
#include "support/cpus.h"
#include "support/diag.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/program.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"
#include "support/wire.h"

namespace xt {
namespace {

// A line of /proc/net/xinet/snmp: a word for each reason, and of XINET_DROP_NONE.
using Words = std::vector<std::string>;

// What the namespace calls the reasons, and how many it has counted of each.
std::pair<Words, Words> lines_of_namespace() {
    std::ifstream file("/proc/thread-self/net/xinet/snmp");
    std::vector<Words> lines;
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("Drop: "))
            continue;
        std::istringstream words(line);
        lines.emplace_back(std::istream_iterator<std::string>(words),
                           std::istream_iterator<std::string>());
    }
    return {lines.at(0), lines.at(1)};
}

std::string name_of(xinet_drop_reason reason) {
    return lines_of_namespace().first.at(reason);
}

DropReasons of_namespace() {
    const Words words = lines_of_namespace().second;
    DropReasons result{};
    for (size_t i = 1; i < result.size(); i++)
        result[i] = std::stoull(words.at(i));
    return result;
}

std::string output_of_ss(const std::string& option) {
    Program ss({in_tree("tools/build/xinet"), "ss", "-a", option});
    return ss.output();
}

class Drops : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
    }

    // Packets of 1,000 bytes for a socket that is bound to the EtherType, and one that all the
    // others have arrived before.
    static void flood(int packets) {
        const Fd last = open_socket(Side::sibling, Kind::packet, experimental_ethertype + 1);
        const Injector wire = Injector::at_peer();
        for (int i = 0; i < packets; i++) {
            if (i % int(longest_burst) == 0) {
                wire.send(ethernet(here_mac(), experimental_ethertype + 1, Bytes(64)));
                receive(last.get());
            }
            wire.send(ethernet(here_mac(), experimental_ethertype, repeated("flood ", 1000)));
        }
        wire.send(ethernet(here_mac(), experimental_ethertype + 1, Bytes(64)));
        receive(last.get());
    }

    static void bind_here(const Fd& socket) {
        bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
    }

    // Sends itself as many packets through the loopback device, and waits until they are there.
    static void send_to_self(const Fd& raw, int packets) {
        const OnOneCpu one_cpu; // which delivers them in order
        const Fd last = open_raw(Side::sibling, experimental_protocol + 1);
        for (int i = 0; i < packets; i++)
            send_to(raw.get(), Bytes(1000), ipv4_address("127.0.0.1"));
        send_to(last.get(), Bytes(8), ipv4_address("127.0.0.1"));
        receive(last.get());
    }

    // The socket has lost packets, all for this reason, and nobody else has since `before`.
    static void expect_only(xinet_drop_reason reason, const Fd& socket, const DropReasons& before) {
        const std::string name = name_of(reason);
        const DropReasons lost = drop_reasons_of(socket);
        EXPECT_GT(lost[reason], 0U) << name;
        EXPECT_EQ(sum(lost), lost[reason]) << name;
        EXPECT_EQ(of_namespace()[reason] - before[reason], lost[reason]) << name;
        EXPECT_EQ(find_socket(socket)->get<uint64_t>(XINET_DIAG_DROPS), lost[reason]);

        const std::string count = std::to_string(lost[reason]);
        EXPECT_NE(output_of_ss("-i").find("drops:(" + name + ":" + count + ")"), std::string::npos);
        EXPECT_NE(output_of_ss("--json").find("\"drop_reasons\":{\"" + name + "\":" + count + "}"),
                  std::string::npos);
        EXPECT_EQ(drop_reasons_of(socket), lost) << "reading resets nothing";
    }
};

TEST_F(Drops, full_receive_buffer) {
    const DropReasons before = of_namespace();
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    set_option(socket, SOL_SOCKET, SO_RCVBUF, 1);
    bind_here(socket);
    flood(20);
    expect_only(XINET_DROP_RCVBUF, socket, before);
}

TEST_F(Drops, full_ring) {
    for (const int version : ring_versions) {
        const DropReasons before = of_namespace();
        const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        const TpacketRing ring(socket, version, ring_request(1, 4096, 2048));
        bind_here(socket);
        flood(8);
        expect_only(XINET_DROP_RING_FULL, socket, before);
    }
}

TEST_F(Drops, headroom_longer_than_offsets_can_be) {
    for (const int version : ring_versions) {
        const DropReasons before = of_namespace();
        const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        set_option(socket, SOL_PACKET, PACKET_VERSION, version);
        set_option(socket, SOL_PACKET, PACKET_RESERVE, 70'000);
        checked(set_ring(socket.get(), version, ring_request(1, 131072, 131072)), "PACKET_RX_RING");
        bind_here(socket);
        flood(3);
        expect_only(XINET_DROP_FRAME_OFFSETS, socket, before);
    }
}

TEST_F(Drops, full_lane) {
    if (lanes_are_refused)
        GTEST_SKIP() << "32-bit programs get no lanes";
    const OnOneCpu one_cpu;
    const DropReasons before = of_namespace();
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    checked(set_lanes(socket.get(), lanes_request()), "XINET_RX_RING");
    bind_here(socket);
    flood(100);
    expect_only(XINET_DROP_LANE_FULL, socket, before);
}

TEST_F(Drops, frozen_lane) {
    if (lanes_are_refused)
        GTEST_SKIP() << "32-bit programs get no lanes";
    const DropReasons before = of_namespace();
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    checked(set_lanes(socket.get(), lanes_request()), "XINET_RX_RING");
    checked(command_lanes(socket.get(), XINET_RX_RING_FREEZE, 1), "XINET_RX_RING_FREEZE");
    bind_here(socket);
    flood(8);
    expect_only(XINET_DROP_LANE_FROZEN, socket, before);
}

TEST_F(Drops, full_receive_buffer_of_a_raw_socket) {
    const DropReasons before = of_namespace();
    const Fd socket = open_raw(Side::xinet, experimental_protocol);
    set_option(socket, SOL_SOCKET, SO_RCVBUF, 1);
    send_to_self(socket, 20);
    expect_only(XINET_DROP_RCVBUF, socket, before);
}

TEST_F(Drops, ipsec_policy_against_a_raw_socket) {
    if (!NetNs::create().run([] { return try_ip("xfrm state flush"); }))
        GTEST_SKIP() << "this kernel has no IPsec";
    const NetNs ns = NetNs::create();
    ns.run([] {
        ip("link set lo up");
        const Fd socket = open_raw(Side::xinet, experimental_protocol);
        const DropReasons before = of_namespace();
        send_to_self(socket, 1);
        receive(socket.get());
        ip("xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto " +
           std::to_string(experimental_protocol) + " dir in action block");
        send_to_self(socket, 1);
        expect_only(XINET_DROP_XFRM_POLICY, socket, before);
        EXPECT_FALSE(receive_now(socket.get()));
    });
}

TEST_F(Drops, program_of_a_cgroup_against_a_raw_socket) {
    std::optional<ControlGroup> group;
    try {
        group.emplace();
        attach_program(group->descriptor(),
                       load_answer(BPF_PROG_TYPE_CGROUP_SKB, 0, BPF_CGROUP_INET_INGRESS),
                       BPF_CGROUP_INET_INGRESS);
    } catch (const std::system_error& error) {
        GTEST_SKIP() << error.what();
    }
    const DropReasons before = of_namespace();
    group->enter();
    const Fd socket = open_raw(Side::xinet, experimental_protocol);
    group.reset();
    send_to_self(socket, 1);
    expect_only(XINET_DROP_CGROUP_BPF, socket, before);
}

// What an address or a filter of the socket rejects is not lost.
TEST_F(Drops, packet_for_others_is_not_lost) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    bind_here(socket);
    sock_filter nothing{BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog program{1, &nothing};
    checked(::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
            "SO_ATTACH_FILTER");
    flood(3);
    EXPECT_EQ(sum(drop_reasons_of(socket)), 0U);
}

// Tracing is the whole machine's: what other sockets lose meanwhile is traced, too.
TEST_F(Drops, tracepoint_names_socket_and_reason) {
    const std::string tracing = "/sys/kernel/tracing/";
    std::ofstream enable(tracing + "events/xinet/drop/enable");
    if (!enable)
        GTEST_SKIP() << "this kernel has no tracefs, or no tracepoints";
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    set_option(socket, SOL_SOCKET, SO_RCVBUF, 1);
    bind_here(socket);
    std::ofstream(tracing + "trace") << std::endl;
    enable << 1 << std::endl;
    flood(20);
    enable << 0 << std::endl;

    std::ifstream trace(tracing + "trace");
    const std::string wanted = "drop: socket=" + std::to_string(cookie_of(socket)) + " ";
    uint64_t told = 0;
    for (std::string line; std::getline(trace, line);) {
        if (line.find(wanted) == std::string::npos)
            continue;
        told++;
        EXPECT_NE(line.find(" len=1014 protocol=0x88b5 reason=RcvBuf"), std::string::npos) << line;
    }
    EXPECT_EQ(told, drop_reasons_of(socket)[XINET_DROP_RCVBUF]);
    EXPECT_GT(told, 0U);
}

} // namespace
} // namespace xt
