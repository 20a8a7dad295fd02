// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/capture.h"

#include "libxinet/printable.h"
#include "libxinet/signals.h"
#include "program/command_line.h"
#include "program/json.h"
#include "program/print_error.h"
#include "program/told.h"
#include "xinet/capture_writer.h"
#include "xinet/diag.h"
#include "xinet/error.h"
#include "xinet/network_namespace.h"
#include "xinet/socket_source.h"

#include <fmt/format.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

namespace xinet {

namespace {

constexpr std::string_view every_interface = "any";
constexpr std::string_view every_namespace = "all";

/// Where packets go: a file, or lines on standard output.
class Sink {
public:
    /// @param file none: lines alone
    Sink(const CaptureOptions& options, const CaptureDescription& description,
         bool name_each_interface, std::optional<OutputFile> file, Signals& signals)
        : options_(options), link_type_(description.link_type),
          name_each_interface_(name_each_interface), interface_name_(description.interface_name) {
        const auto await_room = [&signals](int output) { return signals.await_room(output); };
        text_.wait_by(await_room);
        if (file) {
            file->wait_by(await_room);
            writer_ = make_writer(std::move(*file), description);
        }
    }

    void write(const CapturedPacket& packet) {
        if (writer_ && writer_->describes_packets() && has_description(packet)) {
            describe(packet);
        } else if (writer_) {
            writer_->write(packet);
        } else if (!options_.quiet) {
            text_.append(line(packet));
        }
    }

    void flush() {
        if (writer_) {
            writer_->flush();
        }
        text_.flush();
    }

    /// @param last_text goes to standard output, behind what is there
    void finish(const CaptureStatistics& statistics, const std::string& last_text) {
        if (writer_) {
            writer_->finish(statistics);
        }
        text_.append(last_text);
        text_.close();
    }

private:
    bool has_description(const CapturedPacket& packet) const {
        return name_each_interface_ || options_.comments || packet.netns != nullptr ||
               packet.owner != nullptr || packet.point != nullptr;
    }

    /// Writes it with all that a file can say of it.
    void describe(const CapturedPacket& packet) {
        CapturedPacket described = packet;
        std::string name;
        if (packet.netns != nullptr) {
            name = namespaces_.device(*packet.netns);
            described.interface_name = name;
        } else if (name_each_interface_) {
            name = printable(name_of(packet.interface_index));
            described.interface_name = name;
        }
        if (packet.point != nullptr && packet.point->point != 0) {
            name = fmt::format("{} ({})", printable(name_of(packet.interface_index)),
                               point_name(packet.point->point));
            described.interface_name = name;
        }
        // Of what came in, a file has the process in its comment alone.
        const OwnerDetails details = options_.comments || packet.packet_type == PACKET_OUTGOING
                                         ? details_of(packet)
                                         : OwnerDetails{};
        if (details.process != nullptr && packet.packet_type == PACKET_OUTGOING) {
            described.process = details.process->process;
        }
        std::string comment;
        if (options_.comments) {
            comment = told_text(packet, details);
            described.comment = comment;
        }
        writer_->write(described);
    }

    std::string line(const CapturedPacket& packet) {
        if (packet.netns != nullptr) {
            return line_of_all_namespaces(packet);
        }
        const std::string& name = name_of(packet.interface_index);
        if (options_.json) {
            return packet_json(packet, link_type_, name, {}, details_of(packet));
        }
        return packet_text(packet, link_type_, name_each_interface_ ? name : std::string_view{},
                           options_.link_header, details_of(packet));
    }

    std::string line_of_all_namespaces(const CapturedPacket& packet) {
        if (options_.json) {
            return packet_json(packet, link_type_, packet.netns->device,
                               namespaces_.name(*packet.netns), details_of(packet));
        }
        return packet_text(packet, link_type_, namespaces_.device(*packet.netns),
                           options_.link_header, details_of(packet));
    }

    OwnerDetails details_of(const CapturedPacket& packet) {
        return packet.owner == nullptr ? OwnerDetails{} : owners_.find(*packet.owner);
    }

    const std::string& name_of(unsigned index) {
        if (!name_each_interface_) {
            return interface_name_;
        }
        const auto [entry, fresh] = names_.try_emplace(index);
        if (fresh) {
            entry->second = interface_name(index);
        }
        return entry->second;
    }

    const CaptureOptions& options_;
    LinkType link_type_;
    bool name_each_interface_;
    std::string interface_name_;
    std::unique_ptr<CaptureWriter> writer_;
    OutputFile text_{"-"};
    std::unordered_map<unsigned, std::string> names_;
    NetworkNamespaceNames namespaces_;
    OwnerLookup owners_;
};

/// Whether files or lines have room for the queue, and asking for it takes packets off no fast path
/// of the kernel: what else is asked for has none.
bool shows_queues(const CaptureOptions& options) {
    const bool is_slow = options.original || (options.points & ~unsigned{XINET_POINT_TAP}) != 0 ||
                         (options.owners && options.network_namespace == every_namespace);
    return is_slow && (options.file.empty() ? options.json : names_pcapng(options.file));
}

SocketSourceOptions source_options(const CaptureOptions& options) {
    SocketSourceOptions result{.engine = options.engine,
                               .interface = std::nullopt,
                               .snapshot_length = options.snapshot_length,
                               .promiscuous = options.promiscuous,
                               .direction = options.direction,
                               .expression = options.expression,
                               .owners = options.owners,
                               .drops = options.drops,
                               .all_namespaces = options.network_namespace == every_namespace,
                               .original = options.original,
                               .points = options.points,
                               .queues = shows_queues(options)};
    if (result.all_namespaces) {
        if (!options.interface_name.empty() && options.interface_name != every_interface) {
            throw Error("capture on", options.interface_name, EINVAL,
                        "with --netns all, -i can be any only");
        }
        return result;
    }
    if (options.interface_name.empty()) {
        result.interface = default_interface(list_interfaces());
    } else if (options.interface_name != every_interface) {
        result.interface = find_interface(options.interface_name);
    }
    return result;
}

/// All points are those that the kernel has.
SocketSource open_source(SocketSourceOptions options) {
    try {
        return SocketSource(options);
    } catch (const Error& error) {
        if (error.code() != EOPNOTSUPP || options.points != point_named("all")) {
            throw;
        }
    }
    options.points &= ~points_of_tracepoints;
    SocketSource source(options);
    print_error("xinet: this kernel does not show queues, drivers and readers\n");
    return source;
}

void print_counts(std::uint64_t captured, const CaptureStatistics& statistics) {
    print_error("{} packets captured, {} received by filter, {} dropped by kernel{}\n", captured,
                statistics.received, statistics.dropped, loss_text(statistics.reasons));
}

/// One capture from start to stop; counts what went to the sink.
class Capture {
public:
    Capture(SocketSource& source, Sink& sink, Signals& signals, std::uint64_t limit)
        : source_(source), sink_(sink), signals_(signals), limit_(limit) {}

    std::uint64_t captured() const { return captured_; }

    /// Until a signal or the limit.
    void run() {
        while (captured_ < limit_ && !signals_.stopped()) {
            if (signals_.wait(source_.descriptor(), std::nullopt)) {
                take_batch();
            }
            while (const auto request = signals_.request()) {
                answer(*request);
            }
        }
        drain();
    }

    /// What is queued already, but not for ever under a flood.
    void drain() {
        using Clock = std::chrono::steady_clock;
        const auto end = Clock::now() + std::chrono::seconds(1);
        source_.flush();
        while (captured_ < limit_ && Clock::now() < end &&
               signals_.wait(source_.descriptor(), std::chrono::nanoseconds(0))) {
            take_batch();
        }
    }

private:
    /// As tcpdump(8) does: SIGUSR1 asks for the counts, SIGUSR2 for what has not been written.
    void answer(int request) {
        if (request == SIGUSR1) {
            print_counts(captured_, source_.statistics());
        } else {
            source_.flush();
        }
    }

    void take_batch() {
        source_.hand_over([this](const CapturedPacket& packet) {
            sink_.write(packet);
            return ++captured_ != limit_;
        });
        sink_.flush();
    }

    SocketSource& source_;
    Sink& sink_;
    Signals& signals_;
    std::uint64_t limit_;
    std::uint64_t captured_ = 0;
};

std::string statistics_json(std::uint64_t captured, const CaptureStatistics& statistics) {
    return json_line({{"type", "statistics"},
                      {"captured", captured},
                      {"received", statistics.received},
                      {"dropped", statistics.dropped},
                      {"reasons", drop_reasons_json(statistics.reasons)}});
}

} // namespace

int run_capture(const CaptureOptions& options) {
    if (!options.network_namespace.empty() && options.network_namespace != every_namespace) {
        enter_network_namespace(options.network_namespace);
    }
    const SocketSourceOptions wanted = source_options(options);
    SocketSource source = open_source(wanted);
    const std::string name =
        wanted.interface ? wanted.interface->name : std::string(every_interface);
    std::optional<OutputFile> file;
    if (!options.file.empty()) {
        file.emplace(options.file);
    }
    // Names in a filter, and a FIFO that nobody reads, have been waited for: until here, a signal
    // does what it does by default.
    Signals signals({SIGINT, SIGTERM, SIGHUP}, {SIGUSR1, SIGUSR2});
    Sink sink(options,
              {.link_type = source.link_type(),
               .snapshot_length = options.snapshot_length,
               .interface_name = name,
               .filter = options.expression,
               .application = version_text() + " capture"},
              !wanted.interface || (wanted.points & ~std::uint32_t{XINET_POINT_TAP}) != 0,
              std::move(file), signals);
    if (!options.quiet) {
        print_error("listening on {}{}, link-type {}, snapshot length {} bytes\n", name,
                    wanted.all_namespaces ? " in all network namespaces" : "",
                    link_type_name(source.link_type()), options.snapshot_length);
    }

    int status = ExitStatus::success;
    Capture capture(source, sink, signals,
                    options.count.value_or(std::numeric_limits<std::uint64_t>::max()));
    try {
        capture.run();
    } catch (const Error& error) {
        if (error.code() != ENETDOWN) {
            throw;
        }
        // The kernel reports it before what is still queued: keep that too.
        print_error("xinet: {}\n", error.what());
        status = ExitStatus::error;
        capture.drain();
    }
    const CaptureStatistics statistics = source.statistics();
    sink.finish(statistics, options.json && options.file != "-"
                                ? statistics_json(capture.captured(), statistics)
                                : "");
    print_counts(capture.captured(), statistics);
    return status;
}

} // namespace xinet
