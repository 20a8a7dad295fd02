// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/socket_processes.h"

#include "xinet/file_descriptor.h"

#include <gtest/gtest.h>
#include <linux/xinet.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <thread>

namespace {

using namespace std::chrono_literals;
using xinet::ProcessesByCookie;
using xinet::SocketProcess;
using xinet::SocketProcesses;

xinet_owner owner_of(std::uint64_t cookie) {
    xinet_owner owner{};
    owner.cookie = cookie;
    owner.flags = XINET_OWNER_SOCKET;
    return owner;
}

/// As find(), until the pauses are over.
const SocketProcess* find_in_time(SocketProcesses& processes, const xinet_owner& owner) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    const SocketProcess* found = nullptr;
    while (found == nullptr && std::chrono::steady_clock::now() < end) {
        found = processes.find(owner);
    }
    return found;
}

ProcessesByCookie sockets_up_to(std::uint64_t last) {
    ProcessesByCookie all;
    for (std::uint64_t cookie = 1; cookie <= last; ++cookie) {
        all[cookie] = {.process = static_cast<std::uint32_t>(cookie), .name = "a"};
    }
    return all;
}

/// How often was looked; a thread that looks may outlive its test.
using Looks = std::shared_ptr<std::atomic<int>>;

Looks no_looks() {
    return std::make_shared<std::atomic<int>>(0);
}

TEST(SocketProcesses, what_the_kernel_tells_is_not_looked_for) {
    const Looks looks = no_looks();
    SocketProcesses processes(2, [looks](std::uint32_t) {
        ++*looks;
        return ProcessesByCookie{};
    });
    for (std::uint64_t cookie = 1; cookie < 5; ++cookie) {
        xinet_owner owner = owner_of(cookie);
        owner.flags |= XINET_OWNER_PROCESS;
        owner.pid = static_cast<std::uint32_t>(::getpid());
        const SocketProcess* found = processes.find(owner);
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(found->process, owner.pid);
        EXPECT_FALSE(found->name.empty());
        owner.pid = 0x7fffffff; // another has the socket now, and is gone
        found = processes.find(owner);
        EXPECT_EQ(found->process, owner.pid);
        EXPECT_EQ(found->name, "");
    }
    EXPECT_EQ(*looks, 0);
}

TEST(SocketProcesses, one_look_is_for_all_sockets) {
    const Looks looks = no_looks();
    SocketProcesses processes(100, [looks](std::uint32_t) {
        ++*looks;
        return sockets_up_to(3);
    });
    ASSERT_NE(find_in_time(processes, owner_of(1)), nullptr);
    for (const std::uint64_t cookie : {1, 2, 3}) {
        const SocketProcess* found = processes.find(owner_of(cookie));
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(found->process, cookie);
    }
    EXPECT_EQ(*looks, 1);
}

TEST(SocketProcesses, socket_of_the_kernel_or_of_several_has_none) {
    SocketProcesses processes(100, [](std::uint32_t) { return sockets_up_to(3); });
    xinet_owner owner = owner_of(1);
    ASSERT_NE(find_in_time(processes, owner), nullptr);
    for (const std::uint32_t flags :
         {0, XINET_OWNER_SOCKET | XINET_OWNER_KERNEL, XINET_OWNER_SOCKET | XINET_OWNER_SEVERAL}) {
        owner.flags = flags;
        EXPECT_EQ(processes.find(owner), nullptr) << flags;
    }
}

TEST(SocketProcesses, socket_that_is_not_found_is_looked_for_again_later) {
    const Looks looks = no_looks();
    SocketProcesses processes(100, [looks](std::uint32_t) {
        const int look = ++*looks;
        return sockets_up_to(look < 3 ? 0 : 1);
    });
    EXPECT_EQ(processes.find(owner_of(1)), nullptr);
    EXPECT_NE(find_in_time(processes, owner_of(1)), nullptr);
    EXPECT_EQ(*looks, 3);
}

// Not when somebody asks for what it has found.
TEST(SocketProcesses, pause_begins_when_a_look_has_ended) {
    const Looks looks = no_looks();
    SocketProcesses processes(100, [looks](std::uint32_t) {
        if (++*looks == 1) {
            std::this_thread::sleep_for(150ms);
        }
        return sockets_up_to(2);
    });
    EXPECT_EQ(processes.find(owner_of(1)), nullptr);
    std::this_thread::sleep_for(3s);
    EXPECT_NE(find_in_time(processes, owner_of(1)), nullptr);
    processes.find(owner_of(9));
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (*looks < 2 && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(*looks, 2);
}

TEST(SocketProcesses, lack_of_memory_is_as_if_there_were_none) {
    SocketProcesses processes(100,
                              [](std::uint32_t) -> ProcessesByCookie { throw std::bad_alloc(); });
    EXPECT_EQ(processes.find(owner_of(1)), nullptr);
    std::this_thread::sleep_for(10ms);
    EXPECT_EQ(processes.find(owner_of(2)), nullptr);
}

TEST(SocketProcesses, limit_does_not_keep_out_the_one_that_is_wanted) {
    SocketProcesses processes(4, [](std::uint32_t) { return sockets_up_to(1000); });
    for (const std::uint64_t cookie : {7, 900, 33, 12, 450, 1}) {
        EXPECT_NE(find_in_time(processes, owner_of(cookie)), nullptr) << cookie;
    }
}

// An unconnected UDP socket is listed when it is bound.
TEST(SocketProcesses, this_process_is_found_by_the_cookie_of_its_socket) {
    const xinet::FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr any{};
    any.sa_family = AF_INET;
    ASSERT_EQ(::bind(socket.get(), &any, sizeof(sockaddr)), 0);
    std::uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    ASSERT_EQ(::getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length), 0);
    struct stat netns {};
    ASSERT_EQ(::stat("/proc/self/ns/net", &netns), 0);
    const auto all = xinet::list_socket_processes(static_cast<std::uint32_t>(netns.st_ino));
    if (all.empty()) {
        GTEST_SKIP() << "there is no sock_diag for UDP, or no /proc";
    }
    const auto found = all.find(cookie);
    ASSERT_NE(found, all.end());
    EXPECT_EQ(found->second.process, static_cast<std::uint32_t>(::getpid()));
    std::array<char, 16> name{};
    ::prctl(PR_GET_NAME, name.data());
    EXPECT_EQ(found->second.name, name.data());
}

} // namespace
