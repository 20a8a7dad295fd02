// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ping_packet.h"
#include "program/ping_report.h"
#include "program/ping_statistics.h"
#include "tests/bytes.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>

namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ns;
using xinet::test::bytes;
using xinet::test::Bytes;
using xinet::test::operator+;

constexpr xinet::Timestamp moment{std::chrono::microseconds(1'700'000'000'123'456)};
constexpr std::uint16_t identifier = 0x1234;

in_addr address(const char* text) {
    in_addr result{};
    ::inet_pton(AF_INET, text, &result);
    return result;
}

xinet::EchoIdentity identity() {
    return {.identifier = identifier, .target = address("10.77.0.2"), .any_source = false};
}

/// The reply to our request, as 10.77.0.2 would send it.
Bytes reply_datagram(std::size_t payload_bytes) {
    Bytes message = xinet::build_echo_request(identifier, 7, payload_bytes, moment);
    message[0] = std::byte{0};
    message[2] = message[3] = std::byte{0};
    const std::uint16_t sum = xinet::internet_checksum(message);
    message[2] = static_cast<std::byte>(sum >> 8);
    message[3] = static_cast<std::byte>(sum & 0xff);
    return xinet::test::ipv4(IPPROTO_ICMP, message);
}

Bytes error_datagram(unsigned type, unsigned code) {
    const Bytes request = xinet::build_echo_request(identifier, 9, 0, moment);
    return xinet::test::ipv4(IPPROTO_ICMP, bytes({type, code, 0, 0, 0, 0, 5, 0xdc}) +
                                               xinet::test::ipv4(IPPROTO_ICMP, request));
}

TEST(Checksum, is_that_of_rfc_1071) {
    EXPECT_EQ(xinet::internet_checksum(bytes({0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7})), 0x220d);
    EXPECT_EQ(xinet::internet_checksum(bytes({1})), 0xfeff);
    EXPECT_EQ(xinet::internet_checksum({}), 0xffff);
}

TEST(EchoRequest, carries_identity_pattern_and_a_sound_checksum) {
    const Bytes message = xinet::build_echo_request(identifier, 0x0102, 20, moment);
    ASSERT_EQ(message.size(), 28U);
    EXPECT_EQ(xinet::internet_checksum(message), 0);
    EXPECT_EQ(Bytes(message.begin() + 4, message.begin() + 8), bytes({0x12, 0x34, 1, 2}));
    EXPECT_EQ(Bytes(message.begin() + 24, message.end()), bytes({16, 17, 18, 19}));
}

TEST(EchoReply, gives_back_sequence_ttl_and_time) {
    const auto event =
        xinet::parse_echo_event(reply_datagram(56), address("10.77.0.2"), identity());
    const auto* reply = std::get_if<xinet::EchoReply>(&event);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->sequence, 7);
    EXPECT_EQ(reply->ttl, 64);
    EXPECT_EQ(reply->icmp_bytes, 64U);
    EXPECT_TRUE(reply->checksum_ok);
    EXPECT_EQ(reply->sent, moment);
}

TEST(EchoReply, without_room_for_a_time_has_none) {
    const auto event =
        xinet::parse_echo_event(reply_datagram(15), address("10.77.0.2"), identity());
    ASSERT_TRUE(std::holds_alternative<xinet::EchoReply>(event));
    EXPECT_FALSE(std::get<xinet::EchoReply>(event).sent);
}

TEST(EchoReply, damaged_payload_fails_the_checksum) {
    Bytes datagram = reply_datagram(56);
    datagram.back() ^= std::byte{1};
    const auto event = xinet::parse_echo_event(datagram, address("10.77.0.2"), identity());
    ASSERT_TRUE(std::holds_alternative<xinet::EchoReply>(event));
    EXPECT_FALSE(std::get<xinet::EchoReply>(event).checksum_ok);
}

TEST(EchoReply, of_others_is_ignored) {
    auto other = identity();
    other.identifier = 1;
    EXPECT_TRUE(std::holds_alternative<std::monostate>(
        xinet::parse_echo_event(reply_datagram(56), address("10.77.0.2"), other)));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(
        xinet::parse_echo_event(reply_datagram(56), address("10.77.0.9"), identity())));
}

TEST(EchoReply, from_any_source_answers_a_group) {
    auto group = identity();
    group.any_source = true;
    EXPECT_TRUE(std::holds_alternative<xinet::EchoReply>(
        xinet::parse_echo_event(reply_datagram(56), address("10.77.0.9"), group)));
}

TEST(EchoError, names_the_request_it_is_about) {
    const auto event =
        xinet::parse_echo_event(error_datagram(11, 0), address("10.77.0.254"), identity());
    const auto* error = std::get_if<xinet::EchoError>(&event);
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->sequence, 9);
    EXPECT_EQ(xinet::error_text({.from = "10.77.0.254", .error = *error}),
              "From 10.77.0.254 icmp_seq=9 Time to live exceeded\n");
    EXPECT_TRUE(xinet::means_loss(*error));
}

TEST(EchoError, is_worded_as_ping_words_it) {
    const auto text = [](std::uint8_t type, std::uint8_t code) {
        return xinet::describe_icmp_error(
            {.sequence = 1, .type = type, .code = code, .rest = 1500});
    };
    EXPECT_EQ(text(3, 1), "Destination Host Unreachable");
    EXPECT_EQ(text(3, 4), "Frag needed and DF set (mtu = 1500)");
    EXPECT_EQ(text(3, 99), "Dest Unreachable, Bad Code: 99");
    EXPECT_EQ(text(11, 1), "Frag reassembly time exceeded");
    EXPECT_EQ(text(5, 1), "Redirect Host(New nexthop: 0.0.5.220)");
    EXPECT_FALSE(xinet::means_loss({.sequence = 1, .type = 5, .code = 1, .rest = 0}));
}

TEST(EchoEvent, any_cut_or_garbled_datagram_is_survived) {
    std::mt19937 random(1);
    for (const Bytes& whole : {reply_datagram(56), error_datagram(3, 1)}) {
        for (std::size_t length = 0; length <= whole.size(); ++length) {
            const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
            xinet::parse_echo_event(cut, address("10.77.0.2"), identity());
            for (int i = 0; i < 50 && length > 0; ++i) {
                Bytes garbled = cut;
                garbled[random() % length] = static_cast<std::byte>(random());
                xinet::parse_echo_event(garbled, address("10.77.0.2"), identity());
            }
        }
    }
}

TEST(RoundTrips, least_mean_most_and_deviation) {
    xinet::RoundTrips trips;
    EXPECT_EQ(trips.deviation(), 0ns);
    for (const auto trip : {2ms, 4ms, 4ms, 4ms, 5ms, 5ms, 7ms, 9ms}) {
        trips.add(trip);
    }
    EXPECT_EQ(trips.least(), 2ms);
    EXPECT_EQ(trips.mean(), 5ms);
    EXPECT_EQ(trips.most(), 9ms);
    EXPECT_EQ(trips.deviation(), 2ms);
}

TEST(SequenceWindow, tells_first_duplicate_and_unknown) {
    using Answer = xinet::SequenceWindow::Answer;
    const auto window = std::make_unique<xinet::SequenceWindow>();
    EXPECT_EQ(window->answered(1), Answer::unknown);
    window->sent(1);
    EXPECT_EQ(window->answered(1), Answer::first);
    EXPECT_EQ(window->answered(1), Answer::duplicate);
    window->sent(1); // 65,536 requests later
    EXPECT_EQ(window->answered(1), Answer::first);
}

TEST(PingCounts, loss_is_in_percent_and_never_negative) {
    xinet::PingCounts counts;
    EXPECT_EQ(counts.loss_percent(), 0);
    counts.transmitted = 3;
    counts.received = 2;
    EXPECT_NEAR(counts.loss_percent(), 33.3333, 0.001);
}

TEST(PingReport, times_have_as_many_digits_as_iputils_prints) {
    EXPECT_EQ(xinet::format_trip(42us), "0.042");
    EXPECT_EQ(xinet::format_trip(1234us), "1.23");
    EXPECT_EQ(xinet::format_trip(12'340us), "12.3");
    EXPECT_EQ(xinet::format_trip(123'400us), "123");
    EXPECT_EQ(xinet::format_trip(9'996us), "10.0");
}

TEST(PingReport, reply_line_is_that_of_iputils) {
    xinet::ReplyLine line{
        .from = "10.77.0.2",
        .reply = {.sequence = 1, .icmp_bytes = 64, .ttl = 64, .checksum_ok = true, .sent = {}},
        .duplicate = false,
        .trip = 420us};
    EXPECT_EQ(xinet::reply_text(line),
              "64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.420 ms\n");
    line.duplicate = true;
    line.trip.reset();
    EXPECT_EQ(xinet::reply_text(line), "64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 (DUP!)\n");
}

TEST(PingReport, statistics_block_is_that_of_iputils) {
    xinet::PingCounts counts;
    counts.transmitted = 3;
    counts.received = 2;
    counts.errors = 1;
    counts.trips.add(1ms);
    counts.trips.add(3ms);
    EXPECT_EQ(xinet::statistics_text("h", counts, 2034ms),
              "\n--- h ping statistics ---\n"
              "3 packets transmitted, 2 received, +1 errors, 33.3333% packet loss, time 2034ms\n"
              "rtt min/avg/max/mdev = 1.000/2.000/3.000/1.000 ms\n");
}

} // namespace
