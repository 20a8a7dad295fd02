// SPDX-License-Identifier: GPL-2.0-or-later
// Who may reach the family: an unprivileged user, and the same in a user namespace where it is
// root, for each value of the parameters userns and engines.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>

#include <functional>

#include "support/diag.h"
#include "support/inet.h"
#include "support/module_parameter.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/unprivileged.h"

namespace xt {
namespace {

constexpr uint16_t privileged_port = 81;

int errno_of_socket(Side side, Kind kind) {
    return Fd(try_socket(side, kind, IPPROTO_ICMP)) ? 0 : errno;
}

int errno_of_socket(Side side, Transport transport) {
    return Fd(try_socket(side, transport)) ? 0 : errno;
}

int errno_of_privileged_bind(Side side) {
    const Fd socket = open_socket(side, Transport::datagram);
    const auto address = ipv4_address("0.0.0.0", privileged_port);
    return sys::bind(socket.get(), &address, sizeof(address)) < 0 ? errno : 0;
}

class Reach : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "there is no module";
    }
};

TEST_F(Reach, userns_is_0_and_engines_is_1_unless_somebody_says_otherwise) {
    EXPECT_EQ(module_parameter("userns"), "0");
    EXPECT_EQ(module_parameter("engines"), "1");
}

TEST_F(Reach, parameters_take_0_and_1_only) {
    for (const char* name : {"userns", "engines"}) {
        const ModuleParameter restored(name, 1);
        for (const char* value : {"2", "-1", "x", "", "99999999999999999999", "1x"})
            EXPECT_EQ(write_module_parameter(name, value), *value ? EINVAL : 0)
                << name << "=" << value;
        EXPECT_EQ(module_parameter(name), "1");
    }
}

TEST_F(Reach, nobody_gets_no_raw_and_no_packet_socket_whatever_userns_is) {
    for (const int value : {0, 1}) {
        const ModuleParameter userns("userns", value);
        for (const Kind kind : {Kind::raw, Kind::packet})
            EXPECT_EQ(as_nobody([&] { return errno_of_socket(Side::xinet, kind); }), EPERM)
                << to_string(kind) << ", userns=" << value;
    }
}

class ReachKind : public testing::TestWithParam<Kind> {};

TEST_P(ReachKind, root_of_a_user_namespace_is_nobody_with_userns_0) {
    const int theirs =
        as_root_of_own_namespaces([] { return errno_of_socket(Side::sibling, GetParam()); });
    const ModuleParameter userns("userns", 0);
    const int ours =
        as_root_of_own_namespaces([] { return errno_of_socket(Side::xinet, GetParam()); });
    EXPECT_EQ(theirs, 0);
    EXPECT_EQ(ours, self_check() ? 0 : EPERM);
}

TEST_P(ReachKind, root_of_a_user_namespace_is_the_siblings_root_with_userns_1) {
    const ModuleParameter userns("userns", 1);
    EXPECT_EQ(as_root_of_own_namespaces([] { return errno_of_socket(Side::xinet, GetParam()); }),
              0);
}

TEST_P(ReachKind, userns_1_opens_no_namespace_but_ones_own) {
    const ModuleParameter userns("userns", 1);
    EXPECT_EQ(as_nobody([] {
                  if (::unshare(CLONE_NEWUSER) < 0)
                      return 254;
                  return errno_of_socket(Side::xinet, GetParam());
              }),
              EPERM);
}

// The machine's root keeps what it has, in namespaces that others own too.
TEST_P(ReachKind, root_may_open_them_in_every_namespace) {
    int ends[2];
    checked(::pipe(ends), "pipe");
    const Fd told(ends[0]), tells(ends[1]);
    int quits[2];
    checked(::pipe(quits), "pipe");
    Fd waits(quits[0]), quit(quits[1]);
    const pid_t owner = checked(::fork(), "fork");
    if (owner == 0) {
        quit.close();
        char byte = ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
        if (::write(tells.get(), &byte, 1) == 1)
            (void)!::read(waits.get(), &byte, 1); // until the other end goes
        _exit(0);
    }
    char ready = 0;
    ASSERT_EQ(::read(told.get(), &ready, 1), 1);
    ASSERT_EQ(ready, 1);
    const std::string path = "/proc/" + std::to_string(owner) + "/ns/net";
    const Fd netns(checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str()));
    for (const int value : {0, 1}) {
        const ModuleParameter userns("userns", value);
        const pid_t child = checked(::fork(), "fork");
        if (child == 0)
            _exit(::setns(netns.get(), CLONE_NEWNET) < 0
                      ? 255
                      : errno_of_socket(Side::xinet, GetParam()));
        int status = 0;
        checked(::waitpid(child, &status, 0), "waitpid");
        EXPECT_EQ(status, 0) << "userns=" << value;
    }
    quit.close();
    checked(::waitpid(owner, nullptr, 0), "waitpid");
}

INSTANTIATE_TEST_SUITE_P(Kinds, ReachKind, testing::Values(Kind::raw, Kind::packet),
                         parameter_name<Kind>);

TEST_F(Reach, userns_is_read_whenever_somebody_asks) {
    int orders[2], answers[2];
    checked(::pipe(orders), "pipe");
    checked(::pipe(answers), "pipe");
    const pid_t child = checked(::fork(), "fork");
    if (child == 0) {
        ::close(orders[1]);
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
            _exit(1);
        for (char byte; ::read(orders[0], &byte, 1) == 1;) {
            byte = char(errno_of_socket(Side::xinet, Kind::raw));
            if (::write(answers[1], &byte, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    const Fd unused(orders[0]), also_unused(answers[1]), answer(answers[0]);
    Fd order(orders[1]);
    for (const int value : {0, 1, 0}) {
        const ModuleParameter userns("userns", value);
        char byte = 0;
        checked(::write(order.get(), &byte, 1), "write");
        ASSERT_EQ(::read(answer.get(), &byte, 1), 1);
        EXPECT_EQ(byte, value ? 0 : EPERM);
    }
    order.close();
    int status = -1;
    checked(::waitpid(child, &status, 0), "waitpid");
    EXPECT_EQ(status, 0);
}

TEST_F(Reach, privileged_ports_are_asked_for_by_the_same_rule) {
    EXPECT_EQ(as_root_of_own_namespaces([] { return errno_of_privileged_bind(Side::sibling); }), 0);
    for (const int value : {0, 1}) {
        const ModuleParameter userns("userns", value);
        EXPECT_EQ(as_root_of_own_namespaces([] { return errno_of_privileged_bind(Side::xinet); }),
                  value ? 0 : EACCES);
        EXPECT_EQ(errno_of_privileged_bind(Side::xinet), 0) << "of the machine's root";
    }
}

TEST_F(Reach, marks_are_told_by_the_same_rule) {
    for (const int value : {0, 1}) {
        const ModuleParameter userns("userns", value);
        EXPECT_EQ(as_root_of_own_namespaces([] {
                      const Fd socket = open_socket(Side::xinet, Transport::datagram);
                      const auto told = find_socket(socket);
                      return told ? int(told->has(XINET_DIAG_MARK)) : 2;
                  }),
                  value);
    }
}

class ReachEngine : public testing::TestWithParam<Transport> {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "there is no module";
    }
    const PingAllowed ping_;
};

TEST_P(ReachEngine, nobody_gets_one_whatever_userns_is) {
    for (const int value : {0, 1}) {
        const ModuleParameter userns("userns", value);
        EXPECT_EQ(as_nobody([] { return errno_of_socket(Side::xinet, GetParam()); }), 0);
    }
}

TEST_P(ReachEngine, engines_0_refuses_them_to_everybody) {
    const ModuleParameter engines("engines", 0);
    EXPECT_EQ(errno_of_socket(Side::xinet, GetParam()), EAFNOSUPPORT);
    EXPECT_EQ(as_nobody([] { return errno_of_socket(Side::xinet, GetParam()); }), EAFNOSUPPORT);
    EXPECT_EQ(errno_of_socket(Side::sibling, GetParam()), 0);
}

INSTANTIATE_TEST_SUITE_P(Transports, ReachEngine, testing::ValuesIn(all_transports),
                         parameter_name<Transport>);

TEST_F(Reach, engines_0_leaves_raw_and_packet_sockets) {
    const ModuleParameter engines("engines", 0);
    for (const Kind kind : all_kinds)
        EXPECT_NO_THROW(open_socket(Side::xinet, kind, IPPROTO_ICMP)) << to_string(kind);
}

TEST_F(Reach, engines_0_leaves_what_is_open_and_what_it_accepts) {
    const Fd listener = open_listener(Side::xinet);
    const Connection before = connect_streams(Side::xinet, Side::xinet);
    const ModuleParameter engines("engines", 0);
    const Fd client = open_socket(Side::sibling, Transport::stream);
    connect_to(client, name_of(listener));
    const Fd child = accept_from(listener);
    char byte = 'x';
    for (const auto& [from, to] : {std::pair(client.get(), child.get()),
                                   std::pair(before.client.get(), before.server.get())}) {
        byte = 'x';
        EXPECT_EQ(::send(from, &byte, 1, 0), 1);
        EXPECT_EQ(::recv(to, &byte, 1, 0), 1);
    }
}

TEST_F(Reach, engines_1_offers_them_again) {
    { const ModuleParameter engines("engines", 0); }
    for (const Transport transport : {Transport::stream, Transport::datagram})
        EXPECT_EQ(errno_of_socket(Side::xinet, transport), 0) << to_string(transport);
}

} // namespace
} // namespace xt
