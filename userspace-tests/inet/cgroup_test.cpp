// SPDX-License-Identifier: GPL-2.0-or-later
// The hooks of control groups: a program that says no is obeyed where PF_INET's sockets obey it.
#include <gtest/gtest.h>

#include <cstring>
#include <iterator>

#include "support/bpf.h"
#include "support/cgroup.h"
#include "support/inet_case.h"
#include "support/sys.h"
#include "support/tpacket_v1.h"

namespace xt {
namespace {

struct Hook {
    const char* name;
    bpf_attach_type type;
    bpf_prog_type program;
};

const Hook hooks[] = {
    {"socket_create", BPF_CGROUP_INET_SOCK_CREATE, BPF_PROG_TYPE_CGROUP_SOCK},
    {"bind", BPF_CGROUP_INET4_BIND, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {"post_bind", BPF_CGROUP_INET4_POST_BIND, BPF_PROG_TYPE_CGROUP_SOCK},
    {"connect", BPF_CGROUP_INET4_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {"sendmsg", BPF_CGROUP_UDP4_SENDMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {"setsockopt", BPF_CGROUP_SETSOCKOPT, BPF_PROG_TYPE_CGROUP_SOCKOPT},
};

// A control group with a refusing program.
class Refusal : public ControlGroup {
public:
    explicit Refusal(const Hook& hook) {
        // 0 is no
        attach_program(descriptor(), load_answer(hook.program, 0, hook.type), hook.type);
    }
};

class InetCgroup : public testing::TestWithParam<std::tuple<Transport, size_t>> {
protected:
    [[nodiscard]] Transport transport() const { return std::get<0>(GetParam()); }
    [[nodiscard]] const Hook& hook() const { return hooks[std::get<1>(GetParam())]; }

    // What each call does with the program in place.
    std::string story(Side side) const {
        const NetNs& ns = inet_namespace(); // made before anything is refused
        const Refusal refusal(hook());
        refusal.enter();
        return ns.run([&] {
            std::string told;
            const auto tell = [&](const char* call, long result) {
                told +=
                    std::string(call) + ": " + (result < 0 ? strerrorname_np(errno) : "yes") + "\n";
            };
            Fd socket(try_socket(side, transport()));
            tell("socket", socket ? 0 : -1);
            const auto home = ipv4_address(loopback_address, subject_port);
            const auto away = ipv4_address(loopback_address, nobodys_port);
            const int one = 1;
            const uint8_t request[16] = {8};
            tell("setsockopt", sys::setsockopt(socket.get(), SOL_IP, IP_TTL, &one, sizeof(one)));
            tell("bind", sys::bind(socket.get(), &home, sizeof(home)));
            tell("bind again", sys::bind(socket.get(), &home, sizeof(home)));
            tell("sendto", sys::sendto(socket.get(), request, sizeof(request), MSG_NOSIGNAL, &away,
                                       sizeof(away)));
            tell("connect", sys::connect(socket.get(), &away, sizeof(away)));
            return told;
        });
    }
};

TEST_P(InetCgroup, program_is_asked_as_by_pf_inet) {
    std::string sibling;
    try {
        sibling = story(Side::sibling);
    } catch (const std::system_error& error) {
        GTEST_SKIP() << error.what();
    }
    EXPECT_EQ(sibling, story(Side::xinet));
    // 6.1 does not ask about options that a 32-bit program sets
    if (transport() == Transport::datagram && !kernel_words_are_longer()) {
        EXPECT_NE(sibling.find("EPERM"), std::string::npos) << sibling;
    }
}

std::string cgroup_name(const testing::TestParamInfo<std::tuple<Transport, size_t>>& info) {
    return to_string(std::get<0>(info.param)) + "_" + hooks[std::get<1>(info.param)].name;
}

INSTANTIATE_TEST_SUITE_P(, InetCgroup,
                         testing::Combine(testing::ValuesIn(all_transports),
                                          testing::Range(size_t(0), std::size(hooks))),
                         cgroup_name);

} // namespace
} // namespace xt
