// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/command_line.h"

#include "program/json.h"

#include <gtest/gtest.h>
#include <linux/xinet_diag.h>

namespace {

using Words = std::vector<std::string>;

template<class Options>
Options accept(const Words& words) {
    const auto command = xinet::parse_command_line(words, true);
    const auto* options = std::get_if<Options>(&command);
    EXPECT_NE(options, nullptr) << (std::holds_alternative<xinet::Answer>(command)
                                        ? std::get<xinet::Answer>(command).error
                                        : "another command");
    return options != nullptr ? *options : Options{};
}

class WrongUsage : public testing::TestWithParam<Words> {};

TEST_P(WrongUsage, is_refused_with_status_2_and_a_reason) {
    const auto command = xinet::parse_command_line(GetParam(), true);
    ASSERT_TRUE(std::holds_alternative<xinet::Answer>(command));
    const auto& answer = std::get<xinet::Answer>(command);
    EXPECT_EQ(answer.exit_status, 2);
    EXPECT_NE(answer.error.find("--help"), std::string::npos);
    EXPECT_TRUE(answer.output.empty());
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, WrongUsage,
    testing::Values(Words{}, Words{"frob"}, Words{"ping"}, Words{"ping", "a", "b"},
                    Words{"ping", "-c", "0", "h"}, Words{"ping", "-c", "-1", "h"},
                    Words{"ping", "-c", "1x", "h"}, Words{"ping", "-c", "1.5", "h"},
                    Words{"ping", "-s", "65508", "h"}, Words{"ping", "-s", "-1", "h"},
                    Words{"ping", "-i", "-0.1", "h"}, Words{"ping", "-i", "nan", "h"},
                    Words{"ping", "-i", "inf", "h"}, Words{"ping", "-t", "0", "h"},
                    Words{"ping", "-t", "256", "h"}, Words{"ping", "-W", "0", "h"},
                    Words{"ping", "-w", "0", "h"}, Words{"ping", "--family", "packet", "h"},
                    Words{"ping", "--point", "firewall", "h"},
                    Words{"ping", "--point", "host", "--family", "inet", "h"},
                    Words{"capture", "-s", "262145"}, Words{"capture", "-c", "0"},
                    Words{"capture", "--comments"}, Words{"capture", "--comments", "-w", "a.pcap"},
                    Words{"capture", "-Q", "up"}, Words{"capture", "--family", "inet"},
                    Words{"trace", "--netns", ""}, Words{"trace", "-W", "0"},
                    Words{"trace", "-c", "0"}, Words{"ss", "-x"}, Words{"run"},
                    Words{"run", "-x", "true"}));

TEST(CommandLine, refusals_name_what_is_wrong) {
    const std::vector<std::pair<Words, const char*>> cases{
        {{"ping", "-c", "abc", "h"}, "--count: 'abc' is not a whole number"},
        {{"ping", "-c", "", "h"}, "--count: '' is not a whole number"},
        {{"ping", "-c", "0x10", "h"}, "--count: '0x10' is not a whole number"},
        {{"ping", "-c", "99999999999999999999", "h"}, "99999999999999999999 is not between 1 and"},
        {{"ping", "-w", "x", "h"}, "--deadline: 'x' is not a whole number"},
        {{"capture", "-s", "-1"}, "--snapshot-length: -1 is not between 0 and 262144"},
        {{"ping", "-c"}, "--count: 1 required N missing"},
        {{"ping", "-6", "h"}, "there is no option -6"},
        {{"ping", "-V"}, "there is no option -V"},
        {{"--frob"}, "there is no option --frob"},
        {{"run", "--frob", "true"}, "there is no option --frob"},
        {{"run", ""}, "PROGRAM is required"},
        {{"ping", ""}, "a host has a name"},
        {{"ping", "-I", "", "h"}, "an interface has a name"},
        {{"capture", "-i", ""}, "an interface has a name"},
        {{"capture", "-w", ""}, "a file has a name"},
        {{"trace", "-i", ""}, "an interface has a name"}};
    for (const auto& [words, reason] : cases) {
        const auto command = xinet::parse_command_line(words, true);
        const auto* answer = std::get_if<xinet::Answer>(&command);
        ASSERT_NE(answer, nullptr) << reason;
        EXPECT_EQ(answer->exit_status, 2);
        EXPECT_NE(answer->error.find(reason), std::string::npos) << answer->error;
    }
}

TEST(CommandLine, numbers_are_decimal) {
    EXPECT_EQ(accept<xinet::PingOptions>({"ping", "-c", "010", "h"}).count, 10U);
}

TEST(CommandLine, ping_takes_the_4_of_habit) {
    EXPECT_EQ(accept<xinet::PingOptions>({"ping", "-4", "h"}).host, "h");
}

TEST(CommandLine, help_of_run_names_the_program) {
    const auto command = xinet::parse_command_line({"run", "--help"}, true);
    EXPECT_NE(std::get<xinet::Answer>(command).output.find("[OPTIONS] PROGRAM [ARGUMENT...]\n"),
              std::string::npos);
}

TEST(CommandLine, ping_options_are_understood) {
    const auto options = accept<xinet::PingOptions>(
        {"ping", "-c", "3", "-i",  "0.25", "-s", "0",      "-t",       "5",    "-W",
         "0.5",  "-w", "9", "-qn", "-I",   "lo", "--json", "--family", "inet", "host.example"});
    EXPECT_EQ(options.host, "host.example");
    EXPECT_EQ(options.count, 3U);
    EXPECT_EQ(options.interval, std::chrono::milliseconds(250));
    EXPECT_EQ(options.payload_bytes, 0U);
    EXPECT_EQ(options.ttl, 5);
    EXPECT_EQ(options.linger, std::chrono::milliseconds(500));
    EXPECT_EQ(options.deadline, std::chrono::seconds(9));
    EXPECT_TRUE(options.quiet && options.numeric && options.json);
    EXPECT_EQ(options.source, "lo");
    EXPECT_EQ(options.engine, xinet::Engine::sibling);
}

TEST(CommandLine, ping_defaults_are_those_of_iputils) {
    const auto options = accept<xinet::PingOptions>({"ping", "h"});
    EXPECT_FALSE(options.count || options.ttl || options.deadline);
    EXPECT_EQ(options.interval, std::chrono::seconds(1));
    EXPECT_EQ(options.payload_bytes, 56U);
    EXPECT_EQ(options.engine, xinet::Engine::xinet);
    EXPECT_FALSE(options.point);
}

TEST(CommandLine, ping_is_told_where_to_receive) {
    EXPECT_EQ(accept<xinet::PingOptions>({"ping", "--point", "host", "h"}).point,
              xinet::RawPoint::host);
    EXPECT_EQ(accept<xinet::PingOptions>({"ping", "--point", "wire", "h"}).point,
              xinet::RawPoint::wire);
}

TEST(CommandLine, short_intervals_are_for_root) {
    const Words words{"ping", "-i", "0", "h"};
    EXPECT_TRUE(std::holds_alternative<xinet::PingOptions>(xinet::parse_command_line(words, true)));
    EXPECT_TRUE(std::holds_alternative<xinet::Answer>(xinet::parse_command_line(words, false)));
    EXPECT_TRUE(std::holds_alternative<xinet::PingOptions>(
        xinet::parse_command_line({"ping", "-i", "0.002", "h"}, false)));
}

TEST(CommandLine, capture_joins_the_words_of_the_expression) {
    const auto options = accept<xinet::CaptureOptions>(
        {"capture", "-i", "any", "-w", "a.pcapng", "-p", "-Q", "in", "-e", "tcp", "port", "80"});
    EXPECT_EQ(options.expression, "tcp port 80");
    EXPECT_EQ(options.interface_name, "any");
    EXPECT_EQ(options.file, "a.pcapng");
    EXPECT_FALSE(options.promiscuous);
    EXPECT_TRUE(options.link_header);
    EXPECT_EQ(options.direction, xinet::Direction::in);
}

TEST(CommandLine, capture_snapshot_length_0_is_the_default) {
    EXPECT_EQ(accept<xinet::CaptureOptions>({"capture", "-s", "0"}).snapshot_length, 262144U);
    EXPECT_TRUE(accept<xinet::CaptureOptions>({"capture"}).promiscuous);
}

TEST(CommandLine, ss_options_and_expression_are_understood) {
    const auto options =
        accept<xinet::SsOptions>({"ss", "-anpem", "-t0", "-b", "-H", "--json", "sport", "<", "1024",
                                  "or", "(", "dst", "*", ")"});
    EXPECT_TRUE(options.all && options.numeric && options.processes && options.extended);
    EXPECT_TRUE(options.memory && options.filters && options.json);
    EXPECT_FALSE(options.listening || options.header);
    EXPECT_EQ(options.kinds, 1U << XINET_DIAG_TCP | 1U << XINET_DIAG_PACKET);
    EXPECT_EQ(options.expression, (Words{"sport", "<", "1024", "or", "(", "dst", "*", ")"}));
    EXPECT_EQ(accept<xinet::SsOptions>({"ss"}).kinds, 0);
}

TEST(CommandLine, run_leaves_the_options_of_the_program_alone) {
    const auto options = accept<xinet::RunOptions>({"run", "-v", "tcpdump", "-v", "--help", "-c1"});
    EXPECT_TRUE(options.verbose);
    EXPECT_EQ(options.command, (Words{"tcpdump", "-v", "--help", "-c1"}));
}

TEST(CommandLine, run_passes_over_one_separator) {
    EXPECT_EQ(accept<xinet::RunOptions>({"run", "--", "true", "--", "x"}).command,
              (Words{"true", "--", "x"}));
}

TEST(CommandLine, help_and_version_succeed) {
    for (const Words& words : {Words{"--help"}, Words{"--version"}, Words{"ping", "--help"}}) {
        const auto command = xinet::parse_command_line(words, true);
        ASSERT_TRUE(std::holds_alternative<xinet::Answer>(command));
        EXPECT_EQ(std::get<xinet::Answer>(command).exit_status, 0);
        EXPECT_FALSE(std::get<xinet::Answer>(command).output.empty());
    }
}

TEST(Json, strings_are_escaped_and_stay_utf_8) {
    EXPECT_EQ(xinet::json_text("a\"b\\c\n"), R"("a\"b\\c\n")");
    EXPECT_EQ(xinet::json_text("\xc3\xa9t\xc3\xa9"), "\"\xc3\xa9t\xc3\xa9\"");
}

TEST(Json, what_is_no_utf_8_is_replaced) {
    EXPECT_EQ(xinet::json_text("a\xff"), "\"a\xef\xbf\xbd\"");
}

// Some terminals take these for the beginning of an order.
TEST(Json, controls_are_escaped) {
    EXPECT_EQ(xinet::json_text("\x1b\x7f\xc2\x9b\xc2\xa0"), "\"\\u001b\\u007f\\u009b\xc2\xa0\"");
}

TEST(Json, object_keeps_the_order_and_the_types) {
    EXPECT_EQ(xinet::json_line({{"b", "x"}, {"a", 1}, {"c", true}, {"d", 0.5}}),
              "{\"b\":\"x\",\"a\":1,\"c\":true,\"d\":0.5}\n");
}

TEST(CommandLine, trace_takes_a_filter_and_a_time) {
    const auto options = accept<xinet::TraceOptions>(
        {"trace", "-i", "eth0", "-c", "3", "-W", "0.5", "--json", "udp", "port", "53"});
    EXPECT_EQ(options.interface_name, "eth0");
    EXPECT_EQ(options.count, 3U);
    EXPECT_EQ(options.patience, std::chrono::milliseconds(500));
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.expression, "udp port 53");
    EXPECT_EQ(accept<xinet::TraceOptions>({"trace"}).interface_name, "any");
}

} // namespace
