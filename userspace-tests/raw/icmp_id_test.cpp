// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_RAW_ICMP_ID: an ICMP socket that is found by its identifier, and gets nothing else.
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/xinet.h>

#include "support/compare.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr uint16_t id = 0x1234;
constexpr uint16_t same_bucket = uint16_t(id + 1024);

// There is nothing to compare with, so the sibling cannot stand in either.
class RawIcmpId : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "an extension has no sibling";
    }
    static Fd socket_for(uint16_t identifier) {
        Fd socket = open_raw(Side::xinet, IPPROTO_ICMP);
        set_option(socket, SOL_XINET, XINET_RAW_ICMP_ID, identifier);
        return socket;
    }
    static Bytes request(uint16_t identifier) {
        return Ipv4{.from = here_address, .to = peer_address, .protocol = IPPROTO_ICMP}.packet(
            icmp(ICMP_ECHO, 0, identifier, 1, repeated("request ", 64)));
    }
    void message(const Bytes& bytes) const {
        wire_.send(ethernet(here_mac_, ETH_P_IP, Ipv4{.protocol = IPPROTO_ICMP}.packet(bytes)));
    }
    void reply(uint16_t identifier, const char* mark) const {
        message(icmp(ICMP_ECHOREPLY, 0, identifier, 1, repeated(mark, 64)));
    }
    // What was sent before has reached every socket when this returns.
    void fence() const {
        reply(0xffff, "the end ");
        receive_marked(monitor_.get(), "the end ");
    }
    [[nodiscard]] std::vector<Bytes> received(const Fd& socket) const {
        std::vector<Bytes> result;
        while (const auto message = receive_now(socket.get()))
            result.push_back(message->data);
        return result;
    }

    OnOneCpu one_cpu_;
    Mac here_mac_ = here_mac();
    Injector wire_ = Injector::at_peer();
    Fd monitor_ = open_raw(Side::sibling, IPPROTO_ICMP);
};

TEST_F(RawIcmpId, value_is_checked) {
    const Fd icmp_socket = open_raw(Side::xinet, IPPROTO_ICMP);
    const Fd other = open_raw(Side::xinet, experimental_protocol);
    const auto set = [](const Fd& socket, int value, socklen_t length = sizeof(int)) {
        return outcome_of([&] {
                   return sys::setsockopt(socket.get(), SOL_XINET, XINET_RAW_ICMP_ID, &value,
                                          length);
               })
            .error;
    };
    EXPECT_EQ(get_option(icmp_socket, SOL_XINET, XINET_RAW_ICMP_ID), -1);
    EXPECT_EQ(set(icmp_socket, -1), EINVAL);
    EXPECT_EQ(set(icmp_socket, 65536), EINVAL);
    EXPECT_EQ(set(icmp_socket, 7, 3), EINVAL);
    EXPECT_EQ(set(other, 7), EOPNOTSUPP);
    EXPECT_EQ(get_option(icmp_socket, SOL_XINET, XINET_RAW_ICMP_ID), -1);
    EXPECT_EQ(set(icmp_socket, 65535), 0);
    EXPECT_EQ(set(icmp_socket, 65535), 0);
    EXPECT_EQ(set(icmp_socket, 0), EBUSY);
    EXPECT_EQ(get_option(icmp_socket, SOL_XINET, XINET_RAW_ICMP_ID), 65535);
    EXPECT_EQ(sys::setsockopt(icmp_socket.get(), SOL_XINET, XINET_RAW_ICMP_ID, nullptr, 4), -1);
    EXPECT_EQ(errno, EFAULT);
}

TEST_F(RawIcmpId, reply_reaches_its_identifier_and_those_without_one) {
    const Fd mine = socket_for(id), twin = socket_for(id), other = socket_for(same_bucket);
    const Fd all = open_raw(Side::xinet, IPPROTO_ICMP);
    reply(id, "for id! ");
    reply(id + 1, "nobody's");
    fence();
    for (const Fd* socket : {&mine, &twin}) {
        const auto messages = received(*socket);
        ASSERT_EQ(messages.size(), 1U);
        EXPECT_TRUE(contains(messages[0], "for id! "));
    }
    EXPECT_TRUE(received(other).empty());
    EXPECT_EQ(received(all).size(), 3U);
}

TEST_F(RawIcmpId, other_messages_are_not_received) {
    const Fd mine = socket_for(id);
    for (const uint8_t type : {ICMP_ECHO, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY, ICMP_INFO_REPLY})
        message(icmp(type, 0, id, 1, repeated("unwanted", 64)));
    message(icmp(ICMP_ECHOREPLY, 0, id, 1, {}) + Bytes{}); // the least there is
    fence();
    EXPECT_EQ(received(mine).size(), 1U);
}

TEST_F(RawIcmpId, errors_about_its_requests_are_received_and_reported) {
    const Fd mine = socket_for(id), other = socket_for(same_bucket);
    for (const Fd* socket : {&mine, &other})
        set_option(*socket, SOL_IP, IP_RECVERR, 1);
    message(icmp(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, 0, request(id)));
    fence();
    EXPECT_EQ(get_option(mine, SOL_SOCKET, SO_ERROR), EHOSTUNREACH);
    EXPECT_TRUE(receive_now(mine.get(), any_size, MSG_ERRQUEUE));
    EXPECT_EQ(received(mine).size(), 1U);
    EXPECT_EQ(get_option(other, SOL_SOCKET, SO_ERROR), 0);
    EXPECT_TRUE(received(other).empty());
}

TEST_F(RawIcmpId, errors_about_other_packets_are_not) {
    const Fd mine = socket_for(id);
    set_option(mine, SOL_IP, IP_RECVERR, 1);
    const auto other = Ipv4{.from = here_address, .to = peer_address, .protocol = IPPROTO_ICMP};
    message(icmp(ICMP_DEST_UNREACH, 1, 0, 0,
                 other.packet(icmp(ICMP_ECHOREPLY, 0, id, 1, repeated("a reply!", 64)))));
    message(icmp(ICMP_DEST_UNREACH, 1, 0, 0, request(id + 1)));
    message(icmp(ICMP_DEST_UNREACH, 1, 0, 0, {}));
    fence();
    EXPECT_EQ(get_option(mine, SOL_SOCKET, SO_ERROR), 0);
    EXPECT_TRUE(received(mine).empty());
}

TEST_F(RawIcmpId, addresses_and_filters_choose_as_ever) {
    const Fd bound = socket_for(id), elsewhere = socket_for(id), filtered = socket_for(id);
    bind_to(bound, ipv4_address(here_address));
    bind_to(elsewhere, ipv4_address("127.0.0.1"));
    const icmp_filter no_replies{.data = 1U << ICMP_ECHOREPLY};
    ASSERT_EQ(sys::setsockopt(filtered.get(), SOL_RAW, ICMP_FILTER, &no_replies, 4), 0);
    reply(id, "for id! ");
    fence();
    EXPECT_EQ(received(bound).size(), 1U);
    EXPECT_TRUE(received(elsewhere).empty());
    EXPECT_TRUE(received(filtered).empty());
}

TEST_F(RawIcmpId, fragmented_reply_is_put_together) {
    const Fd mine = socket_for(id);
    const auto whole = icmp(ICMP_ECHOREPLY, 0, id, 1, repeated("for id! ", 3000));
    for (const auto& part : fragments({.protocol = IPPROTO_ICMP, .id = 0x4712}, whole, 1400))
        wire_.send(ethernet(here_mac_, ETH_P_IP, part));
    fence();
    const auto messages = received(mine);
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].size(), 20 + whole.size());
}

// A ping of each of many sockets is answered to it alone.
TEST_F(RawIcmpId, crowd_gets_each_its_own) {
    constexpr uint16_t crowd = 100; // their replies fit into the queue of the fence
    std::vector<Fd> sockets;
    for (uint16_t i = 0; i < crowd; i++)
        sockets.push_back(socket_for(i));
    for (uint16_t i = 0; i < crowd; i++) {
        ASSERT_GT(send_to(sockets[i].get(), icmp(ICMP_ECHO, 0, i, 1, repeated("request ", 64)),
                          ipv4_address(peer_address)),
                  0);
        const auto answer = receive(sockets[i].get());
        EXPECT_EQ(answer.data[24] << 8 | answer.data[25], i);
    }
    fence();
    for (const auto& socket : sockets)
        EXPECT_FALSE(receive_now(socket.get()));
}

} // namespace
} // namespace xt
