// SPDX-License-Identifier: GPL-2.0-or-later
// A program that runs beside the measurement, and how much of the CPU it takes.
#pragma once

#include "system.h"

#include "xinet/file_descriptor.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace bench {

/// CPU time that a process, or a thread of the kernel, has taken so far.
Nanoseconds cpu_time(pid_t process);

/// The thread of the kernel with that name; throws xinet::Error without one.
pid_t kernel_thread(const std::string& name);

/// Killed with the object.
class Program {
public:
    explicit Program(const std::vector<std::string>& arguments);
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program();

    pid_t process() const noexcept { return process_; }

    /// Waits until it has said @p words on stderr; throws xinet::Error when it
    /// ends before.
    void await(const std::string& words);

    /// Sends SIGINT, and waits for the end; all that it said on stderr.
    std::string stop();

private:
    bool read_more();

    std::string line_;
    pid_t process_ = -1;
    xinet::FileDescriptor errors_;
    std::string said_;
};

} // namespace bench
