// SPDX-License-Identifier: GPL-2.0-or-later
// Which process a socket is of, by the socket's cookie.
#pragma once

#include <linux/xinet.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace xinet {

struct SocketProcess {
    std::uint32_t process = 0; ///< its number, as this program sees it
    std::string name;          ///< as /proc/PID/comm; any bytes
};

/// By cookie.
using ProcessesByCookie = std::unordered_map<std::uint64_t, SocketProcess>;

/// The first process of each socket of a network namespace that a process has open, by sock_diag
/// and /proc; what can be seen of it. Takes as long as there are descriptors in the system. Throws
/// what the standard library throws for lack of memory or threads.
///
/// @param netns its inode number
ProcessesByCookie list_socket_processes(std::uint32_t netns);

/// Looks sockets up while they are open, and keeps what it finds, for a cookie is never used again.
/// A socket that is closed before it was looked for has no process.
class SocketProcesses {
public:
    using List = std::function<ProcessesByCookie(std::uint32_t netns)>;

    /// @param most sockets that are kept: whoever opens sockets can open any number
    explicit SocketProcesses(std::size_t most = 65536, List list = list_socket_processes);

    /// The first process that has the socket open; none if it is not known. Valid until the next
    /// call. A thread looks for what is new, a tenth of the time at most; this waits for it 100 ms
    /// at most, and a hundredth of the time. A socket that was not found is looked for again after
    /// 0.1, 1 and 10 seconds. What the kernel tells (XINET_OWNER_PROCESS) is not looked for; the
    /// name is then empty if the process has ended before.
    const SocketProcess* find(const xinet_owner& owner);

private:
    using Clock = std::chrono::steady_clock;

    struct Known {
        std::optional<SocketProcess> process;
        int tries = 0; ///< 0: not asked for yet
        Clock::time_point next_try;
    };

    struct Found {
        ProcessesByCookie processes;
        Clock::time_point ended;
    };

    static Found look(const List& list, std::uint32_t netns, std::uint64_t wanted,
                      std::size_t most) noexcept;
    const SocketProcess* told_by_kernel(const xinet_owner& owner);
    bool may_look(std::uint64_t cookie) const;
    void begin_to_look(const xinet_owner& owner);
    void wait_for_it();
    void take_what_was_found();

    std::size_t most_;
    List list_;
    std::unordered_map<std::uint64_t, Known> known_; ///< by cookie
    /// By cookie, 0 for none, and number.
    std::map<std::pair<std::uint64_t, std::uint32_t>, SocketProcess> told_;
    std::future<Found> looking_;
    Clock::time_point began_;
    Clock::time_point next_look_;
    Clock::time_point next_wait_;
};

} // namespace xinet
