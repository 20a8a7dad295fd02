// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_RAW_POINT: where a raw socket listens. At XINET_RAW_POINT_HOST it receives what PF_INET's
// raw sockets do, behind reassembly and the firewall; at XINET_RAW_POINT_WIRE what comes in.
//
//   xtout, where frames are injected  <------------>  xtin, which receives them
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/xinet.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "support/inet.h"
#include "support/outcome.h"
#include "support/raw_point.h"
#include "support/sys.h"
#include "support/wire.h"

namespace xt {
namespace {

using Marks = std::vector<std::string>;

template<typename F>
void in_own_netns(F function) {
    NetNs::create().run(function);
}

// A wire whose inner end is 10.77.0.1.
class Link : public Wire {
public:
    Link() { ip("addr add 10.77.0.1/24 dev xtin"); }
    void packet(const char* mark, Ipv4 header = {}) const {
        in(ethernet(to_, ETH_P_IP, header.packet(repeated(mark, 64))));
    }
    void pieces(const char* mark, uint16_t id, int protocol = experimental_protocol) const {
        for (const auto& piece :
             fragments({.protocol = uint8_t(protocol), .id = id}, repeated(mark, 1000), 400))
            in(ethernet(to_, ETH_P_IP, piece));
    }
    void icmp_message(const Bytes& bytes) const {
        in(ethernet(to_, ETH_P_IP, Ipv4{.protocol = IPPROTO_ICMP}.packet(bytes)));
    }

private:
    Mac to_ = link::mac("xtin");
};

class RawPoint : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "an extension has no sibling";
    }
};

int set_point(const Fd& socket, int value, socklen_t length = sizeof(int)) {
    return outcome_of([&] {
               return sys::setsockopt(socket.get(), SOL_XINET, XINET_RAW_POINT, &value, length);
           })
        .error;
}

TEST_F(RawPoint, value_is_checked) {
    const Fd socket = open_raw(Side::xinet, experimental_protocol);
    EXPECT_EQ(get_option(socket, SOL_XINET, XINET_RAW_POINT), XINET_RAW_POINT_WIRE);
    for (const int value : {-1, 2, 3, 256, INT32_MAX, INT32_MIN})
        EXPECT_EQ(set_point(socket, value), EINVAL) << value;
    for (const socklen_t length : {0, 1, 3})
        EXPECT_EQ(set_point(socket, XINET_RAW_POINT_HOST, length), EINVAL) << length;
    EXPECT_EQ(sys::setsockopt(socket.get(), SOL_XINET, XINET_RAW_POINT, nullptr, 4), -1);
    EXPECT_EQ(errno, EFAULT);
    EXPECT_EQ(get_option(socket, SOL_XINET, XINET_RAW_POINT), XINET_RAW_POINT_WIRE);
}

TEST_F(RawPoint, is_read_back) {
    const Fd socket = open_raw(Side::xinet, experimental_protocol);
    for (const int point : {XINET_RAW_POINT_HOST, XINET_RAW_POINT_HOST, XINET_RAW_POINT_WIRE,
                            XINET_RAW_POINT_WIRE, XINET_RAW_POINT_HOST}) {
        EXPECT_EQ(set_point(socket, point), 0);
        EXPECT_EQ(get_option(socket, SOL_XINET, XINET_RAW_POINT), point);
    }
    int value = 0;
    socklen_t length = sizeof(value);
    EXPECT_EQ(sys::getsockopt(socket.get(), SOL_XINET, XINET_RAW_POINT, nullptr, &length), -1);
    EXPECT_EQ(errno, EFAULT);
    length = socklen_t(-1);
    EXPECT_EQ(sys::getsockopt(socket.get(), SOL_XINET, XINET_RAW_POINT, &value, &length), -1);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(RawPoint, is_for_raw_sockets_alone) {
    const Fd packet = open_socket(Side::xinet, Kind::packet, ETH_P_IP);
    EXPECT_NE(set_point(packet, XINET_RAW_POINT_HOST), 0);
    for (const auto transport : {Transport::stream, Transport::datagram}) {
        const Fd socket = open_socket(Side::xinet, transport);
        EXPECT_NE(set_point(socket, XINET_RAW_POINT_HOST), 0) << to_string(transport);
    }
    const Fd sibling = open_raw(Side::sibling, experimental_protocol);
    EXPECT_NE(set_point(sibling, XINET_RAW_POINT_HOST), 0);
}

// What sends only receives nothing at either.
TEST_F(RawPoint, raw_protocol_may_choose_and_receives_nothing) {
    in_own_netns([] {
        const Link wire;
        const Fd socket = open_raw_at(XINET_RAW_POINT_HOST, IPPROTO_RAW);
        EXPECT_EQ(get_option(socket, SOL_XINET, XINET_RAW_POINT), XINET_RAW_POINT_HOST);
        wire.packet("xt-raw--", {.protocol = IPPROTO_RAW});
        wire.fence();
        EXPECT_EQ(marks_of(socket), Marks{});
    });
}

TEST(RawPointHost, receives_what_comes_for_the_host) {
    in_own_netns([] {
        const Link wire;
        Ears ears(experimental_protocol);
        wire.packet("xt-plain");
        wire.packet("xt-opts-", {.options = {7, 7, 4, 0, 0, 0, 0, 1}});
        wire.packet("xt-other", {.to = "10.77.0.9"});
        wire.in(ethernet(nobodys_mac, ETH_P_IP, Ipv4{}.packet(repeated("xt-nobod", 64))));
        wire.in(ethernet(broadcast_mac, ETH_P_IP,
                         Ipv4{.to = wire_broadcast}.packet(repeated("xt-bcast", 64))));
        wire.in(ethernet(multicast_mac, ETH_P_IP,
                         Ipv4{.to = group_address}.packet(repeated("xt-mcast", 64))));
        wire.packet("xt-marti", {.from = "127.0.0.1"});
        wire.packet("xt-after");
        wire.fence();
        ears.expect_equal({"xt-plain", "xt-opts-", "xt-bcast", "xt-after"});
    });
}

TEST(RawPointHost, receives_what_loops_back) {
    in_own_netns([] {
        const OnOneCpu one_cpu;
        link::set_up(link::index("lo"), true);
        Ears ears(experimental_protocol);
        for (const Fd* socket : ears.all())
            checked(send_to(socket->get(), repeated("xt-loop-", 64), ipv4_address("127.0.0.1")),
                    "send");
        for (int i = 0; i < 3; i++)
            ears.await("xt-loop-");
        EXPECT_EQ(marks_of(ears.wire), (Marks{"xt-loop-", "xt-loop-", "xt-loop-"}));
        ears.expect_equal({"xt-loop-"});
    });
}

TEST(RawPointHost, receives_a_datagram_in_fragments_whole_and_once) {
    in_own_netns([] {
        const Link wire;
        Ears ears(experimental_protocol);
        wire.pieces("xt-first", 1);
        wire.pieces("xt-secnd", 2);
        // one that is incomplete
        wire.in(ethernet(link::mac("xtin"), ETH_P_IP,
                         fragments({.id = 3}, repeated("xt-part-", 1000), 400).front()));
        wire.fence();
        const Marks both{"xt-first", "xt-secnd"};
        EXPECT_EQ(marks_of(ears.wire), both);
        EXPECT_EQ(receive(ears.host.get(), any_size, MSG_PEEK).data.size(), 20U + 1000);
        ears.expect_equal(both);
    });
}

TEST(RawPointHost, receives_from_a_vlan_and_a_vrf) {
    in_own_netns([] {
        const Wire wire({"link add xtvrf type vrf table 77", "link set xtvrf up",
                         "link set xtin master xtvrf"});
        ip("addr add 10.77.0.1/24 dev xtin", "link add link xtin name xtin.5 type vlan id 5",
           "addr add 10.78.0.1/24 dev xtin.5", "link set xtin.5 up");
        const Mac to = link::mac("xtin");
        for (const char* accept : {"1", "0"}) {
            SCOPED_TRACE(std::string("raw_l3mdev_accept ") + accept);
            set_sysctl("raw_l3mdev_accept", accept);
            Ears ears(experimental_protocol);
            wire.in(ethernet(to, ETH_P_IP, Ipv4{}.packet(repeated("xt-vrf--", 64))));
            wire.in(vlan_ethernet(
                to, 5, ETH_P_IP,
                Ipv4{.from = "10.78.0.2", .to = "10.78.0.1"}.packet(repeated("xt-vlan-", 64))));
            wire.fence();
            ears.expect_equal(*accept == '1' ? Marks{"xt-vrf--", "xt-vlan-"} : Marks{"xt-vlan-"});
        }
    });
}

// A packet that the firewall drops, at the three places where it can.
TEST(RawPointHost, receives_nothing_that_the_firewall_drops) {
    in_own_netns([] {
        const Link wire;
        nft("table ip xtfw {"
            " chain xpre { type filter hook prerouting priority -300; ip dscp cs1 drop; };"
            " chain xin { type filter hook input priority 0; ip dscp cs2 drop; };"
            " chain xlast { type filter hook input priority 300; ip dscp cs3 drop; }; }");
        Ears ears(experimental_protocol);
        wire.packet("xt-prero", {.tos = 0x20});
        wire.packet("xt-input", {.tos = 0x40});
        wire.packet("xt-late-", {.tos = 0x60});
        wire.packet("xt-pass-", {.tos = 0x80});
        wire.fence();
        if (!self_check()) {
            EXPECT_EQ(marks_of(ears.wire), (Marks{"xt-prero", "xt-input", "xt-late-", "xt-pass-"}));
            EXPECT_EQ(marks_of(ears.host), Marks{"xt-pass-"});
            EXPECT_EQ(marks_of(ears.sibling), Marks{"xt-pass-"});
        }
        wire.packet("xt-agai-", {.tos = 0x40});
        wire.packet("xt-again", {.tos = 0x80});
        wire.fence();
        ears.expect_equal({"xt-again"});
    });
}

// What the firewall writes into a packet is what the host gets.
TEST(RawPointHost, receives_what_the_firewall_has_written) {
    in_own_netns([] {
        const Link wire;
        nft("table ip xtfw { chain xpre { type filter hook prerouting priority -150;"
            " ip dscp cs1 ip dscp set cs5; }; chain xin { type filter hook input priority 0;"
            " ip dscp cs2 ip ttl set 9; }; }");
        Ears ears(experimental_protocol);
        wire.packet("xt-dscp-", {.tos = 0x20});
        wire.packet("xt-ttl--", {.tos = 0x40});
        wire.packet("xt-plain");
        wire.fence();
        EXPECT_EQ(receive(ears.host.get(), any_size, MSG_PEEK).data[1], 0xa0);
        ears.expect_equal({"xt-dscp-", "xt-ttl--", "xt-plain"});
    });
}

// No "protocol unreachable" while somebody listens, and the real thing once nobody does.
TEST(RawPointHost, keeps_the_kernel_from_answering) {
    in_own_netns([] {
        const Link wire;
        set_sysctl("icmp_ratelimit", "0");
        const Fd answers = open_socket(Side::sibling, Kind::packet, ETH_P_IP);
        bind_to(answers, link_address(ETH_P_IP, link::index("xtout")));
        ip("neigh replace 10.77.0.2 lladdr 02:78:69:6e:65:74 dev xtin nud permanent");
        Fd listener = open_raw_at(XINET_RAW_POINT_HOST, experimental_protocol);
        wire.packet("xt-heard");
        wire.fence();
        EXPECT_EQ(marks_of(listener), Marks{"xt-heard"});
        EXPECT_EQ(marks_of(answers), Marks{});
        listener.close();
        await_deliveries();
        wire.packet("xt-alone");
        wire.fence();
        receive_marked(answers.get(), "xt-alone");
    });
}

TEST(RawPointHost, socket_filters_choose_and_trim) {
    in_own_netns([] {
        const Link wire;
        Ears ears(experimental_protocol);
        // 30 bytes of what has TOS 0x20, nothing of anything else
        sock_filter code[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 1},
                              {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x20},
                              {BPF_RET | BPF_K, 0, 0, 30},
                              {BPF_RET | BPF_K, 0, 0, 0}};
        const sock_fprog program{4, code};
        for (const Fd* socket : ears.all())
            checked(sys::setsockopt(socket->get(), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                                    sizeof(program)),
                    "SO_ATTACH_FILTER");
        wire.packet("xt-unwan");
        wire.packet("xt-wante", {.tos = 0x20});
        wire.fence();
        const auto message = receive_now(ears.wire.get());
        ASSERT_TRUE(message);
        EXPECT_EQ(message->data.size(), 30U);
        EXPECT_FALSE(receive_now(ears.wire.get()));
        ears.expect_equal({"xt-wante"});
    });
}

TEST(RawPointHost, icmp_filter_chooses) {
    in_own_netns([] {
        const Link wire;
        Ears ears(IPPROTO_ICMP);
        const icmp_filter no_stamps{.data = 1U << ICMP_TIMESTAMPREPLY};
        for (const Fd* socket : ears.all())
            checked(sys::setsockopt(socket->get(), SOL_RAW, ICMP_FILTER, &no_stamps, 4), "filter");
        wire.icmp_message(icmp(ICMP_TIMESTAMPREPLY, 0, 1, 1, repeated("xt-stamp", 64)));
        wire.icmp_message(icmp(ICMP_ECHOREPLY, 0, 1, 1, repeated("xt-reply", 64)));
        wire.icmp_message(icmp(42, 0, 1, 1, repeated("xt-later", 64)));
        wire.fence();
        EXPECT_EQ(marks_of(ears.wire), (Marks{"xt-reply", "xt-later"}));
        ears.expect_equal({"xt-reply", "xt-later"});
    });
}

TEST(RawPointHost, addresses_and_device_choose) {
    in_own_netns([] {
        const Link wire;
        ip("addr add 10.77.0.3/24 dev xtin", "link set lo up");
        std::vector<Pair> pairs;
        const auto add = [&](const char* name, auto prepare, Marks expected) {
            Pair pair{name, open_raw(Side::sibling, experimental_protocol),
                      open_raw_at(XINET_RAW_POINT_HOST, experimental_protocol),
                      std::move(expected)};
            prepare(pair.sibling);
            prepare(pair.xinet);
            pairs.push_back(std::move(pair));
        };
        const auto to_device = [](const Fd& socket, const char* name) {
            checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, name, 4), "device");
        };
        add("bound", [](const Fd& s) { bind_to(s, ipv4_address("10.77.0.3")); }, {"xt-third"});
        add("bound elsewhere", [](const Fd& s) { bind_to(s, ipv4_address("127.0.0.1")); }, {});
        add("connected", [](const Fd& s) { connect_to(s, ipv4_address("10.77.0.7")); },
            {"xt-seven"});
        add("of xtin", [&](const Fd& s) { to_device(s, "xtin"); }, {"xt-third", "xt-seven"});
        add("of lo", [&](const Fd& s) { to_device(s, "lo"); }, {});
        wire.packet("xt-plain");
        wire.packet("xt-third", {.to = "10.77.0.3"});
        wire.packet("xt-seven", {.from = "10.77.0.7"});
        wire.fence();
        expect_equal_captures(pairs);
    });
}

TEST_F(RawPoint, icmp_identifier_works_at_both) {
    in_own_netns([] {
        const Link wire;
        nft("table ip xtfw { chain xin { type filter hook input priority 0; ip dscp cs1 drop; }; "
            "}");
        for (const bool point_first : {true, false}) {
            SCOPED_TRACE(point_first ? "the point first" : "the identifier first");
            const auto open = [&](int point) {
                Fd socket = open_raw(Side::xinet, IPPROTO_ICMP);
                if (point_first)
                    set_option(socket, SOL_XINET, XINET_RAW_POINT, point);
                set_option(socket, SOL_XINET, XINET_RAW_ICMP_ID, 7);
                if (!point_first)
                    set_option(socket, SOL_XINET, XINET_RAW_POINT, point);
                EXPECT_EQ(get_option(socket, SOL_XINET, XINET_RAW_POINT), point);
                EXPECT_EQ(get_option(socket, SOL_XINET, XINET_RAW_ICMP_ID), 7);
                return socket;
            };
            const Fd at_host = open(XINET_RAW_POINT_HOST), at_wire = open(XINET_RAW_POINT_WIRE);
            const auto reply = [&](uint16_t id, const char* mark, uint8_t tos = 0) {
                wire.in(ethernet(link::mac("xtin"), ETH_P_IP,
                                 Ipv4{.protocol = IPPROTO_ICMP, .tos = tos}.packet(
                                     icmp(ICMP_ECHOREPLY, 0, id, 1, repeated(mark, 64)))));
            };
            const auto error = [&](uint16_t id, const char* mark) {
                const Ipv4 request{
                    .from = here_address, .to = peer_address, .protocol = IPPROTO_ICMP};
                wire.icmp_message(icmp(ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, 0,
                                       request.packet(echo_request(mark, id))));
            };
            reply(7, "xt-mine-");
            reply(8, "xt-other");
            reply(7, "xt-dropd", 0x20);
            error(7, "xt-error");
            error(8, "xt-notme");
            wire.fence();
            EXPECT_EQ(marks_of(at_host), (Marks{"xt-mine-", "xt-error"}));
            EXPECT_EQ(marks_of(at_wire), (Marks{"xt-mine-", "xt-dropd", "xt-error"}));
        }
    });
}

// Each packet after the call comes from the new place, once.
TEST_F(RawPoint, change_holds_from_the_next_packet_on) {
    in_own_netns([] {
        const Link wire;
        nft("table ip xtfw { chain xin { type filter hook input priority 0; ip dscp cs1 drop; }; "
            "}");
        const Fd socket = open_raw(Side::xinet, experimental_protocol);
        const auto at = [&](int point) {
            set_option(socket, SOL_XINET, XINET_RAW_POINT, point);
            wire.packet("xt-pass-");
            wire.packet("xt-drop-", {.tos = 0x20});
            wire.pieces("xt-piece", 1);
            wire.fence();
            return marks_of(socket);
        };
        const Marks on_wire{"xt-pass-", "xt-drop-", "xt-piece"}, at_host{"xt-pass-", "xt-piece"};
        for (int round = 0; round < 3; round++) {
            EXPECT_EQ(at(XINET_RAW_POINT_WIRE), on_wire);
            EXPECT_EQ(at(XINET_RAW_POINT_HOST), at_host);
        }
        EXPECT_EQ(at(XINET_RAW_POINT_HOST), at_host);
    });
}

TEST_F(RawPoint, change_keeps_what_has_been_received) {
    in_own_netns([] {
        const Link wire;
        const Fd socket = open_raw(Side::xinet, experimental_protocol);
        wire.packet("xt-frst-");
        wire.fence();
        set_option(socket, SOL_XINET, XINET_RAW_POINT, XINET_RAW_POINT_HOST);
        wire.packet("xt-secnd");
        wire.fence();
        EXPECT_EQ(marks_of(socket), (Marks{"xt-frst-", "xt-secnd"}));
    });
}

// What a sender lends (MSG_ZEROCOPY) is copied for the receivers on loopback, and given back while
// they keep it. No socket listens to the wire, which would have it copied before.
TEST_F(RawPoint, segments_of_a_zero_copy_sender_are_received_as_over_pf_inet) {
    create_loopback_namespace().run([] {
        const Connection tcp = connect_streams(Side::sibling, Side::sibling);
        set_option(tcp.client, SOL_SOCKET, SO_ZEROCOPY, 1);
        Ears ears(IPPROTO_TCP);
        ears.wire.close();
        const Marks marks{"xt-zero1", "xt-zero2", "xt-zero3"};
        for (const auto& mark : marks) {
            Bytes lent = repeated(mark, 20'000);
            ASSERT_EQ(::send(tcp.client.get(), lent.data(), lent.size(), MSG_ZEROCOPY),
                      ssize_t(lent.size()));
            Bytes received(lent.size());
            ASSERT_EQ(::recv(tcp.server.get(), received.data(), received.size(), MSG_WAITALL),
                      ssize_t(lent.size()));
            EXPECT_EQ(received, lent);
            ASSERT_TRUE(wait_for(tcp.client.get(), POLLERR)) << "it was not given back";
            receive(tcp.client.get(), 0, MSG_ERRQUEUE);
            std::fill(lent.begin(), lent.end(), 0);
        }
        ears.await(marks.back());
        ears.expect_equal(marks);
    });
}

// Several threads change the points of sockets, and close and open some, under traffic.
TEST_F(RawPoint, changes_under_traffic_are_safe) {
    in_own_netns([] {
        const Link wire;
        const Fd shared = open_raw(Side::xinet, experimental_protocol);
        std::atomic<bool> stop = false;
        const auto change = [&] {
            for (int i = 0; !stop; i++) {
                set_option(shared, SOL_XINET, XINET_RAW_POINT, i % 2);
                const Fd own = open_raw_at(i % 2, experimental_protocol);
                set_option(own, SOL_XINET, XINET_RAW_POINT, 1 - i % 2);
                receive_now(own.get());
            }
        };
        std::thread first(change), second(change);
        for (int i = 0; i < 200; i++) {
            wire.packet("xt-race-");
            wire.pieces("xt-piece", uint16_t(i));
            marks_of(shared);
        }
        stop = true;
        first.join();
        second.join();
        marks_of(shared);
        wire.packet("xt-after");
        wire.fence();
        EXPECT_EQ(marks_of(shared), Marks{"xt-after"});
    });
}

// Behind the firewall nobody else's namespace is heard.
TEST_F(RawPoint, namespaces_have_their_own) {
    in_own_netns([] {
        const Fd outside = open_raw_at(XINET_RAW_POINT_HOST, experimental_protocol);
        link::set_up(link::index("lo"), true);
        in_own_netns([] {
            const Link wire;
            const Fd inside = open_raw_at(XINET_RAW_POINT_HOST, experimental_protocol);
            wire.packet("xt-insid");
            wire.fence();
            EXPECT_EQ(marks_of(inside), Marks{"xt-insid"});
        });
        EXPECT_EQ(marks_of(outside), Marks{});
        send_to(outside.get(), repeated("xt-outsd", 64), ipv4_address("127.0.0.1"));
        EXPECT_TRUE(contains(receive(outside.get()).data, "xt-outsd"));
    });
}

} // namespace
} // namespace xt
