// SPDX-License-Identifier: GPL-2.0-or-later
#include "libxinet/diag_message.h"

#include "xinet/error.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>

#include <cstring>

namespace {

using Message = std::vector<std::byte>;

template<class Value>
void append(Message& message, const Value& value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    message.insert(message.end(), bytes, bytes + sizeof(value));
}

void set_length(Message& message, std::size_t length) {
    const auto value = static_cast<std::uint32_t>(length);
    std::memcpy(message.data() + offsetof(nlmsghdr, nlmsg_len), &value, sizeof(value));
}

Message message_of(const xinet_diag_msg& base) {
    Message message;
    append(message, nlmsghdr{.nlmsg_len = 0,
                             .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                             .nlmsg_flags = NLM_F_MULTI,
                             .nlmsg_seq = 1,
                             .nlmsg_pid = 0});
    append(message, base);
    set_length(message, message.size());
    return message;
}

template<class Value>
void add_attribute(Message& message, unsigned type, const Value& value) {
    append(message, nlattr{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + sizeof(value)),
                           .nla_type = static_cast<std::uint16_t>(type)});
    append(message, value);
    message.resize(NLA_ALIGN(message.size()));
    set_length(message, message.size());
}

xinet_diag_msg example() {
    return {.family = 2,
            .kind = XINET_DIAG_RAW,
            .type = 3,
            .state = TCP_CLOSE,
            .sport = 0,
            .dport = 0,
            .src = 0x0100007f,
            .dst = 0,
            .protocol = 1,
            .ifindex = 2,
            .rqueue = 3,
            .wqueue = 4,
            .uid = 1000,
            .ino = 77,
            .cookie = {0x11, 0x22}};
}

TEST(ParseSocket, takes_the_fixed_part) {
    const auto record = xinet::parse_socket(message_of(example()));
    EXPECT_EQ(record.base.kind, XINET_DIAG_RAW);
    EXPECT_EQ(record.base.ino, 77U);
    EXPECT_EQ(record.cookie(), 0x2200000011U);
    EXPECT_FALSE(record.mark || record.memory || record.packet || record.filter_program_id);
    EXPECT_TRUE(record.filter.empty() && record.memberships.empty());
}

TEST(ParseSocket, takes_every_attribute) {
    Message message = message_of(example());
    add_attribute(message, XINET_DIAG_DROPS, std::uint64_t{1} << 40);
    add_attribute(message, XINET_DIAG_SHUTDOWN, std::uint8_t{3});
    add_attribute(message, XINET_DIAG_MARK, std::uint32_t{0xbeef});
    add_attribute(message, XINET_DIAG_MEMINFO,
                  std::array<std::uint32_t, SK_MEMINFO_VARS>{1, 2, 3, 4, 5, 6, 7, 8, 9});
    add_attribute(message, XINET_DIAG_FILTER,
                  std::array<sock_filter, 2>{{{0x28, 0, 0, 12}, {0x06, 0, 0, 0xffff}}});
    add_attribute(message, XINET_DIAG_FILTER_PROG_ID, std::uint32_t{42});
    add_attribute(message, XINET_DIAG_ICMP_FILTER, std::uint32_t{0x100});
    xinet_diag_packet packet{};
    packet.flags = XINET_DIAG_PACKET_COOKED;
    packet.packets = 10;
    add_attribute(message, XINET_DIAG_PACKET_INFO, packet);
    xinet_diag_membership membership{};
    membership.count = 5;
    add_attribute(message, XINET_DIAG_MEMBERSHIP, membership);
    add_attribute(message, XINET_DIAG_MEMBERSHIP, membership);
    add_attribute(message, XINET_DIAG_MEMBERSHIPS, std::uint32_t{3});
    xinet_diag_lanes lanes{};
    lanes.readers = 6;
    add_attribute(message, XINET_DIAG_RX_LANES, lanes);
    add_attribute(message, XINET_DIAG_DROP_REASONS, std::array<std::uint64_t, 3>{0, 1, 2});

    const auto record = xinet::parse_socket(message);
    EXPECT_EQ(record.drops, std::uint64_t{1} << 40);
    EXPECT_EQ(record.shutdown, 3);
    EXPECT_EQ(record.mark, 0xbeefU);
    EXPECT_EQ(record.memory->at(SK_MEMINFO_DROPS), 9U);
    ASSERT_EQ(record.filter.size(), 2U);
    EXPECT_EQ(record.filter.at(1).k, 0xffffU);
    EXPECT_EQ(record.filter_program_id, 42U);
    EXPECT_EQ(record.icmp_filter, 0x100U);
    EXPECT_EQ(record.packet->packets, 10U);
    EXPECT_EQ(record.memberships.size(), 2U);
    EXPECT_EQ(record.memberships.at(1).count, 5U);
    EXPECT_EQ(record.membership_count, 3U);
    EXPECT_EQ(record.receive_lanes->readers, 6U);
    EXPECT_EQ(record.drop_reasons, (std::vector<std::uint64_t>{0, 1, 2}));
}

TEST(ParseSocket, passes_over_what_a_newer_kernel_says) {
    Message message = message_of(example());
    add_attribute(message, XINET_DIAG_ATTR_MAX + 1, std::uint64_t{1});
    struct {
        xinet_diag_packet known{};
        std::uint64_t unknown = 1;
    } longer;
    longer.known.drops = 7;
    add_attribute(message, XINET_DIAG_PACKET_INFO, longer);
    EXPECT_EQ(xinet::parse_socket(message).packet->drops, 7U);
}

TEST(ParseSocket, an_empty_filter_is_none) {
    Message message = message_of(example());
    append(message, nlattr{.nla_len = NLA_HDRLEN, .nla_type = XINET_DIAG_FILTER});
    set_length(message, message.size());
    EXPECT_TRUE(xinet::parse_socket(message).filter.empty());
}

TEST(ParseSocket, refuses_every_cut_message) {
    Message whole = message_of(example());
    add_attribute(whole, XINET_DIAG_MARK, std::uint32_t{1});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Message cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_THROW(xinet::parse_socket(cut), xinet::Error) << size;
    }
    EXPECT_NO_THROW(xinet::parse_socket(whole));
}

TEST(ParseSocket, refuses_lengths_that_lie) {
    for (const std::size_t length : {std::size_t{0}, std::size_t{15}, std::size_t{63}}) {
        Message message = message_of(example());
        set_length(message, length);
        EXPECT_THROW(xinet::parse_socket(message), xinet::Error) << length;
    }
    for (const unsigned length : {0U, 3U, 9U, 0xffffU}) {
        Message message = message_of(example());
        const std::size_t at = message.size();
        add_attribute(message, XINET_DIAG_MARK, std::uint32_t{1});
        const auto lie = static_cast<std::uint16_t>(length);
        std::memcpy(message.data() + at, &lie, sizeof(lie));
        EXPECT_THROW(xinet::parse_socket(message), xinet::Error) << length;
    }
}

TEST(ParseSocket, refuses_attributes_that_are_too_short) {
    for (const unsigned type : {XINET_DIAG_DROPS, XINET_DIAG_MARK, XINET_DIAG_MEMINFO,
                                XINET_DIAG_PACKET_INFO, XINET_DIAG_MEMBERSHIP}) {
        Message message = message_of(example());
        add_attribute(message, type, std::uint16_t{1});
        EXPECT_THROW(xinet::parse_socket(message), xinet::Error) << type;
    }
}

TEST(ParseSocket, refuses_another_type) {
    Message message = message_of(example());
    const std::uint16_t type = NLMSG_ERROR;
    std::memcpy(message.data() + offsetof(nlmsghdr, nlmsg_type), &type, sizeof(type));
    EXPECT_THROW(xinet::parse_socket(message), xinet::Error);
}

} // namespace
