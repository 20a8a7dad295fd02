// SPDX-License-Identifier: GPL-2.0-or-later
// Raw sockets and the modules that speak their protocols: the sockets claim nothing, in no
// namespace, and a module comes and goes beside them.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <netinet/ip_icmp.h>

#include "support/family.h"
#include "support/kernel_module.h"
#include "support/netns.h"
#include "support/program.h"
#include "support/sysctl.h"
#include "support/traffic.h"

namespace xt {
namespace {

struct Speaker {
    const char* name;
    int protocol;
};

// Modules of stock kernels.
constexpr Speaker speakers[] = {
    {"ah4", 51}, {"esp4", 50}, {"gre", 47}, {"ipcomp", 108}, {"sctp", 132}, {"tunnel4", 4},
};

class RawModules : public testing::TestWithParam<Speaker> {
protected:
    void SetUp() override {
        const std::string name = GetParam().name;
        if (form_of_module(name) == ModuleForm::absent)
            GTEST_SKIP() << "this kernel has no " << name;
        if (form_of_module(name) == ModuleForm::built_in)
            GTEST_SKIP() << "this kernel has " << name << " built in";
        if (name == "sctp" && module_is_loaded(name))
            GTEST_SKIP() << "sctp never goes once it is there: its own sockets hold it";
        // other tests may have loaded it
        ASSERT_TRUE(remove_module(name));
    }
};

TEST_P(RawModules, module_loads_beside_the_sockets_of_its_protocol) {
    const auto [name, protocol] = GetParam();
    const Fd here = open_raw(Side::xinet, protocol);
    const Fd there = NetNs::create().run([&] { return open_raw(Side::xinet, protocol); });
    EXPECT_TRUE(modprobe({name}));
    EXPECT_TRUE(module_is_loaded(name));
    const Fd later = open_raw(Side::xinet, protocol);
    if (std::string(name) != "sctp") {
        EXPECT_TRUE(remove_module(name));
    }
}

INSTANTIATE_TEST_SUITE_P(, RawModules, testing::ValuesIn(speakers),
                         [](const auto& info) { return std::string(info.param.name); });

// Whether this host answers that it does not speak `protocol`. A packet of a protocol without any
// socket, which is answered, comes behind it.
bool is_refused(int protocol) {
    constexpr int unheard_of = 251;
    const Fd listener = in_peer([] { return open_raw(Side::sibling, IPPROTO_ICMP); });
    const Injector wire = Injector::at_peer();
    for (const int of : {protocol, unheard_of})
        wire.send(ethernet(here_mac(), ETH_P_IP,
                           Ipv4{.protocol = uint8_t(of)}.packet(repeated("refused?", 64))));
    for (bool refused = false;;) {
        const Bytes answer = receive(listener.get()).data;
        if (answer.size() < 48 || answer[20] != ICMP_DEST_UNREACH ||
            answer[21] != ICMP_PROT_UNREACH)
            continue;
        const int of = answer[28 + 9];
        if (of == unheard_of)
            return refused;
        refused = refused || of == protocol;
    }
}

// Errors are sent at a limited rate.
class RawUnreachable : public testing::Test {
    const Sysctl every_error_{"net/ipv4/icmp_ratelimit", "0"};
    const Sysctl many_errors_{"net/ipv4/icmp_msgs_per_sec", "100000"};
};

TEST_F(RawUnreachable, is_answered_unless_a_socket_wants_the_packet) {
    EXPECT_TRUE(is_refused(experimental_protocol));
    for (const Side side : both_sides) {
        SCOPED_TRACE(to_string(side));
        const Fd socket = open_raw(side, experimental_protocol);
        EXPECT_FALSE(is_refused(experimental_protocol));
        EXPECT_TRUE(receive_now(socket.get()));
        EXPECT_TRUE(is_refused(experimental_protocol - 1));
        bind_to(socket, ipv4_address("127.0.0.1"));
        EXPECT_TRUE(is_refused(experimental_protocol));
    }
    EXPECT_TRUE(is_refused(experimental_protocol));
}

TEST_F(RawUnreachable, is_answered_whatever_other_namespaces_have) {
    for (const Side side : both_sides) {
        SCOPED_TRACE(to_string(side));
        const Fd socket =
            NetNs::create().run([side] { return open_raw(side, experimental_protocol); });
        EXPECT_TRUE(is_refused(experimental_protocol));
    }
}

} // namespace
} // namespace xt
