// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel's TCP, UDP and ping can do beyond sending and receiving: it must work through
// sockets of ours as it does through those of PF_INET.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include <fstream>
#include <thread>

#include "support/bpf.h"
#include "support/inet_case.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr size_t plenty = 300'000;

// All that comes, up to `size` bytes.
std::string read_all(int fd, size_t size) {
    std::string text;
    char room[16'384];
    while (text.size() < size) {
        const ssize_t count = ::read(fd, room, std::min(sizeof(room), size - text.size()));
        if (count <= 0)
            break;
        text.append(room, size_t(count));
    }
    return text;
}

std::string pattern(size_t size) {
    std::string text;
    for (size_t i = 0; text.size() < size; i++)
        text += std::to_string(i) + " ";
    text.resize(size);
    return text;
}

Fd file_of(const std::string& text) {
    Fd file(checked(::memfd_create("text", MFD_CLOEXEC), "memfd"));
    checked(::write(file.get(), text.data(), text.size()), "write");
    checked(::lseek(file.get(), 0, SEEK_SET), "lseek");
    return file;
}

class InetStream : public OnEachSide {
protected:
    void SetUp() override {
        inet_namespace().run([this] { connection_ = connect_streams(side(), side()); });
    }
    [[nodiscard]] int client() const { return connection_.client.get(); }
    [[nodiscard]] int server() const { return connection_.server.get(); }

    Connection connection_;
};

TEST_P(InetStream, connect_without_blocking_is_told_of_by_poll) {
    inet_namespace().run([this] {
        const Fd listener = open_listener(side());
        const Fd socket = open_socket(side(), Transport::stream, SOCK_NONBLOCK);
        const auto to = name_of(listener);
        const long result = sys::connect(socket.get(), &to, sizeof(to));
        EXPECT_TRUE(result == 0 || errno == EINPROGRESS) << strerrorname_np(errno);
        EXPECT_TRUE(wait_for(socket.get(), POLLOUT));
        EXPECT_EQ(get_option(socket, SOL_SOCKET, SO_ERROR), 0);
        EXPECT_TRUE(accept_from(listener));
    });
}

TEST_P(InetStream, connect_that_is_refused_is_told_of_by_so_error) {
    inet_namespace().run([this] {
        const Fd socket = open_socket(side(), Transport::stream, SOCK_NONBLOCK);
        const auto to = ipv4_address(loopback_address, nobodys_port);
        int error = sys::connect(socket.get(), &to, sizeof(to)) ? errno : 0;
        if (error == EINPROGRESS) {
            EXPECT_TRUE(wait_for(socket.get(), POLLERR));
            error = get_option(socket, SOL_SOCKET, SO_ERROR);
        }
        EXPECT_EQ(error, ECONNREFUSED);
    });
}

TEST_P(InetStream, disconnected_stream_connects_again) {
    inet_namespace().run([this] {
        const sockaddr nothing{};
        ASSERT_EQ(sys::connect(client(), &nothing, sizeof(nothing)), 0);
        const Fd listener = open_listener(side());
        connect_to(connection_.client, name_of(listener));
        const Fd accepted = accept_from(listener);
        ASSERT_EQ(::write(client(), "again", 5), 5);
        EXPECT_EQ(read_all(accepted.get(), 5), "again");
    });
}

TEST_P(InetStream, families_talk_to_each_other) {
    inet_namespace().run([this] {
        const Side other = side() == Side::xinet ? Side::sibling : Side::xinet;
        const Connection mixed = connect_streams(side(), other);
        ASSERT_EQ(::write(mixed.client.get(), "hello", 5), 5);
        EXPECT_EQ(read_all(mixed.server.get(), 5), "hello");
        ASSERT_EQ(::write(mixed.server.get(), "back", 4), 4);
        EXPECT_EQ(read_all(mixed.client.get(), 4), "back");
    });
}

TEST_P(InetStream, sendfile_carries_a_file) {
    const std::string text = pattern(plenty);
    const Fd file = file_of(text);
    std::thread sender([&] {
        off_t offset = 0;
        while (offset < off_t(plenty) &&
               ::sendfile(client(), file.get(), &offset, plenty - size_t(offset)) > 0)
            ;
        ::shutdown(client(), SHUT_WR);
    });
    EXPECT_EQ(read_all(server(), 2 * plenty), text);
    sender.join();
}

TEST_P(InetStream, splice_carries_in_and_out_of_pipes) {
    int there[2], back[2];
    checked(::pipe(there), "pipe");
    checked(::pipe(back), "pipe");
    const Fd there_out(there[0]), there_in(there[1]), back_out(back[0]), back_in(back[1]);
    const std::string text = pattern(8'000);
    ASSERT_EQ(::write(there_in.get(), text.data(), text.size()), ssize_t(text.size()));
    size_t sent = 0;
    while (sent < text.size())
        sent += size_t(checked(::splice(there_out.get(), nullptr, client(), nullptr,
                                        text.size() - sent, SPLICE_F_MORE),
                               "splice to the socket"));
    size_t received = 0;
    while (received < text.size())
        received += size_t(
            checked(::splice(server(), nullptr, back_in.get(), nullptr, text.size() - received, 0),
                    "splice from the socket"));
    EXPECT_EQ(read_all(back_out.get(), text.size()), text);
}

TEST_P(InetStream, zero_copy_send_is_confirmed_on_the_error_queue) {
    set_option(connection_.client, SOL_SOCKET, SO_ZEROCOPY, 1);
    const std::string text = pattern(20'000);
    ASSERT_EQ(::send(client(), text.data(), text.size(), MSG_ZEROCOPY), ssize_t(text.size()));
    EXPECT_EQ(read_all(server(), text.size()), text);
    ASSERT_TRUE(wait_for(client(), POLLERR));
    const Message message = receive(client(), 0, MSG_ERRQUEUE);
    ASSERT_EQ(message.controls.size(), 1u);
    sock_extended_err error{};
    ASSERT_GE(message.controls[0].value.size(), sizeof(error));
    std::copy_n(message.controls[0].value.begin(), sizeof(error),
                reinterpret_cast<uint8_t*>(&error));
    EXPECT_EQ(error.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
    EXPECT_EQ(error.ee_info, 0u);
    EXPECT_EQ(error.ee_data, 0u);
}

TEST_P(InetStream, zero_copy_receive_maps_or_says_what_to_read) {
    const size_t size = 4 * size_t(sysconf(_SC_PAGESIZE));
    void* window = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, server(), 0);
    ASSERT_NE(window, MAP_FAILED) << strerrorname_np(errno);
    const std::string text = pattern(size);
    ASSERT_EQ(::write(client(), text.data(), text.size()), ssize_t(text.size()));
    ASSERT_TRUE(wait_readable(server()));
    struct { // struct tcp_zerocopy_receive of <linux/tcp.h>, as far as it goes everywhere
        uint64_t address;
        uint32_t length, skip;
    } request{uint64_t(reinterpret_cast<uintptr_t>(window)), uint32_t(size), 0};
    socklen_t length = sizeof(request);
    ASSERT_EQ(sys::getsockopt(server(), SOL_TCP, TCP_ZEROCOPY_RECEIVE, &request, &length), 0)
        << strerrorname_np(errno);
    std::string got(static_cast<const char*>(window), request.length);
    got += read_all(server(), size - got.size());
    EXPECT_EQ(got, text);
    ::munmap(window, size);
}

TEST_P(InetStream, receive_low_water_mark_holds_poll_back) {
    set_option(connection_.server, SOL_SOCKET, SO_RCVLOWAT, 10);
    ASSERT_EQ(::write(client(), "short", 5), 5);
    EXPECT_EQ(poll_now(server(), POLLIN), 0);
    ASSERT_EQ(::write(client(), "enough", 6), 6);
    EXPECT_TRUE(wait_readable(server()));
}

TEST_P(InetStream, urgent_byte_is_marked) {
    ASSERT_EQ(::send(client(), "abc", 3, MSG_OOB), 3);
    ASSERT_TRUE(wait_for(server(), POLLPRI));
    char byte = 0;
    EXPECT_EQ(::recv(server(), &byte, 1, MSG_OOB), 1);
    EXPECT_EQ(byte, 'c');
}

TEST_P(InetStream, congestion_control_is_chosen_and_inherited) {
    inet_namespace().run([this] {
        const Fd listener = open_listener(side());
        ASSERT_EQ(sys::setsockopt(listener.get(), SOL_TCP, TCP_CONGESTION, "reno", 4), 0);
        const Fd socket = open_socket(side(), Transport::stream);
        connect_to(socket, name_of(listener));
        const Fd accepted = accept_from(listener);
        char name[16] = {};
        socklen_t length = sizeof(name);
        ASSERT_EQ(sys::getsockopt(accepted.get(), SOL_TCP, TCP_CONGESTION, name, &length), 0);
        EXPECT_STREQ(name, "reno");
    });
}

TEST_P(InetStream, fast_open_carries_data_in_the_syn) {
    inet_namespace().run([this] {
        std::ofstream("/proc/sys/net/ipv4/tcp_fastopen") << 0x403 << std::endl; // no cookies
        const Fd listener = open_listener(side());
        set_option(listener, SOL_TCP, TCP_FASTOPEN, 5);
        const Fd socket = open_socket(side(), Transport::stream);
        const auto to = name_of(listener);
        ASSERT_EQ(sys::sendto(socket.get(), "early", 5, MSG_FASTOPEN, &to, sizeof(to)), 5)
            << strerrorname_np(errno);
        const Fd accepted = accept_from(listener);
        EXPECT_EQ(read_all(accepted.get(), 5), "early");
        EXPECT_EQ(name_of(accepted).sin_port, to.sin_port);
    });
}

TEST_P(InetStream, ktls_carries_text_and_splices_it) {
    for (const int fd : {client(), server()})
        if (::setsockopt(fd, SOL_TCP, TCP_ULP, "tls", 3))
            GTEST_SKIP() << "no kTLS here: " << strerrorname_np(errno);
    tls12_crypto_info_aes_gcm_128 key{};
    key.info = {.version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128};
    ASSERT_EQ(::setsockopt(client(), SOL_TLS, TLS_TX, &key, sizeof(key)), 0);
    ASSERT_EQ(::setsockopt(server(), SOL_TLS, TLS_RX, &key, sizeof(key)), 0);
    ASSERT_EQ(::write(client(), "secret", 6), 6);
    EXPECT_EQ(read_all(server(), 6), "secret");
    const Fd file = file_of("from a file");
    ASSERT_EQ(::sendfile(client(), file.get(), nullptr, 11), 11);
    int ends[2];
    checked(::pipe(ends), "pipe");
    const Fd reader(ends[0]), writer(ends[1]);
    ASSERT_EQ(::splice(server(), nullptr, writer.get(), nullptr, 11, 0), 11)
        << strerrorname_np(errno);
    EXPECT_EQ(read_all(reader.get(), 11), "from a file");
}

// One group of both families; the program always chooses the second listener.
TEST_P(InetStream, program_of_ebpf_distributes_over_listeners_of_both_families) {
    create_loopback_namespace().run([this] { // where no port has a past
        const Side other = side() == Side::xinet ? Side::sibling : Side::xinet;
        std::vector<Fd> group;
        for (const Side member : {side(), other}) {
            group.push_back(open_socket(member, Transport::stream, SOCK_NONBLOCK));
            set_option(group.back(), SOL_SOCKET, SO_REUSEPORT, 1);
            bind_to(group.back(), ipv4_address(loopback_address, subject_port));
            checked(::listen(group.back().get(), 16), "listen");
        }
        const Fd second = load_answer(BPF_PROG_TYPE_SOCKET_FILTER, 1);
        set_option(group[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, second.get());
        for (int i = 0; i < 8; i++) {
            const Fd sender = open_socket(side(), Transport::stream);
            connect_to(sender, ipv4_address(loopback_address, subject_port));
            ASSERT_TRUE(wait_readable(group[1].get()));
            const Fd accepted(::accept(group[1].get(), nullptr, nullptr));
            EXPECT_GE(accepted.get(), 0);
        }
        EXPECT_EQ(poll_now(group[0].get(), POLLIN), 0);
    });
}

// In a map of sockets a program sees what arrives first; this one lets it pass.
TEST_P(InetStream, map_of_sockets_takes_it_in_and_lets_it_go) {
    bpf_attr attributes{};
    attributes.map_type = BPF_MAP_TYPE_SOCKMAP;
    attributes.key_size = attributes.value_size = sizeof(uint32_t);
    attributes.max_entries = 2;
    const Fd map(checked(bpf(BPF_MAP_CREATE, attributes), "BPF_MAP_CREATE"));
    attach_program(map, load_answer(BPF_PROG_TYPE_SK_SKB, SK_PASS), BPF_SK_SKB_STREAM_VERDICT);

    const uint32_t key = 0;
    const auto descriptor = uint32_t(server());
    attributes = {};
    attributes.map_fd = uint32_t(map.get());
    attributes.key = uint64_t(reinterpret_cast<uintptr_t>(&key));
    attributes.value = uint64_t(reinterpret_cast<uintptr_t>(&descriptor));
    checked(bpf(BPF_MAP_UPDATE_ELEM, attributes), "BPF_MAP_UPDATE_ELEM");

    const std::string text = pattern(plenty);
    const auto carry = [&] {
        std::thread writer([&] {
            for (size_t sent = 0; sent < text.size();) {
                const ssize_t count = ::write(client(), &text[sent], text.size() - sent);
                if (count <= 0)
                    break;
                sent += size_t(count);
            }
        });
        EXPECT_EQ(read_all(server(), text.size()), text);
        writer.join();
    };
    carry();
    attributes.value = 0;
    checked(bpf(BPF_MAP_DELETE_ELEM, attributes), "BPF_MAP_DELETE_ELEM");
    carry();
    attributes.value = uint64_t(reinterpret_cast<uintptr_t>(&descriptor));
    checked(bpf(BPF_MAP_UPDATE_ELEM, attributes), "and again");
}

TEST_P(InetStream, connection_in_both_directions_carries_everything) {
    const std::string text = pattern(plenty);
    const auto pump = [&](int fd) {
        size_t sent = 0;
        while (sent < text.size()) {
            const ssize_t count = ::write(fd, text.data() + sent, text.size() - sent);
            if (count <= 0)
                break;
            sent += size_t(count);
        }
    };
    std::thread there(pump, client()), back(pump, server());
    std::string at_client;
    std::thread reader([&] { at_client = read_all(client(), plenty); });
    EXPECT_EQ(read_all(server(), plenty), text);
    reader.join();
    there.join();
    back.join();
    EXPECT_EQ(at_client, text);
}

INSTANTIATE_TEST_SUITE_P(Sides, InetStream, testing::ValuesIn(both_sides), parameter_name<Side>);

// --- datagrams ---

class InetDatagram : public OnEachSide {
protected:
    void SetUp() override {
        inet_namespace().run([this] {
            receiver_ = open_socket(side(), Transport::datagram);
            bind_to(receiver_, ipv4_address(loopback_address));
            sender_ = open_socket(side(), Transport::datagram);
            connect_to(sender_, name_of(receiver_));
        });
    }
    void send(const std::string& text) const {
        checked(::write(sender_.get(), text.data(), text.size()), "write");
    }
    Fd sender_, receiver_;
};

std::string text_of(const Message& message) {
    return {message.data.begin(), message.data.end()};
}

TEST_P(InetDatagram, segmentation_cuts_a_buffer_into_datagrams) {
    set_option(sender_, SOL_UDP, UDP_SEGMENT, 1'000);
    const std::string text = pattern(3'500);
    send(text);
    for (const size_t size : {1'000, 1'000, 1'000, 500})
        EXPECT_EQ(receive(receiver_.get()).data.size(), size);
}

TEST_P(InetDatagram, receive_offload_hands_over_a_whole_train) {
    set_option(sender_, SOL_UDP, UDP_SEGMENT, 1'000);
    set_option(receiver_, SOL_UDP, UDP_GRO, 1);
    const std::string text = pattern(3'500);
    send(text);
    const Message message = receive(receiver_.get());
    EXPECT_EQ(text_of(message), text);
    ASSERT_EQ(message.controls.size(), 1u);
    EXPECT_EQ(message.controls[0].level, SOL_UDP);
    EXPECT_EQ(message.controls[0].type, UDP_GRO);
}

TEST_P(InetDatagram, cork_joins_messages) {
    set_option(sender_, SOL_UDP, UDP_CORK, 1);
    send("in two ");
    send("parts");
    set_option(sender_, SOL_UDP, UDP_CORK, 0);
    EXPECT_EQ(text_of(receive(receiver_.get())), "in two parts");
}

TEST_P(InetDatagram, encapsulation_takes_its_packets_out_of_the_stream) {
    const int type = UDP_ENCAP_ESPINUDP;
    if (sys::setsockopt(receiver_.get(), SOL_UDP, UDP_ENCAP, &type, sizeof(type)))
        GTEST_SKIP() << "no ESP in UDP here: " << strerrorname_np(errno);
    send("\xff"); // a keepalive (RFC 3948, section 2.3)
    send(std::string("\0\0\0\0IKE", 7));
    EXPECT_TRUE(text_of(receive(receiver_.get())).ends_with("IKE"));
}

TEST_P(InetDatagram, peek_offset_moves_through_the_queue) {
    set_option(receiver_, SOL_SOCKET, SO_PEEK_OFF, 0);
    send("abcdef");
    ASSERT_TRUE(wait_readable(receiver_.get()));
    EXPECT_EQ(text_of(receive(receiver_.get(), 2, MSG_PEEK)), "ab");
    EXPECT_EQ(text_of(receive(receiver_.get(), 2, MSG_PEEK)), "cd");
}

TEST_P(InetDatagram, time_of_arrival_can_be_asked_for) {
    timeval time{};
    const unsigned long get_timestamp = 0x8906; // SIOCGSTAMP, which <sys/socket.h> may redirect
    EXPECT_EQ(::ioctl(receiver_.get(), get_timestamp, &time), -1);
    EXPECT_EQ(errno, ENOENT);
    send("now");
    receive(receiver_.get());
    EXPECT_EQ(::ioctl(receiver_.get(), get_timestamp, &time), 0);
    send("later");
    receive(receiver_.get());
    EXPECT_EQ(::ioctl(receiver_.get(), get_timestamp, &time), 0);
    EXPECT_GT(time.tv_sec, 0);
}

TEST_P(InetDatagram, error_of_a_refused_datagram_comes_back) {
    inet_namespace().run([this] {
        const Fd socket = open_socket(side(), Transport::datagram);
        set_option(socket, SOL_IP, IP_RECVERR, 1);
        connect_to(socket, ipv4_address(loopback_address, nobodys_port));
        ASSERT_EQ(::write(socket.get(), "text", 4), 4);
        ASSERT_TRUE(wait_for(socket.get(), POLLERR));
        const Message message = receive(socket.get(), any_size, MSG_ERRQUEUE);
        EXPECT_EQ(text_of(message), "text");
    });
}

// One group of both families; the program always chooses the second socket.
TEST_P(InetDatagram, program_distributes_over_sockets_of_both_families) {
    inet_namespace().run([this] {
        const Side other = side() == Side::xinet ? Side::sibling : Side::xinet;
        std::vector<Fd> group;
        for (const Side member : {side(), other}) {
            group.push_back(open_socket(member, Transport::datagram));
            set_option(group.back(), SOL_SOCKET, SO_REUSEPORT, 1);
            bind_to(group.back(), ipv4_address(loopback_address, subject_port));
        }
        sock_filter second[] = {{BPF_RET | BPF_K, 0, 0, 1}};
        const sock_fprog program{.len = 1, .filter = second};
        ASSERT_EQ(sys::setsockopt(group[0].get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
                                  sizeof(program)),
                  0);
        for (int i = 0; i < 8; i++) {
            const Fd sender = open_socket(side(), Transport::datagram);
            connect_to(sender, ipv4_address(loopback_address, subject_port));
            checked(::write(sender.get(), "x", 1), "write");
            EXPECT_EQ(text_of(receive(group[1].get())), "x");
        }
        EXPECT_FALSE(receive_now(group[0].get()));
    });
}

TEST_P(InetDatagram, multicast_is_joined_and_received) {
    inet_namespace().run([this] {
        const ip_mreqn group{.imr_multiaddr = ipv4_address("239.1.2.3").sin_addr,
                             .imr_address = ipv4_address(loopback_address).sin_addr,
                             .imr_ifindex = 1};
        const Fd receiver = open_socket(side(), Transport::datagram);
        bind_to(receiver, ipv4_address("239.1.2.3", subject_port));
        ASSERT_EQ(sys::setsockopt(receiver.get(), SOL_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)),
                  0);
        const Fd sender = open_socket(side(), Transport::datagram);
        ASSERT_EQ(sys::setsockopt(sender.get(), SOL_IP, IP_MULTICAST_IF, &group, sizeof(group)), 0);
        ASSERT_EQ(send_to(sender.get(), Bytes(5, 'm'), ipv4_address("239.1.2.3", subject_port)), 5);
        EXPECT_EQ(text_of(receive(receiver.get())), "mmmmm");
    });
}

INSTANTIATE_TEST_SUITE_P(Sides, InetDatagram, testing::ValuesIn(both_sides), parameter_name<Side>);

// --- ping ---

class InetPing : public OnEachSide {};

TEST_P(InetPing, is_for_the_groups_of_ping_group_range) {
    NetNs::create().run([this] {
        std::ofstream("/proc/sys/net/ipv4/ping_group_range") << "1 0" << std::endl;
        EXPECT_FALSE(Fd(try_socket(side(), Transport::ping)));
        EXPECT_EQ(errno, EACCES);
        allow_ping();
        const Outcome unprivileged = without_capabilities([this] {
            return outcome_of([this] { return Fd(try_socket(side(), Transport::ping)) ? 0 : -1; });
        });
        EXPECT_EQ(unprivileged.result, 0);
    });
}

TEST_P(InetPing, host_on_the_wire_answers) {
    const PingAllowed allowed;
    const Fd socket = open_socket(side(), Transport::ping);
    const auto request = icmp(8, 0, 0, 7, repeated("are you?", 32));
    ASSERT_EQ(send_to(socket.get(), request, ipv4_address(peer_address)), long(request.size()));
    const Message reply = receive(socket.get());
    ASSERT_EQ(reply.data.size(), request.size());
    EXPECT_EQ(reply.data[0], 0) << "an echo reply";
    EXPECT_EQ(reply.data[7], 7) << "with the sequence number of the request";
    EXPECT_EQ(reply.from_as<sockaddr_in>().sin_addr.s_addr,
              ipv4_address(peer_address).sin_addr.s_addr);
    EXPECT_EQ(reply.from_as<sockaddr_in>().sin_family, AF_INET);
}

INSTANTIATE_TEST_SUITE_P(Sides, InetPing, testing::ValuesIn(both_sides), parameter_name<Side>);

} // namespace
} // namespace xt
