// SPDX-License-Identifier: GPL-2.0-or-later
#include "program.h"

#include "xinet/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace bench {

Nanoseconds cpu_time(pid_t process) {
    clockid_t clock = 0;
    if (const int code = ::clock_getcpuclockid(process, &clock); code != 0) {
        throw xinet::Error("find the CPU clock of", fmt::format("process {}", process), code);
    }
    timespec time{};
    if (::clock_gettime(clock, &time) != 0) {
        throw xinet::Error("read the CPU clock of", fmt::format("process {}", process), errno);
    }
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

pid_t kernel_thread(const std::string& name) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string number = entry.path().filename();
        if (number.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        try {
            if (read_file(entry.path() / "comm") == name + "\n") {
                return std::stoi(number);
            }
        } catch (const xinet::Error&) {
            // it ended meanwhile
        }
    }
    throw xinet::Error("find the thread", name, ESRCH);
}

Program::Program(const std::vector<std::string>& arguments) : line_(arguments.front()) {
    std::vector<char*> argv;
    for (const std::string& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str())); // NOLINT: posix_spawn's type
    }
    argv.push_back(nullptr);

    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw xinet::Error("make a pipe for", line_, errno);
    }
    errors_.reset(ends[0]);
    const xinet::FileDescriptor theirs(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDERR_FILENO);
    const int code = ::posix_spawnp(&process_, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (code != 0) {
        process_ = -1;
        throw xinet::Error("run", line_, code);
    }
}

Program::~Program() {
    if (process_ > 0) {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
}

/// False at the end of what it says.
bool Program::read_more() {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::read(errors_.get(), buffer.data(), buffer.size());
    if (size < 0) {
        throw xinet::Error("read what is said by", line_, errno);
    }
    said_.append(buffer.data(), static_cast<std::size_t>(size));
    return size > 0;
}

void Program::await(const std::string& words) {
    while (said_.find(words) == std::string::npos) {
        if (!read_more()) {
            throw xinet::Error("wait for", line_, 0, "it ended: " + said_);
        }
    }
}

std::string Program::stop() {
    ::kill(process_, SIGINT);
    while (read_more()) {
    }
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
    return said_;
}

} // namespace bench
