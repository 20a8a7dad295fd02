// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ping_report.h"

#include "program/json.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/ip.h>

#include <array>

namespace xinet {

namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

double in_milliseconds(std::chrono::nanoseconds value) {
    return Milliseconds(value).count();
}

std::int64_t whole_milliseconds(std::chrono::nanoseconds value) {
    return std::chrono::floor<std::chrono::milliseconds>(value).count();
}

} // namespace

std::string format_trip(std::chrono::nanoseconds trip) {
    const double value = in_milliseconds(trip);
    // The bounds leave room for rounding up to the next power of ten.
    if (value >= 99.95) {
        return fmt::format("{:.0f}", value);
    }
    if (value >= 9.995) {
        return fmt::format("{:.1f}", value);
    }
    if (value >= 0.9995) {
        return fmt::format("{:.2f}", value);
    }
    return fmt::format("{:.3f}", value);
}

std::string address_text(in_addr address) {
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &address, text.data(), text.size());
    return text.data();
}

std::string header_text(const PingTarget& target, std::size_t payload_bytes) {
    std::string text = fmt::format("PING {} ({}) ", target.host, address_text(target.address));
    if (target.show_source) {
        text += fmt::format("from {} {}: ", address_text(target.source), target.device);
    }
    return text + fmt::format("{}({}) bytes of data.\n", payload_bytes,
                              payload_bytes + icmp_header_length + sizeof(iphdr));
}

std::string reply_text(const ReplyLine& line) {
    std::string text = fmt::format("{} bytes from {}: icmp_seq={} ttl={}", line.reply.icmp_bytes,
                                   line.from, line.reply.sequence, line.reply.ttl);
    if (line.trip) {
        text += fmt::format(" time={} ms", format_trip(*line.trip));
    }
    if (line.duplicate) {
        text += " (DUP!)";
    }
    if (!line.reply.checksum_ok) {
        text += " (BAD CHECKSUM!)";
    }
    return text + "\n";
}

std::string error_text(const ErrorLine& line) {
    return fmt::format("From {} icmp_seq={} {}\n", line.from, line.error.sequence,
                       describe_icmp_error(line.error));
}

std::string statistics_text(const std::string& host, const PingCounts& counts,
                            std::chrono::nanoseconds elapsed) {
    std::string text =
        fmt::format("\n--- {} ping statistics ---\n{} packets transmitted, {} received", host,
                    counts.transmitted, counts.received);
    if (counts.duplicates != 0) {
        text += fmt::format(", +{} duplicates", counts.duplicates);
    }
    if (counts.corrupted != 0) {
        text += fmt::format(", +{} corrupted", counts.corrupted);
    }
    if (counts.errors != 0) {
        text += fmt::format(", +{} errors", counts.errors);
    }
    if (counts.transmitted != 0) {
        text += fmt::format(", {:g}% packet loss, time {}ms", counts.loss_percent(),
                            whole_milliseconds(elapsed));
    }
    text += "\n";
    std::string separator;
    if (counts.trips.count() != 0) {
        text += fmt::format(
            "rtt min/avg/max/mdev = {:.3f}/{:.3f}/{:.3f}/{:.3f} ms",
            in_milliseconds(counts.trips.least()), in_milliseconds(counts.trips.mean()),
            in_milliseconds(counts.trips.most()), in_milliseconds(counts.trips.deviation()));
        separator = ", ";
    }
    if (counts.most_in_flight > 1) {
        text += fmt::format("{}pipe {}", separator, counts.most_in_flight);
    }
    return text + "\n";
}

std::string progress_text(const PingCounts& counts) {
    std::string text = fmt::format("{}/{} packets, {:g}% loss", counts.received, counts.transmitted,
                                   counts.loss_percent());
    if (counts.trips.count() != 0) {
        text += fmt::format(
            ", min/avg/max = {:.3f}/{:.3f}/{:.3f} ms", in_milliseconds(counts.trips.least()),
            in_milliseconds(counts.trips.mean()), in_milliseconds(counts.trips.most()));
    }
    return text + "\n";
}

std::string reply_json(const ReplyLine& line) {
    Json object{{"type", "reply"},
                {"from", line.from},
                {"sequence", line.reply.sequence},
                {"bytes", line.reply.icmp_bytes},
                {"ttl", line.reply.ttl},
                {"duplicate", line.duplicate},
                {"checksum_ok", line.reply.checksum_ok}};
    if (line.trip) {
        object["time_ms"] = in_milliseconds(*line.trip);
    }
    return json_line(object);
}

std::string error_json(const ErrorLine& line) {
    return json_line({{"type", "error"},
                      {"from", line.from},
                      {"sequence", line.error.sequence},
                      {"icmp_type", line.error.type},
                      {"icmp_code", line.error.code},
                      {"message", describe_icmp_error(line.error)}});
}

std::string statistics_json(const PingTarget& target, const PingCounts& counts,
                            std::chrono::nanoseconds elapsed) {
    Json object{{"type", "statistics"},
                {"host", target.host},
                {"address", address_text(target.address)},
                {"transmitted", counts.transmitted},
                {"received", counts.received},
                {"duplicates", counts.duplicates},
                {"corrupted", counts.corrupted},
                {"errors", counts.errors},
                {"loss_percent", counts.loss_percent()},
                {"elapsed_ms", in_milliseconds(elapsed)}};
    if (counts.trips.count() != 0) {
        object["rtt_min_ms"] = in_milliseconds(counts.trips.least());
        object["rtt_avg_ms"] = in_milliseconds(counts.trips.mean());
        object["rtt_max_ms"] = in_milliseconds(counts.trips.most());
        object["rtt_mdev_ms"] = in_milliseconds(counts.trips.deviation());
    }
    return json_line(object);
}

} // namespace xinet
