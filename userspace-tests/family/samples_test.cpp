// SPDX-License-Identifier: GPL-2.0-or-later
// The sample programs do what they say. XINET_SAMPLES names their directory; without it they are
// looked for beside this program, in the tree it was built in.
#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include <cstdlib>
#include <filesystem>

#include "support/diag.h"
#include "support/family.h"
#include "support/netns.h"
#include "support/program.h"
#include "support/traffic.h"

namespace xt {
namespace {

std::string sample(const std::string& name) {
    if (const char* directory = std::getenv("XINET_SAMPLES"))
        return std::string(directory) + "/" + name;
    return in_tree("samples/build/" + name);
}

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

TEST_F(Samples, whose_packet_names_the_socket) {
    meet_neighbours();
    Program whose({sample("whose_packet"), here_device, "1"});
    EXPECT_EQ(whose.error_line(), "listening on eth0");
    const Fd sender = udp_socket(4100);
    send_to(sender.get(), Bytes(8), ipv4_address(peer_address, 4100));
    const auto text = whose.output();
    EXPECT_EQ(text.find("sent: socket " + std::to_string(cookie_of(sender)) +
                        " of uid 0, network namespace "),
              0U)
        << text;
    EXPECT_EQ(whose.wait(), 0);
}

// Other packets may be dropped meanwhile.
TEST_F(Samples, why_dropped_names_reason_and_place) {
    Program why({sample("why_dropped"), here_device, "10"});
    const std::string first = why.error_line();
    if (std::filesystem::exists("/sys/kernel/realtime") &&
        first.find("not supported") != std::string::npos)
        GTEST_SKIP() << "this kernel cannot copy what it drops";
    EXPECT_EQ(first, "listening on eth0");
    const auto wire = Injector::at_peer();
    for (int i = 0; i < 10; i++)
        wire.send(ethernet(here_mac(), 0x88b7, Bytes(86)));
    const auto text = why.output();
    const auto found = text.find("100 bytes, ethertype 0x88b7: ");
    ASSERT_NE(found, std::string::npos) << text;
    // which function, depends on what the compiler has inlined
    const auto line = text.substr(found, text.find('\n', found) - found);
    EXPECT_NE(line.find(" at "), std::string::npos) << text;
    EXPECT_NE(line.find("+0x"), std::string::npos) << text;
    EXPECT_EQ(why.wait(), 0);
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
    for (const char* name : {"raw_ping", "packet_capture", "packet_send", "whose_packet"}) {
        Program program({sample(name)});
        EXPECT_EQ(program.error_line().find("usage: "), 0U);
        EXPECT_EQ(program.wait(), 2);
    }
}

TEST_F(Samples, device_that_is_not_there_is_named) {
    for (const char* name : {"packet_capture", "packet_send", "whose_packet"}) {
        Program program({sample(name), "nosuchdev", "1"});
        EXPECT_EQ(program.error_line(), "nosuchdev: No such device");
        EXPECT_EQ(program.wait(), 1);
    }
}

} // namespace
} // namespace xt
