// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_DROPS: every packet that the kernel drops is told once, with its reason.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/xinet.h>
#include <net/if_arp.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/compare.h"
#include "support/cpus.h"
#include "support/diag.h"
#include "support/inet.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/on_wire.h"
#include "support/program.h"
#include "support/sys.h"
#include "support/told.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"
#include "support/unprivileged.h"
#include "support/wire.h"

namespace xt {
namespace {

long set_drops(const Fd& socket, int flags) {
    return sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_DROPS, &flags, sizeof(flags));
}

int errno_of_drops(const Fd& socket, int flags) {
    return set_drops(socket, flags) < 0 ? errno : 0;
}

using Capture = ToldCapture;
using Seen = ToldPacket;

constexpr uint16_t closed_port = 4444;
constexpr Ipv4 to_here{.from = "10.66.0.2", .to = "10.66.0.1", .protocol = IPPROTO_UDP};

Bytes datagram(const std::string& mark, uint16_t port = closed_port) {
    return to_here.packet(udp(9, port, repeated(mark, 64)));
}

// No ICMP error answers it, which would quote the mark.
Bytes broken_datagram(const std::string& mark) {
    Bytes payload = udp(9, closed_port, repeated(mark, 64));
    payload.at(6) = 0x12; // the checksum
    return to_here.packet(payload);
}

constexpr uint16_t unknown_ethertype = 0x88b7;

class DroppedOptions : public OnWire {
protected:
    void SetUp() override {
        if (!self_check() && drops_are_refused())
            GTEST_SKIP() << "this kernel cannot copy what it drops";
        OnWire::SetUp();
    }
};

// By the receive queue, and by lanes.
class Dropped : public DroppedOptions, public testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        if (GetParam() && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
        DroppedOptions::SetUp();
    }
    [[nodiscard]] Capture::Options lanes_or_queue() const {
        return {.drops = XINET_DROPS_ONLY, .lanes = GetParam(), .device = "xtin"};
    }
};

TEST_P(Dropped, packet_that_no_socket_wants_is_told_once_as_on_the_wire) {
    here_.run([this] {
        Capture capture(lanes_or_queue());
        const Bytes packet = datagram("xt-nobody");
        in(packet);
        const auto found = capture.take_marked("xt-nobody");
        ASSERT_EQ(found.size(), 1U);
        ASSERT_TRUE(found[0].dropped);
        EXPECT_EQ(found[0].reason(), "NO_SOCKET");
        EXPECT_EQ(found[0].dropped->flags, 0U);
        EXPECT_EQ(found[0].ifindex, link::index("xtin"));
        EXPECT_EQ(found[0].data, ethernet(link::mac("xtin"), ETH_P_IP, packet));
        EXPECT_NE(std::string(found[0].dropped->place).find("+0x"), std::string::npos);
    });
}

TEST_P(Dropped, cooked_socket_gets_the_packet_from_its_network_header_on) {
    here_.run([this] {
        auto options = lanes_or_queue();
        options.cooked = true;
        Capture capture(options);
        const Bytes packet = datagram("xt-cooked");
        in(packet);
        const auto found = capture.take_marked("xt-cooked");
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].data, packet);
    });
}

TEST_P(Dropped, what_passes_comes_beside_or_not_at_all) {
    here_.run([this] {
        const Fd taker = udp_at("10.66.0.1", 4445);
        auto options = lanes_or_queue();
        Capture only(options);
        options.drops = XINET_DROPS_BESIDE;
        Capture beside(options);
        in(datagram("xt-passes", 4445));
        in(broken_datagram("xt-dropped"));
        const auto both = beside.take_marked("xt-", 3);
        ASSERT_EQ(both.size(), 3U);
        EXPECT_EQ(std::ranges::count_if(both, [](const Seen& seen) { return !seen.dropped; }), 2);
        const auto dropped = only.take_marked("xt-");
        ASSERT_EQ(dropped.size(), 1U);
        EXPECT_TRUE(contains(dropped[0].data, "xt-dropped"));
        EXPECT_TRUE(receive_now(taker.get()));
    });
}

TEST_P(Dropped, owner_is_said_to_be_nobody) {
    here_.run([this] {
        auto options = lanes_or_queue();
        options.owner = true;
        Capture capture(options);
        in(datagram("xt-owner"));
        const auto found = capture.take_marked("xt-owner");
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].reason(), "NO_SOCKET");
        ASSERT_TRUE(found[0].owner);
        EXPECT_EQ(found[0].owner->flags, 0U);
        EXPECT_EQ(found[0].owner->cookie, 0U);
    });
}

TEST_P(Dropped, filter_and_device_and_protocol_select) {
    here_.run([this] {
        Capture capture(lanes_or_queue());
        Capture other({.drops = XINET_DROPS_ONLY, .lanes = GetParam(), .device = "lo"});
        const Fd arp = open_socket(Side::xinet, Kind::packet, 0);
        checked(set_drops(arp, XINET_DROPS_ONLY), "XINET_PACKET_DROPS");
        bind_to(arp, link_address(ETH_P_ARP, 0));
        sock_filter nothing{BPF_RET | BPF_K, 0, 0, 0};
        const sock_fprog program{1, &nothing};
        Capture rejects(lanes_or_queue());
        checked(::setsockopt(rejects.socket().get(), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                             sizeof(program)),
                "SO_ATTACH_FILTER");
        in(datagram("xt-select"));
        EXPECT_EQ(capture.take_marked("xt-select").size(), 1U);
        EXPECT_EQ(other.take_marked("xt-select", 0).size(), 0U);
        EXPECT_EQ(rejects.take_marked("xt-select", 0).size(), 0U);
        EXPECT_FALSE(receive_now(arp.get()));
    });
}

// The names differ between kernels; those that do not tell say NOT_SPECIFIED.
struct Provocation {
    const char* mark;
    std::vector<std::string> reasons;
    std::function<void(const std::string& mark)> act;
};

TEST_P(Dropped, each_kind_is_told_once_with_the_reason_of_the_kernel) {
    here_.run([this] {
        const Fd small = udp_at("10.66.0.1", 4446);
        set_option(small, SOL_SOCKET, SO_RCVBUF, 1);
        for (int i = 0; i < 50; i++)
            in(datagram("filler", 4446));
        const Fd filtered = udp_at("10.66.0.1", 4447);
        sock_filter nothing{BPF_RET | BPF_K, 0, 0, 0};
        const sock_fprog program{1, &nothing};
        checked(
            ::setsockopt(filtered.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
            "SO_ATTACH_FILTER");
        nft("table ip xtd { chain in { type filter hook input priority 0; udp dport 4448 drop; }; "
            "}");
        nft("table netdev xtd { chain in { type filter hook ingress device xtin priority 0; "
            "ether type 0x88b6 drop; }; }");
        wire_->fence();
        Capture capture(lanes_or_queue());

        const auto broken = [&](size_t offset, uint8_t value, const std::string& mark) {
            Bytes packet = datagram(mark);
            packet.at(offset) = value;
            if (offset < 10) { // all but the checksum itself
                packet[10] = packet[11] = 0;
                const uint16_t sum = internet_checksum(Bytes(packet.begin(), packet.begin() + 20));
                packet[10] = uint8_t(sum >> 8);
                packet[11] = uint8_t(sum);
            }
            in(packet);
        };
        const auto from = [&](const char* source, const char* to, const std::string& mark) {
            Ipv4 header = to_here;
            header.from = source;
            header.to = to;
            in(header.packet(udp(9, closed_port, repeated(mark, 64))));
        };
        const std::vector<Provocation> provocations{
            {"xt-socket", {"NO_SOCKET"}, [&](const auto& mark) { in(datagram(mark)); }},
            {"xt-rcvbuf",
             {"SOCKET_RCVBUFF", "NOT_SPECIFIED"},
             [&](const auto& mark) { in(datagram(mark, 4446)); }},
            {"xt-filter",
             {"SOCKET_FILTER", "NOT_SPECIFIED"},
             [&](const auto& mark) { in(datagram(mark, 4447)); }},
            {"xt-nft", {"NETFILTER_DROP"}, [&](const auto& mark) { in(datagram(mark, 4448)); }},
            {"xt-ingress",
             {"NETFILTER_DROP", "NOT_SPECIFIED"},
             [&](const auto& mark) { in(repeated(mark, 64), 0x88b6); }},
            {"xt-udpsum", {"UDP_CSUM"}, [&](const auto& mark) { in(broken_datagram(mark)); }},
            {"xt-ipsum", {"IP_CSUM"}, [&](const auto& mark) { broken(10, 0xee, mark); }},
            {"xt-version", {"IP_INHDR"}, [&](const auto& mark) { broken(0, 0x55, mark); }},
            {"xt-short",
             {"PKT_TOO_SMALL", "IP_INHDR"},
             [&](const auto& mark) { broken(2, 0x7f, mark); }},
            {"xt-protocol",
             {"IP_NOPROTO"},
             [&](const auto& mark) { broken(9, experimental_protocol, mark); }},
            {"xt-ethertype",
             {"UNHANDLED_PROTO", "PTYPE_ABSENT"},
             [&](const auto& mark) { in(repeated(mark, 64), unknown_ethertype); }},
            {"xt-martian",
             {"IP_INVALID_SOURCE", "IP_LOCAL_SOURCE", "IP_LOCALNET", "NOT_SPECIFIED"},
             [&](const auto& mark) { from("127.0.0.9", "10.66.0.1", mark); }},
            {"xt-noroute",
             {"IP_INNOROUTES", "IP_INADDRERRORS", "NOT_SPECIFIED"},
             [&](const auto& mark) { from("10.66.0.2", "10.99.0.1", mark); }},
        };
        for (const auto& [mark, reasons, act] : provocations) {
            SCOPED_TRACE(mark);
            act(mark);
            const auto found = capture.take_marked(mark);
            ASSERT_EQ(found.size(), 1U);
            EXPECT_NE(std::ranges::find(reasons, found[0].reason()), reasons.end())
                << found[0].reason();
            EXPECT_NE(std::string(found[0].dropped->place), "");
        }
    });
}

// Switches the event on while it lives; false if this kernel has none.
class Trace {
public:
    Trace() : enable_(tracing + "events/skb/kfree_skb/enable") {
        std::ofstream(tracing + "trace") << std::endl;
        enable_ << 1 << std::endl;
    }
    ~Trace() { stop(); }
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
    explicit operator bool() const { return bool(enable_); }

    void stop() { enable_ << 0 << std::endl; }
    // How often each reason was traced.
    [[nodiscard]] std::map<std::string, int> reasons() const {
        std::map<std::string, int> found;
        std::ifstream trace(tracing + "trace");
        for (std::string line; std::getline(trace, line);)
            if (const size_t at = line.find(" reason: "); at != std::string::npos)
                found[line.substr(at + 9)]++;
        return found;
    }

private:
    const std::string tracing = "/sys/kernel/tracing/";
    std::ofstream enable_;
};

// The trace of the kernel is the reference: the same drops, by their reasons.
TEST_P(Dropped, reasons_are_those_of_the_tracepoint) {
    Trace trace;
    if (!trace)
        GTEST_SKIP() << "this kernel has no tracefs";
    here_.run([&] {
        Capture capture({.drops = XINET_DROPS_ONLY | XINET_DROPS_HOST, .lanes = GetParam()});
        for (int i = 0; i < 20; i++) {
            in(broken_datagram("xt-traced"));
            in(repeated("xt-traced", 64), unknown_ethertype);
        }
        const auto marked = capture.take_marked("xt-traced", 40);
        trace.stop();
        EXPECT_EQ(marked.size(), 40U);

        std::map<std::string, int> told;
        for (const Seen& seen : marked)
            told[seen.reason()]++;
        auto traced = trace.reasons();
        for (const auto& [reason, count] : told)
            EXPECT_GE(traced[reason], count) << reason;
    });
}

// A packet that is sent and has no link-level header yet.
TEST_P(Dropped, packet_without_link_level_header_gets_one_of_zeroes) {
    here_.run([this] {
        nft("table ip xtd { chain out { type filter hook postrouting priority 0; "
            "udp dport 4449 drop; }; }");
        Capture raw(lanes_or_queue());
        auto options = lanes_or_queue();
        options.cooked = true;
        Capture cooked(options);
        const Fd socket = udp_at("10.66.0.1", 4450);
        send_to(socket.get(), repeated("xt-out", 64), ipv4_address("10.66.0.2", 4449));
        const auto found = raw.take_marked("xt-out");
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].reason(), "NETFILTER_DROP");
        EXPECT_EQ(found[0].dropped->flags, uint32_t{XINET_DROPPED_NO_LINK_HEADER});
        const Bytes zeroes(12);
        ASSERT_GT(found[0].data.size(), 14U);
        EXPECT_EQ(Bytes(found[0].data.begin(), found[0].data.begin() + 12), zeroes);
        const auto bare = cooked.take_marked("xt-out");
        ASSERT_EQ(bare.size(), 1U);
        EXPECT_EQ(bare[0].data.at(0), 0x45);
    });
}

// A namespace's socket sees its own, one of the host sees all and says whose.
TEST_P(Dropped, host_is_told_of_every_namespace) {
    Capture::Options options{.drops = XINET_DROPS_ONLY, .lanes = GetParam()};
    const NetNs other = NetNs::create();
    auto elsewhere = other.run([&] { return std::make_unique<Capture>(options); });
    auto near = here_.run([&] { return std::make_unique<Capture>(options); });
    options.drops |= XINET_DROPS_HOST;
    auto host = other.run([&] { return std::make_unique<Capture>(options); });
    here_.run([this] { in(broken_datagram("xt-host")); });
    const auto found = host->take_marked("xt-host");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].dropped->netns_cookie, netns_cookie_of(near->socket()));
    EXPECT_EQ(near->take_marked("xt-host").size(), 1U);
    EXPECT_EQ(elsewhere->take_marked("xt-host", 0).size(), 0U);
}

// What does not fit anywhere is counted.
TEST_P(Dropped, burst_is_told_or_counted) {
    here_.run([this] {
        constexpr unsigned burst = 20'000;
        auto options = lanes_or_queue();
        options.lane_size = smallest_lane;
        options.protocol = unknown_ethertype;
        Capture capture(options);
        const Bytes frame =
            ethernet(link::mac("xtin"), unknown_ethertype, repeated("xt-burst", 64));
        for (unsigned i = 0; i < burst; i++)
            wire_->in(frame);
        size_t told = 0;
        uint64_t lost = 0;
        const auto end = std::chrono::steady_clock::now() + deadline;
        while (told + lost < burst && std::chrono::steady_clock::now() < end) {
            for (const Seen& seen : capture.take())
                told += contains(seen.data, "xt-burst");
            tpacket_stats stats{};
            socklen_t length = sizeof(stats);
            checked(::getsockopt(capture.socket().get(), SOL_PACKET, PACKET_STATISTICS, &stats,
                                 &length),
                    "PACKET_STATISTICS");
            lost += stats.tp_drops;
        }
        EXPECT_EQ(told + lost, burst);
        EXPECT_GT(told, 0U);
    });
}

// In softirq, once the place has a name: not after a tick, as through the work item.
TEST_F(DroppedOptions, lane_has_what_was_dropped_when_the_call_returns) {
    if (lanes_are_refused || is_realtime())
        GTEST_SKIP() << "here drops are always handed over by a work item";
    here_.run([this] {
        Capture capture({.drops = XINET_DROPS_ONLY, .lanes = true, .device = "xtin"});
        in(broken_datagram("xt-first"));
        ASSERT_EQ(capture.take_marked("xt-first").size(), 1U); // and some ticks for the work item
        in(broken_datagram("xt-second"));
        const auto found = capture.take();
        ASSERT_EQ(found.size(), 1U);
        EXPECT_TRUE(contains(found[0].data, "xt-second"));
        EXPECT_EQ(found[0].reason(), "UDP_CSUM");
        EXPECT_NE(std::string(found[0].dropped->place).find("+0x"), std::string::npos);
        EXPECT_NE(found[0].dropped->netns, 0U);
    });
}

// A queue takes a lock, so that the packet waits for the work item: for both.
TEST_F(DroppedOptions, lane_and_queue_are_told_once_each) {
    if (lanes_are_refused)
        GTEST_SKIP() << "lanes are for programs of 64 bits";
    here_.run([this] {
        Capture lane({.drops = XINET_DROPS_ONLY, .lanes = true, .device = "xtin"});
        Capture queue({.drops = XINET_DROPS_ONLY, .device = "xtin"});
        for (const char* mark : {"xt-first", "xt-second", "xt-third"}) {
            in(broken_datagram(mark));
            EXPECT_EQ(lane.take_marked(mark).size(), 1U) << mark;
            EXPECT_EQ(queue.take_marked(mark).size(), 1U) << mark;
        }
    });
}

// What one CPU drops keeps its order in a lane, whichever way each packet takes: one without
// link-level header waits for the work item.
TEST_F(DroppedOptions, lane_is_told_in_the_order_of_the_drops) {
    if (lanes_are_refused)
        GTEST_SKIP() << "lanes are for programs of 64 bits";
    here_.run([this] {
        constexpr unsigned count = 200;
        nft("table ip xtd { chain out { type filter hook postrouting priority 0; "
            "udp dport 4449 drop; }; }");
        const Fd sender = udp_at("10.66.0.1", 4450);
        const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        ASSERT_EQ(set_drops(socket, XINET_DROPS_ONLY), 0);
        checked(set_lanes(socket.get(), lanes_request(1U << 20)), "XINET_RX_RING");
        LaneReader reader(socket.get());
        bind_to(socket, link_address(ETH_P_IP, link::index("xtin")));
        const OnOneCpu one_cpu;
        for (unsigned i = 0; i < count; i++) {
            send_to(sender.get(), repeated("xt-out", 64), ipv4_address("10.66.0.2", 4449));
            in(broken_datagram("xt-order"));
        }
        const auto end = std::chrono::steady_clock::now() + deadline;
        while (reader.packets() < 2 * count && std::chrono::steady_clock::now() < end)
            ::poll(nullptr, 0, 1);
        const auto found = reader.take();
        ASSERT_EQ(found.size(), 2 * count);
        for (unsigned i = 1; i < found.size(); i++) {
            if (found[i].record.seq == 0)
                continue; // the first of another lane
            EXPECT_GE(found[i].record.tstamp, found[i - 1].record.tstamp) << i;
        }
    });
}

// Closing while drops come, and the device goes.
TEST_P(Dropped, nothing_is_left_when_socket_and_device_go_meanwhile) {
    here_.run([this] {
        const Bytes frame =
            ethernet(link::mac("xtin"), unknown_ethertype, repeated("xt-close", 64));
        for (int round = 0; round < 20; round++) {
            Capture capture(lanes_or_queue());
            for (int i = 0; i < 50; i++)
                wire_->in(frame);
        }
        Capture capture({.drops = XINET_DROPS_ONLY, .lanes = GetParam()});
        const Bytes last = ethernet(link::mac("xtin"), unknown_ethertype, repeated("xt-gone", 64));
        for (int i = 0; i < 200; i++)
            wire_->in(last);
        link::remove(link::index("xtin"));
        EXPECT_EQ(capture.take_marked("xt-gone", 200).size(), 200U);
    });
}

// The kernel frees them like packets: messages of other families, whose memory may be of a kind
// that a clone cannot free; and datagrams that were never filled in.
TEST_P(Dropped, what_is_no_packet_is_not_told) {
    here_.run([this] {
        Capture near({.drops = XINET_DROPS_ONLY, .lanes = GetParam()});
        Capture host({.drops = XINET_DROPS_ONLY | XINET_DROPS_HOST, .lanes = GetParam()});
        for (int round = 0; round < 5; round++) {
            const Fd sender(checked(::socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK), "socket"));
            const Fd receiver(checked(::socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK), "socket"));
            set_option(sender, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24);
            set_option(receiver, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24);
            sockaddr_nl name{};
            name.nl_family = AF_NETLINK;
            socklen_t length = sizeof(name);
            checked(::bind(receiver.get(), reinterpret_cast<sockaddr*>(&name), length), "bind");
            checked(::getsockname(receiver.get(), reinterpret_cast<sockaddr*>(&name), &length),
                    "getsockname");
            for (const size_t size : {100U, 20'000U, 5'000'000U}) {
                const Bytes message = repeated("xt-netlink", size);
                ::sendto(sender.get(), message.data(), message.size(), MSG_DONTWAIT,
                         reinterpret_cast<sockaddr*>(&name), length);
            }
        }
        const Fd udp = udp_at("10.66.0.1", 4451);
        const auto peer = ipv4_address("10.66.0.2", 9);
        for (int round = 0; round < 5; round++) {
            EXPECT_LT(sys::sendto(udp.get(), nullptr, 1000, 0, &peer, sizeof(peer)), 0);
            EXPECT_EQ(errno, EFAULT);
        }
        int pair[2];
        checked(::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), "socketpair");
        checked(::send(pair[0], "xt-secret", 9, 0), "send");
        ::close(pair[0]);
        ::close(pair[1]);
        in(broken_datagram("xt-last"));
        for (Capture* capture : {&near, &host}) {
            std::vector<Seen> all;
            const auto end = std::chrono::steady_clock::now() + deadline;
            const auto is_last = [](const Seen& seen) { return contains(seen.data, "xt-last"); };
            while (std::ranges::none_of(all, is_last) && std::chrono::steady_clock::now() < end)
                std::ranges::copy(capture->take(), std::back_inserter(all));
            EXPECT_EQ(std::ranges::count_if(all, is_last), 1);
            for (const Seen& seen : all) {
                EXPECT_NE(seen.ifindex, 0) << seen.reason();
                EXPECT_FALSE(contains(seen.data, "xt-netlink"));
                EXPECT_FALSE(contains(seen.data, "xt-secret"));
                EXPECT_NE(seen.reason(), "SKB_UCOPY_FAULT");
            }
        }
    });
}

// What is left in the queue of a packet socket of ours at its end are copies.
TEST_P(Dropped, copy_in_a_queue_is_none) {
    here_.run([this] {
        Capture capture(lanes_or_queue());
        {
            const Fd reader = open_socket(Side::xinet, Kind::packet, 0);
            bind_to(reader, link_address(ETH_P_ALL, link::index("xtin")));
            for (const size_t size : {64U, 1400U}) // copied, and cloned
                in(to_here.packet(udp(9, 4452, repeated("xt-queued", size))));
            EXPECT_TRUE(wait_readable(reader.get()));
        }
        // the host itself has dropped them, there being no socket
        EXPECT_EQ(capture.take_marked("xt-queued", 2).size(), 2U);
    });
}

TEST_F(DroppedOptions, capture_shows_what_is_dropped) {
    for (const bool json : {true, false}) {
        for (const char* device : {"xtin", "any"}) {
            here_.run([&] {
                std::vector<std::string> words{in_tree("tools/build/xinet"),
                                               "capture",
                                               "-i",
                                               device,
                                               "--drops-only",
                                               "-c",
                                               "1",
                                               "udp and dst port 4444"};
                if (json)
                    words.emplace(words.end() - 1, "--json");
                Program capture(words);
                EXPECT_NE(capture.error_line().find("listening on "), std::string::npos);
                in(broken_datagram("xt-shown"));
                const auto text = capture.output();
                EXPECT_EQ(capture.wait(), 0);
                const char* wanted = json ? "\"drop\":{\"reason\":\"UDP_CSUM\",\"number\":"
                                          : " (dropped: UDP_CSUM at ";
                EXPECT_NE(text.find(wanted), std::string::npos) << text;
                EXPECT_NE(text.find("10.66.0.2"), std::string::npos) << text;
            });
        }
    }
    Program sibling({in_tree("tools/build/xinet"), "capture", "--family", "packet", "--drops", "-i",
                     "lo", "-c", "1"});
    EXPECT_EQ(sibling.wait(), 2);
}

TEST_F(DroppedOptions, option_is_for_a_socket_that_receives_nothing_yet) {
    here_.run([] {
        const Fd receives = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
        EXPECT_EQ(errno_of_drops(receives, XINET_DROPS_ONLY), EBUSY);
        const Fd raw = open_raw(Side::xinet, experimental_protocol);
        EXPECT_EQ(errno_of_drops(raw, XINET_DROPS_ONLY), ENOPROTOOPT);
        const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        for (const int flags : {3, 4, 7, 8, 9, -1})
            EXPECT_EQ(errno_of_drops(socket, flags), EINVAL) << flags;
        const char byte = 1;
        EXPECT_LT(sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_DROPS, &byte, 1), 0);
        EXPECT_EQ(errno, EINVAL);
        EXPECT_EQ(errno_of_drops(socket, 0), 0);
        EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_DROPS), 0);
        EXPECT_EQ(errno_of_drops(socket, XINET_DROPS_BESIDE | XINET_DROPS_HOST), 0);
        EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_DROPS),
                  XINET_DROPS_BESIDE | XINET_DROPS_HOST);
        EXPECT_EQ(errno_of_drops(socket, XINET_DROPS_BESIDE | XINET_DROPS_HOST), 0);
        EXPECT_EQ(errno_of_drops(socket, 0), EBUSY);
        EXPECT_LT(set_ring(socket.get(), TPACKET_V2, ring_request(1, 4096, 2048)), 0);
        EXPECT_EQ(errno, EINVAL); // see told_ring_test.cpp
        bind_to(socket, link_address(ETH_P_ALL, link::index("xtin")));
        const int group = PACKET_FANOUT_HASH << 16 | 1;
        EXPECT_LT(sys::setsockopt(socket.get(), SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)),
                  0);
        EXPECT_EQ(errno, EOPNOTSUPP);

        std::vector<Fd> sockets;
        int error = 0;
        while (!error && sockets.size() <= XINET_DROPS_SOCKETS) {
            sockets.push_back(open_socket(Side::xinet, Kind::packet, 0));
            error = errno_of_drops(sockets.back(), XINET_DROPS_ONLY);
        }
        EXPECT_EQ(error, ENOSPC);
        EXPECT_EQ(sockets.size(), size_t{XINET_DROPS_SOCKETS}); // and the first one
    });
}

// CAP_NET_RAW opens the socket, and does not show what a firewall drops.
TEST_F(DroppedOptions, capability_is_that_of_an_administrator) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    EXPECT_EQ(as_nobody([&] { return errno_of_drops(socket, XINET_DROPS_ONLY); }), EPERM);
    const int error = as_root_of_own_namespaces(
        [&] { return errno_of_drops(socket, XINET_DROPS_ONLY | XINET_DROPS_HOST); });
    EXPECT_TRUE(error == EPERM || error == 254) << error; // 254: no user namespaces
}

INSTANTIATE_TEST_SUITE_P(Receivers, Dropped, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
