// SPDX-License-Identifier: GPL-2.0-or-later
// traceroute -I from peer to far: probes of a raw socket, and what a router answers.
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "debian.h"
#include "support/netns.h"
#include "support/traffic.h"
#include "support/wire.h"

namespace xt {
namespace {

// ip(8) in another namespace, which its batches do not have.
void ip_at(const char* name, const Words& words) {
    if (run_program(Words{"ip", "-n", name} + words).status != 0)
        throw std::runtime_error("ip -n " + std::string(name) + " " + words.front());
}

// The namespace far, which peer reaches through root. A hop answers each probe, however fast they
// come.
class Far {
public:
    Far() {
        ip("netns add far", "link add near0 type veth peer name far0", "link set far0 netns far",
           "addr add 10.78.0.1/24 dev near0", "link set near0 up");
        ip_at("far", {"addr", "add", "10.78.0.2/24", "dev", "far0"});
        ip_at("far", {"link", "set", "far0", "up"});
        ip_at("far", {"route", "add", "default", "via", "10.78.0.1"});
        ip_at("peer", {"route", "add", "10.78.0.0/24", "via", "10.77.0.1"});
    }
    ~Far() {
        try {
            ip_at("peer", {"route", "del", "10.78.0.0/24"});
            ip("link del near0", "netns del far");
        } catch (const std::runtime_error&) { // another test finds it in its way
        }
    }
    Far(const Far&) = delete;
    Far& operator=(const Far&) = delete;

private:
    Sysctl forward_{"net/ipv4/ip_forward", "1"};
    Sysctl every_error_{"net/ipv4/icmp_ratelimit", "0"};
};

// How many packets raw sockets of PF_XINET have sent in peer.
unsigned long sent_by_xinet() {
    return in_peer([] {
        std::ifstream file("/proc/thread-self/net/xinet/snmp");
        for (std::string names, values; std::getline(file, names) && std::getline(file, values);) {
            std::istringstream name_words(names), value_words(values);
            std::string name, value;
            name_words >> name;
            value_words >> value;
            if (name != "Raw:")
                continue;
            while (name_words >> name && value_words >> value)
                if (name == "OutRequests")
                    return std::stoul(value);
        }
        throw std::runtime_error("/proc/net/xinet/snmp has no OutRequests of raw sockets");
    });
}

Run trace_route() {
    Run run;
    const ModuleReferences references;
    const Far far;
    const unsigned long before = sent_by_xinet();
    run.programs["traceroute"] =
        run_program(at_peer(over_xinet({"traceroute", "-I", "-n", "-w", "30", "10.78.0.2"})));
    run.packets = sent_by_xinet() - before;
    run.released = references.released();
    return run;
}

class Traceroute : public testing::Test, protected AfterRun {
protected:
    Traceroute() : AfterRun("traceroute", trace_route) {}
};

TEST_F(Traceroute, finds_the_router) {
    EXPECT_EQ(lines_matching(program("traceroute").output, "^ *1 +10\\.77\\.0\\.1 "), 1U);
}

TEST_F(Traceroute, finds_the_host_behind_the_router) {
    EXPECT_EQ(lines_matching(program("traceroute").output, "^ *2 +10\\.78\\.0\\.2 "), 1U);
}

TEST_F(Traceroute, runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("traceroute")));
}

// Three for each of two hops, at least.
TEST_F(Traceroute, sends_its_probes_through_pf_xinet) {
    EXPECT_GE(run().packets, 6U);
}

TEST_F(Traceroute, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

} // namespace
} // namespace xt
