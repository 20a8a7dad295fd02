// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_POINT: the option, the programs that show points and ways, and sockets and
// namespaces that come and go.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/cgroup.h"
#include "support/compare.h"
#include "support/diag.h"
#include "support/fanout.h"
#include "support/inet.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/nfqueue.h"
#include "support/on_wire.h"
#include "support/points.h"
#include "support/program.h"
#include "support/sys.h"
#include "support/told.h"
#include "support/traffic.h"
#include "support/unprivileged.h"

namespace xt {
namespace {

constexpr uint16_t port = point_port;

class PointOptions : public OnWire {
protected:
    static int error_of(const Fd& socket, int points, socklen_t length = sizeof(int)) {
        return sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_POINT, &points, length) < 0
                   ? errno
                   : 0;
    }
    static Fd fresh() { return open_socket(Side::xinet, Kind::packet, 0); }
    static Bytes marked_for(uint16_t to) { return udp(9, to, repeated("xt-trace", 64)); }
};

TEST_F(PointOptions, values_and_states_are_checked) {
    here_.run([] {
        const Fd socket = fresh();
        EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_POINT), XINET_POINT_TAP);
        for (const int value : {0, 0x200, -1, everywhere | 0x200})
            EXPECT_EQ(error_of(socket, value), EINVAL) << value;
        EXPECT_EQ(error_of(socket, everywhere, 1), EINVAL);
        EXPECT_EQ(error_of(socket, XINET_POINT_TAP), 0);
        EXPECT_EQ(error_of(socket, everywhere), 0);
        EXPECT_EQ(error_of(socket, everywhere), 0);
        EXPECT_EQ(error_of(socket, of_netfilter), EBUSY);
        EXPECT_EQ(error_of(socket, XINET_POINT_TAP), EBUSY);
        EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_POINT), everywhere);
        const auto found = find_socket(socket);
        ASSERT_TRUE(found);
        EXPECT_TRUE(found->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO).flags &
                    XINET_DIAG_PACKET_POINT);
        const Fd bound = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
        EXPECT_EQ(error_of(bound, everywhere), EBUSY);
        EXPECT_EQ(error_of(open_raw(Side::xinet, IPPROTO_ICMP), everywhere), ENOPROTOOPT);
    });
}

TEST_F(PointOptions, what_cannot_be_told_together_is_refused) {
    const Fd socket = fresh();
    EXPECT_EQ(error_of(socket, of_netfilter), 0);
    const int on = 1;
    EXPECT_LT(sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_ALL_NETNS, &on, sizeof(on)), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
    const Fd wide = fresh();
    set_option(wide, SOL_XINET, XINET_PACKET_ALL_NETNS, 1);
    EXPECT_EQ(error_of(wide, of_netfilter), 0);
    const int off = 0;
    EXPECT_LT(sys::setsockopt(wide.get(), SOL_XINET, XINET_PACKET_ALL_NETNS, &off, sizeof(off)), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
    bind_to(socket, link_address(ETH_P_ALL, 0));
    EXPECT_LT(join_fanout(socket.get(), 77, PACKET_FANOUT_HASH), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(PointOptions, right_is_that_of_the_namespace) {
    const Fd socket = fresh();
    EXPECT_EQ(as_nobody([&] { return error_of(socket, everywhere); }), EPERM);
    const int error = as_root_of_own_namespaces([&] { return error_of(socket, everywhere); });
    EXPECT_TRUE(error == EPERM || error == 254) << error; // 254: no user namespaces
    EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_POINT), XINET_POINT_TAP);
}

TEST_F(PointOptions, sockets_of_a_namespace_are_limited) {
    here_.run([] {
        std::vector<Fd> sockets;
        for (int i = 0; i < XINET_POINT_SOCKETS; i++) {
            sockets.push_back(fresh());
            ASSERT_EQ(error_of(sockets.back(), XINET_POINT_LOCAL_IN), 0) << i;
        }
        EXPECT_EQ(error_of(fresh(), XINET_POINT_LOCAL_IN), ENOSPC);
        sockets.pop_back();
        EXPECT_EQ(error_of(fresh(), XINET_POINT_LOCAL_IN), 0);
    });
}

TEST_F(PointOptions, capture_shows_the_points) {
    here_.run([this] {
        Program capture({in_tree("tools/build/xinet"), "capture", "--points",
                         "tap,pre-routing,local-in", "--json", "-i", "xtin", "-c", "3",
                         "udp dst port 4482"});
        EXPECT_NE(capture.error_line().find("listening on xtin"), std::string::npos);
        const Fd owner = udp_at("10.66.0.1", port);
        in(to_here.packet(udp(9, port, repeated("xt-json", 64))));
        const auto text = capture.output();
        EXPECT_EQ(capture.wait(), 0);
        for (const char* point : {"tap", "pre-routing", "local-in"})
            EXPECT_NE(text.find("\"point\":\"" + std::string(point) + "\",\"packet\":"),
                      std::string::npos)
                << text;
        // of another device than the capture is bound to, and as it goes out of the loopback one
        ip("link set lo up");
        Program local({in_tree("tools/build/xinet"), "capture", "--points", "local-out,local-in",
                       "-i", "lo", "-c", "2", "udp dst port 4482"});
        EXPECT_NE(local.error_line().find("LINUX_SLL2"), std::string::npos);
        send_to(owner.get(), repeated("xt-self", 64), ipv4_address("10.66.0.1", port));
        const auto lines = local.output();
        EXPECT_EQ(local.wait(), 0);
        EXPECT_NE(lines.find(" lo Out IP "), std::string::npos) << lines;
        EXPECT_NE(lines.find("(point: local-out, packet "), std::string::npos) << lines;
        EXPECT_NE(lines.find("(point: local-in, packet "), std::string::npos) << lines;
        Program alone({in_tree("tools/build/xinet"), "capture", "--points", "all", "--drops-only"});
        EXPECT_NE(alone.error_line().find("--drops-only"), std::string::npos);
        EXPECT_EQ(alone.wait(), 2);
        Program wrong({in_tree("tools/build/xinet"), "capture", "--points", "tap,nowhere"});
        EXPECT_NE(wrong.error_line().find("no such point: nowhere"), std::string::npos);
        EXPECT_EQ(wrong.wait(), 2);
        Program sibling({in_tree("tools/build/xinet"), "capture", "--points", "forward", "-i", "lo",
                         "--family", "packet"});
        EXPECT_NE(sibling.error_line().find("only PF_XINET"), std::string::npos);
        EXPECT_EQ(sibling.wait(), 2);
    });
}

// Of the interface where it came, also its points at the other one.
TEST_F(PointOptions, trace_of_an_interface_is_whole) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([this] {
        set_sysctl("ip_forward", "1");
        ip("link add xtfar type dummy", "link set xtfar up", "route add 10.99.0.0/16 dev xtfar");
        Program trace({in_tree("tools/build/xinet"), "trace", "-c", "1", "-i", "xtin", "udp"});
        EXPECT_NE(trace.error_line().find("tracing"), std::string::npos);
        Ipv4 header = to_here;
        header.to = "10.99.0.1";
        in(header.packet(marked_for(port)));
        const auto lines = trace.output();
        EXPECT_EQ(trace.wait(), 0);
        EXPECT_NE(lines.find("  tap in xtin, +"), std::string::npos) << lines;
        EXPECT_NE(lines.find(" start-xmit: sent by xtfar\n"), std::string::npos) << lines;
    });
}

TEST_F(PointOptions, trace_of_all_namespaces_names_them) {
    for (const bool json : {false, true}) {
        std::vector<std::string> words{
            in_tree("tools/build/xinet"), "trace", "-W", "0.5", "-c", "1", "--netns", "all"};
        if (json)
            words.emplace_back("--json");
        words.emplace_back("udp dst port 4482 and src 10.66.0.1");
        Program trace(words);
        auto line = trace.error_line();
        if (line.find("this kernel shows neither") != std::string::npos)
            line = trace.error_line();
        EXPECT_NE(line.find("tracing packets on any"), std::string::npos) << line;
        here_.run([] {
            const Fd sender = udp_at("10.66.0.1", port);
            send_to(sender.get(), repeated("xt-trace", 64), ipv4_address("10.66.0.2", port));
        });
        const auto output = trace.output();
        EXPECT_EQ(trace.wait(), 0);
        const std::string netns = std::to_string(here_.inode());
        EXPECT_NE(output.find(json ? "\"netns\":" + netns : "local-out " + netns + "/xtin, +"),
                  std::string::npos)
            << output;
    }
    Program narrow({in_tree("tools/build/xinet"), "trace", "--netns", "all", "-i", "lo"});
    EXPECT_EQ(narrow.wait(), 2);
}

TEST_F(PointOptions, trace_names_the_container) {
    here_.run([] {
        const auto group = ControlGroup::named("lxc.payload.xt-trace");
        if (!group)
            GTEST_SKIP() << "there are no control groups";
        group->enter();
        const Fd sender = udp_at("10.66.0.1", port);
        ControlGroup::leave();
        for (const bool json : {false, true}) {
            std::vector<std::string> words{
                in_tree("tools/build/xinet"), "trace", "-W", "0.5", "-c", "1"};
            if (json)
                words.emplace_back("--json");
            words.insert(words.end(), {"-i", "xtin", "udp"});
            Program trace(words);
            auto line = trace.error_line();
            if (line.find("this kernel shows neither") != std::string::npos)
                line = trace.error_line();
            EXPECT_NE(line.find("tracing packets on xtin"), std::string::npos) << line;
            send_to(sender.get(), repeated("xt-trace", 64), ipv4_address("10.66.0.2", port));
            const auto output = trace.output();
            EXPECT_EQ(trace.wait(), 0);
            const std::string wanted = json
                                           ? R"("container":{"runtime":"lxc","name":"xt-trace"})"
                                           : " cgroup:/lxc.payload.xt-trace container:lxc/xt-trace";
            EXPECT_NE(output.find(wanted), std::string::npos) << output;
        }
    });
}

TEST_F(PointOptions, trace_puts_the_ways_together) {
    here_.run([this] {
        const bool whole = !tracepoints_are_refused();
        const auto trace = [whole](std::vector<std::string> more) {
            // all that is traced has its end, if that is shown
            std::vector<std::string> words{in_tree("tools/build/xinet"), "trace", "-W",
                                           whole && !reading_of_datagrams_is_unseen() ? "20"
                                                                                      : "0.5"};
            words.insert(words.end(), more.begin(), more.end());
            return words;
        };
        const auto error_of_start = [whole](Program& program) {
            if (!whole) {
                EXPECT_NE(program.error_line().find("this kernel shows neither drops"),
                          std::string::npos);
            }
            return program.error_line();
        };
        const Fd owner = udp_at("10.66.0.1", port);
        const auto read_drop_and_send = [&] {
            in(to_here.packet(marked_for(port)));
            receive_marked(owner.get(), "xt-trace");
            in(to_here.packet(marked_for(4499)));
            send_to(owner.get(), repeated("xt-trace", 64), ipv4_address("10.66.0.2", port));
        };
        // one after the other: a drop is told as a packet's to one of them
        Program text(trace({"-c", "3", "-i", "xtin", "udp and (port 4482 or port 4499)"}));
        EXPECT_NE(error_of_start(text).find("tracing packets on xtin"), std::string::npos);
        read_drop_and_send();
        const auto lines = text.output();
        EXPECT_EQ(text.wait(), 0);
        const std::vector<std::string> wanted =
            whole ? std::vector<std::string>{reading_of_datagrams_is_unseen()
                                                 ? " local-in: reached this host [sk:"
                                                 : " delivered: delivered [pid:",
                                             "local-in, +",
                                             " dropped: NO_SOCKET at ",
                                             " local-out",
                                             " qdisc, +",
                                             " start-xmit: sent by xtin; from [sk:",
                                             "pid:" + std::to_string(getpid()) + " comm:",
                                             "tap in - pre-routing ",
                                             "local-in - dropped ",
                                             "\ndropped: NO_SOCKET  "}
                  : std::vector<std::string>{" local-in: reached this host [sk:", "sent by xtin"};
        for (const std::string& part : wanted)
            EXPECT_NE(lines.find(part), std::string::npos) << part << "\n" << lines;
        Program json(
            trace({"-c", "3", "-i", "xtin", "--json", "udp and (port 4482 or port 4499)"}));
        error_of_start(json);
        read_drop_and_send();
        const auto objects = json.output();
        EXPECT_EQ(json.wait(), 0);
        std::istringstream each(objects);
        for (std::string line; std::getline(each, line);) {
            EXPECT_TRUE(line.starts_with("{\"type\":\"") && line.ends_with("}")) << line;
            EXPECT_EQ(std::ranges::count(line, '{'), std::ranges::count(line, '}')) << line;
        }
        for (const std::string part : {"\"steps\":[{\"point\":\"tap\",\"direction\":\"in\"",
                                       "\"sender\":{\"cookie\":", "\"receiver\":{\"",
                                       "\"type\":\"stage\"", "\"type\":\"end\""})
            EXPECT_NE(objects.find(part), std::string::npos) << part << "\n" << objects;
    });
}

// Of a hook that is unregistered the kernel drops what waits in any queue.
TEST_F(PointOptions, packet_that_waits_for_a_program_stays) {
    if (!has_nfqueue())
        GTEST_SKIP() << "this kernel has no NFQUEUE";
    here_.run([this] {
        constexpr uint16_t number = 9;
        queue_input(0, number);
        Nfqueue queue(number);
        Ipv4 header = to_here;
        header.protocol = experimental_protocol;
        in(header.packet(repeated("xt-waits", 64)));
        const uint32_t packet = queue.await("xt-waits");
        { const ToldCapture goes({.points = everywhere}); }
        ToldCapture all({.points = everywhere});
        EXPECT_EQ(queue.accept(packet), 0);
        // behind it, the answer that quotes it
        const auto records = all.take_marked("xt-waits");
        ASSERT_FALSE(records.empty());
        EXPECT_EQ(records[0].point->point, uint32_t{XINET_POINT_LOCAL_IN});
    });
}

TEST_F(PointOptions, drops_alone_do_not_go_with_points) {
    if (drops_are_refused())
        GTEST_SKIP() << "this kernel cannot copy what it drops";
    const Fd points = fresh();
    EXPECT_EQ(error_of(points, everywhere), 0);
    const int only = XINET_DROPS_ONLY;
    EXPECT_LT(sys::setsockopt(points.get(), SOL_XINET, XINET_PACKET_DROPS, &only, sizeof(only)), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
    const Fd drops = fresh();
    set_option(drops, SOL_XINET, XINET_PACKET_DROPS, XINET_DROPS_ONLY);
    EXPECT_EQ(error_of(drops, everywhere), EOPNOTSUPP);
}

TEST_F(PointOptions, namespace_ends_while_packets_come) {
    here_.run([] {
        const std::jthread traffic([](const std::stop_token& stop) {
            const Fd sender = open_socket(Side::sibling, Transport::datagram);
            for (; !stop.stop_requested();
                 std::this_thread::sleep_for(std::chrono::microseconds(50)))
                send_to(sender.get(), repeated("xt-load", 64), ipv4_address("10.44.0.2", port));
        });
        for (int round = 0; round < 5; round++) {
            const NetNs gone = NetNs::create();
            const auto end = "xtend" + std::to_string(round);
            ip("link add " + end + " type veth peer name xtgone",
               "addr add 10.44.0.1/24 dev " + end, "link set " + end + " up");
            link::move(link::index("xtgone"), gone.get());
            gone.run([&] {
                ip("addr add 10.44.0.2/24 dev xtgone", "link set xtgone up");
                ToldCapture all({.owner = true, .points = everywhere});
                EXPECT_FALSE(all.take_marked("xt-load").empty());
            });
        }
    });
}

// Sockets come and go while packets pass.
TEST_F(PointOptions, nothing_is_left_when_sockets_go_meanwhile) {
    here_.run([this] {
        std::jthread traffic([this](const std::stop_token& stop) {
            const Bytes packet = to_here.packet(udp(9, port, repeated("xt-load", 64)));
            for (; !stop.stop_requested();
                 std::this_thread::sleep_for(std::chrono::microseconds(50)))
                in(packet);
        });
        for (int round = 0; round < 200; round++) {
            ToldCapture all({.drops = drops_are_refused() ? 0 : XINET_DROPS_BESIDE,
                             .lanes = !lanes_are_refused && round % 2 == 0,
                             .owner = true,
                             .points = round % 3 == 0 ? of_netfilter : everywhere});
            if (round % 10 == 0) {
                EXPECT_FALSE(all.take_marked("xt-load").empty());
            }
        }
    });
}

} // namespace
} // namespace xt
