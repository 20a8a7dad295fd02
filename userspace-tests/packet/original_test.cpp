// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_ORIGINAL: frames as on the wire, whatever kernel and device have made of them.
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/bulk.h"
#include "support/compare.h"
#include "support/inet.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/program.h"
#include "support/told.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"
#include "support/tun.h"
#include "support/vnet.h"
#include "support/wire.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace xt {
namespace {

constexpr uint16_t port = bulk_port;
constexpr size_t bulk = 256 << 10;

class OriginalOptions : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
    }
};

// By the receive queue, and by lanes.
class Original : public OriginalOptions, public testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        OriginalOptions::SetUp();
        if (GetParam() && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
    }
    static std::unique_ptr<ToldCapture> capture_at(const NetNs& where, const std::string& device) {
        return capture_bulk(where, device, GetParam());
    }
};

TEST_P(Original, plain_frame_is_told_as_it_is) {
    const NetNs here = NetNs::create();
    here.run([&] {
        const Wire wire;
        const auto capture = std::make_unique<ToldCapture>(
            ToldCapture::Options{.lanes = GetParam(), .original = true, .device = "xtin"});
        const Bytes frame = ethernet(link::mac("xtin"), 0x88b5, repeated("xt-plain", 64));
        wire.in(frame);
        const auto found = capture->take_marked("xt-plain");
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].data, frame);
        ASSERT_TRUE(found[0].original);
        EXPECT_EQ(found[0].original->done, 0U);
        EXPECT_EQ(found[0].original->segment, 0);
        EXPECT_EQ(found[0].original->segments, 1);
    });
}

TEST_P(Original, tags_are_in_the_frame) {
    const NetNs here = NetNs::create();
    here.run([&] {
        const Wire wire;
        const auto capture = std::make_unique<ToldCapture>(
            ToldCapture::Options{.lanes = GetParam(), .original = true, .device = "xtin"});
        const Bytes once =
            vlan_ethernet(link::mac("xtin"), 0x2007, 0x88b5, repeated("xt-once", 64));
        const Bytes inner =
            vlan_ethernet(link::mac("xtin"), 0x0009, 0x88b5, repeated("xt-twice", 64));
        const Bytes twice = ethernet(link::mac("xtin"), ETH_P_8021AD,
                                     Bytes{0x00, 0x08} + Bytes(inner.begin() + 12, inner.end()));
        for (const Bytes& frame : {once, twice}) {
            wire.in(frame);
            const auto found = capture->take_marked(frame == once ? "xt-once" : "xt-twice");
            ASSERT_EQ(found.size(), 1U);
            EXPECT_EQ(found[0].data, frame);
            ASSERT_TRUE(found[0].original);
            EXPECT_EQ(found[0].original->done, uint32_t{XINET_ORIGINAL_VLAN});
        }
    });
}

TEST_P(Original, cooked_socket_gets_what_is_behind_the_tag) {
    const NetNs here = NetNs::create();
    here.run([&] {
        const Wire wire;
        ToldCapture capture(
            {.lanes = GetParam(), .cooked = true, .original = true, .device = "xtin"});
        wire.in(vlan_ethernet(link::mac("xtin"), 7, 0x88b5, repeated("xt-cooked", 64)));
        const auto found = capture.take_marked("xt-cooked");
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].data, repeated("xt-cooked", 64));
    });
}

// A bulk transfer, where it is sent, where it passes on, and where it is merged, equals byte for
// byte what comes in at a device that does nothing of it.
TEST_P(Original, bulk_equals_what_the_other_end_sees) {
    const BulkBridge bridge;
    const auto sent = capture_at(bridge.a(), "far0");
    const auto passes = capture_at(bridge.middle(), "near0");
    const auto reference = bridge.b().run([] { return std::make_unique<BulkReference>("far1"); });
    const Connection connection = bridge.send_bulk(bulk);
    const std::vector<Bytes> wanted = reference->take();
    ASSERT_GT(wanted.size(), bulk / longest_frame);
    for (const auto& [capture, name] : {std::pair(&sent, "sent"), std::pair(&passes, "passes")}) {
        SCOPED_TRACE(name);
        const BulkFrames frames = of_bulk((*capture)->take());
        EXPECT_EQ(frames.done, uint32_t{XINET_ORIGINAL_SEGMENTED | XINET_ORIGINAL_CHECKSUM});
        EXPECT_GT(frames.most_segments, 1U);
        expect_same_frames(frames.data, wanted);
    }
}

TEST_P(Original, bulk_in_a_vlan_equals_what_the_other_end_sees) {
    for (const char* protocol : {"802.1Q", "802.1ad"}) {
        SCOPED_TRACE(protocol);
        const BulkBridge bridge;
        bridge.add_vlan(protocol);
        const auto sent = capture_at(bridge.a(), "far0");
        const auto reference =
            bridge.b().run([] { return std::make_unique<BulkReference>("far1"); });
        const Connection connection = bridge.send_bulk(bulk, "10.68.0.2");
        const std::vector<Bytes> wanted = reference->take();
        ASSERT_GT(wanted.size(), bulk / longest_frame);
        const BulkFrames frames = of_bulk(sent->take());
        EXPECT_TRUE(frames.done & XINET_ORIGINAL_SEGMENTED);
        EXPECT_TRUE(frames.done & XINET_ORIGINAL_VLAN);
        expect_same_frames(frames.data, wanted);
    }
}

TEST_P(Original, merged_bulk_equals_what_came) {
    const BulkBridge bridge;
    bridge.b().run([] {
        BulkBridge::ethtool({"-K", "far1", "gro", "on"});
        ASSERT_TRUE(link::offload("far1", ETHTOOL_GGRO));
    });
    const auto merged = capture_at(bridge.b(), "far1");
    const auto reference =
        bridge.middle().run([] { return std::make_unique<BulkReference>("near1"); });
    const Connection connection = bridge.send_bulk(bulk);
    const std::vector<Bytes> wanted = reference->take();
    ASSERT_GT(wanted.size(), bulk / longest_frame);
    const BulkFrames frames = of_bulk(merged->take());
    EXPECT_TRUE(frames.done & XINET_ORIGINAL_SEGMENTED) << "nothing was merged";
    expect_same_frames(frames.data, wanted);
}

// A program may have its datagrams cut up by the device, too.
TEST_P(Original, datagrams_of_one_send_are_told_one_by_one) {
    const BulkBridge bridge;
    const auto sent = capture_at(bridge.a(), "far0");
    const auto reference = bridge.b().run([] { return std::make_unique<BulkReference>("far1"); });
    const Fd receiver = bridge.b().run([] { return udp_at("10.67.0.2", port); });
    bridge.a().run([] {
        const Fd sender = udp_at("10.67.0.1", 0);
        const int size = 1000;
        checked(::setsockopt(sender.get(), SOL_UDP, UDP_SEGMENT, &size, sizeof(size)),
                "UDP_SEGMENT");
        send_to(sender.get(), repeated("xt-datagram", 10'500), ipv4_address("10.67.0.2", port));
    });
    for (int i = 0; i < 11; i++)
        receive(receiver.get());
    const std::vector<Bytes> wanted = reference->take();
    const BulkFrames frames = of_bulk(sent->take());
    EXPECT_EQ(wanted.size(), 11U);
    EXPECT_EQ(frames.most_segments, 11U);
    expect_same_frames(frames.data, wanted);
}

// Lengths are those of the frames before a filter looks at them.
TEST_P(Original, filter_judges_the_frame) {
    const BulkBridge bridge;
    const auto sent = capture_at(bridge.a(), "far0");
    sock_filter longer[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
                            BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, longest_frame, 0, 1),
                            BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0)};
    const sock_fprog program{4, longer};
    checked(
        ::setsockopt(sent->socket().get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
        "SO_ATTACH_FILTER");
    const Connection connection = bridge.send_bulk(bulk);
    EXPECT_EQ(of_bulk(sent->take()).data.size(), 0U);
}

TEST_P(Original, every_frame_has_the_owner_and_the_namespace_of_the_packet) {
    const BulkBridge bridge;
    ToldCapture capture({.lanes = GetParam(),
                         .owner = true,
                         .all_netns = true,
                         .original = true,
                         .lane_size = 1U << 23});
    if (!GetParam())
        set_option(capture.socket(), SOL_SOCKET, SO_RCVBUFFORCE, 1 << 27);
    const Connection connection = bridge.send_bulk(bulk);
    size_t segments = 0;
    for (const ToldPacket& packet : capture.take()) {
        ASSERT_TRUE(packet.netns && packet.original && packet.owner);
        if (!is_of_bulk(packet.data, 1) || packet.pkttype != PACKET_OUTGOING ||
            std::string(packet.netns->device) != "far0")
            continue;
        EXPECT_TRUE(packet.owner->flags & XINET_OWNER_SOCKET);
        EXPECT_EQ(packet.owner->netns_cookie, packet.netns->cookie);
        segments += (packet.original->done & XINET_ORIGINAL_SEGMENTED) != 0;
    }
    EXPECT_GT(segments, bulk / longest_frame / 2);
}

// Headers that are written to cut a packet up are those of a copy.
TEST_F(OriginalOptions, packet_itself_goes_on_as_it_was) {
    const NetNs here = NetNs::create();
    here.run([] {
        const Fd tun = open_tun("xttap", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
        if (!tun)
            GTEST_SKIP() << "this kernel has no tun";
        link::set_up(link::index("xttap"), true);
        const Fd later = open_socket(Side::sibling, Kind::packet, 0); // its hook comes after ours
        bind_to(later, link_address(ETH_P_ALL, link::index("xttap")));
        const Ipv4 ip{.from = "10.66.0.2", .to = "10.66.0.1", .protocol = IPPROTO_TCP};
        Bytes tcp = tcp_syn(ip, 1, 2);
        tcp.resize(20);
        tcp[12] = 0x50; // without options
        tcp[13] = 0x10;
        const Bytes packet =
            ethernet(link::mac("xttap"), ETH_P_IP, ip.packet(tcp + repeated("xt-touched", 3000)));
        // The checksum is said to be there.
        const VnetHeader vnet{0, vnet_gso_tcpv4, 54, 1000, 0, 0};
        Bytes all(sizeof(vnet));
        std::copy_n(reinterpret_cast<const uint8_t*>(&vnet), sizeof(vnet), all.begin());
        all = all + packet;
        ToldCapture capture({.original = true, .device = "xttap"});
        checked(::write(tun.get(), all.data(), all.size()), "write");
        EXPECT_TRUE(receive_marked(later.get(), "xt-touched").data == packet);
        const auto found = capture.take_marked("xt-touched", 3);
        ASSERT_EQ(found.size(), 3U);
        EXPECT_EQ(found[0].data.size(), 1054U);
        EXPECT_EQ(found[0].original->segments, 3);
    });
}

// A sender cannot have the kernel make any number of packets of one.
TEST_F(OriginalOptions, packet_of_too_many_segments_is_told_whole) {
    const NetNs here = NetNs::create();
    here.run([] {
        const Wire wire;
        ToldCapture capture({.original = true, .device = "xtout"});
        const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
        ask_for_vnet(sender, sizeof(VnetHeader));
        bind_to(sender, link_address(0, link::index("xtout")));
        const Ipv4 header{.from = "10.66.0.2", .to = "10.66.0.1", .protocol = IPPROTO_TCP};
        Bytes segment = tcp_syn(header, 1, 2);
        segment.resize(20);
        const Bytes packet = ethernet(link::mac("xtin"), ETH_P_IP,
                                      header.packet(segment + repeated("xt-tiny", 40'000)));
        const VnetHeader vnet{vnet_needs_csum, vnet_gso_tcpv4, 54, 20, 34, 16};
        Bytes all(sizeof(vnet));
        std::copy_n(reinterpret_cast<const uint8_t*>(&vnet), sizeof(vnet), all.begin());
        all = all + packet;
        checked(::send(sender.get(), all.data(), all.size(), 0), "send");
        const auto found = capture.take_marked("xt-tiny");
        ASSERT_EQ(found.size(), 1U);
        ASSERT_TRUE(found[0].original);
        EXPECT_EQ(found[0].original->done, uint32_t{XINET_ORIGINAL_FAILED});
        EXPECT_EQ(found[0].data.size(), packet.size());
    });
}

// Unmodified readers of a ring get the frames, without what was done.
TEST_F(OriginalOptions, ring_of_tpacket_has_the_frames) {
    const BulkBridge bridge;
    bridge.a().run([&] {
        const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        set_option(socket, SOL_XINET, XINET_PACKET_ORIGINAL, 1);
        checked(set_ring(socket.get(), TPACKET_V2, ring_request(256, 4096, 2048)), "ring");
        bind_to(socket, link_address(ETH_P_ALL, link::index("far0")));
        const Connection connection = bridge.send_bulk(bulk);
        const Mapping memory(socket.get(), 256 * 4096);
        size_t frames = 0;
        for (size_t i = 0; i < 512; i++) {
            const auto* header = reinterpret_cast<const tpacket2_hdr*>(memory.at(i * 2048));
            if ((header->tp_status & TP_STATUS_USER) == 0)
                continue;
            EXPECT_LE(header->tp_len, longest_frame);
            frames++;
        }
        EXPECT_GT(frames, bulk / longest_frame);
    });
}

TEST_F(OriginalOptions, capture_shows_frames) {
    const BulkBridge bridge;
    bridge.a().run([&] {
        Program capture({in_tree("tools/build/xinet"), "capture", "-i", "far0", "--original",
                         "--json", "-c", "60", "tcp and src host 10.67.0.1"});
        EXPECT_NE(capture.error_line().find("listening on far0"), std::string::npos);
        const Connection connection = bridge.send_bulk(bulk);
        const auto text = capture.output();
        EXPECT_EQ(capture.wait(), 0);
        EXPECT_NE(text.find("\"original\":{\"segmented\":true,\"checksum\":true,"),
                  std::string::npos)
            << text;
        EXPECT_NE(text.find("\"length\":1514"), std::string::npos) << text;
    });
}

INSTANTIATE_TEST_SUITE_P(Receivers, Original, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
