// SPDX-License-Identifier: GPL-2.0-or-later
// redis with the clients of its benchmark, and redis-cli of PF_INET, which asks what has arrived.
#include <csignal>
#include <filesystem>

#include "debian.h"
#include "support/traffic.h"

namespace xt {
namespace {

// The program of Debian has several names; redis-tools brings it under another one.
constexpr const char* server_program = "/usr/bin/redis-check-rdb";

Run redis() {
    Run run;
    const ModuleReferences references;
    const ScratchDirectory files;
    std::filesystem::create_symlink(server_program, files.path("redis-server"));
    BackgroundProgram server(
        over_xinet({files.path("redis-server"), "--bind", here_address, "--protected-mode", "no",
                    "--save", "", "--dir", files.path("")}));
    run.listens = listens_on_tcp(6379);
    run.held = references.more();
    run.programs["redis-benchmark"] = run_program(at_peer(over_xinet(
        {"redis-benchmark", "-h", here_address, "-n", std::to_string(amount().operations), "-c",
         "20", "-P", "4", "--threads", "2", "-q", "-t", "set,get,incr"})));
    run.programs["redis-cli"] =
        run_program(at_peer({"redis-cli", "-h", here_address, "get", "counter:__rand_int__"}));
    run.programs["redis"] = end_by(server, SIGTERM);
    run.released = references.released();
    return run;
}

class Redis : public testing::Test, protected AfterRun {
protected:
    Redis() : AfterRun("redis", redis) {}
};

TEST_F(Redis, server_listens) {
    EXPECT_TRUE(run().listens);
}

TEST_F(Redis, server_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("redis")));
}

TEST_F(Redis, server_holds_the_module) {
    EXPECT_TRUE(run().held);
}

TEST_F(Redis, benchmark_succeeds) {
    EXPECT_EQ(program("redis-benchmark").status, 0);
}

TEST_F(Redis, benchmark_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("redis-benchmark")));
}

TEST_F(Redis, every_increment_counts_for_a_client_of_pf_inet) {
    EXPECT_EQ(last_line(program("redis-cli").output), std::to_string(amount().operations));
}

TEST_F(Redis, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

} // namespace
} // namespace xt
