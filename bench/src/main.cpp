// SPDX-License-Identifier: GPL-2.0-or-later
// xinet-bench: measures pairs in a guest, and reports what guests measured.
// bench/run calls it in both places.
#include "pair.h"
#include "plot.h"
#include "profile.h"
#include "result.h"
#include "system.h"

#include "xinet/error.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using bench::Pair;
using bench::Result;

struct MeasureOptions {
    std::string lane;
    std::string clock = "ns";
    std::string only;
    int runs = 7;
    bool quick = false;
};

std::vector<Pair> all_pairs() {
    std::vector<Pair> pairs;
    for (auto* source :
         {bench::packet_receive_pairs, bench::told_pairs, bench::packet_send_pairs,
          bench::raw_pairs, bench::inet_pairs, bench::capture_pairs, bench::latency_pairs}) {
        std::vector<Pair> some = source();
        pairs.insert(pairs.end(), std::make_move_iterator(some.begin()),
                     std::make_move_iterator(some.end()));
    }
    return pairs;
}

bool wanted(const Pair& pair, const MeasureOptions& options) {
    return pair.min_cpus <= bench::cpus() && (!pair.needs_cpu_time || bench::counts_cpu_time()) &&
           (pair.quick || !options.quick) && pair.name.find(options.only) != std::string::npos;
}

/// Ours and theirs by turns, so that what disturbs one disturbs the other.
Result measure(const Pair& pair, const MeasureOptions& options) {
    std::vector<double> ours;
    std::vector<double> theirs;
    std::vector<double> floors;

    for (int i = 0; i < options.runs; ++i) {
        ours.push_back(pair.cost(xinet::Engine::xinet));
        theirs.push_back(pair.cost(xinet::Engine::sibling));
        if (pair.floor) {
            floors.push_back(pair.floor());
        }
    }
    Result result{options.lane,
                  pair.name,
                  pair.group,
                  pair.unit == "times" ? pair.unit : options.clock + " " + pair.unit,
                  pair.peer_name,
                  bench::median(ours),
                  bench::median(theirs),
                  {},
                  options.runs,
                  pair.axis,
                  pair.x};
    if (pair.floor) {
        result.floor = bench::median(floors);
    }
    return result;
}

/// What cannot be measured is said, and fails the whole; the others go on.
int measure_all(const MeasureOptions& options) {
    int failed = 0;
    for (const Pair& pair : all_pairs()) {
        if (!wanted(pair, options)) {
            continue;
        }
        try {
            fmt::print("{}\n", bench::to_line(measure(pair, options)));
            std::fflush(stdout);
        } catch (const xinet::Error& error) {
            fmt::print(stderr, "xinet-bench: {}: {}\n", pair.name, error.what());
            ++failed;
        }
    }
    return failed == 0 ? 0 : 1;
}

int report(const std::filesystem::path& directory, const std::vector<std::string>& files) {
    std::vector<Result> results;
    for (const std::string& name : files) {
        std::ifstream file(name);
        if (!file) {
            throw xinet::Error("open", name, errno);
        }
        for (std::string line; std::getline(file, line);) {
            results.push_back(bench::from_line(line));
        }
    }
    std::filesystem::create_directories(directory);
    std::ofstream(directory / "latest.json") << bench::to_json(results);
    std::ofstream(directory / "latest.txt") << bench::to_table(results);
    bench::draw_plots(results, directory / "plots");
    fmt::print("{}", bench::to_table(results));
    return results.empty() ? 1 : 0;
}

void profile(const std::string& name, bool ours, const std::string& directory) {
    for (const Pair& pair : all_pairs()) {
        if (pair.name == name) {
            bench::enable_profile(directory);
            pair.cost(ours ? xinet::Engine::xinet : xinet::Engine::sibling);
            return;
        }
    }
    throw xinet::Error("find the pair", name, 0, "xinet-bench list names them");
}

void list() {
    for (const Pair& pair : all_pairs()) {
        fmt::print("{}\n", pair.name);
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("measures what the families cost, in pairs");
    app.require_subcommand(1);

    app.add_subcommand("list", "names of the pairs")->callback(list);

    MeasureOptions options;
    int status = 0;
    CLI::App* measuring = app.add_subcommand("measure", "in a guest; a line of text for each pair");
    measuring->add_option("--lane", options.lane, "what the guest is called")->required();
    measuring->add_option("--clock", options.clock, "what its clock counts");
    measuring->add_option("--runs", options.runs, "of each, by turns")->check(CLI::PositiveNumber);
    measuring->add_option("--only", options.only, "pairs whose name has this in it");
    measuring->add_flag("--quick", options.quick, "the pairs that matter most");

    std::string directory;
    std::vector<std::string> files;
    CLI::App* reporting = app.add_subcommand("report", "latest.json, a table and plots");
    reporting->add_option("directory", directory, "where they go")->required();
    reporting->add_option("files", files, "what guests measured")->required();

    std::string pair;
    std::string side = "xinet";
    CLI::App* profiling = app.add_subcommand("profile", "in a guest of bench/profile");
    profiling->add_option("--pair", pair, "by its whole name")->required();
    profiling->add_option("--side", side, "xinet or peer")->check(CLI::IsMember({"xinet", "peer"}));
    profiling->add_option("directory", directory, "shared with the host")->required();

    CLI::App* counting = app.add_subcommand("count", "what bench/profile has logged, by function");
    counting->add_option("directory", directory, "of the log")->required();

    CLI11_PARSE(app, argc, argv);
    try {
        if (measuring->parsed()) {
            status = measure_all(options);
        } else if (reporting->parsed()) {
            status = report(directory, files);
        } else if (profiling->parsed()) {
            profile(pair, side == "xinet", directory);
        } else if (counting->parsed()) {
            fmt::print("{}", bench::count_by_function(directory));
        }
    } catch (const std::exception& error) {
        fmt::print(stderr, "xinet-bench: {}\n", error.what());
        status = 1;
    }
    return status;
}
