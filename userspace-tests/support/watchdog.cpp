// SPDX-License-Identifier: GPL-2.0-or-later
#include "watchdog.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace xt {
namespace {

constexpr unsigned patience = 400; // seconds; the longest take one minute on a busy machine

constexpr const char* tell_threads = "for task in /proc/$PPID/task/*; do"
                                     " echo \"thread ${task##*/}, $(cat $task/comm), system call"
                                     " $(cat $task/syscall), in $(cat $task/wchan)\";"
                                     " cat $task/stack;"
                                     " done 2>/dev/null";

// As gtest says it of a failed test. Written by the test's start, read by the signal's handler.
char verdict[256];

// Only what a signal handler may do.
void end_hung_test(int) {
    const ssize_t written = ::write(STDOUT_FILENO, verdict, std::strlen(verdict));
    const pid_t child = written < 0 ? -1 : ::fork();
    if (child == 0) {
        ::execl("/bin/sh", "sh", "-c", tell_threads, nullptr);
        ::_exit(EXIT_FAILURE);
    }
    if (child > 0)
        ::waitpid(child, nullptr, 0);
    ::_exit(EXIT_FAILURE);
}

class Watchdog : public testing::EmptyTestEventListener {
    void OnTestStart(const testing::TestInfo& test) override {
        std::snprintf(verdict, sizeof(verdict), "\nit hangs\n[  FAILED  ] %s.%s\n",
                      test.test_suite_name(), test.name());
        ::alarm(patience);
    }
    void OnTestEnd(const testing::TestInfo&) override { ::alarm(0); }
};

} // namespace

void watch_tests() {
    std::signal(SIGALRM, end_hung_test);
    testing::UnitTest::GetInstance()->listeners().Append(new Watchdog);
}

} // namespace xt
