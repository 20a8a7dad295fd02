// SPDX-License-Identifier: GPL-2.0-or-later
// Which process has which socket open.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace xinet {

struct SocketUser {
    std::string name;
    int process = 0;
    int descriptor = 0;
};

/// By inode number.
using SocketUsers = std::unordered_map<std::uint32_t, std::vector<SocketUser>>;

/// Looks through PROC/PID/fd of every process. Processes that go meanwhile, and
/// those whose descriptors this user may not see, are left out. Throws Error if @p proc cannot be
/// read.
///
/// @param visit called for each socket of each, with its inode number
void visit_socket_users(const std::string& proc,
                        const std::function<void(std::uint32_t, const SocketUser&)>& visit);

/// All of them. Throws as visit_socket_users().
SocketUsers find_socket_users(const std::string& proc = "/proc");

} // namespace xinet
