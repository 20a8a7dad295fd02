// SPDX-License-Identifier: GPL-2.0-or-later
// A file that netcat sends arrives unchanged.
#include <algorithm>
#include <fstream>
#include <iterator>

#include "debian.h"
#include "support/traffic.h"

namespace xt {
namespace {

bool same_contents(const std::string& one, const std::string& other) {
    std::ifstream first(one, std::ios::binary), second(other, std::ios::binary);
    using Bytes = std::istreambuf_iterator<char>;
    return first && second && std::equal(Bytes(first), Bytes(), Bytes(second), Bytes());
}

// netcat reads and writes its standard input and output: the shell makes files of them.
Run transfer(bool server_of_xinet) {
    Run run;
    const ModuleReferences references;
    const ScratchDirectory files;
    write_random(files.path("sent"), size_t(amount().megabytes) << 20);
    const Words receive{"sh", "-c", "exec nc -l -N 10.77.0.1 9000 >" + files.path("received")};
    BackgroundProgram server(server_of_xinet ? over_xinet(receive) : receive);
    run.listens = listens_on_tcp(9000);
    run.held = references.more();
    run.programs["client"] = run_program(
        at_peer(over_xinet({"sh", "-c", "exec nc -N 10.77.0.1 9000 <" + files.path("sent")})));
    run.programs["server"] = server.wait(state_patience);
    run.unchanged = same_contents(files.path("sent"), files.path("received"));
    run.released = references.released();
    return run;
}

class Netcat : public testing::Test, protected AfterRun {
protected:
    Netcat() : AfterRun("netcat", [] { return transfer(true); }) {}
};

TEST_F(Netcat, server_listens) {
    EXPECT_TRUE(run().listens);
}

TEST_F(Netcat, client_sends_the_file) {
    EXPECT_EQ(program("client").status, 0);
}

TEST_F(Netcat, file_arrives_unchanged) {
    EXPECT_TRUE(run().unchanged);
}

TEST_F(Netcat, server_holds_the_module) {
    EXPECT_TRUE(run().held);
}

TEST_F(Netcat, server_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("server")));
}

TEST_F(Netcat, client_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("client")));
}

TEST_F(Netcat, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

class MixedNetcat : public testing::Test, protected AfterRun {
protected:
    MixedNetcat() : AfterRun("netcat to PF_INET", [] { return transfer(false); }) {}
};

TEST_F(MixedNetcat, server_of_pf_inet_listens) {
    EXPECT_TRUE(run().listens);
}

TEST_F(MixedNetcat, client_sends_the_file) {
    EXPECT_EQ(program("client").status, 0);
}

TEST_F(MixedNetcat, file_arrives_unchanged) {
    EXPECT_TRUE(run().unchanged);
}

TEST_F(MixedNetcat, client_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("client")));
}

TEST_F(MixedNetcat, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

} // namespace
} // namespace xt
