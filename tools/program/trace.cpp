// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/trace.h"

#include "libxinet/signals.h"
#include "program/capture.h"
#include "program/packet_ways.h"
#include "program/print_error.h"
#include "program/told.h"
#include "program/way_report.h"
#include "xinet/capture_writer.h"
#include "xinet/error.h"
#include "xinet/filter.h"
#include "xinet/interface.h"
#include "xinet/network_namespace.h"
#include "xinet/socket_source.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace xinet {

namespace {

constexpr std::string_view every_interface = "any";
constexpr std::string_view every_namespace = "all";
/// For the headers, and what a filter may look at.
constexpr std::uint32_t snapshot_length = 2048;

constexpr std::chrono::milliseconds round(20);
constexpr int rounds_at_end = 5;

/// All that this kernel has.
SocketSource open_source(bool all_namespaces) {
    SocketSourceOptions wanted{.snapshot_length = snapshot_length,
                               .promiscuous = false,
                               .owners = true,
                               .drops = Drops::beside,
                               .all_namespaces = all_namespaces,
                               .points = point_named("all")};
    try {
        return SocketSource(wanted);
    } catch (const Error& error) {
        if (error.code() != EOPNOTSUPP) {
            throw;
        }
    }
    wanted.drops = Drops::none;
    wanted.points &= ~points_of_tracepoints;
    SocketSource source(wanted);
    print_error("xinet: this kernel shows neither drops, nor queues, drivers and readers\n");
    return source;
}

class Trace {
public:
    Trace(const TraceOptions& options, SocketSource& source)
        : options_(options), source_(source),
          filter_(options.expression, source.link_type(), snapshot_length),
          report_([this](unsigned index) { return name_of(index); }, owners_),
          ways_([this](const PacketWay& way) { take(way); }, options.patience),
          limit_(options.count.value_or(std::numeric_limits<std::uint64_t>::max())) {
        // Not bound to it: what comes by it has records of others on its way.
        if (options.interface_name != every_interface) {
            interface_index_ = find_interface(options.interface_name).index;
        }
        output_.wait_by([this](int output) { return signals_.await_room(output); });
    }

    /// Until a signal or the limit.
    void run() {
        while (shown_ < limit_ && !signals_.stopped()) {
            signals_.wait(source_.descriptor(), round);
            ways_.settle(read());
            output_.flush();
            if (signals_.request()) {
                print_error("{}", report_.summary_text());
            }
        }
        // What is dropped comes some milliseconds later.
        for (int i = 0; i < rounds_at_end && shown_ < limit_; ++i) {
            signals_.wait(source_.descriptor(), round);
            read();
        }
        ways_.finish();
        output_.append(options_.json
                           ? report_.summary_json()
                           : (options_.quiet || shown_ == 0 ? "" : "\n") + report_.summary_text());
        output_.close();
    }

    std::uint64_t cut_short() const { return ways_.cut_short(); }

private:
    /// Returns the time before which all has been read.
    PacketWays::Clock::time_point read() {
        constexpr int most_batches = 1024; // of a queue; a ring hands over all
        const auto now = PacketWays::Clock::now();
        const auto wall = std::chrono::system_clock::now();
        bool more = true;
        for (int i = 0; more && i < most_batches; ++i) {
            // a ring wakes its reader late
            source_.flush();
            more = false;
            source_.hand_over([&](const CapturedPacket& packet) {
                more |= packet.timestamp <= wall;
                take(packet, now);
                return true;
            });
        }
        return now;
    }

    /// An index is one of its namespace, so the devices of all are numbered anew.
    unsigned number_of(const CapturedPacket& packet) {
        if (packet.netns == nullptr) {
            return packet.interface_index;
        }
        // somebody may make one device after the other; then older ways lose their names
        constexpr std::size_t most_devices = 65536;
        if (numbers_.size() >= most_devices) {
            numbers_.clear();
            names_.clear();
        }
        const auto [entry, fresh] =
            numbers_.try_emplace({packet.netns->cookie, packet.interface_index}, last_number_ + 1);
        if (fresh) {
            names_[++last_number_] = namespaces_.device(*packet.netns);
        }
        return entry->second;
    }

    void take(const CapturedPacket& seen, PacketWays::Clock::time_point now) {
        CapturedPacket packet = seen;
        packet.interface_index = number_of(seen);
        const bool matches = filter_.evaluate(packet.data, packet.original_length) != 0;
        ways_.add(
            packet, matches, [this, &packet] { return head_of(packet); }, now);
        // its names, while process and control group are there
        if (matches && packet.owner != nullptr) {
            owners_.note(*packet.owner);
        }
    }

    /// What is told of a record is told of its way.
    std::string head_of(const CapturedPacket& packet) {
        CapturedPacket bare = packet;
        bare.owner = nullptr;
        bare.dropped = nullptr;
        bare.point = nullptr;
        std::string head =
            options_.json ? json_of(bare) : packet_text(bare, source_.link_type(), {}, false);
        head.pop_back(); // the end of the line
        return head;
    }

    std::string json_of(const CapturedPacket& packet) {
        if (packet.netns == nullptr) {
            return packet_json(packet, source_.link_type(), name_of(packet.interface_index));
        }
        return packet_json(packet, source_.link_type(), packet.netns->device,
                           namespaces_.name(*packet.netns));
    }

    void take(const PacketWay& way) {
        if (way.head.empty() || shown_ >= limit_ ||
            (interface_index_ && !way.comes_by(*interface_index_))) {
            return;
        }
        ++shown_;
        report_.add(way);
        if (!options_.quiet) {
            output_.append(options_.json ? report_.json(way) : report_.text(way));
        }
    }

    const std::string& name_of(unsigned index) {
        const auto [entry, fresh] = names_.try_emplace(index);
        if (fresh) {
            entry->second = last_number_ == 0 ? interface_name(index) : "?";
        }
        return entry->second;
    }

    const TraceOptions& options_;
    OutputFile output_{"-"};
    SocketSource& source_;
    FilterProgram filter_;
    // behind the filter: names in it have been looked up
    Signals signals_{{SIGINT, SIGTERM, SIGHUP}, {SIGUSR1}};
    OwnerLookup owners_;
    NetworkNamespaceNames namespaces_;
    std::map<std::pair<std::uint64_t, unsigned>, unsigned> numbers_; ///< by namespace and index
    unsigned last_number_ = 0;
    std::unordered_map<unsigned, std::string> names_;
    WayReport report_;
    PacketWays ways_;
    std::uint64_t limit_;
    std::uint64_t shown_ = 0;
    std::optional<unsigned> interface_index_;
};

} // namespace

int run_trace(const TraceOptions& options) {
    const bool all_namespaces = options.network_namespace == every_namespace;
    if (all_namespaces && options.interface_name != every_interface) {
        throw Error("trace on", options.interface_name, EINVAL,
                    "with --netns all, -i can be any only");
    }
    if (!options.network_namespace.empty() && !all_namespaces) {
        enter_network_namespace(options.network_namespace);
    }
    SocketSource source = open_source(all_namespaces);
    Trace trace(options, source);
    print_error("tracing packets on {}\n", options.interface_name);
    trace.run();
    const CaptureStatistics statistics = source.statistics();
    if (statistics.dropped != 0) {
        print_error("{} records were lost{}: ways may have gaps\n", statistics.dropped,
                    loss_text(statistics.reasons));
    }
    if (trace.cut_short() != 0) {
        print_error("{} packets were not waited for: there were too many\n", trace.cut_short());
    }
    return ExitStatus::success;
}

} // namespace xinet
