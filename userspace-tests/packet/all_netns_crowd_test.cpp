// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_ALL_NETNS: what was captured in many namespaces is read when they have ended.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "support/diag.h"
#include "support/family.h"
#include "support/frame.h"
#include "support/inet.h"
#include "support/kernel_release.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/told.h"
#include "support/traffic.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr uint16_t port = 4493;

int namespaces() {
    return is_stock_kernel() ? 200 : 50;
}

// "xt-007-lo0": the namespace, the device and a number.
constexpr std::string_view mark_begins = "xt-";
constexpr size_t mark_size = 10;

std::string mark_of(int place, const char* device, int number) {
    char text[32];
    std::snprintf(text, sizeof(text), "xt-%03d-%s%d", place, device, number);
    return text;
}

// Where a packet passed: cookie and inode number of the namespace, device, whether it was sent.
using Sighting = std::tuple<uint64_t, uint32_t, std::string, bool>;
using Sightings = std::map<std::string, std::multiset<Sighting>>;

// A namespace with a wire to another one:
//
//   base: xt007 ---- xtfar :a namespace of the crowd
class Place {
public:
    Place(const NetNs& base, int number) : number_(number), near_(name_of(number)) {
        base.run([this] {
            link::add_veth(near_, 0, "xtfar", 0);
            link::move(link::index("xtfar"), netns_.get());
            link::set_up(link::index(near_), true);
        });
        netns_.run([] {
            link::set_up(link::index("lo"), true);
            link::set_up(link::index("xtfar"), true);
            await_carrier("xtfar");
        });
    }

    static std::string name_of(int number) {
        char text[IFNAMSIZ];
        std::snprintf(text, sizeof(text), "xt%03d", number);
        return text;
    }

    // Sends, waits until it has arrived, and notes where it has passed.
    void send(const NetNs& base, Sightings& wanted) const {
        const Sighting lo_out{netns_.cookie(), netns_.inode(), "lo", true};
        const Sighting lo_in{netns_.cookie(), netns_.inode(), "lo", false};
        const Sighting far{netns_.cookie(), netns_.inode(), "xtfar", true};
        const Sighting near{base.cookie(), base.inode(), near_, false};
        const Fd at_base = base.run([this] {
            Fd socket = open_socket(Side::sibling, Kind::packet, 0);
            bind_to(socket, link_address(experimental_ethertype, link::index(near_)));
            return socket;
        });
        netns_.run([&] {
            const Fd datagrams = udp_at("127.0.0.1", port);
            const Fd frames = open_socket(Side::sibling, Kind::packet, 0);
            for (int i = 0; i < 3; i++) {
                const std::string mark = mark_of(number_, "lo", i);
                send_to(datagrams.get(), repeated(mark, 64), ipv4_address("127.0.0.1", port));
                receive_marked(datagrams.get(), mark);
                wanted[mark] = {lo_out, lo_in};
            }
            for (int i = 0; i < 3; i++) {
                const std::string mark = mark_of(number_, "ve", i);
                send_to(frames.get(),
                        ethernet(broadcast_mac, experimental_ethertype, repeated(mark, 64)),
                        link_address(0, link::index("xtfar")));
                receive_marked(at_base.get(), mark);
                wanted[mark] = {far, near};
            }
        });
    }

private:
    int number_;
    std::string near_;
    NetNs netns_ = NetNs::create();
};

void note(const ToldPacket& packet, Sightings& found) {
    const auto at = std::ranges::search(packet.data, mark_begins).begin();
    if (size_t(packet.data.end() - at) < mark_size)
        return;
    ASSERT_TRUE(packet.netns);
    found[std::string(at, at + mark_size)].emplace(packet.netns->cookie, packet.netns->netns,
                                                   packet.netns->device,
                                                   packet.pkttype == PACKET_OUTGOING);
}

// The end of a wire goes with the namespace that has the other.
bool all_have_ended() {
    const auto end = std::chrono::steady_clock::now() + 6 * deadline;
    for (int i = 0; i < namespaces();) {
        if (::if_nametoindex(Place::name_of(i).c_str()) == 0)
            i++;
        else if (std::chrono::steady_clock::now() > end)
            return false;
        else
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

// By the receive queue, and by lanes.
class AllNetnsCrowd : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        if (GetParam() && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
    }
};

TEST_P(AllNetnsCrowd, namespaces_end_and_each_packet_says_where_it_was) {
    const NetNs base = NetNs::create();
    ToldCapture capture({.lanes = GetParam(), .all_netns = true, .lane_size = 1U << 22});
    if (!GetParam())
        set_option(capture.socket(), SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25);
    Sightings wanted;
    for (int i = 0; i < namespaces(); i++)
        Place(base, i).send(base, wanted);
    EXPECT_TRUE(base.run(all_have_ended)) << "a namespace is held";

    Sightings found;
    std::vector<ToldPacket> packets;
    while (!(packets = capture.take()).empty())
        for (const ToldPacket& packet : packets)
            note(packet, found);
    EXPECT_EQ(found.size(), wanted.size());
    for (const auto& [mark, sightings] : wanted)
        EXPECT_EQ(found[mark], sightings) << mark;
    EXPECT_EQ(sum(drop_reasons_of(capture.socket())), 0U);
}

INSTANTIATE_TEST_SUITE_P(Receivers, AllNetnsCrowd, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
