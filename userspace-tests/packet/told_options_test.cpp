// SPDX-License-Identifier: GPL-2.0-or-later
// Options that are 0 or 1 and say what a packet socket is told: what they refuse, and when.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <linux/xinet_diag.h>

#include <cerrno>

#include "support/compare.h"
#include "support/diag.h"
#include "support/inet.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"

namespace xt {
namespace {

struct Option {
    const char* name;
    int number;
    unsigned diag; // in the flags of xinet_diag_packet
    int ring;      // errno of a ring without a reserve
};

class ToldOptions : public testing::TestWithParam<Option> {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
    }

    template<typename Value>
    static int errno_of(const Fd& socket, Value value) {
        return sys::setsockopt(socket.get(), SOL_XINET, GetParam().number, &value, sizeof(value)) <
                       0
                   ? errno
                   : 0;
    }
    static int value_of(const Fd& socket) {
        return get_option(socket, SOL_XINET, GetParam().number);
    }
};

TEST_P(ToldOptions, option_is_for_a_packet_socket_that_receives_nothing_yet) {
    const Fd receives = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
    EXPECT_EQ(errno_of(receives, 1), EBUSY);
    const Fd raw = open_raw(Side::xinet, experimental_protocol);
    EXPECT_EQ(errno_of(raw, 1), ENOPROTOOPT);
    const Fd has_ring = open_socket(Side::xinet, Kind::packet, 0);
    ASSERT_EQ(set_ring(has_ring.get(), TPACKET_V2, ring_request(1, 4096, 2048)), 0);
    EXPECT_EQ(errno_of(has_ring, 1), EBUSY);
    EXPECT_EQ(value_of(has_ring), 0);
}

TEST_P(ToldOptions, other_values_are_refused) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    for (const int value : {-1, 2})
        EXPECT_EQ(errno_of(socket, value), EINVAL) << value;
    EXPECT_EQ(errno_of(socket, char{1}), EINVAL);
    EXPECT_EQ(value_of(socket), 0);
}

TEST_P(ToldOptions, option_may_change_until_bind) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    for (const int value : {1, 0, 1}) {
        EXPECT_EQ(errno_of(socket, value), 0);
        EXPECT_EQ(value_of(socket), value);
    }
    bind_to(socket, link_address(ETH_P_ALL, 0));
    EXPECT_EQ(errno_of(socket, 0), EBUSY);
    const auto found = find_socket(socket);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->get<xinet_diag_packet>(XINET_DIAG_PACKET_INFO).flags & GetParam().diag);
}

// See told_ring_test.cpp for one with a reserve.
TEST_P(ToldOptions, ring_needs_a_reserve_if_packets_are_nothing_without_what_is_told) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    EXPECT_EQ(errno_of(socket, 1), 0);
    const long made = set_ring(socket.get(), TPACKET_V2, ring_request(1, 4096, 2048));
    EXPECT_EQ(made < 0 ? errno : 0, GetParam().ring);
}

INSTANTIATE_TEST_SUITE_P(
    Options, ToldOptions,
    testing::Values(Option{"all_netns", XINET_PACKET_ALL_NETNS, XINET_DIAG_PACKET_ALL_NETNS,
                           EINVAL},
                    Option{"original", XINET_PACKET_ORIGINAL, XINET_DIAG_PACKET_ORIGINAL, 0},
                    Option{"queue", XINET_PACKET_QUEUE, XINET_DIAG_PACKET_QUEUE, EINVAL}),
    [](const auto& info) { return info.param.name; });

} // namespace
} // namespace xt
