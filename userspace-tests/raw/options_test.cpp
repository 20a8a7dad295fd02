// SPDX-License-Identifier: GPL-2.0-or-later
// Options of raw sockets: values accepted and refused, and what they change.
#include <gtest/gtest.h>
#include <linux/icmp.h>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

struct IntOption {
    const char* name;
    int level;
    int number;
    std::vector<int> values;
};

const IntOption int_options[] = {
    {"IP_HDRINCL", SOL_IP, IP_HDRINCL, {0, 1, 2, -1}},
    {"IP_TTL", SOL_IP, IP_TTL, {-2, -1, 0, 1, 64, 255, 256}},
    {"IP_TOS", SOL_IP, IP_TOS, {0, 0x10, 0xff, 0x100, -1}},
    {"IP_MTU_DISCOVER", SOL_IP, IP_MTU_DISCOVER, {-1, 0, 1, 2, 3, 4, 5, 6}},
    {"IP_RECVERR", SOL_IP, IP_RECVERR, {0, 1, 2}},
    {"IP_PKTINFO", SOL_IP, IP_PKTINFO, {0, 1}},
    {"IP_RECVTTL", SOL_IP, IP_RECVTTL, {0, 1}},
    {"IP_RECVTOS", SOL_IP, IP_RECVTOS, {0, 1}},
    {"IP_RECVOPTS", SOL_IP, IP_RECVOPTS, {0, 1}},
    {"IP_FREEBIND", SOL_IP, IP_FREEBIND, {0, 1}},
    {"IP_TRANSPARENT", SOL_IP, IP_TRANSPARENT, {0, 1}},
    {"IP_NODEFRAG", SOL_IP, IP_NODEFRAG, {0, 1}},
    {"IP_MINTTL", SOL_IP, IP_MINTTL, {-1, 0, 5, 255, 256}},
    {"IP_MULTICAST_TTL", SOL_IP, IP_MULTICAST_TTL, {-2, -1, 0, 5, 255, 256}},
    {"IP_MULTICAST_LOOP", SOL_IP, IP_MULTICAST_LOOP, {0, 1, 2}},
    {"IP_MULTICAST_ALL", SOL_IP, IP_MULTICAST_ALL, {0, 1, 2}},
    {"IP_MTU", SOL_IP, IP_MTU, {1500}},
    {"IP_CHECKSUM", SOL_IP, IP_CHECKSUM, {0, 1}},
    {"unknown at SOL_IP", SOL_IP, 222, {0, 1}},
    {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, {0, 1}},
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, {-1, 0, 4096, 1 << 30}},
    {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, {-1, 0, 6, 7}},
    {"SO_MARK", SOL_SOCKET, SO_MARK, {0, 7}},
    {"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, {0, 1}},
    {"unknown at SOL_SOCKET", SOL_SOCKET, 999, {0, 1}},
    {"ICMP_FILTER", SOL_RAW, ICMP_FILTER, {0, -1, 0x100}},
    {"unknown at SOL_RAW", SOL_RAW, 99, {0, 1}},
    {"SOL_UDP", IPPROTO_UDP, 1, {0, 1}},
    {"SOL_TCP", IPPROTO_TCP, 1, {0, 1}},
    {"SOL_PACKET", SOL_PACKET, 8, {0, 1}},
    {"unknown level", 4321, 1, {0, 1}},
};

// Sets each value and looks at the option's own value afterwards.
TEST(RawOptions, each_value_is_accepted_or_refused_as_by_pf_inet) {
    for (const int protocol : {int(IPPROTO_ICMP), experimental_protocol})
        for (const auto& option : int_options)
            for (const int value : option.values) {
                SCOPED_TRACE(std::string(option.name) + " = " + std::to_string(value));
                Outcome outcomes[2];
                for (const Side side : both_sides) {
                    const Fd socket = open_raw(side, protocol);
                    Outcome& outcome = outcomes[side == Side::xinet];
                    outcome = outcome_of([&] {
                        return sys::setsockopt(socket.get(), option.level, option.number, &value,
                                               sizeof(value));
                    });
                    int now = 0x55555555;
                    socklen_t length = sizeof(now);
                    const Outcome reading = outcome_of([&] {
                        return sys::getsockopt(socket.get(), option.level, option.number, &now,
                                               &length);
                    });
                    outcome.state = "reads " + std::to_string(reading.result) + " " +
                                    std::to_string(reading.error) + " " + std::to_string(length) +
                                    ":" + hex(&now, sizeof(now));
                }
                EXPECT_EQ(outcomes[0], outcomes[1]);
            }
}

TEST(RawOptions, memberships_are_accepted_or_refused_as_by_pf_inet) {
    const auto membership = [](const char* name, int option, const char* group,
                               const char* interface) {
        return Row{name, [=](int fd) {
                       const ip_mreq request{ipv4_address(group).sin_addr,
                                             ipv4_address(interface).sin_addr};
                       return sys::setsockopt(fd, SOL_IP, option, &request, sizeof(request));
                   }};
    };
    expect_equal_outcomes(
        Kind::raw, experimental_protocol,
        {membership("join", IP_ADD_MEMBERSHIP, group_address, here_address),
         membership("join no group", IP_ADD_MEMBERSHIP, here_address, here_address),
         membership("join on no interface of ours", IP_ADD_MEMBERSHIP, group_address, "192.0.2.1"),
         membership("leave what was not joined", IP_DROP_MEMBERSHIP, group_address, here_address)});
}

TEST(RawOptions, icmp_filter_is_read_back_as_it_was_set) {
    for (const Side side : both_sides) {
        SCOPED_TRACE(to_string(side));
        const Fd socket = open_raw(side, IPPROTO_ICMP);
        const icmp_filter set{.data = 0x12345678};
        ASSERT_EQ(sys::setsockopt(socket.get(), SOL_RAW, ICMP_FILTER, &set, sizeof(set)), 0);
        icmp_filter got{};
        socklen_t length = sizeof(got);
        ASSERT_EQ(sys::getsockopt(socket.get(), SOL_RAW, ICMP_FILTER, &got, &length), 0);
        EXPECT_EQ(length, sizeof(got));
        EXPECT_EQ(got.data, set.data);
    }
}

class RawOption : public OnEachSide {
protected:
    void SetUp() override { injector_.emplace(Injector::at_peer()); }
    void inject(const Ipv4& header, const Bytes& payload) const {
        injector_->send(ethernet(here_mac(), 0x0800, header.packet(payload)));
    }
    std::optional<Injector> injector_;
};

TEST_P(RawOption, icmp_filter_keeps_its_types_away) {
    const Fd socket = raw(IPPROTO_ICMP);
    const icmp_filter filter{.data = 1U << ICMP_TIMESTAMPREPLY};
    ASSERT_EQ(sys::setsockopt(socket.get(), SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)), 0);
    const Ipv4 header{.protocol = IPPROTO_ICMP};
    inject(header, icmp(ICMP_TIMESTAMPREPLY, 0, 1, 1, repeated("unwanted", 32)));
    inject(header, icmp(ICMP_ECHOREPLY, 0, 1, 2, repeated("wanted! ", 32)));
    EXPECT_TRUE(contains(receive(socket.get()).data, "wanted! "));
}

TEST_P(RawOption, received_header_fields_come_as_control_messages) {
    const Fd socket = raw(experimental_protocol);
    for (const int option : {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS})
        set_option(socket, SOL_IP, option, 1);
    inject({.ttl = 17, .tos = 0x28}, repeated("payload ", 32));
    const auto message = receive(socket.get());
    int seen = 0;
    for (const auto& control : message.controls) {
        ASSERT_EQ(control.level, SOL_IP);
        seen += 1;
        if (control.type == IP_TTL)
            EXPECT_EQ(control.value, (Bytes{17, 0, 0, 0}));
        else if (control.type == IP_TOS)
            EXPECT_EQ(control.value, Bytes{0x28});
        else
            EXPECT_EQ(control.type, IP_PKTINFO);
    }
    EXPECT_EQ(seen, 3);
}

TEST_P(RawOption, minimum_ttl_is_of_no_concern_to_raw_sockets) {
    const Fd socket = raw(experimental_protocol);
    set_option(socket, SOL_IP, IP_MINTTL, 200);
    inject({.ttl = 3}, repeated("payload ", 32));
    EXPECT_TRUE(contains(receive(socket.get()).data, "payload "));
}

TEST_P(RawOption, timestamps_are_given_when_asked_for) {
    const Fd socket = raw(experimental_protocol);
    set_option(socket, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    inject({}, repeated("payload ", 32));
    const auto message = receive(socket.get());
    ASSERT_EQ(message.controls.size(), 1U);
    EXPECT_EQ(message.controls[0].type, SO_TIMESTAMPNS);
}

INSTANTIATE_TEST_SUITE_P(Sides, RawOption, testing::ValuesIn(both_sides), parameter_name<Side>);

} // namespace
} // namespace xt
