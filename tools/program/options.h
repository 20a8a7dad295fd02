// SPDX-License-Identifier: GPL-2.0-or-later
// What each subcommand was asked to do.
#pragma once

#include "xinet/family.h"
#include "xinet/filter.h"
#include "xinet/packet_socket.h"
#include "xinet/raw_socket.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xinet {

/// Exit statuses of every subcommand; `run` becomes the program it runs.
struct ExitStatus {
    static constexpr int success = 0;
    static constexpr int no_reply = 1;
    static constexpr int error = 2;
    static constexpr int not_executable = 126;
    static constexpr int not_found = 127;
};

struct PingOptions {
    std::string host;
    std::optional<std::uint64_t> count;
    std::chrono::nanoseconds interval = std::chrono::seconds(1);
    std::size_t payload_bytes = 56;
    std::optional<int> ttl;
    std::chrono::nanoseconds linger = std::chrono::seconds(10);
    std::optional<std::chrono::seconds> deadline;
    std::string source; ///< interface name or address
    bool quiet = false;
    bool numeric = false;
    bool json = false;
    Engine engine = Engine::xinet;
    std::optional<RawPoint> point; ///< unset: what the family has by default
};

struct CaptureOptions {
    std::string interface_name; ///< empty: the default one; "any": all
    std::optional<std::uint64_t> count;
    std::string file; ///< empty: print
    std::uint32_t snapshot_length = 262144;
    bool promiscuous = true;
    bool quiet = false;
    bool link_header = false;
    bool json = false;
    bool owners = false;
    bool original = false;
    std::uint32_t points = 0;      ///< XINET_POINT_*; 0: where packet sockets receive
    bool comments = false;         ///< in a file
    std::string network_namespace; ///< empty: this one; "all": all
    Drops drops = Drops::none;
    Direction direction = Direction::both;
    std::string expression;
    Engine engine = Engine::xinet;
};

struct TraceOptions {
    std::string interface_name = "any";
    std::optional<std::uint64_t> count;
    bool quiet = false;
    bool json = false;
    std::chrono::nanoseconds patience = std::chrono::seconds(1); ///< after the last record
    std::string network_namespace;                               ///< empty: this one; "all": all
    std::string expression;
};

struct RunOptions {
    std::vector<std::string> command;
    bool verbose = false;
};

struct SsOptions {
    std::uint16_t kinds = 0; ///< 1 << enum xinet_diag_kind; 0: all
    bool all = false;
    bool listening = false;
    bool numeric = false;
    bool processes = false;
    bool extended = false;
    bool info = false;
    bool memory = false;
    bool filters = false;
    bool header = true;
    bool json = false;
    std::vector<std::string> expression = {};
};

} // namespace xinet
