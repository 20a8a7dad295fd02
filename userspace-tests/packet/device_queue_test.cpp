// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_QUEUE: by which queue of its device a packet comes or goes. The queues of a tun
// device are descriptors of the test: what is written to one was received by that queue, and what
// is read from one was sent by it.
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/compare.h"
#include "support/inet.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/points.h"
#include "support/told.h"
#include "support/traffic.h"
#include "support/tun.h"
#include "support/vnet.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr const char* device = "xttap";
constexpr uint16_t port = 4496;

struct Receiver {
    const char* name;
    bool lanes;
    unsigned v3_blocks;
};

class DeviceQueue : public testing::TestWithParam<Receiver> {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        if (GetParam().lanes && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
        here_.run([this] {
            for (Fd& queue : queues_)
                queue = open_tun(device, IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
            if (queues_[0]) {
                ip(std::string("addr add 10.66.5.1/24 dev ") + device,
                   std::string("link set up dev ") + device,
                   std::string("neigh add 10.66.5.2 lladdr 02:00:00:00:05:02 dev ") + device);
            }
        });
        if (!queues_[0])
            GTEST_SKIP() << "this kernel has no tun";
    }

    static ToldCapture capture(ToldCapture::Options options) {
        options.lanes = GetParam().lanes;
        options.v3_blocks = GetParam().v3_blocks;
        options.queue = true;
        return ToldCapture(options);
    }

    // Comes in by that queue.
    void in(size_t queue, const Bytes& frame) const {
        checked(::write(queues_.at(queue).get(), frame.data(), frame.size()), "write");
    }

    // The queue by which the frame with this mark has left.
    size_t left_by(std::string_view mark) const {
        const auto end = std::chrono::steady_clock::now() + deadline;
        while (std::chrono::steady_clock::now() < end) {
            for (size_t i = 0; i < queues_.size(); i++) {
                Bytes frame(2048);
                ssize_t length = 0;
                while ((length = ::read(queues_[i].get(), frame.data(), frame.size())) > 0)
                    if (contains(Bytes(frame.begin(), frame.begin() + length), mark))
                        return i;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        ADD_FAILURE() << "nothing was sent: " << mark;
        return queues_.size();
    }

    static std::optional<uint32_t> number(const ToldPacket& packet) {
        return packet.queue ? std::optional(packet.queue->queue) : std::nullopt;
    }

    const NetNs here_ = NetNs::create();
    std::array<Fd, 4> queues_;
};

TEST_P(DeviceQueue, received_frame_has_the_queue_that_it_came_by) {
    here_.run([this] {
        for (const bool original : {false, true}) {
            ToldCapture found = capture({.original = original, .device = device});
            for (const size_t queue : {2U, 0U, 3U, 1U}) {
                in(queue,
                   ethernet(link::mac(device), experimental_ethertype, repeated("xt-in", 64)));
                const auto frames = found.take_marked("xt-in");
                ASSERT_EQ(frames.size(), 1U);
                EXPECT_EQ(number(frames[0]), queue);
            }
        }
    });
}

TEST_P(DeviceQueue, frames_that_are_cut_have_the_queue_of_the_packet) {
    here_.run([] {
        constexpr const char* merging = "xtmerge";
        constexpr int flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR;
        const Fd first = open_tun(merging, flags);
        const Fd second = open_tun(merging, flags);
        link::set_up(link::index(merging), true);
        ToldCapture found = capture({.original = true, .device = merging});
        const Ipv4 ip{.from = "10.66.7.2", .to = "10.66.7.1", .protocol = IPPROTO_TCP};
        Bytes tcp = tcp_syn(ip, 1, 2);
        tcp.resize(20);
        tcp[12] = 0x50; // without options
        tcp[13] = 0x10;
        const VnetHeader vnet{vnet_needs_csum, vnet_gso_tcpv4, 54, 1000, 34, 16};
        const auto* bytes = reinterpret_cast<const uint8_t*>(&vnet);
        const Bytes all =
            Bytes(bytes, bytes + sizeof(vnet)) +
            ethernet(link::mac(merging), ETH_P_IP, ip.packet(tcp + repeated("xt-merged", 3000)));
        checked(::write(second.get(), all.data(), all.size()), "write");
        const auto frames = found.take_marked("xt-merged", 3);
        EXPECT_EQ(frames.size(), 3U);
        for (const ToldPacket& frame : frames)
            EXPECT_EQ(number(frame), 1U);
    });
}

TEST_P(DeviceQueue, sent_packet_has_the_queue_that_it_leaves_by) {
    here_.run([this] {
        ToldCapture found = capture({.owner = true, .device = device});
        const Fd sender = udp_at("10.66.5.1", port);
        std::set<size_t> used;
        for (uint16_t i = 0; i < 24; i++) { // their hashes differ
            send_to(sender.get(), repeated("xt-out", 64), ipv4_address("10.66.5.2", 5000 + i));
            const auto packets = found.take_marked("xt-out");
            ASSERT_EQ(packets.size(), 1U);
            const size_t queue = left_by("xt-out");
            EXPECT_EQ(number(packets[0]), queue);
            used.insert(queue);
        }
        EXPECT_GT(used.size(), 1U);
    });
}

// Where netfilter is called it is not chosen.
TEST_P(DeviceQueue, queue_is_told_where_the_packet_has_been_handed_to_it) {
    if (tracepoints_are_refused())
        GTEST_SKIP() << "this kernel has no such points";
    here_.run([this] {
        ToldCapture found =
            capture({.points = everywhere | XINET_POINT_QDISC | XINET_POINT_START_XMIT});
        const Fd sender = udp_at("10.66.5.1", port);
        for (uint16_t i = 0; i < 8; i++) {
            send_to(sender.get(), repeated("xt-way", 64), ipv4_address("10.66.5.2", 5000 + i));
            const auto records = found.take_marked("xt-way", 5);
            EXPECT_EQ(records.size(), 5U);
            const size_t queue = left_by("xt-way");
            for (const ToldPacket& record : records) {
                ASSERT_TRUE(record.point);
                const bool early =
                    record.point->point & (XINET_POINT_LOCAL_OUT | XINET_POINT_POST_ROUTING);
                EXPECT_EQ(number(record), early ? std::nullopt : std::optional<uint32_t>(queue))
                    << record.point->point;
            }
        }
        const Ipv4 header{.from = "10.66.5.2", .to = "10.66.5.1", .protocol = IPPROTO_UDP};
        in(3, ethernet(link::mac(device), ETH_P_IP,
                       header.packet(udp(9, port, repeated("xt-come", 64)))));
        for (const ToldPacket& record : found.take_marked("xt-come", 3)) {
            ASSERT_TRUE(record.point);
            EXPECT_EQ(number(record),
                      record.point->point == XINET_POINT_TAP ? std::optional(3U) : std::nullopt)
                << record.point->point;
        }
    });
}

// The number is that of another device, or one less than that of the queue that sent.
TEST_P(DeviceQueue, frame_that_came_by_no_queue_of_the_device_has_none) {
    here_.run([] {
        ip("link add xtmany numtxqueues 8 numrxqueues 8 type veth peer name xtmore numtxqueues 8 "
           "numrxqueues 8",
           "addr add 10.66.6.1/24 dev xtmany", "link set up dev xtmany", "link set up dev xtmore",
           "neigh add 10.66.6.2 lladdr 02:00:00:00:06:02 dev xtmany");
        await_carrier("xtmany");
        for (const bool merges : {false, true}) { // else it has no NAPI
            link::set_offload("xtmore", ETHTOOL_SGRO, merges);
            ToldCapture sent = capture({.device = "xtmany"});
            ToldCapture came = capture({.device = "xtmore"});
            const Fd sender = udp_at("10.66.6.1", port);
            std::set<uint32_t> used;
            for (uint16_t i = 0; i < 24; i++) {
                send_to(sender.get(), repeated("xt-pair", 64), ipv4_address("10.66.6.2", 5000 + i));
                const auto out = sent.take_marked("xt-pair");
                const auto in = came.take_marked("xt-pair");
                ASSERT_TRUE(out.size() == 1 && in.size() == 1);
                ASSERT_TRUE(number(out[0]));
                used.insert(*number(out[0]));
                EXPECT_FALSE(number(in[0]));
            }
            EXPECT_GT(used.size(), 2U);
            EXPECT_LT(*used.rbegin(), 8U);
        }
    });
}

// The device that it hands it to has as many queues.
TEST_P(DeviceQueue, frame_that_tc_has_had_before_has_none) {
    here_.run([this] {
        constexpr const char* other = "xttap2";
        std::array<Fd, 4> others;
        for (Fd& queue : others)
            queue = open_tun(other, IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
        link::set_up(link::index(other), true);
        const auto tc = [](const std::string& words) {
            return std::system(("tc " + words + " 2>/dev/null").c_str()) == 0;
        };
        if (!tc(std::string("qdisc add dev ") + device + " clsact"))
            GTEST_SKIP() << "this kernel has no tc";
        uint16_t ethertype = experimental_ethertype;
        for (const std::string how : {"redirect", "mirror"}) {
            SCOPED_TRACE(how);
            if (!tc(std::string("filter add dev ") + device + " ingress protocol " +
                    std::to_string(++ethertype) + " matchall action mirred ingress " + how +
                    " dev " + other))
                GTEST_SKIP() << "this kernel has no mirred";
            ToldCapture found = capture({});
            in(2, ethernet(link::mac(device), ethertype, repeated("xt-moved", 64)));
            const auto frames = found.take_marked("xt-moved", 2);
            ASSERT_EQ(frames.size(), 2U);
            for (const ToldPacket& frame : frames)
                EXPECT_EQ(number(frame),
                          frame.ifindex == link::index(device) ? std::optional(2U) : std::nullopt);
            EXPECT_NE(frames[0].ifindex, frames[1].ifindex);
        }
        // the kernel calls those of one EtherType behind tc
        ToldCapture late = capture({.protocol = experimental_ethertype, .device = device});
        in(2, ethernet(link::mac(device), experimental_ethertype, repeated("xt-late", 64)));
        const auto frames = late.take_marked("xt-late");
        ASSERT_EQ(frames.size(), 1U);
        EXPECT_FALSE(number(frames[0]));
    });
}

TEST_P(DeviceQueue, device_above_has_none_unless_the_one_below_is_told) {
    here_.run([this] {
        ip(std::string("link add link ") + device + " name xtvlan type vlan id 7",
           "link set up dev xtvlan");
        for (const int below : {0, 1}) {
            ToldCapture found = capture({});
            set_option(found.socket(), SOL_PACKET, PACKET_ORIGDEV, below);
            in(2, vlan_ethernet(link::mac(device), 7, experimental_ethertype,
                                repeated("xt-vlan", 64)));
            const auto frames = found.take_marked("xt-vlan", 2);
            ASSERT_EQ(frames.size(), 2U);
            for (const ToldPacket& frame : frames)
                EXPECT_EQ(number(frame),
                          frame.ifindex == link::index(device) ? std::optional(2U) : std::nullopt);
            EXPECT_EQ(frames[0].ifindex, link::index(device));
            EXPECT_EQ(frames[1].ifindex, link::index(below ? device : "xtvlan"));
        }
    });
}

// It shows what its devices receive and send as if it were sent by itself.
TEST_P(DeviceQueue, vrf_has_none) {
    here_.run([this] {
        if (!try_ip("link add xtvrf numtxqueues 8 type vrf table 10"))
            GTEST_SKIP() << "this kernel has no VRF";
        ip("link set up dev xtvrf", std::string("link set master xtvrf dev ") + device,
           std::string("neigh replace 10.66.5.2 lladdr 02:00:00:00:05:02 dev ") + device);
        ToldCapture found = capture({.device = "xtvrf"});
        const Fd socket = open_socket(Side::sibling, Transport::datagram);
        checked(::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, "xtvrf", 6),
                "SO_BINDTODEVICE");
        send_to(socket.get(), repeated("xt-vrf", 64), ipv4_address("10.66.5.2", port));
        left_by("xt-vrf");
        const Ipv4 header{.from = "10.66.5.2", .to = "10.66.5.1", .protocol = IPPROTO_UDP};
        in(2, ethernet(link::mac(device), ETH_P_IP,
                       header.packet(udp(9, port, repeated("xt-vrf", 64)))));
        const auto frames = found.take_marked("xt-vrf", 2);
        EXPECT_GE(frames.size(), 2U); // and an ICMP error
        for (const ToldPacket& frame : frames)
            EXPECT_FALSE(number(frame));
    });
}

INSTANTIATE_TEST_SUITE_P(Receivers, DeviceQueue,
                         testing::Values(Receiver{"queue", false, 0}, Receiver{"lanes", true, 0},
                                         Receiver{"ring", false, 16}),
                         [](const auto& info) { return info.param.name; });

} // namespace
} // namespace xt
