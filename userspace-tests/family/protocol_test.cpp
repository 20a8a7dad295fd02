// SPDX-License-Identifier: GPL-2.0-or-later
// The interface for protocol modules, by the sample that uses all of it: samples/protocol/ on IP
// protocol 253. XINET_MSG_KO names the module; without it the one beside xinet.ko is taken.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/xinet.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "support/diag.h"
#include "support/firewall.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/program.h"
#include "support/sys.h"
#include "support/sysctl.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr int message_protocol = experimental_protocol;
constexpr uint16_t here_port = 5001;
constexpr uint16_t peer_port = 5002;

bool loaded() {
    return access("/sys/module/xinet_msg/refcnt", F_OK) == 0;
}

std::string module_path() {
    if (const char* path = std::getenv("XINET_MSG_KO"))
        return path;
    const char* xinet = std::getenv("XINET_KO");
    if (!xinet)
        throw std::runtime_error("neither XINET_MSG_KO nor XINET_KO names a module");
    const std::string path = xinet;
    return path.substr(0, path.rfind('/')) + "/xinet_msg.ko";
}

// 0 or an errno.
int load() {
    const std::string path = module_path();
    const Fd file(checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str()));
    return syscall(SYS_finit_module, file.get(), "", 0) ? errno : 0;
}

int unload() {
    return syscall(SYS_delete_module, "xinet_msg", O_NONBLOCK) ? errno : 0;
}

// Sockets are freed after a grace period; their references go with them.
int unload_when_free() {
    const auto end = std::chrono::steady_clock::now() + deadline;
    int error;
    while ((error = unload()) == EAGAIN && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    return error;
}

Fd try_message_socket() {
    return Fd(::socket(xinet_family(), SOCK_DGRAM, message_protocol));
}

Fd message_socket(const char* address = nullptr, uint16_t port = 0) {
    Fd socket = try_message_socket();
    checked(socket.get(), "socket");
    if (address)
        bind_to(socket, ipv4_address(address, port));
    return socket;
}

Bytes port_pair(uint16_t from, uint16_t to) {
    return {static_cast<uint8_t>(from >> 8), static_cast<uint8_t>(from),
            static_cast<uint8_t>(to >> 8), static_cast<uint8_t>(to)};
}

// A message from the peer, with `error` added to its checksum.
Bytes message(uint16_t from, uint16_t to, std::string_view text, uint16_t error = 0) {
    const Bytes body(text.begin(), text.end());
    const auto size = static_cast<uint16_t>(8 + body.size());
    const Bytes pseudo = {10, 77, 0, 2, 10, 77, 0, 1, 0, message_protocol};
    const Bytes unsummed = port_pair(from, to) + port_pair(size, 0) + body;
    const uint16_t sum = internet_checksum(
        pseudo + Bytes{static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)} + unsummed);
    return port_pair(from, to) + port_pair(size, static_cast<uint16_t>(sum + error)) + body;
}

void inject(const Bytes& payload) {
    Ipv4 header;
    header.protocol = message_protocol;
    Injector::at_peer().send(ethernet(here_mac(), 0x0800, header.packet(payload)));
}

std::string text_of(const Message& received) {
    return {received.data.begin(), received.data.end()};
}

class Protocol : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        ASSERT_EQ(load(), 0);
    }
    void TearDown() override {
        if (loaded()) {
            EXPECT_EQ(unload_when_free(), 0);
        }
    }
};

TEST_F(Protocol, programs_talk_between_namespaces) {
    const std::string talk = in_tree("samples/build/msg_talk");
    Program listener({"/sbin/ip", "netns", "exec", "peer", talk, "listen", "7000"});
    EXPECT_EQ(listener.error_line(), "listening on port 7000");
    Program talker({talk, peer_address, "7000", "hello"});
    EXPECT_EQ(talker.output(), "answer: hello\n");
    EXPECT_EQ(talker.wait(), 0);
    EXPECT_EQ(listener.output().find("10.77.0.1 port "), 0U);
    EXPECT_EQ(listener.wait(), 0);
}

TEST_F(Protocol, program_is_told_that_nobody_listens) {
    Program talker({in_tree("samples/build/msg_talk"), peer_address, "7000", "hello"});
    EXPECT_EQ(talker.error_line(), "recv: Connection refused");
    EXPECT_EQ(talker.wait(), 1);
}

TEST_F(Protocol, every_size_arrives_whole) {
    const Fd here = message_socket(here_address, here_port);
    const Fd there = in_peer([] { return message_socket(peer_address, peer_port); });
    set_option(here, SOL_SOCKET, SO_SNDBUF, 1 << 20);
    set_option(there, SOL_SOCKET, SO_RCVBUF, 1 << 20);
    for (const size_t size : {0, 1, 1472, 1473, 9000, 65507}) {
        SCOPED_TRACE(size);
        const Bytes text = repeated("message ", size);
        EXPECT_EQ(send_to(here.get(), text, ipv4_address(peer_address, peer_port)),
                  static_cast<long>(size));
        const Message received = receive(there.get());
        EXPECT_EQ(received.data, text);
        const auto from = received.from_as<sockaddr_in>();
        EXPECT_EQ(from.sin_family, AF_INET);
        EXPECT_EQ(from.sin_port, htons(here_port));
        EXPECT_EQ(from.sin_addr.s_addr, inet_addr(here_address));
    }
    EXPECT_EQ(send_to(here.get(), Bytes(65508), ipv4_address(peer_address, peer_port)), -1);
    EXPECT_EQ(errno, EMSGSIZE);
}

TEST_F(Protocol, sockets_are_listed) {
    const Fd socket = message_socket(here_address, here_port);
    const sockaddr_in peer = ipv4_address(peer_address, peer_port);
    ASSERT_EQ(sys::connect(socket.get(), &peer, sizeof(peer)), 0);
    const auto found = find_socket(socket);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->base.kind, XINET_DIAG_OTHER);
    EXPECT_EQ(found->base.family, AF_INET);
    EXPECT_EQ(found->base.protocol, unsigned(message_protocol));
    EXPECT_EQ(found->base.src, ipv4_address(here_address).sin_addr.s_addr);
    EXPECT_EQ(found->base.dst, peer.sin_addr.s_addr);
    EXPECT_EQ(ntohs(found->base.sport), here_port);
    EXPECT_EQ(ntohs(found->base.dport), peer_port);

    Program ss({in_tree("tools/build/xinet"), "ss", "-a", "-n", "-H", "--other"});
    EXPECT_NE(ss.output().find("10.77.0.1:5001 10.77.0.2:5002"), std::string::npos);
    EXPECT_EQ(ss.wait(), 0);
}

TEST_F(Protocol, poll_tells_of_a_message) {
    const Fd socket = message_socket(here_address, here_port);
    EXPECT_EQ(poll_now(socket.get(), POLLIN | POLLOUT), POLLOUT);
    inject(message(peer_port, here_port, "text"));
    EXPECT_TRUE(wait_readable(socket.get()));
    EXPECT_EQ(text_of(receive(socket.get())), "text");
    EXPECT_EQ(poll_now(socket.get(), POLLIN | POLLOUT), POLLOUT);
}

TEST_F(Protocol, short_buffer_truncates) {
    const Fd socket = message_socket(here_address, here_port);
    inject(message(peer_port, here_port, "a longer text"));
    const Message received = receive(socket.get(), 3, MSG_TRUNC);
    EXPECT_EQ(text_of(received).substr(0, 3), "a l");
    EXPECT_EQ(received.result, 13);
    EXPECT_TRUE(received.flags & MSG_TRUNC);
}

// The filter sees a header of 8 bytes and the text, over both, and may keep less than the header.
TEST_F(Protocol, filter_trims_as_it_trims_for_udp) {
    const Fd ours = message_socket("127.0.0.1", here_port);
    const Fd theirs(checked(::socket(PF_INET, SOCK_DGRAM, 0), "socket"));
    bind_to(theirs, ipv4_address("127.0.0.1", here_port));
    const Bytes text = repeated("message ", 5);
    for (const unsigned kept : {1U, 7U, 8U, 9U, 12U, 13U, 100U}) {
        for (const size_t room : {0U, 3U, 64U}) {
            for (const int flags : {0, int(MSG_TRUNC)}) {
                SCOPED_TRACE(testing::Message()
                             << kept << " kept, room for " << room << ", flags " << flags);
                std::vector<Message> received;
                for (const Fd* socket : {&theirs, &ours}) {
                    sock_filter keep{BPF_RET | BPF_K, 0, 0, kept};
                    const sock_fprog program{1, &keep};
                    checked(sys::setsockopt(socket->get(), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                                            sizeof(program)),
                            "SO_ATTACH_FILTER");
                    send_to(socket->get(), text, ipv4_address("127.0.0.1", here_port));
                    received.push_back(receive(socket->get(), room, flags));
                }
                EXPECT_EQ(received[0], received[1]);
            }
        }
    }
}

TEST_F(Protocol, broken_messages_are_dropped) {
    const Fd socket = message_socket(here_address, here_port);
    inject(message(peer_port, here_port, "bad sum", 1));
    inject({0x13});
    Bytes cut = message(peer_port, here_port, "cut short");
    cut.pop_back();
    inject(cut);
    inject(message(peer_port, here_port, "good"));
    EXPECT_EQ(text_of(receive(socket.get())), "good");
}

TEST_F(Protocol, message_in_fragments_is_reassembled) {
    const Fd socket = message_socket(here_address, here_port);
    Ipv4 header;
    header.protocol = message_protocol;
    const std::string text(3000, 'x');
    auto parts = fragments(header, message(peer_port, here_port, text), 1024);
    // The last one first: nothing may hang on the order.
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
        Injector::at_peer().send(ethernet(here_mac(), 0x0800, *part));
    EXPECT_EQ(text_of(receive(socket.get())), text);
}

TEST_F(Protocol, connected_socket_hears_its_peer_only) {
    const Fd socket = message_socket(here_address, here_port);
    const sockaddr_in peer = ipv4_address(peer_address, peer_port);
    ASSERT_EQ(sys::connect(socket.get(), &peer, sizeof(peer)), 0);
    inject(message(peer_port + 1, here_port, "another port"));
    inject(message(peer_port, here_port, "its peer"));
    EXPECT_EQ(text_of(receive(socket.get())), "its peer");
}

TEST_F(Protocol, message_for_another_address_is_not_delivered) {
    const Fd elsewhere = message_socket("127.0.0.1", here_port);
    const Fd socket = message_socket(here_address, here_port);
    inject(message(peer_port, here_port, "text"));
    EXPECT_EQ(text_of(receive(socket.get())), "text");
    EXPECT_FALSE(receive_now(elsewhere.get()));
}

TEST_F(Protocol, raw_sockets_of_the_protocol_still_see_all) {
    const Fd socket = message_socket(here_address, here_port);
    const Fd raw = open_raw(Side::xinet, message_protocol);
    const Fd sibling = open_raw(Side::sibling, message_protocol);
    inject(message(peer_port, here_port, "for all"));
    EXPECT_EQ(text_of(receive(socket.get())), "for all");
    EXPECT_TRUE(contains(receive(raw.get()).data, "for all"));
    EXPECT_TRUE(contains(receive(sibling.get()).data, "for all"));
}

// A message with this TTL is dropped by the INPUT chain of `drop_marked`.
constexpr uint8_t marked_ttl = 63;

Firewall drop_marked() {
    return {"type filter hook input priority 0", {"ip protocol 253 ip ttl 63 drop"}};
}

void inject_marked(const Bytes& payload) {
    Ipv4 header;
    header.protocol = message_protocol;
    header.ttl = marked_ttl;
    Injector::at_peer().send(ethernet(here_mac(), 0x0800, header.packet(payload)));
}

// `socket` receives at here_port.
void expect_only_let_in(const Fd& socket) {
    const Firewall firewall = drop_marked();
    ASSERT_TRUE(firewall.installed());
    inject_marked(message(peer_port, here_port, "dropped"));
    inject(message(peer_port, here_port, "let in"));
    EXPECT_EQ(text_of(receive(socket.get())), "let in");
}

TEST_F(Protocol, firewall_has_decided_before_the_module_is_called) {
    const Fd socket = message_socket(here_address, here_port);
    expect_only_let_in(socket);
}

TEST_F(Protocol, address_that_the_firewall_translates_is_the_translated_one) {
    const Firewall firewall("type nat hook prerouting priority -100",
                            {"ip daddr 10.77.0.99 dnat to 10.77.0.1"});
    if (!firewall.installed())
        GTEST_SKIP() << "this kernel translates no addresses";
    const Fd socket = message_socket(here_address, here_port);
    Ipv4 header;
    header.protocol = message_protocol;
    header.to = "10.77.0.99";
    Injector::at_peer().send(
        ethernet(here_mac(), 0x0800, header.packet(message(peer_port, here_port, "translated"))));
    EXPECT_EQ(text_of(receive(socket.get())), "translated");
}

// A raw socket that was there first does not keep the module from being what speaks the protocol.
TEST_F(Protocol, raw_socket_does_not_stand_in_its_way) {
    ASSERT_EQ(unload_when_free(), 0);
    const Fd raw = open_raw(Side::xinet, message_protocol);
    ASSERT_EQ(load(), 0);
    const Fd socket = message_socket(here_address, here_port);
    expect_only_let_in(socket);
}

// The code of the first ICMP "unreachable" that a message to a port without socket is answered
// with.
int unreachable_code() {
    const Fd listener = in_peer([] { return open_raw(Side::sibling, IPPROTO_ICMP); });
    inject(message(peer_port, here_port, "anybody?"));
    for (;;) {
        const Bytes packet = receive(listener.get()).data;
        if (packet.size() > 28 && packet[20] == ICMP_DEST_UNREACH)
            return packet[21];
    }
}

TEST_F(Protocol, protocol_is_unreachable_only_without_the_module) {
    const Sysctl every_error("net/ipv4/icmp_ratelimit", "0");
    EXPECT_EQ(unreachable_code(), ICMP_PORT_UNREACH);
    ASSERT_EQ(unload_when_free(), 0);
    EXPECT_EQ(unreachable_code(), ICMP_PROT_UNREACH);
}

// What bind(), connect() and send() say of addresses is what they say to UDP.
TEST_F(Protocol, addresses_are_judged_as_for_udp) {
    struct Case {
        const char* name;
        int family;
        const char* address;
        uint16_t port;
        socklen_t size;
    };
    const Case cases[] = {
        {"any", AF_INET, "0.0.0.0", 0, sizeof(sockaddr_in)},
        {"local", AF_INET, here_address, 6000, sizeof(sockaddr_in)},
        {"loopback", AF_INET, "127.0.0.1", 6000, sizeof(sockaddr_in)},
        {"multicast", AF_INET, group_address, 6000, sizeof(sockaddr_in)},
        {"broadcast", AF_INET, wire_broadcast, 6000, sizeof(sockaddr_in)},
        {"not local", AF_INET, peer_address, 6000, sizeof(sockaddr_in)},
        {"no route", AF_INET, "192.0.2.1", 6000, sizeof(sockaddr_in)},
        {"privileged", AF_INET, here_address, 80, sizeof(sockaddr_in)},
        {"unspec, any", AF_UNSPEC, "0.0.0.0", 6000, sizeof(sockaddr_in)},
        {"unspec, local", AF_UNSPEC, here_address, 6000, sizeof(sockaddr_in)},
        {"family", AF_INET6, here_address, 6000, sizeof(sockaddr_in)},
        {"short", AF_INET, here_address, 6000, sizeof(sockaddr_in) - 1},
        {"no address", AF_INET, here_address, 6000, 0},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        const auto try_calls = [&c](Fd socket) {
            sockaddr_in address = ipv4_address(c.address, c.port);
            address.sin_family = static_cast<sa_family_t>(c.family);
            const int fd = socket.get();
            std::vector<Outcome> outcomes;
            outcomes.push_back(outcome_of([&] { return sys::bind(fd, &address, c.size); }));
            outcomes.push_back(outcome_of([&] { return sys::bind(fd, &address, c.size); }));
            outcomes.push_back(outcome_of([&] { return sys::connect(fd, &address, c.size); }));
            return outcomes;
        };
        EXPECT_EQ(try_calls(Fd(::socket(PF_INET, SOCK_DGRAM, IPPROTO_UDP))),
                  try_calls(try_message_socket()));
    }
}

TEST_F(Protocol, privileged_port_needs_the_capability) {
    const Outcome refused = without_capabilities([] {
        const Fd socket = try_message_socket();
        const sockaddr_in address = ipv4_address(here_address, 80);
        return outcome_of([&] { return sys::bind(socket.get(), &address, sizeof(address)); });
    });
    EXPECT_EQ(refused.error, EACCES);
}

TEST_F(Protocol, port_belongs_to_one_socket_of_an_address) {
    const Fd first = message_socket(here_address, here_port);
    const Fd loopback = message_socket("127.0.0.1", here_port);
    for (const char* address : {here_address, "0.0.0.0"}) {
        const Fd second = message_socket();
        const sockaddr_in taken = ipv4_address(address, here_port);
        EXPECT_EQ(sys::bind(second.get(), &taken, sizeof(taken)), -1);
        EXPECT_EQ(errno, EADDRINUSE);
    }
    const Fd there = in_peer([] { return message_socket("0.0.0.0", here_port); });
    EXPECT_TRUE(there);
}

TEST_F(Protocol, disconnected_socket_gives_a_port_back_that_it_did_not_ask_for) {
    const Fd socket = message_socket();
    const sockaddr_in peer = ipv4_address(peer_address, peer_port);
    ASSERT_EQ(sys::connect(socket.get(), &peer, sizeof(peer)), 0);
    sockaddr nowhere{};
    ASSERT_EQ(sys::connect(socket.get(), &nowhere, sizeof(nowhere)), 0);
    sockaddr_in name{};
    socklen_t size = sizeof(name);
    ASSERT_EQ(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
    EXPECT_EQ(name.sin_port, 0);
    EXPECT_EQ(sys::sendto(socket.get(), "x", 1, 0, nullptr, 0), -1);
    EXPECT_EQ(errno, EDESTADDRREQ);
}

TEST_F(Protocol, namespace_made_later_has_the_protocol_too) {
    const NetNs later = NetNs::create();
    later.run([] {
        link::set_up(link::index("lo"), true);
        const Fd a = message_socket("127.0.0.1", here_port);
        const Fd b = message_socket("127.0.0.1", peer_port);
        send_to(b.get(), Bytes{'x'}, ipv4_address("127.0.0.1", here_port));
        EXPECT_EQ(receive(a.get()).data, Bytes{'x'});
    });
}

TEST_F(Protocol, open_socket_keeps_the_module) {
    Fd socket = message_socket(here_address, here_port);
    EXPECT_EQ(unload(), EWOULDBLOCK);
    inject(message(peer_port, here_port, "still here"));
    EXPECT_EQ(text_of(receive(socket.get())), "still here");
    socket.close();
    EXPECT_EQ(unload_when_free(), 0);
    EXPECT_FALSE(loaded());
    ASSERT_EQ(load(), 0);
    EXPECT_TRUE(try_message_socket());
}

TEST_F(Protocol, socket_call_loads_the_module_by_its_alias) {
    if (std::getenv("XINET_MSG_KO"))
        GTEST_SKIP() << "modprobe does not know it";
    ASSERT_EQ(unload_when_free(), 0);
    EXPECT_TRUE(try_message_socket());
    EXPECT_TRUE(loaded());
}

// The module comes and goes while packets for it arrive and sockets of it are opened.
TEST_F(Protocol, unloading_under_traffic_is_safe) {
    const Fd first_raw = open_raw(Side::xinet, IPPROTO_RAW); // keeps xinet.ko itself
    std::atomic<bool> stop = false;
    std::thread traffic([&stop] {
        const Injector peer = Injector::at_peer();
        Ipv4 header;
        header.protocol = message_protocol;
        const Bytes frame =
            ethernet(here_mac(), 0x0800, header.packet(message(peer_port, here_port, "storm")));
        while (!stop)
            peer.send(frame);
    });
    for (int round = 0; round < 20; round++) {
        ASSERT_EQ(unload_when_free(), 0) << "round " << round;
        ASSERT_EQ(load(), 0) << "round " << round;
        const Fd socket = message_socket(here_address, here_port);
        EXPECT_EQ(text_of(receive(socket.get())), "storm");
    }
    stop = true;
    traffic.join();
}

} // namespace
} // namespace xt
