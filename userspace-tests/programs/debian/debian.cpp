// SPDX-License-Identifier: GPL-2.0-or-later
#include "debian.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/netns.h"

namespace xt {
namespace {

// A socket of /proc/net/tcp or udp that is bound to the port, in a state as written there.
bool has_port_in_state(const std::string& table, uint16_t port, unsigned state) {
    std::ifstream file("/proc/net/" + table);
    for (std::string line; std::getline(file, line);) {
        unsigned number = 0, local_port = 0, now = 0;
        if (std::sscanf(line.c_str(), " %u: %*8x:%4x %*8x:%*4x %2x", &number, &local_port, &now) ==
                3 &&
            local_port == port && now == state)
            return true;
    }
    return false;
}

std::string contents_of(const std::string& path) {
    std::ifstream file(path);
    std::string text;
    std::getline(file, text);
    return text;
}

unsigned module_references() {
    return unsigned(std::stoul(contents_of("/sys/module/xinet/refcnt")));
}

} // namespace

Words operator+(Words first, const Words& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

Words over_xinet(const Words& program) {
    return Words{in_tree("tools/build/xinet"), "run", "--verbose"} + program;
}

Words at_peer(const Words& program) {
    return Words{"ip", "netns", "exec", "peer"} + program;
}

ProgramResult run_program(const Words& words) {
    return BackgroundProgram(words).wait(run_patience);
}

ProgramResult end_by(BackgroundProgram& program, int signal) {
    program.signal(signal);
    return program.wait(run_patience);
}

bool eventually(const std::function<bool()>& condition) {
    constexpr std::chrono::milliseconds moment{50};
    const auto end = std::chrono::steady_clock::now() + state_patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end)
            return false;
        std::this_thread::sleep_for(moment);
    }
    return true;
}

size_t lines_matching(const std::string& text, const std::string& regex) {
    const std::regex wanted(regex);
    std::istringstream lines(text);
    size_t count = 0;
    for (std::string line; std::getline(lines, line);)
        count += std::regex_search(line, wanted);
    return count;
}

bool prints(const BackgroundProgram& program, size_t lines, const std::string& regex) {
    return eventually([&] {
        const ProgramResult result = program.result();
        return lines_matching(result.output, regex) + lines_matching(result.errors, regex) >= lines;
    });
}

std::string last_line(const std::string& text) {
    std::istringstream lines(text);
    std::string last;
    for (std::string line; std::getline(lines, line);)
        last = line;
    return last;
}

bool over_xinet_only(const ProgramResult& result) {
    return lines_matching(result.errors, "-> PF_XINET.*, fd ") > 0 &&
           lines_matching(result.errors, "left as it is") == 0;
}

bool has_socket_in(const std::string& table, pid_t process) {
    Words inodes;
    std::error_code gone; // the descriptor, or the process
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd", gone)) {
        const std::string target = std::filesystem::read_symlink(entry.path(), gone);
        if (target.starts_with("socket:["))
            inodes.push_back(target.substr(8, target.size() - 9));
    }
    std::ifstream file(table);
    for (std::string word; file >> word;)
        if (std::find(inodes.begin(), inodes.end(), word) != inodes.end())
            return true;
    return false;
}

ModuleReferences::ModuleReferences() : before_(module_references()) {}

bool ModuleReferences::more() const {
    return module_references() > before_;
}

bool ModuleReferences::released() const {
    return eventually([this] { return module_references() <= before_; });
}

bool listens_on_tcp(uint16_t port) {
    return eventually([=] { return has_port_in_state("tcp", port, 0x0a); }); // TCP_LISTEN
}

bool receives_on_udp(uint16_t port) {
    return eventually([=] { return has_port_in_state("udp", port, 0x07); }); // TCP_CLOSE
}

const Amount& amount() {
    static constexpr Amount full{1000, 64, "64M", "4M", 10'000};
    static constexpr Amount small{100, 8, "8M", "1M", 1000};
    const char* const size = std::getenv("XINET_PROGRAMS");
    return size && std::string(size) == "small" ? small : full;
}

ScratchDirectory::ScratchDirectory() : path_("/tmp/programs-XXXXXX") {
    if (!::mkdtemp(path_.data()))
        throw std::system_error(errno, std::generic_category(), "mkdtemp");
    std::filesystem::permissions(path_, std::filesystem::perms(0755)); // servers drop privileges
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void write_random(const std::string& path, size_t size) {
    std::ifstream source("/dev/urandom", std::ios::binary);
    std::ofstream target(path, std::ios::binary);
    std::vector<char> piece(1 << 16);
    for (size_t left = size; left > 0;) {
        const size_t now = std::min(left, piece.size());
        if (!source.read(piece.data(), std::streamsize(now)) ||
            !target.write(piece.data(), std::streamsize(now)))
            throw std::runtime_error("cannot write " + path);
        left -= now;
    }
}

std::string describe(const Run& run) {
    std::string text;
    for (const auto& [name, result] : run.programs)
        text += name + ": " + describe(result);
    return text;
}

const Run& AfterRun::once(const std::string& name, const std::function<Run()>& act) {
    static std::map<std::string, Run> runs;
    const auto known = runs.find(name);
    return known == runs.end() ? runs.emplace(name, act()).first->second : known->second;
}

} // namespace xt
