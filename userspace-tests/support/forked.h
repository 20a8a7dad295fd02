// SPDX-License-Identifier: GPL-2.0-or-later
// A process that does something until it is killed.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "fd.h"

namespace xt {

class Forked {
public:
    // A child in the namespaces of the thread calls `function`. It ends with this process.
    template<typename F>
    explicit Forked(F function) : child_(checked(::fork(), "fork")) {
        if (child_ == 0)
            run(function);
    }
    ~Forked() { kill(); }
    Forked(const Forked&) = delete;
    Forked& operator=(const Forked&) = delete;

    // Its status as of waitpid(): SIGKILL, if it had not ended before.
    int kill() {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, &status_, 0);
            child_ = -1;
        }
        return status_;
    }

private:
    template<typename F>
    [[noreturn]] static void run(F function) {
        try {
            checked(::prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
            function();
            ::_exit(0);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s\n", error.what());
            ::_exit(1);
        }
    }

    pid_t child_;
    int status_ = 0;
};

} // namespace xt
