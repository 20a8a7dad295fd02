// SPDX-License-Identifier: GPL-2.0-or-later
// Streams, datagrams and pings as files: what a program may do with any descriptor.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "support/inet_case.h"
#include "support/sys.h"
#include "support/traffic.h"
#include "support/uring.h"

namespace xt {
namespace {

// Whether a thread of this process waits for something.
bool sleeps(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string line;
    std::getline(file, line);
    const size_t name_end = line.rfind(") ");
    return name_end != std::string::npos && line.compare(name_end, 3, ") S") == 0;
}

using FileParameter = std::tuple<Side, Transport>;

std::string file_name(const testing::TestParamInfo<FileParameter>& info) {
    return to_string(std::get<0>(info.param)) + "_" + to_string(std::get<1>(info.param));
}

// Two ends that talk: what is sent on `out` arrives at `in`, which is the subject. A ping socket
// talks to the host itself, and to nobody else.
class InetFile : public testing::TestWithParam<FileParameter> {
protected:
    void SetUp() override {
        inet_namespace().run([this] { open_ends(); });
    }
    [[nodiscard]] Side side() const { return std::get<0>(GetParam()); }
    [[nodiscard]] Transport transport() const { return std::get<1>(GetParam()); }
    [[nodiscard]] int in() const { return in_.get(); }
    [[nodiscard]] int out() const { return transport() == Transport::ping ? in() : out_.get(); }
    // An echo request to a ping socket, text to the others.
    [[nodiscard]] std::string text(const char* words) const {
        return (transport() == Transport::ping ? std::string("\10\0\0\0\0\0\0\1", 8) : "") + words;
    }
    void send(const char* words) const {
        const std::string message = text(words);
        ASSERT_EQ(::write(out(), message.data(), message.size()), ssize_t(message.size()));
    }
    [[nodiscard]] static std::string words_of(int fd, const char* words) {
        char room[256];
        const ssize_t size = ::read(fd, room, sizeof(room));
        if (size < 0)
            return strerrorname_np(errno);
        const std::string message(room, size_t(size));
        return message.ends_with(words) ? words : "not these: " + message;
    }

    Fd in_, out_;

private:
    void open_ends() {
        if (transport() == Transport::stream) {
            Connection connection = connect_streams(side(), side());
            in_ = std::move(connection.server);
            out_ = std::move(connection.client);
            return;
        }
        in_ = open_socket(side(), transport());
        bind_to(in_, ipv4_address(loopback_address));
        if (transport() == Transport::ping)
            return connect_to(in_, ipv4_address(loopback_address, 1));
        out_ = open_socket(side(), transport());
        connect_to(out_, name_of(in_));
    }
};

TEST_P(InetFile, read_gets_what_write_sent) {
    send("some words");
    EXPECT_EQ(words_of(in(), "some words"), "some words");
}

TEST_P(InetFile, writev_gathers_and_readv_scatters) {
    std::string first = text("two "), second = "parts";
    const iovec to_send[] = {{first.data(), first.size()}, {second.data(), second.size()}};
    const auto size = ssize_t(first.size() + second.size());
    ASSERT_EQ(::writev(out(), to_send, 2), size);
    char head[3], tail[64];
    const iovec to_fill[] = {{head, sizeof(head)}, {tail, sizeof(tail)}};
    ASSERT_EQ(::readv(in(), to_fill, 2), size);
    EXPECT_TRUE(std::string(tail, size_t(size) - sizeof(head)).ends_with("parts"));
}

TEST_P(InetFile, owner_is_signalled_when_something_arrives) {
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    const f_owner_ex owner{.type = F_OWNER_TID, .pid = gettid()};
    ASSERT_EQ(::fcntl(in(), F_SETOWN_EX, &owner), 0);
    ASSERT_EQ(::fcntl(in(), F_SETFL, O_ASYNC), 0);
    send("a signal");
    const timespec patience{.tv_sec = 10, .tv_nsec = 0};
    EXPECT_EQ(sigtimedwait(&set, nullptr, &patience), SIGIO);
    ASSERT_EQ(::fcntl(in(), F_SETFL, 0), 0);
    const timespec none{};
    while (sigtimedwait(&set, nullptr, &none) == SIGIO)
        ;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_P(InetFile, duplicate_is_the_same_socket_and_outlives_it) {
    const Fd copy(checked(::dup(in()), "dup"));
    if (transport() != Transport::ping)
        in_.close();
    send("for both");
    EXPECT_EQ(words_of(copy.get(), "for both"), "for both");
}

TEST_P(InetFile, child_receives_on_what_it_inherits) {
    const pid_t child = checked(::fork(), "fork");
    if (child == 0)
        _exit(words_of(in(), "to a child") == "to a child" ? 0 : 1);
    send("to a child");
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_P(InetFile, descriptor_passed_over_a_unix_socket_is_the_socket) {
    int ends[2];
    checked(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
    const Fd giver(ends[0]), taker(ends[1]);
    alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
    char byte = '!';
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = room;
    message.msg_controllen = sizeof(room);
    cmsghdr* control = CMSG_FIRSTHDR(&message);
    *control = {
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    *reinterpret_cast<int*>(CMSG_DATA(control)) = in();
    ASSERT_EQ(::sendmsg(giver.get(), &message, 0), 1);
    if (transport() != Transport::ping)
        in_.close();
    ASSERT_EQ(::recvmsg(taker.get(), &message, 0), 1);
    control = CMSG_FIRSTHDR(&message);
    ASSERT_NE(control, nullptr);
    const Fd passed(*reinterpret_cast<int*>(CMSG_DATA(control)));
    send("passed on");
    EXPECT_EQ(words_of(passed.get(), "passed on"), "passed on");
}

TEST_P(InetFile, level_triggered_epoll_tells_until_all_is_read) {
    const Fd epoll(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll"));
    epoll_event event{.events = EPOLLIN, .data = {.u64 = 4711}};
    ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, in(), &event), 0);
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 0);
    send("level");
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 10'000), 1);
    EXPECT_EQ(event.data.u64, 4711u);
    EXPECT_EQ(words_of(in(), "level"), "level");
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 0);
}

TEST_P(InetFile, edge_triggered_epoll_tells_once_of_each_arrival) {
    const Fd epoll(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll"));
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = 4711}};
    ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, in(), &event), 0);
    for (const char* words : {"first", "second"}) {
        send(words);
        EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 10'000), 1);
        EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 0);
    }
    EXPECT_TRUE(wait_readable(in()));
}

TEST_P(InetFile, close_does_not_disturb_a_thread_that_reads) {
    const Fd keeper(checked(::dup(in()), "dup"));
    std::string got;
    std::thread reader([&] { got = words_of(keeper.get(), "after all"); });
    if (transport() != Transport::ping)
        in_.close();
    send("after all");
    reader.join();
    EXPECT_EQ(got, "after all");
}

TEST_P(InetFile, close_leaves_a_blocked_read_to_its_end) {
    if (transport() == Transport::ping)
        GTEST_SKIP() << "it would close the end that sends, too";
    std::atomic<pid_t> thread = 0;
    std::string got;
    std::thread reader([&] {
        const int fd = in();
        thread = gettid();
        got = words_of(fd, "after all");
    });
    while (!sleeps(thread))
        std::this_thread::yield();
    in_.close();
    send("after all");
    reader.join();
    EXPECT_EQ(got, "after all");
}

TEST_P(InetFile, shutdown_wakes_a_thread_that_reads) {
    if (transport() == Transport::ping)
        GTEST_SKIP() << "the engine's shutdown() of an unconnected socket is compared elsewhere";
    if (transport() == Transport::datagram)
        connect_to(in_, name_of(out_));
    char byte;
    long result = -7;
    std::thread reader([&] { result = ::read(in(), &byte, 1); });
    ASSERT_EQ(::shutdown(in(), SHUT_RD), 0);
    reader.join();
    EXPECT_EQ(result, 0);
}

io_uring_sqe request(int operation, int fd, void* data = nullptr, size_t size = 0) {
    io_uring_sqe entry{};
    entry.opcode = uint8_t(operation);
    entry.fd = fd;
    entry.addr = uint64_t(reinterpret_cast<uintptr_t>(data));
    entry.len = uint32_t(size);
    return entry;
}

TEST_P(InetFile, io_uring_polls_sends_and_receives) {
    try {
        Uring ring;
        io_uring_sqe poll = request(IORING_OP_POLL_ADD, in());
        poll.poll32_events = POLLIN;
        ring.submit(poll);
        std::string message = text("by a ring");
        Uring sender;
        sender.submit(request(IORING_OP_SEND, out(), message.data(), message.size()));
        EXPECT_EQ(sender.wait(), int(message.size()));
        EXPECT_TRUE(ring.wait() & POLLIN);

        char room[256];
        ring.submit(request(IORING_OP_RECV, in(), room, sizeof(room)));
        EXPECT_EQ(ring.wait(), int(message.size()));
        EXPECT_TRUE(std::string(room, message.size()).ends_with("by a ring"));

        ring.submit(request(IORING_OP_RECV, in(), room, sizeof(room)));
        send("later");
        EXPECT_GT(ring.wait(), 0) << "a request that had to wait";
    } catch (const std::system_error& error) {
        if (error.code().value() != ENOSYS && error.code().value() != EPERM)
            throw;
        GTEST_SKIP() << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(Each, InetFile,
                         testing::Combine(testing::ValuesIn(both_sides),
                                          testing::ValuesIn(all_transports)),
                         file_name);

class InetListener : public OnEachSide {};

TEST_P(InetListener, io_uring_accepts_and_connects) {
    try {
        inet_namespace().run([this] {
            Uring ring, connector;
            const Fd listener = open_listener(side());
            ring.submit(request(IORING_OP_ACCEPT, listener.get()));
            const Fd client = open_socket(side(), Transport::stream);
            sockaddr_in address = name_of(listener);
            io_uring_sqe connect = request(IORING_OP_CONNECT, client.get(), &address);
            connect.off = sizeof(address);
            connector.submit(connect);
            EXPECT_EQ(connector.wait(), 0);
            const Fd accepted(ring.wait());
            ASSERT_TRUE(accepted);
            EXPECT_EQ(::write(client.get(), "x", 1), 1);
            char byte;
            EXPECT_EQ(::read(accepted.get(), &byte, 1), 1);
        });
    } catch (const std::system_error& error) {
        if (error.code().value() != ENOSYS && error.code().value() != EPERM)
            throw;
        GTEST_SKIP() << error.what();
    }
}

TEST_P(InetListener, accept_sets_the_flags_it_is_given) {
    inet_namespace().run([this] {
        const Fd listener = open_listener(side());
        const Fd client = open_socket(side(), Transport::stream);
        connect_to(client, name_of(listener));
        const Fd accepted(
            ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        ASSERT_TRUE(accepted);
        EXPECT_TRUE(::fcntl(accepted.get(), F_GETFL) & O_NONBLOCK);
        EXPECT_TRUE(::fcntl(accepted.get(), F_GETFD) & FD_CLOEXEC);
        const Fd second = open_socket(side(), Transport::stream);
        connect_to(second, name_of(listener));
        const Fd plain = accept_from(listener);
        EXPECT_FALSE(::fcntl(plain.get(), F_GETFL) & O_NONBLOCK) << "not inherited";
    });
}

TEST_P(InetListener, shutdown_wakes_a_thread_that_accepts) {
    inet_namespace().run([this] {
        const Fd listener = open_listener(side());
        int error = 0;
        std::thread acceptor([&] {
            if (::accept(listener.get(), nullptr, nullptr) < 0)
                error = errno;
        });
        ASSERT_EQ(::shutdown(listener.get(), SHUT_RD), 0);
        acceptor.join();
        EXPECT_EQ(error, EINVAL);
    });
}

INSTANTIATE_TEST_SUITE_P(Sides, InetListener, testing::ValuesIn(both_sides), parameter_name<Side>);

} // namespace
} // namespace xt
