// SPDX-License-Identifier: GPL-2.0-or-later
// dnsmasq and dig: a name, by UDP and by TCP.
#include <csignal>

#include "debian.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr const char* answer = "192.0.2.80";

const Words dnsmasq{"/usr/sbin/dnsmasq",
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--no-resolv",
                    "--no-hosts",
                    "--port=5353",
                    "--listen-address=10.77.0.1",
                    "--bind-interfaces",
                    "--user=nobody",
                    "--pid-file=",
                    "--log-facility=-",
                    "--host-record=www.xinet.test,192.0.2.80"};

Words dig(const char* transport) {
    return {"dig",      "@10.77.0.1", "-p",      "5353",           "+short",
            "+tries=3", "+time=30",   transport, "www.xinet.test", "A"};
}

enum class Ends { both_of_xinet, client_of_inet, server_of_inet };

Run ask(Ends ends) {
    Run run;
    const ModuleReferences references;
    BackgroundProgram server(ends == Ends::server_of_inet ? dnsmasq : over_xinet(dnsmasq));
    run.listens = receives_on_udp(5353);
    run.held = references.more();
    for (const char* transport : {"+notcp", "+tcp"}) {
        const Words client = dig(transport);
        run.programs[transport] =
            run_program(at_peer(ends == Ends::client_of_inet ? client : over_xinet(client)));
    }
    run.programs["dnsmasq"] = end_by(server, SIGTERM);
    run.released = references.released();
    return run;
}

class Dns : public testing::Test, protected AfterRun {
protected:
    Dns() : AfterRun("dns", [] { return ask(Ends::both_of_xinet); }) {}
};

TEST_F(Dns, server_receives) {
    EXPECT_TRUE(run().listens);
}

TEST_F(Dns, server_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("dnsmasq")));
}

TEST_F(Dns, server_holds_the_module) {
    EXPECT_TRUE(run().held);
}

TEST_F(Dns, question_by_udp_is_answered) {
    EXPECT_EQ(last_line(program("+notcp").output), answer);
}

TEST_F(Dns, question_by_tcp_is_answered) {
    EXPECT_EQ(last_line(program("+tcp").output), answer);
}

TEST_F(Dns, client_of_udp_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("+notcp")));
}

TEST_F(Dns, client_of_tcp_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("+tcp")));
}

TEST_F(Dns, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

class MixedDnsClient : public testing::Test, protected AfterRun {
protected:
    MixedDnsClient() : AfterRun("dig of PF_INET", [] { return ask(Ends::client_of_inet); }) {}
};

TEST_F(MixedDnsClient, question_of_pf_inet_by_udp_is_answered) {
    EXPECT_EQ(last_line(program("+notcp").output), answer);
}

TEST_F(MixedDnsClient, question_of_pf_inet_by_tcp_is_answered) {
    EXPECT_EQ(last_line(program("+tcp").output), answer);
}

TEST_F(MixedDnsClient, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

class MixedDnsServer : public testing::Test, protected AfterRun {
protected:
    MixedDnsServer() : AfterRun("dnsmasq of PF_INET", [] { return ask(Ends::server_of_inet); }) {}
};

TEST_F(MixedDnsServer, of_pf_inet_receives) {
    EXPECT_TRUE(run().listens);
}

TEST_F(MixedDnsServer, of_pf_inet_answers_by_udp) {
    EXPECT_EQ(last_line(program("+notcp").output), answer);
}

TEST_F(MixedDnsServer, of_pf_inet_answers_by_tcp) {
    EXPECT_EQ(last_line(program("+tcp").output), answer);
}

TEST_F(MixedDnsServer, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

} // namespace
} // namespace xt
