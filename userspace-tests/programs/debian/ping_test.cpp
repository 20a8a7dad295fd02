// SPDX-License-Identifier: GPL-2.0-or-later
// ping of iputils: on a raw socket as root, on a ping socket as nobody.
#include <csignal>
#include <filesystem>

#include "debian.h"
#include "support/traffic.h"

namespace xt {
namespace {

Run ping_as_root() {
    Run run;
    const ModuleReferences references;
    const Sysctl no_ping_sockets("net/ipv4/ping_group_range", "1 0");
    BackgroundProgram ping(over_xinet({"ping", "-n", "-i", "0.2", peer_address}));
    run.in_xinet_raw = eventually([&] { return has_socket_in("/proc/net/xinet/raw", ping.pid()); });
    run.in_inet_raw = has_socket_in("/proc/net/raw", ping.pid());
    prints(ping, 3, "bytes from");
    run.held = references.more();
    run.programs["ping"] = end_by(ping, SIGINT);
    run.released = references.released();
    return run;
}

// A copy of the program has no file capabilities.
Run ping_as_nobody() {
    Run run;
    const ModuleReferences references;
    const ScratchDirectory files;
    const std::string copy = files.path("ping");
    std::filesystem::copy_file("/bin/ping", copy);
    const Sysctl everybody = Sysctl::at_peer("net/ipv4/ping_group_range", "0 2147483647");
    BackgroundProgram ping(at_peer({"setpriv", "--reuid", "65534", "--regid", "65534",
                                    "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"}) +
                           over_xinet({copy, "-n", "-i", "0.2", here_address}));
    prints(ping, 3, "bytes from");
    run.held = references.more();
    run.programs["ping"] = end_by(ping, SIGINT);
    run.released = references.released();
    return run;
}

class Ping : public testing::Test, protected AfterRun {
protected:
    Ping() : AfterRun("ping as root", ping_as_root) {}
};

TEST_F(Ping, raw_socket_is_in_proc_net_xinet_raw) {
    EXPECT_TRUE(run().in_xinet_raw);
}

TEST_F(Ping, no_socket_is_in_proc_net_raw) {
    EXPECT_FALSE(run().in_inet_raw);
}

TEST_F(Ping, gets_replies) {
    EXPECT_GE(lines_matching(program("ping").output, "bytes from 10\\.77\\.0\\.2: icmp_seq="), 3U);
}

TEST_F(Ping, counts_what_it_sent_and_received) {
    EXPECT_EQ(
        lines_matching(program("ping").output, "^[0-9]+ packets transmitted, [1-9][0-9]* received"),
        1U);
}

TEST_F(Ping, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

class PingAsNobody : public testing::Test, protected AfterRun {
protected:
    PingAsNobody() : AfterRun("ping as nobody", ping_as_nobody) {}
};

TEST_F(PingAsNobody, gets_replies) {
    EXPECT_GE(lines_matching(program("ping").output, "bytes from 10\\.77\\.0\\.1: icmp_seq="), 3U);
}

TEST_F(PingAsNobody, holds_the_module) {
    EXPECT_TRUE(run().held);
}

TEST_F(PingAsNobody, has_a_ping_socket_of_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("ping")));
    EXPECT_GE(lines_matching(program("ping").errors, "SOCK_DGRAM, 0x1\\) -> PF_XINET"), 1U);
}

TEST_F(PingAsNobody, has_no_raw_socket) {
    EXPECT_EQ(lines_matching(program("ping").errors, "SOCK_RAW"), 0U);
}

TEST_F(PingAsNobody, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

} // namespace
} // namespace xt
