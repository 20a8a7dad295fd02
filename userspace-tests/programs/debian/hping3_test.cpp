// SPDX-License-Identifier: GPL-2.0-or-later
// hping3, which sends through a raw socket and listens on a packet socket.
#include <csignal>

#include "debian.h"
#include "support/traffic.h"

namespace xt {
namespace {

struct HpingCase {
    const char* name;
    Words options;
};
void PrintTo(const HpingCase& how, std::ostream* out) {
    *out << how.name;
}

Run hping(const HpingCase& how) {
    Run run;
    const ModuleReferences references;
    BackgroundProgram hping(over_xinet(Words{"hping3", "-n", "-I", here_device, "-i", "u200000"} +
                                       how.options + Words{peer_address}));
    run.in_xinet_raw =
        eventually([&] { return has_socket_in("/proc/net/xinet/raw", hping.pid()); });
    run.in_xinet_packet =
        eventually([&] { return has_socket_in("/proc/net/xinet/packet", hping.pid()); });
    prints(hping, 3, "^len=");
    run.programs["hping3"] = end_by(hping, SIGINT);
    run.released = references.released();
    return run;
}

class Hping3 : public testing::TestWithParam<HpingCase>, protected AfterRun {
protected:
    Hping3()
        : AfterRun(std::string("hping3 ") + GetParam().name, [] { return hping(GetParam()); }) {}
};

TEST_P(Hping3, raw_socket_is_in_proc_net_xinet_raw) {
    EXPECT_TRUE(run().in_xinet_raw);
}

TEST_P(Hping3, packet_socket_is_in_proc_net_xinet_packet) {
    EXPECT_TRUE(run().in_xinet_packet);
}

TEST_P(Hping3, gets_replies) {
    EXPECT_GE(lines_matching(program("hping3").output, "^len=[0-9]+ ip=10\\.77\\.0\\.2 "), 3U);
}

TEST_P(Hping3, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

INSTANTIATE_TEST_SUITE_P(, Hping3,
                         testing::Values(HpingCase{"icmp", {"--icmp"}},
                                         HpingCase{"syn", {"-S", "-p", "9"}}),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace xt
