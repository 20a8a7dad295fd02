// SPDX-License-Identifier: GPL-2.0-or-later
#include "profile.h"

#include "system.h"

#include "xinet/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace bench {
namespace {

constexpr std::uint64_t profiled_packets = 100;

std::optional<std::filesystem::path> profile_directory; // NOLINT: set once, by main()

/// Tells the host, and waits for its answer.
void rendezvous(const std::string& say, const std::string& answer) {
    std::ofstream(*profile_directory / say).put('\n');
    while (!std::filesystem::exists(*profile_directory / answer)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

struct Symbol {
    std::string address; ///< 16 hexadecimal digits, which sort as numbers do
    std::string name;

    bool operator<(const Symbol& other) const { return address < other.address; }
};

std::ifstream open_input(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file) {
        throw xinet::Error("open", path.string(), errno);
    }
    return file;
}

std::vector<Symbol> read_symbols(const std::filesystem::path& path) {
    std::ifstream file = open_input(path);
    std::vector<Symbol> symbols;
    std::string address;
    std::string type;
    std::string name;
    while (file >> address >> type) {
        std::getline(file, name);
        if (type == "t" || type == "T") {
            const std::size_t start = name.find_first_not_of(" \t");
            symbols.push_back({address, name.substr(start)});
        }
    }
    std::stable_sort(symbols.begin(), symbols.end());
    return symbols;
}

/// "Trace 0: 0x7f.. [00000000/ffffffff81a0b0c0/.../...] name": the second.
std::string program_counter(const std::string& line) {
    const std::size_t first = line.find('/');
    const std::size_t second = line.find('/', first + 1);
    if (!line.starts_with("Trace") || second == std::string::npos) {
        return {};
    }
    return line.substr(first + 1, second - first - 1);
}

const std::string& function_at(const std::vector<Symbol>& symbols, const std::string& address) {
    static const std::string elsewhere = "(user space)";
    const auto next = std::upper_bound(symbols.begin(), symbols.end(), Symbol{address, {}});
    return next == symbols.begin() || address < "8" ? elsewhere : std::prev(next)->name;
}

} // namespace

void enable_profile(const std::filesystem::path& directory) {
    profile_directory = directory;
    std::ofstream(directory / "kallsyms") << read_file("/proc/kallsyms");
}

std::uint64_t packets_to_measure(std::uint64_t wanted) {
    return profile_directory ? std::min(wanted, profiled_packets) : wanted;
}

bool profiling() {
    return profile_directory.has_value();
}

ProfiledStretch::ProfiledStretch(std::uint64_t packets) {
    if (profile_directory) {
        std::ofstream(*profile_directory / "packets") << packets << '\n';
        rendezvous("ready", "go");
    }
}

ProfiledStretch::~ProfiledStretch() {
    if (profile_directory) {
        rendezvous("done", "end");
        profile_directory.reset();
    }
}

std::string count_by_function(const std::filesystem::path& directory) {
    const std::vector<Symbol> symbols = read_symbols(directory / "kallsyms");
    std::ifstream trace = open_input(directory / "trace");
    double packets = 0;
    open_input(directory / "packets") >> packets;
    std::map<std::string, std::uint64_t> counts;
    for (std::string line; std::getline(trace, line);) {
        if (const std::string address = program_counter(line); !address.empty()) {
            ++counts[function_at(symbols, address)];
        }
    }

    std::vector<std::pair<std::string, std::uint64_t>> sorted(counts.begin(), counts.end());
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text = fmt::format("{:>10}  function\n", "per packet");
    for (const auto& [name, count] : sorted) {
        const double each = static_cast<double>(count) / packets;
        if (each >= 0.5) {
            text += fmt::format("{:>10.1f}  {}\n", each, name);
        }
    }
    return text;
}

} // namespace bench
