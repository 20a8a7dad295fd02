// SPDX-License-Identifier: GPL-2.0-or-later
// TCP_ULP: whoever exchanges the operations of a socket, in whatever order, the socket is listed
// as long as it is open, and its reference to the module is dropped once. In a guest with the
// module; nothing else may use it meanwhile.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/tls.h>
#include <linux/userfaultfd.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <barrier>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "support/diag.h"
#include "support/inet_case.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

int references() {
    std::ifstream file("/sys/module/xinet/refcnt");
    int count = -1;
    file >> count;
    return count;
}

// TCP frees a sock when its last packet has gone and was acknowledged.
testing::AssertionResult references_return_to(int expected) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    int count;
    while ((count = references()) != expected && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (count != expected)
        return testing::AssertionFailure()
               << "the module's count is " << count << ", not " << expected;
    return testing::AssertionSuccess();
}

long set_ulp(int fd, const char* name) {
    return sys::setsockopt(fd, SOL_TCP, TCP_ULP, name, long(std::strlen(name)));
}

tls12_crypto_info_aes_gcm_128 some_key() {
    tls12_crypto_info_aes_gcm_128 key{};
    key.info = {.version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128};
    return key;
}

long set_key(int fd, int direction) {
    const auto key = some_key();
    return sys::setsockopt(fd, SOL_TLS, direction, &key, sizeof(key));
}

bool tls_is_there() {
    const Connection connection = connect_streams(Side::sibling, Side::sibling);
    return set_ulp(connection.client.get(), "tls") == 0;
}

// Calls at the same time.
template<typename... Calls>
void at_once(Calls... calls) {
    std::barrier start(sizeof...(calls));
    std::vector<std::thread> threads;
    (threads.emplace_back([&start, calls] {
        start.arrive_and_wait();
        calls();
    }),
     ...);
    for (std::thread& thread : threads)
        thread.join();
}

class InetUlp : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        inet_namespace().run([this] {
            if (!tls_is_there())
                GTEST_SKIP() << "no kTLS here";
            before_ = references();
        });
    }

    [[nodiscard]] int before() const { return before_; }

    static void expect_text_passes(const Connection& connection) {
        ASSERT_EQ(::send(connection.client.get(), "secret", 6, MSG_NOSIGNAL), 6)
            << strerrorname_np(errno);
        char text[6] = {};
        ASSERT_EQ(::recv(connection.server.get(), text, sizeof(text), MSG_WAITALL), 6)
            << strerrorname_np(errno);
        EXPECT_EQ(std::string(text, 6), "secret");
    }

private:
    int before_ = -1;
};

TEST_F(InetUlp, switched_connection_is_listed_until_it_is_closed) {
    inet_namespace().run([this] {
        Connection connection = connect_streams(Side::xinet, Side::xinet);
        ASSERT_EQ(set_ulp(connection.client.get(), "tls"), 0) << strerrorname_np(errno);
        ASSERT_EQ(set_ulp(connection.server.get(), "tls"), 0) << strerrorname_np(errno);
        ASSERT_EQ(set_key(connection.client.get(), TLS_TX), 0) << strerrorname_np(errno);
        ASSERT_EQ(set_key(connection.server.get(), TLS_RX), 0) << strerrorname_np(errno);
        expect_text_passes(connection);
        EXPECT_EQ(references(), before() + 2);
        const auto found = find_socket(connection.client);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->base.kind, XINET_DIAG_TCP);
        EXPECT_EQ(all_sockets().size(), 2U);

        connection.client.close();
        EXPECT_EQ(all_sockets().size(), 1U);
        connection.server.close();
        EXPECT_EQ(all_sockets().size(), 0U);
        EXPECT_TRUE(references_return_to(before()));
    });
}

// Its sock stays for as long as the other end does not read.
TEST_F(InetUlp, closed_connection_that_tcp_still_finishes_is_not_listed) {
    inet_namespace().run([this] {
        Connection connection = connect_streams(Side::xinet, Side::sibling);
        ASSERT_EQ(set_ulp(connection.client.get(), "tls"), 0);
        ASSERT_EQ(set_key(connection.client.get(), TLS_TX), 0);
        ASSERT_EQ(::fcntl(connection.client.get(), F_SETFL, O_NONBLOCK), 0);
        const std::string text(100'000, 'x');
        while (::send(connection.client.get(), text.data(), text.size(), MSG_NOSIGNAL) > 0)
            continue;
        const auto cookie = cookie_of(connection.client);
        connection.client.close();
        EXPECT_EQ(all_sockets().size(), 0U);
        auto request = xinet_request();
        request.cookie[0] = uint32_t(cookie);
        request.cookie[1] = uint32_t(cookie >> 32);
        EXPECT_THROW((void)Diag().list<xinet_diag_msg>(request, false), std::system_error);
        connection.server.close(); // resets it
        EXPECT_TRUE(references_return_to(before()));
    });
}

TEST_F(InetUlp, two_threads_that_set_it_leave_the_count_and_the_list) {
    inet_namespace().run([this] {
        for (int round = 0; round < 40; round++) {
            Connection connection = connect_streams(Side::xinet, Side::xinet);
            const int fd = connection.client.get();
            long result[2];
            at_once([&] { result[0] = set_ulp(fd, round % 2 ? "tls" : "zzz"); },
                    [&] { result[1] = set_ulp(fd, "tls"); });
            EXPECT_NE(result[0] == 0, result[1] == 0) << "one of them";
            EXPECT_TRUE(find_socket(connection.client));
        }
        EXPECT_TRUE(references_return_to(before()));
        EXPECT_EQ(all_sockets().size(), 0U);
    });
}

TEST_F(InetUlp, both_directions_set_by_two_threads_leave_the_count_and_the_list) {
    inet_namespace().run([this] {
        for (int round = 0; round < 40; round++) {
            Connection connection = connect_streams(Side::xinet, Side::xinet);
            for (const Fd* end : {&connection.client, &connection.server}) {
                const int fd = end->get();
                ASSERT_EQ(set_ulp(fd, "tls"), 0);
                long result[2];
                at_once([&] { result[0] = set_key(fd, TLS_TX); },
                        [&] { result[1] = set_key(fd, TLS_RX); });
                EXPECT_EQ(result[0], 0);
                EXPECT_EQ(result[1], 0);
            }
            expect_text_passes(connection);
            EXPECT_EQ(all_sockets().size(), 2U);
        }
        EXPECT_TRUE(references_return_to(before()));
        EXPECT_EQ(all_sockets().size(), 0U);
    });
}

TEST_F(InetUlp, connection_that_ends_meanwhile_leaves_the_count_and_the_list) {
    inet_namespace().run([this] {
        for (int round = 0; round < 40; round++) {
            Connection connection = connect_streams(Side::xinet, Side::xinet);
            const int fd = connection.client.get();
            const sockaddr nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
            at_once([&] { set_ulp(fd, "tls"); },
                    [&] {
                        if (round % 2)
                            connection.server.close();
                        else
                            sys::connect(fd, &nowhere, sizeof(nowhere));
                    },
                    [&] { ::listen(fd, 1); });
            EXPECT_TRUE(find_socket(connection.client));
        }
        EXPECT_TRUE(references_return_to(before()));
        EXPECT_EQ(all_sockets().size(), 0U);
    });
}

TEST_F(InetUlp, sockets_of_pf_inet_drop_no_reference_of_ours) {
    inet_namespace().run([this] {
        const auto switch_one = [](Side side) {
            Connection connection = connect_streams(side, side);
            EXPECT_EQ(set_ulp(connection.client.get(), "tls"), 0);
            EXPECT_EQ(set_key(connection.client.get(), TLS_TX), 0);
            EXPECT_EQ(set_key(connection.client.get(), TLS_RX), 0);
        };
        for (const Side side : {Side::sibling, Side::xinet, Side::sibling, Side::xinet}) {
            switch_one(side);
            EXPECT_TRUE(references_return_to(before()));
        }
        const Connection ours = connect_streams(Side::xinet, Side::xinet);
        ASSERT_EQ(set_ulp(ours.client.get(), "tls"), 0);
        switch_one(Side::sibling);
        EXPECT_EQ(references(), before() + 2);
    });
    EXPECT_TRUE(references_return_to(before()));
}

TEST_F(InetUlp, refused_switch_is_pf_inets_error_and_changes_nothing) {
    inet_namespace().run([this] {
        for (const Side side : both_sides) {
            SCOPED_TRACE(to_string(side));
            const Fd fresh = open_socket(side, Transport::stream);
            EXPECT_EQ(set_ulp(fresh.get(), "tls"), -1);
            EXPECT_EQ(errno, ENOTCONN);
            EXPECT_EQ(set_ulp(fresh.get(), "nosuch"), -1);
            EXPECT_EQ(errno, ENOENT);
            EXPECT_EQ(set_ulp(fresh.get(), ""), -1);
            EXPECT_EQ(errno, EINVAL);
            EXPECT_EQ(sys::setsockopt(fresh.get(), SOL_TCP, TCP_ULP, nullptr, 3), -1);
            EXPECT_EQ(errno, EFAULT);

            const Fd listener = open_listener(side);
            EXPECT_EQ(set_ulp(listener.get(), "tls"), -1);
            EXPECT_EQ(errno, ENOTCONN);
            connect_to(fresh, name_of(listener));
            const Fd accepted = accept_from(listener);
            if (side == Side::xinet) {
                EXPECT_EQ(references(), before() + 3);
                EXPECT_TRUE(find_socket(accepted));
            }
            ASSERT_EQ(set_ulp(accepted.get(), "tls"), 0);
            EXPECT_EQ(set_ulp(accepted.get(), "tls"), -1);
            EXPECT_EQ(errno, EEXIST);
        }
    });
    EXPECT_TRUE(references_return_to(before()));
}

// They are there on some kernels, and exchange a socket's operations in ways of their own.
TEST_F(InetUlp, other_protocols_are_not_there) {
    inet_namespace().run([this] {
        const Fd fresh = open_socket(Side::xinet, Transport::stream);
        const Connection connection = connect_streams(Side::xinet, Side::sibling);
        for (const char* name : {"smc", "espintcp", "mptcp", "tlsx", "t"}) {
            for (const int fd : {fresh.get(), connection.client.get()}) {
                EXPECT_EQ(set_ulp(fd, name), -1) << name;
                EXPECT_EQ(errno, ENOENT) << name;
            }
        }
    });
    EXPECT_TRUE(references_return_to(before()));
}

TEST_F(InetUlp, socket_that_used_to_listen_connects_switches_and_goes) {
    inet_namespace().run([this] {
        const Fd peer = open_listener(Side::sibling);
        Fd socket = open_listener(Side::xinet);
        const sockaddr nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
        ASSERT_EQ(::shutdown(socket.get(), SHUT_RDWR), 0);
        connect_to(socket, name_of(peer));
        ASSERT_EQ(sys::connect(socket.get(), &nowhere, sizeof(nowhere)), 0);
        ASSERT_EQ(::listen(socket.get(), 1), 0) << strerrorname_np(errno);
        {
            const Fd client = open_socket(Side::sibling, Transport::stream);
            connect_to(client, name_of(socket));
            const Fd accepted = accept_from(socket);
            EXPECT_TRUE(find_socket(accepted));
        }
        ASSERT_EQ(::shutdown(socket.get(), SHUT_RDWR), 0);
        (void)accept_from(peer);
        connect_to(socket, name_of(peer));
        ASSERT_EQ(set_ulp(socket.get(), "tls"), 0) << strerrorname_np(errno);
        EXPECT_TRUE(find_socket(socket));
        socket.close();
        EXPECT_EQ(all_sockets().size(), 0U);
    });
    EXPECT_TRUE(references_return_to(before()));
}

// A page that is missing until the test fills it.
class MissingPage {
public:
    MissingPage()
        : fault_(int(syscall(SYS_userfaultfd, O_CLOEXEC))),
          page_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
        uffdio_register all{.range = {uint64_t(reinterpret_cast<uintptr_t>(page_)), size},
                            .mode = UFFDIO_REGISTER_MODE_MISSING,
                            .ioctls = 0};
        usable_ = fault_ && !::ioctl(fault_.get(), UFFDIO_API, &api) &&
                  !::ioctl(fault_.get(), UFFDIO_REGISTER, &all);
    }
    ~MissingPage() { ::munmap(page_, size); }
    MissingPage(const MissingPage&) = delete;
    MissingPage& operator=(const MissingPage&) = delete;

    [[nodiscard]] bool usable() const { return usable_; }
    [[nodiscard]] const char* text() const { return static_cast<const char*>(page_); }
    void await_reader() const {
        uffd_msg message{};
        checked(int(::read(fault_.get(), &message, sizeof(message))), "userfaultfd");
    }
    void fill(const char* with) const {
        alignas(size) static char source[size];
        std::strncpy(source, with, sizeof(source) - 1);
        uffdio_copy copy{.dst = uint64_t(reinterpret_cast<uintptr_t>(page_)),
                         .src = uint64_t(reinterpret_cast<uintptr_t>(source)),
                         .len = size,
                         .mode = 0,
                         .copy = 0};
        checked(::ioctl(fault_.get(), UFFDIO_COPY, &copy), "UFFDIO_COPY");
    }

private:
    static constexpr size_t size = 4096;
    Fd fault_;
    void* page_;
    bool usable_ = false;
};

TEST_F(InetUlp, call_that_waits_for_its_name_holds_nobody_up) {
    const MissingPage first, second;
    if (!first.usable() || !second.usable())
        GTEST_SKIP() << "no userfaultfd here";
    inet_namespace().run([&] {
        Connection connection = connect_streams(Side::xinet, Side::xinet);
        const int fd = connection.client.get();
        long result[2];
        std::thread one(
            [&] { result[0] = sys::setsockopt(fd, SOL_TCP, TCP_ULP, first.text(), 3); });
        first.await_reader();
        std::thread two(
            [&] { result[1] = sys::setsockopt(fd, SOL_TCP, TCP_ULP, second.text(), 3); });
        second.await_reader();
        const sockaddr nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
        EXPECT_EQ(::listen(fd, 1), -1);
        EXPECT_EQ(sys::bind(fd, &nowhere, 1), -1);
        expect_text_passes(connection);
        first.fill("zzz");
        one.join();
        EXPECT_EQ(result[0], -1);
        second.fill("tls");
        two.join();
        EXPECT_EQ(result[1], 0);
        EXPECT_TRUE(find_socket(connection.client));
        connection = {};
        EXPECT_EQ(all_sockets().size(), 0U);
    });
    EXPECT_TRUE(references_return_to(before()));
}

} // namespace
} // namespace xt
