// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_OWNER: every packet that has an owner is said to be its, and no other.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/cgroup.h"
#include "support/compare.h"
#include "support/diag.h"
#include "support/inet.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/program.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"
#include "support/wire.h"

namespace xt {
namespace {

struct Seen {
    xinet_owner owner;
    Bytes data; // from the link-level header on
    uint8_t pkttype;

    [[nodiscard]] bool outgoing() const { return pkttype == PACKET_OUTGOING; }
};

long set_owner(const Fd& socket, int value) {
    return sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_OWNER, &value, sizeof(value));
}

long set_filter(const Fd& socket, const xinet_owner_filter& filter) {
    return sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_OWNER_FILTER, &filter,
                           sizeof(filter));
}

// A filter that matches one thing, XINET_OWNER_MATCH_*.
xinet_owner_filter matching(uint32_t match, uint64_t value) {
    xinet_owner_filter filter{};
    filter.match = match;
    filter.cookie = match == XINET_OWNER_MATCH_COOKIE ? value : 0;
    filter.netns_cookie = match == XINET_OWNER_MATCH_NETNS ? value : 0;
    filter.cgroup = match == XINET_OWNER_MATCH_CGROUP ? value : 0;
    filter.uid = match == XINET_OWNER_MATCH_UID ? uint32_t(value) : 0;
    return filter;
}

uint64_t inode_of(const char* path) {
    struct stat status {};
    checked(::stat(path, &status), path);
    return status.st_ino;
}

// All packets of a device, each with its owner, from the receive queue or from lanes.
class Capture {
public:
    explicit Capture(const std::string& device, bool lanes = false,
                     const xinet_owner_filter& filter = {})
        : socket_(open_socket(Side::xinet, Kind::packet, 0)) {
        checked(set_owner(socket_, 1), "XINET_PACKET_OWNER");
        checked(set_filter(socket_, filter), "XINET_PACKET_OWNER_FILTER");
        if (lanes) {
            checked(set_lanes(socket_.get(), lanes_request(1U << 20)), "XINET_RX_RING");
            reader_.emplace(socket_.get());
        }
        bind_to(socket_, link_address(ETH_P_ALL, link::index(device)));
    }

    // What has come since the last call.
    std::vector<Seen> take() {
        std::vector<Seen> all;
        if (reader_) {
            checked(command_lanes(socket_.get(), XINET_RX_RING_FLUSH, 1), "XINET_RX_RING_FLUSH");
            for (const auto& packet : reader_->take())
                all.push_back({owner_of(packet), packet.data, packet.record.pkttype});
        } else {
            while (const auto message = receive_now(socket_.get()))
                all.push_back({owner_of(*message), message->data,
                               message->from_as<sockaddr_ll>().sll_pkttype});
        }
        return all;
    }

    // Those that carry `mark`; waits for the first.
    std::vector<Seen> take_marked(std::string_view mark, size_t count = 1) {
        std::vector<Seen> found;
        const auto end = std::chrono::steady_clock::now() + deadline;
        while (found.size() < count && std::chrono::steady_clock::now() < end)
            for (const Seen& seen : take())
                if (contains(seen.data, mark))
                    found.push_back(seen);
        EXPECT_GE(found.size(), count) << mark;
        return found;
    }

    [[nodiscard]] const Fd& socket() const { return socket_; }

private:
    static xinet_owner owner_of(const Message& message) {
        xinet_owner owner{};
        EXPECT_EQ(message.controls.size(), 1U);
        for (const auto& control : message.controls) {
            EXPECT_EQ(control.level, SOL_XINET);
            EXPECT_EQ(control.type, XINET_OWNER);
            EXPECT_EQ(control.value.size(), sizeof(owner));
            std::memcpy(&owner, control.value.data(), sizeof(owner));
        }
        return owner;
    }

    static xinet_owner owner_of(const LanePacket& packet) {
        xinet_owner owner{};
        EXPECT_EQ(packet.record.extensions, uint32_t{XINET_RX_OWNER});
        EXPECT_EQ(packet.extensions.size(), sizeof(owner));
        std::memcpy(&owner, packet.extensions.data(), sizeof(owner));
        return owner;
    }

    Fd socket_;
    std::optional<LaneReader> reader_;
};

// Two hosts on one link, each in a namespace, and one of them is where the capture is.
class Owner : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        here_.run([this] {
            link::add_veth("own0", 0, "own1", 0);
            link::move(link::index("own1"), far_.get());
            ip("link set lo up", "link set own0 up", "addr add 10.9.0.1/24 dev own0",
               "addr add fd09::1/64 dev own0 nodad");
        });
        far_.run([] {
            ip("link set lo up", "link set own1 up", "addr add 10.9.0.2/24 dev own1",
               "addr add fd09::2/64 dev own1 nodad");
        });
        // or there would be ICMP errors
        discard_ = far_.run([] { return udp_at("10.9.0.2", 9); });
        here_.run([] {
            // neighbours
            const Fd socket(checked(::socket(AF_INET, SOCK_DGRAM, 0), "socket"));
            send_to(socket.get(), Bytes(1), ipv4_address("10.9.0.2", 9));
        });
    }

    static void expect_owner(const xinet_owner& owner, const Fd& socket) {
        EXPECT_EQ(owner.cookie, cookie_of(socket));
        EXPECT_EQ(owner.netns_cookie, netns_cookie_of(socket));
        EXPECT_EQ(owner.flags & XINET_OWNER_SOCKET, uint32_t{XINET_OWNER_SOCKET});
        EXPECT_EQ(owner.flags & (XINET_OWNER_SEVERAL | XINET_OWNER_KERNEL), 0U);
    }

    static void expect_none(const xinet_owner& owner) {
        EXPECT_EQ(owner.flags, 0U);
        EXPECT_EQ(owner.cookie, 0U);
    }

    const NetNs here_ = NetNs::create();
    const NetNs far_ = NetNs::create();
    Fd discard_;
};

TEST_F(Owner, option_is_for_a_socket_that_receives_nothing_yet) {
    here_.run([] {
        const auto error_of = [](const Fd& socket, int value) {
            return set_owner(socket, value) < 0 ? errno : 0;
        };
        const Fd receives = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
        EXPECT_EQ(error_of(receives, 1), EBUSY);
        const Fd raw = open_raw(Side::xinet, experimental_protocol);
        EXPECT_EQ(error_of(raw, 1), ENOPROTOOPT);

        const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        const xinet_owner_filter nothing{};
        EXPECT_TRUE(set_filter(socket, nothing) < 0 && errno == ENOENT);
        EXPECT_EQ(error_of(socket, 2), EINVAL);
        EXPECT_EQ(error_of(socket, -1), EINVAL);
        EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_OWNER), 0);
        for (const int value : {1, 1, 0, 1}) {
            EXPECT_EQ(error_of(socket, value), 0);
            EXPECT_EQ(get_option(socket, SOL_XINET, XINET_PACKET_OWNER), value);
        }
        const char byte = 1;
        EXPECT_LT(sys::setsockopt(socket.get(), SOL_XINET, XINET_PACKET_OWNER, &byte, 1), 0);
        EXPECT_EQ(errno, EINVAL);

        xinet_owner_filter filter = matching(0x10, 0);
        EXPECT_TRUE(set_filter(socket, filter) < 0 && errno == EINVAL);
        filter = matching(XINET_OWNER_MATCH_UID, ~0U);
        EXPECT_TRUE(set_filter(socket, filter) < 0 && errno == EINVAL);
        filter = matching(XINET_OWNER_MATCH_CGROUP, ~0ULL);
        EXPECT_TRUE(set_filter(socket, filter) < 0 && errno == ENOENT);
        EXPECT_EQ(set_filter(socket, nothing), 0);

        EXPECT_LT(set_ring(socket.get(), TPACKET_V2, ring_request(1, 4096, 2048)), 0);
        EXPECT_EQ(errno, EINVAL); // see told_ring_test.cpp
        bind_to(socket, link_address(ETH_P_ALL, link::index("own0")));
        EXPECT_EQ(error_of(socket, 0), EBUSY);
        EXPECT_TRUE(set_filter(socket, nothing) < 0 && errno == EBUSY);
    });
}

TEST_F(Owner, sender_is_told_with_namespace_user_and_cgroup) {
    for (const bool lanes : {false, true}) {
        if (lanes && lanes_are_refused)
            continue;
        here_.run([&] {
            Capture capture("own0", lanes);
            const Fd sender = udp_at("10.9.0.1", 4000);
            checked(::fchown(sender.get(), 1234, 0), "fchown");
            send_to(sender.get(), repeated("xt-sent ", 64), ipv4_address("10.9.0.2", 9));
            const auto seen = capture.take_marked("xt-sent").at(0);
            EXPECT_TRUE(seen.outgoing());
            expect_owner(seen.owner, sender);
            EXPECT_EQ(seen.owner.netns, inode_of("/proc/thread-self/ns/net"));
            EXPECT_TRUE(seen.owner.flags & XINET_OWNER_CREDENTIALS);
            EXPECT_EQ(seen.owner.uid, 1234U);
            EXPECT_GT(seen.owner.cgroup, 0U);
        });
    }
}

TEST_F(Owner, every_kind_of_socket_that_sends_is_found) {
    here_.run([] {
        Capture capture("own0");
        const Fd raw = open_raw(Side::sibling, experimental_protocol);
        const Fd ours = open_raw(Side::xinet, experimental_protocol);
        const Fd packet = open_socket(Side::sibling, Kind::packet, 0);
        send_to(raw.get(), repeated("xt-raw ", 64), ipv4_address("10.9.0.2"));
        send_to(ours.get(), repeated("xt-ours ", 64), ipv4_address("10.9.0.2"));
        const auto target = link_address(experimental_ethertype, link::index("own0"));
        send_to(packet.get(),
                ethernet(nobodys_mac, experimental_ethertype, repeated("xt-pkt ", 64)), target);
        expect_owner(capture.take_marked("xt-raw").at(0).owner, raw);
        // the capture has taken them all
        send_to(ours.get(), repeated("xt-ours ", 64), ipv4_address("10.9.0.2"));
        expect_owner(capture.take_marked("xt-ours").at(0).owner, ours);
        send_to(packet.get(),
                ethernet(nobodys_mac, experimental_ethertype, repeated("xt-pkt ", 64)), target);
        expect_owner(capture.take_marked("xt-pkt").at(0).owner, packet);
    });
}

TEST_F(Owner, both_directions_of_a_connection_are_its_sockets) {
    for (const bool lanes : {false, true}) {
        if (lanes && lanes_are_refused)
            continue;
        const Fd listener = here_.run([] {
            Fd socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
            const int one = 1;
            checked(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "");
            bind_to(socket, ipv4_address("10.9.0.1", 4001));
            checked(::listen(socket.get(), 1), "listen");
            return socket;
        });
        std::optional<Capture> capture;
        here_.run([&] { capture.emplace("own0", lanes); });
        const Fd client = far_.run([] {
            Fd socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
            connect_to(socket, ipv4_address("10.9.0.1", 4001));
            return socket;
        });
        const Fd server = accept_from(listener);
        const auto handshake = capture->take();
        checked(::send(client.get(), "xt-question", 11, 0), "send");
        for (const Seen& seen : capture->take_marked("xt-question"))
            expect_owner(seen.owner, server);
        checked(::send(server.get(), "xt-answer", 9, 0), "send");
        for (const Seen& seen : capture->take_marked("xt-answer"))
            expect_owner(seen.owner, server);

        ASSERT_GE(handshake.size(), 2U);
        for (const Seen& seen : handshake) {
            if (seen.data.size() < 34 || seen.data[12] != 8 || seen.data[13] != 0)
                continue; // ARP
            const uint64_t cookie = seen.owner.cookie;
            EXPECT_TRUE(cookie == cookie_of(listener) || cookie == cookie_of(server))
                << hex(seen.data.data(), seen.data.size());
        }
    }
}

TEST_F(Owner, closed_connection_keeps_its_owner) {
    const Fd listener = here_.run([] {
        Fd socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
        bind_to(socket, ipv4_address("10.9.0.1", 4002));
        checked(::listen(socket.get(), 1), "listen");
        return socket;
    });
    Fd client = far_.run([] {
        Fd socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
        connect_to(socket, ipv4_address("10.9.0.1", 4002));
        return socket;
    });
    Fd server = accept_from(listener);
    const uint64_t cookie = cookie_of(server);
    std::optional<Capture> capture;
    here_.run([&] { capture.emplace("own0"); });
    server.close(); // sends FIN first: TIME_WAIT is here
    checked(::shutdown(client.get(), SHUT_WR), "shutdown");
    size_t packets = 0;
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (packets < 3 && std::chrono::steady_clock::now() < end)
        for (const Seen& seen : capture->take())
            if (seen.data.size() >= 54 && seen.data[12] == 8 && seen.data[13] == 0) {
                packets++;
                // the last ACK is sent by a socket of the kernel's for the dead one
                if (seen.owner.flags & XINET_OWNER_SOCKET) {
                    EXPECT_EQ(seen.owner.cookie, cookie);
                } else {
                    EXPECT_TRUE(seen.outgoing());
                }
            }
    EXPECT_GE(packets, 3U) << "FIN, FIN and ACK, ACK";
}

TEST_F(Owner, datagram_goes_to_the_socket_that_udp_chooses) {
    std::optional<Capture> capture;
    here_.run([&] { capture.emplace("own0"); });
    const Fd any = here_.run([] { return udp_at("0.0.0.0", 4003); });
    const Fd sender = far_.run([] { return udp_at("10.9.0.2", 4004); });
    send_to(sender.get(), repeated("xt-any ", 64), ipv4_address("10.9.0.1", 4003));
    expect_owner(capture->take_marked("xt-any").at(0).owner, any);

    const Fd connected = here_.run([] {
        Fd socket(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
        connect_to(socket, ipv4_address("10.9.0.2", 4004));
        return socket;
    });
    const uint16_t port = ntohs(name_of(connected).sin_port);
    send_to(sender.get(), repeated("xt-connected ", 64), ipv4_address("10.9.0.1", port));
    expect_owner(capture->take_marked("xt-connected").at(0).owner, connected);

    send_to(sender.get(), repeated("xt-nobody ", 64), ipv4_address("10.9.0.1", 4005));
    expect_none(capture->take_marked("xt-nobody").at(0).owner);
}

TEST_F(Owner, datagrams_of_ipv6_have_owners) {
    std::optional<Capture> capture;
    const auto bound = [](const char* address, uint16_t port) {
        sockaddr_in6 name{};
        name.sin6_family = AF_INET6;
        name.sin6_port = htons(port);
        ::inet_pton(AF_INET6, address, &name.sin6_addr);
        Fd socket(checked(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
        checked(::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), "bind");
        return socket;
    };
    here_.run([&] { capture.emplace("own0"); });
    const Fd receiver = here_.run([&] { return bound("::", 4006); });
    const Fd sender = far_.run([&] { return bound("fd09::2", 4006); });
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(4006);
    ::inet_pton(AF_INET6, "fd09::1", &to.sin6_addr);
    for (const std::string text : {"xt-six-1 ", "xt-six-2 "})
        checked(::sendto(sender.get(), text.data(), text.size(), 0,
                         reinterpret_cast<sockaddr*>(&to), sizeof(to)),
                "sendto");
    expect_owner(capture->take_marked("xt-six-1").at(0).owner, receiver);
}

// Two sockets that both get it, or one that a look-up would return: several is all we know.
TEST_F(Owner, multicast_has_several) {
    std::optional<Capture> capture;
    here_.run([&] { capture.emplace("own0"); });
    const Fd receiver = here_.run([] { return udp_at("0.0.0.0", 4007); });
    const Fd sender = far_.run([] {
        Fd socket = udp_at("10.9.0.2", 4007);
        const ip_mreqn device{
            .imr_multiaddr = {}, .imr_address = {}, .imr_ifindex = link::index("own1")};
        checked(::setsockopt(socket.get(), SOL_IP, IP_MULTICAST_IF, &device, sizeof(device)), "");
        return socket;
    });
    send_to(sender.get(), repeated("xt-group ", 64), ipv4_address(group_address, 4007));
    const auto seen = capture->take_marked("xt-group").at(0);
    EXPECT_EQ(seen.owner.flags, uint32_t{XINET_OWNER_SEVERAL});
    EXPECT_EQ(seen.owner.cookie, 0U);
}

// A server with any address listens for this host's only.
TEST_F(Owner, packet_for_another_host_has_none) {
    std::optional<Capture> capture;
    here_.run([&] { capture.emplace("own0"); });
    const Fd any = here_.run([] { return udp_at("0.0.0.0", 4008); });
    const Mac mac = here_.run([] { return link::mac("own0"); });
    far_.run([&] {
        const Fd wire = open_socket(Side::sibling, Kind::packet, 0);
        const auto target = link_address(ETH_P_IP, link::index("own1"));
        const auto frame = [](const Mac& to, const char* address, const char* mark) {
            const Ipv4 header{.from = "10.9.0.2", .to = address, .protocol = IPPROTO_UDP};
            return ethernet(to, ETH_P_IP, header.packet(udp(9, 4008, repeated(mark, 64))));
        };
        send_to(wire.get(), frame(mac, "192.0.2.1", "xt-routed "), target);
        send_to(wire.get(), frame(nobodys_mac, "10.9.0.1", "xt-otherhost "), target);
        send_to(wire.get(), frame(mac, "10.9.0.1", "xt-mine "), target);
    });
    size_t checked_packets = 0;
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (checked_packets < 3 && std::chrono::steady_clock::now() < end)
        for (const Seen& seen : capture->take()) {
            if (contains(seen.data, "xt-mine"))
                expect_owner(seen.owner, any);
            else if (contains(seen.data, "xt-routed") || contains(seen.data, "xt-otherhost"))
                expect_none(seen.owner);
            else
                continue;
            checked_packets++;
        }
    EXPECT_EQ(checked_packets, 3U);
}

// What is left of a connection is not the listener's that has its port.
TEST_F(Owner, segment_without_connection_has_none) {
    std::optional<Capture> capture;
    here_.run([&] { capture.emplace("own0"); });
    const Fd listener = here_.run([] {
        Fd socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
        bind_to(socket, ipv4_address("10.9.0.1", 4019));
        checked(::listen(socket.get(), 1), "listen");
        return socket;
    });
    const Mac mac = here_.run([] { return link::mac("own0"); });
    far_.run([&] {
        const Fd wire = open_socket(Side::sibling, Kind::packet, 0);
        const Ipv4 header{.from = "10.9.0.2", .to = "10.9.0.1", .protocol = IPPROTO_TCP};
        Bytes segment = tcp_syn(header, 4020, 4019);
        for (const uint8_t flags : {0x10, 0x02}) { // ACK, SYN
            segment[13] = flags;
            send_to(wire.get(), ethernet(mac, ETH_P_IP, header.packet(segment)),
                    link_address(ETH_P_IP, link::index("own1")));
        }
    });
    std::map<uint8_t, xinet_owner> received;
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (received.size() < 2 && std::chrono::steady_clock::now() < end)
        for (const Seen& seen : capture->take())
            if (!seen.outgoing() && seen.data.size() >= 54 && seen.data[23] == IPPROTO_TCP)
                received[seen.data[47]] = seen.owner;
    expect_none(received[0x10]);
    expect_owner(received[0x02], listener);
}

TEST_F(Owner, device_in_a_bridge_says_nothing) {
    std::optional<Capture> capture;
    const Fd any = here_.run([] { return udp_at("0.0.0.0", 4021); });
    here_.run([&] {
        ip("link add own2 type bridge", "link set own2 up", "link set own0 master own2",
           "addr del 10.9.0.1/24 dev own0", "addr add 10.9.0.1/24 dev own2");
        capture.emplace("own0");
    });
    const Fd sender = far_.run([] { return udp_at("10.9.0.2", 4022); });
    send_to(sender.get(), repeated("xt-bridged ", 64), ipv4_address("10.9.0.1", 4021));
    expect_none(capture->take_marked("xt-bridged").at(0).owner);
}

TEST_F(Owner, rejected_connection_has_none) {
    std::optional<Capture> capture;
    here_.run([&] { capture.emplace("own0"); });
    far_.run([] {
        const Fd socket(checked(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
        const auto nobody = ipv4_address("10.9.0.1", 4009);
        EXPECT_LT(sys::connect(socket.get(), &nobody, sizeof(nobody)), 0);
    });
    size_t packets = 0;
    for (const Seen& seen : capture->take())
        if (seen.data.size() >= 54 && seen.data[12] == 8 && seen.data[13] == 0) {
            packets++;
            expect_none(seen.owner);
        }
    EXPECT_EQ(packets, 2U) << "SYN and RST";
}

// With NAT, what the wire says is not what the socket has: before connection tracking knows the
// connection nothing is said, and then the right thing.
TEST_F(Owner, destination_nat_never_makes_a_wrong_owner) {
    std::optional<Capture> capture;
    const bool nat = here_.run([&] {
        if (!has_nat())
            return false;
        nft("table ip own { chain pre { type nat hook prerouting priority dstnat; "
            "udp dport 4010 dnat to 10.9.0.1:4011; }; }");
        capture.emplace("own0");
        return true;
    });
    if (!nat)
        GTEST_SKIP() << "this kernel has no NAT";
    const Fd wrong = here_.run([] { return udp_at("0.0.0.0", 4010); });
    const Fd right = here_.run([] { return udp_at("0.0.0.0", 4011); });
    const Fd sender = far_.run([] { return udp_at("10.9.0.2", 4012); });
    send_to(sender.get(), repeated("xt-first ", 64), ipv4_address("10.9.0.1", 4010));
    expect_none(capture->take_marked("xt-first").at(0).owner);
    receive(right.get());
    send_to(sender.get(), repeated("xt-second ", 64), ipv4_address("10.9.0.1", 4010));
    expect_owner(capture->take_marked("xt-second").at(0).owner, right);
    receive(right.get());
    EXPECT_FALSE(receive_now(wrong.get()));
}

TEST_F(Owner, filter_takes_only_what_it_names) {
    here_.run([] {
        const Fd chosen = udp_at("10.9.0.1", 4013);
        checked(::fchown(chosen.get(), 777, 0), "fchown");
        const Fd other = udp_at("10.9.0.1", 4014);
        auto both = matching(XINET_OWNER_MATCH_NETNS, netns_cookie_of(chosen));
        both.cookie = cookie_of(chosen);
        both.match |= XINET_OWNER_MATCH_COOKIE;
        const xinet_owner_filter filters[] = {matching(XINET_OWNER_MATCH_COOKIE, cookie_of(chosen)),
                                              matching(XINET_OWNER_MATCH_UID, 777), both};
        for (const auto& filter : filters) {
            Capture capture("own0", false, filter);
            send_to(other.get(), repeated("xt-other ", 64), ipv4_address("10.9.0.2", 9));
            send_to(chosen.get(), repeated("xt-chosen ", 64), ipv4_address("10.9.0.2", 9));
            // the neighbour may have to be found first
            auto seen = capture.take();
            for (int i = 0; i < 200 && seen.empty(); i++) {
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
                seen = capture.take();
            }
            ASSERT_FALSE(seen.empty());
            for (const Seen& packet : seen) {
                EXPECT_TRUE(contains(packet.data, "xt-chosen")) << filter.match;
                expect_owner(packet.owner, chosen);
            }
        }
        Capture nobody("own0", false, matching(XINET_OWNER_MATCH_NETNS, 1));
        send_to(other.get(), repeated("xt-other ", 64), ipv4_address("10.9.0.2", 9));
        EXPECT_TRUE(nobody.take().empty());
    });
}

TEST_F(Owner, filter_of_a_cgroup_takes_those_below) {
    here_.run([] {
        std::optional<ControlGroup> above;
        try {
            above.emplace();
        } catch (const std::system_error& error) {
            GTEST_SKIP() << error.what();
        }
        const ControlGroup below(&*above);
        below.enter();
        const Fd chosen = udp_at("10.9.0.1", 4015);
        ControlGroup::leave();
        struct stat status {};
        checked(::fstat(above->descriptor().get(), &status), "fstat");
        Capture capture("own0", false, matching(XINET_OWNER_MATCH_CGROUP, status.st_ino));
        const Fd other = udp_at("10.9.0.1", 4016);
        send_to(other.get(), repeated("xt-other ", 64), ipv4_address("10.9.0.2", 9));
        send_to(chosen.get(), repeated("xt-chosen ", 64), ipv4_address("10.9.0.2", 9));
        for (const Seen& seen : capture.take_marked("xt-chosen"))
            expect_owner(seen.owner, chosen);
    });
}

TEST_F(Owner, capture_says_whose_packets_are) {
    for (const bool json : {true, false}) {
        here_.run([&] {
            const Fd sender = udp_at("10.9.0.1", 4018);
            std::vector<std::string> words{
                in_tree("tools/build/xinet"), "capture", "-i", "own0", "--owner",
                "udp and src port 4018"};
            if (json)
                words.emplace(words.end() - 1, "--json");
            Program capture(words);
            EXPECT_NE(capture.error_line().find("listening on own0"), std::string::npos);
            const auto line = [&] {
                send_to(sender.get(), Bytes(64), ipv4_address("10.9.0.2", 9));
                return capture.output_line();
            };
            auto text = line();
            const auto cookie = cookie_of(sender);
            const auto netns = std::to_string(inode_of("/proc/thread-self/ns/net"));
            const auto wanted = json ? "\"owner\":{\"cookie\":" + std::to_string(cookie) +
                                           ",\"netns\":" + netns + ","
                                     : " netns:" + netns + " uid:0 cgroup:";
            EXPECT_NE(text.find(wanted), std::string::npos) << text;
            const auto process = (json ? ",\"pid\":" : " pid:") + std::to_string(getpid()) +
                                 (json ? ",\"comm\":\"xinet-tests\"" : " comm:\"xinet-tests\"]");
            // it is looked up while packets come
            for (int i = 0; i < 200 && text.find(process) == std::string::npos; i++)
                text = line();
            EXPECT_NE(text.find(process), std::string::npos) << text;
            capture.signal(SIGINT);
            EXPECT_EQ(capture.wait(), 0);
        });
    }
    Program sibling({in_tree("tools/build/xinet"), "capture", "--family", "packet", "--owner", "-i",
                     "lo", "-c", "1"});
    EXPECT_EQ(sibling.wait(), 2);
}

// Sends from `sender` while `xinet capture --owner` runs, and returns what that says of it.
std::string line_of_capture(const Fd& sender, const std::vector<std::string>& before,
                            const std::vector<std::string>& options) {
    std::vector<std::string> words = before;
    words.insert(words.end(), {in_tree("tools/build/xinet"), "capture", "-i", "own0", "--owner"});
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"-c", "1", "udp and dst port 9"});
    Program capture(words);
    EXPECT_NE(capture.error_line().find("listening on own0"), std::string::npos);
    send_to(sender.get(), Bytes(64), ipv4_address("10.9.0.2", 9));
    auto line = capture.output_line();
    EXPECT_EQ(capture.wait(), 0);
    return line;
}

// By asking the kernel, and by a walk through all control groups where that is refused.
TEST_F(Owner, capture_names_control_group_and_container) {
    const std::string id = std::string(60, '1') + "beef";
    const std::string name = "docker-" + id + ".scope";
    auto group = ControlGroup::named(name);
    if (!group)
        GTEST_SKIP() << "there are no control groups";
    const auto number = std::to_string(group->id());
    const std::string in_text = " cgroup:/" + name + " container:docker/111111111111";
    const std::string in_json = "\"cgroup\":" + number + ",\"uid\":0,\"cgroup_path\":\"/" + name +
                                "\",\"container\":{\"runtime\":\"docker\",\"name\":\"" + id +
                                "\"},";
    std::vector<std::vector<std::string>> programs{{}};
    if (group->id() == inode_of(("/sys/fs/cgroup/" + name).c_str()))
        programs.push_back({"setpriv", "--bounding-set", "-dac_read_search"});
    here_.run([&] {
        group->enter();
        const Fd sender = udp_at("10.9.0.1", 4019);
        ControlGroup::leave();
        for (const auto& program : programs) {
            const auto text = line_of_capture(sender, program, {});
            EXPECT_NE(text.find(in_text), std::string::npos) << text;
            const auto json = line_of_capture(sender, program, {"--json"});
            EXPECT_NE(json.find(in_json), std::string::npos) << json;
        }
        group.reset();
        // nobody tells the name of what is gone
        for (const auto& program : programs) {
            const auto text = line_of_capture(sender, program, {});
            EXPECT_NE(text.find(" cgroup:" + number), std::string::npos) << text;
            const auto json = line_of_capture(sender, program, {"--json"});
            EXPECT_NE(json.find("\"cgroup_path\":null,\"container\":null,"), std::string::npos)
                << json;
        }
    });
}

// Its path in the kernel begins as that of the mount here.
TEST_F(Owner, control_group_outside_of_the_namespace_has_no_name) {
    for (const char* needed : {"/usr/bin/unshare", "/bin/sh", "/bin/umount", "/bin/mount"}) {
        if (::access(needed, X_OK) < 0)
            GTEST_SKIP() << "there is no " << needed;
    }
    std::vector<std::unique_ptr<ControlGroup>> groups;
    for (const char* name : {"xt-inside", "sys", "sys/fs", "sys/fs/cgroup", "sys/fs/cgroup/xt"})
        groups.push_back(ControlGroup::named(name));
    if (!groups.front())
        GTEST_SKIP() << "there are no control groups";
    const auto number = std::to_string(groups.back()->id());
    here_.run([&] {
        groups.back()->enter();
        const Fd outside = udp_at("10.9.0.1", 4020);
        groups.front()->enter();
        const Fd inside = udp_at("10.9.0.1", 4021);
        const std::vector<std::string> program{
            "unshare",
            "-m",
            "-C",
            "sh",
            "-c",
            "umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"",
            "sh"};
        const auto found = line_of_capture(inside, program, {});
        EXPECT_TRUE(std::regex_search(found, std::regex(" cgroup:/[ \\]]"))) << found;
        const auto hidden = line_of_capture(outside, program, {});
        EXPECT_NE(hidden.find(" cgroup:" + number), std::string::npos) << hidden;
        ControlGroup::leave();
    });
    while (!groups.empty())
        groups.pop_back();
}

// A socket that does not ask is served as before, beside one that does.
TEST_F(Owner, others_behind_the_tap_are_not_changed) {
    here_.run([] {
        const Fd plain = open_socket(Side::xinet, Kind::packet, 0);
        bind_to(plain, link_address(ETH_P_ALL, link::index("own0")));
        std::optional<Capture> capture;
        const Fd sender = udp_at("10.9.0.1", 4017);
        for (int round = 0; round < 3; round++) {
            if (round == 1)
                capture.emplace("own0");
            if (round == 2)
                capture.reset();
            send_to(sender.get(), repeated("xt-plain ", 64), ipv4_address("10.9.0.2", 9));
            const auto message = receive_marked(plain.get(), "xt-plain");
            EXPECT_TRUE(message.controls.empty());
            EXPECT_EQ(message.from_as<sockaddr_ll>().sll_pkttype, PACKET_OUTGOING);
        }
    });
}

} // namespace
} // namespace xt
