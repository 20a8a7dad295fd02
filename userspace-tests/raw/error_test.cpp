// SPDX-License-Identifier: GPL-2.0-or-later
// What a raw socket learns of ICMP errors about its packets, and of those that sending finds: the
// same errors reach both families at once, and SO_ERROR and the error queue must be the same.
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <poll.h>

#include "support/compare.h"
#include "support/firewall.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/program.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr int protocol = experimental_protocol;
constexpr uint8_t monitored = 252;

void connect_to(const Fd& socket, const char* address) {
    const auto peer = ipv4_address(address);
    checked(sys::connect(socket.get(), &peer, sizeof(peer)), "connect");
}

// An ICMP message whose second word is `rest`, quoting `quoted`.
Bytes icmp_error(uint8_t type, uint8_t code, uint32_t rest, const Bytes& quoted) {
    return icmp(type, code, uint16_t(rest >> 16), uint16_t(rest), quoted);
}

// Everything that a socket has been told.
struct Told {
    int error;
    std::vector<Message> queue;
    bool operator==(const Told&) const = default;
};

void PrintTo(const Told& told, std::ostream* out) {
    *out << "SO_ERROR " << told.error;
    for (const auto& entry : told.queue)
        *out << "\n    " << describe(entry);
}

Told told(const Fd& socket) {
    Told result{get_option(socket, SOL_SOCKET, SO_ERROR), {}};
    while (auto entry = receive_now(socket.get(), any_size, MSG_ERRQUEUE))
        result.queue.push_back(std::move(*entry));
    return result;
}

struct Setting {
    const char* name;
    std::function<void(const Fd&)> apply;
};

const Setting settings[] = {
    {"plain", [](const Fd&) {}},
    {"IP_RECVERR", [](const Fd& socket) { set_option(socket, SOL_IP, IP_RECVERR, 1); }},
    {"connected", [](const Fd& socket) { connect_to(socket, peer_address); }},
    {"connected, IP_RECVERR",
     [](const Fd& socket) {
         connect_to(socket, peer_address);
         set_option(socket, SOL_IP, IP_RECVERR, 1);
     }},
    {"connected elsewhere, IP_RECVERR",
     [](const Fd& socket) {
         connect_to(socket, "10.77.0.3");
         set_option(socket, SOL_IP, IP_RECVERR, 1);
     }},
    {"bound, IP_RECVERR, control messages",
     [](const Fd& socket) {
         bind_to(socket, ipv4_address(here_address));
         for (const int option : {IP_RECVERR, IP_PKTINFO, IP_RECVTTL, IP_RECVTOS})
             set_option(socket, SOL_IP, option, 1);
     }},
    {"bound elsewhere, IP_RECVERR",
     [](const Fd& socket) {
         bind_to(socket, ipv4_address("127.0.0.1"));
         set_option(socket, SOL_IP, IP_RECVERR, 1);
     }},
    {"device, IP_RECVERR",
     [](const Fd& socket) {
         checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, here_device, 4),
                 "SO_BINDTODEVICE");
         set_option(socket, SOL_IP, IP_RECVERR, 1);
     }},
    {"other device, IP_RECVERR",
     [](const Fd& socket) {
         checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 2),
                 "SO_BINDTODEVICE");
         set_option(socket, SOL_IP, IP_RECVERR, 1);
     }},
    {"IP_HDRINCL, IP_RECVERR",
     [](const Fd& socket) {
         set_option(socket, SOL_IP, IP_HDRINCL, 1);
         set_option(socket, SOL_IP, IP_RECVERR, 1);
     }},
    {"IP_RECVERR_RFC4884",
     [](const Fd& socket) {
         constexpr int ip_recverr_rfc4884 = 26;
         set_option(socket, SOL_IP, IP_RECVERR, 1);
         set_option(socket, SOL_IP, ip_recverr_rfc4884, 1);
     }},
    {"connected, no path MTU discovery",
     [](const Fd& socket) {
         set_option(socket, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
         connect_to(socket, peer_address);
     }},
    {"connected, path MTU discovery",
     [](const Fd& socket) {
         set_option(socket, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
         connect_to(socket, peer_address);
     }},
};

class RawError : public testing::Test {
protected:
    // A packet of ours as the peer quotes it.
    static Bytes quoted(size_t payload = 64, uint8_t of = protocol, const char* to = peer_address) {
        return Ipv4{.from = here_address, .to = to, .protocol = of}.packet(
            repeated("quoted! ", payload));
    }
    void in(const Bytes& packet) const { wire_.send(ethernet(here_mac_, ETH_P_IP, packet)); }
    void error(const Bytes& message, const char* from = peer_address) const {
        in(Ipv4{.from = from, .protocol = IPPROTO_ICMP, .tos = 0x10}.packet(message));
    }
    // What was sent before has reached every socket when this returns: packets pass one by one.
    void fence() const {
        in(Ipv4{.protocol = monitored}.packet(repeated("the end ", 64)));
        receive_marked(monitor_.get(), "the end ");
    }

    // Requires that both families tell the same of what `send` causes, and returns whether the
    // socket of each setting was told anything.
    std::vector<bool> expect_same_told(const std::function<void()>& send, int of = protocol) {
        std::vector<Fd> sockets[2];
        for (const auto& setting : settings)
            for (const Side side : both_sides) {
                auto& socket = sockets[side == Side::xinet].emplace_back(open_raw(side, of));
                setting.apply(socket);
            }
        send();
        fence();
        std::vector<bool> any;
        for (size_t i = 0; i < std::size(settings); i++) {
            SCOPED_TRACE(settings[i].name);
            const Told theirs = told(sockets[0][i]);
            EXPECT_EQ(theirs, told(sockets[1][i])) << "above: the sibling, below: PF_XINET";
            any.push_back(theirs.error || !theirs.queue.empty());
        }
        return any;
    }

    OnOneCpu one_cpu_;
    Mac here_mac_ = here_mac();
    Injector wire_ = Injector::at_peer();
    Fd monitor_ = open_raw(Side::sibling, monitored);
};

struct ErrorCase {
    std::string name;
    uint8_t type;
    uint8_t code;
    uint32_t rest;
    bool told; // whether a socket with IP_RECVERR learns of it
};

std::vector<ErrorCase> error_cases() {
    std::vector<ErrorCase> cases;
    for (uint8_t code = 0; code <= 17; code++) // RFC 792, RFC 1122, RFC 1812; 16 and 17 are unknown
        if (code != ICMP_FRAG_NEEDED)
            cases.push_back(
                {"unreachable_" + std::to_string(code), ICMP_DEST_UNREACH, code, 0, code <= 15});
    cases.push_back({"fragmentation_needed", ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1400, true});
    cases.push_back({"fragmentation_needed_unknown", ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 0, true});
    cases.push_back({"source_quench", ICMP_SOURCE_QUENCH, 0, 0, false});
    cases.push_back({"ttl_exceeded", ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0, true});
    cases.push_back({"reassembly_time_exceeded", ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0, false});
    cases.push_back({"parameter_problem", ICMP_PARAMETERPROB, 0, 20U << 24, true});
    cases.push_back({"echo_reply", ICMP_ECHOREPLY, 0, 0, false});
    cases.push_back({"unknown_type", 40, 0, 0, false});
    return cases;
}

class RawErrorOfType : public RawError, public testing::WithParamInterface<ErrorCase> {};

TEST_P(RawErrorOfType, reaches_sockets_as_in_pf_inet) {
    const auto& c = GetParam();
    const auto any = expect_same_told([&] { error(icmp_error(c.type, c.code, c.rest, quoted())); });
    EXPECT_FALSE(any[0]) << "nobody asked";
    EXPECT_EQ(any[1], c.told);
}

INSTANTIATE_TEST_SUITE_P(, RawErrorOfType, testing::ValuesIn(error_cases()),
                         [](const auto& info) { return info.param.name; });

TEST_F(RawError, other_protocols_and_addresses_are_not_told) {
    const auto any = expect_same_told([&] {
        error(icmp_error(ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0, quoted(64, protocol - 1)));
    });
    EXPECT_EQ(any, std::vector<bool>(any.size()));
    expect_same_told([&] {
        error(
            icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, quoted(64, protocol, "10.77.0.3")),
            "10.77.0.9");
    });
}

TEST_F(RawError, error_about_an_echo_request_reaches_icmp_sockets) {
    const auto any = expect_same_told(
        [&] {
            const auto request =
                Ipv4{.from = here_address, .to = peer_address, .protocol = IPPROTO_ICMP}.packet(
                    icmp(ICMP_ECHO, 0, 7, 1, repeated("quoted! ", 64)));
            error(icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, request));
        },
        IPPROTO_ICMP);
    EXPECT_TRUE(any[1]);
}

TEST_F(RawError, quoted_options_are_left_out_of_the_payload) {
    const auto any = expect_same_told([&] {
        const Ipv4 header{.from = here_address,
                          .to = peer_address,
                          .protocol = protocol,
                          .options = {7, 7, 4, 0, 0, 0, 0, 0}};
        error(icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0,
                         header.packet(repeated("quoted! ", 64))));
    });
    EXPECT_TRUE(any[1]);
}

// RFC 4884: the quoted datagram is padded to 128 bytes, an extension follows.
TEST_F(RawError, extensions_are_found_behind_the_quoted_packet) {
    const Bytes extension{0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4};
    const Bytes broken{0x20, 0, 0x12, 0x34, 0, 8, 1, 1, 1, 2, 3, 4};
    for (const auto& tail : {extension, broken})
        for (const uint32_t words : {32U, 16U, 255U}) // 128 bytes is right
            expect_same_told(
                [&] { error(icmp_error(ICMP_TIME_EXCEEDED, 0, words << 16, quoted(108) + tail)); });
}

TEST_F(RawError, malformed_errors_tell_nobody) {
    const auto whole = icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, quoted());
    Bytes bad_checksum = whole;
    bad_checksum[2] ^= 1;
    auto short_header = quoted();
    short_header[0] = 0x44;
    const std::vector<Bytes> messages{
        bad_checksum,
        icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, short_header),
        icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, {}),
        icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, Bytes(19, 0x45)),
        icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0,
                   [] {
                       auto cut = quoted();
                       cut.resize(20 + 7);
                       return cut;
                   }()),
        Bytes(4, 3),
    };
    const auto any = expect_same_told([&] {
        for (const auto& message : messages)
            error(message);
    });
    EXPECT_EQ(any, std::vector<bool>(any.size()));
}

TEST_F(RawError, error_for_a_broadcast_address_tells_nobody) {
    const auto message = icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, quoted());
    const auto any = expect_same_told([&] {
        wire_.send(ethernet(broadcast_mac, ETH_P_IP,
                            Ipv4{.to = wire_broadcast, .protocol = IPPROTO_ICMP}.packet(message)));
    });
    EXPECT_EQ(any, std::vector<bool>(any.size()));
}

TEST_F(RawError, fragmented_error_is_put_together) {
    const auto any = expect_same_told([&] {
        const auto message = icmp_error(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, quoted(256));
        for (const auto& part : fragments({.protocol = IPPROTO_ICMP, .id = 0x4711}, message, 128))
            in(part);
    });
    EXPECT_TRUE(any[1]);
}

// The kernel of the peer answers by itself, without anything crafted.
TEST_F(RawError, peer_that_does_not_speak_the_protocol_says_so) {
    for (const Side side : both_sides) {
        SCOPED_TRACE(to_string(side));
        const Fd socket = open_raw(side, protocol);
        set_option(socket, SOL_IP, IP_RECVERR, 1);
        ASSERT_GT(send_to(socket.get(), repeated("payload ", 64), ipv4_address(peer_address)), 0);
        ASSERT_TRUE(wait_for(socket.get(), 0)); // POLLERR comes unasked
        const auto seen = told(socket);
        EXPECT_EQ(seen.error, ENOPROTOOPT);
        ASSERT_EQ(seen.queue.size(), 1U);
        EXPECT_EQ(seen.queue[0].data, repeated("payload ", 64));
    }
}

TEST_F(RawError, pending_error_fails_the_next_call_as_in_pf_inet) {
    for (const auto& call :
         std::vector<Row>{{"recv", [](int fd) { return ::recv(fd, nullptr, 0, MSG_DONTWAIT); }},
                          {"send", [](int fd) { return ::send(fd, "payload", 7, 0); }},
                          {"getsockopt SO_TYPE", [](int fd) {
                               int type = 0;
                               socklen_t length = sizeof(type);
                               return sys::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
                           }}}) {
        SCOPED_TRACE(call.name);
        std::vector<Fd> sockets;
        for (const Side side : both_sides) {
            sockets.push_back(open_raw(side, protocol));
            connect_to(sockets.back(), peer_address);
        }
        error(icmp_error(ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0, quoted()));
        fence();
        const auto outcome = [&](const Fd& socket) {
            auto result = outcome_of([&] { return call.call(socket.get()); });
            result.state = std::to_string(poll_now(socket.get(), POLLIN | POLLOUT)) + " " +
                           std::to_string(get_option(socket, SOL_SOCKET, SO_ERROR));
            return result;
        };
        EXPECT_EQ(outcome(sockets[0]), outcome(sockets[1]));
    }
}

// Each side asks about a destination of its own: what routing learns is the host's.
TEST_F(RawError, path_mtu_of_a_connected_socket_follows) {
    struct {
        Side side;
        const char* to;
    } const runs[] = {{Side::sibling, "10.77.0.50"}, {Side::xinet, "10.77.0.51"}};
    for (const int mode : {IP_PMTUDISC_INTERFACE, IP_PMTUDISC_WANT, IP_PMTUDISC_DO}) {
        SCOPED_TRACE(mode);
        int mtu[2];
        for (const auto& [side, to] : runs) {
            const Fd socket = open_raw(side, protocol);
            set_option(socket, SOL_IP, IP_MTU_DISCOVER, mode);
            connect_to(socket, to);
            error(icmp_error(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, uint32_t(1400 - mode),
                             quoted(64, protocol, to)));
            fence();
            mtu[side == Side::xinet] = get_option(socket, SOL_IP, IP_MTU);
        }
        EXPECT_EQ(mtu[0], mtu[1]);
        EXPECT_EQ(mtu[0], mode == IP_PMTUDISC_INTERFACE ? 1500 : 1400 - mode);
    }
}

TEST_F(RawError, path_mtu_of_an_unconnected_socket_is_learnt) {
    for (const Side side : both_sides) {
        SCOPED_TRACE(to_string(side));
        const char* const to = side == Side::xinet ? "10.77.0.53" : "10.77.0.52";
        const Fd socket = open_raw(side, protocol);
        error(icmp_error(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1300, quoted(64, protocol, to)));
        fence();
        const Fd asking = open_raw(Side::sibling, protocol);
        connect_to(asking, to);
        EXPECT_EQ(get_option(asking, SOL_IP, IP_MTU), 1300);
    }
}

TEST_F(RawError, redirect_changes_the_gateway) {
    EXPECT_EQ(Program({"ip", "route", "add", "192.0.2.0/24", "via", peer_address}).wait(), 0);
    EXPECT_EQ(Program({"ip", "neighbour", "replace", "10.77.0.9", "lladdr", "02:00:00:00:00:09",
                       "dev", here_device})
                  .wait(),
              0);
    for (const Side side : both_sides) {
        SCOPED_TRACE(to_string(side));
        const char* const to = side == Side::xinet ? "192.0.2.2" : "192.0.2.1";
        const Fd socket = open_raw(side, protocol);
        error(icmp_error(ICMP_REDIRECT, ICMP_REDIR_HOST,
                         ntohl(ipv4_address("10.77.0.9").sin_addr.s_addr),
                         quoted(64, protocol, to)));
        fence();
        EXPECT_NE(Program({"ip", "route", "get", to}).output_line().find("via 10.77.0.9"),
                  std::string::npos);
        EXPECT_EQ(told(socket), (Told{0, {}}));
    }
    EXPECT_EQ(Program({"ip", "route", "del", "192.0.2.0/24"}).wait(), 0);
}

// What INPUT drops has no effect: not on sockets, and not on routes.
TEST_F(RawError, error_that_the_firewall_drops_changes_nothing) {
    const Firewall firewall("type filter hook input priority 0", {"ip protocol icmp drop"});
    ASSERT_TRUE(firewall.installed());
    EXPECT_EQ(Program({"ip", "route", "add", "192.0.2.0/24", "via", peer_address}).wait(), 0);
    EXPECT_EQ(Program({"ip", "neighbour", "replace", "10.77.0.9", "lladdr", "02:00:00:00:00:09",
                       "dev", here_device})
                  .wait(),
              0);
    constexpr const char* to = "192.0.2.9";
    const auto any = expect_same_told([&] {
        error(icmp_error(ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0, quoted()));
        error(icmp_error(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 600, quoted(64, protocol, to)));
        error(icmp_error(ICMP_REDIRECT, ICMP_REDIR_HOST,
                         ntohl(ipv4_address("10.77.0.9").sin_addr.s_addr),
                         quoted(64, protocol, to)));
    });
    EXPECT_EQ(any, std::vector<bool>(any.size()));
    const auto route = Program({"ip", "route", "get", to}).output();
    EXPECT_EQ(route.find("10.77.0.9"), std::string::npos) << route;
    EXPECT_EQ(route.find("mtu"), std::string::npos) << route;
    EXPECT_EQ(Program({"ip", "route", "del", "192.0.2.0/24"}).wait(), 0);
}

// What this host finds itself: too large a packet.
TEST_F(RawError, local_error_is_queued_as_in_pf_inet) {
    const auto oversized = [](size_t size) {
        return Row{std::to_string(size) + " bytes", [=](int fd) {
                       return send_to(fd, Bytes(size, 0x45), ipv4_address(peer_address));
                   }};
    };
    for (const auto& row : {oversized(1501), oversized(9000), oversized(65535)})
        for (const bool header : {false, true})
            for (const bool recverr : {false, true}) {
                SCOPED_TRACE(row.name + (header ? ", IP_HDRINCL" : ""));
                Outcome outcomes[2];
                Told tolds[2];
                for (const Side side : both_sides) {
                    const Fd socket = open_raw(side, protocol);
                    set_option(socket, SOL_IP, IP_HDRINCL, header);
                    set_option(socket, SOL_IP, IP_RECVERR, recverr);
                    set_option(socket, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
                    outcomes[side == Side::xinet] =
                        outcome_of([&] { return row.call(socket.get()); });
                    tolds[side == Side::xinet] = told(socket);
                }
                EXPECT_EQ(outcomes[0], outcomes[1]);
                EXPECT_EQ(tolds[0], tolds[1]);
                EXPECT_EQ(outcomes[0].error, EMSGSIZE);
                EXPECT_EQ(tolds[0].queue.size(), recverr ? 1U : 0U);
            }
}

} // namespace
} // namespace xt
