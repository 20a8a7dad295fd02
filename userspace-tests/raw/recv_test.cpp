// SPDX-License-Identifier: GPL-2.0-or-later
// Receiving on raw sockets: the promises of recvmsg(), each kept by both families.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sys/ioctl.h>

#include "support/family.h"
#include "support/netns.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr int protocol = experimental_protocol;
constexpr size_t packet_size = sizeof(iphdr) + 64;

void attach_filter(const Fd& socket, std::vector<sock_filter> code) {
    const sock_fprog program{.len = static_cast<unsigned short>(code.size()),
                             .filter = code.data()};
    checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
            "SO_ATTACH_FILTER");
}

class RawRecv : public OnEachSide {
protected:
    void SetUp() override {
        subject_ = raw(protocol);
        sender_ = in_peer([] { return open_raw(Side::sibling, protocol); });
    }
    void send(const char* text) const {
        checked(send_to(sender_.get(), repeated(text, 64), ipv4_address(here_address)), "send");
    }
    [[nodiscard]] int fd() const { return subject_.get(); }

    OnOneCpu one_cpu_;
    Fd subject_;
    Fd sender_;
};

TEST_P(RawRecv, packet_comes_with_its_header_and_its_source) {
    send("payload ");
    const auto message = receive(fd());
    const auto header = [&] {
        iphdr result;
        std::copy_n(message.data.begin(), sizeof(result), reinterpret_cast<uint8_t*>(&result));
        return result;
    }();
    ASSERT_EQ(message.data.size(), packet_size);
    EXPECT_EQ(header.version, 4);
    EXPECT_EQ(ntohs(header.tot_len), packet_size);
    EXPECT_EQ(header.protocol, protocol);
    EXPECT_EQ(header.saddr, ipv4_address(peer_address).sin_addr.s_addr);
    EXPECT_EQ(header.daddr, ipv4_address(here_address).sin_addr.s_addr);
    EXPECT_EQ(Bytes(message.data.begin() + sizeof(header), message.data.end()),
              repeated("payload ", 64));
    ASSERT_EQ(message.from.size(), sizeof(sockaddr_in));
    const auto from = message.from_as<sockaddr_in>();
    EXPECT_EQ(from.sin_family, AF_INET);
    EXPECT_EQ(from.sin_addr.s_addr, header.saddr);
    EXPECT_EQ(from.sin_port, 0);
    EXPECT_EQ(message.flags, 0);
}

TEST_P(RawRecv, peek_leaves_the_packet_where_it_is) {
    send("payload ");
    const auto peeked = receive(fd(), any_size, MSG_PEEK);
    EXPECT_EQ(peeked, receive(fd(), any_size, MSG_PEEK));
    EXPECT_EQ(peeked, receive(fd()));
    EXPECT_FALSE(receive_now(fd()));
}

TEST_P(RawRecv, small_buffer_takes_the_beginning_and_says_so) {
    send("payload ");
    const auto whole = receive(fd(), any_size, MSG_PEEK);
    const auto part = receive(fd(), 30);
    EXPECT_EQ(part.result, 30);
    EXPECT_EQ(part.flags, MSG_TRUNC);
    EXPECT_EQ(part.data, Bytes(whole.data.begin(), whole.data.begin() + 30));
    EXPECT_FALSE(receive_now(fd())) << "the rest of a packet is gone";
}

TEST_P(RawRecv, msg_trunc_tells_the_real_length) {
    send("payload ");
    const auto part = receive(fd(), 30, MSG_TRUNC);
    EXPECT_EQ(part.result, long(packet_size));
    EXPECT_EQ(part.flags, MSG_TRUNC);
    send("payload ");
    EXPECT_EQ(receive(fd(), 0, MSG_TRUNC).result, long(packet_size));
}

TEST_P(RawRecv, packets_come_in_their_order) {
    const char* const texts[] = {"first   ", "second  ", "third   ", "fourth  "};
    for (const char* text : texts)
        send(text);
    for (const char* text : texts)
        EXPECT_TRUE(contains(receive(fd()).data, text));
}

// Small packets are kept in another way than larger ones.
TEST_P(RawRecv, packets_of_every_size_wait_unchanged) {
    const auto text = [](size_t size) { return repeated(std::to_string(size) + " ", size); };
    for (size_t size = 200; size <= 250; ++size)
        checked(send_to(sender_.get(), text(size), ipv4_address(here_address)), "send");
    for (size_t size = 200; size <= 250; ++size) {
        const auto message = receive(fd());
        ASSERT_EQ(message.data.size(), sizeof(iphdr) + size);
        EXPECT_EQ(Bytes(message.data.begin() + sizeof(iphdr), message.data.end()), text(size));
    }
}

// A reader holds one in ten of them, and some share their memory with those that are gone.
TEST_P(RawRecv, packet_waits_unchanged_while_others_come_and_go) {
    constexpr int packets = 200;
    const auto text = [](int i) { return (i % 10 ? "passing " : "held    ") + std::to_string(i); };
    const auto payload = [&](int i) { return repeated(text(i) + " ", 64); };
    const auto of = [](const Message& message) {
        return Bytes(message.data.begin() + sizeof(iphdr), message.data.end());
    };
    attach_filter(subject_, {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(iphdr)),
                             BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'h', 0, 1),
                             BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0)});
    const Fd busy = raw(protocol);
    for (int i = 0; i < packets; ++i) {
        checked(send_to(sender_.get(), payload(i), ipv4_address(here_address)), "send");
        ASSERT_EQ(of(receive(busy.get())), payload(i));
        EXPECT_EQ(of(receive(fd(), any_size, MSG_PEEK)), payload(0));
    }
    for (int i = 0; i < packets; i += 10)
        EXPECT_EQ(of(receive(fd())), payload(i));
    EXPECT_FALSE(receive_now(fd()));
}

// The same byte, counted from the link-level header and from that of IP.
TEST_P(RawRecv, filter_of_every_socket_sees_the_link_level_header) {
    const auto at_link = uint32_t(SKF_LL_OFF) + ETH_HLEN + sizeof(iphdr);
    const auto at_network = uint32_t(SKF_NET_OFF) + sizeof(iphdr);
    const Fd second = raw(protocol);
    for (const Fd* socket : {&std::as_const(subject_), &second})
        attach_filter(*socket, {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, uint32_t(at_link)),
                                BPF_STMT(BPF_MISC | BPF_TAX, 0),
                                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, uint32_t(at_network)),
                                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
                                BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0)});
    for (const char* text : {"first   ", "second  "}) {
        send(text);
        EXPECT_TRUE(contains(receive(fd()).data, text));
        EXPECT_TRUE(contains(receive(second.get()).data, text));
    }
}

TEST_P(RawRecv, only_the_own_protocol_is_received) {
    const Fd other = in_peer([] { return open_raw(Side::sibling, protocol + 1); });
    const Fd quiet = open_raw(Side::sibling, protocol + 1); // no "protocol unreachable"
    checked(send_to(other.get(), repeated("unwanted", 64), ipv4_address(here_address)), "send");
    receive_marked(quiet.get(), "unwanted");
    send("payload ");
    EXPECT_TRUE(contains(receive(fd()).data, "payload "));
}

// No header has these numbers; their low bits are those of protocols that are received.
TEST_P(RawRecv, numbers_that_no_header_has_receive_nothing) {
    const Injector wire = Injector::at_peer();
    std::vector<Fd> sockets;
    for (int protocol = 256; protocol <= 262; protocol++)
        sockets.push_back(raw(protocol));
    const Fd monitor = raw(experimental_protocol);
    for (int protocol = 0; protocol <= 6; protocol++)
        wire.send(ethernet(here_mac(), ETH_P_IP,
                           Ipv4{.protocol = uint8_t(protocol)}.packet(repeated("xt-beyon", 64))));
    wire.send(ethernet(here_mac(), ETH_P_IP, Ipv4{}.packet(repeated("the end ", 64))));
    receive_marked(monitor.get(), "the end ");
    for (const auto& socket : sockets)
        EXPECT_FALSE(receive_now(socket.get()));
}

TEST_P(RawRecv, empty_queue_would_block) {
    uint8_t byte;
    EXPECT_EQ(::recv(fd(), &byte, 1, MSG_DONTWAIT), -1);
    EXPECT_EQ(errno, EAGAIN);
    const timeval moment{.tv_sec = 0, .tv_usec = 1000};
    ASSERT_EQ(sys::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment)), 0);
    EXPECT_EQ(::recv(fd(), &byte, 1, 0), -1);
    EXPECT_EQ(errno, EAGAIN);
}

TEST_P(RawRecv, size_of_the_next_packet_is_told_by_fionread) {
    int size = -1;
    ASSERT_EQ(ioctl(fd(), FIONREAD, &size), 0);
    EXPECT_EQ(size, 0);
    send("payload ");
    ASSERT_TRUE(wait_readable(fd()));
    ASSERT_EQ(ioctl(fd(), FIONREAD, &size), 0);
    EXPECT_EQ(size, int(packet_size));
}

TEST_P(RawRecv, device_ioctls_reach_the_core) {
    ifreq request{};
    std::string(here_device).copy(request.ifr_name, IFNAMSIZ - 1);
    EXPECT_EQ(ioctl(fd(), SIOCGIFINDEX, &request), 0);
    EXPECT_EQ(request.ifr_ifindex, link::index(here_device));
    EXPECT_EQ(ioctl(fd(), SIOCGIFADDR, &request), 0);
}

TEST_P(RawRecv, filter_of_the_socket_is_obeyed) {
    // Accepts the packets whose first payload byte is 'y'; the IP header counts.
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(iphdr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const sock_fprog program{.len = std::size(code), .filter = code};
    ASSERT_EQ(sys::setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
    send("no      ");
    send("yes     ");
    EXPECT_TRUE(contains(receive(fd()).data, "yes     "));
    set_option(subject_, SOL_SOCKET, SO_DETACH_FILTER, 0);
    send("no      ");
    EXPECT_TRUE(contains(receive(fd()).data, "no      "));
}

// A meant difference (Documentation/differences.md): raw(7) says that such a socket only sends.
TEST(RawRecvAll, socket_of_ipproto_raw_receives_nothing_unlike_pf_inet_s) {
    if (self_check())
        GTEST_SKIP() << "a difference needs two families";
    const Fd sibling = open_raw(Side::sibling, IPPROTO_RAW);
    const Fd xinet = open_raw(Side::xinet, IPPROTO_RAW);
    Injector::at_peer().send(ethernet(
        here_mac(), ETH_P_IP, Ipv4{.protocol = IPPROTO_RAW}.packet(repeated("for 255!", 64))));
    EXPECT_TRUE(contains(receive(sibling.get()).data, "for 255!"));
    EXPECT_FALSE(receive_now(xinet.get()));
}

INSTANTIATE_TEST_SUITE_P(Sides, RawRecv, testing::ValuesIn(both_sides), parameter_name<Side>);

} // namespace
} // namespace xt
