// SPDX-License-Identifier: GPL-2.0-or-later
// An unmodified tcpdump over the family, through the libpcap of the distribution, which insists on
// a ring. See Documentation/libpcap.md.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

#include "support/family.h"
#include "support/program.h"
#include "support/traffic.h"

namespace xt {
namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class Libpcap : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        path_ = "/tmp/xinet-libpcap-" + std::to_string(getpid()) + ".pcap";
    }
    void TearDown() override { std::filesystem::remove(path_); }

    // Starts tcpdump, writing to a file, and returns when it listens.
    std::unique_ptr<Program> tcpdump(const std::vector<std::string>& words) const {
        std::vector<std::string> all{
            in_tree("tools/build/xinet"), "run", "tcpdump", "-n", "-w", path_};
        all.insert(all.end(), words.begin(), words.end());
        setenv("XINET_RUN_VERBOSE", "1", 1);
        auto program = std::make_unique<Program>(all);
        unsetenv("XINET_RUN_VERBOSE");
        std::string seen;
        while (!has(seen, "listening on")) {
            const auto line = program->error_line();
            if (line.empty())
                throw std::runtime_error("tcpdump does not listen: " + seen);
            seen += line + "\n";
        }
        EXPECT_TRUE(has(seen, "-> PF_XINET")) << "it runs over the sibling: " << seen;
        return program;
    }

    static void frames(const std::string& text, int count, uint16_t ethertype) {
        const Injector wire = Injector::at_peer();
        for (int i = 0; i < count; i++)
            wire.send(ethernet(here_mac(), ethertype, repeated(text, 64)));
    }

    // What the file says when tcpdump reads it.
    [[nodiscard]] std::string written() const {
        Program reader({"tcpdump", "-n", "-e", "-A", "-r", path_});
        auto text = reader.output();
        EXPECT_EQ(reader.wait(), 0);
        return text;
    }

    // Takes three frames that the filter passes, among others that it does not.
    void expect_capture(const std::vector<std::string>& words) const {
        auto all = words;
        all.insert(all.end(), {"-c", "3", "ether", "proto", "0x88b5"});
        const auto program = tcpdump(all);
        frames("unwanted", 2, experimental_ethertype + 1);
        frames("written!", 3, experimental_ethertype);
        program->output();
        EXPECT_EQ(program->wait(), 0);
        const auto text = written();
        EXPECT_TRUE(has(text, "written!written!")) << text;
        EXPECT_FALSE(has(text, "unwanted")) << "a packet of before the filter: " << text;
    }

    std::string path_;
};

TEST_F(Libpcap, buffered_capture_on_a_device) {
    expect_capture({"-i", here_device});
}

TEST_F(Libpcap, immediate_mode_on_a_device) {
    expect_capture({"--immediate-mode", "-i", here_device});
}

TEST_F(Libpcap, capture_on_any_device) {
    const auto program = tcpdump({"-i", "any", "-c", "3"});
    frames("written!", 3, experimental_ethertype);
    program->output();
    EXPECT_EQ(program->wait(), 0);
    EXPECT_TRUE(has(written(), "written!written!"));
}

// Two captures of the same frames at the same time. Somebody asks for time stamps, so each frame
// carries its own, and both captures tell the same.
TEST_F(Libpcap, file_is_the_one_that_is_written_over_the_sibling) {
    constexpr int count = 40;
    const Fd stamping = udp_socket(7693);
    set_option(stamping, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    const std::string theirs = path_ + ".sibling";
    const std::vector<std::string> words{"-i",    here_device, "-c",    std::to_string(count),
                                         "ether", "proto",     "0x88b5"};
    std::vector<std::string> all{"tcpdump", "-n", "-w", theirs};
    all.insert(all.end(), words.begin(), words.end());
    Program sibling(all);
    const auto line = sibling.error_line();
    ASSERT_TRUE(has(line, "listening on")) << line;
    const auto subject = tcpdump(words);

    const Injector wire = Injector::at_peer();
    for (int i = 0; i < count; i++)
        wire.send(ethernet(here_mac(), experimental_ethertype,
                           repeated("tcpdump" + std::to_string(i % 10), size_t(64 + 31 * i))));

    EXPECT_EQ(sibling.wait(), 0);
    EXPECT_EQ(subject->wait(), 0);
    const auto content = [](const std::string& name) {
        std::ifstream stream(name, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(stream), {});
    };
    EXPECT_GT(content(theirs).size(), count * 64U);
    EXPECT_TRUE(content(theirs) == content(path_));
    std::filesystem::remove(theirs);
}

TEST_F(Libpcap, statistics_are_told_at_the_end) {
    const auto program = tcpdump({"-i", here_device, "-c", "3", "ether", "proto", "0x88b5"});
    frames("written!", 3, experimental_ethertype);
    std::string told;
    for (auto line = program->error_line(); !line.empty(); line = program->error_line())
        told += line + "\n";
    EXPECT_EQ(program->wait(), 0);
    EXPECT_TRUE(has(told, "3 packets captured")) << told;
    EXPECT_TRUE(has(told, "0 packets dropped by kernel")) << told;
}

} // namespace
} // namespace xt
