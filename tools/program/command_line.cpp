// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/command_line.h"

#include "program/told.h"

#include "xinet/capture_writer.h"
#include "xinet/version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/xinet_diag.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>

namespace xinet {

namespace {

constexpr std::size_t largest_payload = 65507; // 65535 less the IPv4 and ICMP headers
constexpr std::uint32_t largest_snapshot = 262144;
constexpr double smallest_user_interval = 0.002;
constexpr double longest_seconds = 1e9;

constexpr const char* exit_statuses = "Exit status: 0 success, 2 error or wrong usage.";

std::chrono::nanoseconds to_duration(double seconds) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(seconds));
}

/// A number of seconds, possibly fractional; rejects what is not finite.
CLI::Validator seconds_from(double least) {
    return {[least](std::string& text) -> std::string {
                double value = 0;
                if (!CLI::detail::lexical_cast(text, value) || !std::isfinite(value)) {
                    return fmt::format("'{}' is not a number of seconds", text);
                }
                if (value < least || value > longest_seconds) {
                    return fmt::format("{} is not between {} and {} seconds", text, least,
                                       longest_seconds);
                }
                return {};
            },
            "", "seconds"};
}

/// In decimal digits: "010" is ten, as for other tools.
std::from_chars_result read_number(const std::string& text, std::int64_t& number) {
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number);
    return result.ptr == end ? result : std::from_chars_result{end, std::errc::invalid_argument};
}

CLI::Validator number_between(std::int64_t least, std::int64_t most) {
    return {[=](std::string& text) -> std::string {
                std::int64_t number = 0;
                const auto result = read_number(text, number);
                if (result.ec == std::errc::invalid_argument) {
                    return fmt::format("'{}' is not a whole number", text);
                }
                if (result.ec != std::errc{} || number < least || number > most) {
                    return fmt::format("{} is not between {} and {}", text, least, most);
                }
                return {};
            },
            "", "number"};
}

template<class Target>
CLI::Option* add_number(CLI::App& app, const std::string& names, Target& target, std::int64_t least,
                        std::int64_t most, const std::string& unit,
                        const std::string& description) {
    return app
        .add_option_function<std::string>(
            names,
            [&target](const std::string& text) {
                std::int64_t number = 0;
                read_number(text, number);
                target = Target(number);
            },
            description)
        ->check(number_between(least, most))
        ->type_name(unit);
}

template<class Target>
CLI::Option* add_count(CLI::App& app, Target& target, const std::string& description) {
    return add_number(app, "-c,--count", target, 1, std::numeric_limits<std::int64_t>::max(), "N",
                      description);
}

/// @param what "an interface", ...
CLI::Validator not_empty(const std::string& what) {
    return {[=](std::string& text) {
                return text.empty() ? fmt::format("{} has a name", what) : std::string();
            },
            "", "name"};
}

CLI::Option* add_seconds(CLI::App& app, const std::string& names, std::chrono::nanoseconds& target,
                         double least, const std::string& description) {
    return app
        .add_option_function<double>(
            names, [&target](const double& value) { target = to_duration(value); }, description)
        ->check(seconds_from(least))
        ->type_name("SECONDS");
}

void add_engine(CLI::App& app, const std::string& sibling, Engine& engine) {
    app.add_option_function<std::string>(
           "--family",
           [&engine](const std::string& name) {
               engine = name == "xinet" ? Engine::xinet : Engine::sibling;
           },
           "socket family to work over (default: xinet)")
        ->check(CLI::IsMember({std::string("xinet"), sibling}))
        ->type_name("xinet|" + sibling)
        ->option_text("xinet|" + sibling);
}

void add_ping(CLI::App& root, PingOptions& options) {
    CLI::App& app = *root.add_subcommand("ping", "send ICMP echo requests to a host");
    app.footer("Exit status: 0 at least one reply (with -c and -w: all of them), 1 no reply, "
               "2 error or wrong usage.");
    app.add_option("HOST", options.host, "name or IPv4 address")
        ->required()
        ->check(not_empty("a host"))
        // CLI11 takes an option that is a digit, and that it does not know, for a value
        ->check([](const std::string& host) {
            return host.starts_with('-') ? "there is no option " + host : std::string();
        })
        ->type_name("");
    add_count(app, options.count, "stop after N replies");
    add_seconds(app, "-i,--interval", options.interval, 0.0,
                "time between requests (default 1; below 0.002 for root only)");
    add_number(app, "-s,--size", options.payload_bytes, 0, largest_payload, "BYTES",
               "bytes of payload (default 56)");
    add_number(app, "-t,--ttl", options.ttl, 1, 255, "TTL", "time to live of the requests");
    add_seconds(app, "-W,--timeout", options.linger, 0.001,
                "time to wait for a first reply after the last request (default 10)");
    add_number(app, "-w,--deadline", options.deadline, 1, std::numeric_limits<int>::max(),
               "SECONDS", "stop after this time whatever was sent or received");
    app.add_option("-I,--interface", options.source, "interface to use, or source address")
        ->check(not_empty("an interface"))
        ->option_text("IFACE|ADDR");
    app.add_flag_callback(
        "-4", [] {}, "accepted as a habit: addresses are of IPv4");
    app.add_flag("-q,--quiet", options.quiet, "print the first line and the statistics only");
    app.add_flag("-n,--numeric", options.numeric, "do not look up the names of addresses");
    app.add_flag("--json", options.json, "print one JSON object per line");
    add_engine(app, "inet", options.engine);
    app.add_option_function<std::string>(
           "--point",
           [&options](const std::string& name) {
               options.point = name == "host" ? RawPoint::host : RawPoint::wire;
           },
           "where to receive: as packets come in, or behind the firewall (default: wire)")
        ->check(CLI::IsMember({"wire", "host"}))
        ->option_text("wire|host");
}

CLI::Option* add_namespace(CLI::App& app, std::string& name, const std::string& description) {
    return app.add_option("--netns", name, description)->check(not_empty("a network namespace"));
}

void add_capture(CLI::App& root, CaptureOptions& options, std::vector<std::string>& words) {
    CLI::App& app = *root.add_subcommand("capture", "print packets, or write them to a file");
    app.footer(exit_statuses);
    app.add_option("EXPRESSION", words, "filter as in pcap-filter(7)")->type_name("");
    app.add_option("-i,--interface", options.interface_name,
                   "interface, or any (default: the first that is up and not loopback)")
        ->check(not_empty("an interface"))
        ->option_text("IFACE");
    add_count(app, options.count, "stop after N packets");
    app.add_option("-w,--write", options.file,
                   "write to FILE: pcapng if it ends in .pcapng, else pcap; - is standard output")
        ->check(not_empty("a file"))
        ->option_text("FILE");
    add_number(app, "-s,--snapshot-length", options.snapshot_length, 0, largest_snapshot, "BYTES",
               "bytes kept of each packet (default, and 0: 262144)");
    app.add_flag_callback(
        "-p,--no-promiscuous", [&options] { options.promiscuous = false; },
        "do not ask the interface for frames to other hosts");
    const std::map<std::string, Direction> directions{
        {"in", Direction::in}, {"out", Direction::out}, {"inout", Direction::both}};
    app.add_option_function<std::string>(
           "-Q,--direction",
           [&options, directions](const std::string& name) {
               options.direction = directions.at(name);
           },
           "packets to keep (default inout)")
        ->check(CLI::IsMember({"in", "out", "inout"}))
        ->option_text("in|out|inout");
    app.add_flag("-e,--link-header", options.link_header, "print the link-level header too");
    app.add_flag("-q,--quiet", options.quiet, "print the final counts only");
    app.add_flag("--json", options.json, "print one JSON object per packet");
    app.add_flag("--owner", options.owners, "say which socket each packet is of");
    auto* drops = app.add_flag_callback(
        "--drops", [&options] { options.drops = Drops::beside; },
        "show what the kernel drops as well, with reason and place");
    auto* drops_only = app.add_flag_callback(
        "--drops-only", [&options] { options.drops = Drops::only; },
        "show what the kernel drops and nothing else");
    drops_only->excludes(drops);
    app.add_flag("--original", options.original,
                 "show frames as on the wire: not merged, with checksums and VLAN tags");
    app.add_option_function<std::vector<std::string>>(
           "--points",
           [&options](const std::vector<std::string>& names) {
               for (const std::string& name : names) {
                   options.points |= point_named(name);
               }
           },
           "show packets where they come by on their way: " + point_names() + ", or all")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check([](const std::string& name) {
            return point_named(name) == 0 ? "no such point: " + name : std::string();
        })
        ->excludes(drops_only)
        ->option_text("POINT,...");
    app.add_flag("--comments", options.comments,
                 "put what is shown of owners, drops, frames and points into comments");
    add_namespace(app, options.network_namespace,
                  "capture in a network namespace of ip-netns(8), or in all")
        ->option_text("NAME|all");
    app.add_flag_callback(
        "-n", [] {}, "accepted as a habit: addresses are never turned into names");
    add_engine(app, "packet", options.engine);
}

void add_trace(CLI::App& root, TraceOptions& options, std::vector<std::string>& words) {
    CLI::App& app = *root.add_subcommand(
        "trace", "show the ways of packets through this host, and their times");
    app.footer(exit_statuses);
    app.add_option("EXPRESSION", words,
                   "filter as in pcap-filter(7): packets that match it at one of the points")
        ->type_name("");
    app.add_option("-i,--interface", options.interface_name,
                   "packets that come or leave by it (default: any)")
        ->check(not_empty("an interface"))
        ->option_text("IFACE");
    add_count(app, options.count, "stop after N packets");
    add_seconds(app, "-W,--wait", options.patience, 0.001,
                "time after which a packet that is not seen any more is shown (default 1)");
    app.add_flag("-q,--quiet", options.quiet, "print the summary only");
    app.add_flag("--json", options.json, "print one JSON object per packet, stage and end");
    add_namespace(app, options.network_namespace,
                  "trace in a network namespace of ip-netns(8), or in all of them")
        ->option_text("NAME|all");
    app.add_flag_callback(
        "-n", [] {}, "accepted as a habit: addresses are never turned into names");
}

void add_kind(CLI::App& app, const std::string& names, std::uint16_t& kinds, xinet_diag_kind kind,
              const std::string& description) {
    app.add_flag_callback(
        names, [&kinds, kind] { kinds = static_cast<std::uint16_t>(kinds | 1U << kind); },
        description);
}

void add_ss(CLI::App& root, SsOptions& options) {
    CLI::App& app = *root.add_subcommand("ss", "list the sockets of the family");
    app.footer("EXPRESSION: state STATE, src or dst ADDRESS[/LENGTH][:PORT], sport or dport "
               "[=|!=|<|<=|>|>=] PORT, dev IFACE; joined by and, or, not, ( ).\n" +
               std::string(exit_statuses));
    app.add_option("EXPRESSION", options.expression, "which sockets")->type_name("");
    app.add_flag("-a,--all", options.all, "sockets that listen or have no peer, too");
    app.add_flag("-l,--listening", options.listening,
                 "only sockets that listen, or that have no peer and need none");
    add_kind(app, "-t,--tcp", options.kinds, XINET_DIAG_TCP, "stream sockets");
    add_kind(app, "-u,--udp", options.kinds, XINET_DIAG_UDP, "datagram sockets");
    add_kind(app, "-w,--raw", options.kinds, XINET_DIAG_RAW, "raw sockets");
    add_kind(app, "-0,--packet", options.kinds, XINET_DIAG_PACKET, "packet sockets");
    add_kind(app, "--ping", options.kinds, XINET_DIAG_PING, "ping sockets");
    add_kind(app, "--other", options.kinds, XINET_DIAG_OTHER, "sockets of protocol modules");
    app.add_flag("-n,--numeric", options.numeric, "do not turn numbers into names");
    app.add_flag("-p,--processes", options.processes, "show the processes that hold each socket");
    app.add_flag("-e,--extended", options.extended,
                 "show owner, inode, cookie, and what only some kinds have");
    app.add_flag("-i,--info", options.info, "show why each socket lost packets");
    app.add_flag("-m,--memory", options.memory, "show the memory of each socket");
    app.add_flag("-b,--bpf", options.filters, "show the attached filters");
    app.add_flag_callback(
        "-H,--no-header", [&options] { options.header = false; }, "leave the first line out");
    app.add_flag("--json", options.json,
                 "print one JSON object per socket, with all of -e -i -m -b");
}

/// prefix_command() leaves no positionals that the help could show.
class RunFormatter : public CLI::Formatter {
public:
    std::string make_usage(const CLI::App* app, std::string name) const override {
        std::string usage = CLI::Formatter::make_usage(app, std::move(name));
        return usage.insert(usage.find_last_not_of('\n') + 1, " PROGRAM [ARGUMENT...]");
    }
};

CLI::App& add_run(CLI::App& root, RunOptions& options) {
    CLI::App& app = *root.add_subcommand(
        "run", "run a program with its PF_INET and PF_PACKET sockets over PF_XINET");
    app.formatter(std::make_shared<RunFormatter>());
    app.footer("Statically linked programs cannot be redirected; neither can setuid ones or those "
               "with file capabilities, unless run by the user whose privilege they give.\n"
               "Exit status: that of PROGRAM; 2 error, 126 PROGRAM cannot be executed, 127 PROGRAM "
               "not found.");
    app.add_flag("-v,--verbose", options.verbose, "say each redirection on standard error");
    app.prefix_command();
    return app;
}

Answer usage_error(const std::string& message, std::string_view subcommand) {
    const std::string help =
        subcommand.empty() ? "xinet --help" : fmt::format("xinet {} --help", subcommand);
    return {.exit_status = ExitStatus::error,
            .output = {},
            .error = fmt::format("xinet: {}; see '{}'\n", message, help)};
}

std::string_view chosen_subcommand(const CLI::App& root) {
    const auto chosen = root.get_subcommands();
    return chosen.empty() ? std::string_view{} : std::string_view(chosen.front()->get_name());
}

Answer parse_error(const CLI::App& root, const std::string& message,
                   const std::vector<std::string>& arguments) {
    const auto chosen = chosen_subcommand(root);
    // CLI11 misses first what is required, which an unknown option may have been meant for
    const auto left = (chosen.empty() ? &root : root.get_subcommands().front())->remaining();
    const auto unknown = std::ranges::find_if(
        left, [](const std::string& word) { return word.size() > 1 && word.starts_with('-'); });
    if (unknown != left.end()) {
        return usage_error(fmt::format("there is no option {}", *unknown), chosen);
    }
    if (chosen.empty() && !arguments.empty() && !arguments.front().starts_with('-')) {
        return usage_error(
            fmt::format("there is no command '{}', but ping, capture, trace, ss and run",
                        arguments.front()),
            chosen);
    }
    return usage_error(message, chosen);
}

/// "run -v -- PROGRAM" means "run -v PROGRAM"; CLI11 would take PROGRAM for a
/// positional of the root.
std::vector<std::string> without_separator(std::vector<std::string> arguments) {
    if (!arguments.empty() && arguments.front() == "run") {
        const auto first_word =
            std::find_if(arguments.begin() + 1, arguments.end(), [](const std::string& word) {
                return word == "--" || !word.starts_with('-');
            });
        if (first_word != arguments.end() && *first_word == "--") {
            arguments.erase(first_word);
        }
    }
    return arguments;
}

Command finish_run(RunOptions options, std::vector<std::string> rest) {
    if (rest.empty() || rest.front().empty()) {
        return usage_error("PROGRAM is required", "run");
    }
    if (rest.front().starts_with('-')) {
        return usage_error(fmt::format("there is no option {}", rest.front()), "run");
    }
    options.command = std::move(rest);
    return options;
}

} // namespace

std::string version_text() {
    return fmt::format("xinet {}", library_version());
}

Command parse_command_line(const std::vector<std::string>& arguments, bool privileged) {
    CLI::App root("Sockets of the family PF_XINET at work.", "xinet");
    root.set_version_flag("-V,--version", version_text());
    root.require_subcommand(1);
    root.footer("'xinet COMMAND --help' tells more; so do xinet(1), xinet-ping(1), "
                "xinet-capture(1), xinet-trace(1), xinet-ss(1), xinet-run(1).\n" +
                std::string(exit_statuses));

    PingOptions ping;
    CaptureOptions capture;
    TraceOptions trace;
    SsOptions ss;
    RunOptions run;
    std::vector<std::string> words;
    add_ping(root, ping);
    add_capture(root, capture, words);
    add_trace(root, trace, words);
    add_ss(root, ss);
    CLI::App& run_app = add_run(root, run);
    try {
        std::vector<std::string> words_left = without_separator(arguments);
        std::ranges::reverse(words_left); // the order CLI11 asks for
        root.parse(std::move(words_left));
    } catch (const CLI::Success& request) {
        std::ostringstream output;
        root.exit(request, output, output);
        return Answer{.exit_status = ExitStatus::success, .output = output.str(), .error = {}};
    } catch (const CLI::ParseError& error) {
        return parse_error(root, error.what(), arguments);
    }

    const std::string_view chosen = chosen_subcommand(root);
    if (chosen == "ping") {
        if (!privileged && ping.interval < to_duration(smallest_user_interval)) {
            return usage_error("only root may use an interval below 0.002 s: use -i 0.002", chosen);
        }
        if (ping.point && ping.engine != Engine::xinet) {
            return usage_error("--point is for --family xinet; inet always receives at the host",
                               chosen);
        }
        return ping;
    }
    if (chosen == "capture") {
        if (capture.snapshot_length == 0) {
            capture.snapshot_length = largest_snapshot;
        }
        if (capture.comments && !names_pcapng(capture.file)) {
            return usage_error("--comments needs -w FILE.pcapng: pcap has no room for them",
                               chosen);
        }
        capture.expression = fmt::format("{}", fmt::join(words, " "));
        return capture;
    }
    if (chosen == "trace") {
        trace.expression = fmt::format("{}", fmt::join(words, " "));
        return trace;
    }
    if (chosen == "ss") {
        return ss;
    }
    return finish_run(std::move(run), run_app.remaining());
}

} // namespace xinet
