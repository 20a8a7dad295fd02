// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_ALL_NETNS: one socket sees every network namespace, and is told which.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/compare.h"
#include "support/diag.h"
#include "support/forked.h"
#include "support/inet.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/program.h"
#include "support/sys.h"
#include "support/told.h"
#include "support/traffic.h"
#include "support/unprivileged.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr uint16_t ethertype = 0x88b5; // experimental_ethertype of a packet of these tests
const Ipv4 to_here{.from = "10.66.0.2", .to = "10.66.0.1", .protocol = IPPROTO_UDP};

int errno_of_all_netns(const Fd& socket, int value) {
    return sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_ALL_NETNS, &value, sizeof(value)) <
                   0
               ? errno
               : 0;
}

// A namespace with a wire, and an index of xtin that no other has.
class Place {
public:
    explicit Place(NetNs netns = NetNs::create(), int skipped = 0) : netns_(std::move(netns)) {
        netns_.run([this, skipped] {
            for (int i = 0; i < skipped; i++)
                link::add_dummy("skip" + std::to_string(i), {2, 0, 0, 0, 9, uint8_t(i)});
            wire_.emplace();
            ip("link set lo up", "addr add 10.66.0.1/24 dev xtin",
               "neigh add 10.66.0.2 lladdr 02:00:00:00:00:02 dev xtin nud permanent");
            index_ = link::index("xtin");
        });
    }

    void in(const std::string& mark, uint16_t type = ethertype) const {
        netns_.run([&] { wire_->in(ethernet(link::mac("xtin"), type, repeated(mark, 64))); });
    }
    void in(const Bytes& packet) const {
        netns_.run([&] { wire_->in(ethernet(link::mac("xtin"), ETH_P_IP, packet)); });
    }

    void expect_is_here(const ToldPacket& packet) const {
        ASSERT_TRUE(packet.netns);
        EXPECT_EQ(packet.netns->netns, netns_.inode());
        EXPECT_EQ(packet.netns->cookie, netns_.cookie());
        EXPECT_EQ(packet.netns->reserved, 0U);
        EXPECT_STREQ(packet.netns->device, "xtin");
        EXPECT_EQ(packet.ifindex, index_);
    }

    [[nodiscard]] const NetNs& netns() const { return netns_; }

private:
    NetNs netns_;
    std::optional<Wire> wire_;
    int index_ = 0;
};

std::vector<ToldPacket> received(const std::vector<ToldPacket>& packets) {
    std::vector<ToldPacket> result;
    std::ranges::copy_if(packets, std::back_inserter(result), [](const ToldPacket& packet) {
        return packet.pkttype != PACKET_OUTGOING;
    });
    return result;
}

class AllNetnsOptions : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
    }
};

// By the receive queue, and by lanes.
class AllNetns : public AllNetnsOptions, public testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        AllNetnsOptions::SetUp();
        if (GetParam() && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
    }
    static ToldCapture::Options everywhere() { return {.lanes = GetParam(), .all_netns = true}; }
};

TEST_P(AllNetns, packet_of_each_namespace_comes_with_namespace_device_and_index) {
    const Place first;
    const Place second(NetNs::create(), 3);
    ToldCapture capture(everywhere());
    first.in("xt-first");
    second.in("xt-second");
    const auto in_first = received(capture.take_marked("xt-first", 2));
    ASSERT_EQ(in_first.size(), 1U);
    first.expect_is_here(in_first[0]);
    second.in("xt-again");
    const auto in_second = received(capture.take_marked("xt-again", 2));
    ASSERT_EQ(in_second.size(), 1U);
    second.expect_is_here(in_second[0]);
    EXPECT_NE(in_first[0].ifindex, in_second[0].ifindex);
}

TEST_P(AllNetns, namespace_that_is_made_later_is_seen) {
    ToldCapture capture(everywhere());
    const Place later;
    later.in("xt-later");
    const auto found = capture.take_marked("xt-later", 2);
    ASSERT_EQ(found.size(), 2U); // once as it is sent, once as it is received
    EXPECT_STREQ(found[0].netns->device, "xtout");
    later.expect_is_here(received(found).at(0));
}

// Of one EtherType, some kernels have hooks of another kind.
TEST_P(AllNetns, socket_of_one_ethertype_gets_that) {
    auto options = everywhere();
    options.protocol = ethertype;
    ToldCapture capture(options);
    const Place place;
    place.in("xt-other", 0x88b6);
    place.in("xt-type");
    const auto found = capture.take_marked("xt-", 1);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(contains(found[0].data, "xt-type"));
    place.expect_is_here(found[0]);
}

TEST_P(AllNetns, others_see_only_their_own) {
    const Place place;
    const Place other;
    ToldCapture capture(everywhere());
    ToldCapture::Options options{.lanes = GetParam()};
    auto near = place.netns().run([&] { return std::make_unique<ToldCapture>(options); });
    auto far = other.netns().run([&] { return std::make_unique<ToldCapture>(options); });
    place.in("xt-near");
    EXPECT_EQ(capture.take_marked("xt-near", 2).size(), 2U);
    const auto seen = near->take_marked("xt-near", 2);
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_FALSE(seen[0].netns);
    EXPECT_EQ(far->take_marked("xt-near", 0).size(), 0U);
}

TEST_P(AllNetns, filter_is_that_of_the_moment) {
    const Place place;
    ToldCapture capture(everywhere());
    sock_filter nothing{BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog program{1, &nothing};
    checked(::setsockopt(capture.socket().get(), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                         sizeof(program)),
            "SO_ATTACH_FILTER");
    place.in("xt-rejected");
    set_option(capture.socket(), SOL_SOCKET, SO_DETACH_FILTER, 0);
    place.in("xt-accepted");
    EXPECT_EQ(capture.take_marked("xt-accepted", 2).size(), 2U);
    EXPECT_EQ(capture.take_marked("xt-rejected", 0).size(), 0U);
}

TEST_P(AllNetns, outgoing_packets_can_be_left_out) {
    const Place place;
    ToldCapture capture(everywhere());
    set_option(capture.socket(), SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    const Place later;
    place.in("xt-in");
    later.in("xt-in");
    const auto found = capture.take_marked("xt-in", 2);
    EXPECT_EQ(found.size(), 2U);
    EXPECT_EQ(received(found).size(), found.size());
}

TEST_P(AllNetns, owner_is_looked_up_where_the_packet_is) {
    const Place place;
    auto options = everywhere();
    options.owner = true;
    ToldCapture capture(options);
    const Fd socket = place.netns().run([] { return udp_at("10.66.0.1", 4460); });
    for (const std::string mark : {"xt-owned", "xt-sent"}) {
        const Bytes payload = repeated(mark, 64);
        if (mark == "xt-owned")
            place.in(to_here.packet(udp(9, 4460, payload)));
        else
            send_to(socket.get(), payload, ipv4_address("10.66.0.2", 9));
        const auto found = capture.take_marked(mark, 2);
        // the one of the two at xtin
        const auto packet = std::ranges::find_if(found, [](const ToldPacket& seen) {
            return seen.netns && std::string(seen.netns->device) == "xtin";
        });
        ASSERT_NE(packet, found.end()) << mark;
        place.expect_is_here(*packet);
        ASSERT_TRUE(packet->owner);
        EXPECT_EQ(packet->owner->cookie, cookie_of(socket)) << mark;
        EXPECT_EQ(packet->owner->netns_cookie, packet->netns->cookie);
    }
}

TEST_P(AllNetns, dropped_packet_comes_with_the_namespace_of_the_drop) {
    auto options = everywhere();
    options.drops = XINET_DROPS_ONLY | XINET_DROPS_HOST;
    if (drops_are_refused())
        GTEST_SKIP() << "this kernel cannot copy what it drops";
    const Place place;
    ToldCapture capture(options);
    Bytes broken = udp(9, 4461, repeated("xt-broken", 64));
    broken.at(6) = 0x12; // the checksum: nothing answers
    place.in(to_here.packet(broken));
    const auto found = capture.take_marked("xt-broken");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].reason(), "UDP_CSUM");
    place.expect_is_here(found[0]);
    EXPECT_EQ(found[0].netns->cookie, found[0].dropped->netns_cookie);
}

// What the driver has not taken out of a frame is looked for at the place's own device.
TEST_F(AllNetnsOptions, vlan_tag_within_a_cooked_packet_is_told) {
    const Place place(NetNs::create(), 5);
    ToldCapture capture({.cooked = true, .all_netns = true});
    set_option(capture.socket(), SOL_PACKET, PACKET_AUXDATA, 1);
    const Fd reference = place.netns().run([] {
        Fd socket = open_socket(Side::sibling, Kind::cooked, 0);
        set_option(socket, SOL_PACKET, PACKET_AUXDATA, 1);
        bind_to(socket, link_address(ETH_P_ALL, link::index("xtout")));
        return socket;
    });
    Bytes tagged{0x20, 0x07, 0x88, 0xb5}; // priority 1, VLAN 7
    std::ranges::copy(repeated("xt-tagged", 64), std::back_inserter(tagged));
    place.netns().run([&] {
        const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
        send_to(sender.get(), ethernet(link::mac("xtin"), ETH_P_8021Q, tagged),
                link_address(0, link::index("xtout")));
    });
    const auto aux_of = [](const Fd& socket) {
        for (;;) {
            const Message message = receive_marked(socket.get(), "xt-tagged");
            if (message.from_as<sockaddr_ll>().sll_pkttype != PACKET_OUTGOING)
                continue;
            for (const auto& control : message.controls)
                if (control.level == SOL_PACKET && control.type == PACKET_AUXDATA)
                    return control.value_as<tpacket_auxdata>();
        }
    };
    const tpacket_auxdata wanted = aux_of(reference);
    const tpacket_auxdata found = aux_of(capture.socket());
    EXPECT_EQ(wanted.tp_vlan_tci, 0x2007);
    EXPECT_EQ(found.tp_vlan_tci, wanted.tp_vlan_tci);
    EXPECT_EQ(found.tp_vlan_tpid, wanted.tp_vlan_tpid);
    EXPECT_EQ(found.tp_status, wanted.tp_status);
}

// Names are reused, inode numbers as well; cookies never.
TEST_P(AllNetns, two_hundred_namespaces_that_come_and_go_are_told_apart) {
    auto options = everywhere();
    options.protocol = ethertype;
    ToldCapture capture(options);
    std::vector<uint64_t> cookies;
    size_t seen = 0;
    for (int i = 0; i < 200; i++) {
        const NetNs netns = NetNs::create();
        cookies.push_back(netns.cookie());
        netns.run([&] {
            link::set_up(1, true);
            const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
            send_to(sender.get(),
                    ethernet(Mac{}, ethertype, repeated("xt-ns" + std::to_string(i) + "-", 64)),
                    link_address(0, 1));
        });
        const auto found = capture.take();
        for (const ToldPacket& packet : found) {
            ASSERT_LT(seen, cookies.size());
            ASSERT_TRUE(packet.netns);
            EXPECT_EQ(packet.netns->cookie, cookies.at(seen));
            EXPECT_STREQ(packet.netns->device, "lo");
            EXPECT_TRUE(contains(packet.data, "xt-ns" + std::to_string(seen) + "-"));
            seen++;
        }
    }
    for (const ToldPacket& packet : capture.take_marked("xt-ns", 200 - seen)) {
        EXPECT_EQ(packet.netns->cookie, cookies.at(seen));
        seen++;
    }
    EXPECT_EQ(seen, 200U);
}

// The end of a wire goes with the namespace that has the other.
TEST_P(AllNetns, namespace_ends_as_without_the_capture) {
    const NetNs here = NetNs::create();
    here.run([] {
        ToldCapture capture(everywhere());
        {
            const NetNs there = NetNs::create();
            ip("link add xthere type veth peer name xtthere");
            link::move(link::index("xtthere"), there.get());
            there.run([] {
                link::set_up(1, true);
                const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
                send_to(sender.get(), ethernet(Mac{}, ethertype, repeated("xt-ends", 64)),
                        link_address(0, 1));
            });
            EXPECT_EQ(capture.take_marked("xt-ends", 2).size(), 2U);
        }
        const auto end = std::chrono::steady_clock::now() + deadline;
        const auto exists = [] { return ::if_nametoindex("xthere") != 0; };
        while (exists() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_FALSE(exists()) << "the namespace is held";
    });
}

// Namespaces and sockets come and go at the same time.
TEST_F(AllNetnsOptions, namespaces_against_sockets) {
    std::atomic<bool> over = false;
    const auto namespaces = [&] {
        while (!over) {
            const NetNs netns = NetNs::create();
            netns.run([] {
                link::set_up(1, true);
                const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
                for (int i = 0; i < 8; i++)
                    send_to(sender.get(), ethernet(Mac{}, ethertype, repeated("xt-race", 64)),
                            link_address(0, 1));
            });
        }
    };
    const auto sockets = [&](bool lanes) {
        for (int i = 0; !over; i++) {
            ToldCapture capture({.lanes = lanes,
                                 .owner = i % 3 == 0,
                                 .all_netns = true,
                                 .protocol = i % 4 == 0 ? ethertype : uint16_t{ETH_P_ALL},
                                 .lane_size = smallest_lane});
            set_option(capture.socket(), SOL_PACKET, PACKET_IGNORE_OUTGOING, i % 2);
            for (const ToldPacket& packet : capture.take())
                EXPECT_TRUE(packet.netns);
        }
    };
    std::vector<std::thread> threads;
    threads.emplace_back(namespaces);
    threads.emplace_back(namespaces);
    threads.emplace_back(sockets, false);
    threads.emplace_back(sockets, !lanes_are_refused);
    std::this_thread::sleep_for(std::chrono::seconds(3));
    over = true;
    for (auto& thread : threads)
        thread.join();
}

// More of the option: told_options_test.cpp.
TEST_F(AllNetnsOptions, device_cannot_be_named) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    EXPECT_EQ(errno_of_all_netns(socket, 1), 0);
    const sockaddr_ll one = link_address(ETH_P_ALL, 1);
    EXPECT_LT(sys::bind(socket.get(), &one, sizeof(one)), 0);
    EXPECT_EQ(errno, EINVAL);
}

// Root of a user namespace has every capability in its own network namespace, and none outside.
TEST_F(AllNetnsOptions, capability_is_that_of_the_host) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    EXPECT_EQ(as_nobody([&] { return errno_of_all_netns(socket, 1); }), EPERM);
    const int error = as_root_of_own_namespaces([&] { return errno_of_all_netns(socket, 1); });
    EXPECT_TRUE(error == EPERM || error == 254) << error; // 254: no user namespaces
    EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_ALL_NETNS), 0);
}

// A container without a user namespace: all of the host's capabilities but that to leave its
// network namespace.
TEST_F(AllNetnsOptions, capability_of_who_is_confined_to_another_namespace_is_not_enough) {
    const NetNs other = NetNs::create();
    const auto in_other = [&](uint64_t without) {
        return other.run([&] {
            const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
            drop_capabilities(without);
            return errno_of_all_netns(socket, 1);
        });
    };
    EXPECT_EQ(in_other(0), 0);
    EXPECT_EQ(in_other(1U << CAP_SYS_ADMIN), EPERM);
    EXPECT_EQ(in_other(1U << CAP_NET_ADMIN), EPERM);
    EXPECT_EQ(in_other(1U << CAP_NET_RAW), EPERM);
}

// Of a namespace that ip(8) has named, made while the capture runs.
TEST_F(AllNetnsOptions, capture_names_namespace_and_device) {
    for (const bool json : {false, true}) {
        const std::string name = json ? "xt-json" : "xt-text";
        std::vector<std::string> words{
            in_tree("tools/build/xinet"), "capture", "--netns", "all", "-c", "1", "-Q", "in",
            "ether proto 0x88b5"};
        if (json)
            words.emplace(words.end() - 1, "--json");
        Program capture(words);
        EXPECT_NE(capture.error_line().find("listening on any in all network namespaces"),
                  std::string::npos);
        ip("netns add " + name);
        {
            const Place place(NetNs::named(name));
            place.in("xt-named");
            const auto text = capture.output();
            EXPECT_EQ(capture.wait(), 0);
            const auto wanted =
                json ? "\"netns\":" + std::to_string(place.netns().inode()) +
                           ",\"netns_cookie\":" + std::to_string(place.netns().cookie()) +
                           ",\"netns_name\":\"" + name + "\""
                     : " " + name + "/xtin In ";
            EXPECT_NE(text.find(wanted), std::string::npos) << text;
            if (json) {
                EXPECT_NE(text.find("\"interface\":\"xtin\""), std::string::npos) << text;
            }
        }
        ip("netns del " + name);
    }
}

[[noreturn]] void send_from_peer_to(uint16_t port) {
    checked(::setns(NetNs::named("peer").get(), CLONE_NEWNET), "setns");
    const Fd socket = udp_at("0.0.0.0", 0);
    connect_to(socket, ipv4_address("10.77.0.1", port));
    for (;; ::usleep(100'000))
        (void)!::send(socket.get(), "x", 1, 0);
}

TEST_F(AllNetnsOptions, capture_names_the_process_of_another_namespace) {
    Program capture({in_tree("tools/build/xinet"), "capture", "--netns", "all", "--owner", "--json",
                     "-Q", "out", "udp and dst port 4478"});
    EXPECT_NE(capture.error_line().find("listening on any"), std::string::npos);
    const Forked sender([] { send_from_peer_to(4478); });
    std::string comm;
    std::getline(std::ifstream("/proc/self/comm"), comm);
    const std::string wanted = ",\"comm\":\"" + comm + "\",";
    // the process is looked up while packets come
    std::string text;
    for (int i = 0; i < 200 && text.find(wanted) == std::string::npos; i++)
        text = capture.output_line();
    EXPECT_NE(text.find(wanted), std::string::npos) << text;
    EXPECT_NE(text.find("\"netns_name\":\"peer\""), std::string::npos) << text;
    capture.signal(SIGINT);
    EXPECT_EQ(capture.wait(), 0);
}

TEST_F(AllNetnsOptions, capture_enters_one_namespace) {
    ip("netns add xt-one");
    {
        const Place place(NetNs::named("xt-one"));
        Program capture({in_tree("tools/build/xinet"), "capture", "--netns", "xt-one", "-i", "xtin",
                         "-c", "1", "-e", "ether proto 0x88b5"});
        EXPECT_NE(capture.error_line().find("listening on xtin"), std::string::npos);
        place.in("xt-one");
        EXPECT_EQ(capture.wait(), 0);
    }
    ip("netns del xt-one");
    Program none({in_tree("tools/build/xinet"), "capture", "--netns", "xt-none", "-c", "1"});
    EXPECT_NE(none.error_line().find("xt-none"), std::string::npos);
    EXPECT_EQ(none.wait(), 2);
    Program both({in_tree("tools/build/xinet"), "capture", "--netns", "all", "-i", "lo"});
    EXPECT_EQ(both.wait(), 2);
}

INSTANTIATE_TEST_SUITE_P(Receivers, AllNetns, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
