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
#include <chrono>
#include <vector>

namespace {

xinet_owner owner_of(int socket) {
    xinet_owner owner{};
    socklen_t length = sizeof(owner.cookie);
    EXPECT_EQ(::getsockopt(socket, SOL_SOCKET, SO_COOKIE, &owner.cookie, &length), 0);
    struct stat netns {};
    EXPECT_EQ(::stat("/proc/self/ns/net", &netns), 0);
    owner.netns = static_cast<std::uint32_t>(netns.st_ino);
    owner.flags = XINET_OWNER_SOCKET;
    return owner;
}

/// An unconnected UDP socket is listed only when it is bound.
xinet::FileDescriptor bound_socket() {
    xinet::FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr any{};
    any.sa_family = AF_INET;
    EXPECT_EQ(::bind(socket.get(), &any, sizeof(sockaddr)), 0);
    return socket;
}

TEST(SocketProcesses, this_process_is_found_by_the_cookie_of_its_socket) {
    const xinet::FileDescriptor socket = bound_socket();
    std::array<char, 16> name{};
    ::prctl(PR_GET_NAME, name.data());
    xinet::SocketProcesses processes;
    const xinet::SocketProcess* found = processes.find(owner_of(socket.get()));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->process, static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(found->name, name.data());
}

TEST(SocketProcesses, socket_stays_known_when_it_is_closed) {
    xinet::SocketProcesses processes;
    xinet::FileDescriptor socket = bound_socket();
    const xinet_owner owner = owner_of(socket.get());
    ASSERT_NE(processes.find(owner), nullptr);
    socket = {};
    EXPECT_NE(processes.find(owner), nullptr);
}

TEST(SocketProcesses, socket_of_the_kernel_or_of_several_has_none) {
    const xinet::FileDescriptor socket = bound_socket();
    xinet_owner owner = owner_of(socket.get());
    xinet::SocketProcesses processes;
    ASSERT_NE(processes.find(owner), nullptr);
    for (const std::uint32_t flags :
         {0, XINET_OWNER_SOCKET | XINET_OWNER_KERNEL, XINET_OWNER_SOCKET | XINET_OWNER_SEVERAL}) {
        owner.flags = flags;
        EXPECT_EQ(processes.find(owner), nullptr) << flags;
    }
}

/// As find(), until the pause after the last look is over.
const xinet::SocketProcess* find_in_time(xinet::SocketProcesses& processes,
                                         const xinet_owner& owner) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const xinet::SocketProcess* found = nullptr;
    while (found == nullptr && std::chrono::steady_clock::now() < end) {
        found = processes.find(owner);
    }
    return found;
}

// The closed one is looked for again and again, and keeps nobody from finding the other.
TEST(SocketProcesses, closed_socket_has_none) {
    xinet::SocketProcesses processes;
    const xinet_owner closed = owner_of(bound_socket().get());
    EXPECT_EQ(processes.find(closed), nullptr);
    const xinet::FileDescriptor socket = bound_socket();
    EXPECT_NE(find_in_time(processes, owner_of(socket.get())), nullptr);
    EXPECT_EQ(processes.find(closed), nullptr);
}

TEST(SocketProcesses, limit_does_not_keep_out_the_one_that_is_wanted) {
    xinet::SocketProcesses processes(2);
    std::vector<xinet::FileDescriptor> sockets(8);
    for (auto& socket : sockets) {
        socket = bound_socket();
    }
    for (const auto& socket : sockets) {
        EXPECT_NE(find_in_time(processes, owner_of(socket.get())), nullptr);
    }
}

} // namespace
