// SPDX-License-Identifier: GPL-2.0-or-later
// The words of ping: as iputils prints them, or JSON, one object per line.
#pragma once

#include "program/ping_packet.h"
#include "program/ping_statistics.h"

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace xinet {

/// "0.042", "1.23", "12.3", "123": milliseconds with as many digits as iputils.
std::string format_trip(std::chrono::nanoseconds trip);

std::string address_text(in_addr address);

struct PingTarget {
    std::string host;
    in_addr address{};
    in_addr source{};
    std::string device;
    bool show_source = false;
};

struct ReplyLine {
    std::string from; ///< "10.77.0.2", or "name (10.77.0.2)"
    EchoReply reply;
    bool duplicate = false;
    std::optional<std::chrono::nanoseconds> trip;
};

struct ErrorLine {
    std::string from;
    EchoError error;
};

std::string header_text(const PingTarget& target, std::size_t payload_bytes);
std::string reply_text(const ReplyLine& line);
std::string error_text(const ErrorLine& line);
std::string statistics_text(const std::string& host, const PingCounts& counts,
                            std::chrono::nanoseconds elapsed);
/// The one line that SIGQUIT asks for.
std::string progress_text(const PingCounts& counts);

std::string reply_json(const ReplyLine& line);
std::string error_json(const ErrorLine& line);
std::string statistics_json(const PingTarget& target, const PingCounts& counts,
                            std::chrono::nanoseconds elapsed);

} // namespace xinet
