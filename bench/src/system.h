// SPDX-License-Identifier: GPL-2.0-or-later
// What a measurement asks of the guest it runs in: programs, files, a clock.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace bench {

using Nanoseconds = std::chrono::duration<double, std::nano>;

/// Runs a program and waits; throws xinet::Error when it cannot or fails.
void run(const std::vector<std::string>& arguments);

/// Writes @p text into an existing file of /proc or /sys, in one write.
void write_file(const std::string& path, const std::string& text);
std::string read_file(const std::string& path);

/// Time of the guest's clock, which counts instructions under --icount.
std::chrono::steady_clock::time_point now();

int cpus();

/// Whether the kernel counts the CPU time of programs, or samples it by ticks, as
/// User Mode Linux does.
bool counts_cpu_time();

} // namespace bench
