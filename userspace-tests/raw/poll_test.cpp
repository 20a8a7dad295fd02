// SPDX-License-Identifier: GPL-2.0-or-later
// Readiness of raw sockets, and the end of it: poll, epoll, shutdown.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>

#include <thread>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr int protocol = experimental_protocol;
constexpr short all_events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLWRNORM;

class RawPoll : public OnEachSide {
protected:
    void SetUp() override {
        subject_ = raw(protocol);
        sender_ = in_peer([] { return open_raw(Side::sibling, protocol); });
    }
    void send() const {
        checked(send_to(sender_.get(), repeated("payload ", 64), ipv4_address(here_address)),
                "send");
    }
    [[nodiscard]] int fd() const { return subject_.get(); }

    OnOneCpu one_cpu_;
    Fd subject_;
    Fd sender_;
};

TEST_P(RawPoll, fresh_socket_is_writable_and_not_readable) {
    EXPECT_EQ(poll_now(fd(), all_events), POLLOUT | POLLWRNORM);
}

TEST_P(RawPoll, socket_is_readable_from_the_packet_until_it_is_read) {
    send();
    EXPECT_TRUE(wait_readable(fd()));
    EXPECT_EQ(poll_now(fd(), POLLIN), POLLIN);
    receive(fd());
    EXPECT_EQ(poll_now(fd(), POLLIN), 0);
}

TEST_P(RawPoll, edge_triggered_epoll_tells_of_each_packet) {
    const Fd epoll(checked(epoll_create1(EPOLL_CLOEXEC), "epoll"));
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = 4711}};
    ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd(), &event), 0);
    EXPECT_EQ(epoll_wait(epoll.get(), &event, 1, 0), 0);
    for (int i = 0; i < 3; i++) {
        send();
        ASSERT_EQ(epoll_wait(epoll.get(), &event, 1, int(deadline.count())), 1);
        EXPECT_EQ(event.data.u64, 4711U);
        EXPECT_EQ(epoll_wait(epoll.get(), &event, 1, 0), 0) << "told once";
    }
}

TEST_P(RawPoll, blocked_reader_is_woken_by_a_packet) {
    Message message;
    std::thread reader([&] {
        message.data.resize(any_size);
        message.result = ::recv(fd(), message.data.data(), message.data.size(), 0);
    });
    send();
    reader.join();
    EXPECT_EQ(message.result, 20 + 64);
}

INSTANTIATE_TEST_SUITE_P(Sides, RawPoll, testing::ValuesIn(both_sides), parameter_name<Side>);

TEST(RawShutdown, each_way_is_as_in_pf_inet) {
    std::vector<Row> rows;
    for (const int how : {0, 1, 2, 3, -1})
        rows.push_back({"how = " + std::to_string(how), [=](int fd) {
                            const long result = ::shutdown(fd, how);
                            // what can be done afterwards is part of the result
                            const int error = errno;
                            const long events = poll_now(fd, all_events);
                            const long sent =
                                send_to(fd, Bytes(8), ipv4_address(peer_address), MSG_NOSIGNAL) < 0
                                    ? errno
                                    : 0;
                            uint8_t byte;
                            const long got = ::recv(fd, &byte, 1, MSG_DONTWAIT) < 0 ? errno : 0;
                            errno = error;
                            return result < 0 ? result : events | sent << 16 | got << 24;
                        }});
    // 254: nothing at the peer may answer while the state is being compared
    const Fd peer = in_peer([] { return open_raw(Side::sibling, 254); });
    expect_equal_outcomes(Kind::raw, 254, rows);
    expect_equal_outcomes(Kind::raw, 254, rows, [](const Fd& socket) {
        const auto to = ipv4_address(peer_address);
        checked(sys::connect(socket.get(), &to, sizeof(to)), "connect");
    });
}

} // namespace
} // namespace xt
