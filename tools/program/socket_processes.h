// SPDX-License-Identifier: GPL-2.0-or-later
// Which process a socket is of, by the socket's cookie.
#pragma once

#include <linux/xinet.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <unordered_map>

namespace xinet {

struct SocketProcess {
    std::uint32_t process = 0; ///< its number, as this program sees it
    std::string name;          ///< as /proc/PID/comm; any bytes
};

/// By cookie.
using ProcessesByCookie = std::unordered_map<std::uint64_t, SocketProcess>;

/// Looks sockets up while they are open: sock_diag has their inode numbers, /proc the processes
/// that have these. What it finds is kept, for a cookie is never used again. A socket that is
/// closed before it was looked for has no process.
class SocketProcesses {
public:
    /// @param most sockets that are kept: whoever opens sockets can open any number
    explicit SocketProcesses(std::size_t most = 65536);

    /// The first process that has the socket open; none if it is not known. Valid until the next
    /// call. A thread looks for what is new, one tenth of the time at most; this waits for it
    /// for 100 ms at most. A socket that was not found three times is not looked for again.
    const SocketProcess* find(const xinet_owner& owner);

private:
    struct Known {
        std::optional<SocketProcess> process;
        int tries = 0;
    };

    void begin_to_look(const xinet_owner& owner);
    void take_what_was_found();

    std::size_t most_;
    std::uint32_t own_netns_;
    std::unordered_map<std::uint64_t, Known> known_; ///< by cookie
    std::future<ProcessesByCookie> looking_;
    std::uint64_t wanted_ = 0; ///< cookie that it looks for first of all
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::time_point next_look_;
};

} // namespace xinet
