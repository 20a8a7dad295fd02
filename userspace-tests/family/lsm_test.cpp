// SPDX-License-Identifier: GPL-2.0-or-later
// The hooks of security modules: a module that says no is obeyed where it is by the siblings'
// sockets, and an address that it has judged means the same to the socket. The modules are BPF
// programs, Landlock and AppArmor, where the kernel has them.
#include <bpf/btf.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

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

bool module_is_asked(const std::string& name) {
    // there already, or not to be had
    ::mount("securityfs", "/sys/kernel/security", "securityfs", 0, nullptr);
    std::ifstream file("/sys/kernel/security/lsm");
    std::string modules;
    std::getline(file, modules);
    return ("," + modules + ",").find("," + name + ",") != std::string::npos;
}

bool programs_are_asked() {
    // without the kernel's types none can be loaded
    return module_is_asked("bpf") && std::filesystem::exists("/sys/kernel/btf/vmlinux");
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

// --- modules that read addresses ---

// Outcomes of every call that takes an address, one a line.
std::string story_of_address(Side side, Transport transport, sa_family_t family) {
    std::string told;
    const auto tell = [&](const char* call, long result) {
        told += std::string(call) + ": " +
                (result < 0 && errno != EINPROGRESS ? strerrorname_np(errno) : "yes") + "\n";
    };
    const auto address = [&](uint16_t port) {
        auto result = ipv4_address(loopback_address, port);
        result.sin_family = family;
        return result;
    };
    const auto home = address(subject_port), away = address(other_port);
    const auto fresh = [&] { return open_socket(side, transport, SOCK_NONBLOCK); };
    uint8_t request[16] = {8};
    tell("bind", sys::bind(fresh().get(), &home, sizeof(home)));
    tell("connect", sys::connect(fresh().get(), &away, sizeof(away)));
    if (transport == Transport::stream)
        tell("MSG_FASTOPEN", sys::sendto(fresh().get(), request, sizeof(request),
                                         MSG_NOSIGNAL | MSG_FASTOPEN, &away, sizeof(away)));
    else
        tell("sendto",
             sys::sendto(fresh().get(), request, sizeof(request), 0, &away, sizeof(away)));
    return told;
}

// A module that refuses what says AF_INET, and knows nothing of other families.
class LsmAddress : public testing::TestWithParam<Transport> {
protected:
    void SetUp() override {
        skip_unless_asked();
        if (self_check())
            GTEST_SKIP() << "it needs the family";
    }

    // Refuses AF_INET in the second argument of a hook, which is the address.
    static Fd judge_address(const char* hook) {
        const bpf_insn program[] = {
            load(BPF_DW, BPF_REG_2, BPF_REG_1, 8),
            load(BPF_H, BPF_REG_3, BPF_REG_2, 0),
            immediate(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0),
            immediate(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 1, AF_INET),
            immediate(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, -EPERM),
            immediate(BPF_JMP | BPF_EXIT, 0, 0, 0),
        };
        return attach_to_hook(
            load_program(BPF_PROG_TYPE_LSM, program, BPF_LSM_MAC, number_of(hook)));
    }

    // The same for the name of a message, which may be missing.
    static Fd judge_message() {
        const bpf_insn program[] = {
            load(BPF_DW, BPF_REG_2, BPF_REG_1, 8),
            load(BPF_DW, BPF_REG_3, BPF_REG_2, 0), // msg_name
            immediate(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, -8, 0),
            from(BPF_REG_1, BPF_REG_10),
            immediate(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, -8),
            immediate(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, sizeof(sa_family_t)),
            immediate(BPF_JMP | BPF_CALL, 0, 0, BPF_FUNC_probe_read_kernel),
            load(BPF_H, BPF_REG_3, BPF_REG_10, -8),
            immediate(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0),
            immediate(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 1, AF_INET),
            immediate(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, -EPERM),
            immediate(BPF_JMP | BPF_EXIT, 0, 0, 0),
        };
        return attach_to_hook(
            load_program(BPF_PROG_TYPE_LSM, program, BPF_LSM_MAC, number_of("socket_sendmsg")));
    }

private:
    static bpf_insn load(int size, int to, int base, int offset) {
        return {.code = uint8_t(BPF_LDX | BPF_MEM | size),
                .dst_reg = uint8_t(to & 15),
                .src_reg = uint8_t(base & 15),
                .off = int16_t(offset),
                .imm = 0};
    }
    static bpf_insn from(int to, int source) {
        return {.code = BPF_ALU64 | BPF_MOV | BPF_X,
                .dst_reg = uint8_t(to & 15),
                .src_reg = uint8_t(source & 15),
                .off = 0,
                .imm = 0};
    }
    static bpf_insn immediate(int code, int to, int offset, int value) {
        return {.code = uint8_t(code),
                .dst_reg = uint8_t(to & 15),
                .src_reg = 0,
                .off = int16_t(offset),
                .imm = value};
    }
};

TEST_P(LsmAddress, is_what_the_module_was_shown) {
    inet_namespace().run([this] {
        std::vector<Fd> links;
        for (const char* hook : {"socket_bind", "socket_connect"})
            links.push_back(judge_address(hook));
        links.push_back(judge_message());
        for (const Side side : both_sides) {
            const std::string told = story_of_address(side, GetParam(), AF_INET);
            EXPECT_EQ(told.find("yes"), std::string::npos) << to_string(side) << "\n" << told;
        }
        const std::string told =
            story_of_address(Side::xinet, GetParam(), sa_family_t(xinet_family()));
        EXPECT_EQ(told.find("yes"), std::string::npos) << told;
        EXPECT_EQ(told.find("EPERM"), std::string::npos) << told;
    });
}

INSTANTIATE_TEST_SUITE_P(, LsmAddress, testing::ValuesIn(all_transports),
                         [](const testing::TestParamInfo<Transport>& info) {
                             return to_string(info.param);
                         });

// <linux/landlock.h> of Linux 6.7; older headers do not know the network.
struct LandlockRuleset {
    uint64_t handled_fs;
    uint64_t handled_net;
};
constexpr uint64_t landlock_bind_and_connect = 3;
constexpr uint32_t landlock_version_flag = 1;
constexpr long landlock_with_net = 4;
constexpr long create_ruleset_number = 444, restrict_self_number = 446;

// In a thread that may neither bind nor connect a TCP socket. False: it could not be restricted.
bool run_without_tcp(const std::function<void()>& body) {
    bool restricted = false;
    std::thread([&] {
        const LandlockRuleset nothing{.handled_fs = 0, .handled_net = landlock_bind_and_connect};
        const Fd ruleset(int(syscall(create_ruleset_number, &nothing, sizeof(nothing), 0)));
        restricted = ruleset && !::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
                     !syscall(restrict_self_number, ruleset.get(), 0);
        if (restricted)
            body();
    }).join();
    return restricted;
}

TEST(LsmLandlock, lets_no_family_of_addresses_through) {
    if (syscall(create_ruleset_number, nullptr, 0, landlock_version_flag) < landlock_with_net)
        GTEST_SKIP() << "no Landlock that knows the network";
    inet_namespace().run([] {
        const Fd listener = open_listener(Side::sibling, other_port);
        std::string told[std::size(both_sides)], own;
        EXPECT_TRUE(run_without_tcp([&] {
            for (const Side side : both_sides)
                told[side == Side::xinet] = story_of_address(side, Transport::stream, AF_INET);
            own = story_of_address(Side::xinet, Transport::stream, sa_family_t(xinet_family()));
        }));
        EXPECT_EQ(told[0], told[1]);
        EXPECT_NE(told[1].find("bind: EACCES"), std::string::npos) << told[1];
        EXPECT_NE(told[1].find("connect: EACCES"), std::string::npos) << told[1];
        if (!self_check()) {
            EXPECT_EQ(own,
                      "bind: EAFNOSUPPORT\nconnect: EAFNOSUPPORT\nMSG_FASTOPEN: EAFNOSUPPORT\n");
        }
    });
}

// --- AppArmor ---

constexpr const char* profile = R"(
profile xinet_test flags=(attach_disconnected) {
  file,
  capability,
  network unix,
  network netlink,
  network inet dgram,
}
)";

// False: there is no apparmor_parser, or it does not like the kernel.
bool load_profile() {
    const std::string path = "/tmp/xinet_test_profile";
    std::ofstream(path) << profile;
    return std::system(("PATH=$PATH:/sbin:/usr/sbin apparmor_parser -r -K "
                        "-M /sys/kernel/security/apparmor/features " +
                        path)
                           .c_str()) == 0;
}

// The calling thread is under the profile from then on.
bool enter_profile() {
    std::ofstream file("/proc/thread-self/attr/apparmor/current");
    file << "changeprofile xinet_test" << std::flush;
    return bool(file);
}

TEST(LsmAppArmor, profile_without_streams_stops_those_of_both_families) {
    if (!module_is_asked("apparmor"))
        GTEST_SKIP() << "no AppArmor";
    if (!load_profile())
        GTEST_SKIP() << "no apparmor_parser";
    inet_namespace().run([] {
        std::string told[std::size(both_sides)];
        std::thread([&] {
            std::vector<Opened> all;
            for (const Side side : both_sides)
                for (const Subject subject : {Subject::stream, Subject::datagram})
                    all.push_back(
                        {side, subject, Fd(checked(try_subject(side, subject), "socket"))});
            ASSERT_TRUE(enter_profile()) << strerrorname_np(errno);
            for (Opened& one : all) {
                std::string& story = told[one.side == Side::xinet];
                const auto home = ipv4_address(loopback_address, subject_port);
                const auto away = ipv4_address(loopback_address, nobodys_port);
                const int fd = one.socket.get();
                const int value = 1;
                const auto tell = [&](const char* call, long result) {
                    story += std::string(subject_names[size_t(one.subject)]) + " " + call + ": " +
                             (result < 0 ? strerrorname_np(errno) : "yes") + "\n";
                };
                tell("bind", sys::bind(fd, &home, sizeof(home)));
                tell("setsockopt",
                     sys::setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &value, sizeof(value)));
                tell("listen", ::listen(fd, 1));
                tell("connect", sys::connect(fd, &away, sizeof(away)));
                tell("sendto", sys::sendto(fd, "x", 1, MSG_NOSIGNAL, &away, sizeof(away)));
                one.socket = Fd(); // its port is for the next one
            }
            EXPECT_EQ(try_subject(Side::sibling, Subject::stream), -1);
            EXPECT_EQ(errno, EACCES);
            EXPECT_EQ(try_subject(Side::xinet, Subject::stream), -1);
            EXPECT_EQ(errno, EACCES) << "its family has no rule";
        }).join();
        EXPECT_EQ(told[0], told[1]);
        EXPECT_NE(told[1].find("stream bind: EACCES"), std::string::npos) << told[1];
        EXPECT_NE(told[1].find("datagram bind: yes"), std::string::npos) << told[1];
    });
}

} // namespace
} // namespace xt
