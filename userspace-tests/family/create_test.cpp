// SPDX-License-Identifier: GPL-2.0-or-later
// socket(): what there is, what there is not, and who may have it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <sys/stat.h>

#include <fstream>

#include "support/outcome.h"

namespace xt {
namespace {

constexpr int protocols[] = {-1, 0, 1, 6, 17, 255, 256, 262, 263, 300, INT32_MAX, INT32_MIN};

// Keeps the kernel from starting a modprobe for each kind of socket that there is not; it starts
// another program, or none.
class NoModprobe {
public:
    explicit NoModprobe(const std::string& instead = "") {
        std::ifstream file(path);
        std::getline(file, saved_);
        std::ofstream(path) << instead << "\n";
    }
    ~NoModprobe() { std::ofstream(path) << saved_ << "\n"; }
    NoModprobe(const NoModprobe&) = delete;
    NoModprobe& operator=(const NoModprobe&) = delete;

private:
    static constexpr const char* path = "/proc/sys/kernel/modprobe";
    std::string saved_;
};

Outcome creation(int family, int type, int protocol) {
    Fd socket;
    Outcome outcome = outcome_of([&]() -> long {
        socket = Fd(::socket(family, type, protocol));
        return socket ? 0 : -1;
    });
    if (!socket)
        return outcome;
    for (const int option : {SO_TYPE, SO_DOMAIN, SO_PROTOCOL})
        outcome.state += std::to_string(get_option(socket, SOL_SOCKET, option)) + " ";
    return outcome;
}

Outcome creation(Side side, Kind kind, int protocol) {
    Fd socket;
    return outcome_of([&]() -> long {
        socket = Fd(try_socket(side, kind, protocol));
        return socket ? 0 : -1;
    });
}

TEST(Create, raw_of_each_protocol_is_as_in_pf_inet) {
    int created = 0;
    for (const int protocol : protocols) {
        SCOPED_TRACE("protocol " + std::to_string(protocol));
        const Outcome ours = creation(self_check() ? PF_INET : xinet_family(), SOCK_RAW, protocol);
        EXPECT_EQ(creation(PF_INET, SOCK_RAW, protocol), ours);
        created += ours.result == 0;
    }
    EXPECT_GE(created, 4);
}

TEST(Create, packet_of_each_ethertype_is_as_in_pf_packet) {
    for (const int protocol : {0, ETH_P_ALL, ETH_P_IP, 0xffff, 0x10003, -1}) {
        SCOPED_TRACE("ethertype " + std::to_string(protocol));
        const int family = self_check() ? PF_PACKET : xinet_family();
        const int type = self_check() ? SOCK_RAW : SOCK_PACKET;
        const Outcome ours = creation(family, type, htons(uint16_t(protocol)));
        EXPECT_EQ(creation(PF_PACKET, SOCK_RAW, htons(uint16_t(protocol))), ours);
        EXPECT_EQ(ours.result, 0);
    }
}

TEST(Create, unknown_type_gives_what_pf_inet_gives) {
    const NoModprobe guard;
    const int family = self_check() ? PF_INET : xinet_family();
    constexpr int nobodys_type = SOCK_RDM;

    for (const int type : {0, 4, 5, 6, 7, 8, 9})
        for (const int protocol : protocols) {
            SCOPED_TRACE("type " + std::to_string(type) + ", protocol " + std::to_string(protocol));
            EXPECT_EQ(creation(PF_INET, nobodys_type, protocol), creation(family, type, protocol));
        }
    for (const int type : {11, 12, 15, -1}) {
        SCOPED_TRACE("type " + std::to_string(type));
        EXPECT_EQ(creation(PF_INET, type, 0), creation(family, type, 0));
    }
}

TEST(Create, protocol_of_another_type_gives_what_pf_inet_gives) {
    const NoModprobe guard;
    const int family = self_check() ? PF_INET : xinet_family();

    for (const int type : {SOCK_STREAM, SOCK_DGRAM})
        for (const int protocol : {-1, 255, 256, 263, 300}) {
            SCOPED_TRACE("type " + std::to_string(type) + ", protocol " + std::to_string(protocol));
            const Outcome ours = creation(family, type, protocol);
            EXPECT_EQ(ours.result, -1);
            // A type without any protocol has another errno than one without this protocol.
            if (ours.error != ESOCKTNOSUPPORT) {
                EXPECT_EQ(creation(PF_INET, type, protocol), ours);
            }
        }
}

// The names of modules that socket() asks for, in order, with NUMBER for the family's.
std::string modules_asked_for(int family, int type, int protocol) {
    const std::string script = "/tmp/xinet-modprobe", log = script + ".log";
    std::ofstream(script) << "#!/bin/sh\necho \"$3\" >>" << log << "\n";
    checked(::chmod(script.c_str(), 0755), "chmod");
    std::ofstream(log, std::ios::trunc).flush();
    {
        const NoModprobe guard(script);
        EXPECT_FALSE(Fd(::socket(family, type, protocol)));
    }
    const std::string prefix = "net-pf-" + std::to_string(family) + "-";
    std::string asked;
    std::ifstream lines(log);
    for (std::string line; std::getline(lines, line);)
        asked += (line.starts_with(prefix) ? "NUMBER-" + line.substr(prefix.size()) : line) + "\n";
    return asked;
}

TEST(Create, unknown_pair_asks_for_the_modules_that_pf_inet_asks_for) {
    const std::string sibling = modules_asked_for(PF_INET, SOCK_RDM, 200);
    EXPECT_EQ(sibling, "NUMBER-proto-200-type-4\nNUMBER-proto-200\n");
    EXPECT_EQ(sibling, modules_asked_for(self_check() ? PF_INET : xinet_family(), SOCK_RDM, 200));
}

TEST(Create, without_cap_net_raw_is_refused_as_by_the_siblings) {
    for (const Kind kind : {Kind::raw, Kind::packet})
        for (const int protocol : {-1, 0, 1, 6, 255, 256, 263}) {
            SCOPED_TRACE(to_string(kind) + ", protocol " + std::to_string(protocol));
            const auto refused = [&](Side side) {
                return without_capabilities([&] { return creation(side, kind, protocol); });
            };
            const Outcome ours = refused(Side::xinet);
            EXPECT_EQ(refused(Side::sibling), ours);
            EXPECT_EQ(ours.result, -1);
            if (kind == Kind::packet || protocol == 1) {
                EXPECT_EQ(ours.error, EPERM);
            }
        }
}

class CreateKind : public OfEachKind {};

TEST_P(CreateKind, fresh_socket_tells_of_itself_what_the_sibling_tells) {
    expect_equal_outcomes(kind(), is_raw() ? IPPROTO_ICMP : ETH_P_IP,
                          {{"nothing done", [](int) { return 0L; }}});
}

TEST_P(CreateKind, flags_of_socket_are_obeyed) {
    const Fd socket(try_socket(Side::xinet, kind(), 1, SOCK_NONBLOCK | SOCK_CLOEXEC));
    ASSERT_TRUE(socket);
    EXPECT_TRUE(fcntl(socket.get(), F_GETFL) & O_NONBLOCK);
    EXPECT_TRUE(fcntl(socket.get(), F_GETFD) & FD_CLOEXEC);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CreateKind, testing::ValuesIn(all_kinds), parameter_name<Kind>);

} // namespace
} // namespace xt
