// SPDX-License-Identifier: GPL-2.0-or-later
// The hooks of security modules: a module that says no is obeyed where it is by the siblings'
// sockets. The module is a BPF program, where the kernel lets such programs be one.
#include <bpf/btf.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>

#include "support/bpf.h"
#include "support/inet_case.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr const char* hooks[] = {"socket_create",      "socket_post_create", "socket_bind",
                                 "socket_connect",     "socket_listen",      "socket_accept",
                                 "socket_sendmsg",     "socket_recvmsg",     "socket_getsockname",
                                 "socket_getpeername", "socket_getsockopt",  "socket_setsockopt",
                                 "socket_shutdown",    "socket_sock_rcv_skb"};

enum class Subject { stream, datagram, raw, packet };
constexpr Subject subjects[] = {Subject::stream, Subject::datagram, Subject::raw, Subject::packet};
constexpr const char* subject_names[] = {"stream", "datagram", "raw", "packet"};

bool programs_are_asked() {
    // there already, or not to be had
    ::mount("securityfs", "/sys/kernel/security", "securityfs", 0, nullptr);
    std::ifstream file("/sys/kernel/security/lsm");
    const std::string modules{std::istreambuf_iterator<char>(file), {}};
    return ("," + modules + ",").find(",bpf,") != std::string::npos;
}

// The number of a hook's function in the kernel's own types.
uint32_t number_of(const std::string& hook) {
    static const std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_vmlinux_btf(),
                                                                  btf__free);
    const int id =
        types ? btf__find_by_name_kind(types.get(), ("bpf_lsm_" + hook).c_str(), BTF_KIND_FUNC)
              : -errno;
    if (id < 0)
        throw std::system_error(-id, std::generic_category(), hook);
    return uint32_t(id);
}

// As long as it exists, a hook says EPERM to everybody.
Fd refuse(const std::string& hook) {
    return attach_to_hook(load_answer(BPF_PROG_TYPE_LSM, -EPERM, BPF_LSM_MAC, number_of(hook)));
}

int try_subject(Side side, Subject subject, int flags = 0) {
    switch (subject) {
    case Subject::stream:
        return try_socket(side, Transport::stream, flags);
    case Subject::datagram:
        return try_socket(side, Transport::datagram, flags);
    case Subject::raw:
        return try_socket(side, Kind::raw, experimental_protocol, flags);
    case Subject::packet:
        return try_socket(side, Kind::packet, experimental_ethertype, flags);
    }
    return -1;
}

constexpr int loopback_index = 1; // in every namespace

// Where a subject is bound to, and who is not there; both take what the subject sends.
template<typename Use>
void with_addresses(Subject subject, const Use& use) {
    if (subject == Subject::packet) {
        const auto lo = link_address(experimental_ethertype, loopback_index);
        use(lo, lo);
    } else {
        use(ipv4_address(loopback_address, subject_port),
            ipv4_address(loopback_address, nobodys_port));
    }
}

void skip_unless_asked() {
    if (!programs_are_asked())
        GTEST_SKIP() << "BPF programs are no security module here";
}

// A socket of each kind and side, opened before a hook says no.
struct Opened {
    Side side;
    Subject subject;
    Fd socket;
};

class LsmHook : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override { skip_unless_asked(); }
    [[nodiscard]] static std::string hook() { return GetParam(); }

    static std::vector<Opened> open_all() {
        std::vector<Opened> all;
        for (const Side side : both_sides) {
            for (const Subject subject : subjects) {
                all.push_back({side, subject,
                               Fd(checked(try_subject(side, subject, SOCK_NONBLOCK), "socket"))});
            }
        }
        return all;
    }

    // What each call does on it, and then socket().
    static std::string story(const Opened& of) {
        std::string told = std::string(subject_names[size_t(of.subject)]) + "\n";
        const auto tell = [&](const char* call, long result) {
            told += std::string(call) + ": " + (result < 0 ? strerrorname_np(errno) : "yes") + "\n";
        };
        forget_received(of.socket.get());
        with_addresses(of.subject, [&](const auto& home, const auto& away) {
            tell_of(of.socket.get(), home, away, tell);
        });
        tell("socket", Fd(try_subject(of.side, of.subject)) ? 0 : -1);
        return told;
    }

private:
    // What the sockets before have sent.
    static void forget_received(int fd) {
        uint8_t frame[64];
        await_deliveries();
        while (sys::recvfrom(fd, frame, sizeof(frame), 0, nullptr, nullptr) >= 0)
            continue;
    }

    template<typename Address, typename Tell>
    static void tell_of(int fd, const Address& home, const Address& away, const Tell& tell) {
        Address name{};
        socklen_t length = sizeof(name);
        int value = 1;
        socklen_t size = sizeof(value);
        uint8_t frame[64] = {};

        tell("bind", sys::bind(fd, &home, sizeof(home)));
        tell("setsockopt", sys::setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &value, sizeof(value)));
        tell("getsockopt", sys::getsockopt(fd, SOL_SOCKET, SO_PRIORITY, &value, &size));
        tell("getsockname", sys::getsockname(fd, &name, &length));
        tell("getpeername", sys::getpeername(fd, &name, &length));
        tell("recv", sys::recvfrom(fd, frame, sizeof(frame), 0, nullptr, nullptr));
        tell("sendto", sys::sendto(fd, frame, sizeof(frame), MSG_NOSIGNAL, &away, sizeof(away)));
        tell("listen", ::listen(fd, 1));
        tell("accept", ::accept(fd, nullptr, nullptr));
        tell("shutdown", ::shutdown(fd, SHUT_WR));
        tell("connect", sys::connect(fd, &away, sizeof(away)));
    }

    OnOneCpu one_cpu_;
};

TEST_P(LsmHook, is_asked_as_by_the_sibling) {
    std::string told[std::size(both_sides)];
    inet_namespace().run([&] {
        std::vector<Opened> all = open_all();
        const Fd link = refuse(hook());
        for (Opened& one : all) {
            told[one.side == Side::xinet] += story(one);
            one.socket = Fd(); // its port is for the next one
        }
    });
    EXPECT_EQ(told[0], told[1]);
    if (hook() != "socket_sock_rcv_skb") {
        EXPECT_NE(told[0].find("EPERM"), std::string::npos) << told[0];
    }
}

INSTANTIATE_TEST_SUITE_P(, LsmHook, testing::ValuesIn(hooks),
                         [](const testing::TestParamInfo<const char*>& info) {
                             return std::string(info.param);
                         });

class LsmReceive : public testing::TestWithParam<Subject> {
protected:
    void SetUp() override { skip_unless_asked(); }

    // Which of two messages comes first when no socket may receive the first one.
    static char first_received(Side side, Subject subject) {
        return inet_namespace().run([&] {
            const Fd socket(checked(try_subject(side, subject, SOCK_NONBLOCK), "socket"));
            Bytes message(64, 0);
            message[12] = experimental_ethertype >> 8; // where a packet socket has it
            message[13] = experimental_ethertype & 0xff;
            with_addresses(subject, [&](const auto& home, const auto&) {
                bind_to(socket, home);
                Fd link = refuse("socket_sock_rcv_skb");
                for (const uint8_t number : {'1', '2'}) {
                    message.back() = number;
                    EXPECT_EQ(sys::sendto(socket.get(), message.data(), message.size(), 0, &home,
                                          sizeof(home)),
                              long(message.size()));
                    await_deliveries();
                    link = Fd();
                }
            });
            EXPECT_TRUE(wait_readable(socket.get()));
            Bytes received(128, 0);
            const long size =
                sys::recvfrom(socket.get(), received.data(), received.size(), 0, nullptr, nullptr);
            EXPECT_GE(size, long(message.size()));
            return char(received.at(size_t(std::max(size, 1L)) - 1));
        });
    }

    OnOneCpu one_cpu_;
};

TEST_P(LsmReceive, refused_packet_is_received_only_where_the_sibling_does_not_ask) {
    const char sibling = first_received(Side::sibling, GetParam());
    EXPECT_EQ(sibling, GetParam() == Subject::packet ? '1' : '2');
    EXPECT_EQ(first_received(Side::xinet, GetParam()), sibling);
}

INSTANTIATE_TEST_SUITE_P(, LsmReceive,
                         testing::Values(Subject::datagram, Subject::raw, Subject::packet),
                         [](const testing::TestParamInfo<Subject>& info) {
                             return std::string(subject_names[size_t(info.param)]);
                         });

} // namespace
} // namespace xt
