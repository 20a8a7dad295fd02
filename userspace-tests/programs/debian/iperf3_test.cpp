// SPDX-License-Identifier: GPL-2.0-or-later
// iperf3 at both ends: four streams of TCP, and four of UDP datagrams.
#include "debian.h"
#include "support/traffic.h"

namespace xt {
namespace {

struct IperfCase {
    const char* name;
    Words options;
};
void PrintTo(const IperfCase& how, std::ostream* out) {
    *out << how.name;
}

Run iperf(const IperfCase& how) {
    Run run;
    const ModuleReferences references;
    BackgroundProgram server(over_xinet({"iperf3", "-s", "-1", "-B", here_address}));
    run.listens = listens_on_tcp(5201);
    run.held = references.more();
    run.programs["client"] = run_program(at_peer(
        over_xinet(Words{"iperf3", "-c", here_address, "-P", "4", "-f", "m"} + how.options)));
    run.programs["server"] = server.wait(state_patience);
    run.released = references.released();
    return run;
}

class Iperf3 : public testing::TestWithParam<IperfCase>, protected AfterRun {
protected:
    Iperf3()
        : AfterRun(std::string("iperf3 ") + GetParam().name, [] { return iperf(GetParam()); }) {}
};

TEST_P(Iperf3, server_listens) {
    EXPECT_TRUE(run().listens);
}

TEST_P(Iperf3, server_holds_the_module) {
    EXPECT_TRUE(run().held);
}

TEST_P(Iperf3, client_succeeds) {
    EXPECT_EQ(program("client").status, 0);
}

TEST_P(Iperf3, four_streams_arrive) {
    EXPECT_EQ(
        lines_matching(program("client").output, "^\\[SUM\\].* [1-9][0-9.]* [KM]Bytes .*receiver$"),
        1U);
}

TEST_P(Iperf3, client_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("client")));
}

TEST_P(Iperf3, server_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("server")));
}

TEST_P(Iperf3, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

INSTANTIATE_TEST_SUITE_P(
    , Iperf3,
    testing::Values(IperfCase{"tcp", {"-n", amount().stream}},
                    IperfCase{"udp", {"-u", "-b", "200M", "-l", "1400", "-n", amount().datagrams}}),
    [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace xt
