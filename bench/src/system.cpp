// SPDX-License-Identifier: GPL-2.0-or-later
#include "system.h"

#include "xinet/error.h"
#include "xinet/file_descriptor.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace bench {

void run(const std::vector<std::string>& arguments) {
    std::vector<char*> argv;
    std::string line;
    for (const std::string& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str())); // NOLINT: posix_spawn's type
        line += (line.empty() ? "" : " ") + argument;
    }
    argv.push_back(nullptr);

    pid_t child = 0;
    const int code = ::posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environ);
    if (code != 0) {
        throw xinet::Error("run", line, code);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            throw xinet::Error("wait for", line, errno);
        }
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw xinet::Error("run", line, 0, "it failed, see above");
    }
}

void write_file(const std::string& path, const std::string& text) {
    const xinet::FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) {
        throw xinet::Error("open", path, errno);
    }
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        throw xinet::Error("write '" + text + "' to", path, errno);
    }
}

std::string read_file(const std::string& path) {
    const std::ifstream file(path);
    if (!file) {
        throw xinet::Error("open", path, errno);
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::chrono::steady_clock::time_point now() {
    return std::chrono::steady_clock::now();
}

int cpus() {
    return static_cast<int>(std::thread::hardware_concurrency());
}

bool counts_cpu_time() {
    using std::chrono::milliseconds;
    constexpr milliseconds busy{2};
    const auto used = [] {
        timespec time{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    };
    static const bool counts = [&] {
        const auto before = used();
        for (const auto start = now(); now() - start < busy;) {
        }
        const auto taken = used() - before;
        return taken > busy / 2 && taken < 2 * busy;
    }();
    return counts;
}

} // namespace bench
