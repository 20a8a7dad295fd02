// SPDX-License-Identifier: GPL-2.0-or-later
// The sample programs do what they say. XINET_SAMPLES names their directory; without it they are
// looked for beside this program, in the tree it was built in.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "support/family.h"
#include "support/netns.h"
#include "support/traffic.h"

namespace xt {
namespace {

std::string sample(const std::string& name) {
    if (const char* directory = std::getenv("XINET_SAMPLES"))
        return std::string(directory) + "/" + name;
    const auto program = std::filesystem::read_symlink("/proc/self/exe");
    return program.parent_path().parent_path().parent_path() / "samples/build" / name;
}

// A running program and what it prints.
class Program {
public:
    explicit Program(std::vector<std::string> words) {
        int out[2], err[2];
        checked(pipe(out), "pipe");
        checked(pipe(err), "pipe");
        output_ = Fd(out[0]);
        errors_ = Fd(err[0]);
        const Fd out_end(out[1]), err_end(err[1]);
        std::vector<char*> arguments;
        for (auto& word : words)
            arguments.push_back(word.data());
        arguments.push_back(nullptr);
        child_ = checked(fork(), "fork");
        if (child_ == 0) {
            dup2(out[1], STDOUT_FILENO);
            dup2(err[1], STDERR_FILENO);
            execv(arguments[0], arguments.data());
            _exit(127);
        }
    }
    ~Program() {
        if (child_ > 0)
            wait();
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    // Waits for a line on standard error: the program is ready.
    std::string error_line() { return read_until(errors_, '\n'); }
    std::string output() { return read_until(output_, '\0'); }
    int wait() {
        int status = -1;
        waitpid(child_, &status, 0);
        child_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    static std::string read_until(const Fd& from, char end) {
        std::string text;
        for (char byte; read(from.get(), &byte, 1) == 1 && byte != end;)
            text += byte;
        return text;
    }
    Fd output_;
    Fd errors_;
    pid_t child_ = -1;
};

class Samples : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "they need the family";
    }
};

TEST_F(Samples, raw_ping_tells_of_the_reply) {
    Program ping({sample("raw_ping"), peer_address});
    EXPECT_EQ(ping.output(), "reply from 10.77.0.2, ttl 64\n");
    EXPECT_EQ(ping.wait(), 0);
}

TEST_F(Samples, raw_ping_without_route_tells_why) {
    Program ping({sample("raw_ping"), "192.0.2.1"});
    EXPECT_EQ(ping.error_line(), "raw_ping: Network is unreachable");
    EXPECT_EQ(ping.wait(), 1);
}

TEST_F(Samples, packet_capture_prints_frames) {
    Program capture({sample("packet_capture"), here_device, "1"});
    EXPECT_EQ(capture.error_line(), "capturing on eth0");
    Injector::at_peer().send(
        ethernet(here_mac(), experimental_ethertype, repeated("payload ", 86)));
    EXPECT_EQ(capture.output(), "100 bytes, ethertype 0x88b5, in\n");
    EXPECT_EQ(capture.wait(), 0);
}

TEST_F(Samples, packet_send_sends_a_frame) {
    const Fd peer = in_peer([] {
        Fd socket = open_socket(Side::sibling, Kind::packet, 0);
        bind_to(socket, link_address(experimental_ethertype, link::index(peer_device)));
        return socket;
    });
    const std::string text = "a text of forty-six bytes, which needs no pad.";
    Program send({sample("packet_send"), here_device, text});
    EXPECT_EQ(send.output(), "sent 46 bytes on eth0\n");
    EXPECT_EQ(send.wait(), 0);
    EXPECT_EQ(receive(peer.get()).data, ethernet(broadcast_mac, experimental_ethertype,
                                                 Bytes(text.begin(), text.end()), here_mac()));
}

TEST_F(Samples, wrong_usage_has_its_own_exit_code) {
    for (const char* name : {"raw_ping", "packet_capture", "packet_send"}) {
        Program program({sample(name)});
        EXPECT_EQ(program.error_line().find("usage: "), 0U);
        EXPECT_EQ(program.wait(), 2);
    }
}

TEST_F(Samples, device_that_is_not_there_is_named) {
    for (const char* name : {"packet_capture", "packet_send"}) {
        Program program({sample(name), "nosuchdev", "1"});
        EXPECT_EQ(program.error_line(), "nosuchdev: No such device");
        EXPECT_EQ(program.wait(), 1);
    }
}

} // namespace
} // namespace xt
